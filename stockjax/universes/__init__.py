"""Which tickers: named lists that ship with the project, and lists from files."""

import csv
import re
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path

from stockjax.errors import UsageError
from stockjax.settings import Settings, UniverseName

_HEADINGS = ("ticker", "symbol")


@dataclass(frozen=True)
class NamedUniverse:
    """An index as it stood on a day; its members change, the list does not."""

    name: str
    date: date
    tickers: tuple[str, ...]


def named_universe(key: UniverseName) -> NamedUniverse:
    """A list that ships with the project, in Yahoo's spelling."""
    text = (files("stockjax.universes") / "lists" / f"{key}.txt").read_text(encoding="utf-8")
    about = dict(re.findall(r"^# (\w+): (.+)$", text, flags=re.MULTILINE))
    return NamedUniverse(about["name"], date.fromisoformat(about["date"]), _symbols(text))


def tickers_of_file(path: Path) -> tuple[str, ...]:
    """The tickers of a text file, or of the column 'ticker' or 'symbol' of a CSV file.

    In a text file they stand apart by spaces, commas or lines; what follows a # is a remark.

    Raises
    ------
    UsageError
        The file cannot be read, or names no ticker.

    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the list of tickers '{path}' cannot be read ({error}); mend the setting tickers_file"
        ) from error
    try:
        tickers = _column(text, path) if path.suffix.lower() == ".csv" else _symbols(text)
    except csv.Error as error:
        raise UsageError(f"the list of tickers '{path}' is no CSV file ({error}); mend it") from error
    if not tickers:
        raise UsageError(f"the list '{path}' names no ticker; write one on each line")
    return tickers


def chosen_tickers(settings: Settings) -> tuple[str, ...]:
    """The tickers that the settings name; none if the source is to say.

    Yahoo knows no lower case: `aapl` is AAPL there, and one company.
    """
    tickers: tuple[str, ...] = ()
    if settings.tickers:
        tickers = settings.tickers
    elif settings.tickers_file:
        tickers = tickers_of_file(settings.tickers_file)
    elif settings.universe:
        tickers = named_universe(settings.universe).tickers
    if settings.source == "yahoo":
        tickers = tuple(dict.fromkeys(ticker.upper() for ticker in tickers))
    return tickers


def _symbols(text: str) -> tuple[str, ...]:
    words = re.sub(r"#.*", "", text).replace(",", " ").split()
    return tuple(dict.fromkeys(words))


def _column(text: str, path: Path) -> tuple[str, ...]:
    rows = list(csv.reader(text.splitlines()))
    headings = [name.strip().lower() for name in rows[0]] if rows else []
    place = next((headings.index(name) for name in _HEADINGS if name in headings), None)
    if place is None:
        raise UsageError(f"the list '{path}' has no column 'ticker' or 'symbol'; add that heading")
    found = (row[place].strip() for row in rows[1:] if len(row) > place)
    return tuple(dict.fromkeys(name for name in found if name))
