"""What a run leaves on its page in the Prefect UI."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from prefect import get_run_logger
from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)

from stockjax.nightly import Night, Outcome
from stockjax.reporting.markdown_summary import forecast_rows, night_digest

STEP = 5.0
"""Percent between two updates of a progress bar: each is a request to the server."""


class Shown(Protocol):
    """Told how much is done of how much."""

    def __call__(self, done: int, of: int) -> None:
        """Show it, if it has moved far enough."""


@contextmanager
def progress(description: str) -> Iterator[Shown]:
    """A progress bar on the run's page, which is full once the work has ended well."""
    artifact: Any = None
    last = 0.0
    with for_the_page():
        artifact = create_progress_artifact(progress=last, description=description)

    def show(done: int, of: int) -> None:
        nonlocal last
        percent = min(100 * done / of, 100.0) if of else 100.0
        if artifact and (percent - last >= STEP or last < percent == 100.0):
            last = percent
            with for_the_page():
                update_progress_artifact(artifact_id=artifact, progress=percent)

    yield show
    show(1, 1)


@contextmanager
def for_the_page() -> Iterator[None]:
    """What the page lacks because the server is away, or full, spoils no night."""
    try:
        yield
    except Exception as error:  # whatever the server and the way to it may raise
        get_run_logger().warning("the run's page lacks something: %s", error)


def show_night(night: Night, outcome: Outcome) -> None:
    """The digest with its charts, and the forecasts of all models as a table."""
    tickers = night.plan.tickers
    digest = night_digest(
        night.warehouse,
        as_of=outcome.as_of,
        tickers=tickers,
        message=outcome.message,
        figures=outcome.ingested,
        failures=outcome.failures,
        report=outcome.report,
        drift=outcome.drift,
        decisions=outcome.decisions,
    )
    rows = forecast_rows(night.warehouse, outcome.as_of, tickers)
    described = f"Forecasts as of {outcome.as_of}"
    with for_the_page():
        create_markdown_artifact(digest, key="night", description=described)
        if rows:
            create_table_artifact(rows, key="forecasts", description=described)
        # A browser follows it only where the warehouse is on its own machine.
        create_link_artifact(outcome.report.resolve().as_uri(), key="report", description="The whole report")
