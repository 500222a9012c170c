import json
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stockjax.quality import check
from stockjax.sources import PRICE_COLUMNS
from stockjax.warehouse import Warehouse
from stockjax.warehouse.prices import (
    Stored,
    newest_by_exchange,
    newest_prices,
    read_known_prices,
    stored_history,
)
from stockjax.warehouse.query import query
from stockjax.warehouse.records import replace_tickers
from tests.support.synthetic import NEW_YORK
from tests.support.warehouse_rows import MOMENT, closes, contents, fetch, price_rows, refused_rows, store

LATER = MOMENT + timedelta(days=1)
UNCHANGED = Stored(0, {}, 0)
ROWS = price_rows(
    {"session": "2013-02-28", "close": 10.0, "volume": np.nan},
    {"session": "2013-03-01", "close": 11.0, "adj_close": 5.5, "dividend": 0.25, "split": 2.0},
    {"ticker": "B", "session": "2013-03-01", "close": 20.0},
)


def test_rows_are_stored_with_where_and_when_they_came_from(warehouse: Warehouse) -> None:
    assert store(warehouse, ROWS) == Stored(3, {}, 0)
    moment = datetime(2013, 3, 1, 22)
    today = date(2013, 3, 1)
    assert fetch(warehouse, "FROM prices ORDER BY ticker, session") == [
        ("A", date(2013, 2, 28), 10, 10, 10, 10, 10, None, 0, 1, "test", moment, "run-1", today),
        ("A", date(2013, 3, 1), 11, 11, 11, 11, 5.5, 100, 0.25, 2, "test", moment, "run-1", today),
        ("B", date(2013, 3, 1), 20, 20, 20, 20, 20, 100, 0, 1, "test", moment, "run-1", today),
    ]


def test_moments_are_stored_in_utc_whatever_their_zone(warehouse: Warehouse) -> None:
    store(warehouse, ROWS, moment=datetime(2013, 3, 2, 7, tzinfo=timezone(timedelta(hours=9))))
    assert fetch(warehouse, "SELECT DISTINCT fetched_at FROM prices") == [(datetime(2013, 3, 1, 22),)]


def test_storing_the_same_rows_again_changes_no_table_at_all(warehouse: Warehouse) -> None:
    refused = refused_rows({}, {"session": None, "reason": "no_date", "row": '{"close": 1.5, "x": null}'})
    store(warehouse, ROWS, refused)
    before = contents(warehouse)
    again = store(warehouse, ROWS.sample(frac=1, random_state=1), refused, run_id="run-2", moment=LATER)
    assert again == UNCHANGED
    assert contents(warehouse) == before


def test_the_whole_sample_is_stored_once(warehouse: Warehouse, sample_prices: pd.DataFrame) -> None:
    exchanges = dict.fromkeys(sample_prices["ticker"], NEW_YORK)
    checked = check(sample_prices, exchanges, {NEW_YORK.code: date(2013, 3, 1)})
    first = store(warehouse, checked.accepted, checked.quarantined)
    assert first.new + checked.rejected == 12154
    assert first.quarantined == len(checked.quarantined)
    before = contents(warehouse)
    assert store(warehouse, checked.accepted, checked.quarantined, run_id="run-2", moment=LATER) == UNCHANGED
    assert contents(warehouse) == before


def test_new_sessions_are_added_to_what_is_there(warehouse: Warehouse) -> None:
    store(warehouse, closes("A", {"2013-02-27": 9, "2013-02-28": 10}))
    stored = store(warehouse, closes("A", {"2013-02-28": 10, "2013-03-01": 11}), run_id="run-2")
    assert stored == Stored(1, {}, 0)
    assert fetch(warehouse, "SELECT close, run_id FROM prices ORDER BY session") == [
        (9, "run-1"),
        (10, "run-1"),
        (11, "run-2"),
    ]


