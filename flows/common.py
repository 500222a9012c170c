"""What the flows share: their settings, the run's name and its log."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from prefect import get_client, get_run_logger
from prefect.runtime import flow_run
from prefect.utilities.annotations import quote

from flows.log import hush_at_exit, make_readable
from stockjax.nightly import Night
from stockjax.settings import Settings, load_settings

Value = TypeVar("Value")

make_readable()
if "PREFECT__FLOW_RUN_ID" in os.environ:
    # A worker has started this process for one run, and has a log to keep readable.
    hush_at_exit()


def whole(value: Value) -> Value:
    """Hand a value on as it is: Prefect would look for futures in every array of every model."""
    wrapped: Value = quote(value)  # type: ignore[assignment]  # tasks get what is inside
    return wrapped


def asked_for(parameters: Mapping[str, Any]) -> Settings:
    """The settings under the parameters that flows have; those left empty change nothing.

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
        **places,
    )


def say(line: str) -> None:
    """Into the log of the task that is running."""
    get_run_logger().info(line)


def warn(line: str) -> None:
    """The same, where somebody should do something."""
    get_run_logger().warning(line)


def name_run(what: str, night: Night) -> None:
    """Call the run by what it is about, which is known only once it is planned."""
    count = len(night.plan.tickers)
    if flow_run.id:
        with get_client(sync_client=True) as client:
            client.update_flow_run(flow_run.id, name=f"{what} · {count} ticker{'s' * (count != 1)}")


@contextmanager
def closed_if_it_fails(night: Night) -> Iterator[None]:
    """Write down that a run has failed, whatever stopped it."""
    try:
        yield
    except BaseException as error:
        try:
            night.close("failed", {"error": str(error)})
        except Exception as other:
            error.add_note(f"that the run has failed could not be written down ({other})")
        raise
