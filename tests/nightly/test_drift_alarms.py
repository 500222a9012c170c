"""What nights take, that they take it once, and whom their alarms make due."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from stockjax.engine import Policy, State, update_monitors
from stockjax.features import PointInTimePrices, PricePanel
from stockjax.nightly.drift_alarms import alarm_lines
from stockjax.nightly.run_writer import RunWriter, read_state
from stockjax.registry import Status
from stockjax.settings import Settings, load_settings
from stockjax.warehouse import Warehouse
from stockjax.warehouse.drift_tables import append_drift
from stockjax.warehouse.prices import read_known_prices
from stockjax.warehouse.query import query
from tests.support.synthetic import NEW_YORK, price_frame, some_model
from tests.support.warehouse_rows import append, fetch, forecast, store

DAYS = NEW_YORK.sessions(date(2012, 7, 2), date(2013, 3, 1))
SHIFTED = 80
"""The session from which on one ticker moves two and a half times as far."""
TICKERS = ("A", "B", "C")
Due = tuple[set[str], bool]
"""Tickers that are due, and whether the base is."""
NOTHING: Due = (set(), False)
SCALE = 0.02
LEVELS = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}
OFFSETS = {name: SCALE * float(norm.ppf(level)) for name, level in LEVELS.items()}


def day(at: int) -> date:
    found: date = DAYS[at].item()
    return found


def prices(ticker: str, returns: np.ndarray) -> pd.DataFrame:
    """Prices that move by those returns, and nothing else of interest."""
    close = 50 * np.exp(np.cumsum(returns))
    table = price_frame(ticker, DAYS, 1)
    moved = {"open": close, "high": close * 1.01, "low": close / 1.01, "close": close, "adj_close": close}
    return table.assign(**moved)


class World:
    """Three tickers whose forecasts are right, but for those of B later on, or of all of them."""

    def __init__(self, warehouse: Warehouse, factors: Mapping[str, float], origin: str = "nightly") -> None:
        self.warehouse = warehouse
        self.settings = load_settings(
            retrain={"ticker_every": 21}, history={"training_sessions": 320}, warehouse=warehouse.folder
        )
        random = np.random.default_rng(7)
        moves = {}
        for ticker in TICKERS:
            moves[ticker] = SCALE * random.normal(size=len(DAYS))
            moves[ticker][SHIFTED:] *= factors.get(ticker, 1.0)
        self.prices = pd.concat([prices(ticker, moves[ticker]) for ticker in TICKERS])
        self.forecast(TICKERS, range(30, len(DAYS) - 1), origin)

    def forecast(self, tickers: Iterable[str], sessions: Iterable[int], origin: str) -> None:
        """Forecasts of the sessions after those."""
        close = self.prices.set_index(["ticker", "session"])["close"]
        rows: list[dict[str, Any]] = []
        for ticker in tickers:
            for at in sessions:
                basis = float(close[ticker, pd.Timestamp(DAYS[at])])
                quantiles = {name: basis * np.exp(offset) for name, offset in OFFSETS.items()}
                lines: dict[str, Any] = {"ticker": ticker, "basis_close": basis, "scale": SCALE}
                as_of, target = str(DAYS[at]), str(DAYS[at + 1])
                rows.append(forecast(as_of, target, origin=origin, **lines, **quantiles))
        append(self.warehouse, *rows)

    def ingest(self, through: int, without: Iterable[tuple[str, int]] = ()) -> None:
        """Store the prices up to a session, but for some."""
        known = self.prices[self.prices["session"] <= pd.Timestamp(DAYS[through])]
        for ticker, at in without:
            known = known[(known["ticker"] != ticker) | (known["session"] != pd.Timestamp(DAYS[at]))]
        store(self.warehouse, known)

    def history(self, through: int) -> PricePanel:
        parts, _ = read_known_prices(self.warehouse, TICKERS, day(through))
        return PointInTimePrices.from_parts(parts, TICKERS).latest

    def night(self, at: int, run_id: str = "run", settings: Settings | None = None) -> State:
        """What a night observes, written down; the state with which it goes on."""
        chosen, history = settings or self.settings, self.history(at)
        state = read_state(self.warehouse, TICKERS, day(at), chosen)
        monitors, update = update_monitors(
            state.monitors, history, history, day(at), chosen.drift, chosen.alerts
        )
        if len(update.rows):
            append_drift(self.warehouse, update.rows, update.states, as_of=day(at), run_id=run_id)
        return replace(state, monitors=monitors)

    def due(self, at: int, settings: Settings | None = None) -> Due:
        """Whom alarms make due for training on a night."""
        chosen = settings or self.settings
        state = self.night(at, settings=chosen)
        if not chosen.drift.retrain:
            return NOTHING
        return {name for name in TICKERS if state.ticker_drifted(name)}, state.base_drifted

    def trained(self, ticker: str | None, at: int, status: Status = "champion", **changes: Any) -> None:
        """Keep a model that has seen prices up to a session."""
        model = some_model(ticker, seed=at, trained_through=day(at), **changes)
        RunWriter(self.warehouse, "run").models([model], f"{at}-{ticker}-{status}", status=status)

    def rows(self, where: str = "true") -> list[tuple[Any, ...]]:
        return fetch(
            self.warehouse,
            f"""SELECT ticker, monitor, session, evidence, alarm, seen, step FROM drift WHERE {where}
                ORDER BY monitor, ticker NULLS FIRST, step""",
        )

    def first_alarm(self, monitor: str, ticker: str | None) -> int:
        """The session of it, counted from the first."""
        found = fetch(
            self.warehouse,
            "SELECT min(session) FROM drift WHERE alarm AND monitor = ? AND ticker IS NOT DISTINCT FROM ?",
            monitor,
            ticker,
        )[0][0]
        assert found is not None
        return int(np.flatnonzero(np.datetime64(found, "D") == DAYS)[0])


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> int:
    """The session of the first alarm of B, as a world of its own has it."""
    warehouse = Warehouse(tmp_path_factory.mktemp("next to") / "warehouse")
    warehouse.migrate()
    world = World(warehouse, {"B": 2.5})
    world.ingest(120)
    world.night(120)
    return world.first_alarm("scale", "B")


@pytest.fixture
def shifted(warehouse: Warehouse) -> World:
    return World(warehouse, {"B": 2.5})


def test_a_scale_that_shifts_is_an_alarm_of_that_ticker_only(shifted: World) -> None:
    shifted.ingest(120)
    shifted.night(120)
    alarms = fetch(
        shifted.warehouse, "SELECT DISTINCT scope, ticker, monitor, direction FROM drift WHERE alarm"
    )
    assert ("ticker", "B", "scale", "residuals too large") in alarms
    assert {ticker for _, ticker, _, _ in alarms} <= {"B", None}
    assert SHIFTED < shifted.first_alarm("scale", "B") <= SHIFTED + 25


def test_one_alarm_makes_one_training_due(shifted: World, at: int) -> None:
    """With the gate's verdicts among the answers, and with a training that failed, which is none."""
    shifted.ingest(120)
    shifted.trained(None, 60)
    for ticker in TICKERS:
        shifted.trained(ticker, 70)
    assert shifted.due(at - 1) == NOTHING
    assert shifted.due(at) == ({"B"}, False)
    # The training failed, and is due again; then it came out and was turned away: an answer, too.
    assert shifted.due(at + 1) == ({"B"}, False)
    shifted.trained("B", at + 1, "rejected")
    assert shifted.due(at + 1) == NOTHING
    assert shifted.due(at + 2) == NOTHING
    # The evidence restarted with the alarm.
    again = f"ticker = 'B' AND monitor = 'scale' AND session = '{day(at + 1)}'"
    assert fetch(shifted.warehouse, f"SELECT seen FROM drift WHERE {again}") == [(1,)]


