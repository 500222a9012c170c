"""A target without a price is scored on the next price of the ticker, until the true one arrives."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest

from tests.support.runs import RunDriver, settings_for, whole_night
from tests.support.warehouse_rows import fetch
from tests.support.yahoo_payload import made_up_listing
from tests.support.yahoo_server import YahooServer

FIRST, LAST = date(2025, 5, 1), date(2026, 3, 10)
BEFORE, TARGET, HALTED, REOPENED, AFTER = (date(2026, 2, day) for day in (9, 10, 11, 12, 13))
SCORES = """
    SELECT as_of, target, outcome_session, late, inside_90, actual_return
    FROM scored_forecasts WHERE ticker = 'HALT' AND model = 'lstm' AND origin = 'nightly' ORDER BY as_of
"""
ROLLING = """
    SELECT session, n, late, coverage_90 FROM rolling_metrics
    WHERE ticker = 'HALT' AND model = 'lstm' AND origin = 'nightly' AND window_sessions = 21 ORDER BY session
"""


@pytest.fixture
def server() -> Iterator[YahooServer]:
    with YahooServer() as vendor:
        for number, ticker in enumerate(("HALT", "ENDS", "GOES")):
            vendor.listings[ticker] = made_up_listing(number, FIRST, LAST)
        yield vendor


def without(prices: pd.DataFrame, *sessions: date) -> pd.DataFrame:
    return prices[~prices["session"].isin([pd.Timestamp(day) for day in sessions])].reset_index(drop=True)


def test_a_halt_is_scored_at_its_reopening_until_the_true_price_arrives(
    server: YahooServer, tmp_path: Path
) -> None:
    settings = settings_for(server, tmp_path, "HALT", "ENDS", "GOES")
    halting = server.listings["HALT"]
    true_prices = halting.prices.copy()
    reopened = halting.prices["session"] >= pd.Timestamp(REOPENED)
    # It reopens a third lower: far outside of any interval.
    halting.prices.loc[reopened, ["open", "high", "low", "close"]] *= 2 / 3
    true_prices.loc[reopened] = halting.prices.loc[reopened]
    halting.prices = without(halting.prices, TARGET, HALTED)
    ending = server.listings["ENDS"]
    ending.prices = ending.prices[ending.prices["session"] <= pd.Timestamp(BEFORE)]

    def night_of(session: date) -> RunDriver:
        server.set_today(session)
        seen = len(server.requests)
        night = whole_night(settings, session)[0]
        (asked,) = [request for request in server.requests[seen:] if request.ticker == "HALT"]
        # The vendor is asked for the target again, every night.
        assert datetime.fromtimestamp(int(asked.query.get("period1", "0")), UTC).date() <= TARGET
        return night

    night_of(BEFORE)
    for session in (TARGET, HALTED):
        night = night_of(session)
        assert fetch(night.warehouse, SCORES) == []
        assert {row[0] for row in fetch(night.warehouse, "SELECT ticker FROM forecasts_without_outcome")} == {
            "HALT",
            "ENDS",
        }
    night = night_of(REOPENED)
    ((as_of, target, outcome, late, inside, _),) = fetch(night.warehouse, SCORES)
    assert (as_of, target, outcome, late, inside) == (BEFORE, TARGET, REOPENED, True, False)
    assert fetch(night.warehouse, ROLLING) == [(REOPENED, 1, 1, 0.0)]
    board = """SELECT n, late, without_outcome FROM leaderboard
        WHERE model = 'lstm' AND window_sessions = 21 AND origin = 'nightly'"""
    # The three outcomes of GOES and that of HALT; ENDS never has one.
    assert fetch(night.warehouse, board) == [(4, 1, 1)]
    assert fetch(night.warehouse, "SELECT sum(n), sum(late) FROM calibration WHERE model = 'lstm'") == [
        (8, 2)
    ]

    halting.prices = true_prices
    night = night_of(AFTER)
    found = [row[:4] for row in fetch(night.warehouse, SCORES)]
    assert found == [(BEFORE, TARGET, TARGET, False), (REOPENED, AFTER, AFTER, False)]
    assert [row[:3] for row in fetch(night.warehouse, ROLLING)] == [(TARGET, 1, 0), (AFTER, 2, 0)]
    assert fetch(night.warehouse, "FROM late_outcomes") == []
    assert fetch(night.warehouse, board) == [(6, 0, 1)]
