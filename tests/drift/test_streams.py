"""Streams day by day."""

import numpy as np
import pytest
from scipy.stats import norm

from stockjax.drift import Observations, Streams, advance
from stockjax.drift.monitors import coverage_bets, scale_bets

DAYS = np.arange("2013-01-01", "2016-01-01", dtype="datetime64[D]")


def observations(payoffs: np.ndarray) -> Observations:
    """Every stream on every day; payoffs (streams, days, bets)."""
    streams, days, bets = payoffs.shape
    return Observations(
        np.repeat(np.arange(streams), days), np.tile(DAYS[:days], streams), payoffs.reshape(-1, bets)
    )


def graded(residuals: np.ndarray) -> np.ndarray:
    """Bets on residuals of a Gaussian forecast, (..., 5): coverage, then scale."""
    size = np.abs(residuals).ravel()
    inside_50, inside_90 = size < norm.ppf(0.75), size < norm.ppf(0.95)
    both = [coverage_bets(inside_90, 0.87, 0.93), scale_bets(size, inside_50, inside_90)]
    return np.hstack(both).reshape(*residuals.shape, 5)


def test_an_alarm_is_counted_and_the_stream_begins_again() -> None:
    payoffs = np.full((1, 6, 1), 3.0)
    _, steps = advance(Streams.fresh(1, 1), observations(payoffs), average_run_length=20.0, fewest=1)
    # By hand, the four stakes after each day: 1.7.., until their mean is 20 or more.
    wealth, expected = np.zeros(4), []
    for _ in range(6):
        wealth = (wealth + 1) * np.array([1.1, 1.3, 1.8, 2.8])
        expected.append(wealth.mean())
        if expected[-1] >= 20:
            wealth = np.zeros(4)
    assert steps.evidence == pytest.approx(expected)
    assert steps.alarm.tolist() == [value >= 20 for value in expected]
    assert steps.alarm.sum() == 1
    assert steps.seen.tolist() == [1, 2, 3, 4, 1, 2]
    assert steps.step.tolist() == [1, 2, 3, 4, 5, 6]


def test_an_alarm_waits_until_enough_was_seen() -> None:
    _, steps = advance(
        Streams.fresh(1, 1), observations(np.full((1, 6, 1), 3.0)), average_run_length=20.0, fewest=6
    )
    assert steps.alarm.tolist() == [False] * 5 + [True]


def test_days_one_by_one_come_to_the_same_as_all_at_once() -> None:
    random = np.random.default_rng(0)
    observed = observations(graded(random.normal(size=(5, 80)) * 1.4))
    together, all_at_once = advance(Streams.fresh(5, 5), observed, average_run_length=50.0, fewest=5)
    streams, evidence = Streams.fresh(5, 5), np.zeros(len(observed.stream))
    for day in DAYS[:80]:
        here = np.flatnonzero(observed.day == day)
        part = Observations(observed.stream[here], observed.day[here], observed.payoffs[here])
        streams, steps = advance(streams, part, average_run_length=50.0, fewest=5)
        evidence[here] = steps.evidence
    assert all_at_once.alarm.any()
    np.testing.assert_array_equal(evidence, all_at_once.evidence)
    np.testing.assert_array_equal(streams.wealth, together.wealth)
    np.testing.assert_array_equal(streams.seen, together.seen)


def test_the_order_of_the_observations_does_not_matter() -> None:
    observed = observations(graded(np.random.default_rng(1).normal(size=(3, 60)) * 2))
    shuffled = np.random.default_rng(2).permutation(len(observed.stream))
    mixed = Observations(observed.stream[shuffled], observed.day[shuffled], observed.payoffs[shuffled])
    _, straight = advance(Streams.fresh(3, 5), observed, average_run_length=50.0, fewest=5)
    _, crooked = advance(Streams.fresh(3, 5), mixed, average_run_length=50.0, fewest=5)
    np.testing.assert_array_equal(crooked.evidence, straight.evidence[shuffled])
    np.testing.assert_array_equal(crooked.alarm, straight.alarm[shuffled])


def test_nothing_observed_changes_nothing() -> None:
    nothing = Observations(np.zeros(0, np.int64), DAYS[:0], np.zeros((0, 2)))
    streams, steps = advance(Streams.fresh(3, 2), nothing, average_run_length=50.0, fewest=5)
    assert not streams.wealth.any()
    assert len(steps.alarm) == 0


@pytest.mark.parametrize(("factor", "leading"), [(1.5, 2), (2.5, 2), (0.5, 4)])
def test_a_scale_that_is_off_raises_an_alarm_that_says_which_way(factor: float, leading: int) -> None:
    residuals = np.random.default_rng(3).normal(size=(1, 1000))
    residuals[:, 500:] *= factor
    payoffs = graded(residuals)
    payoffs[..., :2] = 1.0
    _, steps = advance(Streams.fresh(1, 5), observations(payoffs), average_run_length=1260.0, fewest=21)
    first = np.flatnonzero(steps.alarm)[0]
    assert 500 <= first < 650
    assert steps.leading[first] == leading


def test_no_alarm_in_three_years_of_forty_streams_that_are_well() -> None:
    payoffs = graded(np.random.default_rng(4).normal(size=(40, 756)))
    _, steps = advance(Streams.fresh(40, 5), observations(payoffs), average_run_length=1260.0, fewest=21)
    assert not steps.alarm.any()
