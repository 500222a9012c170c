"""Searches over a small made-up universe, with the real objective or a rigged one."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import optuna

from stockjax.features import PricePanel
from stockjax.settings import Settings, TrainingSettings, load_settings
from stockjax.tuning import Search, SearchProgress, SearchSpec
from stockjax.tuning.folds import Array, Fold
from stockjax.tuning.study_storage import pruner
from tests.support.synthetic import SMALL, universe

TONIGHT = date(2013, 3, 1)
TICKERS = ("A", "B")
SEARCHED_FROM = SMALL


def settings_of(**tune: Any) -> Settings:
    """Two folds of ten sessions, in one thread."""
    usual = {"trials": 3, "folds": 2, "fold_sessions": 10}
    return load_settings(
        training=SEARCHED_FROM,
        history={"forecast_sessions": 64, "training_sessions": 320},
        tune={**usual, **tune},
        workers=1,
    )


def history() -> PricePanel:
    """Two tickers that can be trained, one of which misses a day."""
    return universe({"A": 420, "B": 410})


class Rigged:
    """An objective without any training: what a configuration loses is a function of it."""

    def __init__(self, loss: Callable[[TrainingSettings], float]) -> None:
        self.loss = loss
        self.calls: list[tuple[date, TrainingSettings]] = []

    def __call__(self, fold: Fold, training: TrainingSettings, settings: Settings) -> Array:
        self.calls.append((fold.asof.as_of, training))
        # The same noise for everybody, and later folds are harder: sessions and folds differ more
        # than configurations do.
        first = int(fold.positions[0])
        noise = np.random.default_rng(first).random(len(fold.rows))
        return 0.1 * first + 10.0 * noise + self.loss(training)


def searched(
    spec: SearchSpec, loss: Callable[[TrainingSettings], float]
) -> tuple[list[SearchProgress], Rigged]:
    """A whole search that nothing remembers."""
    rigged = Rigged(loss)
    study = optuna.create_study(direction="minimize", pruner=pruner())
    return list(Search(study, spec, rigged).run()), rigged


def asking_for(spec: SearchSpec, workers: int = 1, **tune: Any) -> SearchSpec:
    """The same problem under other settings of the search."""
    settings = settings_of(**tune).model_copy(update={"workers": workers})
    return replace(spec, settings=settings)


def distance(training: TrainingSettings) -> float:
    """How far the decay is from 0.5, in factors of e: something to be found."""
    return abs(float(np.log(training.weight_decay / 0.5)))
