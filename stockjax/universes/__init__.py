"""Which tickers: named lists that ship with the project, and lists from files."""

import csv
import re
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path

from stockjax.errors import UsageError
from stockjax.settings import BaseUniverseSettings, Settings, UniverseName

ALL = "*"
"""In `base.tickers`: all that the source has."""

_HEADINGS = ("ticker", "symbol")


@dataclass(frozen=True)
class NamedUniverse:
    """An index as it stood on a day; its members change, the list does not."""

    name: str
    date: date
    tickers: tuple[str, ...]


def named_universe(key: UniverseName) -> NamedUniverse:
    """A list that ships with the project, in Yahoo's spelling.

    Example
    -------
    >>> named_universe("djia").date
    datetime.date(2024, 11, 8)

    """
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
            f"the list of tickers '{path}' cannot be read ({error}); correct the setting tickers_file"
        ) from error
    try:
        tickers = _column(text, path) if path.suffix.lower() == ".csv" else _symbols(text)
    except csv.Error as error:
        raise UsageError(f"the list of tickers '{path}' is no CSV file ({error}); correct it") from error
    if not tickers:
        raise UsageError(f"the list '{path}' names no ticker; write one on each line")
    return tickers


def chosen_tickers(settings: Settings) -> tuple[str, ...]:
    """The tickers that the settings name; none if the source is to say.

    Yahoo knows no lower case: `aapl` is AAPL there, and one company.
    """
    return _as_spelt(_named(settings), settings)


def base_tickers(settings: Settings, offered: tuple[str, ...]) -> tuple[str, ...]:
    """The additional tickers that the base learns from.

    Parameters
    ----------
    offered
        All that the source has, which `*` stands for.

    Raises
    ------
    UsageError
        `*` is asked of a source that names no tickers of its own.

    """
    named = _named(settings.base)
    if ALL not in named:
        return _as_spelt(named, settings)
    if not offered:
        raise UsageError(
            f"the source '{settings.source}' names no tickers of its own; name those of base.tickers, or set "
            "base.tickers_file or base.universe"
        )
    return _as_spelt((*(name for name in named if name != ALL), *offered), settings)


def _named(section: Settings | BaseUniverseSettings) -> tuple[str, ...]:
    if section.tickers:
        return section.tickers
    if section.tickers_file:
        return tickers_of_file(section.tickers_file)
    return named_universe(section.universe).tickers if section.universe else ()


def _as_spelt(tickers: tuple[str, ...], settings: Settings) -> tuple[str, ...]:
    upper = settings.source == "yahoo"
    return tuple(dict.fromkeys(ticker.upper() if upper else ticker for ticker in tickers))


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
