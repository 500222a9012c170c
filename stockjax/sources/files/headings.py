"""Where the headings of a table are, and what its columns mean."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stockjax.errors import InvalidDataError
from stockjax.sources.files.heading_meanings import (
    is_number_of,
    meaning_of,
    named_ticker,
    ticker_and_meaning,
)
from stockjax.sources.files.known_formats import (
    NUMBERS,
    PLAIN,
    PRICES,
    KnownFormat,
    all_headings,
    known_formats,
    meanings,
    plain,
    without_repetition,
    words,
)

_MOST_LEVELS = 3
_DIGIT, _NUMBER = re.compile(r"\d"), re.compile(r"[-+$]?[\d.,]+")
_FIGURE = re.compile(r"[\d\s.,:/+-]+")
_LABELS = ("", "ticker", "tickers", "price", "symbol", "symbols", "date", "datetime", "attributes", "index")
"""What stands at the left of a line of headings that pandas writes for one of several levels."""


class NoPricesError(InvalidDataError):
    """A file in which nothing is a price: perhaps it was never meant to hold any."""


@dataclass(frozen=True)
class Columns:
    """What the columns of a table mean.

    Attributes
    ----------
    shared
        Columns of all its tickers (session, time, ticker, period, series): meaning to number.
    tickers
        For each ticker that stands in the headings its columns: meaning to number. The ticker is empty where
        the headings name none.
    doubled
        Columns with the same heading as one that is used, number to number: they have to be equal.
    ignored
        Headings without a use, as they are written.
    format
        The known format with these headings.

    """

    shared: Mapping[str, int]
    tickers: Mapping[str, Mapping[str, int]]
    doubled: Mapping[int, int] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    format: KnownFormat = PLAIN


@dataclass(frozen=True)
class Table:
    """Where a table begins among the lines of a file.

    Attributes
    ----------
    first
        The line that its rows begin with, from 0.
    headings
        For each column the headings above it, from the top.
    roles
        Meanings that its headings have.

    """

    first: int
    headings: tuple[tuple[str, ...], ...]
    roles: frozenset[str]


def find_table(rows: Sequence[Sequence[str]]) -> Table | None:
    """Find the line of headings that names prices, and the lines of headings next to it.

    Parameters
    ----------
    rows
        The first lines of a file, cut into cells.

    Returns
    -------
    None if no line has headings that are known.

    Example
    -------
    >>> find_table([["# daily"], ["Date", "Open", "High", "Low", "Close"], ["2013-03-01", *"1111"]]).first
    2

    """
    scores = [_roles(row) for row in rows]
    best = max(range(len(rows)), key=lambda place: (len(scores[place]), -place), default=None)
    if best is None or len(scores[best] & {*PRICES, "session"}) < 2:
        return None
    width = max(map(len, rows[best:]))
    labelled = plain(rows[best][0]) in _LABELS if rows[best] else False
    valued = [
        place
        for place, cell in enumerate(rows[best])
        if (meaning_of(cell) in NUMBERS or ticker_and_meaning(cell)) and not (labelled and place == 0)
    ]
    lines = [best]
    if best > 0 and _is_level(rows[best - 1], valued):
        lines.insert(0, best - 1)
    while len(lines) < _MOST_LEVELS and lines[-1] + 1 < len(rows) and _is_level(rows[lines[-1] + 1], valued):
        lines.append(lines[-1] + 1)
    levels = [_filled(rows[line], width, ahead=line < best) for line in lines]
    return Table(lines[-1] + 1, tuple(zip(*levels, strict=True)), scores[best])


def _filled(row: Sequence[str], width: int, *, ahead: bool) -> list[str]:
    """A line of headings in full length; a cell that spans several columns has its text in each of them."""
    cells = [cell.strip() for cell in row] + [""] * (width - len(row))
    for place in range(1, width) if ahead and sum(map(bool, cells)) > 1 else ():
        cells[place] = cells[place] or cells[place - 1]
    return cells


def _roles(row: Sequence[str]) -> frozenset[str]:
    """What the cells of a line mean, if they are headings."""
    # Figures and dates are no headings: most lines are done here.
    cells = [cell for cell in row if cell.strip() and not _FIGURE.fullmatch(cell)]
    long = {
        meaning_of(cell) or ticker_and_meaning(cell)[1:2]
        for cell in cells
        if len(plain(without_repetition(cell))) > 1
    }
    found = {role if isinstance(role, str) else role[0] for role in long if role}
    letters = {plain(cell) for cell in cells if len(plain(cell)) == 1}
    # A letter may be a ticker: o, h, l and c are prices where all of them are there.
    if not found & set(PRICES) and {"o", "h", "l", "c"} <= letters:
        found |= {meaning_of(letter) for letter in letters} - {""}
    return frozenset(found)


def _is_level(row: Sequence[str], valued: Sequence[int]) -> bool:
    """Whether a line next to the headings of prices names their tickers, or their index."""
    cells = [row[place].strip() if place < len(row) else "" for place in valued]
    others = [cell.strip() for place, cell in enumerate(row) if place not in valued]
    if any(_DIGIT.search(cell) for cell in others) or (others and plain(others[0]) not in _LABELS):
        return False
    if not any(cells):
        # The name of the index alone, as pandas writes it.
        return bool(others) and bool(others[0]) and not any(others[1:])
    numbers = all(_NUMBER.fullmatch(cell) for cell in cells if cell)
    return not numbers and (len(cells) == 1 or sum(map(bool, cells)) > 1)


def understand(headings: Sequence[Sequence[str]]) -> Columns:
    """What the columns under these headings mean.

    Parameters
    ----------
    headings
        For each column the headings above it, from the top.

    Raises
    ------
    InvalidDataError
        A column that is needed is missing.

    Example
    -------
    >>> understand([("Date",), ("Open",), ("High",), ("Low",), ("Close",), ("Volume",)]).tickers[""]["close"]
    4

    """
    written = [" ".join(filter(None, levels)) for levels in headings]
    entry = _format_of(headings)
    own = [_own_meaning(levels, entry) for levels in headings]
    shared = _best_by_meaning(headings, own, ("session", "time", "ticker", "period", "series"))
    if "session" not in shared:
        shared |= _unnamed_dates(headings)
        if shared.get("ticker") == shared.get("session"):
            shared.pop("ticker", None)
    if shared.get("time") == shared.get("session"):
        shared.pop("time", None)
    tickers, doubled = _by_ticker(headings, own, set(shared.values()), entry)
    used = {*shared.values(), *doubled, *(place for group in tickers.values() for place in group.values())}
    ignored = tuple(text for place, text in enumerate(written) if place not in used and text.strip())
    _refuse_missing(shared, tickers, written)
    complete = {ticker: group for ticker, group in tickers.items() if set(PRICES) <= set(group)}
    return Columns(shared, complete, doubled, ignored, entry)


def _format_of(headings: Sequence[Sequence[str]]) -> KnownFormat:
    """The known format whose headings are all there; of several that with the most of them."""
    found = {plain(without_repetition(cell)) for levels in headings for cell in levels if cell.strip()}
    whole = {plain(text) for text in (" ".join(levels) for levels in headings)}
    fitting = [
        entry
        for entry in known_formats()
        if entry.headings
        and all(
            heading in found or heading in whole or (heading.endswith(" btc") and "volume" in heading)
            for heading in entry.headings
            if heading in all_headings() or heading in entry.columns
        )
        and {heading for heading in entry.columns if not heading.endswith("*")} <= found
    ]
    return max(fitting, key=lambda entry: len(entry.headings & found), default=PLAIN)


def _own_meaning(levels: Sequence[str], entry: KnownFormat) -> str:
    """The meaning of a column: that of the first of its headings with one, unless a lower one says date."""
    found = [entry.columns.get(plain(without_repetition(cell))) or meaning_of(cell) for cell in levels]
    return "session" if "session" in found else next(filter(None, found), "")


def _plain_of(levels: Sequence[str]) -> tuple[str, ...]:
    return tuple(plain(without_repetition(cell)) for cell in levels)


def _rank(levels: Sequence[str], meaning: str, entry: KnownFormat = PLAIN) -> int:
    """How far down the list of headings of a meaning a column's is; -1 if the format names it."""
    order = meanings().get(meaning, ())
    texts = _plain_of(levels)
    if any(entry.columns.get(text) == meaning for text in texts):
        return -1
    return min((order.index(text) for text in texts if text in order), default=len(order))


