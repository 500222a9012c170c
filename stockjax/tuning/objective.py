"""How bad a configuration is on one fold."""

from dataclasses import replace

import numpy as np

from stockjax.distribution import pinball
from stockjax.engine import Policy, SessionData, State, train_models
from stockjax.errors import TrainingFailedError
from stockjax.forecasting.lstm import lstm_forecast
from stockjax.registry import Model
from stockjax.settings import Settings, TrainingSettings
from stockjax.tuning.folds import Array, Fold

BASIS_POINTS = 1e4

FORECASTS_AT_ONCE = 4096
"""Each carries the parameters of its networks: a large universe would not fit into memory."""


def fold_losses(fold: Fold, training: TrainingSettings, settings: Settings) -> Array:
    """Train on what the fold's first session knew, forecast all its sessions, and score them.

    Base and tickers are trained by the steps of a night, in one thread: several configurations
    run at once. The seed is the same for all of them, so that they differ by nothing else.

    Returns
    -------
    (n,) pinball losses of the next session's log return, in basis points.

    Raises
    ------
    TrainingFailedError
        A network came out as no numbers.

    """
    asof = fold.asof
    tickers = tuple(asof.history.tickers[row] for row in np.unique(fold.rows))
    policy = replace(Policy.of_nights(settings), training=training, workers=1)
    data = SessionData(asof, asof.history, tickers, exchanges={}, origins={})
    state, problems = train_models(data, State(), policy)
    for ticker, spec in problems.items():
        raise TrainingFailedError(f"{ticker} could not be trained ({spec})")
    if state.base is None:
        raise TrainingFailedError(f"the base trained at {asof.as_of} did not learn")
    models = [state.tickers.get(asof.history.tickers[row], state.base) for row in fold.rows]
    losses = BASIS_POINTS * pinball(_quantiles(fold, models), fold.returns)
    if not np.isfinite(losses).all():
        raise TrainingFailedError(f"the networks trained at {asof.as_of} are no numbers")
    return losses


def _quantiles(fold: Fold, models: list[Model]) -> Array:
    parts = []
    for start in range(0, len(models), FORECASTS_AT_ONCE):
        some = slice(start, start + FORECASTS_AT_ONCE)
        parts.append(lstm_forecast(fold.features, fold.rows[some], fold.positions[some], models[some]))
    return np.concatenate([part.quantiles for part in parts])
