"""The three baselines, from histories to distributions of the next return."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from stockjax.baselines.empirical_quantiles import RESIDUALS, empirical_quantiles, trailing_windows
from stockjax.baselines.har import har_volatility
from stockjax.distribution import LEVELS, ReturnForecast
from stockjax.features.price_panel import Array, PricePanel
from stockjax.features.volatility import ewma_volatility, log_returns

Places = npt.NDArray[np.int64]


def random_walk(history: PricePanel, rows: Places, positions: Places) -> ReturnForecast:
    """Tomorrow is today; the spread is that of the last 250 returns, moved to median 0."""
    sample = trailing_windows(log_returns(history), rows, positions, RESIDUALS)
    quantiles = empirical_quantiles(sample)
    return ReturnForecast(quantiles - quantiles[:, 2:3], np.nanstd(sample, axis=1))


def ewma(history: PricePanel, rows: Places, positions: Places) -> ReturnForecast:
    """RiskMetrics: a Gaussian around 0 with exponentially weighted variance, decay 0.94."""
    scale = ewma_volatility(log_returns(history))[rows, positions]
    return ReturnForecast(scale[:, None] * ndtri(LEVELS), scale)


def har(history: PricePanel, rows: Places, positions: Places) -> ReturnForecast:
    """HAR volatility times the quantiles of the last 250 returns over their HAR volatility."""
    volatility = har_volatility(history, _lookback(history, rows, positions))
    residuals = _scaled_residuals(log_returns(history), volatility)
    sample = trailing_windows(residuals, rows, positions, RESIDUALS)
    expected = volatility[rows, positions]
    return ReturnForecast(
        expected[:, None] * empirical_quantiles(sample), expected * np.nanstd(sample, axis=1)
    )


def _lookback(history: PricePanel, rows: Places, positions: Places) -> npt.NDArray[np.bool_]:
    """(N, T) the sessions whose volatility the residuals of these forecasts need."""
    needed = np.zeros(history.close.shape, dtype=bool)
    columns = positions[:, None] - np.arange(RESIDUALS + 1)
    needed[rows[:, None], np.maximum(columns, 0)] = True
    return needed


def _scaled_residuals(returns: Array, volatility: Array) -> Array:
    """Each return over the volatility that was expected of it the session before, (N, T)."""
    residuals = np.full(returns.shape, np.nan)
    residuals[:, 1:] = returns[:, 1:] / volatility[:, :-1]
    return residuals


BASELINES: dict[str, Callable[[PricePanel, Places, Places], ReturnForecast]] = {
    "random_walk": random_walk,
    "ewma": ewma,
    "har": har,
}
"""Every baseline by its name in the ledger."""


def baseline_forecasts(history: PricePanel, rows: Places, positions: Places) -> dict[str, ReturnForecast]:
    """All baselines' forecasts from the given sessions.

    Parameters
    ----------
    rows, positions
        (n,) ticker row and session column that each forecast is made from.

    """
    return {name: model(history, rows, positions) for name, model in BASELINES.items()}
