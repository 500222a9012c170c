"""Returns and volatility, every value from its own session and earlier ones only."""

from itertools import accumulate

import numpy as np

from stockjax.features.price_panel import Array, PricePanel

RISKMETRICS_DECAY = 0.94
"""Daily decay of J.P. Morgan/Reuters, RiskMetrics Technical Document, 4th ed. (1996), ch. 5."""

VOLUME_DECAY = 0.5 ** (1 / 20)
"""Daily decay of the usual volume: half in 20 sessions."""

SMALLEST_VOLATILITY = 1e-4
"""Floor of a daily volatility: a price that never moves still has a scale to divide by."""

_SMALLEST_VARIANCE_SHARE = 0.01
_FEW_TICKERS = 8


def log_returns(history: PricePanel) -> Array:
    """Log returns of the adjusted close, (N, T); NaN in the first column."""
    returns = np.full(history.adj_close.shape, np.nan)
    returns[:, 1:] = np.diff(np.log(history.adj_close), axis=1)
    return returns


def overnight_returns(history: PricePanel) -> Array:
    """Log return from the previous adjusted close to the open, (N, T); split-safe."""
    adjusted_open = history.open * (history.adj_close / history.close)
    gaps = np.full(history.adj_close.shape, np.nan)
    gaps[:, 1:] = np.log(adjusted_open[:, 1:] / history.adj_close[:, :-1])
    return gaps


def exponential_mean(values: Array, decay: float, counts: Array | None = None) -> Array:
    """Exponentially weighted mean along the last axis, weights normalised from the start.

    m_t = sum_i decay^i c_{t-i} v_{t-i} / sum_i decay^i c_{t-i} over the values that are not NaN; where
    nothing has been seen yet, NaN. Input and result (N, T).

    Parameters
    ----------
    counts
        (N, T) how much each value counts, above 0; by default 1.

    Example
    -------
    >>> exponential_mean(np.array([[1.0, np.nan, 3.0]]), 0.5).round(2).tolist()
    [[1.0, 1.0, 2.6]]

    """
    seen = np.where(np.isnan(values), 0.0, 1.0 if counts is None else counts)
    total = _decaying_sum(seen * np.nan_to_num(values), decay)
    weight = _decaying_sum(seen, decay)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(weight > 0, total / weight, np.nan)


def _decaying_sum(values: Array, decay: float) -> Array:
    # scipy's filter would take longer to import. Both ways make the same sums, bit for bit.
    if len(values) <= _FEW_TICKERS:
        rows = [accumulate(row, lambda past, value: value + decay * past) for row in values.tolist()]
        return np.array([list(row) for row in rows]).reshape(values.shape)
    # A loop over sessions, each for all tickers, which lie side by side meanwhile: or each session would be
    # collected from all over the memory.
    sums = np.ascontiguousarray(values.T)
    for row in range(1, len(sums)):
        sums[row] += decay * sums[row - 1]
    return np.ascontiguousarray(sums.T)


def ewma_volatility(returns: Array, decay: float = RISKMETRICS_DECAY, counts: Array | None = None) -> Array:
    """RiskMetrics volatility of the next session, sqrt(EWMA of squared returns), (N, T).

    Parameters
    ----------
    counts
        (N, T) how much the return of each session counts, above 0; by default 1.

    Example
    -------
    >>> ewma_volatility(np.array([[0.01, -0.01, 0.02]])).round(4).tolist()
    [[0.01, 0.01, 0.0144]]

    """
    volatility: Array = np.sqrt(exponential_mean(returns**2, decay, counts))
    return np.maximum(volatility, SMALLEST_VOLATILITY)


def log_variance(history: PricePanel, volatility: Array) -> Array:
    """Log of the Garman-Klass variance plus the squared overnight return, (N, T).

    Garman and Klass, On the Estimation of Security Price Volatilities from Historical Data,
    Journal of Business 53 (1980), eq. 20: 0.5 ln(H/L)^2 - (2 ln 2 - 1) ln(C/O)^2.
    It is kept above a hundredth of `volatility`^2, since a session without a range would
    make it minus infinity; NaN in the first column.
    """
    reach = np.log(history.high / history.low)
    move = np.log(history.close / history.open)
    garman_klass = 0.5 * reach**2 - (2 * np.log(2) - 1) * move**2
    variance = garman_klass + overnight_returns(history) ** 2
    floored: Array = np.log(np.maximum(variance, _SMALLEST_VARIANCE_SHARE * volatility**2))
    return floored


def trailing_mean(values: Array, window: int) -> Array:
    """Mean over the last `window` sessions, or over all there are; (N, T).

    NaN in the leading columns is left out; result NaN until the first value.

    Example
    -------
    >>> trailing_mean(np.array([[1.0, 2.0, 6.0]]), 2).tolist()
    [[1.0, 1.5, 4.0]]

    """
    seen = ~np.isnan(values)
    total = _trailing_sum(np.where(seen, values, 0.0), window)
    count = _trailing_sum(seen.astype(float), window)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count > 0, total / count, np.nan)


def _trailing_sum(values: Array, window: int) -> Array:
    running = np.cumsum(values, axis=1)
    running[:, window:] -= running[:, :-window].copy()
    return running


def log_volumes(volume: Array) -> tuple[Array, Array]:
    """Log volume, NaN where none was traded, and its exponential mean up to each session, (N, T) each.

    Example
    -------
    >>> [values.round(1).tolist() for values in log_volumes(np.array([[100.0, 0.0, 100.0]]))]
    [[[4.6, nan, 4.6]], [[4.6, 4.6, 4.6]]]

    """
    log_volume: Array = np.log(np.where(volume > 0, volume, np.nan))
    return log_volume, exponential_mean(log_volume, VOLUME_DECAY)


def volume_surprise(volume: Array) -> Array:
    """Log volume over its exponential mean of the sessions before, (N, T); NaN where unknown.

    Example
    -------
    >>> volume_surprise(np.array([[100.0, 0.0, 200.0]])).round(2).tolist()
    [[nan, nan, 0.69]]

    """
    log_volume, usual = log_volumes(volume)
    surprise = np.full(volume.shape, np.nan)
    surprise[:, 1:] = log_volume[:, 1:] - usual[:, :-1]
    return surprise


def absolute_moves(adj_close: Array) -> Array:
    """Absolute log returns in units of the EWMA volatility of the session before, (T,); NaN where unknown.

    Example
    -------
    >>> absolute_moves(np.array([100.0, 101.0, 103.0])).round(2).tolist()
    [nan, nan, 1.97]

    """
    returns = np.full((1, len(adj_close)), np.nan)
    returns[0, 1:] = np.diff(np.log(adj_close))
    volatility = ewma_volatility(returns)
    moves = np.full(len(adj_close), np.nan)
    moves[1:] = np.abs(returns[0, 1:] / volatility[0, :-1])
    return moves
