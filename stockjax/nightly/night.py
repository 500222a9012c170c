"""A run from its beginning to its end."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from stockjax.code_version import code_version
from stockjax.engine import Policy, SessionData, State, StepResult, step
from stockjax.engine.due_sessions import DueSession
from stockjax.engine.session_step import TrainAll, TrainBase
from stockjax.environment import environment
from stockjax.errors import UsageError
from stockjax.forecasting.ledger_rows import MODELS
from stockjax.forecasting.missing_forecasts import missing_sessions
from stockjax.forecasting.plan import Origin, make_plan, newest_session, replace_as_of
from stockjax.forecasting.provenance import forecast_inputs
from stockjax.forecasting.ticker_states import states_table
from stockjax.ingest import Ingest, Ingested
from stockjax.ingest.listings import listings
from stockjax.nightly.drift_alarms import alarm_lines, alarms_among
from stockjax.nightly.result import Outcome
from stockjax.nightly.run_lock import Turn
from stockjax.nightly.run_writer import Store, read_state
from stockjax.nightly.stored_walk import Walk, walk
from stockjax.nightly.universe import Universe, survey, tickers_on
from stockjax.registry import purge_models
from stockjax.reporting.exports import export_latest
from stockjax.reporting.report import forecast_tickers, write_report
from stockjax.reporting.report_folder import purge_reports
from stockjax.scoring import refresh_rolling_metrics
from stockjax.sessions import exchange
from stockjax.settings import Settings
from stockjax.sources import open_source
from stockjax.training.compilation import use_compilation_cache
from stockjax.universes import base_tickers, chosen_tickers
from stockjax.warehouse import Warehouse
from stockjax.warehouse.clustering import tidy_storage
from stockjax.warehouse.ledger import complete_forecasts
from stockjax.warehouse.prices import newest_by_exchange, stored_sources
from stockjax.warehouse.records import finish_run, rejected_models, replace_tickers, start_run

Say = Callable[[str], None]
Progress = Callable[[int, int], None]


class Night:
    """The settings, the places and the plan of one run.

    Parameters
    ----------
    say
        Receives one line for each thing that matters.
    now
        The moment of the run, aware; None for the clock.
    until
        Instead of `as_of`: a date, session or not; the newest session up to it is meant.

    Raises
    ------
    UsageError
        The session or the tickers asked for make no sense.

    """

    def __init__(
        self,
        settings: Settings,
        as_of: date | None,
        flow_run_id: str | None,
        say: Say,
        now: datetime | None = None,
        until: date | None = None,
    ) -> None:
        self.settings = settings
        self.warehouse = Warehouse(settings.warehouse, settings.lock_timeout)
        self.source = open_source(settings)
        tickers = chosen_tickers(settings)
        if until:
            as_of = newest_session(self.source, exchange(settings.exchange), until, now)
        asked = listings(tickers, settings, {}).values()
        self.plan = make_plan(
            self.source,
            tickers,
            exchange(settings.exchange),
            as_of,
            [listing.exchange for listing in asked],
            now,
            base_tickers(settings, self.source.universe()),
            timedelta(minutes=settings.run.settle_minutes),
        )
        self._flow_run_id = flow_run_id
        self._turn = Turn(settings)
        self.say = say

    def open(self, flow: str = "forecast") -> None:
        """Wait for its turn, bring the warehouse up to date and note that the run has begun.

        Raises
        ------
        AnotherRun
            Another run of the flow is at work, and the settings say not to wait, or not so long.

        """
        self._turn.take(flow, self.say)
        try:
            self._begin(flow)
        except BaseException:
            self._turn.give_back()
            raise

    def _begin(self, flow: str) -> None:
        use_compilation_cache(self.settings.cache)
        self.warehouse.migrate()
        self._check_sources()
        known = newest_by_exchange(self.warehouse, self.plan.default.code)
        self.plan = replace(self.plan, already_known=known)
        start_run(
            self.warehouse,
            run_id=self.plan.run_id,
            flow_run_id=self._flow_run_id,
            flow=flow,
            as_of=self.plan.as_of,
            moment=self.plan.started_at,
            code_version=code_version(),
            environment=environment(),
        )
        learnt_from = f" and {len(self.plan.learnt_from)} for the base" if self.plan.learnt_from else ""
        self.say(
            f"{len(self.plan.tickers)} tickers{learnt_from} from '{self.plan.source}', "
            f"as of {self.plan.as_of}"
        )

    def ingest(self) -> Ingested:
        """Fetch what is missing, check it and store it, part by part."""
        done = Ingest(self.settings, self.warehouse, self.source, self.plan, self.say).run()
        self.plan = replace_as_of(self.plan, {done.listings[ticker].exchange for ticker in self.plan.tickers})
        told = [
            f"{done.read} rows read",
            f"{done.stored} stored",
            f"{done.unchanged} unchanged",
            f"{done.rejected} rejected",
        ]
        told += [f"{count} replaced ({reason})" for reason, count in done.restated.items()]
        told += [f"{name}: {count}" for name, count in done.checks.items()]
        self.say(", ".join(told))
        return done

    def survey(self, ingested: Ingested) -> Universe:
        """See who can be forecast, and write the state of every ticker down."""
        universe = survey(self.warehouse, self.plan, ingested, self.settings)
        if not self.plan.in_the_past:
            self._write_states(universe)
        for state in universe.states:
            if state.reason:
                self.say(f"{state.ticker}: {state.state}, {state.reason}")
        if not universe.due and not universe.missed and universe.complete:
            self.say("every forecast of this session is in the ledger already")
        return universe

    def replay(self, universe: Universe, progress: Progress = lambda done, of: None) -> int:
        """Forecast the sessions before tonight that no night was meant for, walking forward.

        Parameters
        ----------
        progress
            Told how many ticker sessions are done of how many.

        """
        settings, due = self.settings, universe.due
        if not settings.replay.sessions or not due:
            return 0
        recent = missing_sessions(
            universe.prices.ever.only(self.plan.tickers),
            {},
            {ticker: market.as_of for ticker, market in universe.markets.items()},
            settings.replay.sessions,
            settings.history.forecast_sessions,
        )
        first = min((min(days) for days in recent.values() if days), default=self.plan.as_of)
        done = universe.forecast_by_anyone(self.warehouse, first)
        for session, tickers in universe.missed.items():
            for ticker in tickers:
                done.setdefault(ticker, set()).add(session)
        policy = Policy.of_backtest(settings, settings.replay.ticker_every)
        of = sum(len(days - done.get(ticker, set())) for ticker, days in recent.items())
        written = done_now = 0
        for part in walk(self.store, universe, Walk(policy, recent, done, "replay"), self.plan.as_of):
            written += part.written
            for ticker, (day, problem) in part.chunk.problems.items():
                self.say(f"{ticker}: at {day}: {problem}")
            done_now += part.sessions_done
            progress(done_now, of)
            sessions = part.chunk.sessions
            self.say(f"replayed {sessions[0]} to {sessions[-1]}: {part.written} forecasts")
        return written

    @property
    def policy(self) -> Policy:
        """The policy of this run's own session."""
        return Policy.of_nights(self.settings)

    def read_session(self, universe: Universe, due: DueSession) -> SessionData | None:
        """What is known at a session that is due; None if none of its tickers can be forecast."""
        origins: dict[str, Origin] = {
            ticker: market.origin if due.session == market.as_of else "catchup"
            for ticker, market in universe.markets.items()
        }
        data = universe.reader.read(due, origins)
        if data is None:
            return None
        usable = set(data.knowledge.history.tickers)
        return replace(data, watched=tuple(ticker for ticker in self.plan.tickers if ticker in usable))

    def read_state(self, data: SessionData) -> State:
        """What the nights before a session have left."""
        return read_state(self.warehouse, data.due, data.as_of, self.settings)

    def write_step(
        self, universe: Universe, due: DueSession, data: SessionData, result: StepResult, seconds: float
    ) -> int:
        """Write down what a session has made; returns how many forecasts were new."""
        for line in result.decisions.lines:
            self.say(line)
        for line in alarms_among(result.decisions.drift.rows, self.plan.tickers):
            self.say(line)
        needed = self.settings.history.forecast_sessions
        inputs = forecast_inputs(data.knowledge.history, universe.read_at, needed, due.session)
        written = self.store.write_step(result, due, inputs)
        self.say(result.decisions.summary(seconds))
        self.say(f"{written} forecasts written from {due.session}")
        return written

    def forecast(
        self,
        universe: Universe,
        due: DueSession,
        train_all: TrainAll | None = None,
        train_base: TrainBase = lambda train: train(),
    ) -> StepResult | None:
        """All of a session: read, step, write; None if none of its tickers can be forecast from it."""
        data = self.read_session(universe, due)
        if data is None:
            return None
        begun = time.monotonic()
        result = step(data, self.read_state(data), self.policy, train_all, train_base)
        self.write_step(universe, due, data, result, time.monotonic() - begun)
        return result

    def score(self) -> int:
        """Bring the rolling errors up to date."""
        return refresh_rolling_metrics(self.warehouse, self.settings.scores.windows)

    def report(self) -> Path:
        """Write the HTML report of the session, with what earlier runs have forecast from it."""
        forecast = forecast_tickers(self.warehouse, self.plan.as_of)
        page = write_report(self.warehouse, self.plan.as_of, [*forecast, *self.plan.tickers])
        self.say(f"report: {page}")
        return page

    def export(self) -> None:
        """Write the newest forecasts as files, for programs that read no database."""
        wanted = self.settings.export
        if wanted.latest:
            folder = wanted.folder or self.warehouse.folder / "exports"
            self.say(f"exported: {', '.join(str(path) for path in export_latest(self.warehouse, folder))}")

    def purge(self) -> None:
        """Put large tables in order; let go of files that are older than the settings keep them."""
        tidy_storage(self.warehouse)
        kept = self.settings.retention
        models = purge_models(self.warehouse, kept.models, self.plan.started_at)
        # By their session: those of a recorded source are as old as its "now" says.
        reports = purge_reports(self.warehouse, self.plan.as_of - timedelta(days=kept.reports))
        if models or reports:
            self.say(f"{models} model files and {reports} reports let go")

    def outcome(
        self, universe: Universe, ingested: Ingested, results: Sequence[StepResult], report: Path
    ) -> Outcome:
        """Count what came of it.

        Parameters
        ----------
        results
            What tonight's sessions have made; not those that were caught up.

        """
        chosen = tickers_on(self.plan.tickers, universe.exchanges, self.settings.forecast_exchanges)
        markets = {ticker: universe.markets[ticker] for ticker in self.plan.tickers if ticker in chosen}
        first = min(market.as_of for market in markets.values())
        complete = complete_forecasts(self.warehouse, self.plan.tickers, first, self.plan.as_of, len(MODELS))
        done = [t for t in complete if t in markets and markets[t].as_of in complete[t]]
        without = {
            s.ticker: str(s.reason) if s.state == "active" else f"{s.state}, {s.reason}"
            for s in universe.states
            if not s.can_forecast and s.ticker in markets
        }
        named = ingested.failures.items()
        elsewhere = {name: str(why) for name, why in named if name not in universe.markets}
        problems = {name: why for result in results for name, why in result.decisions.problems.items()}
        return Outcome(
            as_of=self.plan.as_of,
            targets=tuple(sorted({market.target for market in markets.values()})),
            tickers=frozenset(markets),
            forecast=len(done),
            caught_up=len(universe.missed),
            excused=sum(
                state.state in {"delisted", "too_short"} and state.ticker in markets
                for state in universe.states
            ),
            failures={**elsewhere, **without, **problems},
            ingested=ingested.summary(),
            remark=None if without else self._holiday(universe),
            drift=alarm_lines(self.warehouse, self.plan.as_of, self.plan.tickers),
            rejected=rejected_models(self.warehouse, self.plan.as_of),
            report=report,
            decisions=tuple(result.decisions.summary() for result in results),
        )

    def close(self, status: str, counts: Mapping[str, object]) -> None:
        """Note how the run ended."""
        try:
            finish_run(
                self.warehouse,
                run_id=self.plan.run_id,
                status=status,
                as_of=self.plan.as_of,
                counts=counts,
                moment=datetime.now(UTC),
            )
        finally:
            self.release()

    def release(self) -> None:
        """Let the next run of the flow begin; what this one has written stays as it is."""
        self._turn.give_back()

    def _check_sources(self) -> None:
        """The recorded sample and prices of today in one ledger would make nonsense of both."""
        stored = stored_sources(self.warehouse)
        if stored and ("sample" in stored) != (self.plan.source == "sample"):
            raise UsageError(
                f"the warehouse '{self.warehouse.folder}' holds prices from {' and '.join(sorted(stored))}; "
                f"give those from {self.plan.source} another one (--warehouse or STOCKJAX_WAREHOUSE)"
            )

    def _holiday(self, universe: Universe) -> str | None:
        """Why a live run found nothing new, if its exchanges did not trade today."""
        if self.plan.recorded or self.plan.asked or universe.due or universe.missed:
            return None
        exchanges = {universe.markets[ticker].exchange for ticker in self.plan.tickers}
        days = {each: self.plan.started_at.astimezone(ZoneInfo(each.time_zone)).date() for each in exchanges}
        closed = [
            f"{day} is no session of {each.code}" for each, day in days.items() if not each.is_session(day)
        ]
        if len(closed) < len(exchanges):
            return None
        return ", ".join(sorted(closed)) + ": nothing to do"

    def _write_states(self, universe: Universe) -> None:
        table = states_table(universe.states)
        listed = [universe.listings[ticker] for ticker in table["ticker"]]
        replace_tickers(
            self.warehouse,
            table.assign(
                exchange=[listing.exchange.code for listing in listed],
                exchange_from=[listing.said_by for listing in listed],
                source=self.plan.source,
            ),
            run_id=self.plan.run_id,
            moment=datetime.now(UTC),
        )

    @property
    def store(self) -> Store:
        """Where this run keeps its models and forecasts."""
        return Store(self.warehouse, self.plan.run_id)
