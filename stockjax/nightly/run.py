"""A run of a flow: what it is about, and its beginning and end in the warehouse."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import pandas as pd

from stockjax.code_version import code_version
from stockjax.environment import environment
from stockjax.errors import StockjaxError, UsageError
from stockjax.forecasting.plan import Plan, make_plan, newest_session
from stockjax.ingest.listings import listings
from stockjax.nightly.run_lock import RunLock
from stockjax.nightly.run_writer import RunWriter
from stockjax.sessions import exchange
from stockjax.settings import Settings
from stockjax.sources import Source, open_source
from stockjax.training.compilation import use_compilation_cache
from stockjax.universes import base_tickers, chosen_tickers, named_universe
from stockjax.warehouse import Warehouse
from stockjax.warehouse.prices import newest_by_exchange, stored_sources
from stockjax.warehouse.query import query
from stockjax.warehouse.records import finish_run, start_run
from stockjax.wording import counted

FEW_TICKERS = 30
"""Tickers below which a wider base is worth a hint."""

LogFn = Callable[[str], None]
"""Receives one line for each event that matters."""


@dataclass(frozen=True)
class Run:
    """The settings and the plan of one run, and the places that it reads and writes."""

    settings: Settings
    warehouse: Warehouse
    source: Source
    plan: Plan
    lock: RunLock
    log: LogFn

    @property
    def writer(self) -> RunWriter:
        """Writes the models and forecasts of this run."""
        return RunWriter(self.warehouse, self.plan.run_id)


def plan_run(
    settings: Settings,
    as_of: date | None = None,
    *,
    log: LogFn,
    now: datetime | None = None,
    until: date | None = None,
) -> Run:
    """Decide which sessions a run is about. Nothing is written.

    Parameters
    ----------
    as_of
        The last session that the run may use; None for the last completed one.
    log
        Receives one line for each event that matters.
    now
        The moment of the run, aware; None for the clock.
    until
        Instead of `as_of`: a date, session or not; the newest session up to it is used.

    Raises
    ------
    UsageError
        The session or the tickers make no sense.

    """
    source = open_source(settings)
    tickers = chosen_tickers(settings)
    default = exchange(settings.exchange)
    if until:
        as_of = newest_session(source, default, until, now)
    listed = listings(tickers, settings, {}).values()
    plan = make_plan(
        source,
        tickers,
        default,
        as_of,
        [listing.exchange for listing in listed],
        now,
        base_tickers(settings, source.universe()),
        timedelta(minutes=settings.run.settle_minutes),
    )
    warehouse = Warehouse(settings.warehouse, settings.lock_timeout)
    return Run(settings, warehouse, source, plan, RunLock(settings), log)


def begin_run(run: Run, flow: str = "forecast", flow_run_id: str | None = None) -> Run:
    """Acquire the lock of the flow, migrate the warehouse and record that the run has started.

    Returns
    -------
    The run, its plan with the sessions that were stored before it.

    Raises
    ------
    RunInProgressError
        Another run of the flow has the lock, and the settings say not to wait, or not so long.
    UsageError
        The warehouse holds prices of a source that must not be mixed with this one.

    """
    run.lock.acquire(flow, run.log)
    try:
        return _record_start(run, flow, flow_run_id)
    except BaseException:
        run.lock.release()
        raise


def close_run(run: Run, status: str, counts: Mapping[str, object]) -> None:
    """Record how the run ended, and release its lock."""
    try:
        finish_run(
            run.warehouse,
            run_id=run.plan.run_id,
            status=status,
            as_of=run.plan.as_of,
            counts=counts,
            moment=datetime.now(UTC),
        )
        run.warehouse.publish()
    finally:
        run.lock.release()


def is_forecast(run: Run) -> bool:
    """Whether readers find the forecasts of every ticker from the run's session; False where in doubt."""
    try:
        latest = query(run.warehouse, "SELECT ticker, as_of FROM latest_forecasts WHERE model = 'lstm'")
    except StockjaxError:
        return False
    newest = dict(zip(latest["ticker"], pd.to_datetime(latest["as_of"]).dt.date, strict=True))
    return all(newest.get(ticker) == run.plan.as_of for ticker in run.plan.tickers)


def _record_start(run: Run, flow: str, flow_run_id: str | None) -> Run:
    use_compilation_cache(run.settings.cache)
    made_by = {"code_version": code_version(), "environment": environment()}
    with run.warehouse.migrated():
        run.warehouse.hold_back()
        _check_sources(run)
        stored = newest_by_exchange(run.warehouse, run.plan.default.code)
        run = replace(run, plan=replace(run.plan, stored_through=stored))
        plan = run.plan
        start_run(
            run.warehouse,
            run_id=plan.run_id,
            flow_run_id=flow_run_id,
            flow=flow,
            as_of=plan.as_of,
            moment=plan.started_at,
            **made_by,
        )
    for hint in hints(run):
        run.log(hint)
    training_only = f" and {len(plan.training_only)} for the base" if plan.training_only else ""
    run.log(f"{counted(len(plan.tickers), 'ticker')}{training_only} from '{plan.source}', as of {plan.as_of}")
    return run


def hints(run: Run) -> list[str]:
    """What a user may want to know of the choice of tickers, in one line each."""
    plan, chosen = run.plan, run.settings
    found = []
    few = len(plan.fetched) < FEW_TICKERS and plan.default.code == "XNYS"
    if plan.source == "yahoo" and few and not plan.training_only:
        more = len(set(named_universe("djia").tickers) - set(plan.fetched))
        found.append(
            f'a base of {counted(len(plan.fetched), "ticker")} learns little: base.universe = "djia" costs '
            f"{more} more requests a night and was worth 0.3% (of five tickers) to 0.7% (of one) "
            "of pinball loss"
        )
    if chosen.universe and not chosen.tickers and not chosen.tickers_file:
        listed = named_universe(chosen.universe)
        found.append(
            f"the members of '{chosen.universe}' are those of {listed.date}: "
            "a backtest of earlier years knows who survived"
        )
    return found


def _check_sources(run: Run) -> None:
    """Refuse to mix the recorded sample with prices of today: neither would make sense in one ledger."""
    stored = stored_sources(run.warehouse)
    if stored and ("sample" in stored) != (run.plan.source == "sample"):
        raise UsageError(
            f"the warehouse '{run.warehouse.folder}' holds prices from {' and '.join(sorted(stored))}; "
            f"give those from {run.plan.source} another one (--warehouse or STOCKJAX_WAREHOUSE)"
        )
