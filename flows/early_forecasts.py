"""Who hears of tonight's forecasts before the run has ended: a first run goes on for minutes."""

from collections.abc import Callable
from contextvars import ContextVar
from datetime import date

Listener = Callable[[tuple[str, ...], date], None]
"""Receives the tickers of a run and its session."""

forecasts_written: ContextVar[Listener | None] = ContextVar("forecasts_written", default=None)
"""Called once tonight's forecasts are in the warehouse, before the past is walked through and scored."""
