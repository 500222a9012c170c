"""The flow, with the real library on real prices."""

import json
import logging
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import httpx
import pandas as pd
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import TaskRunFilter, TaskRunFilterFlowRunId
from prefect.client.schemas.objects import State, TaskRun

from flows.alerts import WHAT_TO_DO
from flows.forecast import forecast
from stockjax.errors import (
    InvalidDataError,
    RunFailedError,
    SourceUnavailableError,
    UsageError,
    WarehouseBusyError,
)
from stockjax.forecasting import ticker_training
from stockjax.forecasting.asof import AsOfData
from stockjax.nightly import Run, steps
from stockjax.nightly.run_lock import RunLock
from stockjax.registry import Model
from stockjax.settings import load_settings
from tests.support.served import BRIEF

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
    for name, value in {**BRIEF, "STOCKJAX_WARMUP__SESSIONS": "0"}.items():
        monkeypatch.setenv(name, value)


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
        for name, value in BRIEF.items():
            patch.setenv(name, value)
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


def test_the_backtest_is_scored_and_never_mixed_with_live_forecasts(night: tuple[Path, State[Any]]) -> None:
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
        """SELECT own.ticker, abs(own.validation_loss - own.champion_loss) < 0.1
           FROM models AS own JOIN models AS base ON own.parent_id = base.model_id AND base.role = 'base'
           WHERE own.status = 'champion' AND base.status = 'champion' ORDER BY 1""",
    )
    assert found == [(ticker, True) for ticker in ("AAPL", "GOOG", "IBM", "MSFT")]


def task_runs(flow_run_id: str) -> list[TaskRun]:
    """The tasks of a run, as the server has them."""
    chosen = TaskRunFilter(flow_run_id=TaskRunFilterFlowRunId(any_=[flow_run_id]))
    with get_client(sync_client=True) as client:
        return client.read_task_runs(task_run_filter=chosen)


def test_tasks_are_named_after_their_tickers(night: tuple[Path, State[Any]]) -> None:
    first = "SELECT flow_run_id FROM runs WHERE status = 'completed' ORDER BY started_at LIMIT 1"
    ((flow_run_id,),) = rows(night[0], first)
    tasks = task_runs(flow_run_id)
    with get_client(sync_client=True) as client:
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


def test_an_unknown_ticker_is_recorded_and_stops_no_other(tmp_path: Path) -> None:
    state = run(tmp_path, tickers=["IBM", "NOSUCH"])
    assert state.is_completed()
    assert str(state.message).startswith("1 of 2 tickers forecast for 2013-03-04; NOSUCH: failed, ")
    ((said, reason),) = rows(tmp_path, "SELECT state, reason FROM tickers WHERE ticker = 'NOSUCH'")
    assert said == "failed"
    assert "check the symbol" in reason


def make_training_fail(monkeypatch: pytest.MonkeyPatch, of: str) -> None:
    """Make the training of one ticker fail."""
    train = ticker_training.train_ticker_model

    def fail_for_one(asof: AsOfData, ticker: str, *others: Any) -> Model:
        if ticker == of:
            raise FloatingPointError("the loss is no number")
        return train(asof, ticker, *others)

    monkeypatch.setattr(ticker_training, "train_ticker_model", fail_for_one)


def test_a_ticker_whose_training_fails_is_forecast_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_training_fail(monkeypatch, "IBM")
    state = run(tmp_path, tickers=["IBM", "MSFT"])
    assert state.is_completed()
    assert "2 of 2" in str(state.message)
    assert "IBM: training failed (the loss is no number)" in str(state.message)
    assert rows(tmp_path, "SELECT count(*) FROM latest_forecasts WHERE model = 'lstm'") == [(2,)]


def test_tickers_in_batches_have_the_bits_of_tickers_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, night: tuple[Path, State[Any]]
) -> None:
    """Two tasks for the sample, one ticker of which fails: its batch goes on, and its task says so."""
    make_training_fail(monkeypatch, "AAPL")
    monkeypatch.setenv("STOCKJAX_RUN__TASKS", "2")
    state = run(tmp_path)
    assert "AAPL: training failed (the loss is no number)" in str(state.message)
    ((flow_run_id,),) = rows(tmp_path, "SELECT flow_run_id FROM runs")
    tasks = task_runs(flow_run_id)
    trained = {task.name: task.state for task in tasks if task.name.startswith("train ") and task.state}
    assert trained["train AAPL to GOOG"].message == "1 of 2 failed: AAPL"
    assert trained["train IBM to MSFT"].is_completed()
    of_tickers = """SELECT ticker, slice_sha256 FROM models WHERE role = 'ticker' AND NOT replayed
                    AND ticker <> 'AAPL' ORDER BY 1"""
    assert rows(tmp_path, of_tickers) == rows(night[0], of_tickers)


