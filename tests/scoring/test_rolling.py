from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scoringrules import crps_quantile, interval_score

from stockjax.scoring import METRIC_WINDOWS, refresh_rolling_metrics
from stockjax.warehouse import Warehouse
from stockjax.warehouse.ledger import append_forecasts
from stockjax.warehouse.prices import store_prices
from tests.support.synthetic import NEW_YORK, NOTHING_REFUSED, price_frame

MOMENT = datetime(2013, 3, 1, 22, tzinfo=UTC)
DAYS = NEW_YORK.sessions(date(2012, 9, 4), date(2013, 1, 31))
LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
QUANTILES = ["q05", "q25", "q50", "q75", "q95"]
MODELS = ("lstm", "random_walk", "ewma", "har")
SPLIT_AT = 70
KEYS = ["ticker", "model", "origin", "session", "window_sessions"]


def prices() -> dict[str, pd.DataFrame]:
    """A splits 2:1 as traded; B begins later and was away for a day; C moves little."""
    split = price_frame("A", DAYS, 1)
    split.loc[: SPLIT_AT - 1, ["open", "high", "low", "close"]] *= 2
    split.loc[SPLIT_AT, "split"] = 2.0
    gap = price_frame("B", np.delete(DAYS[20:], 40), 2)
    return {"A": split, "B": gap, "C": price_frame("C", DAYS, 3, volatility=0.004)}


def forecasts(tables: dict[str, pd.DataFrame], first: int = 5) -> pd.DataFrame:
    """Forecasts by four models from every session but one, the newest included."""
    random = np.random.default_rng(7)
    parts = []
    for ticker, table in tables.items():
        places = [at for at in range(first, len(table)) if at != 60]
        for model in MODELS:
            shift = 0.0 if model == "random_walk" else 0.004
            center = shift * random.normal(size=len(places))
            width = 0.02 * np.exp(0.3 * random.normal(size=len(places)))
            returns = center[:, None] + width[:, None] * np.array([-1.6, -0.6, 0.0, 0.6, 1.6])
            basis = table["close"].to_numpy()[places]
            own = pd.DataFrame(basis[:, None] * np.exp(returns), columns=QUANTILES)
            as_of = table["session"].to_numpy()[places]
            own = own.assign(
                ticker=ticker,
                as_of=as_of,
                target=NEW_YORK.sessions_after(as_of).astype("datetime64[s]"),
                origin="backtest",
                basis_close=basis,
                data_hash="0" * 16,
                model=model,
                model_id=pd.Series([None] * len(own), dtype="str"),
                predicted_close=own["q50"],
                predicted_return=center,
                scale=width,
            )
            parts.append(own)
    rows = pd.concat(parts, ignore_index=True)
    # One night of B went without the walk: what is compared with it is compared without that night.
    lost = (
        (rows["ticker"] == "B") & (rows["model"] == "random_walk") & (rows["as_of"] == rows["as_of"].iloc[50])
    )
    return rows[~lost].reset_index(drop=True)


def store(warehouse: Warehouse, frames: list[pd.DataFrame]) -> None:
    store_prices(warehouse, pd.concat(frames), NOTHING_REFUSED, source="files", run_id="run", moment=MOMENT)


def append(warehouse: Warehouse, rows: pd.DataFrame) -> None:
    append_forecasts(warehouse, rows, code_version="0", run_id="run", moment=MOMENT)


def metrics(warehouse: Warehouse) -> pd.DataFrame:
    with warehouse.read() as connection:
        found = connection.execute("FROM rolling_metrics").df()
    return found.sort_values(KEYS, ignore_index=True)


