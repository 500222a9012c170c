"""What a run says aloud of prices that it stored, refused or did not get."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime

import pandas as pd

from stockjax.errors import InvalidDataError
from stockjax.ingest.listings import Listing
from stockjax.sessions import Exchange

_FEW_CLOSED, _SHARE_CLOSED = 3, 0.01
"""So many rows, and such a share of them, on days that an exchange is closed are those of another one."""
CALENDAR_SESSIONS = 60
"""So many sessions before a calendar ends runs begin to warn of it."""


def ending_calendars(listed: Iterable[Listing], as_of: Callable[[Exchange], date]) -> dict[str, str]:
    """By its code, a sentence on each calendar that ends soon.

    Parameters
    ----------
    as_of
        The last completed session of an exchange.

    """
    exchanges = sorted({each.exchange for each in listed if not each.fault}, key=lambda each: each.code)
    left = {each: each.sessions_left(as_of(each)) for each in exchanges}
    return {
        each.code: f"its calendar ends on {each.last_known}, in {count} sessions; "
        "upgrade exchange-calendars before"
        for each, count in left.items()
        if count < CALENDAR_SESSIONS
    }


def unsettled_sessions(listed: Iterable[Listing], now: datetime, settled_at: datetime) -> dict[str, str]:
    """By its code, a sentence on each exchange that has closed and whose bars are not final yet.

    Parameters
    ----------
    now, settled_at
        The moment of the run, and that of the closes whose bars are final by then; aware.

    Example
    -------
    >>> nyse, now = Listing(Exchange("XNYS"), "vendor"), datetime.fromisoformat("2013-03-01T21:05:00Z")
    >>> print(unsettled_sessions([nyse], now, datetime.fromisoformat("2013-03-01T20:45:00Z"))["XNYS"])
    it has just closed: the bars of 2013-03-01 are final at 21:20 UTC (run.settle_minutes); run again then

    """
    found = {}
    for each in {each.exchange for each in listed if not each.fault}:
        newest = each.last_completed_session(now)
        if newest > each.last_completed_session(settled_at):
            final = each.closes_at(newest) + (now - settled_at)
            found[each.code] = (
                f"it has just closed: the bars of {newest} are final at {final:%H:%M} UTC "
                "(run.settle_minutes); run again then"
            )
    return found


def unlike_their_past(quarantined: pd.DataFrame, known: pd.DataFrame) -> dict[str, str]:
    """By ticker, a sentence on its newest move that is like a split, with which the adjusted close moves too.

    Parameters
    ----------
    quarantined
        What was found wrong with delivered rows, columns ticker, session and reason.
    known
        Rows that were stored before: of those it was said already.

    Example
    -------
    >>> found = pd.DataFrame({"ticker": ["A"], "session": [pd.Timestamp("2013-03-01")],
    ...     "reason": ["unadjusted_split"]})
    >>> unlike_their_past(found, found.iloc[:0])["A"][:38]
    'the close of 2013-03-01 moved as by a '

    """
    flagged = quarantined[quarantined["reason"] == "unadjusted_split"]
    newest = known.groupby("ticker")["session"].max().to_dict()
    fresh = flagged[~(flagged["session"] <= pd.to_datetime(flagged["ticker"].map(newest)))]
    return {
        str(
            ticker
        ): f"the close of {day:%Y-%m-%d} moved as by a split or a change of units (pence, pounds) that "
        "its adjusted closes do not have; see quarantine"
        for ticker, day in fresh.groupby("ticker")["session"].max().items()
    }


def of_another_calendar(
    delivered: pd.DataFrame, quarantined: pd.DataFrame, listed: Mapping[str, Listing]
) -> dict[str, str]:
    """By ticker, a sentence on rows that are no sessions of an exchange which only the default names.

    Parameters
    ----------
    delivered, quarantined
        Delivered rows, and what was found wrong with them; columns ticker, session and reason.

    Example
    -------
    >>> days = pd.to_datetime(["2013-01-21", "2013-02-18", "2013-03-29"])
    >>> rows = pd.DataFrame({"ticker": "7203.T", "session": days, "reason": "not_a_session"})
    >>> print(of_another_calendar(rows, rows, {"7203.T": Listing(Exchange("XNYS"), "default")})["7203.T"])
    3 of its 3 rows are no sessions of XNYS, such as 2013-01-21; if it trades elsewhere, name its exchange \
