import math
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stockjax.scoring import refresh_rolling_metrics
from stockjax.sessions import exchange
from stockjax.warehouse import Warehouse
from stockjax.warehouse.ledger import append_forecasts, complete_forecasts, newest_forecasts
from tests.support.warehouse_rows import MOMENT, append, closes, contents, fetch, forecast, store

THURSDAY, FRIDAY, MONDAY = "2013-02-28", "2013-03-01", "2013-03-04"


def test_a_forecast_is_stored_whole(warehouse: Warehouse) -> None:
    row = forecast(THURSDAY, FRIDAY, predicted_return=0.01)
    assert append(warehouse, row) == 1
    stored = newest_forecasts(warehouse, ["A"], date.max).iloc[0]
    for name in (
        "ticker",
        "as_of",
        "target",
        "model",
        "origin",
        "basis_close",
        "predicted_close",
        "scale",
        "q05",
    ):
        assert stored[name] == row[name]
    assert fetch(
        warehouse, "SELECT model_id, data_hash, code_version, run_id, created_at FROM forecasts"
    ) == [("network-1", "data-1", "code-1", "run-1", datetime(2013, 3, 1, 22))]


def test_a_row_once_written_is_never_changed(warehouse: Warehouse) -> None:
    append(warehouse, forecast(THURSDAY, FRIDAY, predicted_return=0.01))
    before = contents(warehouse)
    other = forecast(THURSDAY, FRIDAY, predicted_return=-0.05, basis_close=50.0, model_id="network-2")
    added = append_forecasts(
        warehouse,
        pd.DataFrame([other]),
        code_version="code-2",
        run_id="run-2",
        moment=MOMENT + timedelta(days=1),
    )
    assert added == 0
    assert contents(warehouse) == before


def test_running_a_night_again_adds_only_what_is_missing(warehouse: Warehouse) -> None:
    night = [forecast(THURSDAY, FRIDAY, model) for model in ("lstm", "random_walk", "ewma", "har")]
    assert append(warehouse, *night[:2]) == 2
    assert append(warehouse, *night, run_id="run-2") == 2
    assert append(warehouse, *night, run_id="run-3") == 0
    assert fetch(warehouse, "SELECT run_id, count(*) FROM forecasts GROUP BY ALL ORDER BY ALL") == [
        ("run-1", 2),
        ("run-2", 2),
    ]


@pytest.mark.parametrize(
    "difference",
    [{"ticker": "B"}, {"as_of": pd.Timestamp("2013-02-27")}, {"model": "har"}, {"origin": "backtest"}],
)
def test_the_key_is_ticker_session_model_and_origin(warehouse: Warehouse, difference: dict[str, Any]) -> None:
    append(warehouse, forecast(THURSDAY, FRIDAY))
    assert append(warehouse, forecast(THURSDAY, FRIDAY) | difference) == 1


def test_the_next_night_knows_what_is_complete(warehouse: Warehouse) -> None:
    models = ("lstm", "random_walk", "ewma", "har")
    append(warehouse, *[forecast(THURSDAY, FRIDAY, model) for model in models])
    append(warehouse, *[forecast(FRIDAY, MONDAY, model) for model in models[:3]])
    append(warehouse, *[forecast(THURSDAY, FRIDAY, model, ticker="B") for model in models])
    # The same model from two origins is still one model.
    append(warehouse, forecast(FRIDAY, MONDAY, "lstm", origin="backtest"))
    found = complete_forecasts(warehouse, ["A", "C"], date(2013, 2, 1), date(2013, 3, 4), 4)
    assert found == {"A": {date(2013, 2, 28)}}
    assert complete_forecasts(warehouse, ["A"], date(2013, 3, 1), date(2013, 3, 4), 4) == {}


def test_the_latest_forecasts_leave_backtests_out_and_prefer_the_nightly_one(warehouse: Warehouse) -> None:
    append(
        warehouse,
        forecast("2013-02-27", THURSDAY),
        forecast(THURSDAY, FRIDAY, origin="catchup", predicted_return=0.02),
        forecast(THURSDAY, FRIDAY, origin="nightly", predicted_return=0.03),
        forecast(FRIDAY, MONDAY, origin="backtest"),
        forecast(THURSDAY, FRIDAY, "har"),
        forecast(FRIDAY, MONDAY, ticker="B", origin="catchup"),
        forecast(FRIDAY, MONDAY, ticker="C", origin="backtest"),
    )
    found = fetch(
        warehouse,
        "SELECT ticker, model, as_of, origin, predicted_return FROM latest_forecasts ORDER BY ticker, model",
    )
    assert found == [
        ("A", "har", date(2013, 2, 28), "nightly", 0.0),
        ("A", "lstm", date(2013, 2, 28), "nightly", 0.03),
        ("B", "lstm", date(2013, 3, 1), "catchup", 0.0),
    ]