def test_the_policy_takes_the_alarm_into_what_is_due(shifted: World) -> None:
    for name in (None, *TICKERS):
        shifted.trained(name, 118)
    state = read_state(shifted.warehouse, TICKERS, day(120), shifted.settings)
    exchanges = dict.fromkeys(TICKERS, NEW_YORK)
    policy = Policy.of_nights(shifted.settings)
    policy = replace(policy, training=policy.training.model_copy(update={"hidden": 4, "seeds": 2}))

    def due(policy: Policy, **alarms: date) -> tuple[bool, list[str]]:
        raised = replace(state, monitors=replace(state.monitors, alarms=alarms))
        base = policy.base_is_due(raised, day(120), trainable=False)
        return base, policy.tickers_due(raised, day(120), TICKERS, exchanges)

    universe = {"": day(119)}
    assert due(policy) == (False, [])
    assert due(policy, B=day(119)) == (False, ["B"])
    assert due(policy, B=day(118)) == (False, []), "a training at the session of an alarm is its answer"
    assert due(policy, **universe) == (True, list(TICKERS))
    deaf = replace(policy, drift=policy.drift.model_copy(update={"retrain": False}))
    assert due(deaf, **universe) == (False, [])


def test_the_universe_in_alarm_makes_the_base_due_and_every_ticker(warehouse: Warehouse) -> None:
    world = World(warehouse, dict.fromkeys(TICKERS, 2.5))
    world.ingest(120)
    world.night(120)
    at = world.first_alarm("scale", None)
    assert SHIFTED < at < world.first_alarm("scale", "A")
    assert world.due(120) == (set(TICKERS), True)
    # The base of a search is no answer: it is not active, and has other settings.
    world.trained(None, 119, "challenger", hyperparameters={"search": {"trials": 30}})
    world.trained(None, 119)
    assert world.due(120) == (set(TICKERS), True)
    world.trained(None, 120, "challenger", hyperparameters={"search": {"trials": 30}})
    assert world.due(120)[1]
    world.trained(None, 120)
    world.trained("A", 120)
    assert world.due(120) == ({"B", "C"}, False)


