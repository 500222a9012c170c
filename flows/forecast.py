"""The nightly flow: plan, fetch, check, store, train each ticker, forecast, score, report."""

import os
from datetime import date
from pathlib import Path
from typing import Annotated, Any, TypeVar

from prefect import flow, get_client, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.futures import PrefectFuture, wait
from prefect.runtime import flow_run
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.utilities.annotations import quote
from pydantic import Field

from stockjax.errors import SourceError, WarehouseBusy
from stockjax.night import Night, Outcome, Universe
from stockjax.quality import Checked
from stockjax.registry import Champions, Model
from stockjax.settings import Settings, SourceName, load_settings
from stockjax.sources import Delivery


async def _may_help(task: Any, task_run: TaskRun, state: State[Any]) -> bool:
    """Trying again helps against a vendor or a lock, not against a mistake."""
    del task, task_run
    try:
        await state.result()
    except (SourceError, WarehouseBusy, OSError):
        return True
    except Exception:
        return False
    return False


Value = TypeVar("Value")

RETRIES = 2
DELAYS: list[float] = [10, 60]
_runner: ThreadPoolTaskRunner[Any] = ThreadPoolTaskRunner(max_workers=os.cpu_count() or 1)


@task(cache_policy=NO_CACHE, retries=RETRIES, retry_delay_seconds=DELAYS, retry_condition_fn=_may_help)
def plan(settings: Settings, as_of: date | None) -> Night:
    """Settle what tonight is about and open the warehouse."""
    night = Night(settings, as_of, flow_run.id, _say)
    night.open()
    return night


@task(cache_policy=NO_CACHE, retries=RETRIES, retry_delay_seconds=DELAYS, retry_condition_fn=_may_help)
def fetch(night: Night) -> Delivery:
    """Get the prices."""
    return night.fetch()


@task(cache_policy=NO_CACHE)
def check(night: Night, delivery: Delivery) -> Checked:
    """Refuse what is no price."""
    return night.check(delivery)


@task(cache_policy=NO_CACHE, retries=RETRIES, retry_delay_seconds=DELAYS, retry_condition_fn=_may_help)
def store(night: Night, checked: Checked) -> dict[str, int]:
    """Keep the rest."""
    return night.store(checked)


@task(cache_policy=NO_CACHE, retries=RETRIES, retry_delay_seconds=DELAYS, retry_condition_fn=_may_help)
def survey(night: Night, delivery: Delivery) -> Universe:
    """See who can be forecast."""
    return night.survey(delivery.failures)


@task(cache_policy=NO_CACHE)
def replay(night: Night, universe: Universe) -> int:
    """Forecast the past that has no forecasts yet, walking forward."""
    return night.replay(universe)


@task(cache_policy=NO_CACHE, task_run_name="load champions")
def load_champions(night: Night, universe: Universe) -> Champions:
    """Read the models in force."""
    return night.champions(universe)


@task(cache_policy=NO_CACHE, task_run_name="train base")
def train_base(night: Night, universe: Universe, champions: Champions) -> Model:
    """Have a base that is young enough."""
    return night.train_base(universe, champions)


@task(cache_policy=NO_CACHE, task_run_name="train {ticker}")
def train_ticker(night: Night, universe: Universe, ticker: str, base: Model, champions: Champions) -> Model:
    """Train or retrain one ticker."""
    return night.train_ticker(universe, ticker, base, champions)


@task(cache_policy=NO_CACHE, task_run_name="forecast")
def write_forecasts(
    night: Night, universe: Universe, base: Model, champions: Champions, trained: list[Model]
) -> int:
    """Write tonight's forecasts into the ledger."""
    return night.forecast(universe, base, champions, trained)


@task(cache_policy=NO_CACHE)
def score(night: Night) -> int:
    """Compare what was forecast with what happened."""
    return night.score()


@task(cache_policy=NO_CACHE)
def report(night: Night) -> Path:
    """Write the page that people look at."""
    return night.report()


@flow(name="forecast", task_runner=_runner)  # type: ignore[arg-type]  # invariant in its futures
def forecast(
    as_of: Annotated[
        date | None, Field(description="Last session to use; empty: the last completed one")
    ] = None,
    tickers: Annotated[
        list[str] | None, Field(description="Tickers to forecast; empty: those of the settings")
    ] = None,
    source: Annotated[
        SourceName | None, Field(description="Where prices come from; empty: the settings'")
    ] = None,
    path: Annotated[
        Path | None, Field(description="File or folder of prices, for the source 'files'")
    ] = None,
    warehouse: Annotated[
        Path | None, Field(description="Folder of the database; empty: the settings'")
    ] = None,
) -> State[dict[str, Any]]:
    """Forecast the next session of every ticker and score the forecasts of the past."""
    settings = load_settings(
        tickers=tuple(tickers) if tickers else None, source=source, path=path, warehouse=warehouse
    )
    night = plan(settings, as_of)
    _name_run(night)
    try:
        outcome = _steps(night)
    except BaseException as error:
        night.close("failed", {"error": str(error)})
        raise
    usable = outcome.forecast > 0
    summary = outcome.summary()
    night.close("completed" if usable else "failed", summary)
    end = Completed if usable else Failed
    return end(message=outcome.message, data=summary)


def _steps(night: Night) -> Outcome:
    delivery = _whole(fetch(night))
    checked = _whole(check(night, delivery))
    store(night, checked)
    universe = survey(night, delivery)
    failures: dict[str, str] = {}
    if universe.due:
        failures = _forecast_due(night, universe)
    score(night)
    return night.outcome(universe, failures, report(night))


def _forecast_due(night: Night, universe: Universe) -> dict[str, str]:
    """Replay, train and forecast; returns why the training of some tickers failed."""
    known = _whole(universe)
    replay(night, known)
    in_force = load_champions(night, known)
    champions = _whole(in_force)
    base = _whole(train_base(night, known, champions))
    trained, failures = _gather(
        {
            ticker: train_ticker.submit(night, known, ticker, base, champions)
            for ticker in night.to_train(universe, in_force)
        }
    )
    write_forecasts(night, known, base, champions, _whole(trained))
    return failures


def _whole(value: Value) -> Value:
    """Hand a value on as it is: Prefect would look for futures in every array of every model."""
    wrapped: Value = quote(value)  # type: ignore[assignment]  # tasks get what is inside
    return wrapped


def _gather(training: dict[str, PrefectFuture[Model]]) -> tuple[list[Model], dict[str, str]]:
    """The models that came out, and why the others did not: one ticker stops no other."""
    wait(list(training.values()))
    trained: list[Model] = []
    failures: dict[str, str] = {}
    for ticker, future in training.items():
        result: object = future.result(raise_on_failure=False)
        if isinstance(result, Model):
            trained.append(result)
        else:
            failures[ticker] = f"training failed ({result}), forecast from the model before it"
    return trained, failures


def _say(line: str) -> None:
    """Into the log of the task that is running."""
    get_run_logger().info(line)


def _name_run(night: Night) -> None:
    """Call the run by what it is about, which is known only once it is planned."""
    if flow_run.id:
        with get_client(sync_client=True) as client:
            client.update_flow_run(
                flow_run.id, name=f"forecast {night.plan.as_of} · {len(night.plan.tickers)} tickers"
            )


if __name__ == "__main__":
    from stockjax.cli.main import main

    main(["run"])
