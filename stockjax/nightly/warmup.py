"""The warm-up backtest: a first run forecasts the recent past, so that its errors are known at once."""

from collections.abc import Callable

from stockjax.engine import Policy
from stockjax.forecasting.missing_forecasts import missing_sessions
from stockjax.nightly.run import Run
from stockjax.nightly.stored_walk import Walk, walk
from stockjax.nightly.universe import Universe

ProgressFn = Callable[[int, int], None]
"""Receives how many pieces of work are done, and how many there are."""


def warm_up_backtest(run: Run, universe: Universe, progress: ProgressFn = lambda done, of: None) -> int:
    """Forecast the recent sessions that no run has forecast, walking forward.

    It follows tonight's forecasts, and goes on where an earlier run was cut off.

    Parameters
    ----------
    progress
        Receives how many ticker sessions are done, and how many there are.

    Returns
    -------
    Rows that are new in the ledger.

    """
    settings = run.settings
    if not settings.warmup.sessions or not (universe.due or universe.forecast_tonight):
        return 0
    recent = missing_sessions(
        universe.prices.ever.only(run.plan.tickers),
        {},
        {ticker: market.as_of for ticker, market in universe.markets.items()},
        settings.warmup.sessions,
        settings.history.forecast_sessions,
    )
    first = min((min(days) for days in recent.values() if days), default=run.plan.as_of)
    done = universe.forecast_by_any_run(run.warehouse, first)
    for session, tickers in universe.due_catch_up.items():
        for ticker in tickers:
            done.setdefault(ticker, set()).add(session)
    policy = Policy.of_backtest(settings, settings.warmup.ticker_every)
    total = sum(len(days - done.get(ticker, set())) for ticker, days in recent.items())
    written = finished = 0
    for part in walk(run.writer, universe, Walk(policy, recent, done, "replay"), run.plan.as_of):
        written += part.written
        finished += part.sessions_done
        for ticker, (day, problem) in part.chunk.problems.items():
            run.log(f"{ticker}: at {day}: {problem}")
        sessions = part.chunk.sessions
        run.log(f"warm-up backtest {sessions[0]} to {sessions[-1]}: {part.written} forecasts")
        progress(finished, total)
    return written
