from dataclasses import replace
from datetime import date
from itertools import product
from typing import Any, get_args

import numpy as np
import pytest

from stockjax.engine import train_in_threads
from stockjax.features import FEATURE_NAMES
from stockjax.forecasting import training
from stockjax.forecasting.asof import AsOfData
from stockjax.forecasting.promotion_gate import compare_tickers
from stockjax.forecasting.ticker_training import TickerTraining
from stockjax.forecasting.training import base_became_trainable, train_base_model, train_ticker_model
from stockjax.model.network import mean_freedom
from stockjax.model.student_t import student_t_quantiles
from stockjax.registry import Model
from stockjax.registry.model import PARTS
from stockjax.settings import RetrainSettings, Settings, TrainingMode, TrainingSettings, load_settings
from stockjax.training.adapter import fit_adapter, predict_past, residual_quantiles, standardisation
from stockjax.training.base_model import MIN_SESSIONS, untrained
from stockjax.training.ticker_model import retrain_ticker
from tests.support.synthetic import SMALL, assert_same_bits, scrambled_after, some_model, universe

TONIGHT = date(2013, 2, 22)
LENGTHS = {"A": 420, "B": 340, "C": 66}
RETRAIN = RetrainSettings()


@pytest.fixture(scope="module")
def asof() -> AsOfData:
    return AsOfData.at(universe(LENGTHS), TONIGHT)


@pytest.fixture(scope="module")
def base(asof: AsOfData) -> Model:
    return train_base_model(asof, SMALL, 0)


@pytest.fixture(scope="module")
def ticker(asof: AsOfData, base: Model) -> Model:
    return train_ticker_model(asof, "B", base, None, SMALL, 0, RETRAIN)


@pytest.fixture
def settings() -> Settings:
    return load_settings(training=SMALL, workers=2)


def test_every_model_has_all_its_parts(base: Model, ticker: Model) -> None:
    for model in (base, ticker):
        assert model.parameters.keys() - {"twin"} == PARTS
        assert ("twin" in model.parameters) == (model.role == "base")
        assert model.parameters["adapter"].keys() == {"weights", "center", "spread"}


def test_a_base_corrects_no_scale_and_knows_what_its_inputs_look_like(asof: AsOfData, base: Model) -> None:
    adapter = base.parameters["adapter"]
    assert_same_bits(adapter["weights"], np.zeros(1 + len(FEATURE_NAMES), np.float32))
    center, spread = standardisation(asof.features, asof.history.lengths)
    assert_same_bits(adapter["center"], center)
    assert_same_bits(adapter["spread"], spread)


def test_the_residuals_of_a_base_are_those_of_all_tickers_together(asof: AsOfData, base: Model) -> None:
    network = base.parameters["network"]
    each = [
        predict_past(network, asof.features, row, int(length)).residuals
        for row, length in enumerate(asof.history.lengths)
    ]
    # The first session of a history has no return, the outcome of its last is not known yet.
    assert [len(one) for one in each] == [int(length) - 2 for length in asof.history.lengths]
    student_t = student_t_quantiles(mean_freedom(network))
    expected = residual_quantiles(np.concatenate(each), student_t)
    assert_same_bits(base.parameters["residuals"], expected)
    assert (np.diff(expected) > 0).all()
    assert (expected != student_t).all()
    assert (residual_quantiles(each[0], student_t) != expected).all()


def test_a_ticker_has_a_correction_of_its_own_and_shares_the_rest(
    asof: AsOfData, base: Model, ticker: Model
) -> None:
    own, shared = ticker.parameters["adapter"], base.parameters["adapter"]
    length = int(asof.history.lengths[1])
    seen = predict_past(ticker.parameters["network"], asof.features, 1, length)
    expected = fit_adapter(seen, shared["center"], shared["spread"])
    assert_same_bits(own["weights"], expected)
    assert 0 < np.abs(expected).max() < 0.5
    for name in ("center", "spread"):
        assert_same_bits(own[name], shared[name])
    assert_same_bits(ticker.parameters["residuals"], base.parameters["residuals"])


def test_a_correction_is_fitted_again_and_not_grown_from_the_one_before(
    asof: AsOfData, base: Model, ticker: Model
) -> None:
    adapter = {**ticker.parameters["adapter"], "weights": ticker.parameters["adapter"]["weights"] + 1}
    spoilt = replace(ticker, parameters={**ticker.parameters, "adapter": adapter})
    one, other = (
        train_ticker_model(asof, "B", base, parent, SMALL, 0, RETRAIN) for parent in (ticker, spoilt)
    )
    assert one.parent_id == other.parent_id == ticker.model_id
    assert_same_bits(one.parameters, other.parameters)


