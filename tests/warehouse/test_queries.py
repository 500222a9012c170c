"""What the example queries answer, on warehouses of which that is known."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stockjax.scoring.skill import skill_over_days
from stockjax.warehouse import Warehouse
from stockjax.warehouse.ledger import append_forecasts
from stockjax.warehouse.query import query
from tests.support.warehouse_rows import append, closes, forecast, price_rows, store

QUERIES = Path(__file__).parents[2] / "warehouse" / "queries"


def answer(warehouse: Warehouse, name: str, **parameters: str) -> pd.DataFrame:
    return query(warehouse, (QUERIES / f"{name}.sql").read_text(encoding="utf-8"), parameters=parameters)


@pytest.fixture
def restated(warehouse: Warehouse) -> Warehouse:
    """A warehouse whose vendor split one ticker yesterday and withdrew a row of another."""
    now = datetime.now(UTC)
    store(warehouse, closes("A", {"2013-02-27": 10, "2013-02-28": 12}), moment=now - timedelta(days=30))
    store(warehouse, closes("B", {"2013-02-27": 20, "2013-02-28": 21}), moment=now - timedelta(days=30))
    split = [
        {"session": "2013-02-27", "close": 5.0},
        {"session": "2013-02-28", "close": 6.0},
        {"session": "2013-03-01", "close": 6.5, "split": 2.0},
    ]
    store(warehouse, price_rows(*split), moment=now - timedelta(days=1))
    store(warehouse, closes("B", {"2013-02-28": 21}), moment=now - timedelta(hours=1), replaced=["B"])
    return warehouse


def test_prices_that_were_others_a_week_ago_stand_next_to_those_of_now(restated: Warehouse) -> None:
    found = answer(restated, "prices_known_then")
    assert found.to_dict("split")["data"] == [
        ["A", pd.Timestamp("2013-02-28"), 12.0, 6.0],
        ["A", pd.Timestamp("2013-02-27"), 10.0, 5.0],
    ]


def test_restatements_are_counted_by_reason_newest_first(restated: Warehouse) -> None:
    found = answer(restated, "restatements")
    assert found[["ticker", "reason", "rows"]].to_dict("split")["data"] == [
        ["B", "withdrawn", 1],
        ["A", "split", 2],
    ]
    assert found["first_session"].tolist() == [pd.Timestamp("2013-02-27")] * 2
    assert found["last_session"].tolist() == [pd.Timestamp("2013-02-27"), pd.Timestamp("2013-02-28")]


def fill(warehouse: Warehouse, name: str, *rows: dict[str, Any]) -> None:
    with warehouse.write() as connection:
        connection.register("given", pd.DataFrame(list(rows)))
        connection.execute(f"INSERT INTO {name} BY NAME FROM given")


def change(number: int, model: str, status: str, since: str, cause: str, **others: Any) -> dict[str, Any]:
    lines = {"change": number, "model_id": model, "role": "ticker", "ticker": "A", "previous": None}
    moment = pd.Timestamp(f"{since} 23:00")
    return lines | {"status": status, "since": since, "cause": cause, "changed_at": moment} | others


def empty(folder: Path) -> Warehouse:
    warehouse = Warehouse(folder / "warehouse")
    warehouse.migrate()
    return warehouse


@pytest.fixture(scope="module")
def rolled_back(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Two models of a ticker: the first made way for the second, on an alarm, and was then put back."""
    warehouse = empty(tmp_path_factory.mktemp("rolled_back"))
    days = {"first": "2013-02-26", "second": "2013-02-27"}
    fill(
        warehouse,
        "models",
        *[
            {"model_id": name, "ticker": "A", "role": "ticker", "status": status, "trained_through": day}
            | {
                "trained_at": pd.Timestamp(f"{day} 23:00"),
                "path": "p",
                "sha256": "s",
                "hyperparameters": "{}",
            }
            | {"seed": 1, "data_hash": "d", "code_version": "c", "run_id": f"run-{name}"}
            for (name, day), status in zip(days.items(), ("champion", "retired"), strict=True)
        ],
    )
    fill(
        warehouse,
        "model_changes",
        change(1, "first", "champion", days["first"], "trained", run_id="run-first"),
        change(2, "first", "retired", days["second"], "replaced", run_id="run-second"),
        change(3, "second", "champion", days["second"], "trained", run_id="run-second"),
        change(4, "second", "retired", "2013-02-28", "rollback", changed_by="ann", reason="it was worse"),
        change(5, "first", "champion", "2013-02-28", "rollback", changed_by="ann", reason="it was worse"),
    )
    nights = [
        ("2013-02-26", "2013-02-27", "first", "nightly"),
        ("2013-02-26", "2013-02-27", "replayed", "backtest"),
        ("2013-02-27", "2013-02-28", "second", "nightly"),
        ("2013-02-28", "2013-03-01", "first", "nightly"),
    ]
    for as_of, target, model, origin in nights:
        append_forecasts(
            warehouse,
            pd.DataFrame([forecast(as_of, target, model_id=model, origin=origin)]),
            code_version="c",
            run_id="run",
            moment=datetime.fromisoformat(f"{as_of} 23:30:00+00:00"),
        )
    usual = {"monitor": "scale", "as_of": "2013-02-27", "tickers": 1, "observation": 2.0, "evidence": 900.0}
    usual |= {"threshold": 500.0, "direction": "above", "seen": 7, "step": 9, "run_id": "run-second"}
    fill(
        warehouse,
        "drift",
        {"scope": "ticker", "ticker": "A", "session": "2013-02-27", "alarm": True} | usual,
        {"scope": "ticker", "ticker": "A", "session": "2013-02-26", "alarm": False} | usual,
        {"scope": "universe", "ticker": None, "session": "2013-02-27", "alarm": True} | usual,
    )
    return warehouse


