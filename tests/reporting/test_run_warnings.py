"""Warnings about a run that completed."""

from datetime import UTC, datetime, timedelta

from stockjax.forecasting.ticker_states import TickerState, states_table
from stockjax.reporting.run_warnings import alert_lines
from stockjax.settings import AlertSettings
from stockjax.warehouse import Warehouse
from stockjax.warehouse.records import replace_tickers

MOMENT = datetime(2013, 3, 1, 22, tzinfo=UTC)
NOT_JUDGED = AlertSettings()


def states(warehouse: Warehouse, moment: datetime = MOMENT, **lines: tuple[str, str | None]) -> None:
    """The universe as a night has seen it."""
    known = [
        TickerState(ticker, state, reason, None, None, 0, None) for ticker, (state, reason) in lines.items()
    ]
    table = states_table(known).assign(exchange="XNYS", exchange_from="default", source="files")
    replace_tickers(warehouse, table, run_id="run", moment=moment)


def test_of_a_night_without_faults_there_is_nothing_to_say(warehouse: Warehouse) -> None:
    states(warehouse, A=("active", None), OLD=("delisted", "ended"), NEW=("too_short", "30 sessions"))
    assert alert_lines(warehouse, {}, AlertSettings()) == []


def test_an_empty_warehouse_has_no_faults(warehouse: Warehouse) -> None:
    assert alert_lines(warehouse, {}, AlertSettings()) == []


def test_what_failed_is_reported_by_ticker(warehouse: Warehouse) -> None:
    lines = alert_lines(warehouse, {"B": "training failed (power cut)", "A": "failed, HTTP 500"}, NOT_JUDGED)
    assert lines == ["A: failed, HTTP 500", "B: training failed (power cut)"]


def test_tickers_without_fresh_prices_are_reported_of_with_the_reason(warehouse: Warehouse) -> None:
    states(warehouse, A=("active", None), B=("stale", "last price 2013-02-11"), C=("failed", "HTTP 500"))
    expected = ["2 tickers have no fresh prices: B (last price 2013-02-11), C (HTTP 500)"]
    assert alert_lines(warehouse, {}, AlertSettings(stale_tickers=1)) == expected
    assert alert_lines(warehouse, {}, AlertSettings(stale_tickers=2)) == expected
    assert alert_lines(warehouse, {}, AlertSettings(stale_tickers=3)) == []


def test_a_long_list_of_them_is_counted_whole_and_named_in_part(warehouse: Warehouse) -> None:
    states(warehouse, **{f"T{number:02d}": ("stale", "old") for number in range(25)})
    (lines,) = alert_lines(warehouse, {}, AlertSettings())
    assert lines.startswith("25 tickers have no fresh prices: T00 (old), T01 (old)")
    assert lines.count("(old)") == 20


def test_no_one_is_reported_for_ever_of_a_ticker_that_is_asked_for_no_more(warehouse: Warehouse) -> None:
    states(warehouse, A=("active", None), NOSUCH=("failed", "no such ticker"))
    assert len(alert_lines(warehouse, {}, AlertSettings())) == 1
    states(warehouse, MOMENT + timedelta(days=1), A=("active", None))
    assert alert_lines(warehouse, {}, AlertSettings()) == []


def test_alarms_of_drift_are_reported_after_the_rest(warehouse: Warehouse) -> None:
    states(warehouse, A=("stale", "last price 2013-02-11"))
    lines = alert_lines(warehouse, {}, AlertSettings(), ["drift: scale of A", "drift: input of B"])
    assert lines == [
        "1 tickers have no fresh prices: A (last price 2013-02-11)",
        "drift: scale of A",
        "drift: input of B",
    ]


def test_many_alarms_of_drift_are_reported_in_part_and_counted(warehouse: Warehouse) -> None:
    alarms = [f"drift: input of T{number:02d}" for number in range(23)]
    lines = alert_lines(warehouse, {}, AlertSettings(), alarms)
    assert lines == [*alarms[:20], "and 3 more alarms of drift, see the table drift"]
    assert alert_lines(warehouse, {}, AlertSettings(), alarms[:20]) == alarms[:20]
