"""The flow, with the real library on real prices."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import TaskRunFilter, TaskRunFilterFlowRunId
from prefect.client.schemas.objects import State

from flows.forecast import forecast
from stockjax.night import Night
from stockjax.registry import Model

pytestmark = [
    # Prefect's own threads leave sockets to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

SAMPLE = ["AAPL", "FB", "GOOG", "IBM", "MSFT"]
TABLES = ("prices", "forecasts", "rolling_metrics", "models", "tickers", "quarantine", "price_revisions")


@pytest.fixture(autouse=True)
def _brief(monkeypatch: pytest.MonkeyPatch, prefect_server: None) -> None:
    monkeypatch.setenv("STOCKJAX_REPLAY__SESSIONS", "5")
    monkeypatch.setenv("STOCKJAX_TRAINING__BASE_STEPS", "50")


def run(folder: Path, **parameters: Any) -> State[Any]:
    state: State[Any] = forecast(warehouse=folder, return_state=True, **parameters)
    return state


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(folder / "snapshot.duckdb", read_only=True) as connection:
        return connection.execute(sql).fetchall()


def counts(folder: Path) -> dict[str, int]:
    return {table: rows(folder, f"SELECT count(*) FROM {table}")[0][0] for table in TABLES}


@pytest.fixture(scope="module")
def night(
    tmp_path_factory: pytest.TempPathFactory, prefect_server: None
) -> Iterator[tuple[Path, State[Any]]]:
    folder = tmp_path_factory.mktemp("night")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STOCKJAX_REPLAY__SESSIONS", "5")
        patch.setenv("STOCKJAX_TRAINING__BASE_STEPS", "50")
        yield folder, run(folder)


def test_a_night_on_the_sample_completes_and_says_how_many(night: tuple[Path, State[Any]]) -> None:
    state = night[1]
    assert state.is_completed()
    assert state.message == "5 of 5 tickers forecast for 2013-03-04"


def test_every_model_forecasts_every_ticker_for_the_next_session(night: tuple[Path, State[Any]]) -> None:
    found = rows(night[0], "SELECT ticker, model, as_of, target, origin FROM latest_forecasts")
    expected = {
        (ticker, model, date(2013, 3, 1), date(2013, 3, 4), "nightly")
        for ticker in SAMPLE
        for model in ("lstm", "random_walk", "ewma", "har")
    }
    assert set(found) == expected
    assert len(found) == len(expected)


def test_the_replay_is_scored_and_never_mixed_with_live_forecasts(night: tuple[Path, State[Any]]) -> None:
    found = rows(
        night[0],
        "SELECT DISTINCT origin, model, max(n) FROM rolling_metrics WHERE window_sessions = 21 GROUP BY ALL",
    )
    assert set(found) == {("backtest", model, 5) for model in ("lstm", "random_walk", "ewma", "har")}


def test_a_short_history_is_forecast_from_the_base_and_says_so(night: tuple[Path, State[Any]]) -> None:
    ((state, reason),) = rows(night[0], "SELECT state, reason FROM tickers WHERE ticker = 'FB'")
    ((role,),) = rows(
        night[0],
        "SELECT role FROM latest_forecasts JOIN models USING (model_id) WHERE latest_forecasts.ticker = 'FB'",
    )
    assert state == "active"
    assert "196 sessions: forecast from the base model" in reason
    assert role == "base"


def test_every_trained_ticker_has_its_own_champion_grown_from_the_base(
    night: tuple[Path, State[Any]],
) -> None:
    found = rows(
        night[0],
        """SELECT own.ticker, own.validation_loss <= own.champion_loss
           FROM models AS own JOIN models AS base ON own.parent_id = base.model_id AND base.role = 'base'
           WHERE own.status = 'champion' AND base.status = 'champion' ORDER BY 1""",
    )
    assert found == [(ticker, True) for ticker in ("AAPL", "GOOG", "IBM", "MSFT")]


def test_tasks_are_named_after_their_tickers(night: tuple[Path, State[Any]]) -> None:
    ((flow_run_id,),) = rows(night[0], "SELECT flow_run_id FROM runs WHERE status = 'completed'")
    with get_client(sync_client=True) as client:
        tasks = client.read_task_runs(
            task_run_filter=TaskRunFilter(flow_run_id=TaskRunFilterFlowRunId(any_=[flow_run_id]))
        )
        name = client.read_flow_run(flow_run_id).name
    assert name == "forecast 2013-03-01 · 5 tickers"
    assert {"train AAPL", "train GOOG", "train IBM", "train MSFT", "train base"} <= {
        task.name for task in tasks
    }


def test_the_same_night_again_adds_nothing(night: tuple[Path, State[Any]]) -> None:
    folder = night[0]
    before = counts(folder)
    assert run(folder).message == "5 of 5 tickers forecast for 2013-03-04"
    assert counts(folder) == before
    assert rows(folder, "SELECT DISTINCT status FROM runs") == [("completed",)]


def test_the_next_night_retrains_from_the_champion(tmp_path: Path) -> None:
    run(tmp_path, as_of=date(2013, 2, 28), tickers=["IBM", "MSFT"])
    run(tmp_path, as_of=date(2013, 3, 1), tickers=["IBM", "MSFT"])
    found = rows(
        tmp_path,
        """SELECT child.ticker, parent.trained_through, parent.status
           FROM models AS child JOIN models AS parent ON child.parent_id = parent.model_id
           WHERE child.status = 'champion' AND child.role = 'ticker' ORDER BY 1""",
    )
    assert found == [(ticker, date(2013, 2, 28), "retired") for ticker in ("IBM", "MSFT")]
    assert rows(tmp_path, "SELECT count(*) FROM forecasts WHERE origin = 'nightly'") == [(16,)]


def test_a_night_of_the_past_beside_later_prices_is_no_live_one(tmp_path: Path) -> None:
    run(tmp_path, tickers=["IBM"])
    run(tmp_path, as_of=date(2013, 1, 15), tickers=["IBM"])
    found = rows(
        tmp_path, "SELECT DISTINCT as_of, origin FROM forecasts WHERE origin <> 'backtest' ORDER BY 1"
    )
    assert found == [(date(2013, 1, 15), "catchup"), (date(2013, 3, 1), "nightly")]


def test_an_unknown_ticker_is_recorded_and_stops_no_other(tmp_path: Path) -> None:
    state = run(tmp_path, tickers=["IBM", "NOSUCH"])
    assert state.is_completed()
    assert str(state.message).startswith("1 of 2 tickers forecast for 2013-03-04; NOSUCH: failed, ")
    ((said, reason),) = rows(tmp_path, "SELECT state, reason FROM tickers WHERE ticker = 'NOSUCH'")
    assert said == "failed"
    assert "check the symbol" in reason


def test_a_ticker_whose_training_fails_is_forecast_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = Night.train_ticker

    def fail_for_ibm(self: Night, universe: Any, ticker: str, base: Any, champions: Any) -> Model:
        if ticker == "IBM":
            raise FloatingPointError("the loss is no number")
        return train(self, universe, ticker, base, champions)

    monkeypatch.setattr(Night, "train_ticker", fail_for_ibm)
    state = run(tmp_path, tickers=["IBM", "MSFT"])
    assert state.is_completed()
    assert "2 of 2" in str(state.message)
    assert "IBM: training failed (the loss is no number)" in str(state.message)
    assert rows(tmp_path, "SELECT count(*) FROM latest_forecasts WHERE model = 'lstm'") == [(2,)]


def test_a_night_without_any_forecast_fails(tmp_path: Path) -> None:
    state = run(tmp_path, tickers=["NOSUCH"])
    assert state.is_failed()
    ((status, told),) = rows(tmp_path, "SELECT status, counts FROM runs")
    assert status == "failed"
    assert json.loads(told)["forecast"] == 0


def test_a_night_that_breaks_midway_is_completed_by_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Night, "forecast", lambda *_: (_ for _ in ()).throw(RuntimeError("power cut")))
        assert run(tmp_path, tickers=["IBM"]).is_failed()
    assert rows(tmp_path, "SELECT count(*) FROM latest_forecasts") == [(0,)]
    assert run(tmp_path, tickers=["IBM"]).is_completed()
    duplicated = """SELECT count(*) FROM (
        SELECT ticker, as_of, model, origin FROM forecasts GROUP BY ALL HAVING count(*) > 1
    )"""
    assert rows(tmp_path, duplicated) == [(0,)]
    assert rows(tmp_path, "SELECT count(*) FROM latest_forecasts") == [(4,)]


def test_refused_rows_are_kept_out_of_prices_and_accounted_for(
    tmp_path: Path, sample_prices: pd.DataFrame
) -> None:
    dirty = (
        sample_prices[sample_prices["ticker"] == "IBM"]
        .rename(columns={"session": "date"})
        .reset_index(drop=True)
    )
    dirty.loc[100, "close"] = -1.0
    dirty.loc[200, "high"] = dirty.loc[200, "low"] / 2
    dirty.to_csv(tmp_path / "prices.csv", index=False)
    state = run(tmp_path / "warehouse", source="files", path=tmp_path / "prices.csv")
    assert state.is_completed()
    assert rows(tmp_path / "warehouse", "SELECT count(*) FROM prices") == [(len(dirty) - 2,)]
    reasons = rows(tmp_path / "warehouse", "SELECT reason FROM quarantine ORDER BY 1")
    assert reasons == [("high_below_low",), ("not_positive",)]
