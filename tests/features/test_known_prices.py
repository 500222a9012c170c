"""Prices as a run of any session knew them: late ones, restated ones, and those that were soon disproved."""

from datetime import date
from typing import Any

import numpy as np
import pytest

from stockjax.features import PointInTimePrices

DAYS = [date(2013, 2, day) for day in (25, 26, 27, 28)]


def prices(*versions: tuple[int, float, int, int | None, bool]) -> PointInTimePrices:
    """Versions of A: session, close, known from and until (numbers of days), disproved at once."""
    day = np.array(DAYS, dtype="datetime64[D]")
    numbers = {
        name: np.array([each[1] for each in versions])
        for name in ("open", "high", "low", "close", "adj_close", "volume")
    }
    until = [np.datetime64("NaT", "D") if each[3] is None else day[each[3]] for each in versions]
    columns: dict[str, Any] = {
        "ticker": np.array(["A"] * len(versions), dtype=object),
        "session": day[[each[0] for each in versions]],
        "known_from": day[[each[2] for each in versions]],
        "known_until": np.array(until, dtype="datetime64[D]"),
        "disproved_at_once": np.array([each[4] for each in versions]),
        **numbers,
    }
    return PointInTimePrices.from_columns(columns, ["A"])


def closes(known: PointInTimePrices, session: int, at: int | None = None) -> list[float]:
    panel = known.at(DAYS[session], None if at is None else DAYS[at])
    return panel.close[0, : panel.lengths[0]].tolist()


def test_a_restated_price_is_used_from_the_session_that_knew_it() -> None:
    known = prices(
        (0, 10.0, 0, 2, False),
        (0, 20.0, 2, None, False),
        (1, 11.0, 1, None, False),
        (2, 21.0, 2, None, False),
    )
    assert closes(known, 1) == [10.0, 11.0]
    assert closes(known, 2) == [20.0, 11.0, 21.0]
    assert closes(known, 1, at=2) == [20.0, 11.0]


def test_a_price_that_came_late_is_missing_until_then() -> None:
    known = prices((0, 10.0, 0, None, False), (1, 11.0, 2, None, False), (2, 12.0, 2, None, False))
    assert closes(known, 1) == [10.0]
    assert closes(known, 1, at=2) == [10.0, 11.0]
    assert known.known_at("A", DAYS[1]) == DAYS[2]
    assert known.known_at("A", DAYS[0]) == DAYS[0]
    assert known.known_at("A", DAYS[2]) == DAYS[2]


def test_prices_before_the_first_fetch_are_not_late() -> None:
    known = prices((0, 10.0, 1, None, False), (1, 11.0, 1, None, False))
    assert known.known_at("A", DAYS[0]) == DAYS[0]
    assert known.is_static
    assert closes(known, 0) == [10.0]


def test_a_bar_that_the_next_one_disproves_counts_until_that_one() -> None:
    known = prices((0, 10.0, 3, None, False), (1, 99.0, 3, 2, True), (2, 12.0, 3, None, False))
    assert closes(known, 1) == [10.0, 99.0]
    assert closes(known, 2) == [10.0, 12.0]
    assert closes(known, 2, at=3) == [10.0, 12.0]


@pytest.mark.parametrize(("at", "expected"), [(1, [10.0]), (2, []), (3, [])])
def test_a_price_that_was_withdrawn_holds_until_that_session(at: int, expected: list[float]) -> None:
    known = prices((0, 10.0, 0, 2, False), (3, 13.0, 3, None, False))
    assert closes(known, 0, at=at) == expected


def test_what_holds_now_and_what_was_first_said_are_both_there() -> None:
    known = prices((0, 10.0, 0, 2, False), (0, 20.0, 2, None, False), (1, 11.0, 1, None, False))
    assert known.latest.close[0].tolist() == [20.0, 11.0]
    assert known.ever.close[0].tolist() == [10.0, 11.0]


def long_table(*rows: tuple[str, int, float, int, int | None]) -> dict[str, Any]:
    """Versions: ticker, session, close, known from and until (numbers of days)."""
    day = np.array(DAYS, dtype="datetime64[D]")
    until = [np.datetime64("NaT", "D") if each[4] is None else day[each[4]] for each in rows]
    closes = np.array([each[2] for each in rows])
    return {
        "ticker": np.array([each[0] for each in rows], dtype=object),
        "session": day[[each[1] for each in rows]],
        "known_from": day[[each[3] for each in rows]],
        "known_until": np.array(until, dtype="datetime64[D]"),
        "disproved_at_once": np.zeros(len(rows), dtype=bool),
        **dict.fromkeys(("open", "high", "low", "close", "adj_close", "volume"), closes),
    }


RESTATED = (("B", 0, 20.0, 0, 2), ("B", 0, 21.0, 2, None), ("B", 1, 22.0, 1, None))
SHORT, LONG = (("A", 3, 10.0, 3, None),), (("C", 0, 30.0, 0, None), ("C", 1, 31.0, 1, None))


@pytest.mark.parametrize(
    "parts",
    [
        [SHORT + RESTATED + LONG],
        [SHORT, RESTATED, LONG],
        [LONG, RESTATED, SHORT],
        [SHORT + RESTATED, (), LONG],
    ],
)
def test_tables_that_come_in_parts_are_one(parts: list[Any]) -> None:
    known = PointInTimePrices.from_parts([long_table(*part) for part in parts], ["A", "B", "C", "D"])
    assert not known.is_static
    then, now = known.at(DAYS[1]), known.at(DAYS[3])
    nan = np.nan
    np.testing.assert_array_equal(then.close, [[nan, nan], [20.0, 22.0], [30.0, 31.0], [nan, nan]])
    np.testing.assert_array_equal(now.close, [[10.0, nan], [21.0, 22.0], [30.0, 31.0], [nan, nan]])
    assert now.lengths.tolist() == [1, 2, 2, 0]
    assert known.unchanged.lengths.tolist() == [1, 0, 2, 0]


def test_no_table_at_all_is_no_price() -> None:
    known = PointInTimePrices.from_parts([], ["A"])
    assert known.latest.lengths.tolist() == [0]
    assert known.latest.close.shape == (1, 0)
