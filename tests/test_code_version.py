import subprocess
import sys
from pathlib import Path

import pytest

import stockjax
from stockjax import code_version as module
from stockjax.code_version import DEFINE_NUMBERS, code_version

CODE = '''"""What it does."""

FACTOR = 2
"""A number."""


def twice(x: float) -> float:
    """Twice x."""
    # Because.
    return FACTOR * x  # so
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of its own whose version can be asked for again and again."""
    root = tmp_path / "package"
    for folder in ("engine", "features", "cli", "warehouse/sql/statements"):
        (root / folder).mkdir(parents=True)
    (root / "code_version.py").write_text("", encoding="utf-8")
    (root / "engine" / "step.py").write_text(CODE, encoding="utf-8")
    (root / "cli" / "main.py").write_text(CODE, encoding="utf-8")
    (root / "warehouse/sql/statements/known_prices.sql").write_text("-- All.\nSELECT 1\n", encoding="utf-8")
    monkeypatch.setattr(module, "__file__", str(root / "code_version.py"))
    return root


def version() -> str:
    return code_version.__wrapped__()


def test_it_is_the_release_and_a_fingerprint() -> None:
    release, fingerprint = code_version().split("+")
    assert release == stockjax.__version__
    assert len(fingerprint) == 12
    assert int(fingerprint, 16) >= 0


def test_what_defines_numbers_is_there() -> None:
    assert [name for name in DEFINE_NUMBERS if not (Path(stockjax.__file__).parent / name).exists()] == []


def test_every_installation_of_the_same_code_says_the_same() -> None:
    lines = subprocess.run(
        [sys.executable, "-c", "from stockjax.code_version import code_version; print(code_version())"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert lines.stdout.strip() == code_version()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("What it does.", "What else it does."),
        ("A number.", "The number."),
        ("Twice x.", "Twice x,\n    and\n\n    no more."),
        ("# Because.", "# Why not."),
        ("# so", ""),
        ("\n\n\n", "\n\n\n\n"),
    ],
)
def test_words_about_the_code_do_not_change_it(package: Path, old: str, new: str) -> None:
    before = version()
    path = package / "engine" / "step.py"
    assert old in CODE
    path.write_text(CODE.replace(old, new), encoding="utf-8")
    assert version() == before
    statement = package / "warehouse/sql/statements/known_prices.sql"
    statement.write_text("-- All of them.\n\nSELECT 1\n", encoding="utf-8")
    assert version() == before


@pytest.mark.parametrize(("old", "new"), [("FACTOR = 2", "FACTOR = 3"), ("* x", "+ x"), ("twice", "double")])
def test_code_that_defines_numbers_does(package: Path, old: str, new: str) -> None:
    before = version()
    (package / "engine" / "step.py").write_text(CODE.replace(old, new), encoding="utf-8")
    assert version() != before


def test_a_number_in_a_statement_does(package: Path) -> None:
    before = version()
    (package / "warehouse/sql/statements/known_prices.sql").write_text("SELECT 2", encoding="utf-8")
    assert version() != before


def test_moving_and_adding_a_file_does(package: Path) -> None:
    before = version()
    (package / "engine" / "step.py").rename(package / "engine" / "steps.py")
    moved = version()
    (package / "features" / "more.py").write_text("x = 1", encoding="utf-8")
    assert len({before, moved, version()}) == 3


def test_what_only_shows_numbers_does_not(package: Path) -> None:
    before = version()
    (package / "cli" / "main.py").write_text("print('something else')", encoding="utf-8")
    (package / "engine" / "__pycache__").mkdir()
    (package / "engine" / "__pycache__" / "x.cpython-311.pyc").write_bytes(b"compiled")
    (package / "engine" / "notes.txt").write_text("nothing", encoding="utf-8")
    assert version() == before
