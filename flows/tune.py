"""The search: plan, ingest, survey, try settings on the past, keep the winner, show."""

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
from flows.artifacts import for_the_page, progress
from flows.common import asked_for, closed_if_it_fails, name_run, say, whole
from flows.forecast import ingest, survey
from flows.terminal import watched
from stockjax.errors import AnotherRun
from stockjax.nightly import Night, Universe
from stockjax.reporting.search_report import search_digest, write_search_page
from stockjax.settings import Settings, SourceName
from stockjax.tuning import Problem, Search, Verdict, open_study, pose, trials_table
from stockjax.tuning import keep_winner as keep


@task(cache_policy=NO_CACHE, task_run_name="plan")
def plan(settings: Settings, as_of: date | None) -> Night:
    """Settle what the search is about and open the warehouse."""
    night = Night(settings, as_of, flow_run.id, say)
    night.open("tune")
    return night


@task(cache_policy=NO_CACHE, task_run_name="prepare")
def prepare(night: Night, universe: Universe) -> Problem:
    """Lay out the folds, all of them before the session."""
    return pose(universe.history, night.plan.tickers, night.plan.as_of, night.settings)


@task(cache_policy=NO_CACHE, task_run_name="search")
def search(night: Night, problem: Problem) -> int:
    """Try configurations on the folds, the settings in force first."""
    count = night.settings.tune.trials
    tried = 0
    with (
        progress(f"trying {count} configurations") as show,
        open_study(night.warehouse.folder, problem.name) as study,
    ):
        steps = Search(study, problem).run()
        first = "trying the settings in force"
        for step in watched(steps, first, lambda step: f"trial {step.tried.number}", count):
            say(step.line)
            show(step.done, step.of)
            tried += 1
    if not tried:
        say("every configuration was tried by an earlier run")
    return tried


@task(cache_policy=NO_CACHE, task_run_name="keep the winner")
def keep_winner(night: Night, universe: Universe, problem: Problem) -> Verdict:
    """Train the winner on all the data and keep it as a challenger, if there is one."""
    return keep(night, universe, problem)


@task(cache_policy=NO_CACHE, task_run_name="show")
def show_search(night: Night, problem: Problem, verdict: Verdict) -> Path:
    """Put the best trials on the run's page, and all of them on one of their own."""
    trials = trials_table(verdict.tried)
    searched = list(problem.space.distributions)
    page = write_search_page(night.warehouse, trials, problem.as_of, verdict.message, searched)
    digest = search_digest(trials, problem.as_of, verdict.message, page)
    with for_the_page():
        create_markdown_artifact(digest, key="search", description=f"Settings searched as of {problem.as_of}")
    return page


@flow(name="tune", on_failure=[alert_of_failure], on_crashed=[alert_of_failure])
def tune(
    as_of: date | None = None,
    trials: Annotated[int, Field(ge=1)] | None = None,
    tickers: list[str] | None = None,
    source: SourceName | None = None,
    path: Path | None = None,
    warehouse: Path | None = None,
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

    """
    settings = asked_for(
        {"trials": trials, "tickers": tickers, "source": source, "path": path, "warehouse": warehouse}
    )
    try:
        night = plan(settings, as_of)
    except AnotherRun as error:
        return Cancelled(message=str(error))
    with closed_if_it_fails(night):
        name_run(f"tune {night.plan.as_of}", night)
        universe = survey(night, whole(ingest(night)))
        problem = prepare(night, whole(universe))
        search(night, whole(problem))
        verdict = keep_winner(night, whole(universe), whole(problem))
        page = show_search(night, whole(problem), whole(verdict))
    summary = {**verdict.summary(), "study": problem.name, "report": str(page)}
    night.close("completed", summary)
    return Completed(message=verdict.message, data=summary)
