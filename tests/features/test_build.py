import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockjax.features import FEATURE_NAMES, PricePanel, build_features
from stockjax.features.event_inputs import EVENT_FEATURES
from stockjax.features.implied_volatility import IMPLIED_FEATURES
from tests.support.synthetic import PRICES, history_of, price_frame, scrambled_after, universe

NOT_OF_PRICES = (*EVENT_FEATURES, *IMPLIED_FEATURES)
"""Inputs that are 0 where no announcement or index is known; they have tests of their own."""


def clip(value: float, limit: float = 8.0) -> float:
    return min(max(value, -limit), limit)


class Slow:
    """One ticker's numbers session by session, in plain loops over plain floats."""

    def __init__(self, history: PricePanel, row: int) -> None:
        size = int(history.lengths[row])
        o, h, low, c, adjusted, volume = (
            getattr(history, name)[row, :size].tolist() for name in (*PRICES, "volume")
        )
        self.days = history.sessions[row, :size].tolist()
        self.columns: list[dict[str, float]] = [{}] if size else []
        self.volatility = [math.nan]
        variances: list[float] = []
        square = weight = usual = usual_weight = 0.0
        for at in range(size):
            log_volume = math.log(volume[at])
            usual = log_volume + 0.5 ** (1 / 20) * usual
            usual_weight = 1 + 0.5 ** (1 / 20) * usual_weight
            if at == 0:
                continue
            moved = math.log(adjusted[at] / adjusted[at - 1])
            gap = math.log(o[at] * adjusted[at] / c[at] / adjusted[at - 1])
            square, weight = moved**2 + 0.94 * square, 1 + 0.94 * weight
            scale = max(math.sqrt(square / weight), 1e-4)
            self.volatility.append(scale)
            garman_klass = (
                0.5 * math.log(h[at] / low[at]) ** 2 - (2 * math.log(2) - 1) * math.log(c[at] / o[at]) ** 2
            )
            variances.append(math.log(max(garman_klass + gap**2, 0.01 * scale**2)))
            column = {
                "return": moved / scale,
                "overnight": gap / scale,
                "range": math.log(h[at] / low[at]) / scale,
                "absolute_return": abs(moved / scale),
                "volume": clip(log_volume - usual / usual_weight, 3.0),
                "weekday_sine": math.sin(2 * math.pi * self.days[at].weekday() / 7),
                "weekday_cosine": math.cos(2 * math.pi * self.days[at].weekday() / 7),
            }
            for window in (1, 5, 22, 120):
                recent = variances[-window:]
                column[f"log_vol_ratio_{window}"] = 0.5 * sum(recent) / len(recent) - math.log(scale)
            self.columns.append(column)


def slow_inputs(history: PricePanel) -> dict[tuple[int, int], dict[str, float]]:
    tickers = [Slow(history, row) for row in range(len(history.tickers))]
    market: dict[object, list[dict[str, float]]] = {}
    for ticker in tickers:
        for day, column in zip(ticker.days, ticker.columns, strict=True):
            if column:
                market.setdefault(day, []).append(column)
    found = {}
    sources = {
        "market_return": "return",
        "market_absolute_return": "absolute_return",
        "market_log_vol_ratio_1": "log_vol_ratio_1",
        "market_log_vol_ratio_5": "log_vol_ratio_5",
    }
    for row, ticker in enumerate(tickers):
        for at, (day, column) in enumerate(zip(ticker.days, ticker.columns, strict=True)):
            if column:
                there = market[day]
                means = {
                    name: sum(clip(other[source]) for other in there) / len(there)
                    for name, source in sources.items()
                }
                of_prices = {name: clip(value) for name, value in {**column, **means}.items()}
                found[row, at] = {**of_prices, **dict.fromkeys(NOT_OF_PRICES, 0.0)}
    return found


def test_every_input_is_that_of_a_slow_loop_on_a_made_up_universe() -> None:
    history = universe({"A": 300, "B": 280, "C": 30})
    inputs = build_features(history).inputs
    expected = slow_inputs(history)
    assert len(expected) == int(history.lengths.sum()) - 3
    table = np.array([[column[name] for name in FEATURE_NAMES] for column in expected.values()])
    rows, positions = np.array(list(expected)).T
    np.testing.assert_allclose(inputs[rows, positions], table, rtol=2e-6, atol=2e-6)
    informative = table.std(axis=0) > 0
    of_prices = [name not in NOT_OF_PRICES for name in FEATURE_NAMES]
    assert informative.tolist() == of_prices


