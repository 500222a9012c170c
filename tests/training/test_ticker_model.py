from dataclasses import replace
from typing import Any

import jax
import numpy as np
import pytest

from stockjax.features import Features, PricePanel, build_features
from stockjax.settings import TrainingMode, TrainingSettings
from stockjax.training.base_model import untrained
from stockjax.training.compilation import compilations
from stockjax.training.gate_holdout import GATE_SESSIONS
from stockjax.training.ticker_model import (
    EVALUATIONS,
    L2_SP_WEIGHT,
    SESSIONS,
    VALIDATION_SESSIONS,
    Recipe,
    _held_out_loss,
    _retrain,
    held_out_loss,
    recipe,
    retrain_ticker,
)
from stockjax.training.windows import WINDOW, contiguous_windows
from tests.support.synthetic import SMALL, assert_same_bits, learnable_features, random_parameters

LENGTH = 600
SEEN = LENGTH - GATE_SESSIONS
BOUNDARY = SEEN - VALIDATION_SESSIONS
OWN = SMALL.model_copy(update={"mode": "own"})


@pytest.fixture(scope="module")
def base() -> dict[str, Any]:
    return random_parameters(1, spread=0.05)


def tree_distance(one: dict[str, Any], other: dict[str, Any]) -> float:
    return max(
        float(np.abs(np.asarray(a) - np.asarray(b)).max())
        for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    )


@pytest.mark.parametrize("seed", range(4))
def test_a_ticker_is_never_worse_than_its_start_where_it_is_held_out(base: dict[str, Any], seed: int) -> None:
    # Wild starts and steps: most of these looks do harm.
    settings = SMALL.model_copy(update={"ticker_learning_rate": 0.3 * (1 + seed % 2)})
    trained = retrain_ticker(base, base, learnable_features(1, LENGTH, seed), 0, LENGTH, settings, seed)
    assert trained.validation_loss <= trained.start_loss
    assert (trained.validation_loss == trained.start_loss) == (trained.steps == 0)


def test_the_losses_are_those_of_the_parameters_on_the_held_out_stretch(base: dict[str, Any]) -> None:
    features = learnable_features(1, LENGTH, 2)
    trained = retrain_ticker(base, base, features, 0, LENGTH, SMALL, 0)
    held_out = contiguous_windows(features, 0, BOUNDARY, SEEN)
    assert int(held_out.known.sum()) == VALIDATION_SESSIONS
    assert trained.start_loss == pytest.approx(loss_by_scipy(base, held_out), rel=1e-4)
    assert trained.validation_loss == pytest.approx(loss_by_scipy(trained.parameters, held_out), rel=1e-4)


def loss_by_scipy(parameters: dict[str, Any], held_out: Any) -> float:
    from scipy import stats

    from stockjax.model.network import apply_network

    losses = []
    for number in range(SMALL.seeds):
        own = jax.tree.map(lambda leaf, number=number: np.asarray(leaf)[number], parameters)
        location, log_scale, freedom = (
            np.asarray(part, float) for part in apply_network(own, held_out.inputs)
        )
        density = stats.t.logpdf(held_out.labels, freedom, loc=location, scale=np.exp(log_scale))
        losses.append(-density[held_out.known].mean())
    return float(np.mean(losses))


@pytest.mark.parametrize(("most", "allowed"), [(20, {0, 5, 10, 15, 20}), (4, {0, 1, 2, 3, 4})])
def test_the_steps_are_those_of_a_look(base: dict[str, Any], most: int, allowed: set[int]) -> None:
    settings = SMALL.model_copy(update={"ticker_steps": most})
    found = {
        retrain_ticker(base, base, learnable_features(1, LENGTH, seed), 0, LENGTH, settings, seed).steps
        for seed in range(5)
    }
    assert found <= allowed
    assert len(allowed) == EVALUATIONS + 1


def test_no_better_look_leaves_the_start_as_it_is(base: dict[str, Any]) -> None:
    features = learnable_features(1, LENGTH)
    labels = features.labels.copy()
    labels[:, BOUNDARY:] = np.nan
    trained = retrain_ticker(base, base, replace(features, labels=labels), 0, LENGTH, SMALL, 0)
    assert trained.steps == 0
    assert_same_bits(jax.tree.map(np.asarray, trained.parameters), jax.tree.map(np.asarray, base))


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(base: dict[str, Any]) -> None:
    features = learnable_features(1, LENGTH, scale=4.0)
    one, again, other = (retrain_ticker(base, base, features, 0, LENGTH, SMALL, seed) for seed in (3, 3, 4))
    assert one.steps == other.steps == SMALL.ticker_steps
    assert_same_bits(one.parameters, again.parameters)
    assert tree_distance(one.parameters, other.parameters) > 0