in exchanges, such as 7203.T = "XTKS"

    """
    closed = quarantined[quarantined["reason"] == "not_a_session"]
    rows = _rows_of(delivered, closed)
    first = closed.groupby("ticker")["session"].min()
    return {
        ticker: f"{count} of its {rows[ticker]} rows are no sessions of {listed[ticker].exchange.code}, "
        f"such as {first[ticker]:%Y-%m-%d}; if it trades elsewhere, name its exchange in exchanges, such as "
        f'{ticker} = "XTKS"'
        for ticker, count in Counter(closed["ticker"]).items()
        if ticker in listed
        and listed[ticker].exchange_source == "default"
        and count >= max(_FEW_CLOSED, _SHARE_CLOSED * rows[ticker])
    }


def sessions_unknown_to_calendars(
    delivered: pd.DataFrame, quarantined: pd.DataFrame, listed: Mapping[str, Listing]
) -> dict[str, str]:
    """By the code of an exchange, a sentence on days that its calendar lacks and its tickers have prices of.

    Some exchanges trade on a weekend once in a year or two. Days on which a ticker has prices more often,
    as currencies on Sundays, are none of these.

    Parameters
    ----------
    delivered, quarantined
        Delivered rows, and what was found wrong with them; columns ticker, session and reason.

    Example
    -------
    >>> days = pd.date_range("2022-01-03", "2023-11-12")
    >>> rows = pd.DataFrame({"ticker": "TCS.BO", "session": days})
    >>> found = rows.tail(1).assign(reason="not_a_session")
    >>> listed = {"TCS.BO": Listing(Exchange("XBOM"), "vendor")}
    >>> sessions_unknown_to_calendars(rows, found, listed)["XBOM"]
    'its calendar lacks the sessions of 2023-11-12, whose prices are refused; upgrade exchange-calendars'

    """
    closed = quarantined.loc[quarantined["reason"] == "not_a_session", ["ticker", "session"]].dropna()
    rows, refused = _rows_of(delivered, closed), Counter(closed["ticker"])
    days: dict[str, set[str]] = {}
    for ticker, day in closed.itertuples(index=False):
        listing, often = listed.get(ticker), refused[ticker] >= _SHARE_CLOSED * rows[ticker]
        if listing and listing.exchange_source != "default" and not often:
            days.setdefault(listing.exchange.code, set()).add(f"{day:%Y-%m-%d}")
    return {
        code: f"its calendar lacks the sessions of {', '.join(sorted(found))}, whose prices are refused; "
        "upgrade exchange-calendars"
        for code, found in days.items()
    }


def _rows_of(delivered: pd.DataFrame, closed: pd.DataFrame) -> Counter[str]:
    """How many rows were delivered of the tickers that have some on days without trading."""
    return Counter(delivered.loc[delivered["ticker"].isin(closed["ticker"].unique()), "ticker"])


def newest_refused(quarantined: pd.DataFrame, as_of: Mapping[str, date]) -> dict[str, InvalidDataError]:
    """By ticker, why its row of the last completed session was refused.

    Example
    -------
    >>> row = {"ticker": "A", "session": pd.Timestamp("2013-03-01"), "reason": "not_positive"}
    >>> print(newest_refused(pd.DataFrame([row | {"severity": "reject"}]), {"A": date(2013, 3, 1)})["A"])
    the row of 2013-03-01 was refused (not_positive); see quarantine

    """
    refused = quarantined[quarantined["severity"] == "reject"]
    newest = refused["session"] == pd.to_datetime(refused["ticker"].map(as_of))
    return {
        str(row.ticker): InvalidDataError(
            f"the row of {row.session:%Y-%m-%d} was refused ({row.reason}); see quarantine"
        )
        for row in refused[newest].itertuples()
    }


def exchanges_without_prices(newest: Mapping[str, tuple[Exchange, date, date | None]]) -> dict[str, str]:
    """By its code, a sentence on each exchange of which no ticker has a price of the last session.

    Parameters
    ----------
    newest
        By ticker that still trades: its exchange, the last completed session, and that of its last price.

    Example
    -------
    >>> nyse, day = Exchange("XNYS"), date(2013, 3, 1)
    >>> exchanges_without_prices({"A": (nyse, day, day), "B": (nyse, day, None)})
    {}

    """
    have = {exchange.code for exchange, as_of, last in newest.values() if last and last >= as_of}
    return {
        exchange.code: f"no ticker has a price of {as_of}: the exchange was closed, or the vendor is late; "
        "it is asked for again"
        for exchange, as_of, _ in newest.values()
        if exchange.code not in have
    }
