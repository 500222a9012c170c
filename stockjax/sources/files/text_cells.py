"""Text files as tables of cells: encoding, separator, and lines before the table."""

import csv
import io
import re
from dataclasses import dataclass

import charset_normalizer
import pandas as pd

from stockjax.errors import InvalidDataError
from stockjax.sources.files.headings import find_table

SEPARATORS = (",", ";", "\t", "|")
LONGEST_LINE = 1024 * 1024
HEAD_LINES = 60
"""So many lines are looked at to find the headings."""

_HEAD_BYTES = 256 * 1024
_BYTE_ORDER_MARKS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
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
    lines = [line for line in head.splitlines() if line.strip()][:HEAD_LINES]
    if not lines:
        raise InvalidDataError("it is empty; fill or remove it")
    shape = _shape(lines)
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
    return cells.fillna("")


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
        return _shape_of(_cut(lines[1:], stated[1]), stated[1])
    best, best_rank = _Shape(",", 1, False), (-1, -1)
    for separator in SEPARATORS:
        rows = _cut(lines, separator)
        table = find_table(rows)
        usual = max(map(len, rows), default=0)
        even = sum(len(row) == usual for row in rows[len(rows) // 2 :]) if usual > 1 else 0
        rank = (len(table.roles) if table else 0, even)
        if rank > best_rank:
            best, best_rank = _shape_of(rows, separator), rank
    return best


def _shape_of(rows: list[list[str]], separator: str) -> _Shape:
    # A space after each comma belongs to the separator, and a quote after it opens a cell.
    spaced = any(cell.startswith(' "') for row in rows for cell in row[1:])
    return _Shape(separator, max(map(len, rows), default=1), spaced)


def _cut(lines: list[str], separator: str) -> list[list[str]]:
    try:
        return list(csv.reader(lines, delimiter=separator))
    except csv.Error:
        return [line.split(separator) for line in lines]


def _reason(error: Exception) -> str:
    """What was wrong, in the words of a table rather than of its parser."""
    text = " ".join(str(error).split())
    if found := re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", text):
        return f"line {found[2]} has {found[3]} cells, the lines before it {found[1]}; correct or remove it"
    if "EOF inside string" in text:
        return "a quotation mark is opened and never closed; correct or remove it"
    return f"it is not a readable price file ({text}); correct or remove it"