def test_what_is_held_out_is_never_trained_on(base: dict[str, Any]) -> None:
    # Labels four times as wide as the base believes: every step helps, whatever is held out.
    features = learnable_features(1, LENGTH, scale=4.0)
    other = learnable_features(1, LENGTH, seed=5, scale=4.0)
    labels, inputs = features.labels.copy(), features.inputs.copy()
    labels[:, BOUNDARY:] = other.labels[:, BOUNDARY:]
    inputs[:, BOUNDARY:] = other.inputs[:, BOUNDARY:]
    one = retrain_ticker(base, base, features, 0, LENGTH, SMALL, 0)
    two = retrain_ticker(base, base, replace(features, labels=labels, inputs=inputs), 0, LENGTH, SMALL, 0)
    assert one.steps == two.steps == SMALL.ticker_steps
    assert one.validation_loss != two.validation_loss
    assert_same_bits(one.parameters, two.parameters)


def test_the_last_label_before_the_held_out_stretch_is_trained_on(base: dict[str, Any]) -> None:
    features = learnable_features(1, LENGTH, scale=4.0)
    labels = features.labels.copy()
    labels[0, BOUNDARY - 64 : BOUNDARY] *= 2
    one = retrain_ticker(base, base, features, 0, LENGTH, SMALL, 0)
    two = retrain_ticker(base, base, replace(features, labels=labels), 0, LENGTH, SMALL, 0)
    assert tree_distance(one.parameters, two.parameters) > 0


def test_sessions_farther_back_than_it_may_see_do_not_matter(base: dict[str, Any]) -> None:
    length = SESSIONS + 300
    features = learnable_features(1, length, scale=4.0)
    labels, inputs = features.labels.copy(), features.inputs.copy()
    labels[:, :300], inputs[:, :300] = 9, 9
    one = retrain_ticker(base, base, features, 0, length, SMALL, 0)
    two = retrain_ticker(base, base, replace(features, labels=labels, inputs=inputs), 0, length, SMALL, 0)
    assert_same_bits(one.parameters, two.parameters)
    assert one.steps > 0


def test_a_ticker_has_the_same_bits_alone_and_in_a_longer_universe(base: dict[str, Any]) -> None:
    alone = learnable_features(1, LENGTH, scale=4.0)
    wide = learnable_features(3, 900, seed=8)
    wide.inputs[1, :LENGTH], wide.labels[1, :LENGTH] = alone.inputs[0], alone.labels[0]
    one = retrain_ticker(base, base, alone, 0, LENGTH, SMALL, 0)
    two = retrain_ticker(base, base, wide, 1, LENGTH, SMALL, 0)
    assert_same_bits(one.parameters, two.parameters)
    assert one.validation_loss == two.validation_loss


def test_the_pull_alone_leads_back_towards_the_base(base: dict[str, Any]) -> None:
    """With no label to learn from, Adam walks each differing weight home, a rate per step."""
    features = learnable_features(1, LENGTH)
    labels = features.labels.copy()
    labels[:, :BOUNDARY] = np.nan
    away = {**base, "head": {**base["head"], "bias": base["head"]["bias"] + np.float32(1)}}
    trained = retrain_ticker(away, base, replace(features, labels=labels / 8), 0, LENGTH, SMALL, 0)
    assert trained.steps == SMALL.ticker_steps
    moved = np.asarray(away["head"]["bias"]) - np.asarray(trained.parameters["head"]["bias"])
    walked = SMALL.ticker_steps * SMALL.ticker_learning_rate
    np.testing.assert_allclose(moved, walked, rtol=0.02)
    for name in ("lstm", "skip", "tail"):
        assert_same_bits(
            jax.tree.map(np.asarray, trained.parameters[name]), jax.tree.map(np.asarray, base[name])
        )


def test_twenty_steps_stay_near_the_base(base: dict[str, Any]) -> None:
    trained = retrain_ticker(base, base, learnable_features(1, LENGTH, scale=4.0), 0, LENGTH, SMALL, 0)
    distance = tree_distance(trained.parameters, base)
    assert 0 < distance < 1.5 * SMALL.ticker_steps * SMALL.ticker_learning_rate


def test_the_shortest_history_that_can_be_trained_is(base: dict[str, Any]) -> None:
    shortest = VALIDATION_SESSIONS + GATE_SESSIONS + WINDOW + 1
    trained = retrain_ticker(base, base, learnable_features(1, shortest), 0, shortest, SMALL, 0)
    assert np.isfinite(trained.validation_loss)


