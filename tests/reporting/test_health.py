"""What somebody should know of a night that did end."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest

from stockjax.forecasting.universe import TickerState, states_table
from stockjax.reporting.health import complaints
from stockjax.settings import AlertSettings
from stockjax.warehouse import Warehouse
from stockjax.warehouse.records import replace_tickers
from tests.synthetic import NEW_YORK
from tests.warehouse.made_up import append, closes, forecast, store

MOMENT = datetime(2013, 3, 1, 22, tzinfo=UTC)
LATEST = [str(day) for day in NEW_YORK.sessions(date(2012, 6, 1), date(2013, 3, 1))]
NOT_JUDGED = AlertSettings()


def nights(warehouse: Warehouse, inside: Sequence[bool], origin: str = "nightly") -> None:
    """Forecasts of one ticker whose price never moves, each holding its close or lying above it."""
    days = LATEST[-len(inside) - 1 :]
    store(warehouse, closes("A", dict.fromkeys(days, 100.0)))
    append(
        warehouse,
        *(
            forecast(as_of, target, model, origin=origin, predicted_return=0.0 if held else 0.2)
            for as_of, target, held in zip(days, days[1:], inside, strict=False)
            for model in ("lstm", "random_walk", "har")
        ),
    )


def states(warehouse: Warehouse, moment: datetime = MOMENT, **told: tuple[str, str | None]) -> None:
    """The universe as a night has seen it."""
    known = [
        TickerState(ticker, state, reason, None, None, 0, None) for ticker, (state, reason) in told.items()
    ]
    table = states_table(known).assign(exchange="XNYS", exchange_from="default", source="files")
    replace_tickers(warehouse, table, run_id="run", moment=moment)


def test_of_a_night_without_faults_there_is_nothing_to_say(warehouse: Warehouse) -> None:
    nights(warehouse, [True] * 57 + [False] * 6)
    states(warehouse, A=("active", None), OLD=("delisted", "ended"), NEW=("too_short", "30 sessions"))
    assert complaints(warehouse, {}, AlertSettings()) == []


def test_an_empty_warehouse_has_no_faults(warehouse: Warehouse) -> None:
    assert complaints(warehouse, {}, AlertSettings()) == []


def test_what_failed_is_told_by_ticker(warehouse: Warehouse) -> None:
    told = complaints(warehouse, {"B": "training failed (power cut)", "A": "failed, HTTP 500"}, NOT_JUDGED)
    assert told == ["A: failed, HTTP 500", "B: training failed (power cut)"]


def test_tickers_without_fresh_prices_are_told_of_with_the_reason(warehouse: Warehouse) -> None:
    states(warehouse, A=("active", None), B=("stale", "last price 2013-02-11"), C=("failed", "HTTP 500"))
    expected = ["2 tickers have no fresh prices: B (last price 2013-02-11), C (HTTP 500)"]
    assert complaints(warehouse, {}, AlertSettings(stale_tickers=1)) == expected
    assert complaints(warehouse, {}, AlertSettings(stale_tickers=2)) == expected
    assert complaints(warehouse, {}, AlertSettings(stale_tickers=3)) == []


def test_a_long_list_of_them_is_counted_whole_and_named_in_part(warehouse: Warehouse) -> None:
    states(warehouse, **{f"T{number:02d}": ("stale", "old") for number in range(25)})
    (told,) = complaints(warehouse, {}, AlertSettings())
    assert told.startswith("25 tickers have no fresh prices: T00 (old), T01 (old)")
    assert told.count("(old)") == 20


def test_nobody_is_told_for_ever_of_a_ticker_that_is_asked_for_no_more(warehouse: Warehouse) -> None:
    states(warehouse, A=("active", None), NOSUCH=("failed", "no such ticker"))
    assert len(complaints(warehouse, {}, AlertSettings())) == 1
    states(warehouse, MOMENT + timedelta(days=1), A=("active", None))
    assert complaints(warehouse, {}, AlertSettings()) == []


@pytest.mark.parametrize(
    ("held", "of", "said"),
    [
        (50, 63, "79.4%"),
        (63, 63, "100.0%"),
        (35, 42, "83.3%"),
        # The ends of the range are within it.
        (51, 60, None),
        (57, 60, None),
        # Too few to judge.
        (20, 41, None),
    ],
)
def test_intervals_that_hold_too_few_or_too_many_closes_are_told_of(
    warehouse: Warehouse, held: int, of: int, said: str | None
) -> None:
    nights(warehouse, [True] * held + [False] * (of - held))
    expected = f"the 90% intervals of the last {of} sessions held {said} of the closes, outside 85% to 95%"
    assert complaints(warehouse, {}, AlertSettings()) == ([expected] if said else [])


def test_only_the_last_63_sessions_are_judged(warehouse: Warehouse) -> None:
    nights(warehouse, [False] * 60 + [True] * 57 + [False] * 6)
    assert complaints(warehouse, {}, AlertSettings()) == []


@pytest.mark.parametrize("origin", ["backtest", "catchup"])
def test_forecasts_that_no_night_has_written_in_time_are_not_judged(
    warehouse: Warehouse, origin: str
) -> None:
    nights(warehouse, [False] * 63, origin)
    assert complaints(warehouse, {}, AlertSettings()) == []


def test_the_settings_say_what_is_too_far(warehouse: Warehouse) -> None:
    nights(warehouse, [True] * 12 + [False] * 18)
    narrow = AlertSettings(fewest_sessions=30, coverage_low=0.5, coverage_high=0.6)
    assert complaints(warehouse, {}, narrow) == [
        "the 90% intervals of the last 30 sessions held 40.0% of the closes, outside 50% to 60%"
    ]
    assert complaints(warehouse, {}, AlertSettings(fewest_sessions=30, coverage_low=0.4)) == []