def refuse(*_: object) -> None:
    raise RuntimeError("the server said 500")


def test_a_run_that_cannot_be_named_is_over_and_keeps_no_one_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("flows.forecast.name_run", refuse)
        assert run(tmp_path, tickers=["IBM"]).is_failed()
    ((status, lines),) = rows(tmp_path, "SELECT status, counts FROM runs")
    assert (status, json.loads(lines)) == ("failed", {"error": "the server said 500"})
    assert run(tmp_path, tickers=["IBM"]).is_completed()


def test_a_night_that_is_complete_stays_so_where_no_one_can_be_alerted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.forecast.alert_lines", refuse)
    assert run(tmp_path, tickers=["IBM"]).is_completed()
    assert rows(tmp_path, "SELECT status FROM runs") == [("completed",)]


def test_a_night_without_any_forecast_fails(tmp_path: Path) -> None:
    state = run(tmp_path, tickers=["NOSUCH"])
    assert state.is_failed()
    ((status, lines),) = rows(tmp_path, "SELECT status, counts FROM runs")
    assert status == "failed"
    assert json.loads(lines)["forecast"] == 0
    error = state.result(raise_on_failure=False)
    assert isinstance(error, RunFailedError)
    assert (str(error), error.summary["forecast"]) == (state.message, 0)


def test_the_report_of_a_session_keeps_those_that_an_earlier_run_has_forecast(tmp_path: Path) -> None:
    run(tmp_path, tickers=["IBM"])
    assert run(tmp_path, tickers=["NOSUCH"]).is_failed()
    page = (tmp_path / "reports" / "2013-03-01" / "index.html").read_text(encoding="utf-8")
    assert "IBM" in page
    assert "NOSUCH" in page


@pytest.mark.parametrize(
    ("share", "failed"), [("0.34", False), ("0.33", True)], ids=["borne", "more than is borne"]
)
def test_a_night_fails_by_the_share_of_tickers_that_it_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: str, failed: bool
) -> None:
    monkeypatch.setenv("STOCKJAX_RUN__MAX_MISSING_SHARE", share)
    state = run(tmp_path, tickers=["IBM", "MSFT", "NOSUCH"])
    assert state.is_failed() is failed
    assert str(state.message).startswith("2 of 3 tickers forecast for 2013-03-04; NOSUCH: failed, ")
    assert rows(tmp_path, "SELECT status FROM runs") == [("failed" if failed else "completed",)]
    assert rows(tmp_path, "SELECT count(*) FROM latest_forecasts") == [(8,)]


def test_a_run_next_to_another_is_cancelled_and_leaves_no_trace(tmp_path: Path) -> None:
    turn = RunLock(load_settings(warehouse=tmp_path))
    turn.acquire("forecast", print)
    state = run(tmp_path, tickers=["IBM"])
    assert state.is_cancelled()
    assert "another run of forecast is at work" in str(state.message)
    assert [path.name for path in tmp_path.iterdir()] == [".forecast.lock"]
    turn.release()
    assert run(tmp_path, tickers=["IBM"]).is_completed()


@pytest.mark.parametrize("tickers", [["NOSUCH"], ["IBM", "NOSUCH"]], ids=["failed", "completed"])
def test_an_alert_that_cannot_be_sent_spoils_nothing_and_is_named_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tickers: list[str]
) -> None:
    monkeypatch.setenv("STOCKJAX_ALERTS__BLOCK", "custom-webhook/nobody")
    monkeypatch.setattr(logging.getLogger("prefect"), "propagate", True)
    with caplog.at_level(logging.INFO):
        state = run(tmp_path, tickers=tickers)
    assert (state.is_failed(), state.is_completed()) == (len(tickers) == 1, len(tickers) == 2)
    lines = [record for record in caplog.records if "custom-webhook/nobody" in record.getMessage()]
    assert len(lines) == 1
    assert "was not sent (Unable to find block document" in lines[0].getMessage()
    assert not any(record.exc_info for record in caplog.records)


