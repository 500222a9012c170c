"""Compiling every program before there is data, while something else is starting."""

import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import jax
import numpy as np

from stockjax.features import Features, feature_names
from stockjax.model.network import mean_freedom
from stockjax.settings import TrainingSettings
from stockjax.training.adapter import fit_adapter, predict_past
from stockjax.training.base_model import BATCH, BaseRun, mean_loss_over
from stockjax.training.compilation import check_device, use_compilation_cache
from stockjax.training.gate_holdout import GATE_SESSIONS, gate_losses, held_out_losses
from stockjax.training.predict import ROWS, predict
from stockjax.training.ticker_model import VALIDATION_SESSIONS, held_out_loss, retrain_ticker
from stockjax.training.windows import WINDOW, Sampler, inference_windows

_SESSIONS = VALIDATION_SESSIONS + GATE_SESSIONS + 3 * WINDOW


@contextmanager
def compiled_in_background(settings: TrainingSettings, cache: Path) -> Generator[Callable[[], None]]:
    """Compile what a night runs in a thread of its own; yields a function that waits for its end.

    That function raises what has kept the programs from being compiled. At the end of the block nothing
    more is compiled.

    Raises
    ------
    UsageError
        JAX has no device.

    """
    check_device()
    stopped = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(compile_programs, settings, cache, stopped.is_set)
        try:
            yield done.result
        finally:
            stopped.set()


def compile_programs(
    settings: TrainingSettings, cache: Path, stopped: Callable[[], bool] = lambda: False
) -> None:
    """Compile, or load from the cache, all that a night runs, until `stopped`.

    A made-up ticker goes once through every program: their shapes do not depend on the
    universe, so these are the programs of the night.
    """
    use_compilation_cache(cache)
    for _ in _programs(settings):
        if stopped():
            return


def _programs(settings: TrainingSettings) -> Iterator[None]:
    """Run them, one after the other."""
    random = np.random.default_rng(0)
    features = Features(
        inputs=random.normal(size=(1, _SESSIONS, len(feature_names(settings.extra_features)))).astype(
            np.float32
        ),
        labels=random.normal(size=(1, _SESSIONS)).astype(np.float32),
        volatility=np.ones((1, _SESSIONS)),
    )
    sampler = Sampler(features, np.array([1]), np.array([_SESSIONS]), [0])
    run = BaseRun(settings, seed=0, total_steps=settings.base_steps)
    run.advance(sampler)
    yield
    mean_loss_over(run.parameters, [sampler.draw((BATCH,))])
    yield
    base = jax.tree.map(lambda leaf: np.stack([np.asarray(leaf)] * settings.seeds), run.parameters)
    if settings.mode == "adapter":
        held_out_loss(base, features, 0, _SESSIONS)
    else:
        retrain_ticker(base, base, features, 0, _SESSIONS, settings, seed=0)
    yield
    seen = predict_past(base, features, 0, _SESSIONS)
    mean_freedom(base)
    count = len(feature_names(settings.extra_features))
    center, spread = np.zeros(count, np.float32), np.ones(count, np.float32)
    yield
    weights = fit_adapter(seen, center, spread)
    yield
    held_out_losses(seen, center, spread)
    yield
    gate_losses(base, center, spread, weights, features, 0, _SESSIONS)
    yield
    # A base is compared by a single network.
    alone = jax.tree.map(lambda leaf: leaf[:1], base)
    gate_losses(alone, center, spread, weights, features, 0, _SESSIONS)
    yield
    stacked = jax.tree.map(lambda leaf: np.stack([np.asarray(leaf)] * ROWS), base)
    places = np.zeros(ROWS, dtype=np.int64), np.full(ROWS, _SESSIONS - 1)
    predict(stacked, inference_windows(features, *places))
    yield
