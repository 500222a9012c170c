"""Run a flow in this process, with a temporary Prefect server where none is configured."""

import importlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.early_forecasts import Listener, forecasts_written
from flows.event_loop import run_to_end
from flows.log import silence_stderr_at_exit
from flows.programs import nothing_to_wait_for, wait_for_programs
from flows.temporary_server import TemporaryServer, server_begun
from stockjax.errors import RunFailedError, RunInProgressError, StockjaxError, UsageError
from stockjax.imports import importing
from stockjax.settings import Settings, TrainingSettings

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State


@dataclass(frozen=True)
class Finished:
    """How the run of a flow ended; `study` is the name of the search, if it was one."""

    succeeded: bool
    message: str
    tickers: tuple[str, ...]
    as_of: date
    report: Path | None
    study: str | None = None


def run_in_process(
    settings: Settings, as_of: date | None = None, listener: Listener | None = None
) -> Finished:
    """Run the flow `forecast`, recorded by the Prefect server that is configured or a temporary one.

    Parameters
    ----------
    listener
        Called once tonight's forecasts are in the warehouse; the run goes on.

    Raises
    ------
    StockjaxError
        The request makes no sense (UsageError), or the run failed.

    """
    before = forecasts_written.set(listener)
    try:
        return _run_flow(settings, "forecast", {"as_of": as_of}, {"as_of": as_of})
    finally:
        forecasts_written.reset(before)


def backtest_in_process(settings: Settings, first: date, last: date) -> Finished:
    """Run the flow `backtest` in this process.

    Raises
    ------
    StockjaxError
        The request makes no sense (UsageError), or the run failed.

    """
    if first > last:
        raise UsageError(f"--from {first} must not be after --to {last}")
    return _run_flow(settings, "backtest", {"first": first, "last": last}, {"until": last})


def tune_in_process(settings: Settings, as_of: date | None = None) -> Finished:
    """Run the flow `tune` in this process.

    Raises
    ------
    StockjaxError
        The request makes no sense (UsageError), or the run failed.

    """
    tried = settings.training.model_copy(update={"seeds": settings.tune.seeds})
    asked = {"as_of": as_of, "trials": settings.tune.trials}
    return _run_flow(settings, "tune", asked, {"as_of": as_of}, tried)


def _run_flow(
    settings: Settings,
    name: str,
    parameters: Mapping[str, Any],
    plan_arguments: Mapping[str, Any],
    training: TrainingSettings | None = None,
) -> Finished:
    """Run a flow in this process.

    Parameters
    ----------
    plan_arguments
        Arguments of `plan_run`.
    training
        Settings whose programs are compiled ahead; None for those of `settings`.

    """
    silence_stderr_at_exit()
    # A server takes longest to start; meanwhile this process imports, plans and begins to compile.
    with server_begun() as begun:
        with importing():
            from stockjax.nightly import plan_run
            from stockjax.nightly.run import is_forecast
            from stockjax.training.warm_up import compiled_in_background
        planned = plan_run(settings, log=lambda line: None, **plan_arguments)
        programs: AbstractContextManager[Callable[[], None]]
        if name == "forecast" and is_forecast(planned):
            programs = nullcontext(nothing_to_wait_for)
        else:
            programs = compiled_in_background(training or settings.training, settings.cache)
        with programs as wait_until_compiled:
            state, result = _recorded(name, begun, wait_until_compiled, settings, parameters)
    if isinstance(result, RunFailedError):
        result = result.summary
    if isinstance(result, dict):
        summary: dict[str, Any] = result
        report = Path(summary["report"]) if "report" in summary else None
        as_of = date.fromisoformat(summary["as_of"])
        return Finished(
            state.is_completed(),
            state.message or "",
            planned.plan.tickers,
            as_of,
            report,
            summary.get("study"),
        )
    if isinstance(result, StockjaxError):
        raise result
    if state.is_cancelled():
        raise RunInProgressError(state.message or "the run was cancelled; run it again")
    raise StockjaxError(f"the run failed: {state.message or result}")


def _recorded(
    name: str,
    begun: TemporaryServer | None,
    wait_until_compiled: Callable[[], None],
    settings: Settings,
    parameters: Mapping[str, Any],
) -> tuple["State[Any]", Any]:
    """Run a flow, recorded by the server that is configured or the one that was begun."""
    with importing():
        from prefect.task_runners import ThreadPoolTaskRunner

        from flows.local_server import prefect_api

        chosen = getattr(importlib.import_module(f"flows.{name}"), name)
    with prefect_api(begun) as wait_until_ready:
        if name != "forecast":
            wait_until_compiled()
        wait_until_ready()
        before = wait_for_programs.set(wait_until_compiled)
        try:
            state = chosen.with_options(task_runner=ThreadPoolTaskRunner(max_workers=settings.worker_count))(
                **parameters,
                tickers=list(settings.tickers) or None,
                source=settings.source,
                path=settings.path,
                warehouse=settings.warehouse,
                events=settings.events.path,
                return_state=True,
            )
        finally:
            wait_for_programs.reset(before)
        return state, run_to_end(state.aresult(raise_on_failure=False))
