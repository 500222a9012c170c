"""The inputs of the network, for a whole universe at once.

Every number at session t uses sessions up to t of the same ticker, and of the other tickers
on the same day. Nothing is fitted: the only scale is the ticker's own EWMA volatility.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stockjax.features.event_inputs import (
    EVENT_FEATURES,
    event_columns,
)
from stockjax.features.extra import extra_columns
from stockjax.features.implied_volatility import IMPLIED_FEATURES, implied_columns
from stockjax.features.market_context import NO_CONTEXT, MarketContext
from stockjax.features.price_panel import Array, PricePanel
from stockjax.features.volatility import (
    ewma_volatility,
    exponential_mean,
    log_returns,
    log_variance,
    overnight_returns,
    trailing_mean,
)

FEATURE_NAMES = (
    "return",
    "overnight",
    "range",
    "absolute_return",
    "volume",
    "log_vol_ratio_1",
    "log_vol_ratio_5",
    "log_vol_ratio_22",
    "log_vol_ratio_120",
    "weekday_sine",
    "weekday_cosine",
    "market_return",
    "market_absolute_return",
    "market_log_vol_ratio_1",
    "market_log_vol_ratio_5",
    *EVENT_FEATURES,
    *IMPLIED_FEATURES,
)
"""The features, in the order of the last axis."""

LARGEST_INPUT = 8.0
"""Inputs are clipped here, in units of volatility: one crash must not own a training step."""

_VOLUME_HALF_LIFE = 20.0
_LARGEST_VOLUME_CHANGE = 3.0


@dataclass(frozen=True)
class Features:
    """Inputs and labels of N tickers over T sessions, packed as in `PricePanel`.

    Attributes
    ----------
    inputs
        (N, T, number of features) float32, 0 where there is no session.
    labels
        (N, T) float32: the next session's log return over today's volatility; NaN where
        it is not known.
    volatility
        (N, T) EWMA volatility of the log return, the unit of `labels`.
    first
        First usable column: earlier ones have no return.

    """

    inputs: npt.NDArray[np.float32]
    labels: npt.NDArray[np.float32]
    volatility: Array
    first: int = 1

    def only(self, rows: Sequence[int]) -> "Features":
        """Those of some of the tickers, by their rows."""
        chosen = list(rows)
        return Features(self.inputs[chosen], self.labels[chosen], self.volatility[chosen], self.first)

    def cut(self, lengths: npt.NDArray[np.int64]) -> "Features":
        """What the same tickers' first sessions alone give: no input depends on a later session.

        Parameters
        ----------
        lengths
            (N,) sessions of each ticker to keep.

        """
        width = int(lengths.max(initial=0))
        column = np.arange(width)
        inside = column < lengths[:, None]
        inputs = np.where(inside[..., None], self.inputs[:, :width], np.float32(0))
        # The return after the last session is not known yet.
        labels = np.where(column < lengths[:, None] - 1, self.labels[:, :width], np.float32(np.nan))
        volatility = np.where(inside, self.volatility[:, :width], np.nan)
        return Features(inputs, labels, volatility, self.first)


def feature_names(extra: Sequence[str] = ()) -> tuple[str, ...]:
    """The names of all inputs, in the order of the last axis.

    Example
    -------
    >>> feature_names(("volume_trend",))[-2:]
    ('implied_change', 'volume_trend')

    """
    return (*FEATURE_NAMES, *extra)


def inputs_id(extra: Sequence[str] = ()) -> str:
    """What tells the inputs of one release from those of another, 8 hex digits; stored with every model.

    Example
    -------
    >>> inputs_id() == inputs_id(("volume_trend",))
    False

    """
    return hashlib.sha256(",".join(feature_names(extra)).encode()).hexdigest()[:8]


def build_features(
    history: PricePanel, extra: Sequence[str] = (), context: MarketContext = NO_CONTEXT
) -> Features:
    """Compute inputs and labels from prices; the history must not be empty.

    Parameters
    ----------
    extra
        Names of features of other packages (`training.extra_features`), which follow the others.
    context
        Announcements and indices of implied volatility, as they were known.

    Raises
    ------
    FeatureError
        An extra feature fails, has another shape, or uses later sessions.
    SettingsError
        No installed package offers an extra feature.

    """
    returns = log_returns(history)
    volatility = ewma_volatility(returns)
    usable = history.valid.copy()
    usable[:, :1] = False
    # One column at a time: of many tickers, all of them as numbers of eight bytes would fill the memory.
    inputs = np.zeros((*returns.shape, len(feature_names(extra))), dtype=np.float32)
    for place, column in enumerate(_columns(history, returns, volatility, extra, context)):
        clipped = np.clip(column, -LARGEST_INPUT, LARGEST_INPUT)
        inputs[..., place] = np.where(usable, np.nan_to_num(clipped, copy=False), 0.0)
    labels = np.full(returns.shape, np.nan, dtype=np.float32)
    labels[:, :-1] = returns[:, 1:] / volatility[:, :-1]
    labels[~usable] = np.nan
    return Features(inputs, labels, volatility)


def _columns(
    history: PricePanel, returns: Array, volatility: Array, extra: Sequence[str], context: MarketContext
) -> Iterator[Array]:
    """The inputs, (N, T) each, in the order of their names."""
    log_volatility = np.log(volatility)
    variance = log_variance(history, volatility)
    scaled = returns / volatility
    magnitude = np.abs(scaled)
    yield scaled
    yield overnight_returns(history) / volatility
    yield np.log(history.high / history.low) / volatility
    yield magnitude
    yield _volume_change(history)
    day, week, month, half_year = (0.5 * trailing_mean(variance, k) - log_volatility for k in (1, 5, 22, 120))
    del variance
    yield from (day, week, month, half_year)
    del month, half_year
    yield from _weekday(history)
    yield from _market_means(history, [scaled, magnitude, day, week])
    del magnitude, day, week
    yield from event_columns(history, scaled, context.events.only(history.tickers))
    del scaled
    (mean_log_volatility,) = _market_means(history, [log_volatility])
    del log_volatility
    yield from implied_columns(
        history, volatility, mean_log_volatility, context.implied, context.most_tickers
    )
    yield from extra_columns(history, extra)


def _volume_change(history: PricePanel) -> Array:
    """Log volume over its own exponential mean up to today, within ±3."""
    log_volume = np.log(np.where(history.volume > 0, history.volume, np.nan))
    usual = exponential_mean(log_volume, 0.5 ** (1 / _VOLUME_HALF_LIFE))
    change = np.clip(log_volume - usual, -_LARGEST_VOLUME_CHANGE, _LARGEST_VOLUME_CHANGE)
    return np.nan_to_num(change)


def _weekday(history: PricePanel) -> tuple[Array, Array]:
    # Day 0 of the epoch was a Thursday; Monday becomes 0.
    days = history.sessions.astype("datetime64[D]").astype(np.int64)
    angle = 2 * np.pi * ((days + 3) % 7) / 7
    return np.sin(angle), np.cos(angle)


def _market_means(history: PricePanel, columns: list[Array]) -> list[Array]:
    """The mean over the tickers of the same exchange that day, laid out like the columns.

    Of the same exchange: the others' session of that date may close after this one's.
    """
    valid = history.valid
    names, market = np.unique(history.markets or ("",) * len(history.tickers), return_inverse=True)
    number = history.sessions.astype("datetime64[D]").astype(np.int64) * len(names) + market[:, None]
    days, code = np.unique(number[valid], return_inverse=True)
    means = []
    for column in columns:
        values = np.clip(column[valid], -LARGEST_INPUT, LARGEST_INPUT)
        seen = ~np.isnan(values)
        total = np.bincount(code[seen], weights=values[seen], minlength=len(days))
        count = np.bincount(code[seen], minlength=len(days))
        mean = total / np.maximum(count, 1)
        laid_out = np.full(column.shape, np.nan)
        laid_out[valid] = mean[code]
        means.append(laid_out)
    return means
