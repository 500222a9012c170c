"""The backtest: plan, ingest, walk forward through the past, score."""

from datetime import date
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed

from flows.alerts import alert_of_failure
from flows.artifacts import progress
from flows.common import log, name_run, opaque, record_failure, settings_from_parameters
from flows.forecast import ingest, ingest_events, resolve_universe, score
from flows.terminal import watched
from stockjax.errors import RunInProgressError
from stockjax.nightly import Run, Universe, begin_run, close_run, plan_run
from stockjax.nightly.backtest import backtest as walk_forward
from stockjax.nightly.backtest import policy_differences
from stockjax.settings import Settings


@task(cache_policy=NO_CACHE, task_run_name="plan")
def plan(settings: Settings, until: date) -> Run:
    """Decide which sessions the backtest is about, and record that it has started."""
    return begin_run(plan_run(settings, log=log, until=until), "backtest", flow_run.id)


def log_policy(settings: Settings) -> None:
    """Log the values by which the backtest differs from the nights."""
    values = [f"{name} = {value}" for name, value in policy_differences(settings).items()]
    log(f"the policy of the nights{', but ' + ', '.join(values) if values else ''}")


@task(cache_policy=NO_CACHE, task_run_name="walk")
def walk(run: Run, universe: Universe, first: date, last: date) -> int:
    """Forecast from every session of the range, each from what was known at its close."""
    done = 0
    with progress(f"{first} to {last}") as show:
        steps = walk_forward(run, universe, first, last)
        for step in watched(steps, "training the first base", lambda step: f"through {step.through}"):
            log(step.line)
            show(step.done, step.of)
            done = step.done
    return done


@flow(name="backtest", on_failure=[alert_of_failure], on_crashed=[alert_of_failure])
def backtest(
    first: date,
    last: date,
    tickers: list[str] | None = None,
    source: str | None = None,
    path: Path | None = None,
    warehouse: Path | None = None,
    events: Path | None = None,
) -> State[dict[str, Any]]:
    """Forecast from every session of a range of the past, by the steps of a night, and score it.

    The UI's form describes the parameters as they are described here, and reads this style only.

    Args:
        first: First session to forecast from.
        last: Last session to forecast from.
        tickers: Tickers to forecast; empty: those of the settings.
        source: Where prices come from; empty: as the settings say.
        path: File or folder of prices, for the source 'files'.
        warehouse: Folder of the database; empty: that of the settings.
        events: File of announcements; empty: as the settings say.

    """
    settings = settings_from_parameters(
        {"tickers": tickers, "source": source, "path": path, "warehouse": warehouse, "events": events}
    )
    try:
        run = plan(settings, last)
    except RunInProgressError as error:
        return Cancelled(message=str(error))
    with record_failure(run):
        name_run(f"backtest {first} to {last}", run)
        run, ingested = ingest(run)
        ingested = ingest_events(run, opaque(ingested))
        universe = resolve_universe(run, opaque(ingested))
        log_policy(settings)
        done = walk(run, opaque(universe), first, last)
        score(run)
    policy = policy_differences(settings)
    summary: dict[str, Any] = {
        "as_of": str(run.plan.as_of),
        "from": str(first),
        "to": str(last),
        "ticker_sessions": done,
        "policy": policy,
    }
    close_run(run, "completed", summary)
    message = f"{done} ticker sessions forecast" if done else "every forecast was in the ledger already"
    return Completed(message=f"{message}, from {first} to {last}", data=summary)
