import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockjax.features import PricePanel
from stockjax.features.volatility import (
    SMALLEST_VOLATILITY,
    ewma_volatility,
    exponential_mean,
    log_returns,
    log_variance,
    overnight_returns,
    trailing_mean,
    volume_surprise,
)
from tests.support.synthetic import PRICES, history_of, price_frame, scrambled_after, universe

DAYS = np.datetime64("2013-01-07") + np.arange(60)
NUMBERS = st.one_of(st.just(float("nan")), st.floats(-100, 100))


def two_sessions(**second: float) -> PricePanel:
    first = {"open": 97.0, "high": 99.0, "low": 96.0, "close": 98.0, "adj_close": 98.0, "volume": 1.0}
    rows = [{"ticker": "A", "session": DAYS[at], **row} for at, row in enumerate([first, second])]
    return history_of([pd.DataFrame(rows)])


def test_a_return_is_the_log_ratio_of_adjusted_closes() -> None:
    history = two_sessions(open=100, high=110, low=95, close=105, adj_close=102.9, volume=1)
    returns = log_returns(history)
    assert math.isnan(returns[0, 0])
    assert returns[0, 1] == pytest.approx(math.log(102.9 / 98))


def test_the_overnight_return_adjusts_the_open_as_the_close_was_adjusted() -> None:
    history = two_sessions(open=100, high=110, low=95, close=105, adj_close=102.9, volume=1)
    gaps = overnight_returns(history)
    assert math.isnan(gaps[0, 0])
    assert gaps[0, 1] == pytest.approx(math.log(100 * 102.9 / 105 / 98))


def test_log_variance_is_garman_klass_plus_the_squared_gap() -> None:
    history = two_sessions(open=100, high=110, low=95, close=105, adj_close=105, volume=1)
    reach, move, gap = math.log(110 / 95), math.log(105 / 100), math.log(100 / 98)
    expected = 0.5 * reach**2 - (2 * math.log(2) - 1) * move**2 + gap**2
    found = log_variance(history, np.array([[np.nan, 0.01]]))
    assert math.isnan(found[0, 0])
    assert found[0, 1] == pytest.approx(math.log(expected), rel=1e-12)


def test_a_session_without_a_range_keeps_a_hundredth_of_the_usual_variance() -> None:
    history = two_sessions(open=98, high=98, low=98, close=98, adj_close=98, volume=0)
    found = log_variance(history, np.array([[np.nan, 0.03]]))
    assert found[0, 1] == pytest.approx(math.log(0.01 * 0.03**2))


def test_the_variance_of_the_sample_is_that_of_a_loop(sample_history: PricePanel) -> None:
    row = sample_history.tickers.index("AAPL")
    volatility = ewma_volatility(log_returns(sample_history))
    found = log_variance(sample_history, volatility)
    for at in (1, 78, 148, 1254, 3269):
        o, h, low, c = (getattr(sample_history, name)[row, at] for name in ("open", "high", "low", "close"))
        adjusted, before = sample_history.adj_close[row, at], sample_history.adj_close[row, at - 1]
        variance = (
            0.5 * math.log(h / low) ** 2
            - (2 * math.log(2) - 1) * math.log(c / o) ** 2
            + math.log(o * adjusted / c / before) ** 2
        )
        assert found[row, at] == pytest.approx(
            math.log(max(variance, 0.01 * volatility[row, at] ** 2)), rel=1e-9
        )


def test_ewma_volatility_is_that_of_pandas(sample_history: PricePanel) -> None:
    returns = log_returns(sample_history)
    volatility = ewma_volatility(returns)
    for row, length in enumerate(sample_history.lengths):
        own = pd.Series(returns[row, :length])
        expected = np.sqrt((own**2).ewm(alpha=0.06, adjust=True).mean())
        np.testing.assert_allclose(volatility[row, :length], expected, rtol=1e-10)
    assert np.isnan(volatility[:, 0]).all()


def test_a_price_that_never_moves_has_the_smallest_volatility() -> None:
    volatility = ewma_volatility(np.array([[np.nan, 0.0, 0.0, 0.0]]))
    np.testing.assert_array_equal(volatility[0, 1:], SMALLEST_VOLATILITY)