def test_every_input_is_that_of_a_slow_loop_on_real_prices(sample_history: PricePanel) -> None:
    history = sample_history.cut(sample_history.sessions[0, 1300])
    inputs = build_features(history).inputs
    expected = slow_inputs(history)
    rows, positions = np.array(list(expected)).T
    table = np.array([[column[name] for name in FEATURE_NAMES] for column in expected.values()])
    np.testing.assert_allclose(inputs[rows, positions], table, rtol=1e-5, atol=1e-5)


def test_a_small_case_by_hand() -> None:
    days = ["2013-02-27", "2013-02-28", "2013-03-01"]
    rows = {
        "ticker": "A",
        "session": np.array(days, dtype="datetime64[D]"),
        "open": [10.0, 10.0, 11.0],
        "high": [10.5, 11.5, 12.0],
        "low": [9.5, 10.0, 10.0],
        "close": [10.0, 11.0, 10.5],
        "adj_close": [10.0, 11.0, 10.5],
        "volume": [100.0, 100.0, 200.0],
    }
    features = build_features(history_of([pd.DataFrame(rows)]))
    inputs = dict(zip(FEATURE_NAMES, features.inputs[0, 2].tolist(), strict=True))
    r1, r2 = math.log(1.1), math.log(10.5 / 11)
    scale = math.sqrt((0.94 * r1**2 + r2**2) / 1.94)
    assert inputs["return"] == pytest.approx(r2 / scale, rel=1e-5)
    assert inputs["absolute_return"] == pytest.approx(-r2 / scale, rel=1e-5)
    assert inputs["overnight"] == pytest.approx(0.0, abs=1e-6)
    assert inputs["range"] == pytest.approx(math.log(1.2) / scale, rel=1e-5)
    assert inputs["market_return"] == inputs["return"]
    assert inputs["weekday_sine"] == pytest.approx(math.sin(8 * math.pi / 7), rel=1e-5)
    assert inputs["weekday_cosine"] == pytest.approx(math.cos(8 * math.pi / 7), rel=1e-5)
    assert features.volatility[0, 2] == pytest.approx(scale)
    # The label of the second session is the third's return over the second's volatility.
    assert features.labels[0, 1] == pytest.approx(r2 / r1, rel=1e-5)
    assert math.isnan(features.labels[0, 0])
    assert math.isnan(features.labels[0, 2])


def test_the_last_axis_has_the_features_by_name_and_stays_in_its_bounds(sample_history: PricePanel) -> None:
    features = build_features(sample_history)
    assert features.inputs.shape == (*sample_history.close.shape, len(FEATURE_NAMES))
    assert features.inputs.dtype == np.float32
    assert np.isfinite(features.inputs).all()
    assert np.abs(features.inputs).max() == 8.0


def test_nothing_but_zeros_stands_where_there_is_no_session(sample_history: PricePanel) -> None:
    features = build_features(sample_history)
    assert not features.inputs[~sample_history.valid].any()
    assert not features.inputs[:, 0].any()
    assert np.isnan(features.labels[~sample_history.valid]).all()


def test_a_label_times_the_volatility_is_the_next_return(sample_history: PricePanel) -> None:
    features = build_features(sample_history)
    for row, length in enumerate(sample_history.lengths):
        adjusted = sample_history.adj_close[row, :length]
        expected = np.log(adjusted[2:] / adjusted[1:-1])
        found = features.labels[row, 1 : length - 1] * features.volatility[row, 1 : length - 1]
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-9)
        assert math.isnan(features.labels[row, length - 1])


@settings(deadline=None, max_examples=10)
@given(position=st.integers(1, 3268), seed=st.integers(0, 2**31))
def test_inputs_of_real_prices_know_nothing_of_later_sessions(
    sample_history: PricePanel, position: int, seed: int
) -> None:
    assert_no_look_ahead(sample_history, position, seed)


