"""The backtest: plan, ingest, walk forward through the past, score."""

import sys
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Annotated, Any

from prefect import flow, task
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed
from pydantic import Field
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from flows.forecast import ingest, score, survey
from flows.shared import Folder, Prices, Source, Tickers, name_run, say, whole
from stockjax.nightly import Night, Universe
from stockjax.nightly.backtest import Progress
from stockjax.nightly.backtest import backtest as walk_forward
from stockjax.settings import Settings, load_settings


@task(cache_policy=NO_CACHE)
def plan(settings: Settings, until: date) -> Night:
    """Settle what the backtest is about and open the warehouse."""
    night = Night(settings, None, flow_run.id, say, until=until)
    night.open("backtest")
    return night


@task(cache_policy=NO_CACHE)
def walk(night: Night, universe: Universe, first: date, last: date) -> int:
    """Forecast from every session of the range, each from what was known at its close."""
    artifact: Any = create_progress_artifact(progress=0.0, description=f"{first} to {last}")
    done = 0
    for progress in _watched(walk_forward(night, universe, first, last)):
        say(progress.line)
        update_progress_artifact(artifact_id=artifact, progress=100 * progress.done / progress.of)
        done = progress.done
    return done


@flow(name="backtest")
def backtest(
    first: Annotated[date, Field(description="First session to forecast from")],
    last: Annotated[date, Field(description="Last session to forecast from")],
    tickers: Tickers = None,
    source: Source = None,
    path: Prices = None,
    warehouse: Folder = None,
) -> State[dict[str, Any]]:
    """Forecast from every session of a range of the past, by the steps of a night, and score it."""
    settings = load_settings(
        tickers=tuple(tickers) if tickers else None, source=source, path=path, warehouse=warehouse
    )
    night = plan(settings, last)
    name_run(f"backtest {first} to {last} · {len(night.plan.tickers)} tickers")
    try:
        universe = survey(night, whole(ingest(night)))
        done = walk(night, whole(universe), first, last)
        score(night)
    except BaseException as error:
        night.close("failed", {"error": str(error)})
        raise
    summary: dict[str, Any] = {
        "as_of": str(night.plan.as_of),
        "from": str(first),
        "to": str(last),
        "ticker_sessions": done,
    }
    night.close("completed", summary)
    return Completed(message=f"{done} ticker sessions forecast from {first} to {last}", data=summary)


def _watched(steps: Iterable[Progress]) -> Iterator[Progress]:
    """The same steps, with a bar and an estimate where somebody watches a terminal."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Bar(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        shown = bar.add_task("training the first base", total=None)
        for step in steps:
            bar.update(shown, description=f"through {step.through}", completed=step.done, total=step.of)
            yield step
