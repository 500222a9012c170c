"""Tickers one by one, and in groups as one program, as a GPU trains them."""

from datetime import date
from typing import Any

import jax
import numpy as np
import pytest

from stockjax.forecasting import ticker_training
from stockjax.forecasting.asof import AsOfData
from stockjax.forecasting.ticker_training import TickerTraining
from stockjax.forecasting.training import train_base_model
from stockjax.registry import Model
from stockjax.settings import RetrainSettings
from tests.support.synthetic import SMALL, assert_same_bits, universe

TICKERS = ["A", "B", "C"]


def training(mode: str = "full", **changes: Any) -> TickerTraining:
    asof = AsOfData.at(universe({"A": 420, "B": 340, "C": 400}), date(2013, 2, 22))
    settings = SMALL.model_copy(update={"mode": mode, **changes})
    return TickerTraining(asof, train_base_model(asof, settings, 0), {}, settings, 0, RetrainSettings())


@pytest.fixture(scope="module")
def full() -> TickerTraining:
    return training()


def one_by_one(train: TickerTraining) -> dict[str, Model]:
    return {ticker: train(ticker) for ticker in TICKERS}


def assert_close(one: Model, other: Any) -> None:
    assert isinstance(other, Model)
    for a, b in zip(jax.tree.leaves(one.parameters), jax.tree.leaves(other.parameters), strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-4, atol=1e-5)
    assert other.hyperparameters == one.hyperparameters
    assert other.validation_loss == pytest.approx(one.validation_loss, abs=1e-5)
    assert other.seed == one.seed


def test_a_group_is_what_its_tickers_are_alone(full: TickerTraining) -> None:
    """The second group of two has one ticker."""
    found = full.many(TICKERS, 2)
    assert list(found) == TICKERS
    for ticker, alone in one_by_one(full).items():
        assert_close(alone, found[ticker])


@pytest.mark.parametrize("mode", ["own", "adapter"])
def test_the_other_modes_go_in_groups_too(mode: str) -> None:
    train = training(mode, own_steps=8)
    found = train.many(TICKERS, 2)
    for ticker, alone in one_by_one(train).items():
        assert_close(alone, found[ticker])


def test_groups_of_one_have_the_bits_of_tickers_alone(full: TickerTraining) -> None:
    found = full.many(TICKERS, 1)
    for ticker, alone in one_by_one(full).items():
        made = found[ticker]
        assert isinstance(made, Model)
        assert_same_bits(made.parameters, alone.parameters)


def test_a_champion_is_where_its_ticker_starts_in_a_group_too(full: TickerTraining) -> None:
    champions = one_by_one(full)
    again = TickerTraining(full.asof, full.base, champions, full.training, 1, full.retrain)
    found = again.many(TICKERS, 2)
    for ticker, alone in one_by_one(again).items():
        assert alone.parent_id == champions[ticker].model_id
        assert_close(alone, found[ticker])


def test_a_group_that_fails_is_an_error_of_its_tickers_alone(
    full: TickerTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = ticker_training.retrain_group

    def fail_for_c(starts: Any, base: Any, features: Any, rows: list[int], *rest: Any) -> Any:
        if rows == [2]:
            raise MemoryError("the device is full")
        return train(starts, base, features, rows, *rest)

    monkeypatch.setattr(ticker_training, "retrain_group", fail_for_c)
    found = full.many(TICKERS, 2)
    assert [type(made) for made in found.values()] == [Model, Model, MemoryError]


def test_what_other_tickers_need_is_not_sent_along(full: TickerTraining) -> None:
    cut = full.only(["B"])
    assert cut.asof.history.tickers == ("B",)
    assert cut.asof.features.inputs.shape[0] == 1
    assert_same_bits(cut("B").parameters, full("B").parameters)
    assert cut("B").data_hash == full("B").data_hash
