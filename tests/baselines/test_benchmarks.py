import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from stockjax.baselines import BASELINES, baseline_forecasts
from stockjax.baselines.benchmarks import ewma, har, random_walk
from stockjax.baselines.empirical_quantiles import empirical_quantiles, trailing_windows
from stockjax.baselines.har import har_volatility
from stockjax.distribution import LEVELS
from stockjax.features import PricePanel
from tests.support.synthetic import PRICES, history_of, price_frame, scrambled_after, universe

Places = tuple[np.ndarray, np.ndarray]


def returns_up_to(history: PricePanel, row: int, position: int) -> np.ndarray:
    return np.diff(np.log(history.adj_close[row, : position + 1]))


@pytest.fixture(scope="module")
def made_up() -> PricePanel:
    return universe({"A": 420, "B": 330, "C": 70})


PLACES: Places = (np.array([0, 0, 0, 1, 2, 2]), np.array([419, 300, 40, 328, 69, 30]))


def test_the_random_walk_has_the_quantiles_of_the_last_250_returns_around_zero(made_up: PricePanel) -> None:
    forecast = random_walk(made_up, *PLACES)
    for number, (row, position) in enumerate(zip(*PLACES, strict=True)):
        sample = returns_up_to(made_up, row, position)[-250:]
        quantiles = np.quantile(sample, [0.05, 0.25, 0.5, 0.75, 0.95])
        np.testing.assert_allclose(forecast.quantiles[number], quantiles - quantiles[2], rtol=1e-12)
        assert forecast.scale[number] == pytest.approx(np.std(sample), rel=1e-12)


def test_the_median_of_random_walk_and_ewma_is_exactly_zero(sample_history: PricePanel) -> None:
    rows = np.arange(5)
    for model in (random_walk, ewma):
        median = model(sample_history, rows, sample_history.lengths - 1).quantiles[:, 2]
        np.testing.assert_array_equal(median, 0.0)


def test_ewma_is_a_gaussian_with_the_volatility_of_pandas(made_up: PricePanel) -> None:
    forecast = ewma(made_up, *PLACES)
    for number, (row, position) in enumerate(zip(*PLACES, strict=True)):
        squares = pd.Series(returns_up_to(made_up, row, position) ** 2)
        scale = float(np.sqrt(squares.ewm(alpha=1 - 0.94, adjust=True).mean().iloc[-1]))
        assert forecast.scale[number] == pytest.approx(scale, rel=1e-10)
        expected = stats.norm(0, scale).ppf([0.05, 0.25, 0.5, 0.75, 0.95])
        np.testing.assert_allclose(forecast.quantiles[number], expected, rtol=1e-9, atol=1e-15)


def test_har_is_its_volatility_times_the_quantiles_of_250_scaled_returns(made_up: PricePanel) -> None:
    forecast = har(made_up, *PLACES)
    volatility = har_volatility(made_up, np.ones(made_up.close.shape, dtype=bool))
    for number, (row, position) in enumerate(zip(*PLACES, strict=True)):
        # The return of session t + 1 is over the volatility expected at t; the first has none.
        residuals = returns_up_to(made_up, row, position)[1:] / volatility[row, 1:position]
        sample = residuals[-250:]
        expected = volatility[row, position] * np.quantile(sample, [0.05, 0.25, 0.5, 0.75, 0.95])
        np.testing.assert_allclose(forecast.quantiles[number], expected, rtol=1e-10)
        assert forecast.scale[number] == pytest.approx(volatility[row, position] * np.std(sample))


def test_all_baselines_forecast_and_their_quantiles_ascend(sample_history: PricePanel) -> None:
    random = np.random.default_rng(0)
    rows = random.integers(0, 5, 60)
    positions = random.integers(63, sample_history.lengths[rows])
    forecasts = baseline_forecasts(sample_history, rows, positions)
    assert list(forecasts) == ["random_walk", "ewma", "har"]
    for forecast in forecasts.values():
        assert forecast.quantiles.shape == (60, len(LEVELS))
        assert np.isfinite(forecast.quantiles).all()
        assert (np.diff(forecast.quantiles, axis=1) > 0).all()
        assert (forecast.scale > 0).all()


