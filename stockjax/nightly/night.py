"""A run from its beginning to its end."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from stockjax.code_version import code_version
from stockjax.environment import environment
from stockjax.errors import UsageError
from stockjax.forecasting.inputs import forecast_inputs
from stockjax.forecasting.plan import Origin, make_plan, newest_session, replace_as_of
from stockjax.forecasting.replay import missing_sessions, replay
from stockjax.forecasting.rows import MODELS
from stockjax.forecasting.universe import states_table
from stockjax.ingest import Ingest, Ingested
from stockjax.ingest.listings import listings
from stockjax.nightly.drift import alarm_lines, follow_drift
from stockjax.nightly.outcome import Outcome
from stockjax.nightly.session import Say, Session, Store
from stockjax.nightly.turn import Turn
from stockjax.nightly.universe import Universe, survey
from stockjax.registry import purge_models
from stockjax.reporting.exports import export_latest
from stockjax.reporting.folder import purge_reports
from stockjax.reporting.report import forecast_tickers, write_report
from stockjax.scoring import refresh_rolling_metrics
from stockjax.sessions import exchange
from stockjax.settings import Settings
from stockjax.sources import open_source
from stockjax.training.programs import use_compilation_cache
from stockjax.universes import base_tickers, chosen_tickers
from stockjax.warehouse import Warehouse
from stockjax.warehouse.ledger import complete_forecasts
from stockjax.warehouse.prices import newest_by_exchange, stored_sources
from stockjax.warehouse.records import finish_run, rejected_models, replace_tickers, start_run
from stockjax.warehouse.tidy import tidy_storage

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
        done = universe.forecast_by_anyone(self.warehouse)
        for session, tickers in universe.missed.items():
            for ticker in tickers:
                done.setdefault(ticker, set()).add(session)
        usable = [state.ticker for state in universe.states if state.can_forecast]
        history = universe.history.only([*usable, *self.plan.learnt_from])
        recent = missing_sessions(
            history,
            {},
            {ticker: market.as_of for ticker, market in universe.markets.items()},
            settings.replay.sessions,
            settings.history.forecast_sessions,
        )
        # With what is done among them: a replay that was cut off goes on with the same bits.
        wanted = {ticker: recent[ticker] for ticker in due}
        of = sum(len(days - done.get(ticker, set())) for ticker, days in wanted.items())
        written, done_now, store = 0, 0, self.store
        every = settings.replay.ticker_every
        inputs = forecast_inputs(history, universe.read_at)
        for part in replay(history, wanted, universe.exchanges, settings, every, done):
            store.models(part.models, f"{self.plan.as_of}-replay-{part.sessions[0]}", replayed=True)
            written += store.forecasts(part.rows, inputs) if len(part.rows) else 0
            for ticker, failure in part.failures.items():
                self.say(f"{ticker}: training at {part.sessions[0]} failed ({failure})")
            done_now += len(part.rows) // len(MODELS)
            progress(done_now, of)
            self.say(f"replayed {part.sessions[0]} to {part.sessions[-1]}: {len(part.rows)} forecasts")
        return written

    def session(self, universe: Universe, as_of: date) -> Session:
        """All that is needed to forecast from one session."""
        due = [*universe.missed.get(as_of, []), *universe.tonight.get(as_of, [])]
        origins: dict[str, Origin] = {
            ticker: market.origin if as_of == market.as_of else "catchup"
            for ticker, market in universe.markets.items()
        }
        knowledge = universe.known_at(as_of, self.settings.history.forecast_sessions)
        return Session(
            as_of=as_of,
            knowledge=knowledge,
            read_at=universe.read_at,
            due=due,
            exchanges=universe.exchanges,
            origins=origins,
            settings=self.settings,
            store=self.store,
            say=self.say,
            drifted=follow_drift(
                self.warehouse,
                knowledge.history.only(self.plan.tickers),
                as_of,
                self.settings,
                self.plan.run_id,
                self.say,
            ),
        )

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
        self, universe: Universe, ingested: Ingested, failures: Mapping[str, str], report: Path
    ) -> Outcome:
        """Count what came of it."""
        markets = {ticker: universe.markets[ticker] for ticker in self.plan.tickers}
        first = min(market.as_of for market in markets.values())
        complete = complete_forecasts(self.warehouse, self.plan.tickers, first, self.plan.as_of, len(MODELS))
        done = [ticker for ticker in complete if markets[ticker].as_of in complete[ticker]]
        without = {
            s.ticker: str(s.reason) if s.state == "active" else f"{s.state}, {s.reason}"
            for s in universe.states
            if not s.can_forecast
        }
        told = ingested.failures.items()
        elsewhere = {name: str(why) for name, why in told if name not in universe.markets}
        return Outcome(
            as_of=self.plan.as_of,
            targets=tuple(sorted({market.target for market in markets.values()})),
            tickers=frozenset(self.plan.tickers),
            forecast=len(done),
            caught_up=len(universe.missed),
            excused=sum(state.state in {"delisted", "too_short"} for state in universe.states),
            failures={**elsewhere, **without, **failures},
            ingested=ingested.summary(),
            remark=None if without else self._holiday(universe),
            drift=alarm_lines(self.warehouse, self.plan.as_of, self.plan.tickers),
            rejected=rejected_models(self.warehouse, self.plan.as_of),
            report=report,
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