def test_nothing_is_known_before_its_night(shifted: World, at: int) -> None:
    shifted.ingest(120)
    for night in (at - 2, at - 1, at, at + 1):
        shifted.night(night)
    assert fetch(shifted.warehouse, "SELECT count(*) FROM drift WHERE session > as_of") == [(0,)]
    # A night of the past, asked for again: it knows what it knew, and adds nothing.
    rows = shifted.rows()
    assert shifted.due(at - 1) == NOTHING
    assert shifted.due(at) == ({"B"}, False)
    assert shifted.rows() == rows


def test_night_by_night_is_the_same_as_all_at_once(shifted: World, tmp_path: Any) -> None:
    shifted.ingest(110)
    for night in (90, 91, 110):
        shifted.night(night)
    step_by_step = shifted.rows("monitor <> 'input'")
    other = Warehouse(tmp_path / "other")
    other.migrate()
    again = World(other, {"B": 2.5})
    again.ingest(110)
    again.night(110)
    assert again.rows("monitor <> 'input'") == step_by_step
    assert len(step_by_step) == 2 * 4 * 80


def test_a_night_that_is_run_again_adds_nothing(shifted: World) -> None:
    shifted.ingest(110)
    shifted.night(110)
    rows, states = shifted.rows(), fetch(shifted.warehouse, "FROM drift_state ORDER BY ALL")
    shifted.night(110, "another run")
    assert shifted.rows() == rows
    assert fetch(shifted.warehouse, "FROM drift_state ORDER BY ALL") == states
    assert fetch(shifted.warehouse, "SELECT DISTINCT run_id FROM drift") == [("run",)]
    shifted.ingest(111)
    shifted.night(111)
    fresh = fetch(shifted.warehouse, "SELECT count(*) FROM drift WHERE session = ?", day(111))
    assert fresh == [(3 * 4,)]
    assert len(shifted.rows()) == len(rows) + 12


def test_an_outcome_that_comes_late_is_taken_when_it_comes(shifted: World) -> None:
    shifted.ingest(100, without=[("A", 95)])
    shifted.night(100)
    # Two of three is no whole day for the universe.
    assert shifted.rows(f"monitor = 'scale' AND session = '{day(95)}' AND ticker IS NULL") == []
    missing = shifted.rows(f"monitor = 'scale' AND ticker = 'A' AND session = '{day(95)}'")
    assert missing == []
    shifted.ingest(101)
    shifted.night(101)
    late = fetch(
        shifted.warehouse,
        """SELECT session, as_of, step FROM drift WHERE monitor = 'scale' AND ticker = 'A'
           ORDER BY step DESC LIMIT 3""",
    )
    # Session 95 was missing both as an outcome and as the basis of the next.
    assert late == [(day(101), day(101), 71), (day(96), day(101), 70), (day(95), day(101), 69)]
    universe = fetch(
        shifted.warehouse,
        "SELECT session FROM drift WHERE monitor = 'scale' AND ticker IS NULL ORDER BY step DESC LIMIT 3",
    )
    assert universe == [(day(101),), (day(96),), (day(95),)]


def test_what_was_taken_stays_when_a_vendor_restates_the_outcome(shifted: World) -> None:
    shifted.ingest(100)
    shifted.night(100)
    rows = shifted.rows()
    changed = shifted.prices["session"] == pd.Timestamp(DAYS[99])
    shifted.prices.loc[changed, ["open", "high", "low", "close", "adj_close"]] *= 1.2
    shifted.ingest(100)
    shifted.night(100)
    assert shifted.rows() == rows


