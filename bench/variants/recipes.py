"""The variants: each makes quantiles of a fold's forecasts, and shares what it can with the others."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from heads import LINEAR, MIXTURE, NO_LOCATION, Head, look_mixture, train_alone, train_head, untrained
from scores import after_jumps
from walk import Array, Distribution, Fold, Mask, Places, look, look_each

from stockjax.distribution import LEVELS
from stockjax.features.volatility import trailing_mean
from stockjax.model.student_t import student_t_quantiles
from stockjax.training.adapter import residual_quantiles

YEAR = 250
MIN_SESSIONS = 64
"""Sessions before which an EWMA volatility is little more than a single return."""

_DAYS_TO_BELIEVE = 1500


@dataclass(frozen=True)
class Variant:
    """A way to forecast, and what sets it apart."""

    what: str
    quantiles: Callable[[Fold], Array]


def completed(fold: Fold, location: Array, log_scale: Array, shape: Array) -> Array:
    """Quantiles of the return, (n, 5), from location, log-scale and the shape: (5,) or (n, 5)."""
    here = fold.rows, fold.positions
    scaled: Array = fold.features.volatility[here][:, None] * (
        location[here][:, None] + np.exp(log_scale[here])[:, None] * shape
    )
    return scaled


def _of(fold: Fold, predict_distribution: Distribution, shape: Array) -> Array:
    return completed(fold, predict_distribution.location, predict_distribution.log_scale, shape)


# Shapes.


def _product_shape(fold: Fold) -> Array:
    shape: Array = fold.base.parameters["residuals"]
    return shape


def _student(fold: Fold) -> Array:
    return student_t_quantiles(fold.base_outlook.freedom)


def _half_pooled(fold: Fold, predict_distribution: Distribution) -> Array:
    """The product's shape, from the residuals of another predict_distribution."""
    return residual_quantiles(
        fold.residuals(predict_distribution)[fold.seen], student_t_quantiles(predict_distribution.freedom)
    )


def _empirical(fold: Fold) -> Array:
    quantiles: Array = np.quantile(fold.residuals(fold.base_outlook)[fold.seen], LEVELS)
    return quantiles


# Outlooks.


@cache
def _adapter_outlook(fold: Fold) -> Distribution:
    return fold.adapted_alike(fold.base_outlook, fold.base.parameters["network"])


def _alone(fold: Fold) -> Array:
    start = untrained(fold)
    networks = {row: train_alone(fold, start, row) for row in fold.learnable.values()}
    plain = look_each(networks, fold.features, look(start, fold.features))
    return _of(fold, fold.adapted(plain, networks), _half_pooled(fold, plain))


def _with_head(head: Head) -> Callable[[Fold], Array]:
    def quantiles(fold: Fold) -> Array:
        networks = train_head(head, fold)
        plain = look(networks, fold.features)
        return _of(fold, fold.adapted_alike(plain, networks), _half_pooled(fold, plain))

    return quantiles


def _with_training(**changes: int) -> Callable[[Fold], Array]:
    def quantiles(fold: Fold) -> Array:
        base = fold.base_of(fold.settings.training.model_copy(update=changes))
        networks = base.parameters["network"]
        plain = look(networks, fold.features)
        return _of(fold, fold.adapted_alike(plain, networks), base.parameters["residuals"])

    return quantiles


def _location_by_days(fold: Fold) -> Array:
    """The location believed as far as there were days to learn it from."""
    days = int(fold.asof.history.lengths.max())
    believed = days / (days + _DAYS_TO_BELIEVE)
    base, full = fold.base_outlook, fold.full_outlook
    shape = _half_pooled(fold, Distribution(believed * base.location, base.log_scale, base.freedom))
    return completed(fold, believed * full.location, full.log_scale, shape)


# Mixtures.


@cache
def _mixture(fold: Fold) -> tuple[Array, Array, Array]:
    """Location, log-scale and shape of the mixture, whose shape changes with the session."""
    said = look_mixture(train_head(MIXTURE, fold), fold.features)
    return said.location, said.log_scale, said.shape


def _mixture_alone(fold: Fold) -> Array:
    location, log_scale, shape = _mixture(fold)
    return completed(fold, location, log_scale, shape[fold.rows, fold.positions])


def _mixture_half_pooled(fold: Fold) -> Array:
    """Half the mixture's quantiles, half the residuals' after division by the mixture's own width."""
    location, log_scale, shape = _mixture(fold)
    width = log_scale + np.log(shape[..., -1] - shape[..., 0])
    residuals = fold.residuals(Distribution(location, width, np.inf))[fold.seen]
    pooled = completed(fold, location, width, np.quantile(residuals, LEVELS))
    return (_mixture_alone(fold) + pooled) / 2


