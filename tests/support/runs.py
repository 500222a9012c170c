"""Nights against a loopback vendor, at a clock that the test sets."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from stockjax.engine import StepResult
from stockjax.engine.due_sessions import DueSession
from stockjax.forecasting.plan import Plan
from stockjax.ingest import Ingested
from stockjax.nightly import Run, RunResult, Universe, begin_run, close_run, plan_run, run_result, steps
from stockjax.nightly.run import LogFn
from stockjax.nightly.run_writer import RunWriter
from stockjax.nightly.warmup import warm_up_backtest
from stockjax.registry import Model
from stockjax.settings import Settings, load_settings
from stockjax.sources import Source
from tests.support.yahoo_server import YahooServer

PRICES_ALONE: Mapping[str, Any] = {"events": {"sources": ()}, "context": {"implied_volatility": {}}}
"""Settings for a vendor that has no pages of earnings and no index of volatility."""

SMALL = {"hidden": 4, "seeds": 1, "base_steps": 50}


def settings_for(server: YahooServer, folder: Path, *tickers: str, **changes: Any) -> Settings:
    """Settings that fetch from the loopback vendor at once and train briefly."""
    yahoo: Mapping[str, Any] = {
        "base_url": server.base_url,
        "requests_per_second": 0,
        "timeout": 2.0,
        "retries": 0,
    }
    usual = {
        "yahoo": yahoo,
        "warmup": {"sessions": 0},
        "training": SMALL,
        "workers": 1,
        **PRICES_ALONE,
    }
    return load_settings(source="yahoo", warehouse=folder, tickers=tickers, **(usual | changes))


def evening(session: date) -> datetime:
    """After the close of New York, before midnight in UTC."""
    return datetime.combine(session, time(22, 30), UTC)


class RunDriver:
    """A run, step by step: what the tasks of the flows call, without Prefect."""

    def __init__(
        self,
        settings: Settings,
        as_of: date | None = None,
        log: LogFn = lambda line: None,
        now: datetime | None = None,
        until: date | None = None,
    ) -> None:
        self.run: Run = plan_run(settings, as_of, log=log, now=now, until=until)
        self.settings, self.warehouse, self.log = settings, self.run.warehouse, log

    @property
    def plan(self) -> Plan:
        return self.run.plan

    @property
    def writer(self) -> RunWriter:
        return self.run.writer

    @property
    def source(self) -> Source:
        return self.run.source

    @source.setter
    def source(self, source: Source) -> None:
        self.run = replace(self.run, source=source)

    def open(self, flow: str = "forecast") -> None:
        self.run = begin_run(self.run, flow)

    def ingest(self) -> Ingested:
        self.run, ingested = steps.ingest_prices(self.run)
        return steps.ingest_events(self.run, ingested)

    def resolve_universe(self, ingested: Ingested) -> Universe:
        return steps.record_universe(self.run, ingested)

    def warm_up(self, universe: Universe) -> int:
        return warm_up_backtest(self.run, universe)

    def forecast(self, universe: Universe, due: DueSession) -> StepResult | None:
        return steps.forecast_due(self.run, universe, due)

    def score(self) -> int:
        return steps.score_forecasts(self.run)

    def result(
        self, universe: Universe, ingested: Ingested, results: list[StepResult], report: Path
    ) -> RunResult:
        return run_result(self.run, universe, ingested, results, report)

    def close(self, status: str, counts: Mapping[str, object]) -> None:
        close_run(self.run, status, counts)

    def release(self) -> None:
        self.run.lock.release()


def forecast_all(night: RunDriver, universe: Universe) -> list[StepResult]:
    """Forecast and write down every session that is due; what tonight's have made."""
    made = [(due, night.forecast(universe, due)) for due in universe.due_sessions()]
    return [result for due, result in made if result and universe.is_tonight(due)]


def forecast_from(night: RunDriver, universe: Universe, session: date) -> list[StepResult]:
    """The same of one session."""
    due = [each for each in universe.due_sessions() if each.session == session]
    return [result for each in due if (result := night.forecast(universe, each))]


def all_steps(night: RunDriver) -> tuple[Ingested, Universe, RunResult]:
    """The steps between the beginning and the end of a run."""
    ingested = night.ingest()
    universe = night.resolve_universe(ingested)
    results = forecast_all(night, universe)
    night.warm_up(universe)
    night.score()
    return ingested, universe, night.result(universe, ingested, results, Path("report"))


def whole_night(
    settings: Settings, session: date, lines: list[str] | None = None
) -> tuple[RunDriver, Ingested, Universe, RunResult]:
    """A complete run, without Prefect."""
    said = lines if lines is not None else []
    night = RunDriver(settings, log=said.append, now=evening(session))
    night.open()
    ingested, universe, outcome = all_steps(night)
    night.close("completed", outcome.summary())
    return night, ingested, universe, outcome


def worse(base: Model) -> Model:
    """The same, with scales that are far too large."""

    def spoilt(network: Any) -> Any:
        return {**network, "head": {**network["head"], "bias": network["head"]["bias"] + 2.0}}

    parameters = {name: spoilt(base.parameters[name]) for name in ("network", "twin")}
    return replace(base, parameters={**base.parameters, **parameters})
