"""Features of other packages, which are found by entry points of the group `stockjax.features`."""

from collections.abc import Callable, Sequence
from datetime import date
from functools import cache

import numpy as np

from stockjax.errors import FeatureError, SettingsError
from stockjax.features.price_panel import Array, PricePanel
from stockjax.settings import feature_entry_point

FeatureFn = Callable[[PricePanel], Array]
"""From prices of N tickers over T sessions to one number each, (N, T); NaN where there is none."""


@cache
def load_feature(name: str) -> FeatureFn:
    """The function that an installed package offers under a name.

    Raises
    ------
    SettingsError
        No package offers it.

    """
    try:
        entry_point = feature_entry_point(name)
    except ValueError as error:
        raise SettingsError(str(error)) from error
    function: FeatureFn = entry_point.load()
    return function


def extra_columns(history: PricePanel, names: Sequence[str]) -> list[Array]:
    """The columns of extra features, (N, T) each.

    A feature must be causal: its number at a session must not depend on later sessions. That is checked by
    computing it again from the first half of the sessions.

    Raises
    ------
    FeatureError
        A feature fails, has another shape, or uses later sessions.

    """
    columns = []
    shorter = history.cut(_middle(history)) if names else history
    for name in names:
        column, earlier = _computed(name, history), _computed(name, shorter)
        inside = shorter.valid
        if not np.array_equal(column[:, : inside.shape[1]][inside], earlier[inside], equal_nan=True):
            raise FeatureError(
                f"the feature '{name}' changes when later sessions are removed: it must be causal"
            )
        columns.append(column)
    return columns


def _middle(history: PricePanel) -> date:
    days = np.unique(history.sessions[history.valid])
    found: date = days[len(days) // 2].astype("datetime64[D]").item()
    return found


def _computed(name: str, history: PricePanel) -> Array:
    try:
        column = np.asarray(load_feature(name)(history), dtype=np.float64)
    except SettingsError:
        raise
    except Exception as error:
        raise FeatureError(f"the feature '{name}' failed ({type(error).__name__}: {error})") from error
    if column.shape != history.close.shape:
        raise FeatureError(
            f"the feature '{name}' has the shape {column.shape}; the prices have {history.close.shape}"
        )
    return column