def test_a_forecast_is_reported_with_the_model_active_then_and_not_with_what_came_of_it(
    rolled_back: Warehouse,
) -> None:
    found = answer(rolled_back, "model_of_forecast", ticker="A")
    lines = found[["as_of", "origin", "model_id", "in_force_since", "cause"]].astype(object)
    assert lines.where(lines.notna(), None).to_dict("split")["data"] == [
        [pd.Timestamp("2013-02-28"), "nightly", "first", pd.Timestamp("2013-02-28"), "rollback"],
        [pd.Timestamp("2013-02-27"), "nightly", "second", pd.Timestamp("2013-02-27"), "trained"],
        [pd.Timestamp("2013-02-26"), "backtest", "replayed", None, None],
        [pd.Timestamp("2013-02-26"), "nightly", "first", pd.Timestamp("2013-02-26"), "trained"],
    ]
    assert answer(rolled_back, "model_of_forecast", ticker="A", session="2013-02-27")[
        "model_id"
    ].tolist() == ["second"]
    assert answer(rolled_back, "model_of_forecast", ticker="B").empty


def test_the_history_of_models_is_reported_newest_first_with_who_and_why(rolled_back: Warehouse) -> None:
    found = answer(rolled_back, "model_history", ticker="A")
    assert found["model_id"].tolist() == ["first", "second", "second", "first", "first"]
    assert found["changed_by"].tolist() == ["ann", "ann", "run run-second", "run run-second", "run run-first"]
    assert found["reason"].tolist()[:2] == ["it was worse"] * 2
    assert len(answer(rolled_back, "model_history", rows="2")) == 2
    assert answer(rolled_back, "model_history", ticker="B").empty


