"""Evidence by hand, and what it is worth while all is well."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockjax.drift.detector import STAKES, alarm_levels, evidence, grow, wagers
from stockjax.drift.monitors import coverage_bets, scale_bets


def test_a_gambler_has_the_share_kept_and_what_the_bet_pays_on_the_other() -> None:
    found = wagers(np.array([[0.0, 3.0]]))
    assert found == pytest.approx(np.array([[0.95, 0.85, 0.6, 0.1, 1.1, 1.3, 1.8, 2.8]]))


def test_evidence_by_hand() -> None:
    # A stake of 0.4: 1 * 1.8 = 1.8, then (1.8 + 1) * 0.6 = 1.68, then 2.68 * 1 = 2.68.
    wealth = np.zeros((1, len(STAKES)))
    for payoff, expected in ((3.0, 1.8), (0.0, 1.68), (1.0, 2.68)):
        wealth = grow(wealth, np.array([[payoff]]))
        assert wealth[0, 2] == pytest.approx(expected)
    # The mean of the four: each from 0 by w' = (w + 1)(1 + f (y - 1)).
    by_hand = [((1 + 2 * f) + 1) * (1 - f) + 1 for f in STAKES]
    assert evidence(wealth)[0] == pytest.approx(sum(by_hand) / 4)


def test_bets_that_pay_one_count_the_observations() -> None:
    wealth = np.zeros((2, 2 * len(STAKES)))
    for _ in range(7):
        wealth = grow(wealth, np.ones((2, 2)))
    assert evidence(wealth).tolist() == [7.0, 7.0]


def test_one_stream_is_in_alarm_from_the_patience_on() -> None:
    levels, alarm = alarm_levels(np.array([100.0]), np.array([True]), 100.0)
    assert (levels.tolist(), alarm.tolist()) == ([100.0], [True])
    levels, alarm = alarm_levels(np.array([99.9]), np.array([True]), 100.0)
    assert (levels.tolist(), alarm.tolist()) == ([100.0], [False])


@pytest.mark.parametrize(
    ("found", "levels", "alarms"),
    [
        # Four streams at a patience of 100: 400 for one alarm, 200 each for two, 133.3 for three.
        ([399, 10, 10, 10], [400, 400, 400, 400], []),
        ([400, 10, 10, 10], [400, 200, 200, 200], [0]),
        ([200, 200, 10, 10], [200, 200, 400 / 3, 400 / 3], [0, 1]),
        # One in the middle fails on its own, and is carried by the third.
        ([5000, 140, 10, 135], [400 / 3, 400 / 3, 100, 400 / 3], [0, 1, 3]),
        ([100, 100, 100, 100], [100, 100, 100, 100], [0, 1, 2, 3]),
        ([99, 99, 99, 99], [400, 400, 400, 400], []),
    ],
)
def test_alarms_of_four_streams_by_e_bh(found: list[float], levels: list[float], alarms: list[int]) -> None:
    got, alarm = alarm_levels(np.array(found, dtype=float), np.ones(4, dtype=bool), 100.0)
    assert np.flatnonzero(alarm).tolist() == alarms
    assert got.tolist() == pytest.approx(levels)


def test_a_stream_that_has_seen_too_little_is_counted_and_not_in_alarm() -> None:
    levels, alarm = alarm_levels(np.array([1e9, 150.0]), np.array([False, True]), 100.0)
    assert alarm.tolist() == [False, False]
    assert levels.tolist() == [200.0, 200.0]


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.floats(2.5, 30.0), st.floats(0.0, 0.5))
def test_evidence_is_worth_no_more_than_the_observations_while_all_is_well(
    seed: int, freedom: float, step: float
) -> None:
    """Whatever the tail, and however coverage and scale move within their tolerance from day to day."""
    random = np.random.default_rng(seed)
    paths, sessions = 4000, 12
    # Persistent, between -1 and 1: calm stretches and wild ones.
    state = np.sin(np.cumsum(step * random.normal(size=(paths, sessions)), axis=1) + seed)
    unit = random.standard_t(freedom, size=(paths, sessions)) / np.sqrt(freedom / (freedom - 2))
    residuals = 1.1**state * unit
    inside = random.random((paths, sessions)) < 0.9 + 0.03 * state
    covered = np.zeros((paths, 2 * len(STAKES)))
    scaled = np.zeros((paths, len(STAKES)))
    for session in range(sessions):
        covered = grow(covered, coverage_bets(inside[:, session], 0.87, 0.93))
        large = scale_bets(residuals[:, session], inside[:, session], inside[:, session])[:, :1]
        scaled = grow(scaled, large)
    for found in (evidence(covered), evidence(scaled)):
        # The bound holds for the mean; five standard errors are the simulation's.
        assert found.mean() <= sessions + 5 * found.std() / np.sqrt(paths)


def test_at_the_edge_of_the_band_evidence_is_worth_just_the_observations() -> None:
    random = np.random.default_rng(0)
    wealth = np.zeros((100_000, len(STAKES)))
    for _ in range(10):
        inside = random.random(len(wealth)) < 0.87
        wealth = grow(wealth, coverage_bets(inside, 0.87, 0.93)[:, :1])
    # The smallest stakes, of which the mean over paths is near its expectation.
    assert wealth[:, :2].mean(axis=0) == pytest.approx([10, 10], rel=0.03)
