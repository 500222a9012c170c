"""The nightly flow: plan, ingest, catch up, train each ticker, forecast, score, report."""

import os
import time
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State as RunState
from prefect.client.schemas.objects import TaskRun
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from flows.alerts import WHAT_TO_DO, alert, alert_of_failure
from flows.artifacts import progress, show_result
from flows.common import log, name_run, opaque, record_failure, settings_from_parameters, warn
from flows.early_forecasts import forecasts_written
from flows.programs import wait_for_programs
from flows.ticker_tasks import train_tickers
from stockjax.engine import Policy, SessionData, State, StepResult, step
from stockjax.engine.due_sessions import DueSession
from stockjax.errors import RunFailedError, RunInProgressError, SourceError, WarehouseBusyError
from stockjax.ingest import Ingested
from stockjax.nightly import Run, RunResult, Universe, begin_run, close_run, plan_run, run_result, steps
from stockjax.nightly.warmup import warm_up_backtest
from stockjax.registry import Model
from stockjax.reporting.run_warnings import alert_lines
from stockjax.settings import Settings


async def _may_help(task: Any, task_run: TaskRun, state: RunState[Any]) -> bool:
    """A retry helps against a vendor or a lock, not against a mistake."""
    del task, task_run
    try:
        await state.result()
    except SourceError as error:
        return error.worth_retrying
    except (WarehouseBusyError, OSError):
        return True
    except Exception:
        return False
    return False


RETRIES = 2
DELAYS: list[float] = [10, 60]
_retried: Any = {
    "cache_policy": NO_CACHE,
    "retries": RETRIES,
    "retry_delay_seconds": DELAYS,
    "retry_condition_fn": _may_help,
}
_runner: Any = ThreadPoolTaskRunner(max_workers=os.cpu_count() or 1)


@task(**_retried, task_run_name="plan")
def plan(settings: Settings, as_of: date | None) -> Run:
    """Decide which sessions the run is about, and record that it has started."""
    return begin_run(plan_run(settings, as_of, log=log), "forecast", flow_run.id)


@task(**_retried, task_run_name="ingest")
def ingest(run: Run) -> tuple[Run, Ingested]:
    """Fetch, check and store the missing prices."""
    return steps.ingest_prices(run)


@task(**_retried, task_run_name="announcements")
def ingest_events(run: Run, ingested: Ingested) -> Ingested:
    """Ask for announcements where news is due, and store what is new."""
    return steps.ingest_events(run, ingested)


@task(**_retried, task_run_name="resolve universe")
def resolve_universe(run: Run, ingested: Ingested) -> Universe:
    """Decide which tickers are forecast from which sessions."""
    return steps.record_universe(run, ingested)


@task(cache_policy=NO_CACHE, task_run_name="warm-up backtest")
def warm_up(run: Run, universe: Universe) -> int:
    """Forecast the recent past that no run has forecast, walking forward."""
    with progress("warm-up backtest") as show:
        return warm_up_backtest(run, universe, show)


@task(cache_policy=NO_CACHE, task_run_name="catch up {due.session}")
def catch_up(run: Run, universe: Universe, due: DueSession) -> StepResult | None:
    """Forecast a missed session, and write its forecasts."""
    return steps.forecast_due(run, universe, due)


@task(cache_policy=NO_CACHE, task_run_name="prepare {due.session}")
def prepare(run: Run, universe: Universe, due: DueSession) -> SessionData | None:
    """Read the prices that are known tonight, and compute the features."""
    return steps.read_session(run, universe, due)


@task(cache_policy=NO_CACHE, task_run_name="load champions")
def load_champions(run: Run, data: SessionData) -> State:
    """Read the champions and the state of the monitors."""
    return steps.read_session_state(run, data)


@task(cache_policy=NO_CACHE, task_run_name="train base")
def train_base(train: Callable[[], Model]) -> Model:
    """Train the network that all tickers share."""
    return train()


@task(cache_policy=NO_CACHE, task_run_name="forecast")
def write_session(
    run: Run, universe: Universe, due: DueSession, data: SessionData, result: StepResult, seconds: float
) -> int:
    """Write the models and tonight's forecasts."""
    return steps.write_session(run, universe, due, data, result, seconds)


@task(cache_policy=NO_CACHE, task_run_name="score")
def score(run: Run) -> int:
    """Compare earlier forecasts with their outcomes."""
    return steps.score_forecasts(run)


@task(cache_policy=NO_CACHE, task_run_name="report")
def report(run: Run) -> Path:
    """Write the HTML report."""
    return steps.write_run_report(run)


