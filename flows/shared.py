"""What the flows share: their settings, the run's name and its log."""

import logging
from collections.abc import Mapping
from typing import Any, TypeVar

from prefect import get_client, get_run_logger
from prefect.runtime import flow_run
from prefect.utilities.annotations import quote

from stockjax.settings import Settings, load_settings

Value = TypeVar("Value")


class _OfNoMatter(logging.Filter):
    """Keeps a task's uneventful end, which its state shows, from burying the lines that matter."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.getMessage() != "Finished in state Completed()"


logging.getLogger("prefect.task_runs").addFilter(_OfNoMatter())


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
    places = {name: parameters.get(name) for name in ("source", "path", "warehouse")}
    return load_settings(
        tickers=tuple(tickers) if tickers else None, tune={"trials": trials} if trials else None, **places
    )


def say(line: str) -> None:
    """Into the log of the task that is running."""
    get_run_logger().info(line)


def name_run(name: str) -> None:
    """Call the run by what it is about, which is known only once it is planned."""
    if flow_run.id:
        with get_client(sync_client=True) as client:
            client.update_flow_run(flow_run.id, name=name)
