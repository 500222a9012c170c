"""Losses on the sessions that no network has seen, and that none has."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t as student_t

from stockjax.features import Features
from stockjax.model.network import mean_freedom
from stockjax.settings import TrainingSettings
from stockjax.training.adapter import fit_adapter, predict_past
from stockjax.training.base_model import train_base
from stockjax.training.compilation import compilations
from stockjax.training.gate_holdout import GATE_SESSIONS, _losses, gate_losses, held_out_losses
from stockjax.training.ticker_model import retrain_ticker
from tests.support.synthetic import SMALL, assert_same_bits, learnable_features, random_parameters

LENGTH = 600
COUNT = learnable_features(1, 2).inputs.shape[-1]
CENTER, SPREAD = np.full(COUNT, 0.1, np.float32), np.full(COUNT, 2.0, np.float32)
WEIGHTS = np.linspace(-0.2, 0.2, COUNT + 1, dtype=np.float32)


def spoilt(features: Features, last: int) -> Features:
    """The same features with other outcomes of the last sessions."""
    labels = features.labels.copy()
    labels[:, -last:] *= -7
    return replace(features, labels=labels)


def test_a_loss_is_that_of_the_averaged_and_corrected_student_t() -> None:
    features, networks = learnable_features(1, LENGTH, 3), random_parameters(1, spread=0.3)
    found = gate_losses(networks, CENTER, SPREAD, WEIGHTS, features, 0, LENGTH)
    assert found.shape == (GATE_SESSIONS,)
    # The last outcome is not there yet.
    assert np.isnan(found).tolist() == [False] * (GATE_SESSIONS - 1) + [True]
    seen = predict_past(networks, features, 0, LENGTH)
    location, log_scale = (np.asarray(each)[-1, -GATE_SESSIONS:] for each in (seen.location, seen.log_scale))
    freedom = mean_freedom(networks)
    regressors = np.column_stack(
        [np.ones(GATE_SESSIONS), (features.inputs[0, -GATE_SESSIONS:] - CENTER) / SPREAD]
    )
    scale = np.exp(log_scale + regressors @ WEIGHTS)
    expected = -student_t.logpdf(features.labels[0, -GATE_SESSIONS:], freedom, location, scale)
    np.testing.assert_allclose(found[:-1], expected[:-1], rtol=2e-4)


@pytest.mark.parametrize("length", [70, 300, LENGTH])
def test_the_correction_leaves_out_the_sessions_whose_losses_it_is_for(length: int) -> None:
    features, networks = learnable_features(2, LENGTH, 3), random_parameters(1, spread=0.3)
    found = held_out_losses(predict_past(networks, features, 1, length), CENTER, SPREAD)
    before = predict_past(networks, features, 1, length - GATE_SESSIONS)
    weights = fit_adapter(before, CENTER, SPREAD)
    expected = gate_losses(networks, CENTER, SPREAD, weights, features, 1, length)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_network_without_numbers_loses_without_end() -> None:
    networks = random_parameters(1)
    networks["head"]["kernel"] = networks["head"]["kernel"] * np.nan
    found = gate_losses(networks, CENTER, SPREAD, WEIGHTS, learnable_features(1, LENGTH), 0, LENGTH)
    assert np.isposinf(found[:-1]).all()


def test_tickers_of_all_lengths_run_one_program() -> None:
    features, networks = learnable_features(3, 900), random_parameters(1)
    programs, compiled = _losses._cache_size(), compilations()
    for row, length in enumerate((70, 320, 900)):
        gate_losses(networks, CENTER, SPREAD, WEIGHTS, features, row, length)
    assert _losses._cache_size() - programs <= 1
    assert compilations() - compiled <= 1


@pytest.mark.parametrize("mode", ["full", "own"])
def test_no_bit_of_a_tickers_network_depends_on_what_is_unseen(mode: str) -> None:
    settings = TrainingSettings(**{**SMALL.model_dump(), "mode": mode})
    features, base = learnable_features(1, LENGTH, 2), random_parameters(1, spread=0.05)
    one, other = (
        retrain_ticker(base, base, some, 0, LENGTH, settings, 0)
        for some in (features, spoilt(features, GATE_SESSIONS))
    )
    assert_same_bits(one.parameters, other.parameters)
    assert one == replace(other, parameters=one.parameters)
    # One session more is seen.
    more = retrain_ticker(base, base, spoilt(features, GATE_SESSIONS + 1), 0, LENGTH, settings, 0)
    assert more.validation_loss != one.validation_loss


def test_no_bit_of_a_bases_holdout_network_and_its_steps_depends_on_what_is_unseen() -> None:
    features, lengths = learnable_features(2, LENGTH, 2), np.array([LENGTH, LENGTH])
    one, other = (train_base(some, lengths, SMALL, 0) for some in (features, spoilt(features, GATE_SESSIONS)))
    assert one.holdout is not None
    assert_same_bits(one.holdout, other.holdout)
    assert (one.steps, one.validation_loss) == (other.steps, other.validation_loss)
    # The base itself has seen them.
    assert not np.array_equal(one.parameters["tail"], other.parameters["tail"])


@pytest.mark.parametrize(("length", "has_twin"), [(3 * GATE_SESSIONS + 3, True), (3 * GATE_SESSIONS, False)])
def test_histories_that_are_too_short_leave_nothing_out(length: int, has_twin: bool) -> None:
    features, lengths = learnable_features(2, length, 2), np.array([length, 70])
    assert (train_base(features, lengths, SMALL, 0).holdout is not None) == has_twin


def test_a_holdout_network_is_one_network_of_the_recipe() -> None:
    features, lengths = learnable_features(2, LENGTH, 2), np.array([LENGTH, LENGTH])
    trained = train_base(features, lengths, SMALL, 0)
    assert trained.holdout is not None
    assert trained.holdout["tail"].shape == (1,)
    assert np.asarray(trained.parameters["tail"]).shape == (SMALL.seeds,)
