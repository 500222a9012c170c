import json
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pandas as pd

from stockjax.quality import check
from stockjax.sessions import exchange
from stockjax.warehouse import Warehouse
from stockjax.warehouse.prices import last_stored_session, read_history

from .made_up import MOMENT, closes, contents, fetch, price_rows, refused_rows, store

LATER = MOMENT + timedelta(days=1)
ROWS = price_rows(
    {"session": "2013-02-28", "close": 10.0, "volume": np.nan},
    {"session": "2013-03-01", "close": 11.0, "adj_close": 5.5, "dividend": 0.25, "split": 2.0},
    {"ticker": "B", "session": "2013-03-01", "close": 20.0},
)


def test_rows_are_stored_with_where_and_when_they_came_from(warehouse: Warehouse) -> None:
    assert store(warehouse, ROWS) == {"stored": 3, "restated": 0, "quarantined": 0}
    moment = datetime(2013, 3, 1, 22)
    assert fetch(warehouse, "FROM prices ORDER BY ticker, session") == [
        ("A", date(2013, 2, 28), 10, 10, 10, 10, 10, None, 0, 1, "test", moment, "run-1"),
        ("A", date(2013, 3, 1), 11, 11, 11, 11, 5.5, 100, 0.25, 2, "test", moment, "run-1"),
        ("B", date(2013, 3, 1), 20, 20, 20, 20, 20, 100, 0, 1, "test", moment, "run-1"),
    ]


def test_moments_are_stored_in_utc_whatever_their_zone(warehouse: Warehouse) -> None:
    store(warehouse, ROWS, moment=datetime(2013, 3, 2, 7, tzinfo=timezone(timedelta(hours=9))))
    assert fetch(warehouse, "SELECT DISTINCT fetched_at FROM prices") == [(datetime(2013, 3, 1, 22),)]


def test_storing_the_same_rows_again_changes_no_table_at_all(warehouse: Warehouse) -> None:
    refused = refused_rows({}, {"session": None, "reason": "no_date", "row": '{"close": 1.5, "x": null}'})
    store(warehouse, ROWS, refused)
    before = contents(warehouse)
    again = store(warehouse, ROWS.sample(frac=1, random_state=1), refused, run_id="run-2", moment=LATER)
    assert again == {"stored": 0, "restated": 0, "quarantined": 0}
    assert contents(warehouse) == before


def test_the_whole_sample_is_stored_once(warehouse: Warehouse, sample_prices: pd.DataFrame) -> None:
    checked = check(sample_prices, exchange("XNYS"))
    first = store(warehouse, checked.accepted, checked.refused)
    assert first["stored"] + first["quarantined"] == 12154
    before = contents(warehouse)
    assert store(warehouse, checked.accepted, checked.refused, run_id="run-2", moment=LATER) == {
        "stored": 0,
        "restated": 0,
        "quarantined": 0,
    }
    assert contents(warehouse) == before


def test_new_sessions_are_added_to_what_is_there(warehouse: Warehouse) -> None:
    store(warehouse, closes("A", {"2013-02-27": 9, "2013-02-28": 10}))
    counts = store(warehouse, closes("A", {"2013-02-28": 10, "2013-03-01": 11}), run_id="run-2")
    assert counts == {"stored": 1, "restated": 0, "quarantined": 0}
    assert fetch(warehouse, "SELECT close, run_id FROM prices ORDER BY session") == [
        (9, "run-1"),
        (10, "run-1"),
        (11, "run-2"),
    ]


def test_a_restated_row_moves_to_the_revisions(warehouse: Warehouse) -> None:
    store(warehouse, ROWS)
    restated = price_rows({"session": "2013-03-01", "close": 5.5, "dividend": 0.25, "split": 2.0})
    counts = store(warehouse, restated, run_id="run-2", moment=LATER)
    assert counts == {"stored": 1, "restated": 1, "quarantined": 0}
    first, second = datetime(2013, 3, 1, 22), datetime(2013, 3, 2, 22)
    assert fetch(warehouse, "FROM price_revisions") == [
        (
            *("A", date(2013, 3, 1), 11, 11, 11, 11, 5.5, 100, 0.25, 2, "test"),
            *(first, second, "restatement", "run-2"),
        )
    ]
    assert fetch(warehouse, "SELECT close, run_id FROM prices WHERE ticker = 'A' ORDER BY session") == [
        (10, "run-1"),
        (5.5, "run-2"),
    ]


