"""Text files as tables of cells: encoding, separator, and lines before the table."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

import charset_normalizer
import pandas as pd

from stockjax.errors import InvalidDataError
from stockjax.sources.files.headings import find_table
from stockjax.sources.files.line_layouts import (
    HEAD_LINES,
    are_quoted,
    cut_lines,
    is_aligned,
    tabbed,
    unquoted,
)

SEPARATORS = (",", ";", "\t", "|")
RARE_SEPARATORS = ("~", "^", "\x01")
"""Tried where no other cuts a line into headings of prices."""
LONGEST_LINE = 1024 * 1024

_HEAD_BYTES = 256 * 1024
_BYTE_ORDER_MARKS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
_AS_TEXT = {r'^="(.*)"$': r"\1", r"^'([^']*)'?$": r"\1"}
"""How spreadsheets write a cell that is text: `="2013-03-01"`, or with an apostrophe in front."""
_MARKED = re.compile(r"""(?:^|[,;\t|"])(?:="|')""", re.MULTILINE)
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?', re.IGNORECASE)


@dataclass(frozen=True)
class _Shape:
    """How a text is cut into cells."""

    separator: str
    columns: int
    spaced: bool


def read_text_cells(content: bytes) -> pd.DataFrame:
    """The cells of a text file, as text, in columns that are numbered from 0; preface and headings included.

    Raises
    ------
    InvalidDataError
        The file is empty, has a line longer than a mebibyte, is no text, or has a row of more cells than its
        headings.

    Example
    -------
    >>> read_text_cells(b"Date;Close\\n2013-03-01;430.47\\n").iloc[1].tolist()
    ['2013-03-01', '430.47']

    """
    encoding = _encoding(content)
    if encoding.startswith(("utf-16", "utf-32")):
        content, encoding = content.decode(encoding, errors="strict").encode(), "utf-8"
    _refuse_long_lines(content)
    head = content[:_HEAD_BYTES].decode(encoding, errors="replace").lstrip("\ufeff")
    if "\x00" in head:
        raise InvalidDataError("it has NUL characters where text should be; save it again as CSV")
    lines = _first_lines(head)
    if not lines:
        raise InvalidDataError("it is empty; fill or remove it")
    shape = _shape(lines)
    if rewritten := unquoted if are_quoted(lines) else tabbed if shape.separator == " " else None:
        text = rewritten(content.decode(encoding, errors="replace").lstrip("\ufeff"))
        content, encoding = text.encode(), "utf-8"
        shape = _shape(_first_lines(text))
    try:
        cells = pd.read_csv(
            io.BytesIO(content),
            sep=shape.separator,
            header=None,
            names=list(range(shape.columns)),
            index_col=False,
            dtype=object,
            keep_default_na=False,
            na_filter=False,
            skip_blank_lines=True,
            skipinitialspace=shape.spaced,
            encoding=encoding,
            encoding_errors="replace",
            on_bad_lines="error",
        )
    except (ValueError, OverflowError) as error:
        raise InvalidDataError(_reason(error)) from error
    cells = cells.fillna("")
    return cells.replace(_AS_TEXT, regex=True) if _MARKED.search(head) else cells


def _first_lines(text: str) -> list[str]:
    return [line for line in text[:_HEAD_BYTES].splitlines() if line.strip()][:HEAD_LINES]


def _encoding(content: bytes) -> str:
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if content.startswith(mark):
            return encoding
    head = content[:_HEAD_BYTES]
    # UTF-16 without its mark has a zero in every second byte of plain text.
    if head[1::2].count(0) > len(head) / 4:
        return "utf-16-le"
    if head[::2].count(0) > len(head) / 4:
        return "utf-16-be"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        found = charset_normalizer.from_bytes(
            content[max(0, error.start - 4096) : error.start + _HEAD_BYTES]
        ).best()
        if found is None:
            raise InvalidDataError(
                f"byte {error.start + 1} is no text in any known encoding; save the file as UTF-8"
            ) from error
        return found.encoding
    return "utf-8"


def _refuse_long_lines(content: bytes) -> None:
    for start in range(0, len(content) - LONGEST_LINE, LONGEST_LINE):
        refuse_long_line(content[start : start + LONGEST_LINE])


def refuse_long_line(block: bytes) -> None:
    """Refuse a mebibyte of text without the end of a line.

    Raises
    ------
    InvalidDataError
        It has none.

    """
    if len(block) == LONGEST_LINE and b"\n" not in block and b"\r" not in block:
        raise InvalidDataError("it has a line of more than a mebibyte, which no table of prices has")


def _shape(lines: list[str]) -> _Shape:
    """The separator with which the lines have the headings of prices; else the one that cuts them evenly."""
    if stated := _SEPARATOR_LINE.fullmatch(lines[0].strip()):
        return _shape_of(cut_lines(lines[1:], stated[1]), stated[1])
    best, headings = _best_of(SEPARATORS, lines)
    if headings:
        return best
    if is_aligned(lines):
        return _Shape(" ", best.columns, False)
    rare, headings = _best_of(RARE_SEPARATORS, lines)
    return rare if headings else best


def _best_of(separators: Sequence[str], lines: list[str]) -> tuple[_Shape, int]:
    """The separator that cuts lines into headings of prices, else evenly, and how many headings it finds."""
    best, best_rank = _Shape(",", 1, False), (-1, -1, -1)
    for separator in separators:
        rows = cut_lines(lines, separator)
        table = find_table(rows)
        lengths = [len(row) for row in rows]
        usual = max(lengths, default=0)
        as_first = lengths.count(lengths[0]) if lengths[0] > 1 else 0
        even = lengths[len(rows) // 2 :].count(usual) if usual > 1 else 0
        rank = (len(table.roles) if table else 0, as_first, even)
        if rank > best_rank:
            best, best_rank = _shape_of(rows, separator), rank
    return best, best_rank[0]


def _shape_of(rows: list[list[str]], separator: str) -> _Shape:
    # A space after each comma belongs to the separator, and a quote after it opens a cell.
    spaced = any(cell.startswith(' "') for row in rows for cell in row[1:])
    return _Shape(separator, max(map(len, rows), default=1), spaced)


def _reason(error: Exception) -> str:
    """What was wrong, in the words of a table rather than of its parser."""
    text = " ".join(str(error).split())
    if found := re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", text):
        return f"line {found[2]} has {found[3]} cells, the lines before it {found[1]}; correct or remove it"
    if "EOF inside string" in text:
        return "a quotation mark is opened and never closed; correct or remove it"
    return f"it is not a readable price file ({text}); correct or remove it"