def _best_by_meaning(
    headings: Sequence[Sequence[str]], own: Sequence[str], wanted: Sequence[str]
) -> dict[str, int]:
    found: dict[str, int] = {}
    for meaning in wanted:
        places = [
            place
            for place, levels in enumerate(headings)
            if own[place] == meaning or (meaning == "time" and _plain_of(levels) == ("time",))
        ]
        if places:
            found[meaning] = min(
                places, key=lambda place: (own[place] != meaning, _rank(headings[place], meaning))
            )
    return found


def _unnamed_dates(headings: Sequence[Sequence[str]]) -> dict[str, int]:
    """A column without a heading at the left holds the dates: pandas writes an index so."""
    first = [cell.strip().lower() for cell in headings[0]] if headings else []
    unnamed = all(not cell or cell == "index" or cell.startswith("unnamed") for cell in first)
    return {"session": 0} if first and unnamed else {}


def _by_ticker(
    headings: Sequence[Sequence[str]], own: Sequence[str], taken: set[int], entry: KnownFormat
) -> tuple[dict[str, dict[str, int]], dict[int, int]]:
    """The columns of numbers of each ticker, and those with a heading that another has."""
    places = [place for place, meaning in enumerate(own) if meaning in NUMBERS and place not in taken]
    named = {place: _ticker_among(headings[place], own[place]) for place in places}
    described: dict[int, str] = {}
    if "close" not in {own[place] for place in places}:
        # No column is simply a close: the headings may name ticker and price in one.
        joined = {
            place: found
            for place, levels in enumerate(headings)
            if place not in taken and (found := ticker_and_meaning(levels[0]))
        }
        alone = len({label for label, meaning in joined.values() if meaning != "volume"}) == 1
        for place, (label, meaning) in joined.items():
            ticker = named_ticker(headings[place][0], label, alone=alone)
            if not ticker:
                described[place] = label
            if ticker or is_number_of(meaning, label):
                named[place] = ticker
            else:
                named.pop(place, None)
        own = [joined[place][1] if place in joined else meaning for place, meaning in enumerate(own)]
        places = list(named)
    groups: dict[str, dict[str, int]] = {}
    doubled: dict[int, int] = {}
    for place in places:
        group = groups.setdefault(named[place], {})
        meaning = own[place]
        if meaning not in group:
            group[meaning] = place
            continue
        _refuse_two_kinds(headings, described, group[meaning], place)
        earlier, later = (_rank(headings[each], meaning, entry) for each in (group[meaning], place))
        if later < earlier:
            group[meaning] = place
        elif _plain_of(headings[place]) == _plain_of(headings[group[meaning]]):
            doubled[place] = group[meaning]
    return groups, doubled