@settings(deadline=None, max_examples=60)
@given(values=st.lists(NUMBERS, min_size=1, max_size=40), decay=st.floats(0.05, 0.99))
def test_the_exponential_mean_is_that_of_pandas_gaps_included(values: list[float], decay: float) -> None:
    expected = pd.Series(values).ewm(alpha=1 - decay, adjust=True, ignore_na=False).mean()
    found = exponential_mean(np.array([values]), decay)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-7)


def test_a_value_that_counts_twice_is_as_good_as_two() -> None:
    values, decay = np.array([[2.0, np.nan, 5.0, 7.0]]), 0.8
    found = exponential_mean(values, decay, np.array([[2.0, 9.0, 0.5, 1.0]]))[0]
    weights = np.array([2.0 * decay**3, 0.5 * decay, 1.0])
    assert found[-1] == pytest.approx(np.average([2.0, 5.0, 7.0], weights=weights))
    np.testing.assert_array_equal(found[:2], 2.0)


def test_a_volume_is_compared_with_those_before_it() -> None:
    volume = np.array([[100.0, 100.0, 0.0, 300.0, np.nan]])
    found = volume_surprise(volume)[0]
    # A session without trade has no volume to compare, and counts in no mean.
    np.testing.assert_allclose(found, [np.nan, 0.0, np.nan, math.log(3), np.nan], atol=1e-12)


def test_the_mean_of_a_series_has_the_same_bits_alone_and_among_many() -> None:
    values = np.random.default_rng(5).normal(size=(20, 300))
    values[3, :50] = values[4, 90:] = values[5, 70:75] = np.nan
    together = exponential_mean(values, 0.94)
    for row, own in enumerate(values):
        np.testing.assert_array_equal(exponential_mean(own[np.newaxis], 0.94)[0], together[row])


@settings(deadline=None, max_examples=60)
@given(values=st.lists(NUMBERS, min_size=1, max_size=40), window=st.integers(1, 60))
def test_the_trailing_mean_is_that_of_pandas(values: list[float], window: int) -> None:
    expected = pd.Series(values).rolling(window, min_periods=1).mean()
    found = trailing_mean(np.array([values]), window)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_a_split_shows_in_no_return_gap_or_variance() -> None:
    adjusted = price_frame("A", DAYS, 3)
    traded = adjusted.copy()
    traded.loc[:29, ["open", "high", "low", "close"]] *= 7.0
    one, other = history_of([adjusted]), history_of([traded])
    np.testing.assert_allclose(log_returns(one), log_returns(other), rtol=1e-12)
    np.testing.assert_allclose(overnight_returns(one), overnight_returns(other), rtol=1e-9, atol=1e-15)
    volatility = ewma_volatility(log_returns(one))
    np.testing.assert_allclose(
        log_variance(one, volatility), log_variance(other, volatility), rtol=1e-9, atol=1e-12
    )


@settings(deadline=None, max_examples=20)
@given(position=st.integers(1, 398), seed=st.integers(0, 2**31))
def test_volatility_and_variance_know_nothing_of_later_sessions(position: int, seed: int) -> None:
    history = universe({"A": 400, "B": 300, "C": 40})
    last = history.sessions[0, position].item()
    cut = history.cut(last)

    def known(whole: PricePanel) -> list[bytes]:
        volatility = ewma_volatility(log_returns(whole))
        variance = log_variance(whole, volatility)
        columns = (volatility, variance, trailing_mean(variance, 22))
        return [
            column[row, :length].tobytes() for column in columns for row, length in enumerate(cut.lengths)
        ]

    expected = known(cut)
    assert known(history) == expected
    assert known(scrambled_after(history, last, seed)) == expected


def test_the_tickers_next_to_it_do_not_change_a_volatility() -> None:
    history = universe({"A": 400, "B": 300, "C": 40})
    together = ewma_volatility(log_returns(history))
    for row, ticker in enumerate(history.tickers):
        alone = history.only([ticker]).cut(history.sessions[0, 399])
        length = int(alone.lengths[0])
        assert ewma_volatility(log_returns(alone))[0].tobytes() == together[row, :length].tobytes()


def test_volatility_does_not_depend_on_the_currency() -> None:
    history = universe({"A": 200})
    cheap = replace(history, **{name: getattr(history, name) / 1000 for name in PRICES})
    one, other = (ewma_volatility(log_returns(h)) for h in (history, cheap))
    np.testing.assert_allclose(one, other, rtol=1e-9)