@settings(deadline=None, max_examples=20)
@given(position=st.integers(1, 418), seed=st.integers(0, 2**31))
def test_inputs_of_a_ragged_universe_know_nothing_of_later_sessions(position: int, seed: int) -> None:
    assert_no_look_ahead(universe({"A": 420, "B": 330, "C": 64, "D": 5}), position, seed)


def assert_no_look_ahead(history: PricePanel, position: int, seed: int) -> None:
    longest = int(history.lengths.argmax())
    last = history.sessions[longest, position].item()
    cut = history.cut(last)
    expected = build_features(cut)
    for later in (history, scrambled_after(history, last, seed)):
        found = build_features(later)
        for row, length in enumerate(cut.lengths):
            assert found.inputs[row, :length].tobytes() == expected.inputs[row, :length].tobytes()
            assert found.volatility[row, :length].tobytes() == expected.volatility[row, :length].tobytes()
            # The newest known session has no label yet; those before it never change.
            known = slice(0, max(int(length) - 1, 0))
            assert found.labels[row, known].tobytes() == expected.labels[row, known].tobytes()


def test_a_later_price_does_change_later_inputs() -> None:
    history = universe({"A": 120, "B": 100})
    last = history.sessions[0, 60].item()
    one, other = build_features(history), build_features(scrambled_after(history, last, 1))
    assert (one.inputs[0, 61] != other.inputs[0, 61]).any()


@pytest.mark.parametrize(
    "spoil",
    [
        {"volume": 0.0},
        {"open": 20.0, "high": 20.0, "low": 20.0, "close": 20.0, "adj_close": 20.0},
        {"open": 20.0, "high": 20.0, "low": 20.0, "close": 20.0, "adj_close": 20.0, "volume": 0.0},
    ],
)
def test_prices_without_volume_range_or_move_give_finite_inputs(spoil: dict[str, float]) -> None:
    days = np.datetime64("2012-01-02") + np.arange(150)
    dull = price_frame("DULL", days, 1).assign(**spoil)
    features = build_features(history_of([dull, price_frame("LIVE", days, 2)]))
    assert np.isfinite(features.inputs).all()
    assert np.isfinite(features.labels[:, 1:-1]).all()
    assert np.isfinite(features.volatility[:, 1:]).all()


def test_sessions_whose_high_is_their_low_give_finite_inputs() -> None:
    history = universe({"A": 200})
    stuck = history.close.copy()
    flat = replace(history, open=stuck, high=stuck, low=stuck)
    features = build_features(flat)
    assert np.isfinite(features.inputs).all()
    assert not features.inputs[0, :, FEATURE_NAMES.index("range")].any()


def test_a_session_without_volume_says_nothing_about_volume() -> None:
    history = universe({"A": 200})
    volume = history.volume.copy()
    volume[0, 100] = 0
    found = build_features(replace(history, volume=volume)).inputs[0, :, FEATURE_NAMES.index("volume")]
    assert found[100] == 0.0
    assert found[101] != 0.0


def test_a_split_changes_no_input_but_that_of_volume() -> None:
    history = universe({"A": 300})
    before = np.arange(300) < 150
    traded = replace(
        history, **{name: np.where(before, 2, 1) * getattr(history, name) for name in PRICES[:4]}
    )
    np.testing.assert_allclose(
        build_features(history).inputs, build_features(traded).inputs, rtol=1e-4, atol=1e-5
    )


def test_the_market_is_the_mean_over_the_tickers_of_the_day() -> None:
    history = universe({"A": 60, "B": 60, "C": 10})
    features = build_features(history)
    returns, market = FEATURE_NAMES.index("return"), FEATURE_NAMES.index("market_return")
    missed = set(history.sessions[0, :60].tolist()) - set(history.sessions[1, :59].tolist())
    assert len(missed) == 1
    for at in (2, 20, 29, 30, 31, 55, 59):
        day = history.sessions[0, at]
        position = history.position(day)
        rows = [row for row in range(3) if position[row] > 0]
        expected = np.mean([features.inputs[row, position[row], returns] for row in rows])
        assert features.inputs[0, at, market] == pytest.approx(expected, rel=1e-5)