def test_the_universe_is_one_observation_a_day_the_mean_of_its_tickers(shifted: World) -> None:
    shifted.ingest(100)
    shifted.night(100)
    means = """SELECT session, sqrt(avg(observation ** 2)), count(*) FROM drift
        WHERE monitor = 'scale' AND scope = 'ticker' GROUP BY 1 ORDER BY 1"""
    universe = """SELECT session, observation, tickers FROM drift
        WHERE monitor = 'scale' AND scope = 'universe' ORDER BY 1"""
    expected, found = fetch(shifted.warehouse, means), fetch(shifted.warehouse, universe)
    assert len(found) == 70
    for row, other in zip(found, expected, strict=True):
        assert row == (other[0], pytest.approx(other[1]), other[2])


def test_the_observations_are_those_of_the_ledger(shifted: World) -> None:
    shifted.ingest(100)
    shifted.night(100)
    others = """SELECT monitor, observation,
            CASE monitor WHEN 'scale' THEN abs(return_error) / scale ELSE inside_90::INTEGER END
        FROM drift JOIN scored_forecasts ON scored_forecasts.ticker = drift.ticker AND target = session
        WHERE monitor <> 'input'"""
    found = fetch(shifted.warehouse, others)
    assert len(found) == 2 * 3 * 70
    assert {row[0] for row in found} == {"scale", "coverage"}
    for _, observation, expected in found:
        assert observation == pytest.approx(expected)


def test_backtests_come_before_the_first_night_and_never_after(warehouse: Warehouse) -> None:
    world = World(warehouse, {}, origin="backtest")
    world.ingest(60)
    world.night(60)
    before = world.rows("monitor = 'scale'")
    assert len(before) == 4 * 30
    # A backtest of sessions before them is no news of this model.
    world.forecast(TICKERS, range(5, 30), "backtest")
    world.night(60)
    assert world.rows("monitor = 'scale'") == before
    # Of two forecasts of a session the night's counts.
    world.forecast(["A"], [60], "nightly")
    world.ingest(61)
    world.night(61)
    assert len(world.rows("monitor = 'scale'")) == len(before) + 4


def test_the_settings_turn_it_off(shifted: World) -> None:
    shifted.ingest(120)
    off = shifted.settings.model_copy(
        update={"drift": shifted.settings.drift.model_copy(update={"watch": False})}
    )
    assert shifted.due(120, off) == NOTHING
    assert shifted.rows() == []
    lines = shifted.settings.drift.model_copy(update={"retrain": False})
    assert shifted.due(120, shifted.settings.model_copy(update={"drift": lines})) == NOTHING
    assert shifted.rows("alarm AND ticker = 'B'")
    assert shifted.due(120)[0] == {"B"}


def test_alarms_are_reported_on_the_night_that_raised_them(shifted: World, at: int) -> None:
    shifted.ingest(120)
    shifted.night(at - 1)
    shifted.night(at)
    lines = alarm_lines(shifted.warehouse, day(at), TICKERS)
    assert [line for line in lines if line.startswith("drift: scale of B, residuals too large (evidence ")]
    assert all(" of B, " in line for line in lines)
    assert alarm_lines(shifted.warehouse, day(at), ["A"]) == ()
    assert alarm_lines(shifted.warehouse, day(at - 1), TICKERS) == ()


def test_the_example_query_says_where_every_monitor_stands(shifted: World) -> None:
    shifted.ingest(120)
    shifted.night(120)
    text = (Path(__file__).parents[2] / "warehouse" / "queries" / "drift.sql").read_text(encoding="utf-8")
    found = query(shifted.warehouse, text).set_index(["scope", "monitor", "ticker"])
    assert len(found) == 4 * 3
    assert found.loc[("ticker", "scale", "B"), "alarms"] >= 1
    assert found.loc[("ticker", "scale", "A"), "alarms"] == 0
    assert found.loc[("ticker", "scale", "B"), "last_direction"] == "residuals too large"


def test_an_empty_warehouse_has_no_drift(warehouse: Warehouse) -> None:
    settings = load_settings(warehouse=warehouse.folder)
    parts, _ = read_known_prices(warehouse, ["A"], day(100))
    nothing = PointInTimePrices.from_parts(parts, ["A"]).latest
    state = read_state(warehouse, ["A"], day(100), settings)
    _, update = update_monitors(state.monitors, nothing, nothing, day(100), settings.drift, settings.alerts)
    assert not len(update.rows)
