import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

import stockjax
from stockjax import code_version as module
from stockjax.code_version import code_version


def independent(root: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted([*root.rglob("*.py"), *root.rglob("*.sql")]):
        digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of its own whose version can be asked for again and again."""
    root = tmp_path / "package"
    (root / "sql").mkdir(parents=True)
    (root / "code_version.py").write_text("# here", encoding="utf-8")
    (root / "sql" / "one.sql").write_text("SELECT 1", encoding="utf-8")
    monkeypatch.setattr(module, "__file__", str(root / "code_version.py"))
    return root


def test_it_is_the_release_and_a_fingerprint_of_the_sources() -> None:
    release, fingerprint = code_version().split("+")
    assert release == stockjax.__version__
    assert fingerprint == independent(Path(stockjax.__file__).parent)


def test_every_installation_of_the_same_code_says_the_same() -> None:
    told = subprocess.run(
        [sys.executable, "-c", "from stockjax.code_version import code_version; print(code_version())"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == code_version()


@pytest.mark.parametrize(
    ("name", "content"),
    [("code_version.py", "# there"), ("sql/one.sql", "SELECT 2"), ("new.py", ""), ("sql/new.sql", "")],
)
def test_any_change_of_the_code_changes_it(package: Path, name: str, content: str) -> None:
    before = code_version.__wrapped__()
    (package / name).write_text(content, encoding="utf-8")
    assert code_version.__wrapped__() != before


def test_moving_a_file_changes_it(package: Path) -> None:
    before = code_version.__wrapped__()
    (package / "sql" / "one.sql").rename(package / "sql" / "two.sql")
    assert code_version.__wrapped__() != before


def test_what_running_leaves_behind_does_not_change_it(package: Path) -> None:
    before = code_version.__wrapped__()
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "x.cpython-311.pyc").write_bytes(b"compiled")
    (package / "notes.txt").write_text("nothing", encoding="utf-8")
    assert code_version.__wrapped__() == before