def _refuse_two_kinds(
    headings: Sequence[Sequence[str]], described: Mapping[int, str], one: int, other: int
) -> None:
    """Raise where columns of one price differ by a word that is no ticker: bid and ask, two currencies."""
    if one in described and other in described and described[one] != described[other]:
        raise InvalidDataError(
            f"it has two columns of the same price, '{headings[one][0].strip()}' and "
            f"'{headings[other][0].strip()}'; keep the one that is meant"
        )


def _ticker_among(levels: Sequence[str], meaning: str) -> str:
    """The ticker that stands above or below the heading of a column of prices."""
    names = [cell.strip() for cell in levels if cell.strip()]
    if len(names) < 2:
        return ""
    price = next((place for place, cell in enumerate(names) if meaning_of(cell) == meaning), None)
    others = [cell for place, cell in enumerate(names) if place != price]
    others = [
        cell
        for cell in others
        if plain(cell) not in words("currencies") and not plain(cell).startswith("unnamed")
    ]
    return others[0] if others else ""


def _refuse_missing(
    shared: Mapping[str, int], tickers: Mapping[str, Mapping[str, int]], written: Sequence[str]
) -> None:
    most = max(tickers.values(), key=lambda group: len(set(PRICES) & set(group)), default={})
    missing = [name for name in PRICES if name not in most]
    if "session" not in shared:
        missing.insert(0, "date")
    if missing:
        shown = ", ".join(f"'{text}'" for text in written[:8] if text.strip())
        fault = f"it lacks the column(s) {', '.join(missing)} (its first line is {shown})"
        raise NoPricesError(fault) if len(missing) >= len(PRICES) else InvalidDataError(fault)
