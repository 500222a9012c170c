"""Running the forecast in this process, without a server that somebody has to start."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from flows.local_server import prefect_api
from flows.log import hush_at_exit
from stockjax.errors import AnotherRun, NightFailed, StockjaxError, UsageError
from stockjax.settings import Settings, TrainingSettings


@dataclass(frozen=True)
class Finished:
    """What the caller is told; `study` is the name of the search that was run."""

    succeeded: bool
    message: str
    tickers: tuple[str, ...]
    as_of: date
    report: Path | None
    study: str | None = None


def run_here(settings: Settings, as_of: date | None = None) -> Finished:
    """Run the flow `forecast`, recorded by the Prefect server that is configured or a temporary one.

    Raises
    ------
    StockjaxError
        The request makes no sense (UsageError), or the run could not be carried out.

    """
    return _here(settings, "forecast", {"as_of": as_of}, {"as_of": as_of})


def backtest_here(settings: Settings, first: date, last: date) -> Finished:
    """Run the flow `backtest`, as `run_here` does the other.

    Raises
    ------
    StockjaxError
        The request makes no sense (UsageError), or the run could not be carried out.

    """
    if first > last:
        raise UsageError(f"--from {first} lies after --to {last}; exchange them")
    return _here(settings, "backtest", {"first": first, "last": last}, {"as_of": None, "until": last})


def tune_here(settings: Settings, as_of: date | None = None) -> Finished:
    """Run the flow `tune`, as `run_here` does the other.

    Raises
    ------
    StockjaxError
        The request makes no sense (UsageError), or the run could not be carried out.

    """
    tried = settings.training.model_copy(update={"seeds": settings.tune.seeds})
    asked = {"as_of": as_of, "trials": settings.tune.trials}
    return _here(settings, "tune", asked, {"as_of": as_of}, tried)


def _here(
    settings: Settings,
    name: str,
    parameters: Mapping[str, Any],
    night: Mapping[str, Any],
    training: TrainingSettings | None = None,
) -> Finished:
    """Run a flow in this process.

    Parameters
    ----------
    night
        What its Night is asked for.
    training
        What is compiled ahead; the settings' own if it is None.

    """
    hush_at_exit()
    with prefect_api() as wait_until_ready:
        # Importing and compiling take as long as the server does, so both happen at once.
        from prefect.client.schemas.objects import State
        from prefect.task_runners import ThreadPoolTaskRunner

        from stockjax.nightly import Night
        from stockjax.training.warm_up import compile_programs

        chosen = getattr(importlib.import_module(f"flows.{name}"), name)
        asked = Night(settings, flow_run_id=None, say=lambda line: None, **night)
        compile_programs(training or settings.training, settings.cache)
        wait_until_ready()
        runner: ThreadPoolTaskRunner[Any] = ThreadPoolTaskRunner(max_workers=settings.worker_count)
        state: State[Any] = chosen.with_options(task_runner=runner)(
            **parameters,
            tickers=list(settings.tickers) or None,
            source=settings.source,
            path=settings.path,
            warehouse=settings.warehouse,
            return_state=True,
        )
        result = state.result(raise_on_failure=False)
    if isinstance(result, NightFailed):
        result = result.summary
    if isinstance(result, dict):
        report = Path(result["report"]) if "report" in result else None
        as_of = date.fromisoformat(result["as_of"])
        return Finished(
            state.is_completed(),
            state.message or "",
            asked.plan.tickers,
            as_of,
            report,
            result.get("study"),
        )
    if isinstance(result, StockjaxError):
        raise result
    if state.is_cancelled():
        raise AnotherRun(state.message or "the run was cancelled; run it again")
    raise StockjaxError(f"the run failed: {state.message or result}")
