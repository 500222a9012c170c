"""The nightly flow: plan, ingest, catch up, train each ticker, forecast, score, report."""

import asyncio
import os
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State as RunState
from prefect.client.schemas.objects import TaskRun
from prefect.futures import PrefectFuture
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from flows.alerts import WHAT_TO_DO, alert, alert_of_failure
from flows.artifacts import progress, show_night
from flows.common import asked_for, closed_if_it_fails, name_run, say, warn, whole
from stockjax.engine import SessionData, State, StepResult, step
from stockjax.engine.due_sessions import DueSession
from stockjax.errors import AnotherRun, NightFailed, SourceError, WarehouseBusy
from stockjax.ingest import Ingested
from stockjax.nightly import Night, Outcome, Universe
from stockjax.registry import Model
from stockjax.reporting.run_warnings import complaints
from stockjax.settings import Settings, SourceName


async def _may_help(task: Any, task_run: TaskRun, state: RunState[Any]) -> bool:
    """Trying again helps against a vendor or a lock, not against a mistake."""
    del task, task_run
    try:
        await state.result()
    except SourceError as error:
        return error.worth_retrying
    except (WarehouseBusy, OSError):
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
_runner: ThreadPoolTaskRunner[Any] = ThreadPoolTaskRunner(max_workers=os.cpu_count() or 1)


@task(**_retried, task_run_name="plan")
def plan(settings: Settings, as_of: date | None) -> Night:
    """Settle what tonight is about and open the warehouse."""
    night = Night(settings, as_of, flow_run.id, say)
    night.open()
    return night


@task(**_retried, task_run_name="ingest")
def ingest(night: Night) -> Ingested:
    """Fetch, check and store the prices that are missing."""
    return night.ingest()


@task(**_retried, task_run_name="survey")
def survey(night: Night, ingested: Ingested) -> Universe:
    """See who can be forecast, and from which sessions."""
    return night.survey(ingested)


@task(cache_policy=NO_CACHE, task_run_name="replay")
def replay(night: Night, universe: Universe) -> int:
    """Forecast the past that no night was meant for, walking forward."""
    with progress("replaying the past") as show:
        return night.replay(universe, show)


@task(cache_policy=NO_CACHE, task_run_name="catch up {due.session}")
def catch_up(night: Night, universe: Universe, due: DueSession) -> StepResult | None:
    """Forecast and write down a session that was missed."""
    return night.forecast(universe, due)


@task(cache_policy=NO_CACHE, task_run_name="prepare {due.session}")
def prepare(night: Night, universe: Universe, due: DueSession) -> SessionData | None:
    """Read the prices that are known tonight, and compute the features."""
    return night.read_session(universe, due)


@task(cache_policy=NO_CACHE, task_run_name="load champions")
def load_champions(night: Night, data: SessionData) -> State:
    """Read the models in force, and where the monitors stand."""
    return night.read_state(data)


@task(cache_policy=NO_CACHE, task_run_name="train base")
def train_base(train: Callable[[], Model]) -> Model:
    """Train the network that all tickers share."""
    return train()


# No tag: each one of a task has Prefect ask the server for a place and give it back.
@task(cache_policy=NO_CACHE, task_run_name="train {ticker}")
def train_ticker(ticker: str, train: Callable[[str], Model]) -> Model:
    """Train or retrain one ticker."""
    return train(ticker)


@task(cache_policy=NO_CACHE, task_run_name="forecast")
def write_step(
    night: Night, universe: Universe, due: DueSession, data: SessionData, result: StepResult, seconds: float
) -> int:
    """Write the models and tonight's forecasts."""
    return night.write_step(universe, due, data, result, seconds)


@task(cache_policy=NO_CACHE, task_run_name="score")
def score(night: Night) -> int:
    """Compare what was forecast with what happened."""
    return night.score()


@task(cache_policy=NO_CACHE, task_run_name="report")
def report(night: Night) -> Path:
    """Write the page that people look at."""
    return night.report()


@task(cache_policy=NO_CACHE, task_run_name="export")
def export(night: Night) -> None:
    """Write the newest forecasts as files."""
    night.export()


@task(cache_policy=NO_CACHE, task_run_name="show")
def show(night: Night, outcome: Outcome) -> None:
    """Put what came of it on the run's page."""
    show_night(night, outcome)