MARKETS = {"A": "XNYS", "B": "XTKS", "C": "XNYS", "D": "XTKS", "E": "XNYS"}


@pytest.fixture(scope="module")
def abroad() -> PricePanel:
    """Three tickers of New York and two of Tokyo that trade on the same dates."""
    history = universe({"A": 120, "B": 110, "C": 120, "D": 60, "E": 20})
    return replace(history, markets=tuple(MARKETS[ticker] for ticker in history.tickers))


def rows_of(history: PricePanel, market: str) -> list[int]:
    return [row for row, code in enumerate(history.markets) if code == market]


def test_the_market_is_the_mean_over_the_tickers_of_the_same_exchange(abroad: PricePanel) -> None:
    features = build_features(abroad)
    returns, market = FEATURE_NAMES.index("return"), FEATURE_NAMES.index("market_return")
    differing = 0
    for row, length in enumerate(abroad.lengths):
        for at in range(2, int(length), 7):
            position = abroad.position(abroad.sessions[row, at].item())
            here = [other for other in rows_of(abroad, abroad.markets[row]) if position[other] > 0]
            expected = np.mean([features.inputs[other, position[other], returns] for other in here])
            assert features.inputs[row, at, market] == pytest.approx(expected, rel=1e-5, abs=1e-7)
            there = [other for other in range(5) if position[other] > 0]
            everyone = np.mean([features.inputs[other, position[other], returns] for other in there])
            differing += abs(everyone - expected) > 1e-3
    assert differing > 20, "over all exchanges the means would be others"


def test_prices_of_tokyo_change_nothing_in_new_york(abroad: PricePanel) -> None:
    random = np.random.default_rng(3)
    tokyo = rows_of(abroad, "XTKS")
    fields = {}
    for name in (*PRICES, "volume"):
        values = getattr(abroad, name).copy()
        values[tokyo] *= np.exp(random.normal(0, 0.3, values[tokyo].shape))
        fields[name] = values
    before, after = build_features(abroad), build_features(replace(abroad, **fields))
    new_york = rows_of(abroad, "XNYS")
    for name in ("inputs", "labels", "volatility"):
        one, other = getattr(before, name), getattr(after, name)
        assert one[new_york].tobytes() == other[new_york].tobytes()
        assert one[tokyo].tobytes() != other[tokyo].tobytes()


def test_a_ticker_has_the_inputs_that_it_has_without_the_other_exchanges(abroad: PricePanel) -> None:
    together = build_features(abroad)
    for market in ("XNYS", "XTKS"):
        rows = rows_of(abroad, market)
        alone = build_features(abroad.only([abroad.tickers[row] for row in rows]))
        assert together.inputs[rows].tobytes() == alone.inputs.tobytes()
        assert together.labels[rows].tobytes() == alone.labels.tobytes()


def test_one_market_that_is_named_is_no_market_named_bit_for_bit(sample_history: PricePanel) -> None:
    ragged = universe({"A": 120, "B": 110, "C": 10})
    for history in (sample_history.cut(sample_history.sessions[0, 900]), ragged):
        named = replace(history, markets=("XNYS",) * len(history.tickers))
        one, other = build_features(history), build_features(named)
        for name in ("inputs", "labels", "volatility"):
            assert getattr(one, name).tobytes() == getattr(other, name).tobytes()


@settings(deadline=None, max_examples=10)
@given(position=st.integers(1, 118), seed=st.integers(0, 2**31))
def test_inputs_of_two_exchanges_know_nothing_of_later_sessions(
    abroad: PricePanel, position: int, seed: int
) -> None:
    assert_no_look_ahead(abroad, position, seed)


@pytest.mark.parametrize("together", [1, 2, 64])
def test_inputs_do_not_depend_on_how_many_tickers_are_computed_together(
    abroad: PricePanel, together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = build_features(abroad)
    monkeypatch.setattr("stockjax.features.build._TICKERS_TOGETHER", together)
    found = build_features(abroad)
    np.testing.assert_array_equal(found.inputs, usual.inputs)
    np.testing.assert_array_equal(found.labels, usual.labels)
    np.testing.assert_array_equal(found.volatility, usual.volatility)
