from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from stockjax.baselines import baseline_forecasts
from stockjax.features import Features, PricePanel, build_features
from stockjax.forecasting.ledger_rows import MODELS, forecast_rows
from stockjax.forecasting.plan import Origin
from stockjax.model.network import apply_network
from stockjax.registry import Model
from stockjax.sessions import Exchange
from stockjax.training.windows import WINDOW
from tests.support.synthetic import NEW_YORK, SMALL, some_model, universe

ROWS, POSITIONS = np.array([0, 0, 1, 2]), np.array([399, 300, 298, 69])
EXCHANGES = dict.fromkeys("ABC", NEW_YORK)
ORIGINS: dict[str, Origin] = dict.fromkeys("ABC", "nightly")
QUANTILES = ["q05", "q25", "q50", "q75", "q95"]


@pytest.fixture(scope="module")
def history() -> PricePanel:
    return universe({"A": 400, "B": 300, "C": 70})


@pytest.fixture(scope="module")
def features(history: PricePanel) -> Features:
    return build_features(history)


@pytest.fixture(scope="module")
def models() -> list[Model]:
    return [some_model("A", 1), some_model("A", 1), some_model("B", 2), some_model(None, 3)]


@pytest.fixture(scope="module")
def rows(history: PricePanel, features: Features, models: list[Model]) -> pd.DataFrame:
    return forecast_rows(history, features, ROWS, POSITIONS, models, EXCHANGES, ORIGINS)


def test_every_place_has_a_row_of_each_model(rows: pd.DataFrame, history: PricePanel) -> None:
    assert MODELS == ("lstm", "random_walk", "ewma", "har")
    assert len(rows) == 16
    for _, own in rows.groupby(["ticker", "as_of"]):
        assert sorted(own["model"]) == sorted(MODELS)
    found = set(zip(rows["ticker"], rows["as_of"].dt.date, strict=True))
    days = history.sessions[ROWS, POSITIONS].tolist()
    assert found == set(zip(["A", "A", "B", "C"], days, strict=True))
    assert (rows["origin"] == "nightly").all()


def test_quantiles_ascend_and_the_middle_is_the_point(rows: pd.DataFrame) -> None:
    table = rows[QUANTILES].to_numpy()
    assert (np.diff(table, axis=1) > 0).all()
    np.testing.assert_array_equal(rows["q50"], rows["predicted_close"])
    assert (rows["scale"] > 0).all()


def test_prices_are_the_basis_times_the_exponential_of_a_return(
    rows: pd.DataFrame, history: PricePanel
) -> None:
    closes = dict(zip(zip("AABC", POSITIONS, strict=True), history.close[ROWS, POSITIONS], strict=True))
    assert set(rows["basis_close"]) == set(closes.values())
    np.testing.assert_allclose(
        rows["predicted_close"], rows["basis_close"] * np.exp(rows["predicted_return"]), rtol=1e-12
    )
    for name, forecast in baseline_forecasts(history, ROWS, POSITIONS).items():
        own = rows[rows["model"] == name]
        returns = np.log(own[QUANTILES].to_numpy() / own["basis_close"].to_numpy()[:, None])
        np.testing.assert_allclose(returns, forecast.quantiles, rtol=1e-9, atol=1e-14)
        np.testing.assert_array_equal(own["scale"], forecast.scale)


def test_the_random_walk_says_the_last_close(rows: pd.DataFrame) -> None:
    walk = rows[rows["model"] == "random_walk"]
    np.testing.assert_array_equal(walk["predicted_close"], walk["basis_close"])
    np.testing.assert_array_equal(walk["predicted_return"], 0.0)


def test_the_network_speaks_in_residuals_of_its_corrected_scale(
    rows: pd.DataFrame, features: Features, models: list[Model]
) -> None:
    lstm = rows[rows["model"] == "lstm"].reset_index(drop=True)
    for number, (row, position) in enumerate(zip(ROWS, POSITIONS, strict=True)):
        window = features.inputs[row, max(position + 1 - WINDOW, 0) : position + 1]
        window = np.concatenate([np.zeros((WINDOW - len(window), window.shape[1]), np.float32), window])
        parameters = models[number].parameters
        said = []
        for seed in range(SMALL.seeds):
            predict_distribution = apply_network(_pick(parameters["network"], seed), window[None])
            location, log_scale, freedom = (np.asarray(part, dtype=float) for part in predict_distribution)
            said.append((location[0, -1], log_scale[0, -1], float(freedom)))
        location, log_scale, freedom = np.mean(said, axis=0)
        own = {name: np.asarray(value, dtype=float) for name, value in parameters["adapter"].items()}
        correction = own["weights"][0]
        for weight, center, spread, value in zip(
            own["weights"][1:], own["center"], own["spread"], features.inputs[row, position], strict=True
        ):
            correction += weight * (float(value) - center) / spread
        assert abs(correction) > 1e-3
        unit, scale = features.volatility[row, position], np.exp(log_scale + correction)
        expected = lstm.loc[number, "basis_close"] * np.exp(
            unit * (location + scale * parameters["residuals"])
        )
        np.testing.assert_allclose(lstm.loc[number, QUANTILES].to_numpy(float), expected, rtol=1e-6)
        assert lstm.loc[number, "scale"] == pytest.approx(unit * stats.t.std(freedom, scale=scale), rel=1e-4)


