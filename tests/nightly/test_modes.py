"""Nights between which the mode of training changes."""

from datetime import date
from pathlib import Path
from typing import Any

from stockjax.settings import TrainingMode, load_settings
from stockjax.warehouse import Warehouse
from tests.support.runs import SMALL, RunDriver, forecast_all
from tests.support.synthetic import NEW_YORK, price_frame

DAYS = NEW_YORK.sessions(date(2011, 9, 1), date(2013, 3, 1))
BASES = """SELECT trained_through, CAST(json_extract(hyperparameters, '$.stopped_at') AS INTEGER) > 0
    FROM models WHERE role = 'base' ORDER BY 1"""
OWN = """SELECT own.trained_through, parent.role, parent.trained_through,
        json_extract_string(own.hyperparameters, '$.mode')
    FROM models AS own JOIN models AS parent ON own.parent_id = parent.model_id
    WHERE own.role = 'ticker' ORDER BY 1"""


class Nights:
    """Nights at the last sessions of a file, without Prefect."""

    def __init__(self, folder: Path) -> None:
        self.warehouse = Warehouse(folder / "warehouse")
        self.file = folder / "prices.csv"
        price_frame("A", DAYS, 1).rename(columns={"session": "date"}).to_csv(self.file, index=False)
        self.lines: list[str] = []

    def night(self, at: int, mode: TrainingMode) -> date:
        """A night at the close of a session, counted from the end; returns the session."""
        settings = load_settings(
            source="files",
            path=self.file,
            warehouse=self.warehouse.folder,
            training={**SMALL, "mode": mode},
            warmup={"sessions": 0},
            history={"training_sessions": 320},
            # Who is better, it takes over: who begins where is what these nights are about.
            retrain={"base_tolerance": 9, "ticker_tolerance": 9},
            workers=1,
        )
        session: date = DAYS[at].item()
        night = RunDriver(settings, session, self.lines.append)
        night.open()
        universe = night.resolve_universe(night.ingest())
        assert [len(made.forecasts) for made in forecast_all(night, universe)] == [4]
        night.close("completed", {})
        return session

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.warehouse.read() as connection:
            return connection.execute(sql).fetchall()


def test_a_base_is_trained_once_the_mode_asks_for_one_and_then_stays_active(tmp_path: Path) -> None:
    nights = Nights(tmp_path)
    alone, after = nights.night(-6, "own"), nights.night(-5, "own")
    # Neither is there a new one on the second night: in this mode it could learn nothing.
    assert nights.rows(BASES) == [(alone, False)]
    assert nights.lines.count("base left untrained: the random walk with EWMA volatility") == 1
    together, grown = nights.night(-4, "full"), nights.night(-3, "full")
    apart, again = nights.night(-2, "own"), nights.night(-1, "full")
    assert nights.rows(BASES) == [(alone, False), (together, True)]
    assert nights.rows(OWN) == [
        (alone, "base", alone, "own"),
        (after, "base", alone, "own"),
        (together, "base", together, "full"),
        (grown, "ticker", together, "full"),
        (apart, "base", together, "own"),
        (again, "base", together, "full"),
    ]
