"""The table of known price files: what headings mean, who writes them, and how files are named."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

PRICES = ("open", "high", "low", "close")
NUMBERS = (*PRICES, "adj_close", "volume", "dividend", "split", "price_factor")
"""Meanings of columns that hold numbers."""

_LEADING_NUMBER = re.compile(r"^\d+[a-z]?[.)]\s+")
_REPEATED = re.compile(r"^(.+)[.](\d+)$")
_COPY = re.compile(r"Copy of (?P<of>.+)|(?P<rest>.+?)(?: ?\(\d+\)| - Copy(?: \(\d+\))?| copy(?: \d+)?)")
_ADJUSTED_CLOSE = re.compile(
    r"\badj\w*\b.*\b(?:close|closing|price|last)\b|\b(?:close|closing|price|last)\b.*\badj\w*\b"
)


@dataclass(frozen=True)
class KnownFormat:
    """An entry of `formats.toml`.

    Attributes
    ----------
    headings
        The plain headings of its example; empty where a file has none.
    columns
        Meanings that differ from the table of headings: plain heading to meaning.
    layout
        Meanings of the columns from the left, where a file has no headings.
    dates
        A pattern that the dates of such a file have.
    adjusted
        Whether its closes are adjusted for dividends and splits, although it lists them.
    negative_prices
        Whether the sign of a price has a meaning other than its size.
    written_zone
        Whether its times are of the zone that its heading names, and its days those that are written.
    price_scale, volume_scale
        What its prices and volumes are multiplied by.

    """

    name: str
    source: str
    example: str
    headings: frozenset[str] = frozenset()
    columns: Mapping[str, str] = field(default_factory=dict)
    layout: tuple[str, ...] = ()
    dates: str = ""
    adjusted: bool = False
    negative_prices: bool = False
    written_zone: bool = False
    price_scale: float = 1.0
    volume_scale: float = 1.0


PLAIN = KnownFormat("a table with headings", "", "")
"""A table whose headings are known, though not as those of a vendor."""


def plain(heading: str) -> str:
    """A heading without case, punctuation and the number that some vendors put before it.

    Example
    -------
    >>> [plain(text) for text in ("<CLOSE>", "4. close", "Adj Close**", "PX_LAST", "Close/Last")]
    ['close', 'close', 'adj close', 'px last', 'close last']

    """
    text = _LEADING_NUMBER.sub("", heading.strip().strip("\ufeff\"'").lower())
    return " ".join(re.sub(r"[\s_./<>*()\[\]$-]+", " ", text).split())


@cache
def known_formats() -> tuple[KnownFormat, ...]:
    """All entries of the table, in its order."""
    return tuple(_entry(entry) for entry in _table()["format"])


@cache
def meanings() -> Mapping[str, tuple[str, ...]]:
    """For each meaning the plain headings that have it, the best first."""
    return {meaning: tuple(map(plain, headings)) for meaning, headings in _table()["headings"].items()}


@cache
def words(kind: str) -> frozenset[str]:
    """Plain words next to the heading of a price that are no tickers, by kind; see `formats.toml`."""
    return frozenset(map(plain, _table()["words"][kind]))


@cache
def all_headings() -> frozenset[str]:
    """Every plain heading that has a meaning, in any format."""
    usual = {heading for headings in meanings().values() for heading in headings}
    return frozenset(usual.union(*(entry.columns for entry in known_formats())))


def is_adjusted_close(heading: str) -> bool:
    """Whether a plain heading can only be that of adjusted closes, though no table has it."""
    return bool(_ADJUSTED_CLOSE.search(heading))


def without_repetition(heading: str) -> str:
    """A heading without the number that pandas gives to the second of its name: `Close.1` is `Close`."""
    found = _REPEATED.fullmatch(heading.strip())
    return found[1] if found else heading


def ticker_of_file(stem: str) -> str:
    """The ticker that a file is named after, as its vendor names files.

    Example
    -------
    >>> [ticker_of_file(stem) for stem in ("AAPL", "AAPL (1)", "daily_AAPL", "aapl_us_d", "7203.T")]
    ['AAPL', 'AAPL', 'AAPL', 'AAPL', '7203.T']

    """
    if found := _COPY.fullmatch(stem):
        return ticker_of_file(found["of"] or found["rest"])
    for pattern in _table()["file_names"].values():
        if found := re.fullmatch(pattern, stem):
            parts = found.groupdict()
            return parts["upper"].upper() if parts.get("upper") else str(parts["ticker"])
    return stem


@cache
def _table() -> dict[str, Any]:
    place = resources.files("stockjax.sources.files") / "formats.toml"
    return tomllib.loads(place.read_text(encoding="utf-8"))


def _entry(entry: Mapping[str, Any]) -> KnownFormat:
    settings = {name: value for name, value in entry.items() if name not in ("columns", "layout", "example")}
    example = str(entry["example"]).strip("\n") + "\n"
    layout = tuple(entry.get("layout", ()))
    columns = {plain(heading): meaning for meaning, heading in entry.get("columns", {}).items()}
    headings = frozenset() if layout else _headings_of(example)
    return KnownFormat(**settings, example=example, columns=columns, layout=layout, headings=headings)


def _headings_of(example: str) -> frozenset[str]:
    """The headings of an example: those of its line with the most cells that are not numbers."""
    lines = example.splitlines()

    def cells(line: str) -> list[str]:
        return [plain(cell) for cell in re.split(r"[,;\t](?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", line)]

    counted = max(
        lines, key=lambda line: sum(bool(cell) and not re.search(r"\d{2}", cell) for cell in cells(line))
    )
    return frozenset(cell for cell in cells(counted) if cell)
