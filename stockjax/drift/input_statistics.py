"""How surprising the newest variance and volume of a ticker are, by its own history."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from stockjax.features.price_panel import PricePanel
from stockjax.features.volatility import ewma_volatility, log_returns, log_variance

Array = npt.NDArray[np.float64]

REFERENCE_SESSIONS = 504
"""Sessions of a ticker's own past that a surprise is measured against."""
MIN_REFERENCES = 126
"""With fewer sessions in them nothing is bet."""

SHIFT_TOLERANCE = 0.25
"""Standard deviations by which the residual may differ from its past: seasons and slow tides do that."""

_MEMORY = (1, 5, 22)


def recent(history: PricePanel, sessions: int) -> PricePanel:
    """The last sessions of each ticker, packed to the left again."""
    width = min(sessions, history.sessions.shape[1])
    start = np.maximum(history.lengths - width, 0)
    columns = start[:, None] + np.arange(width)
    fields: dict[str, Any] = {
        field.name: np.take_along_axis(getattr(history, field.name), columns, axis=1)
        for field in dataclasses.fields(history)
        if np.ndim(getattr(history, field.name)) == 2
    }
    return dataclasses.replace(history, lengths=np.minimum(history.lengths, width), **fields)


def watched_inputs(history: PricePanel) -> Array:
    """Log variance of the session and log volume, (2, N, T); NaN where there is none."""
    variance = log_variance(history, ewma_volatility(log_returns(history)))
    volume = np.log(np.where(history.volume > 0, history.volume, np.nan))
    return np.stack([variance, volume])


def ending_together(values: Array, lengths: npt.NDArray[np.int64]) -> Array:
    """Values packed to the left, (N, T), moved so that every ticker's last session is the last column."""
    width = values.shape[1]
    columns = np.arange(width) - (width - lengths[:, None])
    moved = np.take_along_axis(values, np.maximum(columns, 0), axis=1)
    found: Array = np.where(columns >= 0, moved, np.nan)
    return found


def surprise_bets(series: Array, count: int) -> Array:
    """Bets that the last values are higher, or lower, than a ticker's own past predicts.

    Volatility and volume cluster, so that their levels are no news. What is judged is the residual
    of a heterogeneous autoregression on their means over 1, 5 and 22 sessions (Corsi, A
    Simple Approximate Long-Memory Model of Realized Volatility, Journal of Financial Econometrics 7,
    2009), fitted for each ticker to the 504 sessions before those. With r the rank of
    a new residual among those of the fit (1 / n for the largest), the bet pays r^(-1/2) / 2, whose
    mean is at most 1 if the residuals are exchangeable: a conformal p-value (Vovk, Gammerman and
    Shafer, Algorithmic Learning in a Random World, 2nd ed. 2022, ch. 8) made a bet by a calibrator of
    Vovk and Wang, E-values: Calibration, Combination and Applications, Annals of Statistics 49
    (2021). A quarter of a standard deviation is taken off the residual first, as a tolerance.

    Parameters
    ----------
    series
        (N, T) values, the newest last; NaN where there is none.
    count
        Sessions to judge, the last ones.

    Returns
    -------
    (N, count, 2) bets on higher and on lower values; 1, which is no bet, where there is nothing to
    judge or nothing to judge it by.

    """
    left_over = _left_over(series, count)
    past, new = left_over[:, :REFERENCE_SESSIONS], left_over[:, REFERENCE_SESSIONS:]
    return np.stack([_surprise(past, new), _surprise(-past, -new)], axis=-1)


def _left_over(series: Array, count: int) -> Array:
    """What the autoregression leaves over of the references and the last values; NaN where nothing."""
    width = REFERENCE_SESSIONS + count
    before = max(_MEMORY)
    lacking = max(width + before - series.shape[1], 0)
    padded = np.pad(series, ((0, 0), (lacking, 0)), constant_values=np.nan)[:, -(width + before) :]
    means = _means_before(padded, before)
    values = padded[:, before:]
    usable = np.isfinite(values)
    for mean in means:
        usable &= np.isfinite(mean)
    values = np.where(usable, values, 0.0)
    inputs = [usable.astype(np.float64), *(np.where(usable, mean, 0.0) for mean in means)]
    fitted = [each[:, :REFERENCE_SESSIONS] for each in inputs]
    # A value that never changes leaves the coefficients open: any will do.
    product = np.tile(1e-6 * np.eye(len(inputs)), (len(series), 1, 1))
    target = np.empty((len(series), len(inputs), 1))
    for row, one in enumerate(fitted):
        target[:, row, 0] = np.einsum("nt,nt->n", one, values[:, :REFERENCE_SESSIONS])
        for column, other in enumerate(fitted):
            product[:, row, column] += np.einsum("nt,nt->n", one, other)
    coefficients = np.linalg.solve(product, target)
    for number, each in enumerate(inputs):
        values -= coefficients[:, number] * each
    found: Array = np.where(usable, values, np.nan)
    return found


def _means_before(series: Array, start: int) -> list[Array]:
    """Means of the 1, 5 and 22 values before each column from `start` on.

    NaN where fewer than half of them are known.
    """
    known = np.isfinite(series)
    total = np.cumsum(np.where(known, series, 0.0), axis=1)
    seen = np.cumsum(known, axis=1, dtype=np.float64)
    width = series.shape[1]
    found = [series[:, start - 1 : -1]]
    for span in _MEMORY[1:]:
        sums, counts = (
            running[:, start - 1 : -1] - np.pad(running, ((0, 0), (1, 0)))[:, start - span : width - span]
            for running in (total, seen)
        )
        means = np.full(sums.shape, np.nan)
        np.divide(sums, counts, out=means, where=counts >= (span + 1) // 2)
        found.append(means)
    return found


def _surprise(past: Array, new: Array) -> Array:
    """r^(-1/2) / 2 of the share r of past values, and the new one, that are at least as large."""
    usable = np.isfinite(past).sum(axis=1)
    tolerated = new - SHIFT_TOLERANCE * _spread(past)
    bets = np.ones(new.shape)
    for column in range(new.shape[1]):
        below = (past < tolerated[:, column, None]).sum(axis=1)
        paid = 0.5 * np.sqrt((usable + 1) / (usable - below + 1))
        judged = np.isfinite(new[:, column]) & (usable >= MIN_REFERENCES)
        bets[judged, column] = paid[judged]
    return bets


def _spread(past: Array) -> Array:
    """Standard deviation of what is known of each row, (N, 1); 0 where nothing is."""
    known = np.isfinite(past)
    count = np.maximum(known.sum(axis=1, keepdims=True), 1)
    values = np.where(known, past, 0.0)
    mean = values.sum(axis=1, keepdims=True) / count
    square = (values**2).sum(axis=1, keepdims=True) / count
    spread: Array = np.sqrt(np.maximum(square - mean**2, 0.0))
    return spread