def test_every_value_counts_as_a_restatement_and_a_gap_that_is_filled_too(warehouse: Warehouse) -> None:
    for name in ("open", "high", "low", "close", "adj_close", "volume", "dividend", "split"):
        row = {"session": "2013-03-01", "close": 10.0, "ticker": name}
        store(warehouse, price_rows(row))
        assert store(warehouse, price_rows(row | {name: 7.0}))["restated"] == 1
    gap = {"session": "2013-03-01", "close": 10.0, "ticker": "gap"}
    store(warehouse, price_rows(gap | {"volume": np.nan}))
    assert store(warehouse, price_rows(gap))["restated"] == 1
    assert store(warehouse, price_rows(gap | {"volume": np.nan}))["restated"] == 1


def test_prices_keep_one_row_per_ticker_and_session_through_any_restating(warehouse: Warehouse) -> None:
    for day, close in enumerate([10.0, 11.0, 10.0, 10.0, 12.0]):
        moment = MOMENT + timedelta(days=day)
        store(
            warehouse, closes("A", {"2013-02-28": 9, "2013-03-01": close}), run_id=f"run-{day}", moment=moment
        )
    assert fetch(warehouse, "SELECT session, count(*), max(close) FROM prices GROUP BY ALL ORDER BY ALL") == [
        (date(2013, 2, 28), 1, 9),
        (date(2013, 3, 1), 1, 12),
    ]
    assert fetch(warehouse, "SELECT close, run_id FROM price_revisions ORDER BY replaced_at") == [
        (10, "run-1"),
        (11, "run-2"),
        (10, "run-4"),
    ]


def test_the_prices_known_at_any_past_moment_can_be_rebuilt(warehouse: Warehouse) -> None:
    for day, close in enumerate([10.0, 11.0, 12.0]):
        store(warehouse, closes("A", {"2013-02-28": close}), moment=MOMENT + timedelta(days=day))
    known = """
        SELECT close FROM prices WHERE fetched_at <= $1
        UNION ALL
        SELECT close FROM price_revisions WHERE fetched_at <= $1 AND replaced_at > $1
    """
    for day, close in enumerate([10.0, 11.0, 12.0]):
        moment = (MOMENT + timedelta(days=day, hours=1)).astimezone(UTC).replace(tzinfo=None)
        assert fetch(warehouse, known, moment) == [(close,)]


def test_quarantined_rows_are_kept_word_for_word_and_once(warehouse: Warehouse) -> None:
    refused = refused_rows(
        {"row": '{"close":-1.5,"ticker":"M&M \\"x\\""}'},
        {"row": '{"close":-1.5}', "session": None, "reason": "no_date"},
    )
    assert store(warehouse, ROWS, refused)["quarantined"] == 2
    assert store(warehouse, ROWS, refused, run_id="run-2", moment=LATER)["quarantined"] == 0
    found = fetch(
        warehouse, 'SELECT ticker, session, reason, severity, "row", source, run_id FROM quarantine'
    )
    by_reason = {row[2]: row for row in found}
    assert len(found) == 2
    assert by_reason["no_date"][1] is None
    assert json.loads(by_reason["not_positive"][4]) == {"close": -1.5, "ticker": 'M&M "x"'}
    assert by_reason["not_positive"][3:4] + by_reason["not_positive"][5:] == ("reject", "test", "run-1")


def test_another_fault_of_the_same_day_is_quarantined_too(warehouse: Warehouse) -> None:
    store(warehouse, ROWS, refused_rows({"row": '{"close":-1}'}))
    changed = refused_rows({"row": '{"close":-2}'}, {"row": '{"close":-1}', "reason": "no_date"})
    assert store(warehouse, ROWS, changed)["quarantined"] == 2


def test_history_is_cut_at_the_last_session_and_ordered(warehouse: Warehouse) -> None:
    store(warehouse, ROWS.iloc[[2, 1, 0]])
    store(warehouse, closes("A", {"2013-03-04": 12}))
    history = read_history(warehouse, ["A", "B", "C"], date(2013, 3, 1))
    assert history["ticker"].tolist() == ["A", "A", "B"]
    assert history["close"].tolist() == [10.0, 11.0, 20.0]
    assert history["session"].astype("datetime64[D]").tolist() == [
        date(2013, 2, 28),
        date(2013, 3, 1),
        date(2013, 3, 1),
    ]
    assert np.isnan(history["volume"][0])
    assert read_history(warehouse, ["C"], date(2013, 3, 1))["close"].shape == (0,)


def test_the_last_stored_session_is_the_newest_of_any_ticker(warehouse: Warehouse) -> None:
    assert last_stored_session(warehouse) is None
    store(warehouse, ROWS)
    store(warehouse, closes("B", {"2013-03-04": 21}))
    assert last_stored_session(warehouse) == date(2013, 3, 4)