@settings(deadline=None, max_examples=10)
@given(position=st.integers(64, 3268), seed=st.integers(0, 2**31))
def test_baselines_know_nothing_of_later_real_sessions(
    sample_history: PricePanel, position: int, seed: int
) -> None:
    assert_no_look_ahead(sample_history, position, seed)


@settings(deadline=None, max_examples=15)
@given(position=st.integers(5, 418), seed=st.integers(0, 2**31))
def test_baselines_know_nothing_of_later_made_up_sessions(position: int, seed: int) -> None:
    assert_no_look_ahead(universe({"A": 420, "B": 330, "C": 70}), position, seed)


def assert_no_look_ahead(history: PricePanel, position: int, seed: int) -> None:
    last = history.sessions[int(history.lengths.argmax()), position].item()
    cut = history.cut(last)
    rows = np.flatnonzero(cut.lengths > 3)
    positions = cut.lengths[rows] - 1
    expected = baseline_forecasts(cut, rows, positions)
    for later in (history, scrambled_after(history, last, seed)):
        found = baseline_forecasts(later, rows, positions)
        for name in BASELINES:
            assert found[name].quantiles.tobytes() == expected[name].quantiles.tobytes()
            assert found[name].scale.tobytes() == expected[name].scale.tobytes()


@settings(deadline=None, max_examples=15)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(31, 68)), min_size=1, max_size=12))
def test_a_forecast_has_the_same_bits_whatever_else_is_forecast(places: list[tuple[int, int]]) -> None:
    history = universe({"A": 420, "B": 330, "C": 70})
    rows, positions = (np.array(column) for column in zip(*places, strict=True))
    together = baseline_forecasts(history, rows, positions)
    for number in range(len(places)):
        alone = baseline_forecasts(history, rows[number : number + 1], positions[number : number + 1])
        for name in BASELINES:
            assert alone[name].quantiles[0].tobytes() == together[name].quantiles[number].tobytes()
            assert alone[name].scale[0] == together[name].scale[number]


@pytest.mark.parametrize("model", list(BASELINES))
def test_a_split_does_not_show_in_a_forecast(model: str) -> None:
    days = np.datetime64("2012-01-02") + np.arange(300)
    adjusted = price_frame("A", days, 5)
    traded = adjusted.copy()
    traded.loc[:249, list(PRICES[:4])] *= 4.0
    place = np.array([0]), np.array([299])
    one = BASELINES[model](history_of([adjusted]), *place)
    other = BASELINES[model](history_of([traded]), *place)
    np.testing.assert_allclose(one.quantiles, other.quantiles, rtol=1e-7, atol=1e-15)


@pytest.mark.parametrize("model", list(BASELINES))
def test_a_price_that_never_moved_gives_finite_quantiles(model: str) -> None:
    days = np.datetime64("2012-01-02") + np.arange(300)
    dull = price_frame("A", days, 5).assign(open=9.0, high=9.0, low=9.0, close=9.0, adj_close=9.0)
    forecast = BASELINES[model](history_of([dull]), np.array([0]), np.array([299]))
    assert np.isfinite(forecast.quantiles).all()
    assert np.isfinite(forecast.scale).all()
    assert (np.diff(forecast.quantiles) >= 0).all()


def test_trailing_windows_end_at_each_position() -> None:
    values = np.arange(20.0).reshape(2, 10)
    found = trailing_windows(values, np.array([1, 0]), np.array([9, 1]), 4)
    np.testing.assert_array_equal(found, [[16, 17, 18, 19], [np.nan, np.nan, 0, 1]])


@settings(deadline=None, max_examples=50)
@given(st.lists(st.one_of(st.just(float("nan")), st.floats(-9, 9)), min_size=1, max_size=30))
def test_empirical_quantiles_leave_out_what_is_not_known(values: list[float]) -> None:
    known = [value for value in values if not np.isnan(value)]
    if known:
        expected = np.percentile(known, [5, 25, 50, 75, 95], method="linear")
        np.testing.assert_allclose(empirical_quantiles(np.array([values]))[0], expected, atol=1e-12)
