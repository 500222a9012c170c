"""Heterogeneous autoregression of the log variance."""

from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import numpy.typing as npt

from stockjax.features.price_panel import Array, PricePanel
from stockjax.features.volatility import ewma_volatility, log_returns, log_variance, trailing_mean

HORIZONS = (1, 5, 22)
"""A day, a week and a month of sessions."""

_MIN_FITTED = 30
_TICKERS_AT_ONCE = 32


def har_volatility(history: PricePanel, needed: npt.NDArray[np.bool_]) -> Array:
    """The volatility that HAR expects of the next session, (N, T), up to a constant factor.

    ln v_{t+1} = b0 + b1 x_t(1) + b2 x_t(5) + b3 x_t(22), where x(k) is the mean over k
    sessions of the log of Garman-Klass plus squared overnight variance. Corsi, A Simple
    Approximate Long-Memory Model of Realized Volatility, Journal of Financial Econometrics 7
    (2009), in logs. For every session the coefficients are those of ordinary least squares
    on all pairs known by then; until there are enough, EWMA stands in.

    Parameters
    ----------
    needed
        (N, T) where the answer is wanted; elsewhere it is NaN.

    """
    fallback = ewma_volatility(log_returns(history))
    variance = log_variance(history, fallback)
    answer = np.where(needed, fallback, np.nan)
    for start in range(0, len(variance), _TICKERS_AT_ONCE):
        some = slice(start, start + _TICKERS_AT_ONCE)
        predicted = _expanding_forecast(variance[some], needed[some])
        answer[some] = np.where(np.isnan(predicted), answer[some], np.exp(0.5 * predicted))
    return answer


def _expanding_forecast(variance: Array, needed: npt.NDArray[np.bool_]) -> Array:
    """Next session's log variance (N, T), fitted again at each needed session; NaN elsewhere."""
    regressors = [np.ones_like(variance), *(trailing_mean(variance, k) for k in HORIZONS)]
    after = variance[:, 1:]
    complete = ~np.isnan(after) & ~np.isnan([column[:, :-1] for column in regressors]).any(axis=0)
    x = [np.where(complete, column[:, :-1], 0.0) for column in regressors]
    y = np.where(complete, after, 0.0)
    count = _sums(complete)
    fitted = needed & (count >= _MIN_FITTED)
    gram = np.empty((np.count_nonzero(fitted), len(x), len(x)))
    for row, column in combinations_with_replacement(range(len(x)), 2):
        gram[:, row, column] = gram[:, column, row] = _sums(x[row] * x[column])[fitted]
    moment = np.stack([_sums(column * y)[fitted] for column in x], axis=-1)
    # A hair of ridge keeps a price that never moved solvable and moves nothing else.
    ridge = 1e-9 * count[fitted][:, None, None] * np.eye(len(x))
    coefficients = np.linalg.solve(gram + ridge, moment[..., None])[..., 0]
    # Coefficients from few sessions can extrapolate; the variances seen so far bound them.
    lowest, highest = np.fmin.accumulate(variance, axis=1), np.fmax.accumulate(variance, axis=1)
    answer = np.full(variance.shape, np.nan)
    predicted = (np.stack([column[fitted] for column in regressors], axis=-1) * coefficients).sum(axis=-1)
    answer[fitted] = np.clip(predicted, lowest[fitted], highest[fitted])
    return answer


def _sums(pairs: npt.NDArray[Any]) -> Array:
    """(N, T) the sums over all (N, T - 1) pairs of two sessions that are known by a session."""
    sums = np.zeros((len(pairs), pairs.shape[1] + 1))
    np.cumsum(pairs, axis=1, out=sums[:, 1:])
    return sums
