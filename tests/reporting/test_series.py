"""What charts draw, and the files in which the page finds it."""

import base64
import json
import math
import re
import zlib
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stockjax.reporting.series import (
    PRICES,
    QUANTILES,
    ROLLING,
    SESSIONS,
    by_ticker,
    calibration,
    decimals,
    read_series,
)
from stockjax.reporting.series_scripts import TOGETHER, packed_series, scripts
from stockjax.scoring import refresh_rolling_metrics
from stockjax.warehouse import Warehouse
from tests.support.report_rows import HOSTILE, TONIGHT, fill
from tests.support.warehouse_rows import append, closes, fetch, forecast, store

DAYS = ["2013-02-26", "2013-02-27", "2013-02-28", "2013-03-01", "2013-03-04"]


def test_series_end_with_the_forecast_ahead_and_go_a_year_back(warehouse: Warehouse) -> None:
    fill(warehouse, ("AAPL",), replayed=300)
    rows = read_series(warehouse, ["AAPL"], TONIGHT)
    assert len(rows) == SESSIONS + 1
    days = rows["target"].dt.strftime("%Y-%m-%d").tolist()
    assert days == sorted(days)
    assert days[-2:] == ["2013-03-01", "2013-03-04"]
    known, ahead = rows.iloc[:-1], rows.iloc[-1]
    assert ahead[["actual_close", "return_error", *ROLLING]].isna().all()
    assert known[[*PRICES, "return_error", *ROLLING]].notna().all(axis=None)
    last = fetch(warehouse, "SELECT close FROM prices ORDER BY session DESC LIMIT 3")
    assert known["actual_close"].tolist()[-3:] == pytest.approx([row[0] for row in last[::-1]])
    metrics = (
        "SELECT return_rmse, return_mae FROM rolling_metrics "
        "WHERE model = $1 AND window_sessions = 63 ORDER BY session DESC LIMIT 1"
    )
    assert known.iloc[-1][["rmse", "mae"]].tolist() == list(*fetch(warehouse, metrics, "lstm"))
    assert known.iloc[-1][["walk_rmse", "walk_mae"]].tolist() == list(
        *fetch(warehouse, metrics, "random_walk")
    )
    assert len(read_series(warehouse, ["AAPL"], TONIGHT, 5)) == 6


def test_of_a_session_the_forecast_that_was_written_in_time_is_drawn_in_todays_units(
    warehouse: Warehouse,
) -> None:
    # A split of two to one, reported after the forecasts were written.
    store(warehouse, closes("A", dict(zip(DAYS[:4], [50.0, 51.0, 52.0, 53.0], strict=True))))
    for origin, predicted in (("backtest", 0.03), ("catchup", 0.02), ("nightly", 0.01)):
        append(
            warehouse,
            forecast(DAYS[1], DAYS[2], origin=origin, basis_close=102.0, predicted_return=predicted),
        )
    append(warehouse, forecast(DAYS[2], DAYS[3], origin="backtest", basis_close=52.0))
    append(warehouse, forecast(DAYS[3], DAYS[4], basis_close=53.0))
    refresh_rolling_metrics(warehouse)
    rows = read_series(warehouse, ["A", "B"], TONIGHT)
    assert rows["origin"].tolist() == ["nightly", "backtest", "nightly"]
    assert rows["actual_close"].tolist()[:2] == pytest.approx([52.0, 53.0])
    assert rows["predicted_close"].tolist() == pytest.approx([51.0 * math.exp(0.01), 52.0, 53.0])
    assert rows["return_error"].tolist()[0] == pytest.approx(math.log(52 / 51) - 0.01)


def test_a_ledger_without_anything_has_no_series(warehouse: Warehouse) -> None:
    assert read_series(warehouse, ["A"], TONIGHT).empty
    assert list(by_ticker(read_series(warehouse, [], TONIGHT))) == []


