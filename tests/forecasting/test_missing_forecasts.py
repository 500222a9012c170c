from datetime import date

import pytest

from stockjax.features import PricePanel
from stockjax.forecasting.missing_forecasts import missing_sessions, sessions_between
from tests.support.synthetic import universe

COUNT = 5
TONIGHT = date(2013, 3, 1)
BEFORE = dict.fromkeys("ABC", TONIGHT)


@pytest.fixture(scope="module")
def history() -> PricePanel:
    return universe({"A": 420, "B": 340, "C": 66})


def last_days(history: PricePanel, row: int, count: int) -> set[date]:
    """The last sessions of a ticker before tonight's."""
    return set(history.sessions[row, : history.lengths[row] - 1][-count:].tolist())


def test_without_forecasts_the_last_sessions_before_tonight_are_missing(history: PricePanel) -> None:
    found = missing_sessions(history, {}, BEFORE, COUNT, 64)
    assert found["A"] == last_days(history, 0, COUNT)
    assert TONIGHT not in found["A"]
    # C has 66 sessions: the 64th and the 65th are the only ones a forecast can be made from.
    assert found["C"] == last_days(history, 2, 2)


def test_sessions_whose_forecasts_are_complete_are_not_missing(history: PricePanel) -> None:
    done = last_days(history, 0, 3)
    found = missing_sessions(history, {"A": done}, BEFORE, COUNT, 64)
    assert found["A"] == last_days(history, 0, COUNT) - done
    assert found["B"] == last_days(history, 1, COUNT)


def test_a_count_beyond_the_history_reaches_back_to_where_forecasts_begin(history: PricePanel) -> None:
    found = missing_sessions(history, {}, BEFORE, 10_000, 64)
    assert len(found["A"]) == 420 - 1 - 63
    assert min(found["A"]) == history.sessions[0, 63].item()
    assert missing_sessions(history, {}, BEFORE, 0, 64) == {"A": set(), "B": set(), "C": set()}


def test_tonight_is_each_tickers_own(history: PricePanel) -> None:
    days = history.sessions[0, :420].tolist()
    found = missing_sessions(history, {}, {"A": days[-4], "B": TONIGHT, "C": date(2013, 3, 4)}, COUNT, 64)
    assert found["A"] == set(days[-4 - COUNT : -4])
    assert found["B"] == last_days(history, 1, COUNT)
    # Of C, 66 sessions and all of them before its tonight, the last three can be forecast from.
    assert found["C"] == set(history.sessions[2, 63:66].tolist())


def test_the_search_begins_after_the_first_night_of_a_ticker(history: PricePanel) -> None:
    days = history.sessions[0, :420].tolist()
    found = missing_sessions(
        history, {"A": {days[-3]}}, BEFORE, COUNT, 64, {"A": days[-4], "C": date(2000, 1, 3)}
    )
    assert found["A"] == {days[-2]}
    assert found["B"] == set(), "no night has forecast it yet: nothing was missed"
    assert found["C"] == last_days(history, 2, 2)


def test_a_night_long_ago_is_searched_back_to_as_far_as_the_count(history: PricePanel) -> None:
    long_ago = dict.fromkeys("ABC", date(2000, 1, 3))
    assert missing_sessions(history, {}, BEFORE, COUNT, 64, long_ago) == missing_sessions(
        history, {}, BEFORE, COUNT, 64
    )


def test_sessions_between_are_those_of_each_ticker_with_both_ends(history: PricePanel) -> None:
    days = history.sessions[0, :420].tolist()
    found = sessions_between(history, days[-3], days[-2], 64)
    assert found == {"A": {days[-3], days[-2]}, "B": {days[-3], days[-2]}, "C": {days[-3], days[-2]}}
    # B misses one day of its history; dates that are no sessions find none.
    gap = (set(days) - set(history.sessions[1, :339].tolist())) & set(days[-340:])
    (missed,) = gap
    assert sessions_between(history, missed, missed, 64) == {"A": {missed}, "B": set(), "C": set()}
    weekend = sessions_between(history, date(2013, 2, 23), date(2013, 2, 24), 64)
    assert weekend == {"A": set(), "B": set(), "C": set()}


def test_sessions_between_begin_where_a_forecast_can(history: PricePanel) -> None:
    found = sessions_between(history, date(2000, 1, 1), date(2030, 1, 1), 64)
    assert {ticker: len(days) for ticker, days in found.items()} == {"A": 357, "B": 276, "C": 3}
    assert found["C"] == set(history.sessions[2, 63:66].tolist())
    assert sessions_between(history, date(2000, 1, 1), date(2030, 1, 1), 67)["C"] == set()