def test_a_restated_row_moves_to_the_revisions(warehouse: Warehouse) -> None:
    store(warehouse, ROWS)
    restated = price_rows({"session": "2013-03-01", "close": 5.5, "dividend": 0.25, "split": 2.0})
    stored = store(warehouse, restated, run_id="run-2", moment=LATER)
    assert stored == Stored(1, {"restatement": 1}, 0)
    first, second = datetime(2013, 3, 1, 22), datetime(2013, 3, 2, 22)
    assert fetch(warehouse, "FROM price_revisions") == [
        (
            *("A", date(2013, 3, 1), 11, 11, 11, 11, 5.5, 100, 0.25, 2, "test"),
            *(first, second, "restatement", "run-2", date(2013, 3, 1), date(2013, 3, 2)),
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
        assert store(warehouse, price_rows(row | {name: 7.0})).restated == {"restatement": 1}
    gap = {"session": "2013-03-01", "close": 10.0, "ticker": "gap"}
    store(warehouse, price_rows(gap | {"volume": np.nan}))
    assert store(warehouse, price_rows(gap)).restated == {"restatement": 1}
    assert store(warehouse, price_rows(gap | {"volume": np.nan})).restated == {"restatement": 1}


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
        assert fetch(warehouse, "SELECT close FROM prices_as_of($1)", moment) == [(close,)]


def test_the_prices_as_of_a_moment_are_all_that_was_known_then_and_nothing_else(warehouse: Warehouse) -> None:
    first = pd.concat([closes("A", {"2013-02-27": 10, "2013-02-28": 11}), closes("B", {"2013-02-28": 7})])
    second = pd.concat([closes("A", {"2013-02-27": 10, "2013-02-28": 12, "2013-03-01": 13})])
    store(warehouse, first)
    store(warehouse, second, replaced=["A"], moment=LATER)
    store(warehouse, closes("B", {"2013-03-01": 8}), replaced=["B"], moment=LATER)
    lines = "SELECT ticker, session, close FROM prices_as_of(TIMESTAMP '{}') ORDER BY ALL"
    a, b = "A", "B"
    feb27, feb28, mar1 = date(2013, 2, 27), date(2013, 2, 28), date(2013, 3, 1)
    expected = {
        "2013-03-01 21:59:59": [],
        "2013-03-01 22:00:00": [(a, feb27, 10), (a, feb28, 11), (b, feb28, 7)],
        "2013-03-02 21:59:59": [(a, feb27, 10), (a, feb28, 11), (b, feb28, 7)],
        "2013-03-02 22:00:00": [(a, feb27, 10), (a, feb28, 12), (a, mar1, 13), (b, mar1, 8)],
        "2030-01-01": [(a, feb27, 10), (a, feb28, 12), (a, mar1, 13), (b, mar1, 8)],
    }
    assert {moment: fetch(warehouse, lines.format(moment)) for moment in expected} == expected
    columns = [*PRICE_COLUMNS, "source", "fetched_at"]
    today = fetch(warehouse, f"SELECT {', '.join(columns)} FROM prices ORDER BY ALL")
    assert fetch(warehouse, "FROM prices_as_of(now()::TIMESTAMP) ORDER BY ALL") == today
    # The readers' copy answers the same, to who asks for text or a date.
    for moment in ("TIMESTAMP '2013-03-01 22:00'", "'2013-03-01 22:00'", "DATE '2013-03-02'"):
        answer = query(warehouse, f"SELECT * FROM prices_as_of({moment})")
        assert answer.columns.tolist() == columns
        assert sorted(answer["close"]) == [7, 10, 11]


@pytest.mark.parametrize(
    ("learnt", "before", "reasons"),
    [
        # A split halves what came before it; the adjusted closes were in these units already.
        ({"split": 2.0}, {"close": 5.0, "adj_close": 10.0}, {"split"}),
        # Some vendors divide the adjusted closes too.
        ({"split": 2.0}, {"close": 5.0, "adj_close": 5.0}, {"split"}),
        ({"split": 2.0}, {"close": 10.0, "adj_close": 5.0}, {"split"}),
        ({"dividend": 0.5}, {"close": 10.0, "adj_close": 9.5}, {"dividend"}),
        # Both on one day: what only the adjusted close shows is the dividend's.
        ({"split": 2.0, "dividend": 0.5}, {"close": 5.0, "adj_close": 4.75}, {"split"}),
        ({"split": 2.0, "dividend": 0.5}, {"close": 10.0, "adj_close": 9.5}, {"dividend"}),
        # Neither explains a volume, nor a close that moves by a dividend alone.
        ({"split": 2.0}, {"close": 10.0, "volume": 7.0}, {"restatement"}),
        ({"dividend": 0.5}, {"close": 10.0, "volume": 7.0}, {"restatement"}),
        ({"dividend": 0.5}, {"close": 9.5, "adj_close": 10.0}, {"restatement"}),
        ({}, {"close": 5.0, "adj_close": 5.0}, {"restatement"}),
    ],
)
def test_a_restated_past_has_the_reason_that_its_ticker_was_just_given(
    warehouse: Warehouse, learnt: dict[str, float], before: dict[str, float], reasons: set[str]
) -> None:
    store(warehouse, closes("A", {"2013-02-27": 10, "2013-02-28": 10}))
    store(warehouse, closes("B", {"2013-02-28": 10}))
    fresh = {"session": "2013-03-01", "close": 10.0} | learnt
    past = [{"session": day} | before for day in ("2013-02-27", "2013-02-28")]
    other = {"ticker": "B", "session": "2013-02-28", "close": 4.0}
    stored = store(warehouse, price_rows(*past, fresh, other), run_id="run-2", moment=LATER)
    assert stored.new == 4
    assert sum(stored.restated.values()) == 3
    found = fetch(warehouse, "SELECT ticker, reason FROM price_revisions ORDER BY ALL")
    assert found == [*[("A", reason) for reason in reasons for _ in range(2)], ("B", "restatement")]
    assert fetch(warehouse, "SELECT reason, count(*) FROM price_revisions GROUP BY ALL ORDER BY ALL") == [
        *sorted(stored.restated.items())
    ]


def test_a_split_that_is_known_already_explains_no_further_change(warehouse: Warehouse) -> None:
    split = {"session": "2013-03-01", "close": 10.0, "split": 2.0, "dividend": 0.5}
    store(warehouse, price_rows({"session": "2013-02-28", "close": 10.0}, split))
    moved = price_rows({"session": "2013-02-28", "close": 5.0}, split)
    assert store(warehouse, moved).restated == {"restatement": 1}


def test_a_split_that_is_learnt_late_explains_the_past_and_not_its_own_row(warehouse: Warehouse) -> None:
    store(warehouse, closes("A", {"2013-02-28": 10, "2013-03-01": 5}))
    late = price_rows(
        {"session": "2013-02-28", "close": 5.0}, {"session": "2013-03-01", "close": 5.0, "split": 2.0}
    )
    assert store(warehouse, late).restated == {"split": 1, "restatement": 1}


def test_noise_below_a_millionth_changes_nothing(warehouse: Warehouse) -> None:
    rows = price_rows(
        {"session": "2013-02-28", "close": 123.456, "dividend": 0.25, "split": 2.0, "volume": 1e9},
        {"session": "2013-03-01", "close": 0.0001},
    )
    store(warehouse, rows)
    before = contents(warehouse)
    numbers = list(PRICE_COLUMNS[2:])
    for factor in (1 + 9e-7, 1 - 9e-7):
        noisy = rows.assign(**{name: rows[name] * factor for name in numbers})
        assert store(warehouse, noisy, run_id="run-2", moment=LATER, replaced=["A"]) == UNCHANGED
    assert contents(warehouse) == before
    louder = rows.assign(close=rows["close"] * (1 + 2e-6))
    assert store(warehouse, louder, run_id="run-2", moment=LATER).restated == {"restatement": 2}


def test_noise_does_not_add_up_unseen(warehouse: Warehouse) -> None:
    """What is compared is the stored number, which noise leaves as it was."""
    factor = 1 + 6e-7
    store(warehouse, closes("A", {"2013-03-01": 10.0}))
    assert store(warehouse, closes("A", {"2013-03-01": 10.0 * factor})) == UNCHANGED
    assert store(warehouse, closes("A", {"2013-03-01": 10.0 * factor**2})).restated == {"restatement": 1}


def test_nothing_is_no_noise_next_to_a_number(warehouse: Warehouse) -> None:
    row = {"session": "2013-03-01", "close": 10.0}
    store(warehouse, price_rows(row))
    assert store(warehouse, price_rows(row | {"dividend": 1e-9})).restated == {"restatement": 1}
    assert store(warehouse, price_rows(row)).restated == {"restatement": 1}


def test_a_whole_history_withdraws_the_rows_that_it_lacks(warehouse: Warehouse) -> None:
    store(warehouse, closes("A", {"2013-02-27": 9, "2013-02-28": 10, "2013-03-01": 11}))
    store(warehouse, closes("B", {"2013-02-27": 20}))
    part = closes("A", {"2013-02-27": 9, "2013-03-01": 11})
    assert store(warehouse, part, run_id="run-2", moment=LATER) == UNCHANGED
    assert store(warehouse, part, run_id="run-2", moment=LATER, replaced=["A"]) == Stored(
        0, {"withdrawn": 1}, 0
    )
    assert fetch(warehouse, "SELECT ticker, session FROM prices ORDER BY ALL") == [
        ("A", date(2013, 2, 27)),
        ("A", date(2013, 3, 1)),
        ("B", date(2013, 2, 27)),
    ]
    assert fetch(warehouse, "SELECT ticker, session, close, reason, run_id FROM price_revisions") == [
        ("A", date(2013, 2, 28), 10, "withdrawn", "run-2")
    ]


def test_a_symbol_of_another_company_starts_again_and_keeps_the_old_rows_apart(warehouse: Warehouse) -> None:
    store(warehouse, closes("A", {"2013-02-27": 9, "2013-02-28": 10}))
    store(warehouse, closes("B", {"2013-02-28": 20}))
    other = closes("A", {"2013-02-28": 55, "2013-03-01": 56})
    stored = store(warehouse, other, run_id="run-2", moment=LATER, recycled=["A"])
    assert stored == Stored(2, {"recycled": 2}, 0)
    assert fetch(warehouse, "SELECT session, close FROM prices WHERE ticker = 'A' ORDER BY ALL") == [
        (date(2013, 2, 28), 55),
        (date(2013, 3, 1), 56),
    ]
    assert fetch(warehouse, "SELECT session, close, reason FROM price_revisions ORDER BY ALL") == [
        (date(2013, 2, 27), 9, "recycled"),
        (date(2013, 2, 28), 10, "recycled"),
    ]
    assert fetch(warehouse, "SELECT close FROM prices WHERE ticker = 'B'") == [(20,)]


def test_a_stored_row_that_turned_out_to_be_wrong_moves_away_and_nothing_takes_its_place(
    warehouse: Warehouse,
) -> None:
    store(warehouse, closes("A", {"2013-02-26": 9, "2013-02-27": 900, "2013-02-28": 9}))
    store(warehouse, closes("B", {"2013-02-27": 9}))
    wrong = closes("A", {"2013-02-27": 900, "2013-03-04": 1})[["ticker", "session"]]
    fresh = closes("A", {"2013-02-28": 9, "2013-03-01": 9})
    stored = store(warehouse, fresh, run_id="run-2", moment=LATER, disproved=wrong)
    assert stored == Stored(1, {"disproved": 1}, 0)
    assert fetch(warehouse, "SELECT session, close, reason FROM price_revisions") == [
        (date(2013, 2, 27), 900, "disproved")
    ]
    assert fetch(warehouse, "SELECT ticker, close FROM prices ORDER BY ALL") == [*[("A", 9)] * 3, ("B", 9)]
    again = store(warehouse, fresh, run_id="run-3", moment=LATER + timedelta(days=1), disproved=wrong)
    assert again == UNCHANGED


def test_recycling_twice_changes_nothing_more(warehouse: Warehouse) -> None:
    store(warehouse, closes("A", {"2013-02-27": 9, "2013-02-28": 10}))
    other = closes("A", {"2013-02-28": 55, "2013-03-01": 56})
    store(warehouse, other, moment=LATER, recycled=["A"])
    before = contents(warehouse)
    again = store(warehouse, other, moment=LATER + timedelta(days=1), recycled=["A"])
    assert again == UNCHANGED
    assert contents(warehouse) == before


def test_quarantined_rows_are_kept_word_for_word_and_once(warehouse: Warehouse) -> None:
    refused = refused_rows(
        {"row": '{"close":-1.5,"ticker":"M&M \\"x\\""}'},
        {"row": '{"close":-1.5}', "session": None, "reason": "no_date"},
    )
    assert store(warehouse, ROWS, refused).quarantined == 2
    assert store(warehouse, ROWS, refused, run_id="run-2", moment=LATER).quarantined == 0
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
    assert store(warehouse, ROWS, changed).quarantined == 2


def test_a_row_without_a_ticker_is_quarantined_too_and_once(warehouse: Warehouse) -> None:
    refused = refused_rows({"ticker": None, "reason": "no_ticker"}, {}).astype({"ticker": str})
    assert store(warehouse, ROWS, refused).quarantined == 2
    assert store(warehouse, ROWS, refused, run_id="run-2", moment=LATER).quarantined == 0
    assert fetch(warehouse, "SELECT count(*) FROM quarantine WHERE reason = 'no_ticker'") == [(1,)]


def test_history_is_cut_at_the_last_session_and_ordered(warehouse: Warehouse) -> None:
    store(warehouse, ROWS.iloc[[2, 1, 0]])
    store(warehouse, closes("A", {"2013-03-04": 12}))
    (history,), _ = read_known_prices(warehouse, ["A", "B", "C"], date(2013, 3, 1))
    assert history["ticker"].tolist() == ["A", "A", "B"]
    assert history["close"].tolist() == [10.0, 11.0, 20.0]
    assert history["session"].astype("datetime64[D]").tolist() == [
        date(2013, 2, 28),
        date(2013, 3, 1),
        date(2013, 3, 1),
    ]
    assert np.isnan(history["volume"][0])
    (nothing,), _ = read_known_prices(warehouse, ["C"], date(2013, 3, 1))
    assert nothing["close"].shape == (0,)


def exchange_row(ticker: str, code: str) -> dict[str, Any]:
    """What a run has said of a ticker."""
    return {
        "ticker": ticker,
        "exchange": code,
        "state": "active",
        "reason": None,
        "first_session": pd.Timestamp("2013-02-28"),
        "last_session": pd.Timestamp("2013-03-01"),
        "sessions": 2,
    }


def test_the_newest_session_of_each_exchange_is_that_of_any_of_its_tickers(warehouse: Warehouse) -> None:
    assert newest_by_exchange(warehouse, "XNYS") == {}
    store(warehouse, ROWS)
    store(warehouse, closes("B", {"2013-03-04": 21}))
    # As long as no run has judged them, all are of the default exchange.
    assert newest_by_exchange(warehouse, "XNYS") == {"XNYS": date(2013, 3, 4)}
    states = pd.DataFrame([exchange_row("B", "XTKS"), exchange_row("NONE", "XLON")])
    replace_tickers(warehouse, states.astype({"reason": str}), run_id="run-1", moment=MOMENT)
    assert newest_by_exchange(warehouse, "XNYS") == {"XNYS": date(2013, 3, 1), "XTKS": date(2013, 3, 4)}
    assert newest_by_exchange(warehouse, "XTKS") == {"XTKS": date(2013, 3, 4)}


def test_the_newest_prices_are_so_many_of_each_ticker_oldest_first(warehouse: Warehouse) -> None:
    days = [str(day) for day in NEW_YORK.sessions(date(2012, 11, 1), date(2013, 3, 1))]
    old = [str(day) for day in NEW_YORK.sessions(date(2001, 1, 2), date(2001, 6, 29))]
    frames = [
        closes("B", {day: 10.0 + at for at, day in enumerate(days)}),
        closes("ENDED", {day: 20.0 + at for at, day in enumerate(old)}),
        closes("A", {day: 30.0 + at for at, day in enumerate(days)}),
        closes("FEW", {day: 40.0 + at for at, day in enumerate(days[-3:])}),
        closes("ELSE", dict.fromkeys(days, 50.0)),
    ]
    store(warehouse, pd.concat(frames).sample(frac=1, random_state=1))
    found = newest_prices(warehouse, ["FEW", "B", "ENDED", "A", "NONE"], 30)
    assert found.columns.tolist() == list(PRICE_COLUMNS)
    assert list(dict.fromkeys(found["ticker"])) == ["A", "B", "ENDED", "FEW"]
    for ticker, frame, count in (("A", 2, 30), ("B", 0, 30), ("ENDED", 1, 30), ("FEW", 3, 3)):
        own = found[found["ticker"] == ticker].reset_index(drop=True)
        pd.testing.assert_frame_equal(own, frames[frame].tail(count).reset_index(drop=True))
    assert newest_prices(warehouse, ["NONE"], 30).empty
    assert newest_prices(warehouse, [], 30).empty
    assert len(newest_prices(warehouse, ["A", "B"], 1)) == 2


def test_the_stored_history_is_all_of_it_by_ticker_and_session(warehouse: Warehouse) -> None:
    store(warehouse, ROWS.iloc[[2, 1, 0]])
    found = stored_history(warehouse, ["B", "A", "NONE"])
    assert found.columns.tolist() == ["ticker", "session", "close", "adj_close", "volume"]
    assert found.astype(object).where(found.notna(), None).to_dict("split")["data"] == [
        ["A", pd.Timestamp("2013-02-28"), 10.0, 10.0, None],
        ["A", pd.Timestamp("2013-03-01"), 11.0, 5.5, 100.0],
        ["B", pd.Timestamp("2013-03-01"), 20.0, 20.0, 100.0],
    ]
    assert stored_history(warehouse, ["NONE"]).empty