@pytest.mark.parametrize("settings", [SMALL, OWN], ids=lambda settings: settings.mode)
def test_four_tickers_of_different_lengths_run_one_program(
    base: dict[str, Any], settings: TrainingSettings
) -> None:
    features = learnable_features(4, 3000, seed=2)
    programs, compiled = _retrain._cache_size(), compilations()
    for row, length in enumerate((320, 900, SESSIONS, 3000)):
        retrain_ticker(base, base, features, row, length, settings, row)
    assert _retrain._cache_size() - programs <= 1
    assert compilations() - compiled <= 1


def test_four_tickers_that_are_only_looked_at_run_one_program(base: dict[str, Any]) -> None:
    features = learnable_features(4, 3000, seed=2)
    programs, compiled = _held_out_loss._cache_size(), compilations()
    for row, length in enumerate((320, 900, SESSIONS, 3000)):
        held_out_loss(base, features, row, length)
    assert _held_out_loss._cache_size() - programs <= 1
    assert compilations() - compiled <= 1


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("full", Recipe(steps=8, rate=3e-4, l2_sp_weight=1.0, decay=0.0)),
        ("adapter", Recipe(steps=8, rate=3e-4, l2_sp_weight=1.0, decay=0.0)),
        ("own", Recipe(steps=60, rate=3e-3, l2_sp_weight=0.0, decay=0.33)),
    ],
)
def test_each_mode_has_its_recipe(mode: TrainingMode, expected: Recipe) -> None:
    assert recipe(TrainingSettings(mode=mode)) == expected


def test_a_recipe_is_what_the_settings_say() -> None:
    lines = {"ticker_steps": 8, "own_steps": 12, "learning_rate": 0.1, "ticker_learning_rate": 0.2}
    assert recipe(TrainingSettings(**lines, weight_decay=0.5)) == Recipe(8, 0.2, L2_SP_WEIGHT, 0.0)
    assert recipe(TrainingSettings(**lines, weight_decay=0.5, mode="own")) == Recipe(12, 0.1, 0.0, 0.5)


def test_alone_a_ticker_learns_the_same_whatever_the_base() -> None:
    features, start = learnable_features(1, LENGTH, scale=4.0), untrained(OWN, 7)
    one, two = (
        retrain_ticker(start, random_parameters(seed), features, 0, LENGTH, OWN, 0) for seed in (1, 2)
    )
    assert one.steps == two.steps == OWN.own_steps
    assert_same_bits(one.parameters, two.parameters)
    assert (one.start_loss, one.validation_loss) == (two.start_loss, two.validation_loss)
    # Ten times the rate, and thrice the steps: it goes farther than any ticker that has a base.
    assert tree_distance(one.parameters, start) > 1.5 * SMALL.ticker_steps * SMALL.ticker_learning_rate


def test_alone_its_matrices_decay_and_nothing_else(base: dict[str, Any]) -> None:
    """With no label to learn from; noise is better foretold by a smaller network."""
    features = learnable_features(1, LENGTH)
    labels = features.labels.copy()
    labels[:, :BOUNDARY] = np.nan
    decaying = OWN.model_copy(update={"weight_decay": 5.0})
    wild = random_parameters(3, spread=0.5)
    trained = retrain_ticker(wild, base, replace(features, labels=labels), 0, LENGTH, decaying, 0)
    assert trained.steps == OWN.own_steps
    left = (1 - OWN.learning_rate * 5.0) ** OWN.own_steps
    for before, after in zip(jax.tree.leaves(wild), jax.tree.leaves(trained.parameters), strict=True):
        # Leaves are stacked over seeds.
        kept = left if before.ndim == 3 else 1.0
        np.testing.assert_allclose(np.asarray(after), kept * before, rtol=1e-4)


def test_what_is_only_looked_at_has_the_loss_that_training_would_start_from(base: dict[str, Any]) -> None:
    features = learnable_features(1, LENGTH, 2)
    seen = held_out_loss(base, features, 0, LENGTH)
    assert seen == pytest.approx(retrain_ticker(base, base, features, 0, LENGTH, SMALL, 0).start_loss)
    assert seen == pytest.approx(
        loss_by_scipy(base, contiguous_windows(features, 0, BOUNDARY, SEEN)), rel=1e-4
    )


def test_real_tickers_are_trained_near_their_base(sample_history: PricePanel, base: dict[str, Any]) -> None:
    features = build_features(sample_history)
    for row in (0, 2):
        length = int(sample_history.lengths[row])
        trained = retrain_ticker(base, base, features, row, length, SMALL, row)
        assert trained.validation_loss < trained.start_loss
        assert isinstance(features, Features)
        assert tree_distance(trained.parameters, base) < 0.01