@task(cache_policy=NO_CACHE, task_run_name="purge")
def purge(night: Night) -> None:
    """Let go of what is older than it has to be kept."""
    night.purge()


@flow(
    name="forecast",
    task_runner=_runner,  # type: ignore[arg-type]  # invariant in its futures
    on_failure=[alert_of_failure],
    on_crashed=[alert_of_failure],
)
def forecast(
    as_of: date | None = None,
    tickers: list[str] | None = None,
    source: SourceName | None = None,
    path: Path | None = None,
    warehouse: Path | None = None,
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
        exchanges: Calendars whose tickers are forecast, as XNYS; empty: all. The others are learnt from.

    """
    asked = {
        "tickers": tickers,
        "source": source,
        "path": path,
        "warehouse": warehouse,
        "exchanges": exchanges,
    }
    settings = asked_for(asked)
    try:
        night = plan(settings, as_of)
    except AnotherRun as error:
        return Cancelled(message=str(error))
    with closed_if_it_fails(night):
        name_run(f"forecast {night.plan.as_of}", night)
        outcome = _steps(night)
        show(night, whole(outcome))
        export(night)
        purge(night)
    return _end(night, outcome)


def _end(night: Night, outcome: Outcome) -> RunState[dict[str, Any]]:
    """Write down how it ended, and tell whoever wants to be told."""
    failed = outcome.failed(night.settings.run.failed_share)
    summary = outcome.summary()
    night.close("failed" if failed else "completed", summary)
    if failed:
        # The flow's hook tells of it.
        return Failed(message=outcome.message, data=NightFailed(outcome.message, summary))
    _warn_of(night, outcome)
    return Completed(message=outcome.message, data=summary)


def _warn_of(night: Night, outcome: Outcome) -> None:
    """Alert of what is wrong with a night that is complete, and stays so whatever becomes of the alert."""
    try:
        told = complaints(night.warehouse, outcome.failures, night.settings.alerts, outcome.drift)
        if told:
            body = "\n".join([outcome.message, *told, "", WHAT_TO_DO])
            title = f"stockjax: the night of {outcome.as_of}"
            problem = alert(night.settings, title, body, flow_run.id)
            if problem:
                warn(problem)
    except Exception as error:
        warn(f"the night is complete, but nobody could be alerted ({error})")


def _steps(night: Night) -> Outcome:
    ingested = ingest(night)
    universe = survey(night, whole(ingested))
    known = whole(universe)
    replay(night, known)
    results: list[StepResult] = []
    for due in universe.due_sessions():
        made = _tonight(night, known, due) if universe.is_tonight(due) else catch_up(night, known, due)
        if made and universe.is_tonight(due):
            results.append(made)
    score(night)
    return night.outcome(universe, ingested, results, report(night))


def _tonight(night: Night, universe: Universe, due: DueSession) -> StepResult | None:
    """Forecast tonight's session: the step of every session, with a task for each training."""
    data = prepare(night, universe, due)
    if data is None:
        return None
    known = whole(data)
    state = load_champions(night, known)
    begun = time.monotonic()
    result = step(data, state, night.policy, _train_all, _train_base)
    write_step(night, universe, due, known, whole(result), time.monotonic() - begun)
    return result


def _train_base(train: Callable[[], Model]) -> Model:
    return train_base(whole(train))


def _train_all(tickers: list[str], train: Callable[[str], Model]) -> dict[str, Model | Exception]:
    """A task for each ticker: one that fails stops no other."""
    trained = whole(train)
    futures = [train_ticker.submit(ticker, trained) for ticker in tickers]
    with progress(f"training {len(futures)} tickers") as shown:
        for number, future in enumerate(futures, start=1):
            future.wait()
            shown(number, len(futures))
    found: dict[str, Model | Exception] = {}
    for ticker, result in zip(tickers, asyncio.run(_results(futures)), strict=True):
        ended = isinstance(result, Model | Exception)
        found[ticker] = result if ended else RuntimeError(str(result))  # type: ignore[assignment]
    return found


async def _results(futures: list[PrefectFuture[Model]]) -> list[object]:
    """What came of tasks that have ended, all in one event loop: asked singly, each starts its own."""
    return [await future.state.aresult(raise_on_failure=False) for future in futures]


if __name__ == "__main__":
    from stockjax.cli.main import main

    main(["run"])
