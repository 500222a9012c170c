"""Training models on what a session knew, with all that makes them traceable."""

import hashlib
import math
from collections.abc import Iterable
from datetime import date

import numpy as np
import numpy.typing as npt

from stockjax.code_version import code_version
from stockjax.features import Features, inputs_id
from stockjax.forecasting.asof import AsOfData
from stockjax.forecasting.promotion_gate import compare_bases, compare_tickers, judged
from stockjax.model.network import Parameters, mean_freedom
from stockjax.model.student_t import student_t_quantiles
from stockjax.registry import Model
from stockjax.registry.model import HOLDOUT_NETWORK
from stockjax.settings import RetrainSettings, TrainingSettings
from stockjax.training.adapter import fit_adapter, predict_past, residual_quantiles, standardisation
from stockjax.training.base_model import MIN_SESSIONS, ProgressFn, train_base, untrained
from stockjax.training.ticker_model import TrainedTicker, held_out_loss, retrain_ticker


def base_became_trainable(base: Model, asof: AsOfData, settings: TrainingSettings) -> bool:
    """Whether a base that never learnt anything now could.

    The mode may have changed since, or a first ticker may have history enough by now.
    """
    can_learn = settings.mode != "own" and asof.history.lengths.max(initial=0) >= MIN_SESSIONS
    return bool(can_learn and base.hyperparameters["stopped_at"] == 0)


def train_base_model(
    asof: AsOfData,
    settings: TrainingSettings,
    seed: int,
    workers: int = 1,
    progress: ProgressFn | None = None,
) -> Model:
    """Train the network that all tickers share; where it cannot learn, it stays untrained."""
    history, features = asof.history, asof.features
    trained = train_base(features, history.lengths, settings, seed, workers, progress)
    center, spread = standardisation(features, history.lengths)
    return Model(
        role="base",
        ticker=None,
        trained_through=asof.as_of,
        parameters={
            "network": trained.parameters,
            "adapter": {
                "weights": np.zeros(features.inputs.shape[-1] + 1, np.float32),
                "center": center,
                "spread": spread,
            },
            "residuals": _residuals(trained.parameters, features, history.lengths),
            **({HOLDOUT_NETWORK: trained.holdout} if trained.holdout else {}),
        },
        hyperparameters={
            **settings.model_dump(mode="json"),
            "features": features.inputs.shape[-1],
            "inputs": inputs_id(settings.extra_features),
            "stopped_at": trained.steps,
            "tickers": len(history.tickers),
        },
        validation_loss=trained.validation_loss,
        champion_loss=None,
        seed=seed,
        data_hash=history.fingerprint(),
        code_version=code_version(),
        parent_id=None,
    )


def decide_base(challenger: Model, champion: Model, asof: AsOfData, tolerance: float) -> Model:
    """A new base with the result of its comparison with the champion; `rejected` if it fails."""
    return judged(challenger, compare_bases(challenger, champion, asof), tolerance)


def train_ticker_model(
    asof: AsOfData,
    ticker: str,
    base: Model,
    champion: Model | None,
    settings: TrainingSettings,
    seed: int,
    retrain: RetrainSettings,
    trained: TrainedTicker | None = None,
) -> Model:
    """Train one ticker: from its champion, or from the base if that is newer or the first.

    What comes out is judged against what would forecast without it (the champion, else the base)
    on sessions that neither has seen, and is `rejected` if it is worse than its champion by more
    than `retrain.ticker_tolerance` nats a day. Where there is no champion from the same base, both
    losses are only put on record: the bases have met by themselves, and one of them has seen more.

    A champion that grew from another base is not built upon: its few steps could never
    carry it over to the new one. Nor is any with `retrain.start = 'fresh'`. In the modes
    `adapter` and `own` nothing is carried over between nights: the one uses the base unchanged, the
    other starts from initial values.

    Parameters
    ----------
    trained
        The networks, where they were trained in a group already.

    """
    parent = parent_of(base, champion, settings, retrain)
    history, features = asof.history, asof.features
    row = history.tickers.index(ticker)
    length = int(history.lengths[row])
    own_seed = ticker_seed(seed, ticker, asof.as_of)
    trained = trained or _fit_ticker(parent, base, features, row, length, settings, own_seed)
    shared = base.parameters["adapter"]
    seen = predict_past(trained.parameters, features, row, length)
    weights = fit_adapter(seen, shared["center"], shared["spread"])
    model = Model(
        role="ticker",
        ticker=ticker,
        trained_through=asof.as_of,
        parameters={
            "network": trained.parameters,
            "adapter": {**shared, "weights": weights},
            "residuals": base.parameters["residuals"],
        },
        hyperparameters={
            **settings.model_dump(mode="json"),
            "features": features.inputs.shape[-1],
            "inputs": inputs_id(settings.extra_features),
            "stopped_at": trained.steps,
            "base_id": base.model_id,
        },
        validation_loss=trained.validation_loss,
        champion_loss=None,
        seed=own_seed,
        data_hash=history.fingerprints(row, [length - 1])[0],
        code_version=code_version(),
        parent_id=parent.model_id,
    )
    kin = champion is not None and champion.hyperparameters.get("base_id") == base.model_id
    tolerance = retrain.ticker_tolerance if kin else math.inf
    return judged(model, compare_tickers(model, champion or base, asof, seen), tolerance)


def parent_of(
    base: Model, champion: Model | None, settings: TrainingSettings, retrain: RetrainSettings
) -> Model:
    """The model that the training of a ticker starts from, or in mode `own` would."""
    warm = champion if retrain.start == "warm" else None
    grown = warm if warm and warm.hyperparameters.get("base_id") == base.model_id else None
    return grown if grown and settings.mode == grown.hyperparameters.get("mode") == "full" else base


def start_of(parent: Model, base: Model, settings: TrainingSettings) -> Parameters:
    """The networks that the training of a ticker starts from, stacked over seeds."""
    return untrained(settings, base.seed) if settings.mode == "own" else parent.parameters["network"]


def _fit_ticker(
    parent: Model,
    base: Model,
    features: Features,
    row: int,
    length: int,
    settings: TrainingSettings,
    seed: int,
) -> TrainedTicker:
    """The networks of one ticker, by the mode of the settings."""
    shared = base.parameters["network"]
    if settings.mode == "adapter":
        loss = held_out_loss(shared, features, row, length)
        return TrainedTicker(shared, 0, loss, loss)
    start = start_of(parent, base, settings)
    return retrain_ticker(start, shared, features, row, length, settings, seed)


def with_min_history(asof: AsOfData, tickers: Iterable[str], count: int) -> list[str]:
    """Those of the tickers that have at least `count` sessions of history."""
    lengths = dict(zip(asof.history.tickers, asof.history.lengths, strict=True))
    return [ticker for ticker in tickers if lengths.get(ticker, 0) >= count]


def _residuals(
    networks: Parameters, features: Features, lengths: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Quantiles of what networks leave over of all tickers' last sessions."""
    seen = [
        predict_past(networks, features, row, int(length)).residuals for row, length in enumerate(lengths)
    ]
    return residual_quantiles(np.concatenate(seen), student_t_quantiles(mean_freedom(networks)))


def ticker_seed(seed: int, ticker: str, as_of: date) -> int:
    """A seed that differs between tickers and nights, and is the same on every machine."""
    digest = hashlib.sha256(f"{seed}|{ticker}|{as_of}".encode()).digest()
    return int.from_bytes(digest[:4], "big")