def scored(warehouse: Warehouse, columns: str = "*") -> dict[str, Any]:
    with warehouse.read() as connection:
        frame = connection.execute(f"SELECT {columns} FROM scored_forecasts").df()
    assert len(frame) == 1
    row: dict[str, Any] = frame.iloc[0].to_dict()
    return row


def test_a_forecast_is_scored_by_hand_computed_numbers(warehouse: Warehouse) -> None:
    store(warehouse, closes("A", {THURSDAY: 100.0, FRIDAY: 102.0}))
    append(warehouse, forecast(THURSDAY, FRIDAY, predicted_return=0.01))
    row = scored(warehouse)
    actual = math.log(1.02)
    losses = [
        max(level * (actual - point), (level - 1) * (actual - point))
        for level, point in ((0.05, -0.04), (0.25, 0.0), (0.5, 0.01), (0.75, 0.02), (0.95, 0.06))
    ]
    assert row["actual_close"] == pytest.approx(102.0, rel=1e-12)
    assert row["actual_return"] == pytest.approx(actual, rel=1e-12)
    assert row["return_error"] == pytest.approx(actual - 0.01, rel=1e-12)
    assert row["error"] == pytest.approx(102.0 - 100 * math.exp(0.01), rel=1e-12)
    assert row["pinball"] == pytest.approx(sum(losses) / 5, rel=1e-9)
    assert row["inside_50"]
    assert row["inside_90"]
    assert row["restated_units"] == 1.0


@pytest.mark.parametrize(
    ("close", "inside_50", "inside_90"),
    [
        (100.0, True, True),
        (101.5, False, True),
        (98.0, False, True),
        (106.0, False, False),
        (94.0, False, False),
    ],
)
def test_intervals_are_hit_or_missed(
    warehouse: Warehouse, close: float, inside_50: bool, inside_90: bool
) -> None:
    store(warehouse, closes("A", {THURSDAY: 100.0, FRIDAY: close}))
    append(warehouse, forecast(THURSDAY, FRIDAY))
    row = scored(warehouse)
    assert (row["inside_50"], row["inside_90"]) == (inside_50, inside_90)


@pytest.mark.parametrize(
    ("close", "penalty"),
    [
        # Inside, and outside by two and by one hundredth: each costs twenty times itself.
        (100.0, 0.0),
        (100 * math.exp(0.07), 0.4),
        (100 * math.exp(-0.06), 0.2),
    ],
)
def test_an_interval_costs_its_width_and_what_it_missed(
    warehouse: Warehouse, close: float, penalty: float
) -> None:
    store(warehouse, closes("A", {THURSDAY: 100.0, FRIDAY: close}))
    append(warehouse, forecast(THURSDAY, FRIDAY))
    row = scored(warehouse)
    assert row["width_90"] == pytest.approx(0.1, rel=1e-12)
    assert row["winkler_90"] == pytest.approx(0.1 + penalty, rel=1e-12)


def test_the_crps_is_computed_by_hand(warehouse: Warehouse) -> None:
    store(warehouse, closes("A", {THURSDAY: 100.0, FRIDAY: 100 * math.exp(0.02)}))
    append(warehouse, forecast(THURSDAY, FRIDAY))
    # Above -5%, -1%, 0 and 1% by 7, 3, 2 and 1 hundredths, below 5% by 3: weighted by the levels.
    losses = [0.05 * 0.07, 0.25 * 0.03, 0.5 * 0.02, 0.75 * 0.01, 0.05 * 0.03]
    row = scored(warehouse)
    assert row["crps"] == pytest.approx(2 * sum(losses) / 5, rel=1e-9)
    assert row["crps"] == pytest.approx(0.012, rel=1e-9)


def test_a_forecast_whose_target_has_not_closed_has_no_score(warehouse: Warehouse) -> None:
    store(warehouse, closes("A", {THURSDAY: 100.0}))
    append(warehouse, forecast(THURSDAY, FRIDAY))
    assert fetch(warehouse, "FROM scored_forecasts") == []


