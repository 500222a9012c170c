"""Running the forecast in this process, without a server that somebody has to start."""

import atexit
import os
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from flows.local_server import prefect_api
from stockjax.errors import StockjaxError
from stockjax.settings import Settings


def _hush() -> None:
    # Prefect keeps the last state of a flow alive to the very end of the interpreter, and
    # DuckDB's bindings then print a page about leaked objects. Nothing else is said so late.
    sys.stderr.flush()
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)


@dataclass(frozen=True)
class Finished:
    """What the caller is told."""

    succeeded: bool
    message: str
    tickers: tuple[str, ...]
    report: Path


def run_here(settings: Settings, as_of: date | None = None) -> Finished:
    """Run the flow `forecast`, recorded by the Prefect server that is configured or a temporary one.

    Raises
    ------
    StockjaxError
        The request makes no sense (UsageError), or the run could not be carried out.

    """
    # Registered before everything else, so that it runs after everything else.
    atexit.register(_hush)
    with prefect_api() as wait_until_ready:
        # Importing and compiling take as long as the server does, so both happen at once.
        from prefect.client.schemas.objects import State
        from prefect.task_runners import ThreadPoolTaskRunner

        from flows.forecast import forecast
        from stockjax.nightly import Night
        from stockjax.training.warm_up import compile_programs

        asked = Night(settings, as_of, None, lambda line: None)
        compile_programs(settings.training, settings.cache)
        wait_until_ready()
        runner: ThreadPoolTaskRunner[Any] = ThreadPoolTaskRunner(max_workers=settings.worker_count)
        here = forecast.with_options(task_runner=runner)  # type: ignore[arg-type]  # invariant
        state: State[Any] = here(
            as_of=as_of,
            tickers=list(settings.tickers) or None,
            source=settings.source,
            path=settings.path,
            warehouse=settings.warehouse,
            return_state=True,
        )
        result = state.result(raise_on_failure=False)
    if isinstance(result, dict):
        report = Path(result["report"])
        return Finished(state.is_completed(), state.message or "", asked.plan.tickers, report)
    if isinstance(result, StockjaxError):
        raise result
    raise StockjaxError(f"the run failed: {state.message or result}")
