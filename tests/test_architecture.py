import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
CODE = ("stockjax", "flows", "tests", "bench", "docs")


@pytest.mark.parametrize(
    ("tool", "arguments", "promise"),
    [
        ("lint-imports", (), "data goes one way and every heavy library has one owner"),
        ("ruff", ("check", *CODE), "the code has no lint"),
        ("ruff", ("format", "--check", *CODE), "the code is formatted"),
        ("mypy", (), "the types are sound"),
    ],
    ids=["imports", "lint", "format", "types"],
)
def test_the_code_keeps_its_promises(tool: str, arguments: tuple[str, ...], promise: str) -> None:
    program = BIN / tool
    assert program.exists(), f"{program} is missing: install the dependency group 'dev'"
    done = subprocess.run(
        [program, *arguments],
        cwd=ROOT,
        env=os.environ | {"NO_COLOR": "1", "PYTHONWARNINGS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    command = " ".join([tool, *arguments])
    assert done.returncode == 0, f"`{command}` does not find that {promise}:\n{done.stdout}{done.stderr}"
