"""Everything that can go wrong with one ticker on one night, and what is left of it on the next."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from stockjax.errors import (
    HistoryMismatchError,
    InvalidDataError,
    RateLimitedError,
    SourceTimeoutError,
    SourceUnavailableError,
    TruncatedResponseError,
    UnknownTickerError,
)
from tests.support.ingest_runs import (
    FIRST,
    LAST,
    NIGHT_1,
    NIGHT_2,
    NIGHT_3,
    STORED,
    changed,
    others,
    query,
    reasons,
    spend,
    values,
    values_once,
)
from tests.support.yahoo_faults import (
    Fault,
    duplicate_timestamps,
    empty_body,
    forever,
    hang,
    html,
    no_result,
    null_closes,
    nulls,
    reset,
    rewritten,
    status,
    truncated_json,
    unequal_lengths,
    wrong_types,
)
from tests.support.yahoo_payload import Listing, made_up_listing
from tests.support.yahoo_server import YahooServer

SPOILT = "BBB"
Change = Callable[[Listing], Listing]


@dataclass(frozen=True)
class Case:
    """A fault of the second night, and what it has to come to.

    Attributes
    ----------
    faults, change
        What is wrong with the answers, and what the vendor knows otherwise.
    failure, state, requests
        What is said of the ticker, and how often it was asked for.
    fresh
        Whether the second night's session is stored.
    restated
        Rows that move to `price_revisions`.
    lasts
        Whether the vendor stays at the change: then it is no fault, but the truth.

    """

    faults: tuple[Fault, ...] = ()
    change: Change = lambda listing: listing
    failure: type[Exception] | None = None
    state: str = "active"
    requests: int = 1
    fresh: bool = False
    restated: Mapping[str, int] = field(default_factory=dict)
    lasts: bool = False
    now: datetime | date = NIGHT_2
    settings: Mapping[str, Any] = field(default_factory=dict)


def always(fault: Fault, failure: type[Exception], requests: int, **others: Any) -> Case:
    return Case((forever(fault),), failure=failure, requests=requests, **others)


def null_at_the_end() -> Fault:
    """The newest bar is null in all arrays."""

    def change(result: dict[str, Any]) -> None:
        (quote,), (adjusted,) = result["indicators"]["quote"], result["indicators"]["adjclose"]
        for numbers in {**quote, **adjusted}.values():
            numbers[-1] = None

    return rewritten("rewritten", change)


def split(listing: Listing) -> Listing:
    return replace(listing, splits={NIGHT_2: 2.0})


def dividend(listing: Listing) -> Listing:
    return replace(listing, dividends={NIGHT_2: 0.4})


def other_close(listing: Listing) -> Listing:
    """Five sessions ago the close was another one."""
    at = STORED - 5
    between = (listing.prices["high"][at] + listing.prices["low"][at]) / 2
    return replace(listing, prices=changed(listing.prices, at, close=between))


def without_a_session(listing: Listing) -> Listing:
    return replace(listing, prices=listing.prices.drop(index=STORED - 5).reset_index(drop=True))


def another_company(listing: Listing) -> Listing:
    return replace(listing, prices=made_up_listing(77, FIRST, LAST).prices)


def shrunk(listing: Listing) -> Listing:
    """No more than 30 stored sessions."""
    return replace(listing, prices=listing.prices.iloc[STORED - 30 :].reset_index(drop=True))


def late(listing: Listing) -> Listing:
    return replace(listing, last=NIGHT_1)


def unfinished(listing: Listing) -> Listing:
    bar = {"open": 50.0, "high": 51.0, "low": 49.0, "close": 50.5, "volume": 1000}
    return replace(listing, unfinished={"session": NIGHT_3, **bar})


# By then all other tickers have their answers, so that only this one meets the pauses.
LATE_REFUSAL = Fault("late refusal", lambda answer: replace(answer, code=429, held_for=0.3))

CASES = {
    "unknown symbol": always(status(404), UnknownTickerError, 1),
    "too many requests once": Case((status(429),), requests=2, fresh=True),
    # The pauses are 0.05, 0.1 and what is left of 0.2 s.
    "too many requests for ever": Case(
        (LATE_REFUSAL, forever(status(429))), failure=RateLimitedError, requests=4
    ),
    "server error": always(status(500), SourceUnavailableError, 3),
    "no answer": always(hang(30), SourceTimeoutError, 2, settings={"yahoo": {"timeout": 0.3, "retries": 1}}),
    "connection reset": always(reset(), SourceUnavailableError, 3),
    "empty body": always(empty_body(), TruncatedResponseError, 3),
    "a page for people": always(html(), TruncatedResponseError, 3),
    "half of the text": always(truncated_json(), TruncatedResponseError, 3),
    "words for numbers": always(wrong_types(), InvalidDataError, 1),
    "unequal lengths": always(unequal_lengths(), InvalidDataError, 1),
    "no result": always(no_result(), UnknownTickerError, 2),
    "a stored bar is null": Case((forever(nulls()),), fresh=True),
    "a stored close is null": Case((forever(null_closes()),), fresh=True),
    "the new bar is null": Case((forever(null_at_the_end()),), failure=InvalidDataError),
    "a bar comes twice": Case((forever(duplicate_timestamps()),), fresh=True),
    "the vendor is late": Case(change=late),
    "an unfinished bar": Case(
        change=unfinished, fresh=True, now=datetime(NIGHT_3.year, NIGHT_3.month, NIGHT_3.day, 15, tzinfo=UTC)
    ),
    "a split": Case(change=split, requests=2, fresh=True, restated={"split": STORED}, lasts=True),
    "a dividend": Case(change=dividend, requests=2, fresh=True, restated={"dividend": STORED}, lasts=True),
    "both on one day": Case(
        change=lambda listing: dividend(split(listing)),
        requests=2,
        fresh=True,
        restated={"split": STORED},
        lasts=True,
    ),
    "a restated close": Case(
        change=other_close, requests=2, fresh=True, restated={"restatement": 1}, lasts=True
    ),
    "a withdrawn session": Case(
        change=without_a_session, requests=2, fresh=True, restated={"withdrawn": 1}, lasts=True
    ),
    "another company": Case(change=another_company, failure=HistoryMismatchError, state="failed", requests=2),
    "another company, accepted": Case(
        change=another_company,
        fresh=True,
        restated={"recycled": STORED},
        lasts=True,
        settings={"history": {"accept": [SPOILT]}},
    ),
    "a shrunk history": Case(
        change=lambda listing: shrunk(dividend(listing)),
        failure=HistoryMismatchError,
        state="failed",
        requests=2,
    ),
    "a shrunk history, unseen": Case(change=shrunk, fresh=True),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_fault_of_one_ticker_and_one_night(
    case: Case, yahoo: YahooServer, folder: Path, faultless: dict[int, Path], tmp_path: Path
) -> None:
    stored = values(folder)
    honest = yahoo.listings[SPOILT]
    yahoo.listings[SPOILT] = case.change(honest)
    yahoo.faults(SPOILT, *case.faults)
    spent = spend(yahoo, folder, case.now, settings=case.settings)

    state = spent.states[SPOILT]
    assert spent.failures() == ({SPOILT: case.failure} if case.failure else {})
    assert (state.state, state.last_session) == (case.state, NIGHT_2 if case.fresh else NIGHT_1)
    if case.failure:
        assert f"'{SPOILT}'" in str(state.reason) or f"the row of {NIGHT_2} was refused" in str(state.reason)
    assert spent.requests[SPOILT] == case.requests
    assert reasons(folder) == spent.ingested.restated == case.restated

    prices = values(folder)
    undisturbed = values_once(faultless[2])
    assert others(prices, SPOILT) == others(undisturbed, SPOILT)
    times = "fetched_at, replaced_at, reason, run_id, known_from, known_until"
    revised = f"SELECT * EXCLUDE ({times}) FROM price_revisions"
    assert set(stored) <= {*prices, *query(folder, revised)}
    if not case.fresh:
        assert [row for row in prices if row[0] == SPOILT] == values_once(faultless[1], ticker=SPOILT)
    elif not case.lasts:
        assert prices == undisturbed

    if not case.lasts:
        yahoo.listings[SPOILT] = honest
    yahoo.faults(SPOILT)
    yahoo.set_today(NIGHT_3)
    healed = spend(yahoo, folder, NIGHT_3, settings=case.settings)
    never_spoilt = faultless[3]
    if case.lasts:
        never_spoilt = tmp_path / "never spoilt"
        spend(yahoo, never_spoilt, NIGHT_3)
    assert values(folder) == values(never_spoilt)
    assert healed.failures() == {}
    assert {(state.state, state.last_session) for state in healed.states.values()} == {("active", NIGHT_3)}
    assert reasons(folder) == case.restated
