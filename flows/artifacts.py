"""What a run leaves on its page in the Prefect UI."""

from collections.abc import Generator
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

from stockjax.nightly import Run, RunResult, steps

MOST_ROWS = 2000
"""Rows of the table of forecasts: Prefect refuses one that is much larger."""

STEP = 5.0
"""Percent between two updates of a progress bar: each is a request to the server."""


class Shown(Protocol):
    """Receives how much is done of how much."""

    def __call__(self, done: int, of: int) -> None:
        """Show it, if it has moved far enough."""


@contextmanager
def progress(description: str) -> Generator[Shown]:
    """A progress bar on the run's page, which is full once the work has ended well."""
    artifact: Any = None
    last = 0.0
    with best_effort_artifact():
        made: Any = create_progress_artifact(progress=last, description=description)
        artifact = made

    def show(done: int, of: int) -> None:
        nonlocal last
        percent = min(100 * done / of, 100.0) if of else 100.0
        if artifact and (percent - last >= STEP or last < percent == 100.0):
            last = percent
            with best_effort_artifact():
                update_progress_artifact(artifact_id=artifact, progress=percent)

    yield show
    show(1, 1)


@contextmanager
def best_effort_artifact() -> Generator[None]:
    """What the page lacks because the server is away, or full, spoils no night."""
    try:
        yield
    except Exception as error:  # whatever the server and the way to it may raise
        get_run_logger().warning("the run's page lacks something: %s", error)


def show_result(run: Run, result: RunResult) -> None:
    """The digest with its charts, and the forecasts of all models as a table."""
    digest, forecasts = steps.draw_page(run, result)
    described = f"Forecasts as of {result.as_of}"
    rows, left_out = shown_rows(forecasts)
    table_described = f"{described}{left_out}"
    with best_effort_artifact():
        create_markdown_artifact(digest, key="night", description=described)
        if rows:
            create_table_artifact(rows, key="forecasts", description=table_described)
        # A browser follows it only where the warehouse is on its own machine.
        create_link_artifact(result.report.resolve().as_uri(), key="report", description="The whole report")


def shown_rows(rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], str]:
    """The rows that the page has room for, those of `lstm` first, and a clause on the others."""
    if len(rows) <= MOST_ROWS:
        return rows, ""
    of_lstm = [row for row in rows if row["model"] == "lstm"]
    kept = of_lstm[:MOST_ROWS]
    return kept, f": {len(kept)} of {len(rows)} rows, of lstm; stockjax sql has all, in latest_forecasts"