# The same night three times: without a split, with a 2:1 split and closes as traded, and with a
# vendor that restates all closes after the split.
STORIES: dict[str, list[pd.DataFrame]] = {
    "no split": [closes("A", {THURSDAY: 100.0}), closes("A", {FRIDAY: 102.0})],
    "as traded": [
        closes("A", {THURSDAY: 100.0}, adj_close=100.0),
        pd.concat(
            [
                closes("A", {THURSDAY: 100.0}, adj_close=50.0),
                closes("A", {FRIDAY: 51.0}, adj_close=51.0, split=2.0),
            ]
        ),
    ],
    "restated": [
        closes("A", {THURSDAY: 100.0}),
        pd.concat([closes("A", {THURSDAY: 50.0}), closes("A", {FRIDAY: 51.0}, split=2.0)]),
    ],
}


def tell(warehouse: Warehouse, story: str) -> None:
    before, after = STORIES[story]
    store(warehouse, before)
    for model in ("lstm", "random_walk", "har"):
        predicted = 0.01 if model == "lstm" else 0.0
        append(warehouse, forecast(THURSDAY, FRIDAY, model, predicted_return=predicted))
    store(warehouse, after.reset_index(drop=True), run_id="run-2", moment=MOMENT + timedelta(days=1))


@pytest.mark.parametrize("story", STORIES)
def test_a_split_changes_nothing_in_a_score(warehouse: Warehouse, story: str) -> None:
    tell(warehouse, story)
    found = fetch(
        warehouse,
        """SELECT return_error, actual_return, actual_close, error, pinball, inside_50, inside_90, basis_close
        FROM scored_forecasts WHERE model = 'lstm'""",
    )
    actual = math.log(1.02)
    error, realised, close, money, pinball, inside_50, inside_90, basis = found[0]
    assert len(found) == 1
    assert error == pytest.approx(actual - 0.01, abs=1e-14)
    assert realised == pytest.approx(actual, abs=1e-14)
    assert close == pytest.approx(102.0, rel=1e-12)
    assert money == pytest.approx(102.0 - 100 * math.exp(0.01), rel=1e-9)
    above = 0.05 * (actual + 0.04) + 0.25 * actual + 0.5 * (actual - 0.01)
    below = 0.25 * (0.02 - actual) + 0.05 * (0.06 - actual)
    assert pinball == pytest.approx((above + below) / 5, rel=1e-9)
    assert (inside_50, inside_90, basis) == (True, True, 100.0)


@pytest.mark.parametrize("story", STORIES)
def test_a_split_changes_rolling_errors_in_nothing_but_the_unit_of_money(
    warehouse: Warehouse, story: str
) -> None:
    tell(warehouse, story)
    assert refresh_rolling_metrics(warehouse) == 9
    found = fetch(
        warehouse,
        """SELECT n, rmse, mae, mape, return_rmse, return_mae, rmse_skill, pinball_skill
        FROM rolling_metrics WHERE model = 'lstm' AND window_sessions = 21""",
    )
    actual, money = math.log(1.02), 102.0 - 100 * math.exp(0.01)
    unit = 1.0 if story == "no split" else 0.5
    assert len(found) == 1
    n, rmse, mae, mape, return_rmse, return_mae, rmse_skill, _ = found[0]
    assert n == 1
    assert (rmse, mae) == (pytest.approx(money * unit, rel=1e-9), pytest.approx(money * unit, rel=1e-9))
    assert mape == pytest.approx(money / 102.0, rel=1e-9)
    assert return_rmse == pytest.approx(actual - 0.01, abs=1e-14)
    assert return_mae == pytest.approx(actual - 0.01, abs=1e-14)
    assert rmse_skill == pytest.approx(1 - (actual - 0.01) / actual, rel=1e-9)


# Three nights of two tickers. Returns are +0.02 or -0.02; `random_walk` and `har` predict 0,
# `lstm` half of what happens, with quantiles at -0.04, -0.02, 0, +0.02 and +0.04 about it.
DAYS = ["2013-02-26", "2013-02-27", "2013-02-28", "2013-03-01"]
RETURNS = {"A": [0.02, -0.02, 0.02], "B": [0.02, 0.02, -0.02]}
NARROW = {"q05": -0.04, "q25": -0.02, "q50": 0.0, "q75": 0.02, "q95": 0.04}


def lstm(as_of: str, target: str, basis: float, predicted: float, **others: Any) -> dict[str, Any]:
    quantiles = {name: basis * math.exp(predicted + offset) for name, offset in NARROW.items()}
    return forecast(
        as_of, target, "lstm", basis_close=basis, predicted_return=predicted, **quantiles, **others
    )


