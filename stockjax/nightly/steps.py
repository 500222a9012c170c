"""The steps of a run. Each one asks the warehouse what is there already and does only the rest."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from stockjax.engine import Policy, SessionData, State, StepResult, step
from stockjax.engine.due_sessions import DueSession
from stockjax.engine.training_step import TrainAll, TrainBase
from stockjax.forecasting.plan import Origin, replace_as_of
from stockjax.forecasting.provenance import forecast_inputs
from stockjax.forecasting.ticker_states import states_table
from stockjax.ingest import Ingest, Ingested
from stockjax.ingest.announcements import EventIngest
from stockjax.ingest.context_series import ingest_context
from stockjax.ingest.ingest_warnings import ending_calendars, unsettled_sessions
from stockjax.nightly.drift_alarms import alarms_among
from stockjax.nightly.result import RunResult
from stockjax.nightly.run import Run
from stockjax.nightly.run_writer import read_state
from stockjax.nightly.universe import Universe, resolve_universe
from stockjax.registry import purge_models
from stockjax.reporting.exports import export_latest
from stockjax.reporting.markdown_summary import forecast_rows, night_digest
from stockjax.reporting.report import forecast_tickers, write_report
from stockjax.reporting.report_folder import purge_reports
from stockjax.scoring import refresh_rolling_metrics
from stockjax.sources.recorded import RecordedSource
from stockjax.warehouse.clustering import cluster_by_ticker
from stockjax.warehouse.records import replace_tickers


def ingest_prices(run: Run) -> tuple[Run, Ingested]:
    """Fetch the missing prices, check them and store them, part by part.

    Returns
    -------
    The run, its plan for the exchanges that the source named; and what was ingested.

    """
    done = Ingest(run.settings, run.warehouse, run.source, run.plan, run.log).run()
    plan = replace_as_of(run.plan, {done.listings[ticker].exchange for ticker in run.plan.tickers})
    counts = [
        f"{done.read} rows read",
        f"{done.stored} stored",
        f"{done.unchanged} unchanged",
        f"{done.rejected} rejected",
        *(f"{count} replaced ({reason})" for reason, count in done.restated.items()),
        *(f"{name}: {count}" for name, count in done.checks.items()),
    ]
    run.log(", ".join(counts))
    endings = ending_calendars(done.listings.values(), lambda exchange: plan.market(exchange).as_of)
    listed = done.listings.values() if plan.is_live else ()
    unsettled = unsettled_sessions(listed, plan.started_at, plan.settled_at)
    done = replace(done, warnings={**endings, **unsettled, **done.warnings})
    for name, warning in done.warnings.items():
        run.log(f"{name}: {warning}")
    return replace(run, plan=plan), done


def ingest_events(run: Run, ingested: Ingested) -> Ingested:
    """Ask for announcements and indices of implied volatility where news is due, and store what is new.

    Returns
    -------
    What was ingested, with the warnings of the sources that failed and of announcements that were moved.

    """
    asked = (run.settings, run.warehouse, run.plan)
    done = EventIngest(*asked, ingested.listings, run.log).run()
    warnings = {**done.warnings, **ingest_context(*asked, run.source, run.log)}
    for name, warning in warnings.items():
        run.log(f"{name}: {warning}")
    run.warehouse.publish_if_cheap()
    if isinstance(run.source, RecordedSource):
        run.source.release()
    return replace(ingested, notices=done.written, warnings={**ingested.warnings, **warnings})


def record_universe(run: Run, ingested: Ingested) -> Universe:
    """Decide which tickers are forecast from which sessions, and write the state of every ticker."""
    with run.warehouse.keep_open():
        universe = resolve_universe(run.warehouse, run.plan, ingested, run.settings)
        if not run.plan.in_the_past:
            _write_states(run, universe)
    for state in universe.states:
        if state.reason:
            run.log(f"{state.ticker}: {state.state}, {state.reason}")
    if not universe.due and not universe.due_catch_up and universe.already_forecast:
        run.log("every forecast of this session is in the ledger already")
    return universe


def read_session(run: Run, universe: Universe, due: DueSession) -> SessionData | None:
    """Read what was known at a session that is due; None if none of its tickers can be forecast."""
    origins: dict[str, Origin] = {
        ticker: market.origin if due.session == market.as_of else "catchup"
        for ticker, market in universe.markets.items()
    }
    data = universe.reader.read(due, origins)
    if data is None:
        return None
    usable = set(data.asof.history.tickers)
    return replace(data, watched=tuple(ticker for ticker in run.plan.tickers if ticker in usable))


def read_session_state(run: Run, data: SessionData) -> State:
    """Read the models and monitors that the sessions before this one left."""
    with run.warehouse.keep_open():
        return read_state(run.warehouse, data.due, data.as_of, run.settings)


def write_session(
    run: Run, universe: Universe, due: DueSession, data: SessionData, result: StepResult, seconds: float
) -> int:
    """Write the models and forecasts of a session; returns how many forecasts were new."""
    for line in (*result.decisions.lines, *alarms_among(result.decisions.drift.rows, run.plan.tickers)):
        run.log(line)
    needed = run.settings.history.forecast_sessions
    inputs = forecast_inputs(data.asof.history, universe.read_at, needed, due.session, universe.context_rules)
    with run.warehouse.keep_open():
        written = run.writer.write_step(result, due, inputs)
    run.warehouse.publish()
    run.log(result.decisions.summary(seconds))
    run.log(f"{written} forecasts written from {due.session}")
    return written


def forecast_due(
    run: Run,
    universe: Universe,
    due: DueSession,
    train_all: TrainAll | None = None,
    train_base: TrainBase = lambda train: train(),
) -> StepResult | None:
    """Read a session, step through it and write it; None if none of its tickers can be forecast."""
    data = read_session(run, universe, due)
    if data is None:
        return None
    started = time.monotonic()
    policy = Policy.of_nights(run.settings)
    result = step(data, read_session_state(run, data), policy, train_all, train_base)
    write_session(run, universe, due, data, result, time.monotonic() - started)
    return result


def score_forecasts(run: Run) -> int:
    """Update the rolling errors; returns the number of windows written."""
    written = refresh_rolling_metrics(run.warehouse, run.settings.scores.windows)
    run.warehouse.publish_if_cheap()
    return written


def write_run_report(run: Run) -> Path:
    """Write the HTML report of the session, with the forecasts that earlier runs made from it."""
    forecast = forecast_tickers(run.warehouse, run.plan.as_of)
    page = write_report(run.warehouse, run.plan.as_of, [*forecast, *run.plan.tickers])
    run.log(f"report: {page}")
    return page


def draw_page(run: Run, result: RunResult) -> tuple[str, list[dict[str, Any]]]:
    """Draw what the run's page shows.

    Returns
    -------
    The digest of the run as Markdown, and a row for each forecast of tonight.

    """
    tickers = run.plan.tickers
    digest = night_digest(
        run.warehouse,
        as_of=result.as_of,
        tickers=tickers,
        message=result.message,
        figures=result.ingested,
        failures=result.failures,
        report=result.report,
        drift=result.drift,
        decisions=result.decisions,
    )
    return digest, forecast_rows(run.warehouse, result.as_of, tickers)


def export_forecasts(run: Run) -> None:
    """Write the newest forecasts as files, for programs that read no database."""
    export = run.settings.export
    if export.latest:
        folder = export.folder or run.warehouse.folder / "exports"
        run.log(f"exported: {', '.join(str(path) for path in export_latest(run.warehouse, folder))}")


def purge_expired(run: Run) -> None:
    """Cluster large tables, and delete files that are older than the settings keep them."""
    cluster_by_ticker(run.warehouse)
    kept = run.settings.retention
    models = purge_models(run.warehouse, kept.models, run.plan.started_at)
    # By their session: reports of a recorded source are as old as its "now" says.
    reports = purge_reports(run.warehouse, run.plan.as_of - timedelta(days=kept.reports))
    if models or reports:
        run.log(f"{models} model files and {reports} reports deleted")


def _write_states(run: Run, universe: Universe) -> None:
    table = states_table(universe.states)
    listed = [universe.listings[ticker] for ticker in table["ticker"]]
    replace_tickers(
        run.warehouse,
        table.assign(
            exchange=[listing.code for listing in listed],
            exchange_from=[listing.exchange_source for listing in listed],
            source=run.plan.source,
        ),
        run_id=run.plan.run_id,
        moment=datetime.now(UTC),
    )
