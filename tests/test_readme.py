"""The README keeps up with the code."""

import re
from pathlib import Path

import pytest
import typer.main

from stockjax.cli.main import app
from stockjax.settings import Settings, setting_names

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", list(setting_names(Settings)))
def test_every_setting_is_explained(name: str) -> None:
    assert f"| `{name}` |" in README


@pytest.mark.parametrize("command", sorted(typer.main.get_command(app).commands))  # type: ignore[attr-defined]
def test_every_command_is_named(command: str) -> None:
    assert f"stockjax {command}" in README


@pytest.mark.parametrize("target", ["forecast", "server", "worker", "test", "soak", "lint", "lock", "bench"])
def test_every_make_target_is_named(target: str) -> None:
    assert f"make {target}" in README


# This machine, and a name that is nobody's (RFC 2606).
ALLOWED_HOSTS = {"127.0.0.1", "hooks.example.com"}
DOCUMENTS = [
    "README.md",
    "requirements.lock",
    "warehouse/README.md",
    "bench/README.md",
    "docs/model.md",
    "docs/drift.md",
]


@pytest.mark.parametrize("name", [*DOCUMENTS, "docs/operations.md"])
def test_no_host_of_a_registry_is_named(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    hosts = {address.rpartition("@")[2].split(":")[0] for address in re.findall(r"://([^/\s\"`)]+)", text)}
    assert hosts <= ALLOWED_HOSTS