def test_a_base_without_a_correction_keeps_the_scale_of_its_network(
    history: PricePanel, features: Features, models: list[Model]
) -> None:
    def forecast(weights: np.ndarray) -> pd.DataFrame:
        parameters = models[3].parameters
        changed = replace(
            models[3], parameters={**parameters, "adapter": {**parameters["adapter"], "weights": weights}}
        )
        found = forecast_rows(history, features, ROWS[3:], POSITIONS[3:], [changed], EXCHANGES, ORIGINS)
        return found[found["model"] == "lstm"]

    nothing = np.zeros_like(models[3].parameters["adapter"]["weights"])
    constant = nothing.copy()
    constant[0] = np.log(2)
    plain, doubled = forecast(nothing), forecast(constant)
    assert doubled["scale"].item() == pytest.approx(2 * plain["scale"].item(), rel=1e-6)
    widths = [np.log(table["q95"].item() / table["q05"].item()) for table in (plain, doubled)]
    assert widths[1] == pytest.approx(2 * widths[0], rel=1e-6)


def _pick(tree: dict[str, Any], seed: int) -> dict[str, Any]:
    return {
        name: _pick(value, seed) if isinstance(value, dict) else np.asarray(value)[seed]
        for name, value in tree.items()
    }


def test_the_network_is_named_and_baselines_are_not(rows: pd.DataFrame, models: list[Model]) -> None:
    lstm = rows[rows["model"] == "lstm"]
    assert list(lstm["model_id"]) == [model.model_id for model in models]
    assert rows.loc[rows["model"] != "lstm", "model_id"].isna().all()


def test_the_data_hash_is_that_of_the_prices_known(rows: pd.DataFrame, history: PricePanel) -> None:
    for row, position in zip(ROWS, POSITIONS, strict=True):
        day = history.sessions[row, position]
        own = rows[(rows["ticker"] == history.tickers[row]) & (rows["as_of"] == day)]
        assert set(own["data_hash"]) == set(history.cut(day).fingerprints(row, [position]))
    assert rows["data_hash"].nunique() == 4


def test_a_restated_price_changes_the_hash_of_what_used_it(
    rows: pd.DataFrame, history: PricePanel, features: Features, models: list[Model]
) -> None:
    volume = history.volume.copy()
    volume[0, 350] += 1
    again = forecast_rows(
        replace(history, volume=volume), features, ROWS, POSITIONS, models, EXCHANGES, ORIGINS
    )
    changed = rows["data_hash"] != again["data_hash"]
    late = (rows["ticker"] == "A") & (rows["as_of"] == history.sessions[0, 399])
    pd.testing.assert_series_equal(changed, late, check_names=False)


def test_the_target_is_the_next_session_of_the_exchange(rows: pd.DataFrame) -> None:
    for as_of, target in zip(rows["as_of"], rows["target"], strict=True):
        assert target.date() == NEW_YORK.next_session(as_of.date())
    last = rows["as_of"].max()
    assert last.date() == date(2013, 3, 1)
    assert set(rows.loc[rows["as_of"] == last, "target"]) == {pd.Timestamp("2013-03-04")}


def test_a_place_has_the_same_row_alone_and_among_others(
    rows: pd.DataFrame, history: PricePanel, features: Features, models: list[Model]
) -> None:
    for number in range(4):
        some = slice(number, number + 1)
        alone = forecast_rows(
            history, features, ROWS[some], POSITIONS[some], models[some], EXCHANGES, ORIGINS
        )
        among = rows.iloc[number::4].reset_index(drop=True)
        pd.testing.assert_frame_equal(alone, among, check_exact=True)


def test_every_ticker_has_the_calendar_and_the_origin_of_its_own(
    rows: pd.DataFrame, history: PricePanel, features: Features, models: list[Model]
) -> None:
    # On the Friday London and New York are about the Monday, the market that never closes the Saturday.
    exchanges = {"A": Exchange("24/7"), "B": Exchange("XLON"), "C": NEW_YORK}
    origins: dict[str, Origin] = {"A": "catchup", "B": "nightly", "C": "backtest"}
    found = forecast_rows(history, features, ROWS, POSITIONS, models, exchanges, origins)
    for ticker, as_of, target, origin in zip(
        found["ticker"], found["as_of"], found["target"], found["origin"], strict=True
    ):
        assert target.date() == exchanges[ticker].next_session(as_of.date())
        assert origin == origins[ticker]
    assert pd.Timestamp("2013-03-02") in set(found.loc[found["ticker"] == "A", "target"])
    others = [name for name in rows.columns if name not in ("target", "origin")]
    pd.testing.assert_frame_equal(found[others], rows[others], check_exact=True)
