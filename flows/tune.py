"""The search: plan, ingest, resolve the universe, try settings on the past, keep the winner, show."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed
from pydantic import Field

from flows.alerts import alert_of_failure
from flows.artifacts import best_effort_artifact, progress
from flows.common import log, name_run, opaque, record_failure, settings_from_parameters
from flows.forecast import ingest, ingest_events, resolve_universe
from flows.terminal import watched
from stockjax.errors import RunInProgressError
from stockjax.nightly import Run, Universe, begin_run, close_run, plan_run
from stockjax.reporting.search_report import search_digest, write_search_page
from stockjax.settings import Settings
from stockjax.tuning import Search, SearchDecision, SearchSpec, build_search_spec, open_study, trials_table
from stockjax.tuning import keep_winner as keep


@task(cache_policy=NO_CACHE, task_run_name="plan")
def plan(settings: Settings, as_of: date | None) -> Run:
    """Decide which session the search is about, and record that it has started."""
    return begin_run(plan_run(settings, as_of, log=log), "tune", flow_run.id)


@task(cache_policy=NO_CACHE, task_run_name="prepare")
def prepare(run: Run, universe: Universe) -> SearchSpec:
    """Lay out the folds, all of them before the session."""
    return build_search_spec(
        universe.history, run.plan.tickers, run.plan.as_of, run.settings, universe.context
    )


@task(cache_policy=NO_CACHE, task_run_name="search")
def search(run: Run, spec: SearchSpec) -> int:
    """Try configurations on the folds, the current settings first."""
    count = run.settings.tune.trials
    done = 0
    with (
        progress(f"trying {count} configurations") as show,
        open_study(run.warehouse.folder, spec.name) as study,
    ):
        steps = Search(study, spec).run()
        first = "trying the current settings"
        for step in watched(steps, first, lambda step: f"trial {step.result.number}", count):
            log(step.line)
            show(step.done, step.of)
            done += 1
    if not done:
        log("every configuration was tried by an earlier run")
    return done


@task(cache_policy=NO_CACHE, task_run_name="keep the winner")
def keep_winner(run: Run, universe: Universe, spec: SearchSpec) -> SearchDecision:
    """Train the winner on all the data and keep it as a challenger, if there is one."""
    return keep(run, universe, spec)


@task(cache_policy=NO_CACHE, task_run_name="show")
def show_search(run: Run, spec: SearchSpec, decision: SearchDecision) -> Path:
    """Put the best trials on the run's page, and all of them on one of their own."""
    trials = trials_table(decision.trials)
    searched = list(spec.space.distributions)
    page = write_search_page(run.warehouse, trials, spec.as_of, decision.message, searched)
    digest = search_digest(trials, spec.as_of, decision.message, page)
    with best_effort_artifact():
        create_markdown_artifact(digest, key="search", description=f"Settings searched as of {spec.as_of}")
    return page


@flow(name="tune", on_failure=[alert_of_failure], on_crashed=[alert_of_failure])
def tune(
    as_of: date | None = None,
    trials: Annotated[int, Field(ge=1)] | None = None,
    tickers: list[str] | None = None,
    source: str | None = None,
    path: Path | None = None,
    warehouse: Path | None = None,
    events: Path | None = None,
) -> State[dict[str, Any]]:
    """Search for settings of training that would have done better on the past; keep the winner.

    The UI's form describes the parameters as they are described here, and reads this style only.

    Args:
        as_of: Last session to use; empty: the last completed one.
        trials: Configurations to try; empty: as many as the settings say.
        tickers: Tickers that are scored; empty: those of the settings.
        source: Where prices come from; empty: as the settings say.
        path: File or folder of prices, for the source 'files'.
        warehouse: Folder of the database; empty: that of the settings.
        events: File of announcements; empty: as the settings say.

    """
    settings = settings_from_parameters(
        {
            "trials": trials,
            "tickers": tickers,
            "source": source,
            "path": path,
            "warehouse": warehouse,
            "events": events,
        }
    )
    try:
        run = plan(settings, as_of)
    except RunInProgressError as error:
        return Cancelled(message=str(error))
    with record_failure(run):
        name_run(f"tune {run.plan.as_of}", run)
        run, ingested = ingest(run)
        ingested = ingest_events(run, opaque(ingested))
        universe = resolve_universe(run, opaque(ingested))
        spec = prepare(run, opaque(universe))
        search(run, opaque(spec))
        decision = keep_winner(run, opaque(universe), opaque(spec))
        page = show_search(run, opaque(spec), opaque(decision))
    summary = {**decision.summary(), "study": spec.name, "report": str(page)}
    close_run(run, "completed", summary)
    return Completed(message=decision.message, data=summary)