@task(cache_policy=NO_CACHE, task_run_name="export")
def export(run: Run) -> None:
    """Write the newest forecasts as files."""
    steps.export_forecasts(run)


@task(cache_policy=NO_CACHE, task_run_name="show")
def show(run: Run, result: RunResult) -> None:
    """Show the result on the page of the flow run."""
    show_result(run, result)


@task(cache_policy=NO_CACHE, task_run_name="purge")
def purge(run: Run) -> None:
    """Delete files that are older than the settings keep them."""
    steps.purge_expired(run)


@flow(
    name="forecast",
    task_runner=_runner,
    on_failure=[alert_of_failure],
    on_crashed=[alert_of_failure],
)
def forecast(
    as_of: date | None = None,
    tickers: list[str] | None = None,
    source: str | None = None,
    path: Path | None = None,
    warehouse: Path | None = None,
    events: Path | None = None,
    exchanges: list[str] | None = None,
) -> RunState[dict[str, Any]]:
    """Forecast the next session of every ticker and score the forecasts of the past.

    The UI's form describes the parameters as they are described here, and reads this style only.

    Args:
        as_of: Last session to use; empty: the last completed one.
        tickers: Tickers to forecast; empty: those of the settings.
        source: Where prices come from; empty: as the settings say.
        path: File or folder of prices, for the source 'files'.
        warehouse: Folder of the database; empty: that of the settings.
        events: File of announcements; empty: as the settings say.
        exchanges: Calendars whose tickers are forecast, as XNYS; empty: all. The base learns from all.

    """
    asked = {
        "tickers": tickers,
        "source": source,
        "path": path,
        "warehouse": warehouse,
        "events": events,
        "exchanges": exchanges,
    }
    settings = settings_from_parameters(asked)
    try:
        run = plan(settings, as_of)
    except RunInProgressError as error:
        return Cancelled(message=str(error))
    with record_failure(run):
        name_run(f"forecast {run.plan.as_of}", run)
        result = _run_steps(run)
        show(run, opaque(result))
        export(run)
        purge(run)
    return _end(run, result)


def _run_steps(run: Run) -> RunResult:
    run, ingested = ingest(run)
    ingested = ingest_events(run, opaque(ingested))
    universe = resolve_universe(run, opaque(ingested))
    wait_for_programs.get()()
    tonight: list[StepResult] = []
    for due in universe.due_sessions():
        if not universe.is_tonight(due):
            catch_up(run, opaque(universe), due)
        elif result := _forecast_tonight(run, universe, due):
            tonight.append(result)
    if listener := forecasts_written.get():
        listener(run.plan.tickers, run.plan.as_of)
    warm_up(run, opaque(universe))
    score(run)
    return run_result(run, universe, ingested, tonight, report(run))


def _forecast_tonight(run: Run, universe: Universe, due: DueSession) -> StepResult | None:
    """Forecast tonight's session: the step of every session, with a task for each training."""
    data = prepare(run, opaque(universe), due)
    if data is None:
        return None
    state = load_champions(run, opaque(data))
    started = time.monotonic()
    train_all = partial(train_tickers, run.settings.run)
    result = step(data, state, Policy.of_nights(run.settings), train_all, _train_base)
    seconds = time.monotonic() - started
    write_session(run, opaque(universe), due, opaque(data), opaque(result), seconds)
    return result


def _end(run: Run, result: RunResult) -> RunState[dict[str, Any]]:
    """Record how the run ended, and send the alerts."""
    failed = result.failed(run.settings.run.max_missing_share)
    summary = result.summary()
    close_run(run, "failed" if failed else "completed", summary)
    if failed:
        # The hook of the flow sends the alert.
        return Failed(message=result.message, data=RunFailedError(result.message, summary))
    _alert_of_warnings(run, result)
    return Completed(message=result.message, data=summary)


def _alert_of_warnings(run: Run, result: RunResult) -> None:
    """Alert of the warnings about a completed run; it stays completed if the alert fails."""
    try:
        lines = alert_lines(run.warehouse, result.failures, run.settings.alerts, result.drift)
        if lines:
            body = "\n".join([result.message, *lines, "", WHAT_TO_DO])
            problem = alert(run.settings, f"stockjax: the night of {result.as_of}", body, flow_run.id)
            if problem:
                warn(problem)
    except Exception as error:
        warn(f"the run is complete, but its alert failed ({error})")


def _train_base(train: Callable[[], Model]) -> Model:
    return train_base(opaque(train))


if __name__ == "__main__":
    from stockjax.cli.main import main

    main(["run"])
