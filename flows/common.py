"""What all flows need: settings from parameters, the name of the flow run and its log."""

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from prefect import get_client, get_run_logger
from prefect.runtime import flow_run
from prefect.utilities.annotations import quote

from flows.log import install_log_filter, silence_stderr_at_exit
from stockjax.nightly import Run, close_run
from stockjax.settings import Settings, load_settings

Value = TypeVar("Value")

install_log_filter()
if "PREFECT__FLOW_RUN_ID" in os.environ:
    # A worker started this process for one run; its log stays readable.
    silence_stderr_at_exit()


def opaque(value: Value) -> Value:
    """Pass a value to a task as it is: Prefect would search every array of every model for futures."""
    wrapped: Value = quote(value)  # type: ignore[assignment]  # tasks get what is inside
    return wrapped


def settings_from_parameters(parameters: Mapping[str, Any]) -> Settings:
    """Load the settings, and override them with the parameters of a flow that are not empty.

    Raises
    ------
    SettingsError
        A value is not allowed.

    """
    tickers = parameters.get("tickers")
    trials = parameters.get("trials")
    exchanges = parameters.get("exchanges")
    places = {name: parameters.get(name) for name in ("source", "path", "warehouse")}
    return load_settings(
        tickers=tuple(tickers) if tickers else None,
        forecast_exchanges=tuple(exchanges) if exchanges else None,
        tune={"trials": trials} if trials else None,
        events={"path": parameters["events"]} if parameters.get("events") else None,
        **places,
    )


def log(line: str) -> None:
    """Write a line to the log of the running task."""
    get_run_logger().info(line)


def warn(line: str) -> None:
    """Write a line to the log of the running task that asks for action."""
    get_run_logger().warning(line)


def name_run(what: str, run: Run) -> None:
    """Name the flow run after its plan, which is not known when it starts."""
    count = len(run.plan.tickers)
    if flow_run.id:
        with get_client(sync_client=True) as client:
            client.update_flow_run(flow_run.id, name=f"{what} · {count} ticker{'s' * (count != 1)}")


@contextmanager
def record_failure(run: Run) -> Generator[None]:
    """Record that a run failed, whatever stopped it."""
    try:
        yield
    except BaseException as error:
        try:
            close_run(run, "failed", {"error": str(error)})
        except Exception as other:
            error.add_note(f"the failure of the run could not be recorded ({other})")
        raise