def pinball(actual: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    short = actual[:, None] - quantiles
    return np.where(short >= 0, LEVELS * short, (LEVELS - 1) * short).mean(axis=1)


def scored(tables: dict[str, pd.DataFrame], rows: pd.DataFrame) -> pd.DataFrame:
    """What became of each forecast, from plain dictionaries of prices."""
    close, adjusted, place = {}, {}, {}
    for ticker, table in tables.items():
        for number, (day, c, a) in enumerate(
            table[["session", "close", "adj_close"]].itertuples(index=False)
        ):
            close[ticker, day], adjusted[ticker, day], place[ticker, day] = c, a, number
    days = {ticker: list(table["session"]) for ticker, table in tables.items()}
    # A target without a price is compared with the next price of its ticker.
    outcomes = [
        next((day for day in days[ticker] if day >= target), pd.NaT)
        for ticker, target in zip(rows["ticker"], rows["target"], strict=True)
    ]
    own = rows.assign(outcome=outcomes).dropna(subset=["outcome"])
    own["late"] = own["outcome"] > own["target"]
    targets = list(zip(own["ticker"], own["outcome"], strict=True))
    bases = list(zip(own["ticker"], own["as_of"], strict=True))
    own["place"] = [place[key] for key in targets]
    own["actual"] = [np.log(adjusted[a] / adjusted[b]) for a, b in zip(targets, bases, strict=True)]
    own["actual_close"] = own["basis_close"] * np.exp(own["actual"])
    own["error"] = own["actual_close"] - own["predicted_close"]
    own["relative"] = own["error"].abs() / own["actual_close"]
    own["return_error"] = own["actual"] - own["predicted_return"]
    returns = np.log(own[QUANTILES].to_numpy() / own[["basis_close"]].to_numpy())
    own["pinball"] = pinball(own["actual"].to_numpy(), returns)
    own["crps"] = crps_quantile(own["actual"].to_numpy(), returns, LEVELS)
    own["winkler"] = interval_score(own["actual"].to_numpy(), returns[:, 0], returns[:, 4], 0.1)
    own["width"] = returns[:, 4] - returns[:, 0]
    own["in50"] = (returns[:, 1] <= own["actual"]) & (own["actual"] <= returns[:, 3])
    own["in90"] = (returns[:, 0] <= own["actual"]) & (own["actual"] <= returns[:, 4])
    return own


def slow_metrics(tables: dict[str, pd.DataFrame], rows: pd.DataFrame, split: float = 2.0) -> pd.DataFrame:
    every = scored(tables, rows)
    night = ["ticker", "origin", "as_of"]
    walk = every[every["model"] == "random_walk"].set_index(night)["return_error"].rename("walk")
    har = every[every["model"] == "har"].set_index(night)["pinball"].rename("har")
    every = every.join(walk, on=night).join(har, on=night)
    split_day = pd.Timestamp(DAYS[SPLIT_AT])
    found = []
    for (ticker, model, origin), own in every.groupby(["ticker", "model", "origin"]):
        column = {name: own[name].to_numpy() for name in own.columns}
        for window in METRIC_WINDOWS:
            for place, session in zip(column["place"], own["outcome"], strict=True):
                inside = (column["place"] > place - window) & (column["place"] <= place)
                part = {name: values[inside] for name, values in column.items()}
                # Prices before A's split are twice as many per share after it.
                crossed = (part["as_of"] < split_day) & (session >= split_day) & (ticker == "A")
                error = part["error"] / np.where(crossed, split, 1.0)
                missed, compare_losses = part["return_error"], ~np.isnan(part["walk"])
                against = part["walk"][compare_losses]
                lines = (part["predicted_return"] != 0) & (part["actual"] != 0)
                right = np.sign(part["predicted_return"][lines]) == np.sign(part["actual"][lines])
                found.append(
                    {
                        "ticker": ticker,
                        "model": model,
                        "origin": origin,
                        "session": session,
                        "window_sessions": window,
                        "n": inside.sum(),
                        "rmse": np.sqrt((error**2).mean()),
                        "mae": np.abs(error).mean(),
                        "mape": part["relative"].mean(),
                        "return_rmse": np.sqrt((missed**2).mean()),
                        "return_mae": np.abs(missed).mean(),
                        "rmse_skill": 1 - np.sqrt((missed[compare_losses] ** 2).sum() / (against**2).sum()),
                        "mae_skill": 1 - np.abs(missed[compare_losses]).sum() / np.abs(against).sum(),
                        "direction": right.mean() if len(right) else np.nan,
                        "pinball": part["pinball"].mean(),
                        "pinball_skill": 1 - part["pinball"].sum() / part["har"].sum(),
                        "crps": part["crps"].mean(),
                        "winkler_90": part["winkler"].mean(),
                        "width_90": part["width"].mean(),
                        "coverage_50": part["in50"].mean(),
                        "coverage_90": part["in90"].mean(),
                        "late": part["late"].sum(),
                    }
                )
    return pd.DataFrame(found).sort_values(KEYS, ignore_index=True)


def assert_equal_metrics(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    assert len(found) == len(expected)
    for name in ["ticker", "model", "origin", "window_sessions", "n"]:
        np.testing.assert_array_equal(found[name].to_numpy(), expected[name].to_numpy(), err_msg=name)
    np.testing.assert_array_equal(
        found["session"].to_numpy("datetime64[D]"), expected["session"].to_numpy("datetime64[D]")
    )
    for name in expected.columns.difference([*KEYS, "n"]):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-8, atol=1e-11, err_msg=name)


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return prices()


@pytest.fixture(scope="module")
def rows(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return forecasts(tables)


@pytest.fixture(scope="module")
def expected(tables: dict[str, pd.DataFrame], rows: pd.DataFrame) -> pd.DataFrame:
    return slow_metrics(tables, rows)


@pytest.fixture
def full(warehouse: Warehouse, tables: dict[str, pd.DataFrame], rows: pd.DataFrame) -> Warehouse:
    store(warehouse, list(tables.values()))
    append(warehouse, rows)
    return warehouse


def test_every_metric_is_that_of_a_slow_loop(full: Warehouse, expected: pd.DataFrame) -> None:
    assert refresh_rolling_metrics(full) == len(expected)
    assert_equal_metrics(metrics(full), expected)


def test_every_score_of_a_forecast_is_that_of_another_library(
    full: Warehouse, tables: dict[str, pd.DataFrame], rows: pd.DataFrame
) -> None:
    refresh_rolling_metrics(full)
    night = ["ticker", "as_of", "model"]
    with full.read() as connection:
        found = connection.execute("FROM scored_forecasts").df().sort_values(night, ignore_index=True)
    every = scored(tables, rows).sort_values(night, ignore_index=True)
    assert len(found) == len(every) > 1000
    for name, expected in (("crps", "crps"), ("winkler_90", "winkler"), ("width_90", "width")):
        np.testing.assert_allclose(found[name], every[expected], rtol=1e-9, err_msg=name)
    outside = every["winkler"] > every["width"] * (1 + 1e-9)
    assert 0.05 < outside.mean() < 0.95
    assert (outside == ~found["inside_90"]).all()


def test_the_ledger_behind_it_has_all_the_odd_cases(expected: pd.DataFrame, rows: pd.DataFrame) -> None:
    own = expected[(expected["ticker"] == "A") & (expected["window_sessions"] == 21)]
    last = own[(own["model"] == "lstm") & (own["session"] > pd.Timestamp(DAYS[SPLIT_AT]))]
    assert set(expected.loc[expected["ticker"] == "B", "late"]) == {0, 1}
    # The session without a forecast makes n smaller; no window reaches further back for it.
    assert set(last["n"]) == {20, 21}
    assert expected.loc[expected["model"] == "random_walk", "direction"].isna().all()
    walks = rows[rows["model"] == "random_walk"].groupby("ticker").size()
    assert walks["B"] + 1 == (rows[rows["ticker"] == "B"]["model"] == "har").sum()


def test_a_second_time_there_is_nothing_to_do(full: Warehouse) -> None:
    refresh_rolling_metrics(full)
    before = metrics(full)
    assert refresh_rolling_metrics(full) == 0
    pd.testing.assert_frame_equal(metrics(full), before, check_exact=True)


def test_an_empty_warehouse_has_nothing_to_score(warehouse: Warehouse) -> None:
    assert refresh_rolling_metrics(warehouse) == 0


def test_session_by_session_gives_what_scoring_all_at_once_gives(
    warehouse: Warehouse, tables: dict[str, pd.DataFrame], rows: pd.DataFrame, expected: pd.DataFrame
) -> None:
    written = 0
    cuts = [pd.Timestamp(DAYS[at]) for at in (30, 31, SPLIT_AT - 1, SPLIT_AT, SPLIT_AT + 1, len(DAYS) - 1)]
    for cut in cuts:
        store(warehouse, [table[table["session"] <= cut] for table in tables.values()])
        append(warehouse, rows[rows["as_of"] <= cut])
        written += refresh_rolling_metrics(warehouse)
    assert written == len(expected)
    assert_equal_metrics(metrics(warehouse), expected)


def test_a_ticker_that_comes_late_is_scored_from_its_beginning(
    warehouse: Warehouse, tables: dict[str, pd.DataFrame], rows: pd.DataFrame, expected: pd.DataFrame
) -> None:
    store(warehouse, [tables["A"], tables["C"]])
    append(warehouse, rows[rows["ticker"] != "B"])
    refresh_rolling_metrics(warehouse)
    store(warehouse, [tables["B"]])
    append(warehouse, rows[rows["ticker"] == "B"])
    refresh_rolling_metrics(warehouse)
    assert_equal_metrics(metrics(warehouse), expected)


def test_origins_are_never_mixed(full: Warehouse, rows: pd.DataFrame, expected: pd.DataFrame) -> None:
    nightly = rows[rows["as_of"] >= pd.Timestamp(DAYS[80])].assign(origin="nightly")
    append(full, nightly)
    refresh_rolling_metrics(full)
    found = metrics(full)
    assert_equal_metrics(found[found["origin"] == "backtest"].reset_index(drop=True), expected)
    live = found[(found["origin"] == "nightly") & (found["window_sessions"] == 63)]
    assert live["n"].max() == len(DAYS) - 1 - 80


def test_a_vendor_that_restates_a_split_changes_no_metric(
    warehouse: Warehouse, tables: dict[str, pd.DataFrame], rows: pd.DataFrame, expected: pd.DataFrame
) -> None:
    """The forecasts before the split stay in the old units, the prices are all in the new ones."""
    restated = tables["A"].copy()
    restated.loc[: SPLIT_AT - 1, ["open", "high", "low", "close"]] /= 2
    store(warehouse, list(tables.values()))
    store(warehouse, [restated])
    append(warehouse, rows)
    refresh_rolling_metrics(warehouse)
    found = metrics(warehouse)
    early = (expected["ticker"] == "A") & (expected["session"] < pd.Timestamp(DAYS[SPLIT_AT]))
    # Errors before the split are now reported in the units that those closes have been given.
    halved = expected.copy()
    halved.loc[early, ["rmse", "mae"]] /= 2
    assert_equal_metrics(found, halved)


def test_a_failed_refresh_leaves_the_metrics_as_they_were(
    full: Warehouse, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from stockjax.scoring import rolling

    refresh_rolling_metrics(full)
    before = metrics(full)
    with full.write() as connection:
        connection.execute(
            "DELETE FROM rolling_metrics WHERE session = (SELECT max(session) FROM rolling_metrics)"
        )
        connection.execute("INSERT INTO unscored SELECT ticker, max(session) FROM prices GROUP BY ticker")
    thinner = metrics(full)
    assert len(thinner) < len(before)
    real = rolling.statement
    monkeypatch.setattr(
        rolling,
        "statement",
        lambda name: "SELECT nonsense" if name == "insert_rolling_metrics" else real(name),
    )
    with pytest.raises(Exception, match="nonsense"):
        refresh_rolling_metrics(full)
    pd.testing.assert_frame_equal(metrics(full), thinner, check_exact=True)
    monkeypatch.undo()
    refresh_rolling_metrics(full)
    assert_equal_metrics(metrics(full), before)


@pytest.mark.parametrize(("lowest", "highest"), [(1e-9, 1e6), (1e6, 1e-9)])
def test_a_ticker_of_absurd_prices_does_not_stop_the_scoring_of_another(
    warehouse: Warehouse, lowest: float, highest: float
) -> None:
    good, absurd = price_frame("A", DAYS, 1), price_frame("B", DAYS, 2)
    factors = np.geomspace(lowest, highest, len(DAYS))
    for name in ("open", "high", "low", "close", "adj_close"):
        absurd[name] *= factors
    both = {"A": good, "B": absurd}
    store(warehouse, list(both.values()))
    rows = forecasts(both)
    append(warehouse, rows)
    assert refresh_rolling_metrics(warehouse) > 0
    found = metrics(warehouse)
    assert np.isfinite(found[["rmse", "mae", "mape", "return_rmse", "pinball", "winkler_90"]]).all(axis=None)
    assert set(found["ticker"]) == {"A", "B"}
    expected = slow_metrics({"A": good}, rows[rows["ticker"] == "A"], split=1.0)
    assert_equal_metrics(found[found["ticker"] == "A"].reset_index(drop=True), expected)
