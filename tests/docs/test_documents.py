"""The documentation: generated pages are current, links and blocks are sound, the site builds strictly."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from stockjax.settings import load_settings
from stockjax.sources.files.known_formats import known_formats
from tests.support.documents import DOCUMENTS, ROOT, Block, blocks, commands

NOT_RUN = 20
"""Blocks that may be marked as not run."""

# This machine, and a reserved name (RFC 2606).
ALLOWED_HOSTS = {"127.0.0.1", "hooks.example.com", "ADDRESS"}


@pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="signatures are printed differently by each Python"
)
def test_the_generated_pages_are_current(tmp_path: Path) -> None:
    subprocess.run([sys.executable, ROOT / "docs/generate.py", "--to", tmp_path], check=True)
    pages = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
    assert len(pages) == 7
    for name in pages:
        stored = (ROOT / name).read_text(encoding="utf-8")
        assert stored == (tmp_path / name).read_text(encoding="utf-8"), f"{name} is not current: make docs"


def test_the_readme_is_short() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 150
    assert [line for line in lines if len(line) > 110] == []


@pytest.mark.parametrize("name", [*DOCUMENTS, "warehouse/README.md", "requirements.lock"])
def test_no_host_of_a_registry_is_named(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    hosts = _hosts(text)
    # The page of price files names those who write them.
    written = "\n".join(f"{entry.source}\n{entry.example}" for entry in known_formats())
    assert hosts <= ALLOWED_HOSTS | (_hosts(written) if name == "docs/formats.md" else set())


def _hosts(text: str) -> set[str]:
    places = re.findall(r"://([^/\s\"`,)]+)", text)
    return {place.rpartition("@")[2].split(":")[0].rstrip(".") for place in places}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_to_a_file_leads_to_one(name: str) -> None:
    folder = (ROOT / name).parent
    text = (ROOT / name).read_text(encoding="utf-8")
    targets = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text)]
    assert [each for each in targets if each and "://" not in each and not (folder / each).exists()] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_file_that_is_named_exists(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    named = re.findall(r"`((?:stockjax|flows|tests|docs|bench)/[\w./*-]+)`", text)
    # NNNN stands for the number of a migration yet to be written.
    assert [each for each in named if "NNNN" not in each and not list(ROOT.glob(each.rstrip("/")))] == []


def test_the_site_builds_strictly(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONWARNINGS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "reference/settings.html").exists()


def test_few_blocks_are_not_run_and_each_says_why() -> None:
    left_out = [block for block in blocks("console", "python") if block.reason is not None]
    assert all(len(str(block.reason)) > 10 for block in left_out)
    assert len(left_out) <= NOT_RUN, [block.name for block in left_out]


@pytest.mark.parametrize("block", blocks("console"), ids=lambda block: block.name)
def test_every_command_can_be_parsed_and_names_something_that_exists(block: Block) -> None:
    make = re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for command, _ in commands(block):
        words = shlex.split(command, comments=True)
        assert words
        if words[0] == "make":
            assert words[1] in make
        if words[0].startswith((".venv", "bench")):
            assert all((ROOT / word).exists() for word in words if word.startswith("bench/")), command


@pytest.mark.parametrize("block", blocks("toml"), ids=lambda block: block.name)
def test_every_toml_block_is_a_settings_file_or_entry_points(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = tomllib.loads(block.text)
    if block.reason is not None:
        return
    if "project" in values:
        assert set(values["project"]["entry-points"]) <= {"stockjax.sources", "stockjax.features"}
        return
    file = tmp_path / "stockjax.toml"
    file.write_text(block.text, encoding="utf-8")
    monkeypatch.setenv("STOCKJAX_CONFIG", str(file))
    assert load_settings()


def test_every_yaml_and_python_block_can_be_parsed() -> None:
    for block in blocks("yaml"):
        assert yaml.safe_load(block.text)
    for block in blocks("python"):
        compile(block.text, block.name, "exec")


def test_every_language_is_one_that_a_test_knows() -> None:
    languages = {
        block.language for name in DOCUMENTS for block in blocks("", "bash", "sh", "sql", "json") if name
    }
    assert languages == set()
