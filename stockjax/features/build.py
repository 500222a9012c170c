"""The inputs of the network, for a whole universe at once.

Every number at session t uses sessions up to t of the same ticker, and of the other tickers
on the same day. Nothing is fitted: the only scale is the ticker's own EWMA volatility.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stockjax.features.event_inputs import (
    EVENT_FEATURES,
    event_columns,
    expected_reports,
)
from stockjax.features.extra import extra_columns
from stockjax.features.implied_volatility import IMPLIED_FEATURES, implied_columns
from stockjax.features.market_context import NO_CONTEXT, MarketContext
from stockjax.features.market_means import MarketMeans
from stockjax.features.price_panel import Array, PricePanel
from stockjax.features.volatility import (
    ewma_volatility,
    log_returns,
    log_variance,
    log_volumes,
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

# Raised whenever an input or the volatility is computed in another way: models know their inputs by it.
_MEANING = "2"

_PLACES = {name: place for place, name in enumerate(FEATURE_NAMES)}
_AVERAGED = ("return", "absolute_return", "log_vol_ratio_1", "log_vol_ratio_5", "log_volatility")
_MARKET_FEATURES = tuple(f"market_{name}" for name in _AVERAGED[:-1])
_TICKERS_TOGETHER = 64

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
    said = ",".join((_MEANING, *feature_names(extra)))
    return hashlib.sha256(said.encode()).hexdigest()[:8]


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
    shape = history.sessions.shape
    inputs = np.zeros((*shape, len(feature_names(extra))), dtype=np.float32)
    labels = np.full(shape, np.nan, dtype=np.float32)
    volatility = np.empty(shape)
    context = context.of_markets(history.markets)
    market = MarketMeans(history, len(_AVERAGED), LARGEST_INPUT)
    # Few tickers at a time: columns of all of them, as numbers of eight bytes, would fill the memory.
    parts = [slice(start, start + _TICKERS_TOGETHER) for start in range(0, shape[0], _TICKERS_TOGETHER)]
    for rows in parts:
        part = history.part(rows)
        returns = log_returns(part)
        events = context.events.only(part.tickers)
        expected = expected_reports(part, events)
        # A reaction that was expected says nothing of the sessions that follow.
        volatility[rows] = ewma_volatility(returns, counts=expected.ordinary if expected else None)
        own = _own_columns(part, returns, volatility[rows])
        market.add(part, [own[name] for name in _AVERAGED])
        announced = event_columns(part, own["return"], events, expected)
        own |= dict(zip(EVENT_FEATURES, announced, strict=True))
        _store(inputs[rows], part, own)
        labels[rows, :-1] = returns[:, 1:] / volatility[rows, :-1]
        labels[rows][~_usable(part)] = np.nan
    for rows in parts:
        part = history.part(rows)
        *means, log_volatility = market.of(part)
        implied = implied_columns(part, volatility[rows], log_volatility, context.implied)
        _store(inputs[rows], part, dict(zip(_MARKET_FEATURES, means, strict=True)))
        _store(inputs[rows], part, dict(zip(IMPLIED_FEATURES, implied, strict=True)))
    for place, column in enumerate(extra_columns(history, extra), len(FEATURE_NAMES)):
        inputs[..., place] = _as_input(column, _usable(history))
    return Features(inputs, labels, volatility)


def _store(inputs: npt.NDArray[np.float32], part: PricePanel, columns: Mapping[str, Array]) -> None:
    """Write columns, by name, into the inputs of some tickers, those without a name nowhere."""
    usable = _usable(part)
    for name, column in columns.items():
        if name in _PLACES:
            inputs[..., _PLACES[name]] = _as_input(column, usable)


def _as_input(column: Array, usable: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """A column within the largest input, and 0 where there is no number or no session."""
    with np.errstate(over="ignore"):
        numbers = column.astype(np.float32)
    np.clip(numbers, -LARGEST_INPUT, LARGEST_INPUT, out=numbers)
    numbers[~usable | np.isnan(numbers)] = 0.0
    return numbers


def _usable(part: PricePanel) -> npt.NDArray[np.bool_]:
    """(n, T) sessions with a return: all but a ticker's first."""
    usable = part.valid
    usable[:, :1] = False
    return usable


def _own_columns(part: PricePanel, returns: Array, volatility: Array) -> dict[str, Array]:
    """The inputs from a ticker's own prices, (n, T) each, and the logarithm of its volatility."""
    log_volatility = np.log(volatility)
    variance = log_variance(part, volatility)
    scaled = returns / volatility
    sine, cosine = _weekday(part)
    return {
        "return": scaled,
        "overnight": overnight_returns(part) / volatility,
        "range": np.log(part.high / part.low) / volatility,
        "absolute_return": np.abs(scaled),
        "volume": _volume_change(part),
        **{
            f"log_vol_ratio_{count}": 0.5 * trailing_mean(variance, count) - log_volatility
            for count in (1, 5, 22, 120)
        },
        "weekday_sine": sine,
        "weekday_cosine": cosine,
        "log_volatility": log_volatility,
    }


def _volume_change(history: PricePanel) -> Array:
    """Log volume over its own exponential mean up to today, within ±3."""
    log_volume, usual = log_volumes(history.volume)
    change = np.clip(log_volume - usual, -_LARGEST_VOLUME_CHANGE, _LARGEST_VOLUME_CHANGE)
    return np.nan_to_num(change)


def _weekday(history: PricePanel) -> tuple[Array, Array]:
    # Day 0 of the epoch was a Thursday; Monday becomes 0.
    days = history.sessions.astype("datetime64[D]").astype(np.int64)
    angle = 2 * np.pi * ((days + 3) % 7) / 7
    return np.sin(angle), np.cos(angle)
