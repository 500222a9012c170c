"""The network's forecasts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from stockjax.distribution import ReturnForecast
from stockjax.features import Features
from stockjax.model.quantiles import student_t_deviation, student_t_quantiles
from stockjax.registry import Model
from stockjax.training.predict import predict
from stockjax.training.windows import context


def lstm_forecast(
    features: Features,
    rows: npt.NDArray[np.int64],
    positions: npt.NDArray[np.int64],
    models: Sequence[Model],
) -> ReturnForecast:
    """Forecasts of the session after each position.

    Parameters
    ----------
    rows, positions
        (n,) ticker row and session column that each forecast is made from.
    models
        n models, one per forecast.

    """
    prediction = predict(_stack([model.parameters for model in models]), context(features, rows, positions))
    unit = features.volatility[rows, positions]
    return ReturnForecast(
        unit[:, None] * student_t_quantiles(prediction.location, prediction.log_scale, prediction.freedom),
        unit * student_t_deviation(prediction.log_scale, prediction.freedom),
    )


def _stack(parameters: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One tree whose leaves have a new first axis."""
    return {
        name: _stack([each[name] for each in parameters])
        if isinstance(value, dict)
        else np.stack([np.asarray(each[name]) for each in parameters])
        for name, value in parameters[0].items()
    }