def test_alarms_of_drift_stand_next_to_the_model_that_answered_them(rolled_back: Warehouse) -> None:
    found = answer(rolled_back, "drift_alarms")
    assert found["scope"].tolist() == ["universe", "ticker"]
    assert found["trained"].fillna("").tolist() == ["", "second"]
    assert answer(rolled_back, "drift_alarms", ticker="A")["trained"].tolist() == ["second"]
    assert answer(rolled_back, "drift_alarms", ticker="B").empty


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Three tickers that move together on 80 sessions, of which 10 are catch-ups; lstm is a little better."""
    warehouse = empty(tmp_path_factory.mktemp("ledger"))
    random = np.random.default_rng(5)
    days = pd.bdate_range("2012-10-01", periods=81)
    rows = []
    common = random.normal(0, 0.01, 80)
    for ticker in "ABC":
        moves = common + random.normal(0, 0.005, 80)
        levels = 100 * np.exp(np.concatenate([[0.0], np.cumsum(moves)]))
        store(warehouse, closes(ticker, {str(day.date()): c for day, c in zip(days, levels, strict=True)}))
        for night, move in enumerate(moves):
            key = {
                "ticker": ticker,
                "basis_close": levels[night],
                "origin": "catchup" if night > 69 else "nightly",
            }
            guess = 0.3 * move + random.normal(0, 0.002)
            for model, predicted in {
                "lstm": guess,
                "random_walk": 0.0,
                "har": 0.02 * random.normal(),
            }.items():
                # One model has no forecast on some days: the draws are the same days all the same.
                if model != "lstm" or night % 17:
                    rows.append(
                        forecast(days[night], days[night + 1], model, predicted_return=predicted, **key)
                    )
    append(warehouse, *rows)
    return warehouse


def test_the_leaderboard_has_the_intervals_of_a_bootstrap_over_days(ledger: Warehouse) -> None:
    found = query(ledger, "FROM leaderboard WHERE window_sessions = 63").set_index(["origin", "model"])
    assert found.loc[("nightly", "lstm"), "sessions"] < found.loc[("nightly", "har"), "sessions"] <= 63
    scored = query(ledger, "FROM scored_forecasts WHERE origin = 'nightly' ORDER BY target, ticker")
    newest = np.sort(scored["target"].unique())[-63:]
    both = scored[scored["target"].isin(newest)].assign(
        square=lambda rows: rows["return_error"] ** 2, absolute=lambda rows: rows["return_error"].abs()
    )
    table = both.pivot(index=["target", "ticker"], columns="model")
    for model, skill, loss, benchmark in (
        ("lstm", "pinball_skill", "pinball", "har"),
        ("lstm", "mae_skill", "absolute", "random_walk"),
        ("lstm", "rmse_skill", "square", "random_walk"),
        ("har", "mae_skill", "absolute", "random_walk"),
        ("random_walk", "pinball_skill", "pinball", "har"),
    ):
        pairs = table[[(loss, model), (loss, benchmark)]].dropna()
        days = pairs.index.get_level_values("target").to_numpy()
        drawn = skill_over_days(pairs[loss, model].to_numpy(), pairs[loss, benchmark].to_numpy(), days)
        expected = np.array([drawn.value, drawn.low, drawn.high])
        if skill == "rmse_skill":
            expected = 1 - np.sqrt(1 - expected)
        row = found.loc[("nightly", model)]
        assert row[skill] == pytest.approx(expected[0], rel=1e-9)
        # lstm lacks some days: there the days that a draw has of it are others.
        close = 0.1 * (expected[2] - expected[1]) if model == "lstm" else 1e-12
        for bound, value in zip(("low", "high"), expected[1:], strict=True):
            assert row[f"{skill}_{bound}"] == pytest.approx(value, abs=close)
    row = found.loc[("nightly", "lstm")]
    assert (row["pinball_verdict"], row["rmse_verdict"]) == ("better", "better")
    assert found.loc[("nightly", "har"), "pinball_verdict"] == "benchmark"
    assert found.loc[("nightly", "har"), "rmse_verdict"] == "worse"
    assert found.loc[("catchup", "lstm"), "pinball_verdict"] == "too few"


def test_the_leaderboard_of_a_day_of_the_past_knows_nothing_of_later_ones(ledger: Warehouse) -> None:
    asked = "SELECT * FROM leaderboard_on(DATE '{}') WHERE origin = 'nightly' ORDER BY model, window_sessions"
    days = query(ledger, "SELECT DISTINCT target::VARCHAR AS day FROM scored_forecasts ORDER BY day")["day"]
    then = query(ledger, asked.format(days.iloc[29]))
    assert then["sessions"].max() == 30
    assert (
        query(ledger, asked.format(days.iloc[0]))[["pinball_skill_low", "rmse_skill_high"]]
        .isna()
        .all(axis=None)
    )
    pd.testing.assert_frame_equal(
        query(ledger, asked.format(days.iloc[-1])),
        query(ledger, "FROM leaderboard WHERE origin = 'nightly' ORDER BY model, window_sessions"),
    )