# Remedies: residuals and scales that differ between states of volatility, or after jumps.

State = Callable[[Fold], Array]
"""A number of every session that is known at its close, (tickers, sessions)."""


def _against_year(fold: Fold) -> Array:
    """Log of the EWMA volatility over its own mean of a year."""
    volatility = fold.features.volatility
    known = np.arange(volatility.shape[1]) >= fold.features.first
    return np.log(volatility) - np.log(trailing_mean(np.where(known, volatility, np.nan), YEAR))


def _bins(state: Array, seen: Mask, count: int) -> Places:
    """The number of the bin of each session, (tickers, sessions); as many residuals in each."""
    edges = np.quantile(state[seen], np.arange(1, count) / count)
    return np.searchsorted(edges, state)


def _known(fold: Fold) -> Mask:
    """Residuals that a state may be judged by: those of sessions with a volatility worth the name."""
    seen = fold.seen.copy()
    seen[:, :MIN_SESSIONS] = False
    return seen


def _interpolated_residuals(state: State, count: int) -> Callable[[Fold], Array]:
    """Quantiles of the residuals of each bin, with a line between them at the bins' medians."""

    def quantiles(fold: Fold) -> Array:
        seen, value = _known(fold), state(fold)
        bins, residuals = _bins(value, seen, count), fold.residuals(fold.base_outlook)
        parts = [seen & (bins == one) for one in range(count)]
        centers = [np.median(value[part]) for part in parts]
        shapes = np.stack([residual_quantiles(residuals[part], _student(fold)) for part in parts])
        here = value[fold.rows, fold.positions]
        shape = np.stack([np.interp(here, centers, column) for column in shapes.T], axis=1)
        return _of(fold, fold.full_outlook, shape)

    return quantiles


def _scale_after_jumps(fold: Fold) -> Array:
    """The scale after earnings-like jumps times what all tickers' past ones say it should have been."""
    after = after_jumps(fold.asof.history, fold.asof.features)
    width = after.shape[1]
    size, seen = np.abs(fold.residuals(fold.full_outlook))[:, :width], _known(fold)[:, :width]
    sample = size[seen & after]
    if not len(sample):
        return PRODUCT.quantiles(fold)
    prior = MIN_SESSIONS / (len(sample) + MIN_SESSIONS)
    widening = (1 - prior) * np.log(np.quantile(sample, 0.75) / np.quantile(size[seen], 0.75))
    here = after_jumps(fold.history, fold.features)
    log_scale = fold.full_outlook.log_scale + np.where(here, widening, 0.0)
    return completed(fold, fold.full_outlook.location, log_scale, _product_shape(fold))


PRODUCT = Variant(
    "the steps of each ticker's own LSTM, adapter, half-pooled quantiles",
    lambda fold: _of(fold, fold.full_outlook, _product_shape(fold)),
)

VARIANTS: dict[str, Variant] = {
    "full": PRODUCT,
    "adapter": Variant(
        "the base and the adapter, no steps of the ticker's own",
        lambda fold: _of(fold, _adapter_outlook(fold), _product_shape(fold)),
    ),
    "base": Variant(
        "the base alone, Student-t quantiles",
        lambda fold: _of(fold, fold.base_outlook, _student(fold)),
    ),
    "base-pooled": Variant(
        "the base alone, half-pooled quantiles",
        lambda fold: _of(fold, fold.base_outlook, _product_shape(fold)),
    ),
    "own": Variant("60 steps from nothing on the ticker alone, then the adapter", _alone),
    "student": Variant(
        "full, Student-t quantiles only", lambda fold: _of(fold, fold.full_outlook, _student(fold))
    ),
    "empirical": Variant(
        "full, residual quantiles only", lambda fold: _of(fold, fold.full_outlook, _empirical(fold))
    ),
    "mixture-pooled": Variant("base of two Student ts, half-pooled, no adapter", _mixture_half_pooled),
    "year-smooth": Variant(
        "full, residuals by state of volatility: 5 bins of it over its own year, interpolated",
        _interpolated_residuals(_against_year, 5),
    ),
    "jump-scale": Variant("full, scale corrected after earnings-like jumps", _scale_after_jumps),
    "linear": Variant("no LSTM, only the linear skip; adapter", _with_head(LINEAR)),
    "no-location": Variant("location held at 0; adapter", _with_head(NO_LOCATION)),
    "location-by-days": Variant("full, location times days / (days + 1,500)", _location_by_days),
    "wide-32": Variant("LSTM of width 32; adapter", _with_training(hidden=32)),
    "seeds-5": Variant("five networks averaged; adapter", _with_training(seeds=5)),
}
"""Every variant by its name; the first is the product's."""
