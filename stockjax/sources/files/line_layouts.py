"""Lines of a text as cells, and texts that are rewritten first: quoted line by line, or aligned by spaces."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence

from stockjax.sources.files.headings import find_table
from stockjax.sources.files.known_formats import PRICES

_SHARE = 0.5
"""More of the lines of an aligned table have as many cells as its headings, or one more."""
HEAD_LINES = 60
"""So many lines are looked at to find the headings."""


def cut_lines(lines: Iterable[str], separator: str) -> list[list[str]]:
    """Cut lines into cells, of which some may be quoted.

    Example
    -------
    >>> cut_lines(['"1,5";2'], ";")
    [['1,5', '2']]

    """
    lines = list(lines)
    try:
        return list(csv.reader(lines, delimiter=separator, skipinitialspace=separator == " "))
    except csv.Error:
        return [line.split(separator) for line in lines]


def are_quoted(lines: Sequence[str]) -> bool:
    """Whether each line is one quoted cell, as a spreadsheet saves a table of one column.

    Example
    -------
    >>> are_quoted(['"Date,Close"', '"2013-03-01,430.47"'])
    True
    >>> are_quoted(['"Date","Close"', '"2013-03-01","430.47"'])
    False

    """
    if not all(line.startswith('"') for line in lines):
        return False
    rows = cut_lines(lines, ",")
    return all(len(row) == 1 for row in rows) and any(sign in row[0] for row in rows for sign in ",;\t")


def unquoted(text: str) -> str:
    """A text without the quotes around each of its lines.

    Example
    -------
    >>> unquoted('"Date,Close"')
    'Date,Close'

    """
    return "\n".join(row[0] for line in io.StringIO(text) for row in cut_lines([line.strip()], ",") if row)


def is_aligned(lines: Sequence[str]) -> bool:
    """Whether spaces set cells apart, under headings with all four prices.

    Example
    -------
    >>> is_aligned(["Date Open High Low Close", "2013-03-01  438.00 438.18 429.98 430.47"])
    True

    """
    rows = _cut_at_spaces(lines)
    table = find_table(rows)
    if table is None or not set(PRICES) <= table.roles:
        return False
    headings = max(map(len, rows[: table.first]))
    below = rows[table.first :]
    return sum(len(row) - headings in (0, 1) for row in below) > _SHARE * len(below)


def tabbed(text: str) -> str:
    """An aligned text with tabs between its cells.

    R and pandas write the names of rows without a heading above them; an empty one is added.

    Example
    -------
    >>> tabbed("Open  High\\n1    2.0   3.0\\n")
    '\\tOpen\\tHigh\\n1\\t2.0\\t3.0'

    """
    lines = io.StringIO(text)
    first = _cut_at_spaces([line for line, _ in zip(lines, range(HEAD_LINES), strict=False)])
    usual = max(Counter(map(len, first[1:])).items(), key=lambda each: each[::-1])[0] if first[1:] else 0
    lines.seek(0)
    rewritten = []
    for line in lines:
        for row in _cut_at_spaces([line]):
            named = len(row) == usual - 1 and not any(map(str.isdigit, "".join(row)))
            rewritten.append("\t".join(cell.replace("\t", " ") for cell in ([""] if named else []) + row))
    return "\n".join(rewritten)


def _cut_at_spaces(lines: Sequence[str]) -> list[list[str]]:
    return [row for row in cut_lines((line.strip() for line in lines), " ") if row]
