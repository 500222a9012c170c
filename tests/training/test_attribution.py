"""Contributions to the log-scale add up, and are nil where nothing is read."""

import numpy as np
import pytest

from stockjax.features import FEATURE_NAMES, Features
from stockjax.forecasting.lstm import lstm_forecast
from stockjax.training.attribution import log_scale, log_scale_contributions
from stockjax.training.windows import inference_windows
from tests.support.synthetic import learnable_features, some_model, whole_parameters

ROW, POSITION = np.array([0]), np.array([130])


@pytest.fixture(scope="module")
def features() -> Features:
    return learnable_features(1, 131, seed=3)


@pytest.mark.parametrize("seed", range(4))
def test_the_contributions_add_up_to_what_the_inputs_changed(features: Features, seed: int) -> None:
    parameters = whole_parameters(seed)
    window, today = inference_windows(features, ROW, POSITION)[0], features.inputs[0, 130]
    contributions, start = log_scale_contributions(parameters, window, today)
    whole = log_scale(parameters, window, today)
    assert contributions.shape == (len(FEATURE_NAMES),)
    assert abs(whole - start) > 0.05
    assert start + contributions.sum() == pytest.approx(whole, abs=2e-4)
    assert start == pytest.approx(log_scale(parameters, 0 * window, 0 * today), abs=1e-5)


def test_the_log_scale_is_that_of_the_forecast(features: Features) -> None:
    model = some_model("AAPL", 5)
    window, today = inference_windows(features, ROW, POSITION)[0], features.inputs[0, 130]
    forecast = lstm_forecast(features, ROW, POSITION, [model])
    # Quantiles lie at scale times residuals: their spread over that of the residuals is the scale.
    spread = np.ptp(forecast.quantiles[0]) / np.ptp(model.parameters["residuals"])
    unit = features.volatility[0, 130]
    assert np.log(spread / unit) == pytest.approx(log_scale(model.parameters, window, today), abs=1e-5)


def test_what_was_nil_all_along_contributed_nothing(features: Features) -> None:
    window, today = inference_windows(features, ROW, POSITION)[0].copy(), features.inputs[0, 130].copy()
    window[:, 7], today[7] = 0, 0
    contributions, _ = log_scale_contributions(whole_parameters(1), window, today)
    assert contributions[7] == 0
    assert np.count_nonzero(contributions) == len(FEATURE_NAMES) - 1
