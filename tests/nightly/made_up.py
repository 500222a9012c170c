"""Nights against a loopback vendor, at a clock that the test sets."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from stockjax.engine import StepResult
from stockjax.ingest import Ingested
from stockjax.nightly import Night, Outcome, Universe
from stockjax.registry import Model
from stockjax.settings import Settings, load_settings
from tests.yahoo_server import YahooServer

SMALL = {"hidden": 4, "seeds": 1, "base_steps": 50}


def settings_for(server: YahooServer, folder: Path, *tickers: str, **changes: Any) -> Settings:
    """Settings that fetch from the loopback vendor at once and train briefly."""
    yahoo: Mapping[str, Any] = {
        "base_url": server.base_url,
        "requests_per_second": 0,
        "timeout": 2.0,
        "retries": 0,
    }
    usual = {"yahoo": yahoo, "replay": {"sessions": 0}, "training": SMALL, "workers": 1}
    return load_settings(source="yahoo", warehouse=folder, tickers=tickers, **(usual | changes))


def evening(session: date) -> datetime:
    """After the close of New York, before midnight in UTC."""
    return datetime.combine(session, time(22, 30), UTC)


def forecast_all(night: Night, universe: Universe) -> list[StepResult]:
    """Forecast and write down every session that is due; what tonight's have made."""
    made = [(due, night.forecast(universe, due)) for due in universe.due_sessions()]
    return [result for due, result in made if result and universe.is_tonight(due)]


def forecast_from(night: Night, universe: Universe, session: date) -> list[StepResult]:
    """The same of one session."""
    due = [each for each in universe.due_sessions() if each.session == session]
    return [result for each in due if (result := night.forecast(universe, each))]


def steps(night: Night) -> tuple[Ingested, Universe, Outcome]:
    """What lies between the beginning and the end of a night."""
    ingested = night.ingest()
    universe = night.survey(ingested)
    night.replay(universe)
    results = forecast_all(night, universe)
    night.score()
    return ingested, universe, night.outcome(universe, ingested, results, Path("report"))


def whole_night(
    settings: Settings, session: date, lines: list[str] | None = None
) -> tuple[Night, Ingested, Universe, Outcome]:
    """All the steps that the flow takes, without Prefect."""
    said = lines if lines is not None else []
    night = Night(settings, None, None, said.append, now=evening(session))
    night.open()
    ingested, universe, outcome = steps(night)
    night.close("completed", outcome.summary())
    return night, ingested, universe, outcome


def worse(base: Model) -> Model:
    """The same, with scales that are far too large."""

    def spoilt(network: Any) -> Any:
        return {**network, "head": {**network["head"], "bias": network["head"]["bias"] + 2.0}}

    parameters = {name: spoilt(base.parameters[name]) for name in ("network", "twin")}
    return replace(base, parameters={**base.parameters, **parameters})
