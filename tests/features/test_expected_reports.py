"""What is expected of reports, from notices of every kind: what a slow loop finds, session by session."""

import math
from dataclasses import replace

import numpy as np
import pytest

from stockjax.features import KnownEvents, PricePanel
from stockjax.features.event_inputs import (
    EVENT_UNITS,
    ExpectedReports,
    event_columns,
    expected_reports,
    session_numbers,
)
from stockjax.features.known_events import NEVER, no_events
from stockjax.sessions import Exchange
from tests.support.synthetic import universe

TICKERS = ("A", "B", "C")
MISSES = {
    **{-6: 0.02, -5: 0.02, -4: 0.04, -3: 0.02, -2: 0.04, -1: 0.14},
    **{1: 0.21, 2: 0.09, 3: 0.10, 4: 0.09, 5: 0.12, 6: 0.02, 7: 0.01},
}


@pytest.fixture(scope="module")
def history() -> PricePanel:
    made = universe({"A": 70, "B": 50, "C": 30})
    return replace(made, markets=("XNYS",) * len(TICKERS))


def drawn(history: PricePanel, seed: int, count: int = 90) -> KnownEvents:
    """Notices of no particular reports: some lie before the first session or after the last."""
    random = np.random.default_rng(seed)
    numbers = session_numbers(history)
    first, last = int(numbers[numbers >= 0].min()), int(numbers.max())
    known = first + random.integers(-10, last - first + 10, count)
    return KnownEvents(
        tickers=TICKERS,
        row=random.integers(0, len(TICKERS), count),
        day=known + random.integers(-3, 25, count),
        after_close=random.choice([0.0, 0.5, 0.9, 1.0], count),
        exact=random.choice([1.0, 1.0, 0.6, 0.3], count),
        reaction=known + random.integers(-3, 25, count),
        known=known,
        until=np.where(random.random(count) < 0.3, NEVER, known + random.integers(1, 20, count)),
        reported=random.random(count) < 0.3,
        withdrawn=random.random(count) < 0.1,
        missed=random.choice([0, 4, -1, 30], count),
    )


def hazard(exact: float, missed: int, offset: int) -> float:
    """The probability of a report `offset` sessions from the projected day if there was none before."""
    repeated = 0.15 if missed in MISSES else 0.0
    shares = {
        away: exact
        if away == 0
        else (1 - exact) * ((1 - repeated) * MISSES[away] + repeated * (missed == away))
        for away in range(-6, 8)
    }
    if offset not in shares:
        return 0.0
    left = 1 - sum(share for away, share in shares.items() if away < offset)
    return shares[offset] / max(left, 0.01)


def slowly(history: PricePanel, events: KnownEvents) -> tuple[np.ndarray, np.ndarray]:
    """Probability and nearness, one session and one notice at a time."""
    numbers = session_numbers(history)
    probability, nearness = np.zeros(numbers.shape), np.zeros(numbers.shape)
    for row, column in zip(*np.nonzero(numbers >= 0), strict=True):
        session = int(numbers[row, column])
        target = session + 1
        for at in np.flatnonzero(events.row == row):
            if events.withdrawn[at] or not events.known[at] <= session < events.until[at]:
                continue
            day, late, exact = int(events.day[at]), float(events.after_close[at]), float(events.exact[at])
            if exact >= 1:
                probability[row, column] += (1 - late) * (target == day) + late * (target == day + 1)
            else:
                likely = hazard(exact, int(events.missed[at]), target - day)
                probability[row, column] += likely * (1 - late)
            if not events.reported[at] and 0 <= day - target < 20:
                near = exact * math.exp(-(day - target) / 5)
                nearness[row, column] = max(nearness[row, column], near)
    return np.minimum(probability, 1.0), nearness


@pytest.mark.parametrize("seed", range(4))
def test_probability_and_nearness_are_what_a_slow_loop_finds(history: PricePanel, seed: int) -> None:
    events = drawn(history, seed)
    found = expected_reports(history, events)
    assert found is not None
    probability, nearness = slowly(history, events)
    assert ((probability > 0) & (probability < 1)).sum() > 50
    assert (probability == 1).any()
    np.testing.assert_allclose(found.probability, probability, atol=1e-12)
    np.testing.assert_allclose(found.nearness, nearness, atol=1e-12)


