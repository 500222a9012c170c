import math
from datetime import date

import numpy as np
import pandas as pd
import pytest

from stockjax.baselines.har import har_volatility
from stockjax.features import PricePanel
from tests.support.synthetic import NEW_YORK, history_of, price_frame, universe


def ewma_scale(history: PricePanel, row: int) -> np.ndarray:
    length = int(history.lengths[row])
    returns = pd.Series(np.log(history.adj_close[row, :length])).diff()
    return np.sqrt((returns**2).ewm(alpha=0.06, adjust=True).mean()).to_numpy()


def log_variances(history: PricePanel, row: int) -> list[float]:
    o, h, low, c, adjusted = (
        getattr(history, name)[row] for name in ("open", "high", "low", "close", "adj_close")
    )
    scale = ewma_scale(history, row)
    found = [math.nan]
    for t in range(1, int(history.lengths[row])):
        gap = math.log(o[t] * adjusted[t] / c[t] / adjusted[t - 1])
        variance = 0.5 * math.log(h[t] / low[t]) ** 2
        variance += gap**2 - (2 * math.log(2) - 1) * math.log(c[t] / o[t]) ** 2
        found.append(math.log(max(variance, 0.01 * scale[t] ** 2)))
    return found


def slow_har(history: PricePanel, row: int, position: int) -> float:
    """Ordinary least squares on every pair known at `position`, with numpy's own solver."""
    variances = log_variances(history, row)[: position + 1]

    def regressors(t: int) -> list[float]:
        return [1.0, *(float(np.mean(variances[max(1, t - k + 1) : t + 1])) for k in (1, 5, 22))]

    x = np.array([regressors(t) for t in range(1, position)])
    y = np.array(variances[2:])
    coefficients = np.linalg.lstsq(x, y, rcond=None)[0]
    predicted = float(np.dot(regressors(position), coefficients))
    return math.exp(0.5 * min(max(predicted, min(variances[1:])), max(variances[1:])))


def everywhere(history: PricePanel) -> np.ndarray:
    return np.ones(history.close.shape, dtype=bool)


@pytest.mark.parametrize("position", [31, 32, 40, 60, 200, 419])
def test_har_is_least_squares_on_all_that_is_known(position: int) -> None:
    history = universe({"A": 420, "B": 421})
    found = har_volatility(history, everywhere(history))
    for row in range(2):
        assert found[row, position] == pytest.approx(slow_har(history, row, position), rel=1e-5)


def test_har_on_real_prices_is_least_squares_too(sample_history: PricePanel) -> None:
    needed = np.zeros(sample_history.close.shape, dtype=bool)
    places = [(0, 500), (0, 3269), (1, 195), (2, 2147), (4, 2000)]
    for place in places:
        needed[place] = True
    found = har_volatility(sample_history, needed)
    for row, position in places:
        assert found[row, position] == pytest.approx(slow_har(sample_history, row, position), rel=1e-5)


def test_only_what_is_needed_is_answered_with_the_same_bits() -> None:
    history = universe({"A": 300, "B": 200})
    needed = np.random.default_rng(1).random(history.close.shape) < 0.1
    found, full = har_volatility(history, needed), har_volatility(history, everywhere(history))
    assert np.isnan(found[~needed]).all()
    assert found[needed].tobytes() == full[needed].tobytes()


def test_ewma_stands_in_until_thirty_pairs_are_known() -> None:
    history = universe({"A": 100})
    found = har_volatility(history, everywhere(history))
    scale = ewma_scale(history, 0)
    np.testing.assert_allclose(found[0, 1:31], scale[1:31], rtol=1e-10)
    assert found[0, 31] != pytest.approx(scale[31], rel=1e-6)


def test_the_answer_stays_between_the_variances_seen_so_far() -> None:
    days = NEW_YORK.sessions(date(2012, 1, 3), date(2012, 6, 29))
    wild = price_frame("A", days, 2)
    # A sudden calm after wild weeks makes few coefficients extrapolate.
    wild.loc[40:, ["high", "low"]] = wild.loc[40:, ["close", "close"]].to_numpy()
    history = history_of([wild])
    found = har_volatility(history, everywhere(history))
    for position in range(31, len(days)):
        seen = log_variances(history, 0)[1 : position + 1]
        assert math.exp(0.5 * min(seen)) * (1 - 1e-9) <= found[0, position]
        assert found[0, position] <= math.exp(0.5 * max(seen)) * (1 + 1e-9)


def test_a_ticker_has_the_same_bits_alone_and_among_many() -> None:
    days = NEW_YORK.sessions(date(2012, 1, 3), date(2012, 12, 31))
    frames = [price_frame(f"T{number:02}", days[number:], number) for number in range(35)]
    together = history_of(frames)
    many = har_volatility(together, everywhere(together))
    for number in (0, 31, 32, 34):
        own = history_of([frames[number]])
        alone = har_volatility(own, everywhere(own))
        assert alone[0].tobytes() == many[number, : alone.shape[1]].tobytes()


def test_a_price_that_never_moves_has_a_finite_volatility() -> None:
    days = NEW_YORK.sessions(date(2012, 1, 3), date(2012, 12, 31))
    dull = price_frame("A", days, 1).assign(open=7.0, high=7.0, low=7.0, close=7.0, adj_close=7.0)
    found = har_volatility(history_of([dull]), np.ones((1, len(days)), dtype=bool))
    assert np.isfinite(found[0, 1:]).all()
    assert (found[0, 1:] > 0).all()