def test_what_comes_after_a_session_changes_no_part_of_a_model(
    asof: AsOfData, base: Model, ticker: Model
) -> None:
    spoilt = AsOfData.at(scrambled_after(universe(LENGTHS), TONIGHT, 3), TONIGHT)
    again = train_base_model(spoilt, SMALL, 0)
    assert_same_bits(again.parameters, base.parameters)
    own = train_ticker_model(spoilt, "B", again, None, SMALL, 0, RETRAIN)
    assert_same_bits(own.parameters, ticker.parameters)
    assert (again.model_id, own.model_id) == (base.model_id, ticker.model_id)


def failing(monkeypatch: pytest.MonkeyPatch, row: int, error: BaseException) -> None:
    """Make the training of the ticker in one row fail."""

    def fail_for_one(start: Any, base: Any, features: Any, own: int, *rest: Any) -> Any:
        if own == row:
            raise error
        return retrain_ticker(start, base, features, own, *rest)

    monkeypatch.setattr(training, "retrain_ticker", fail_for_one)


def all_of(
    asof: AsOfData, base: Model, tickers: list[str], settings: Settings, workers: int = 2
) -> dict[str, Model | Exception]:
    """Train tickers at once, as a step does."""

    train = TickerTraining(asof, base, {}, settings.training, settings.seed, settings.retrain)
    return train_in_threads(workers)(tickers, train)


def test_tickers_that_are_trained_together_come_out_as_alone(
    asof: AsOfData, base: Model, ticker: Model, settings: Settings
) -> None:
    found = all_of(asof, base, ["B", "A"], settings)
    assert list(found) == ["B", "A"]
    trained = found["B"]
    assert isinstance(trained, Model)
    assert trained.model_id == ticker.model_id
    assert_same_bits(trained.parameters, ticker.parameters)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_ticker_that_fails_stops_no_other(
    asof: AsOfData,
    base: Model,
    ticker: Model,
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
    workers: int,
) -> None:
    error = FloatingPointError("the loss is no number")
    failing(monkeypatch, 0, error)
    found = all_of(asof, base, ["A", "B"], settings, workers)
    assert found["A"] is error
    trained = found["B"]
    assert isinstance(trained, Model)
    assert_same_bits(trained.parameters, ticker.parameters)