def fill_ledger(warehouse: Warehouse, origin: str = "backtest") -> None:
    nights: list[dict[str, Any]] = []
    for ticker, returns in RETURNS.items():
        levels = np.exp(np.cumsum([math.log(100.0), *returns])).tolist()
        store(warehouse, closes(ticker, dict(zip(DAYS, levels, strict=True))))
        for night, happened in enumerate(returns):
            days, basis = (DAYS[night], DAYS[night + 1]), levels[night]
            key = {"ticker": ticker, "origin": origin}
            nights += [
                lstm(*days, basis, happened / 2, **key),
                forecast(*days, "random_walk", basis_close=basis, **key),
                forecast(*days, "har", basis_close=basis, **key),
                forecast(*days, "ewma", basis_close=basis, scale=0.01 * (night + 1), **key),
            ]
    append(warehouse, *nights)


def board(warehouse: Warehouse, model: str, window: int) -> dict[str, Any]:
    with warehouse.read() as connection:
        frame = connection.execute(
            "SELECT * FROM leaderboard WHERE model = $1 AND window_sessions = $2", [model, window]
        ).df()
    assert len(frame) == 1
    row: dict[str, Any] = frame.iloc[0].to_dict()
    return row


def test_the_leaderboard_of_a_tiny_ledger(warehouse: Warehouse) -> None:
    fill_ledger(warehouse)
    expected = {
        "return_rmse": 0.01,
        "return_mae": 0.01,
        "pinball": 0.0038,
        "rmse_skill": 0.5,
        "mae_skill": 0.5,
        "pinball_skill": 1 - 0.0038 / 0.006,
        "coverage_50": 1.0,
        "coverage_90": 1.0,
    }
    # Every day tells the same, so that the intervals have no width.
    for name in ("rmse_skill", "mae_skill", "pinball_skill"):
        expected[f"{name}_low"] = expected[f"{name}_high"] = expected[name]
    for window in (21, 63, 252):
        row = board(warehouse, "lstm", window)
        assert (row["origin"], row["sessions"], row["n"]) == ("backtest", 3, 6)
        assert {name: row[name] for name in expected} == pytest.approx(expected, abs=1e-9)


def test_the_yardsticks_have_no_skill_over_themselves(warehouse: Warehouse) -> None:
    fill_ledger(warehouse)
    walk, har = board(warehouse, "random_walk", 63), board(warehouse, "har", 63)
    assert walk["return_rmse"] == pytest.approx(0.02, abs=1e-12)
    assert walk["rmse_skill"] == pytest.approx(0.0, abs=1e-12)
    assert har["pinball"] == pytest.approx(0.006, abs=1e-12)
    assert har["pinball_skill"] == pytest.approx(0.0, abs=1e-12)
    assert har["coverage_50"] == 0.0
    assert har["coverage_90"] == 1.0


def test_the_interval_takes_a_day_of_all_tickers_as_one_observation(warehouse: Warehouse) -> None:
    # Errors on two days as large as the move, on one none; of three days drawn again, 8 of 27 draws
    # have only bad ones, and 1 of 27 only the good one.
    for ticker, returns in RETURNS.items():
        levels = np.exp(np.cumsum([math.log(100.0), *returns])).tolist()
        store(warehouse, closes(ticker, dict(zip(DAYS, levels, strict=True))))
        for night, happened in enumerate(returns):
            days, basis = (DAYS[night], DAYS[night + 1]), levels[night]
            append(
                warehouse,
                lstm(*days, basis, 2 * happened if night < 2 else happened, ticker=ticker),
                forecast(*days, "random_walk", basis_close=basis, ticker=ticker),
                forecast(*days, "har", basis_close=basis, ticker=ticker),
            )
    row = board(warehouse, "lstm", 21)
    assert row["sessions"] == 3
    for name in ("mae_skill", "rmse_skill"):
        assert row[f"{name}_low"] == pytest.approx(0.0, abs=1e-9)
        assert 0 < row[name] < 1
        assert row[f"{name}_high"] == pytest.approx(1.0, abs=1e-9)
    assert row["pinball_verdict"] == row["rmse_verdict"] == "too few"


