import ast
import os
import subprocess
import sys
from collections import Counter
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
        ("pyrefly", ("check",), "the types are sound"),
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


def test_no_file_and_no_class_of_the_library_has_another_ones_name() -> None:
    """The modules of the command line are named after their commands, and so are apart."""
    paths = [path for path in (ROOT / "stockjax").rglob("*.py") if path.name != "__init__.py"]
    files = Counter(path.name for path in paths if path.parent.name != "cli")
    nodes = (node for path in paths for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    classes = Counter(node.name for node in nodes if isinstance(node, ast.ClassDef))
    assert [name for name, count in [*files.items(), *classes.items()] if count > 1] == []
