"""Walking forward through a range of the past, by the steps of a run."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from stockjax.engine import Policy
from stockjax.errors import NothingToForecastError, UsageError
from stockjax.forecasting.ledger_rows import MODELS
from stockjax.forecasting.missing_forecasts import sessions_between
from stockjax.nightly.run import Run
from stockjax.nightly.stored_walk import Walk, walk
from stockjax.nightly.universe import Universe
from stockjax.settings import Settings
from stockjax.warehouse.ledger import backtest_recipes, complete_forecasts


@dataclass(frozen=True)
class BacktestProgress:
    """How far a backtest has come.

    Attributes
    ----------
    through
        The last session that is done.
    done, of
        Forecasts of a ticker from a session, those of earlier runs included.
    seconds_left
        At the pace so far; None before there is one.

    """

    through: date
    done: int
    of: int
    seconds_left: float | None

    @property
    def line(self) -> str:
        """The same for people."""
        text = f"through {self.through}: {self.done} of {self.of} ticker sessions"
        if self.seconds_left is None:
            return text
        return f"{text}, about {self.seconds_left / 60:.1f} min left"


def backtest(run: Run, universe: Universe, first: date, last: date) -> Iterator[BacktestProgress]:
    """Forecast from every session between two dates, both included, and say how far it is.

    What an earlier run has forecast is not done again: a backtest that was cut off goes on.

    Raises
    ------
    UsageError
        Other settings of training made what is stored of that range.
    NothingToForecastError
        No ticker has a session there with history enough before it.

    """
    settings = run.settings
    forecast = universe.prices.ever.only(run.plan.tickers)
    wanted = sessions_between(forecast, first, last, settings.history.forecast_sessions)
    total = sum(len(days) for days in wanted.values())
    if not total:
        raise NothingToForecastError(
            f"no ticker has a session from {first} to {last} with the "
            f"{settings.history.forecast_sessions} sessions of history that a forecast needs"
        )
    _check_recipes(run, first, last)
    done = complete_forecasts(run.warehouse, wanted, first, last, len(MODELS), origins=("backtest",))
    before = finished = sum(len(days & done.get(ticker, set())) for ticker, days in wanted.items())
    begun = time.monotonic()
    for part in walk(run.writer, universe, Walk(backtest_policy(settings), wanted, done, "backtest"), last):
        for ticker, (day, problem) in part.chunk.problems.items():
            run.log(f"{ticker}: at {day}: {problem}")
        finished += part.sessions_done
        fresh = finished - before
        left = (time.monotonic() - begun) / fresh * (total - finished) if fresh else None
        yield BacktestProgress(part.chunk.sessions[-1], finished, total, left)


def policy_differences(settings: Settings) -> dict[str, Any]:
    """The values by which a backtest differs from the nights, by name; for its log and its row of `runs`."""
    return backtest_policy(settings).differences(Policy.of_nights(settings))


def backtest_policy(settings: Settings) -> Policy:
    """The policy of a backtest: a night's, but for how often tickers are trained."""
    return Policy.of_backtest(settings, settings.backtest_ticker_every)


def _check_recipes(run: Run, first: date, last: date) -> None:
    """The ledger keeps one forecast of a session: those of two recipes would be scored as one model's."""
    wanted = run.settings.training.model_dump(mode="json")
    for stored in backtest_recipes(run.warehouse, run.plan.tickers, first, last):
        other = [
            f"{name} = {stored.get(name)}"
            for name, value in wanted.items()
            if stored.get(name, [] if name == "extra_features" else None) != value
        ]
        if other:
            raise UsageError(
                f"the warehouse '{run.warehouse.folder}' has backtest forecasts of that range made with "
                f"training.{', training.'.join(other)}; give this backtest another --warehouse"
            )