def test_origins_are_never_mixed(warehouse: Warehouse) -> None:
    fill_ledger(warehouse, "backtest")
    append(
        warehouse,
        *[forecast(DAYS[0], DAYS[1], model) for model in ("lstm", "random_walk", "har")],
    )
    found = fetch(
        warehouse,
        """SELECT origin, n, return_rmse FROM leaderboard
        WHERE model = 'lstm' AND window_sessions = 21 ORDER BY origin""",
    )
    assert [(origin, n) for origin, n, _ in found] == [("backtest", 6), ("nightly", 1)]
    assert [error for _, _, error in found] == pytest.approx([0.01, 0.02], abs=1e-12)


def test_a_forecast_without_its_yardsticks_is_not_on_the_leaderboard(warehouse: Warehouse) -> None:
    store(warehouse, closes("A", {THURSDAY: 100.0, FRIDAY: 102.0}))
    append(warehouse, forecast(THURSDAY, FRIDAY), forecast(THURSDAY, FRIDAY, "random_walk"))
    assert fetch(warehouse, "FROM leaderboard") == []


def test_a_window_is_the_last_sessions_and_forgets_the_one_before(warehouse: Warehouse) -> None:
    days = [str(day) for day in exchange("XNYS").sessions(date(2013, 1, 2), date(2013, 2, 4))][:23]
    # The oldest return is ten times the others.
    levels = np.exp(np.cumsum([math.log(100.0), 0.1, *[0.01] * 21])).tolist()
    store(warehouse, closes("A", dict(zip(days, levels, strict=True))))
    append(
        warehouse,
        *[
            forecast(days[night], days[night + 1], model, basis_close=levels[night])
            for night in range(22)
            for model in ("lstm", "random_walk", "har")
        ],
    )
    short, long = board(warehouse, "lstm", 21), board(warehouse, "lstm", 63)
    assert (short["sessions"], long["sessions"]) == (21, 22)
    assert short["return_mae"] == pytest.approx(0.01, rel=1e-9)
    assert long["return_mae"] == pytest.approx((0.1 + 21 * 0.01) / 22, rel=1e-9)


def test_the_calibration_of_a_tiny_ledger(warehouse: Warehouse) -> None:
    fill_ledger(warehouse)
    found = fetch(
        warehouse,
        """SELECT grouping_kind, group_name, n, coverage_50, coverage_90, below_05, above_95
        FROM calibration WHERE model = 'har' ORDER BY ALL""",
    )
    assert found == [
        ("ticker", "A", 3, 0.0, 1.0, 0.0, 0.0),
        ("ticker", "B", 3, 0.0, 1.0, 0.0, 0.0),
        ("volatility", "high", 2, 0.0, 1.0, 0.0, 0.0),
        ("volatility", "low", 2, 0.0, 1.0, 0.0, 0.0),
        ("volatility", "middle", 2, 0.0, 1.0, 0.0, 0.0),
    ]


def test_calibration_tells_misses_below_from_misses_above_and_calm_from_storm(warehouse: Warehouse) -> None:
    # Calm: inside; middle: above the 95% quantile; storm: below the 5% quantile. B: only storms.
    happened = {"A": [0.0, 0.08, -0.08], "B": [-0.08, -0.08, -0.08]}
    for ticker, returns in happened.items():
        levels = np.exp(np.cumsum([math.log(100.0), *returns])).tolist()
        store(warehouse, closes(ticker, dict(zip(DAYS, levels, strict=True))))
        for night in range(3):
            days, basis = (DAYS[night], DAYS[night + 1]), levels[night]
            scale = 0.01 * (night + 1)
            append(
                warehouse,
                lstm(*days, basis, 0.0, ticker=ticker),
                forecast(*days, "ewma", basis_close=basis, scale=scale, ticker=ticker),
            )
    with warehouse.read() as connection:
        frame = connection.execute("SELECT * FROM calibration WHERE model = 'lstm'").df()
    found = frame.set_index(["grouping_kind", "group_name"])
    expected = pd.DataFrame(
        [
            ("ticker", "A", 3, 1 / 3, 1 / 3, 1 / 3, 1 / 3),
            ("ticker", "B", 3, 0.0, 0.0, 1.0, 0.0),
            ("volatility", "low", 2, 0.5, 0.5, 0.5, 0.0),
            ("volatility", "middle", 2, 0.0, 0.0, 0.5, 0.5),
            ("volatility", "high", 2, 0.0, 0.0, 1.0, 0.0),
        ],
        columns=["grouping_kind", "group_name", "n", "coverage_50", "coverage_90", "below_05", "above_95"],
    ).set_index(["grouping_kind", "group_name"])
    pd.testing.assert_frame_equal(found.loc[expected.index, expected.columns.tolist()], expected)
