"""The real objective: equal to the replay's forecasts, and blind to what comes later."""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stockjax.distribution import pinball
from stockjax.errors import TrainingFailedError
from stockjax.features import PricePanel
from stockjax.forecasting import ticker_training
from stockjax.forecasting.asof import AsOfData
from stockjax.registry import Model
from stockjax.training.gate_holdout import GATE_SESSIONS
from stockjax.tuning import objective
from stockjax.tuning.folds import Fold
from stockjax.tuning.objective import fold_losses
from stockjax.tuning.search_spec import build_search_spec
from tests.support.searches import SEARCHED_FROM, TICKERS, history, settings_of
from tests.support.synthetic import assert_same_bits, scrambled_after, walked


@pytest.fixture(scope="module")
def prices() -> PricePanel:
    return history()


@pytest.fixture(scope="module")
def session(prices: PricePanel) -> date:
    return prices.sessions[0, -9].item()


@pytest.fixture(scope="module")
def fold(prices: PricePanel, session: date) -> Fold:
    return build_search_spec(prices, TICKERS, session, settings_of()).folds[1]


@pytest.fixture(scope="module")
def losses(fold: Fold) -> Any:
    return fold_losses(fold, SEARCHED_FROM, settings_of())


def test_losses_are_those_of_the_backtests_forecasts(prices: PricePanel, fold: Fold, losses: Any) -> None:
    wanted: dict[str, set[date]] = {
        ticker: set(fold.days[fold.rows == row].tolist()) for row, ticker in enumerate(TICKERS)
    }
    (part,) = walked(prices, wanted, settings_of(), ticker_every=10, chunk_sessions=10)
    lstm = part.forecasts[part.forecasts["model"] == "lstm"].set_index(["ticker", "as_of"])
    keys = [(TICKERS[row], pd.Timestamp(day)) for row, day in zip(fold.rows, fold.days, strict=True)]
    own = lstm.loc[keys]
    columns = ["q05", "q25", "q50", "q75", "q95"]
    quantiles = np.log(own[columns].to_numpy() / own["basis_close"].to_numpy()[:, None])
    np.testing.assert_allclose(losses, 1e4 * pinball(quantiles, fold.returns), rtol=1e-9)


def test_spoiling_all_later_prices_changes_no_bit(
    prices: PricePanel, session: date, fold: Fold, losses: Any
) -> None:
    spoilt = scrambled_after(prices, session, 3)
    assert not np.array_equal(spoilt.adj_close, prices.adj_close)
    spec = build_search_spec(spoilt, TICKERS, session, settings_of())
    assert spec.name == build_search_spec(prices, TICKERS, session, settings_of()).name
    assert_same_bits(fold_losses(spec.folds[1], SEARCHED_FROM, settings_of()), losses)
    # The check would see it: prices before the session do make a difference.
    earlier = scrambled_after(prices, prices.sessions[0, -20 - GATE_SESSIONS].item(), 3)
    other = build_search_spec(earlier, TICKERS, session, settings_of())
    assert other.name != spec.name
    assert not np.array_equal(fold_losses(other.folds[1], SEARCHED_FROM, settings_of()), losses)


def test_forecasts_in_parts_are_the_same(fold: Fold, losses: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objective, "FORECASTS_AT_ONCE", 7)
    assert_same_bits(fold_losses(fold, SEARCHED_FROM, settings_of()), losses)


def test_networks_that_are_no_numbers_fail_in_a_sentence(fold: Fold) -> None:
    wild = SEARCHED_FROM.model_copy(update={"learning_rate": 1e30})
    with pytest.raises(TrainingFailedError, match="not finite"):
        fold_losses(fold, wild, settings_of())


def test_a_ticker_that_cannot_be_trained_is_named(fold: Fold, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(asof: AsOfData, ticker: str, *rest: Any) -> Model:
        raise FloatingPointError("the loss is no number")

    monkeypatch.setattr(ticker_training, "train_ticker_model", fail)
    with pytest.raises(TrainingFailedError, match=r"A could not be trained \(.*the loss is no number"):
        fold_losses(fold, SEARCHED_FROM, settings_of())
