"""What the calendar says of the session after each: features that are offered and off by default.

By the protocol of docs/forecaster.md neither made a difference; `training.extra_features` switches them on.
"""

import numpy as np

from stockjax.features.event_inputs import session_numbers
from stockjax.features.known_events import Numbers
from stockjax.features.price_panel import Array, Days, PricePanel
from stockjax.sessions import Exchange


def early_close(history: PricePanel) -> Array:
    """1 where the next session closes early, else 0, (N, T)."""
    early = np.zeros(history.sessions.shape)
    numbers = session_numbers(history)
    for code in dict.fromkeys(history.markets):
        rows = np.array([market == code for market in history.markets])
        early[rows] = np.isin(_following(numbers[rows], code), Exchange(code).early_closes)
    return np.where(history.valid, early, 0.0)


def days_to_target(history: PricePanel) -> Array:
    """How many calendar days beyond one the next session is away, over three, (N, T)."""
    days = np.zeros(history.sessions.shape)
    numbers = session_numbers(history)
    for code in dict.fromkeys(history.markets):
        rows = np.array([market == code for market in history.markets])
        following = _following(numbers[rows], code)
        gap = (following - history.sessions[rows]).astype("timedelta64[D]").astype(np.float64)
        days[rows] = np.where(history.valid[rows], (gap - 1) / 3, 0.0)
    return days


def _following(numbers: Numbers, code: str) -> Days:
    every = Exchange(code).every_session
    found: Days = every[np.clip(numbers + 1, 0, len(every) - 1)]
    return found
