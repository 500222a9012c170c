"""Surprises of variance and volume, by a ticker's own past."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from stockjax.drift.inputs import FEWEST_REFERENCES, REFERENCE_SESSIONS, surprise_bets, watched_inputs
from tests.synthetic import scrambled_after, universe


def clustered(rows: int, sessions: int, seed: int) -> np.ndarray:
    """Values whose level persists from day to day, with heavy tails."""
    random = np.random.default_rng(seed)
    values = np.zeros((rows, sessions))
    shocks = random.standard_t(5, size=(rows, sessions))
    for day in range(1, sessions):
        values[:, day] = 0.9 * values[:, day - 1] + shocks[:, day]
    return values


def bets_from(values: np.ndarray, first: int) -> np.ndarray:
    rows, sessions = values.shape
    return surprise_bets(values, np.full(rows, first), np.full(rows, sessions))


def test_what_persists_is_no_surprise_and_pays_less_than_one() -> None:
    found = bets_from(clustered(200, 700, 1), 600)
    assert found.shape == (200, 100, 2)
    means = found.mean(axis=(0, 1))
    assert (means > 0.6).all()
    assert (means < 1).all()


def test_a_value_beyond_all_of_its_past_pays_most() -> None:
    values = clustered(1, 620, 2)
    values[0, -1] = 1e3
    up, down = bets_from(values, 619)[0, 0]
    assert up == pytest.approx(np.log(REFERENCE_SESSIONS + 1))
    assert down == pytest.approx(-np.log((REFERENCE_SESSIONS + 1) / (REFERENCE_SESSIONS + 1)))


def test_bets_do_not_know_what_comes_later() -> None:
    values = clustered(3, 700, 3)
    other = values.copy()
    other[:, 650:] += 7.0
    np.testing.assert_array_equal(bets_from(values, 640)[:, :10], bets_from(other, 640)[:, :10])


def test_without_a_past_nothing_is_bet() -> None:
    short = clustered(1, FEWEST_REFERENCES, 4)
    np.testing.assert_array_equal(bets_from(short, FEWEST_REFERENCES - 5), np.ones((1, 5, 2)))
    np.testing.assert_array_equal(bets_from(np.full((1, 600), np.nan), 590), np.ones((1, 10, 2)))


def test_a_value_that_never_moves_pays_nothing_for_staying() -> None:
    found = bets_from(np.full((1, 600), 3.0), 590)
    assert np.isfinite(found).all()
    assert (found < 1).all()


def test_tickers_of_different_length_are_laid_out_from_their_own_first_new_session() -> None:
    values = clustered(2, 700, 5)
    first, lengths = np.array([690, 655]), np.array([700, 660])
    found = surprise_bets(values, first, lengths)
    assert found.shape == (2, 10, 2)
    assert not np.isnan(found[0]).any()
    assert np.isnan(found[1, 5:]).all()
    np.testing.assert_array_equal(found[1, :5], bets_from(values[1:, :660], 655)[0])


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