def test_someone_who_stops_the_run_stops_it(
    asof: AsOfData, base: Model, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    failing(monkeypatch, 0, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        all_of(asof, base, ["A", "B"], settings)


MODES: tuple[TrainingMode, ...] = get_args(TrainingMode)


def in_mode(mode: TrainingMode) -> TrainingSettings:
    return SMALL.model_copy(update={"mode": mode})


def test_an_adapter_leaves_the_networks_of_the_base_and_fits_the_scale_alone(
    asof: AsOfData, base: Model, ticker: Model
) -> None:
    network, length = base.parameters["network"], int(asof.history.lengths[1])
    for champion in (None, ticker):
        model = train_ticker_model(asof, "B", base, champion, in_mode("adapter"), 0, RETRAIN)
        assert_same_bits(model.parameters["network"], network)
        shared = base.parameters["adapter"]
        seen = predict_past(network, asof.features, 1, length)
        weights = fit_adapter(seen, shared["center"], shared["spread"])
        assert np.abs(weights).max() > 0
        assert_same_bits(model.parameters["adapter"], {**shared, "weights": weights})
        assert_same_bits(model.parameters["residuals"], base.parameters["residuals"])
        comparison = compare_tickers(model, champion or base, asof)
        assert comparison is not None
        assert (model.validation_loss, model.champion_loss) == (comparison.challenger, comparison.champion)
        assert model.hyperparameters["stopped_at"] == 0
        assert model.parent_id == model.hyperparameters["base_id"] == base.model_id


def test_full_training_goes_from_the_base_towards_which_it_is_pulled(
    asof: AsOfData, base: Model, ticker: Model
) -> None:
    network, length = base.parameters["network"], int(asof.history.lengths[1])
    expected = retrain_ticker(network, network, asof.features, 1, length, SMALL, ticker.seed)
    assert_same_bits(ticker.parameters["network"], expected.parameters)
    assert ticker.hyperparameters["stopped_at"] == expected.steps > 0
    comparison = compare_tickers(ticker, base, asof)
    assert comparison is not None
    assert (ticker.validation_loss, ticker.champion_loss) == (comparison.challenger, comparison.champion)
    assert train_ticker_model(asof, "B", base, None, in_mode("full"), 0, RETRAIN).model_id == ticker.model_id


def test_alone_a_ticker_starts_from_nothing_and_not_from_a_base_or_champion(
    asof: AsOfData, base: Model, ticker: Model
) -> None:
    settings, length = in_mode("own"), int(asof.history.lengths[1])
    model = train_ticker_model(asof, "B", base, None, settings, 0, RETRAIN)
    start = untrained(settings, base.seed)
    expected = retrain_ticker(start, start, asof.features, 1, length, settings, model.seed)
    assert model.hyperparameters["stopped_at"] == expected.steps > 0
    assert_same_bits(model.parameters["network"], expected.parameters)
    # The base says how inputs are standardised, and nothing of how the network is to be.
    other = replace(base, parameters={**base.parameters, "network": ticker.parameters["network"]})
    for champion in (None, ticker, model):
        again = train_ticker_model(asof, "B", other, champion, settings, 0, RETRAIN)
        for part in ("network", "adapter"):
            assert_same_bits(again.parameters[part], model.parameters[part])
        assert again.model_id == model.model_id


@pytest.mark.parametrize("mode", MODES)
def test_a_model_says_in_which_mode_it_was_trained(asof: AsOfData, mode: TrainingMode) -> None:
    settings = in_mode(mode)
    base = train_base_model(asof, settings, 0)
    model = train_ticker_model(asof, "B", base, None, settings, 0, RETRAIN)
    assert (base.hyperparameters["mode"], model.hyperparameters["mode"]) == (mode, mode)
    assert (base.hyperparameters["stopped_at"] == 0) == (mode == "own")


@pytest.mark.parametrize(("before", "now"), list(product([*MODES, None], MODES)))
def test_only_full_training_builds_upon_a_champion_and_only_upon_a_full_one(
    asof: AsOfData,
    base: Model,
    ticker: Model,
    monkeypatch: pytest.MonkeyPatch,
    before: TrainingMode | None,
    now: TrainingMode,
) -> None:
    """None: a champion of a release that knew no modes."""
    started = []

    def noting(start: Any, *rest: Any) -> Any:
        started.append(start)
        return retrain_ticker(start, *rest)

    monkeypatch.setattr(training, "retrain_ticker", noting)
    lines = {name: value for name, value in ticker.hyperparameters.items() if name != "mode"}
    champion = replace(ticker, hyperparameters=lines | ({"mode": before} if before else {}))
    model = train_ticker_model(asof, "B", base, champion, in_mode(now), 0, RETRAIN)
    parent = champion if before == now == "full" else base
    assert model.parent_id == parent.model_id
    starts = {"adapter": [], "full": [parent.parameters["network"]], "own": [untrained(in_mode("own"), 0)]}
    assert len(started) == len(starts[now])
    for found, expected in zip(started, starts[now], strict=True):
        assert_same_bits(found, expected)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("steps", [0, 50])
@pytest.mark.parametrize("sessions", [MIN_SESSIONS - 1, MIN_SESSIONS])
def test_a_base_that_never_learnt_could_as_soon_as_there_is_something_to_learn(
    mode: TrainingMode, steps: int, sessions: int
) -> None:
    base = some_model(None, hyperparameters={"stopped_at": steps})
    known = AsOfData.of(universe({"A": sessions, "B": 70}), date(2013, 3, 1))
    expected = mode != "own" and steps == 0 and sessions == MIN_SESSIONS
    assert base_became_trainable(base, known, in_mode(mode)) is expected


def test_where_it_could_learn_a_base_learns() -> None:
    history = universe({"A": MIN_SESSIONS})
    days = history.sessions[0]
    too_early, in_time = (AsOfData.at(history, days[at].item()) for at in (-2, -1))
    first = train_base_model(too_early, SMALL, 0)
    assert first.hyperparameters["stopped_at"] == 0
    assert_same_bits(first.parameters["network"], untrained(SMALL, 0))
    assert not base_became_trainable(first, too_early, SMALL)
    assert base_became_trainable(first, in_time, SMALL)
    assert not base_became_trainable(first, in_time, in_mode("own"))
    second = train_base_model(in_time, SMALL, 0)
    assert second.hyperparameters["stopped_at"] > 0
    assert not base_became_trainable(second, in_time, SMALL)
