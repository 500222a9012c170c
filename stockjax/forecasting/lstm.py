"""The network's forecasts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from stockjax.distribution import ReturnForecast
from stockjax.features import Features
from stockjax.model.student_t import student_t_deviation
from stockjax.registry import Model
from stockjax.training.predict import predict
from stockjax.training.windows import inference_windows

CHUNK = 1024
"""Forecasts that are made together: each has its own copy of the parameters and its own window of inputs."""


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
    parts = [
        _forecast(features, rows[at : at + CHUNK], positions[at : at + CHUNK], models[at : at + CHUNK])
        for at in range(0, len(models), CHUNK)
    ]
    return ReturnForecast(
        np.concatenate([part.quantiles for part in parts]), np.concatenate([part.scale for part in parts])
    )


def _forecast(
    features: Features,
    rows: npt.NDArray[np.int64],
    positions: npt.NDArray[np.int64],
    models: Sequence[Model],
) -> ReturnForecast:
    networks = _stack([model.parameters["network"] for model in models])
    prediction = predict(networks, inference_windows(features, rows, positions))
    # Location, log-scale and tail are averaged over the seeds.
    location, log_scale, freedom = (
        part.mean(axis=1) for part in (prediction.location, prediction.log_scale, prediction.freedom)
    )
    adapter = _stack([model.parameters["adapter"] for model in models])
    standard = (features.inputs[rows, positions] - adapter["center"]) / adapter["spread"]
    log_scale = log_scale + adapter["weights"][:, 0] + (standard * adapter["weights"][:, 1:]).sum(axis=1)
    shape = np.stack([np.asarray(model.parameters["residuals"]) for model in models])
    unit = features.volatility[rows, positions]
    return ReturnForecast(
        unit[:, None] * (location[:, None] + np.exp(log_scale)[:, None] * shape),
        unit * student_t_deviation(log_scale, freedom),
    )


def _stack(parameters: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One tree whose leaves have a new first axis."""
    return {
        name: _stack([each[name] for each in parameters])
        if isinstance(value, dict)
        else np.stack([np.asarray(each[name]) for each in parameters])
        for name, value in parameters[0].items()
    }
