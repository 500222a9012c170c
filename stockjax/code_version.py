"""What code produced a number: the release and a fingerprint of the sources that define numbers."""

import ast
import hashlib
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from stockjax import __version__

DEFINE_NUMBERS = (
    *("baselines", "engine", "features", "forecasting", "model", "quality", "training"),
    *("distribution.py", "sessions.py", "warehouse/sql/statements/known_prices.sql"),
)
"""Folders and files of the package that a forecast depends on."""


@cache
def code_version() -> str:
    """The release, then twelve hex digits over the code that defines numbers.

    Comments, docstrings and empty lines do not count, and neither do modules that only show, store or
    schedule. Two installations print the same text exactly when they compute by the same code, with or
    without a version-control checkout at hand.
    """
    root = Path(__file__).parent
    digest = hashlib.sha256()
    for path in _sources(root):
        digest.update(f"{path.relative_to(root).as_posix()}\n{plain_code(path)}\n".encode())
    return f"{__version__}+{digest.hexdigest()[:12]}"


def plain_code(path: Path) -> str:
    """The lines of a Python or SQL file without comments, docstrings, empty lines and trailing blanks.

    Raises
    ------
    SyntaxError
        The Python file cannot be parsed.

    """
    text = path.read_text(encoding="utf-8")
    lines = _without_comments_of_sql(text) if path.suffix == ".sql" else _without_words_of_python(text)
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _sources(root: Path) -> list[Path]:
    found: set[Path] = set()
    for name in DEFINE_NUMBERS:
        place = root / name
        found |= set(place.rglob("*.py")) if place.is_dir() else {place}
    return sorted(path for path in found if path.exists())


def _without_comments_of_sql(text: str) -> list[str]:
    return [re.sub(r"^\s*--.*", "", line) for line in text.splitlines()]


def _without_words_of_python(text: str) -> list[str]:
    lines = text.splitlines()
    for first, last in _docstrings(text):
        for number in range(first, last + 1):
            lines[number - 1] = ""
    if not any("#" in line for line in lines):
        return lines
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            number, column = token.start
            lines[number - 1] = lines[number - 1][:column]
    return lines


def _docstrings(text: str) -> Iterator[tuple[int, int]]:
    """First and last line of every string that is a statement: docstrings, and what is said of constants."""
    for node in ast.walk(ast.parse(text)):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            yield node.lineno, node.end_lineno or node.lineno
