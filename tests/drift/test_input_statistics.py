"""Surprises of variance and volume, by a ticker's own past."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from stockjax.drift.input_statistics import (
    MIN_REFERENCES,
    REFERENCE_SESSIONS,
    ending_together,
    recent,
    surprise_bets,
    watched_inputs,
)
from tests.support.synthetic import scrambled_after, universe


def clustered(rows: int, sessions: int, seed: int) -> np.ndarray:
    """Values whose level persists from day to day, with heavy tails."""
    random = np.random.default_rng(seed)
    values = np.zeros((rows, sessions))
    shocks = random.standard_t(5, size=(rows, sessions))
    for day in range(1, sessions):
        values[:, day] = 0.9 * values[:, day - 1] + shocks[:, day]
    return values


def test_what_persists_is_no_surprise_and_pays_less_than_one() -> None:
    found = surprise_bets(clustered(200, 700, 1), 100)
    assert found.shape == (200, 100, 2)
    means = found.mean(axis=(0, 1))
    assert (means > 0.6).all()
    assert (means < 1).all()


def test_a_value_beyond_all_of_its_past_pays_most() -> None:
    values = clustered(1, 620, 2)
    values[0, -1] = 1e3
    up, down = surprise_bets(values, 1)[0, 0]
    assert up == pytest.approx(0.5 * np.sqrt(REFERENCE_SESSIONS + 1))
    # All of the past is at least as large.
    assert down == 0.5


def test_bets_do_not_know_what_comes_later() -> None:
    values = clustered(3, 700, 3)
    other = values.copy()
    other[:, 650:] += 7.0
    found, changed = surprise_bets(values, 60), surprise_bets(other, 60)
    np.testing.assert_array_equal(found[:, :10], changed[:, :10])
    assert (found != changed).any()


def test_without_a_past_nothing_is_bet() -> None:
    short = clustered(1, MIN_REFERENCES, 4)
    np.testing.assert_array_equal(surprise_bets(short, 5), np.ones((1, 5, 2)))
    np.testing.assert_array_equal(surprise_bets(np.full((1, 600), np.nan), 10), np.ones((1, 10, 2)))


def test_a_value_that_never_moves_pays_nothing_for_staying() -> None:
    found = surprise_bets(np.full((1, 600), 3.0), 10)
    assert np.isfinite(found).all()
    assert (found < 1).all()


def test_tickers_of_different_length_end_together() -> None:
    values = clustered(2, 700, 5)
    values[1, 660:] = np.nan
    together = ending_together(values, np.array([700, 660]))
    np.testing.assert_array_equal(together[0], values[0])
    np.testing.assert_array_equal(together[1, 40:], values[1, :660])
    assert np.isnan(together[1, :40]).all()
    np.testing.assert_array_equal(surprise_bets(together, 5)[1], surprise_bets(values[1:, :660], 5)[0])


def test_the_last_sessions_are_those_of_the_history() -> None:
    history = universe({"A": 300, "B": 200})
    last = recent(history, 250)
    np.testing.assert_array_equal(last.close[0], history.close[0, 50:])
    np.testing.assert_array_equal(last.close[1], history.close[1, :250])
    assert last.lengths.tolist() == [250, 199]
    assert last.last_sessions() == history.last_sessions()
    assert recent(history, 1000).close.shape == (2, 300)


def test_the_payoff_of_a_rank_by_hand() -> None:
    """Values that a regression on a constant and on nothing else describes: the mean of each is known."""
    values = np.tile([1.0, -1.0], 350)[None, :]
    # What follows from yesterday is no surprise: nothing is left over of it, today and in the past.
    assert surprise_bets(values, 1)[0, 0] == pytest.approx([0.5, 0.5], abs=0.3)
    random = np.random.default_rng(6)
    noise = random.normal(size=(1000, 600))
    found = surprise_bets(noise, 1)[:, 0, 0]
    past = noise[:, -505:-1]
    threshold = noise[:, -1:] - 0.25 * past.std(axis=1, keepdims=True)
    rank = ((past >= threshold).sum(axis=1) + 1) / 505
    # The fitted coefficients of noise are small and not 0: close for one, equal on average.
    assert np.corrcoef(found, 0.5 / np.sqrt(rank))[0, 1] > 0.9
    assert found.mean() == pytest.approx((0.5 / np.sqrt(rank)).mean(), rel=0.02)


def test_inputs_are_the_variance_and_the_volume_of_each_session() -> None:
    history = universe({"A": 300, "B": 200})
    variance, volume = watched_inputs(history)
    assert variance.shape == volume.shape == (2, 300)
    np.testing.assert_allclose(volume[0], np.log(history.volume[0]))
    assert np.isnan(volume[1, 200:]).all()
    cut = watched_inputs(scrambled_after(history, date(2013, 1, 31), 1))
    known = history.sessions <= np.datetime64("2013-01-31")
    np.testing.assert_array_equal(cut[:, known], np.stack([variance, volume])[:, known])


def test_a_session_without_volume_is_not_judged_by_it() -> None:
    history = universe({"A": 300})
    volume = history.volume.copy()
    volume[0, 250] = 0.0
    assert np.isnan(watched_inputs(replace(history, volume=volume))[1, 0, 250])