def made_up(ticker: str = "A") -> pd.DataFrame:
    """Four closes, a forecast ahead, and an infinity that no page could read."""
    count = 5
    return pd.DataFrame(
        {
            "ticker": ticker,
            "target": pd.to_datetime(DAYS),
            "origin": ["backtest", "backtest", "catchup", "nightly", "nightly"],
            "reaction": [False, True, False, False, True],
            "actual_close": [90.0, 99.0, 100.0, 104.0, np.nan],
            "predicted_close": [100.123456] * count,
            **{
                name: [level] * count
                for name, level in zip(QUANTILES, [95.0, 99.0, 100.0, 101.0, 105.0], strict=True)
            },
            "return_error": [-0.1, -0.01, 0.0, 0.0412345, np.nan],
            "rmse": [np.inf, 0.0212345, 0.02, 0.02, np.nan],
            "walk_rmse": 0.02,
            "mae": 0.01,
            "walk_mae": 0.01,
        }
    )


def test_calibration_counts_the_closes_below_each_quantile() -> None:
    assert calibration(made_up()) == (4, [0.25, 0.5, 0.75, 0.75, 1.0])
    count, below = calibration(made_up().tail(1))
    assert count == 0
    assert np.isnan(below).all()


@pytest.mark.parametrize(
    ("price", "places"),
    [
        (431.2, 2),
        (27.9, 2),
        (10.0, 2),
        (9.99, 3),
        (0.5, 4),
        (0.00042, 7),
        (250_000.0, 2),
        (0.0, 2),
        (np.nan, 2),
    ],
)
def test_a_price_has_four_digits_and_two_decimals_at_least(price: float, places: int) -> None:
    assert decimals(pd.Series([price])) == places


def test_what_is_packed_is_rounded_and_has_no_number_that_is_none() -> None:
    lines = packed_series(made_up())
    assert lines["decimals"] == 2
    assert lines["target"] == DAYS
    assert lines["origin"] == "bbcnn"
    assert lines["reactions"] == [DAYS[1], DAYS[4]]
    assert lines["predicted_close"] == [100.12] * 5
    assert lines["actual_close"] == [90.0, 99.0, 100.0, 104.0, None]
    assert lines["return_error"] == [-10.0, -1.0, 0.0, 4.12, None]
    assert lines["rmse"] == [None, 2.123, 2.0, 2.0, None]
    assert (lines["outcomes"], lines["below"]) == (4, [0.25, 0.5, 0.75, 0.75, 1.0])
    assert packed_series(made_up().tail(1))["below"] == []


def read(text: str) -> tuple[int, list[Any]]:
    """A file as the page's script reads it."""
    found = re.fullmatch(r'stockjaxSeries\((\d+),"([A-Za-z0-9+/=]+)"\)\n', text)
    assert found
    lines: list[Any] = json.loads(zlib.decompress(base64.b64decode(found[2])))
    return int(found[1]), lines


def test_a_few_tickers_share_a_file_and_each_is_found_by_its_number() -> None:
    names = [f"T{number:02d}" for number in range(TOGETHER + 2)]
    # One has nothing to draw.
    series = pd.concat(
        [
            made_up(name).assign(actual_close=float(number + 1))
            for number, name in enumerate(names)
            if number != 3
        ]
    )
    files = [read(text) for text in scripts(names, series)]
    assert [number for number, _ in files] == [0, 1]
    assert [len(part) for _, part in files] == [TOGETHER, 2]
    for number in range(len(names)):
        found = files[number // TOGETHER][1][number % TOGETHER]
        assert found is None if number == 3 else found["actual_close"][0] == number + 1


def test_a_hostile_name_is_in_no_file() -> None:
    series = pd.concat([made_up(name) for name in sorted(HOSTILE)])
    (text,) = scripts(sorted(HOSTILE), series)
    _, part = read(text)
    assert all(found is not None for found in part)
    assert "script" not in json.dumps(part)
