"""The nightly flow: plan, ingest, catch up, train each ticker, forecast, score, report."""

import asyncio
import os
from datetime import date
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.futures import PrefectFuture
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from flows.alerts import WHAT_TO_DO, alert, alert_of_failure
from flows.artifacts import progress, show_night
from flows.shared import asked_for, closed_if_it_fails, name_run, say, warn, whole
from stockjax.errors import AnotherRun, NightFailed, SourceError, WarehouseBusy
from stockjax.ingest import Ingested
from stockjax.nightly import Night, Outcome, Session, Universe
from stockjax.registry import Champions, Model
from stockjax.reporting.health import complaints
from stockjax.settings import Settings, SourceName


async def _may_help(task: Any, task_run: TaskRun, state: State[Any]) -> bool:
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


@task(cache_policy=NO_CACHE, task_run_name="catch up {as_of}")
def catch_up(night: Night, universe: Universe, as_of: date) -> int:
    """Write the forecasts of a night that was missed."""
    return night.session(universe, as_of).catch_up()


@task(cache_policy=NO_CACHE, task_run_name="prepare {as_of}")
def prepare(night: Night, universe: Universe, as_of: date) -> Session:
    """Lay out what is known tonight."""
    return night.session(universe, as_of)


@task(cache_policy=NO_CACHE, task_run_name="load champions")
def load_champions(session: Session) -> Champions:
    """Read the models in force."""
    return session.champions()


@task(cache_policy=NO_CACHE, task_run_name="train base")
def train_base(session: Session, champions: Champions) -> Model | None:
    """Have a base that is young enough."""
    return session.train_base(champions)


# No tag: each one of a task has Prefect ask the server for a place and give it back.
@task(cache_policy=NO_CACHE, task_run_name="train {ticker}")
def train_ticker(session: Session, ticker: str, base: Model, champions: Champions) -> Model:
    """Train or retrain one ticker."""
    return session.train_ticker(ticker, base, champions)


@task(cache_policy=NO_CACHE, task_run_name="forecast")
def write_forecasts(session: Session, base: Model | None, champions: Champions, trained: list[Model]) -> int:
    """Write tonight's forecasts into the ledger."""
    return session.forecast(base, champions, trained)


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
) -> State[dict[str, Any]]:
    """Forecast the next session of every ticker and score the forecasts of the past.

    The UI's form describes the parameters as they are described here, and reads this style only.

    Args:
        as_of: Last session to use; empty: the last completed one.
        tickers: Tickers to forecast; empty: those of the settings.
        source: Where prices come from; empty: as the settings say.
        path: File or folder of prices, for the source 'files'.
        warehouse: Folder of the database; empty: that of the settings.

    """
    settings = asked_for({"tickers": tickers, "source": source, "path": path, "warehouse": warehouse})
    try:
        night = plan(settings, as_of)
    except AnotherRun as error:
        return Cancelled(message=str(error))
    name_run(f"forecast {night.plan.as_of}", night)
    with closed_if_it_fails(night):
        outcome = _steps(night)
        show(night, whole(outcome))
        export(night)
        purge(night)
    return _end(night, outcome)


def _end(night: Night, outcome: Outcome) -> State[dict[str, Any]]:
    """Write down how it ended, and tell whoever wants to be told."""
    failed = outcome.failed(night.settings.run.failed_share)
    summary = outcome.summary()
    night.close("failed" if failed else "completed", summary)
    if failed:
        # The flow's hook tells of it.
        return Failed(message=outcome.message, data=NightFailed(outcome.message, summary))
    told = complaints(night.warehouse, outcome.failures, night.settings.alerts, outcome.drift)
    if told:
        body = "\n".join([outcome.message, *told, "", WHAT_TO_DO])
        problem = alert(night.settings, f"stockjax: the night of {outcome.as_of}", body, flow_run.id)
        if problem:
            warn(problem)
    return Completed(message=outcome.message, data=summary)


def _steps(night: Night) -> Outcome:
    ingested = ingest(night)
    universe = survey(night, whole(ingested))
    known = whole(universe)
    replay(night, known)
    failures: dict[str, str] = {}
    for session in sorted({*universe.missed, *universe.tonight}):
        if session in universe.tonight:
            failures |= _forecast_tonight(night, known, session)
        else:
            catch_up(night, known, session)
    score(night)
    return night.outcome(universe, ingested, failures, report(night))


def _forecast_tonight(night: Night, universe: Universe, as_of: date) -> dict[str, str]:
    """Train and forecast; returns what some tickers had to do without."""
    session = prepare(night, universe, as_of)
    known = whole(session)
    in_force = load_champions(known)
    champions = whole(in_force)
    base = train_base(known, champions)
    training = {}
    if base:
        due, shared = session.to_train(in_force), whole(base)
        training = {ticker: train_ticker.submit(known, ticker, shared, champions) for ticker in due}
    trained, failures = _gather(training)
    write_forecasts(known, whole(base), champions, whole(trained))
    return {**failures, **session.problems}


def _gather(training: dict[str, PrefectFuture[Model]]) -> tuple[list[Model], dict[str, str]]:
    """The models that came out, and why the others did not: one ticker stops no other."""
    futures = list(training.values())
    with progress(f"training {len(futures)} tickers") as shown:
        for number, future in enumerate(futures, start=1):
            future.wait()
            shown(number, len(futures))
    trained: list[Model] = []
    failures: dict[str, str] = {}
    for ticker, result in zip(training, asyncio.run(_results(futures)), strict=True):
        if isinstance(result, Model):
            trained.append(result)
        else:
            failures[ticker] = f"training failed ({result}), forecast from the model before it"
    return trained, failures


async def _results(futures: list[PrefectFuture[Model]]) -> list[object]:
    """What came of tasks that have ended, all in one event loop: asked singly, each starts its own."""
    return [await future.state.aresult(raise_on_failure=False) for future in futures]


if __name__ == "__main__":
    from stockjax.cli.main import main

    main(["run"])
