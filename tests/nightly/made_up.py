"""Nights against a loopback vendor, at a clock that the test sets."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from stockjax.ingest import Ingested
from stockjax.nightly import Night, Outcome, Session, Universe
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


def steps(
    night: Night, tonight: Callable[[Session], object] = Session.catch_up
) -> tuple[Ingested, Universe, Outcome]:
    """What lies between the beginning and the end of a night.

    Parameters
    ----------
    tonight
        How tonight's sessions are forecast; those that were missed are caught up.

    """
    ingested = night.ingest()
    universe = night.survey(ingested)
    night.replay(universe)
    for day in sorted({*universe.missed, *universe.tonight}):
        session = night.session(universe, day)
        if day in universe.tonight:
            tonight(session)
        else:
            session.catch_up()
    night.score()
    return ingested, universe, night.outcome(universe, ingested, {}, Path("report"))


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
