"""What SQL says of announcements: known then, still to come, and how intervals did on their days."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from stockjax.events import Announcement, TickerNotices, new_notices, notices_table
from stockjax.events.announcement import end_of_day
from stockjax.reporting.next_reports import next_reports, report_text, reports_before_close, width_reason
from stockjax.reporting.tables import backtest_table
from stockjax.scoring.skill import scores_by_day
from stockjax.sessions import Exchange
from stockjax.warehouse import Warehouse
from stockjax.warehouse.event_tables import store_events
from tests.reporting.test_tables import shown
from tests.support.warehouse_rows import append, closes, fetch, forecast, store

NYSE = Exchange("XNYS")
REPORTS = [date(2012, 1, 24), date(2012, 4, 24), date(2012, 7, 24), date(2012, 10, 25), date(2013, 1, 23)]
SEEN = datetime(2013, 3, 1, 22, tzinfo=UTC)
CHECKS = pd.DataFrame(
    {
        "ticker": ["A"],
        "source": ["files"],
        "as_of": [pd.Timestamp("2013-01-22").as_unit("s")],
        "content": [""],
    }
)


def announced(warehouse: Warehouse, as_of: date, timing: str = "after") -> None:
    said = [Announcement("A", day, "files", timing=timing) for day in REPORTS]  # type: ignore[arg-type]
    run = TickerNotices(NYSE, 5, as_of, end_of_day(as_of, NYSE))
    store_events(warehouse, notices_table(new_notices(said, run)), CHECKS, run_id="run-1", moment=SEEN)


@pytest.fixture
def ledger(warehouse: Warehouse) -> Iterator[Warehouse]:
    """Prices that move by 5% on reactions and by 1% else, and forecasts of a third of that width."""
    days = NYSE.sessions(date(2011, 12, 1), date(2013, 1, 22)).astype("datetime64[D]").tolist()
    reacting = {NYSE.next_session(day) for day in REPORTS}
    moves = [0.05 if day in reacting else 0.01 for day in days]
    levels = 100 * np.exp(np.cumsum([move * (-1) ** number for number, move in enumerate(moves)]))
    store(warehouse, closes("A", {str(day): float(level) for day, level in zip(days, levels, strict=True)}))
    rows = []
    for place in range(200, len(days)):
        target = days[place + 1] if place + 1 < len(days) else NYSE.next_session(days[place])
        wide = 2.0 if target in reacting or target == date(2013, 1, 23) else 1.0
        for model in ("lstm", "har", "ewma", "random_walk"):
            scale = wide if model == "lstm" else 1.0
            basis = float(levels[place])
            ends = {name: basis * np.exp(scale * end) for name, end in (("q05", -0.02), ("q95", 0.02))}
            origin = "nightly" if place + 1 == len(days) else "backtest"
            rows.append(
                forecast(
                    str(days[place]), str(target), model, ticker="A", origin=origin, basis_close=basis, **ends
                )
            )
    append(warehouse, *rows)
    yield warehouse


def test_what_was_known_at_a_moment_is_the_newest_notice_of_each_announcement(warehouse: Warehouse) -> None:
    announced(warehouse, date(2013, 3, 1))
    sql = "SELECT status, date FROM events_as_of(?) WHERE date > '2012-12-01' ORDER BY date"
    assert fetch(warehouse, sql, "2013-01-10") == [("projected", date(2013, 1, 22))]
    assert fetch(warehouse, sql, "2013-01-20") == [("assumed", date(2013, 1, 23))]
    assert fetch(warehouse, sql, "2013-01-25") == [
        ("reported", date(2013, 1, 23)),
        ("projected", date(2013, 4, 23)),
    ]


def test_events_are_appended_once(warehouse: Warehouse) -> None:
    announced(warehouse, date(2013, 3, 1))
    stored = fetch(warehouse, "SELECT * FROM events ORDER BY ALL")
    announced(warehouse, date(2013, 3, 1))
    assert fetch(warehouse, "SELECT * FROM events ORDER BY ALL") == stored
    assert fetch(warehouse, "SELECT ticker, source, as_of FROM event_checks") == [
        ("A", "files", date(2013, 1, 22))
    ]


def test_what_is_still_to_come_stands_next_to_the_width_of_the_interval(ledger: Warehouse) -> None:
    announced(ledger, date(2013, 1, 22))
    sql = """SELECT date, reaction, status, reacts_next, reactions,
                    round(usual_reaction, 3), round(width_ratio, 2)
             FROM upcoming_events"""
    # After the close of the 23rd the 24th reacts, which is not tonight's target yet.
    assert fetch(ledger, sql) == [
        (date(2013, 1, 23), date(2013, 1, 24), "assumed", False, 4, 0.05, 2.0),
    ]


def test_who_reports_before_the_next_close_is_told_with_the_reason_of_the_width(ledger: Warehouse) -> None:
    announced(ledger, date(2013, 1, 22), timing="before")
    found = next_reports(ledger, ["A"], date(2013, 1, 22))
    assert report_text(found["A"]) == "2013-01-23 before the open"
    assert reports_before_close(found, ["A", "B"]) == "1 of 2 tickers reports before the next close"
    reason = width_reason(found["A"])
    assert reason.startswith("90% interval 2.0 times as wide as usual: earnings 2013-01-23 before the open (")
    # As of an earlier session it tells what was known then.
    earlier = next_reports(ledger, ["A"], date(2013, 1, 11))
    assert report_text(earlier["A"]) == "about 2013-01-22"
    assert width_reason(earlier["A"]) == ""


def test_scored_forecasts_say_which_targets_reacted(ledger: Warehouse) -> None:
    announced(ledger, date(2013, 1, 22))
    reacted = fetch(ledger, "SELECT DISTINCT target FROM scored_forecasts WHERE reaction ORDER BY 1")
    assert reacted == [(NYSE.next_session(REPORTS[3]),)]
    assert fetch(ledger, "SELECT count(*) FROM scored_forecasts WHERE reaction IS NULL") == [(0,)]


def test_calibration_is_told_by_kind_of_day(ledger: Warehouse) -> None:
    announced(ledger, date(2013, 1, 22))
    sql = """SELECT model, kind_of_day, n, coverage_90 FROM calibration_by_day
             WHERE model IN ('lstm', 'har') ORDER BY 1, 2"""
    count = fetch(ledger, "SELECT count(*) FROM scored_forecasts WHERE model = 'har'")[0][0]
    assert fetch(ledger, sql) == [
        ("har", "other", count - 1, 1.0),
        ("har", "reaction", 1, 0.0),
        ("lstm", "other", count - 1, 1.0),
        ("lstm", "reaction", 1, 0.0),
    ]
    (skill,) = fetch(
        ledger,
        "SELECT pinball_skill FROM calibration_by_day WHERE model = 'lstm' AND kind_of_day = 'reaction'",
    )
    assert skill[0] > 0


def test_without_announcements_every_day_is_another(ledger: Warehouse) -> None:
    assert fetch(ledger, "SELECT DISTINCT kind_of_day FROM calibration_by_day") == [("other",)]
    assert fetch(ledger, "SELECT count(*) FROM upcoming_events") == [(0,)]
    assert scores_by_day(ledger, date(2012, 1, 1), date(2013, 12, 31)).empty


def test_a_backtest_shows_reactions_by_themselves(ledger: Warehouse) -> None:
    announced(ledger, date(2013, 1, 22), timing="unknown")
    first, last = date(2012, 9, 4), date(2013, 1, 18)
    scores = scores_by_day(ledger, first, last).set_index(["kind_of_day", "model"])
    assert scores.loc[("reaction", "lstm"), "n"] == 1
    assert scores.loc[("day of the announcement", "har"), "n"] == 1
    assert scores.loc[("session after it", "har"), "coverage_90"] == 0
    total = scores.loc[("tickers with dates", "lstm"), "n"]
    assert scores.loc[("other", "lstm"), "n"] == total - 1
    text = shown(backtest_table(ledger, first, last, ["A"]))
    assert "Sessions that react to an announcement, and others" in text
    assert "session after it" in text
