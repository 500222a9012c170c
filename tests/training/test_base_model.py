from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from stockjax.features import FEATURE_NAMES, Features, PricePanel, build_features
from stockjax.model.network import apply_network as apply
from stockjax.model.network import initial_parameters
from stockjax.settings import TrainingSettings
from stockjax.training.base_model import (
    BATCH,
    EVAL_EVERY,
    MIN_SESSIONS,
    VALIDATION_SESSIONS,
    BaseRun,
    TrainedBase,
    mean_loss_over,
    train_base,
    untrained,
)
from stockjax.training.compilation import compilations
from stockjax.training.gate_holdout import GATE_SESSIONS
from stockjax.training.windows import WINDOW, Batch, Sampler, contiguous_windows, window_batch
from tests.support.synthetic import SMALL, assert_same_bits, learnable_features

LENGTHS = np.array([600, 600, 600])


@pytest.fixture(scope="module")
def features() -> Features:
    return learnable_features(3, 600)


@pytest.fixture(scope="module")
def trained(features: Features) -> TrainedBase:
    return train_base(features, LENGTHS, SMALL, seed=4)


def held_out_batches(features: Features, count: int) -> list[Batch]:
    random = np.random.default_rng(9)
    rows, starts = random.integers(0, 3, count * BATCH), random.integers(1, 600 - WINDOW, count * BATCH)
    whole = window_batch(features, rows, starts)
    return [
        Batch(*(getattr(whole, name)[at : at + BATCH] for name in ("inputs", "labels", "known")))
        for at in range(0, count * BATCH, BATCH)
    ]


def test_the_same_seed_gives_the_same_bits_however_many_threads(
    features: Features, trained: TrainedBase
) -> None:
    again = train_base(features, LENGTHS, SMALL, seed=4, workers=2)
    assert_same_bits(trained.parameters, again.parameters)
    assert (trained.steps, trained.validation_loss) == (again.steps, again.validation_loss)


def test_another_seed_gives_another_base(features: Features, trained: TrainedBase) -> None:
    other = train_base(features, LENGTHS, SMALL, seed=5)
    assert (
        np.asarray(trained.parameters["skip"]["kernel"]) != np.asarray(other.parameters["skip"]["kernel"])
    ).any()


def test_the_seeds_of_one_base_differ(trained: TrainedBase) -> None:
    kernel = np.asarray(trained.parameters["lstm"]["from_input"]["kernel"])
    assert kernel.shape == (SMALL.seeds, len(FEATURE_NAMES), 4 * SMALL.hidden)
    assert (kernel[0] != kernel[1]).any()


def test_training_finds_a_scale_that_can_be_predicted(trained: TrainedBase) -> None:
    fresh = learnable_features(3, 600, seed=77)
    batches = held_out_batches(fresh, 2)
    untrained = mean_loss_over(initial_parameters(len(FEATURE_NAMES), SMALL.hidden, 0), batches)
    for number in range(SMALL.seeds):
        own = jax.tree.map(lambda leaf, number=number: leaf[number], trained.parameters)
        assert mean_loss_over(own, batches) < untrained - 0.05
        # Column 0 is what widens the next label: its weight on the log-scale has grown.
        assert float(own["skip"]["kernel"][0, 1]) > 0.05
    assert trained.validation_loss < untrained


def test_the_loss_of_an_untrained_network_is_that_of_scipy() -> None:
    fresh = learnable_features(3, 600, seed=1)
    batches = held_out_batches(fresh, 2)
    found = mean_loss_over(initial_parameters(len(FEATURE_NAMES), SMALL.hidden, 0), batches)
    labels = np.concatenate([batch.labels[batch.known] for batch in batches]).astype(float)
    freedom = 2.1 + np.log1p(np.exp(2.0))
    assert found == pytest.approx(-stats.t.logpdf(labels, freedom).mean(), rel=1e-5)


def test_the_mean_loss_counts_labels_not_batches() -> None:
    one, two = held_out_batches(learnable_features(3, 600, seed=1), 2)
    few = replace(two, known=two.known & (np.arange(BATCH) < 3)[:, None])
    parameters = initial_parameters(len(FEATURE_NAMES), SMALL.hidden, 0)
    counts = int(one.known.sum()), int(few.known.sum())
    parts = mean_loss_over(parameters, [one]), mean_loss_over(parameters, [few])
    expected = np.average(parts, weights=counts)
    assert mean_loss_over(parameters, [one, few]) == pytest.approx(expected, rel=1e-6)


def test_the_held_out_loss_and_steps_belong_to_a_look(trained: TrainedBase) -> None:
    assert trained.steps == EVAL_EVERY == SMALL.base_steps
    assert np.isfinite(trained.validation_loss)


def test_the_steps_are_judged_on_a_stretch_that_was_not_trained_on(features: Features) -> None:
    """The loss is that of a network fitted up to the boundary, on all the labels after it."""
    held_out, seen = 600 // 3, 600 - GATE_SESSIONS
    assert held_out < VALIDATION_SESSIONS
    boundary = LENGTHS - held_out
    run = BaseRun(SMALL, 4, SMALL.base_steps)
    run.advance(Sampler(features, np.ones(3, dtype=int), boundary, [4]))
    parts = [contiguous_windows(features, row, 600 - held_out, seen) for row in range(3)]
    location, log_scale, freedom = (
        np.asarray(part, dtype=float)
        for part in apply(run.parameters, np.concatenate([part.inputs for part in parts]))
    )
    labels, known = (np.concatenate([getattr(part, name) for part in parts]) for name in ("labels", "known"))
    density = stats.t.logpdf(labels, float(freedom), loc=location, scale=np.exp(log_scale))
    assert known.sum() == 3 * (held_out - GATE_SESSIONS)
    found = train_base(features, LENGTHS, SMALL, seed=4)
    assert found.validation_loss == pytest.approx(-density[known].mean(), rel=1e-5)