def test_a_report_of_the_session_after_the_last_one_is_expected(history: PricePanel) -> None:
    """And one before the first session is not taken for another."""
    numbers = session_numbers(history)
    last = int(numbers.max())
    one = replace(drawn(history, 0, 1), row=np.array([2]), withdrawn=np.array([False]), exact=np.array([1.0]))
    one = replace(one, after_close=np.array([0.0]), known=np.array([last]), until=np.array([NEVER]))
    for day, expected in ((last + 1, 1.0), (last, 0.0), (last + 2, 0.0), (0, 0.0)):
        found = expected_reports(history, replace(one, day=np.array([day])))
        assert found is not None
        assert found.probability[2, history.lengths[2] - 1] == expected
        assert found.probability.sum() == expected


def test_sessions_are_numbered_in_the_calendar_of_their_exchange(history: PricePanel) -> None:
    numbers = session_numbers(history)
    every = Exchange("XNYS").every_session
    for row, length in enumerate(history.lengths):
        np.testing.assert_array_equal(every[numbers[row, :length]], history.sessions[row, :length])
        assert (numbers[row, length:] == -1).all()
    assert (numbers == -1).any()


def test_a_session_says_of_ordinary_ones_what_was_not_expected_of_it(history: PricePanel) -> None:
    probability = np.array([[0.2, 1.0, 0.0, 0.7]])
    made = ExpectedReports(np.arange(4)[None], probability, np.zeros((1, 4)))
    np.testing.assert_allclose(made.ordinary, [[1.0, 0.8, 0.01, 1.0]])


def test_the_columns_are_multiplied_by_their_units(history: PricePanel) -> None:
    """Networks are trained on them: other units are other inputs, and need other models."""
    assert EVENT_UNITS == (4.0, 4.0, 2.0, 2.0)
    events = drawn(history, 1)
    expected = expected_reports(history, events)
    assert expected is not None
    moves = np.ones(history.sessions.shape)
    likely, _, _, until = event_columns(history, moves, events, expected)
    np.testing.assert_array_equal(likely, 4 * expected.probability)
    np.testing.assert_array_equal(until, 2 * expected.nearness)


def test_nothing_known_is_nothing_expected(history: PricePanel) -> None:
    nothing = no_events(TICKERS)
    assert expected_reports(history, nothing) is None
    for each in (nothing.row, nothing.exact, nothing.known, nothing.reported, nothing.missed):
        assert len(each) == 0
    columns = event_columns(history, np.ones(history.sessions.shape), nothing, None)
    assert [column.any() for column in columns] == [False] * 4


@pytest.mark.parametrize(("late", "sessions"), [(0.0, (0, 0)), (0.5, (0, 1)), (1.0, (1, 1))])
def test_the_size_of_a_reaction_is_of_the_sessions_that_may_have_reacted(
    history: PricePanel, late: float, sessions: tuple[int, int]
) -> None:
    """The larger move of two where the time of day is not known."""
    numbers = session_numbers(history)
    day = int(numbers[0, 30])
    random = np.random.default_rng(3)
    moves = random.uniform(1, 9, history.sessions.shape)
    report = replace(
        drawn(history, 0, 1),
        row=np.array([0]),
        day=np.array([day]),
        after_close=np.array([late]),
        reaction=np.array([day]),
        known=np.array([day]),
        until=np.array([NEVER]),
        reported=np.array([True]),
        withdrawn=np.array([False]),
    )
    certain = ExpectedReports(numbers, np.ones(numbers.shape), np.zeros(numbers.shape))
    _, reaction, since, _ = event_columns(history, moves, report, certain)
    size = min(max(moves[0, 30 + step] for step in sessions), 8.0)
    seen = 30 + sessions[1]
    usual = np.full(70, 2.5)
    usual[seen:] = (size + 12.5) / 6
    np.testing.assert_allclose(reaction[0], 4 * np.log(usual / 2.5), atol=1e-12)
    np.testing.assert_allclose(since[0, 30:], 2 * 0.94 ** np.arange(40))
    assert not since[0, :30].any()
