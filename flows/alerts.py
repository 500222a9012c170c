"""Alerts through the Prefect notification block of the settings."""

from typing import Any

from prefect import get_client
from prefect.blocks.core import Block
from prefect.client.schemas.objects import FlowRun, State
from prefect.flows import Flow
from prefect.logging.loggers import flow_run_logger
from prefect.settings import PREFECT_API_URL, PREFECT_UI_URL

from flows.common import settings_from_parameters
from stockjax.errors import StockjaxError
from stockjax.settings import Settings

WHAT_TO_DO = (
    "Correct what is named, if anything is, then run it again with the same parameters: what is done is not "
    "done twice.\n"
    "prefect deployment run forecast/daily   (or: stockjax run, or Retry on the run's page)\n"
    "stockjax status   shows every ticker and why it was not forecast."
)


def alert(settings: Settings, subject: str, body: str, run_id: object) -> str | None:
    """Send a message, if the settings name a block; returns why it could not be sent.

    A message that cannot be sent never spoils a night.
    """
    if not settings.alerts.block:
        return None
    try:
        block: Any = Block.load(settings.alerts.block)
        block.notify(f"{body}\n\n{_page_of(run_id)}", subject=subject)
    except Exception as error:  # whatever a foreign service and its library may raise
        return f"the alert through '{settings.alerts.block}' was not sent ({error}); look at that block"
    return None


def alert_of_failure(flow: Flow[Any, Any], flow_run: FlowRun, state: State[Any]) -> None:
    """A hook: the run failed, was cancelled or lost its process."""
    try:
        settings = settings_from_parameters(flow_run.parameters)
    except StockjaxError:
        # The settings are wrong, so that there is no block to send to.
        return
    problem = alert(
        settings,
        f"stockjax: {flow.name} {state.name}",
        f"{_name_of(flow_run)}: {state.message or state.name}\n\n{WHAT_TO_DO}",
        flow_run.id,
    )
    if problem:
        # A worker calls this too, outside of any run, when a process has died.
        flow_run_logger(flow_run, flow).warning(problem)


def _name_of(flow_run: FlowRun) -> str:
    """What the run is called by now: a worker knows only the name that it had at first."""
    try:
        with get_client(sync_client=True) as client:
            return client.read_flow_run(flow_run.id).name
    except Exception:  # whatever a server that is away may raise; the message matters more
        return flow_run.name


def _page_of(run_id: object) -> str:
    page = PREFECT_UI_URL.value() or str(PREFECT_API_URL.value()).removesuffix("/api")
    return f"{page}/runs/flow-run/{run_id}"