def test_a_night_that_missed_a_ticker_is_completed_and_tells_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages: list[tuple[str, str]] = []
    block = SimpleNamespace(notify=lambda body, subject: messages.append((subject, body)))
    monkeypatch.setattr("flows.alerts.Block.load", lambda name: block)
    monkeypatch.setenv("STOCKJAX_ALERTS__BLOCK", "custom-webhook/nights")
    assert run(tmp_path, tickers=["IBM", "NOSUCH"]).is_completed()
    ((subject, body),) = messages
    assert subject == "stockjax: the night of 2013-03-01"
    assert "1 of 2 tickers forecast for 2013-03-04" in body
    assert "NOSUCH: failed, " in body
    assert "IBM:" not in body
    assert WHAT_TO_DO in body
    ((run_id,),) = rows(tmp_path, "SELECT flow_run_id FROM runs")
    assert body.endswith(f"/runs/flow-run/{run_id}")


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (InvalidDataError("'prices.csv' has headings and no rows; fill or remove it"), 1),
        (UsageError("the tickers make no sense"), 1),
        (ValueError("a mistake of ours"), 1),
        (SourceUnavailableError("the vendor answered HTTP 500"), 3),
        (WarehouseBusyError("another program has it open"), 3),
        (OSError(28, "No space left on device"), 3),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_what_waiting_cannot_repair_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, tries: int
) -> None:
    tried: list[None] = []

    def fail(run: Run) -> None:
        tried.append(None)
        raise error

    monkeypatch.setattr(steps, "ingest_prices", fail)
    # Waiting itself is Prefect's.
    monkeypatch.setattr("flows.forecast.ingest.retry_delay_seconds", [0.0, 0.0])
    assert run(tmp_path, tickers=["IBM"]).is_failed()
    assert len(tried) == tries
    ((status, counts),) = rows(tmp_path, "SELECT status, counts FROM runs")
    assert status == "failed"
    assert str(error) in json.loads(counts)["error"]


def test_what_the_page_of_a_run_lacks_spoils_no_night(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise httpx.ConnectError("All connection attempts failed")

    for kind in ("markdown", "progress", "table"):
        monkeypatch.setattr(f"flows.artifacts.create_{kind}_artifact", away)
    assert run(tmp_path, tickers=["IBM"]).is_completed()
    assert rows(tmp_path, "SELECT status FROM runs") == [("completed",)]


def test_a_bar_is_full_also_where_there_was_nothing_to_do(night: tuple[Path, State[Any]]) -> None:
    shown: dict[str, float] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "flows.artifacts.create_progress_artifact",
            lambda progress, description: shown.update({description: progress}) or description,
        )
        patch.setattr(
            "flows.artifacts.update_progress_artifact",
            lambda artifact_id, progress: shown.update({artifact_id: progress}),
        )
        assert run(night[0]).is_completed()
    assert shown == {"warm-up backtest": 100.0}


def test_a_night_that_breaks_midway_is_completed_by_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(steps, "write_session", lambda *_: (_ for _ in ()).throw(RuntimeError("power cut")))
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
    found = rows(tmp_path / "warehouse", "SELECT reason, severity FROM quarantine ORDER BY ALL")
    assert [reason for reason, severity in found if severity == "reject"] == [
        "high_below_low",
        "not_positive",
    ]
    # They are missed by the rows that come after them.
    assert [each for each in found if each[1] != "reject"] == [("missing_sessions", "flag")] * 2


def test_a_later_session_that_is_asked_for_catches_up_with_those_between(tmp_path: Path) -> None:
    days = [date(2013, 2, day) for day in (26, 27, 28)] + [date(2013, 3, 1)]
    run(tmp_path, as_of=days[0], tickers=["IBM"])
    state = run(tmp_path, as_of=days[3], tickers=["IBM"])
    assert state.message == "1 of 1 tickers forecast for 2013-03-04; 2 missed session(s) caught up"
    assert rows(tmp_path, "SELECT as_of, origin, count(*) FROM forecasts GROUP BY ALL ORDER BY ALL") == [
        (day, origin, 4)
        for day, origin in zip(days, ["nightly", "catchup", "catchup", "nightly"], strict=True)
    ]