def test_what_is_held_out_changes_the_verdict_and_not_what_is_judged(features: Features) -> None:
    labels = features.labels.copy()
    labels[:, 400:] *= 100
    one = train_base(features, LENGTHS, SMALL, seed=4)
    other = train_base(replace(features, labels=labels), LENGTHS, SMALL, seed=4)
    assert other.validation_loss > one.validation_loss + 1


def test_early_stopping_keeps_the_best_look() -> None:
    """Where nothing can be learnt, more steps soon do harm on the held-out stretch."""
    random = np.random.default_rng(0)
    inputs = random.normal(size=(1, 150, len(FEATURE_NAMES))).astype(np.float32)
    labels = random.standard_t(4.2, size=(1, 150)).astype(np.float32)
    labels[:, 0] = labels[:, -1] = np.nan
    noise = Features(inputs, labels, np.ones((1, 150)))
    settings = SMALL.model_copy(update={"base_steps": 1000, "learning_rate": 0.01, "seeds": 1})
    looks: list[int] = []
    trained = train_base(
        noise,
        np.array([150]),
        settings,
        seed=0,
        progress=lambda what, done, most: looks.append(done) if "how long" in what else None,
    )
    assert looks == list(range(50, looks[-1] + 1, 50))
    assert looks[-1] == trained.steps + 3 * EVAL_EVERY < 1000


def test_progress_ends_at_all_steps_of_all_seeds(features: Features) -> None:
    lines: list[tuple[str, int, int]] = []
    train_base(features, LENGTHS, SMALL, seed=4, progress=lambda *now: lines.append(now))
    assert lines[0] == ("finding how long to train the base", 50, 50)
    assert lines[-1] == ("training the base", 100, 100)


@pytest.mark.parametrize("length", [30, 64, 96, 144])
def test_a_base_with_too_little_history_stays_where_it_begins(length: int) -> None:
    trained = train_base(learnable_features(2, length), np.array([length, length]), SMALL, seed=0)
    assert trained.steps == 0
    assert np.isfinite(trained.validation_loss)
    assert_same_bits(trained.parameters, untrained(SMALL, 0))


@pytest.mark.parametrize("length", [145, 160, 192, 250])
def test_a_base_with_history_enough_learns(length: int) -> None:
    assert length >= MIN_SESSIONS
    trained = train_base(learnable_features(1, length), np.array([length]), SMALL, seed=0)
    assert trained.steps >= EVAL_EVERY
    assert np.isfinite(trained.validation_loss)


def test_in_mode_own_no_base_learns(features: Features) -> None:
    alone = SMALL.model_copy(update={"mode": "own"})
    trained = train_base(features, LENGTHS, alone, seed=4)
    assert trained.steps == 0
    assert_same_bits(trained.parameters, untrained(alone, 4))


def test_tickers_too_short_for_a_window_do_not_matter(features: Features, trained: TrainedBase) -> None:
    inputs = np.concatenate([features.inputs, features.inputs[:1]])
    labels = np.concatenate([features.labels, features.labels[:1]])
    inputs[3, 40:], labels[3, 39:] = 0, np.nan
    wider = Features(inputs, labels, np.ones((4, 600)))
    again = train_base(wider, np.array([600, 600, 600, 40]), SMALL, seed=4)
    assert_same_bits(trained.parameters, again.parameters)


def test_a_base_of_real_prices_beats_the_untrained_network(
    sample_history: PricePanel, training: TrainingSettings
) -> None:
    history = sample_history.cut(sample_history.sessions[0, 1500])
    features = build_features(history)
    settings = training.model_copy(update={"hidden": 4, "seeds": 1})
    trained = train_base(features, history.lengths, settings, seed=0)
    later = build_features(sample_history)
    rows, starts = np.zeros(BATCH, dtype=int), 1501 + 20 * np.arange(BATCH)
    batch = window_batch(later, rows, starts)
    own = jax.tree.map(lambda leaf: leaf[0], trained.parameters)
    untrained = initial_parameters(len(FEATURE_NAMES), 4, 0)
    assert mean_loss_over(own, [batch]) < mean_loss_over(untrained, [batch])
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(trained.parameters))


def test_other_rates_decays_and_steps_run_the_same_program() -> None:
    """A search tries many of them, and every base takes its own number of steps: each would take seconds."""
    features = learnable_features(2, 400)
    sampler = Sampler(features, np.array([1, 1]), np.array([400, 400]), [0])
    first = BaseRun(SMALL, seed=0, total_steps=SMALL.base_steps)
    first.advance(sampler)
    before = compilations()
    changed = SMALL.model_copy(update={"learning_rate": 0.0123, "weight_decay": 1.7})
    other = BaseRun(changed, seed=0, total_steps=350)
    other.advance(sampler)
    assert compilations() == before
    kernels = [run.parameters["skip"]["kernel"] for run in (first, other)]
    assert not np.array_equal(kernels[0], kernels[1])
