"""How surprising the newest variance and volume of a ticker are, by its own history."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from stockjax.features.history import History
from stockjax.features.volatility import ewma_volatility, log_returns, log_variance

Array = npt.NDArray[np.float64]

REFERENCE_SESSIONS = 504
"""Sessions of a ticker's own past that a surprise is measured against."""
FEWEST_REFERENCES = 126
"""With fewer sessions in them nothing is bet."""

SHIFT_TOLERANCE = 0.25
"""Standard deviations by which what is left over may lie off its past: seasons and slow tides do that."""

_MEMORY = (1, 5, 22)


def recent(history: History, sessions: int) -> History:
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


def watched_inputs(history: History) -> Array:
    """Log variance of the session and log volume, (2, N, T); NaN where there is none."""
    variance = log_variance(history, ewma_volatility(log_returns(history)))
    volume = np.log(np.where(history.volume > 0, history.volume, np.nan))
    return np.stack([variance, volume])


def surprise_bets(series: Array, first: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]) -> Array:
    """Bets that the newest values lie higher, or lower, than a ticker's own past would have them.

    Volatility and volume cluster, so that their levels are no news. What is judged is what is left
    over by a heterogeneous autoregression on their means over 1, 5 and 22 sessions (Corsi, A
    Simple Approximate Long-Memory Model of Realized Volatility, Journal of Financial Econometrics 7,
    2009), fitted for each ticker to the 504 sessions before its first new one. With r the rank of
    a new residual among those of the fit (1 / n for the largest), the bet pays -ln r, whose mean is
    at most 1 if the residuals are exchangeable: conformal prediction (Vovk, Gammerman and Shafer,
    Algorithmic Learning in a Random World, 2nd ed. 2022, ch. 8) with the calibrator of a p-value.

    Parameters
    ----------
    series
        (N, T) values, packed to the left as in `History`.
    first
        (N,) column of the first new session.
    lengths
        (N,) sessions of each ticker.

    Returns
    -------
    (N, C, 2) bets on higher and on lower values at the columns first, first + 1, ...; 1, which is no
    bet, where there is nothing to judge by, and NaN past a ticker's last session.

    """
    count = int(np.maximum(lengths - first, 0).max(initial=0))
    if not count:
        return np.ones((len(series), 0, 2))
    offsets = np.arange(-REFERENCE_SESSIONS, count)
    columns = first[:, None] + offsets
    known = (columns >= 0) & (columns < lengths[:, None])
    left_over = _left_over(series, np.where(known, columns, 0), known)
    past, new = left_over[:, :REFERENCE_SESSIONS], left_over[:, REFERENCE_SESSIONS:]
    bets = np.stack([_surprise(past, new), _surprise(-past, -new)], axis=-1)
    bets[~known[:, REFERENCE_SESSIONS:]] = np.nan
    return bets


def _left_over(series: Array, columns: npt.NDArray[np.int64], known: npt.NDArray[np.bool_]) -> Array:
    """What the autoregression leaves over at each of the columns; NaN where it says nothing."""
    rows = np.arange(len(series))[:, None]
    means = np.stack([_means_before(series, span) for span in _MEMORY], axis=-1)
    inputs = np.concatenate([np.ones((*columns.shape, 1)), means[rows, columns]], axis=-1)
    values = np.where(known, series[rows, columns], np.nan)
    usable = np.isfinite(values) & np.isfinite(inputs).all(axis=-1)
    inputs, values = np.where(usable[..., None], inputs, 0.0), np.where(usable, values, 0.0)
    fitted = inputs[:, :REFERENCE_SESSIONS]
    product = np.einsum("ntk,ntl->nkl", fitted, fitted)
    # A value that never changes leaves the coefficients open: any will do.
    product += 1e-6 * np.eye(inputs.shape[-1])
    target = np.einsum("ntk,nt->nk", fitted, values[:, :REFERENCE_SESSIONS])
    coefficients = np.linalg.solve(product, target[..., None])[..., 0]
    found: Array = np.where(usable, values - np.einsum("ntk,nk->nt", inputs, coefficients), np.nan)
    return found


def _means_before(series: Array, span: int) -> Array:
    """Mean of the `span` values before each column; NaN where fewer than half of them are known."""
    known = np.isfinite(series)
    total = np.cumsum(np.where(known, series, 0.0), axis=1)
    count = np.cumsum(known, axis=1).astype(np.float64)
    means = np.full(series.shape, np.nan)
    for running in (total, count):
        running[:, span:] -= running[:, :-span].copy()
    with np.errstate(invalid="ignore", divide="ignore"):
        means[:, 1:] = np.where(count >= (span + 1) // 2, total / count, np.nan)[:, :-1]
    return means


def _surprise(past: Array, new: Array) -> Array:
    """-ln of the share of past values, and of the new one itself, that are at least as large."""
    ordered = np.sort(past, axis=1)  # NaN last
    usable = np.isfinite(past).sum(axis=1)
    tolerated = new - SHIFT_TOLERANCE * _spread(past)
    bets = np.ones(new.shape)
    for row in np.flatnonzero(usable >= FEWEST_REFERENCES):
        below = np.searchsorted(ordered[row, : usable[row]], tolerated[row], side="left")
        bets[row] = -np.log((usable[row] - below + 1) / (usable[row] + 1))
    bets[np.isnan(new)] = 1.0
    return bets


def _spread(past: Array) -> Array:
    """Standard deviation of what is known of each row, (N, 1)."""
    known = np.isfinite(past)
    count = np.maximum(known.sum(axis=1, keepdims=True), 1)
    values = np.where(known, past, 0.0)
    mean = values.sum(axis=1, keepdims=True) / count
    spread: Array = np.sqrt((np.where(known, values - mean, 0.0) ** 2).sum(axis=1, keepdims=True) / count)
    return spread
