"""What a run leaves on its page in the Prefect UI."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)

from stockjax.nightly import Night, Outcome
from stockjax.reporting.digest import forecast_rows, night_digest

STEP = 2.0
"""Percent between two updates of a progress bar: each is a request to the server."""


class Shown(Protocol):
    """Told how much is done of how much."""

    def __call__(self, done: int, of: int) -> None:
        """Show it, if it has moved far enough."""


@contextmanager
def progress(description: str) -> Iterator[Shown]:
    """A progress bar on the run's page."""
    artifact: Any = create_progress_artifact(progress=0.0, description=description)
    last = 0.0

    def show(done: int, of: int) -> None:
        nonlocal last
        percent = 100 * done / of if of else 100.0
        if percent - last >= STEP or done >= of:
            update_progress_artifact(artifact_id=artifact, progress=min(percent, 100.0))
            last = percent

    yield show


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
    )
    create_markdown_artifact(digest, key="night", description=f"Forecasts as of {outcome.as_of}")
    rows = forecast_rows(night.warehouse, outcome.as_of, tickers)
    if rows:
        create_table_artifact(rows, key="forecasts", description=f"Forecasts as of {outcome.as_of}")
