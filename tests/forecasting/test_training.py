from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from stockjax.features import FEATURE_NAMES
from stockjax.forecasting import training
from stockjax.forecasting.training import Knowledge, train_base_model, train_ticker_model, train_tickers
from stockjax.model.network import mean_freedom
from stockjax.model.quantiles import student_t_quantiles
from stockjax.registry import Model
from stockjax.registry.model import PARTS
from stockjax.settings import Settings, load_settings
from stockjax.training.adapter import fit_adapter, look_back, residual_quantiles, standardisation
from stockjax.training.ticker import retrain_ticker
from tests.synthetic import SMALL, assert_same_bits, scrambled_after, universe

TONIGHT = date(2013, 2, 22)
LENGTHS = {"A": 420, "B": 340, "C": 66}


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return Knowledge.at(universe(LENGTHS), TONIGHT)


@pytest.fixture(scope="module")
def base(knowledge: Knowledge) -> Model:
    return train_base_model(knowledge, SMALL, 0)


@pytest.fixture(scope="module")
def ticker(knowledge: Knowledge, base: Model) -> Model:
    return train_ticker_model(knowledge, "B", base, None, SMALL, 0)


@pytest.fixture
def settings() -> Settings:
    return load_settings(training=SMALL, workers=2)


def test_every_model_has_all_its_parts(base: Model, ticker: Model) -> None:
    for model in (base, ticker):
        assert model.parameters.keys() == PARTS
        assert model.parameters["adapter"].keys() == {"weights", "center", "spread"}


def test_a_base_corrects_no_scale_and_knows_what_its_inputs_look_like(
    knowledge: Knowledge, base: Model
) -> None:
    adapter = base.parameters["adapter"]
    assert_same_bits(adapter["weights"], np.zeros(1 + len(FEATURE_NAMES), np.float32))
    center, spread = standardisation(knowledge.features, knowledge.history.lengths)
    assert_same_bits(adapter["center"], center)
    assert_same_bits(adapter["spread"], spread)


def test_the_residuals_of_a_base_are_those_of_all_tickers_together(knowledge: Knowledge, base: Model) -> None:
    network = base.parameters["network"]
    each = [
        look_back(network, knowledge.features, row, int(length)).residuals
        for row, length in enumerate(knowledge.history.lengths)
    ]
    # The first session of a history has no return, the outcome of its last is not known yet.
    assert [len(one) for one in each] == [int(length) - 2 for length in knowledge.history.lengths]
    student_t = student_t_quantiles(mean_freedom(network))
    expected = residual_quantiles(np.concatenate(each), student_t)
    assert_same_bits(base.parameters["residuals"], expected)
    assert (np.diff(expected) > 0).all()
    assert (expected != student_t).all()
    assert (residual_quantiles(each[0], student_t) != expected).all()


def test_a_ticker_has_a_correction_of_its_own_and_shares_the_rest(
    knowledge: Knowledge, base: Model, ticker: Model
) -> None:
    own, shared = ticker.parameters["adapter"], base.parameters["adapter"]
    length = int(knowledge.history.lengths[1])
    expected = fit_adapter(
        ticker.parameters["network"], shared["center"], shared["spread"], knowledge.features, 1, length
    )
    assert_same_bits(own["weights"], expected)
    assert 0 < np.abs(expected).max() < 0.5
    for name in ("center", "spread"):
        assert_same_bits(own[name], shared[name])
    assert_same_bits(ticker.parameters["residuals"], base.parameters["residuals"])


def test_a_correction_is_fitted_anew_and_not_grown_from_the_one_before(
    knowledge: Knowledge, base: Model, ticker: Model
) -> None:
    adapter = {**ticker.parameters["adapter"], "weights": ticker.parameters["adapter"]["weights"] + 1}
    spoilt = replace(ticker, parameters={**ticker.parameters, "adapter": adapter})
    one, other = (train_ticker_model(knowledge, "B", base, parent, SMALL, 0) for parent in (ticker, spoilt))
    assert one.parent_id == other.parent_id == ticker.model_id
    assert_same_bits(one.parameters, other.parameters)


def test_what_comes_after_a_session_changes_no_part_of_a_model(
    knowledge: Knowledge, base: Model, ticker: Model
) -> None:
    spoilt = Knowledge.at(scrambled_after(universe(LENGTHS), TONIGHT, 3), TONIGHT)
    again = train_base_model(spoilt, SMALL, 0)
    assert_same_bits(again.parameters, base.parameters)
    own = train_ticker_model(spoilt, "B", again, None, SMALL, 0)
    assert_same_bits(own.parameters, ticker.parameters)
    assert (again.model_id, own.model_id) == (base.model_id, ticker.model_id)


def failing(monkeypatch: pytest.MonkeyPatch, row: int, error: BaseException) -> None:
    """Make the training of the ticker in one row fail."""

    def fail_for_one(start: Any, base: Any, features: Any, own: int, *rest: Any) -> Any:
        if own == row:
            raise error
        return retrain_ticker(start, base, features, own, *rest)

    monkeypatch.setattr(training, "retrain_ticker", fail_for_one)


def test_tickers_that_are_trained_together_come_out_as_alone(
    knowledge: Knowledge, base: Model, ticker: Model, settings: Settings
) -> None:
    trained, failures = train_tickers(knowledge, ["B", "A"], base, {}, settings)
    assert [model.ticker for model in trained] == ["B", "A"]
    assert failures == {}
    assert trained[0].model_id == ticker.model_id
    assert_same_bits(trained[0].parameters, ticker.parameters)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_ticker_that_fails_stops_no_other(
    knowledge: Knowledge,
    base: Model,
    ticker: Model,
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
    workers: int,
) -> None:
    error = FloatingPointError("the loss is no number")
    failing(monkeypatch, 0, error)
    trained, failures = train_tickers(
        knowledge, ["A", "B"], base, {}, settings.model_copy(update={"workers": workers})
    )
    assert failures == {"A": error}
    assert [model.ticker for model in trained] == ["B"]
    assert_same_bits(trained[0].parameters, ticker.parameters)


def test_somebody_who_stops_the_run_stops_it(
    knowledge: Knowledge, base: Model, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    failing(monkeypatch, 0, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        train_tickers(knowledge, ["A", "B"], base, {}, settings)
