"""No number that is none: wherever one is made up, the ticker is named and the ledger stays clean."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from stockjax.baselines import benchmarks as baselines
from stockjax.distribution import ReturnForecast
from stockjax.engine import training_step
from stockjax.engine.session_forecasts import sound_rows
from stockjax.engine.walk_forward import Chunk
from stockjax.features import PricePanel
from stockjax.forecasting import ledger_rows, ticker_training, training
from stockjax.forecasting.ledger_rows import MODELS
from stockjax.registry import Model
from stockjax.settings import Settings, load_settings
from tests.support.synthetic import SMALL, universe, walked

TICKERS = ("A", "B", "C")


@pytest.fixture(scope="module")
def history() -> PricePanel:
    return universe({"A": 420, "B": 340, "C": 80})


def settings_of(**training: Any) -> Settings:
    return load_settings(
        training={**SMALL.model_dump(), **training}, history={"training_sessions": 320}, workers=1
    )


def last_session(history: PricePanel, settings: Settings | None = None) -> Chunk:
    day = history.sessions[0, history.lengths[0] - 1].item()
    (part,) = walked(history, {ticker: {day} for ticker in TICKERS}, settings or settings_of())
    return part


def assert_clean(part: Chunk, least: int = len(TICKERS) * len(MODELS)) -> None:
    assert len(part.forecasts) >= least
    assert sound_rows(part.forecasts).all()
    for model in part.models:
        model.check_numbers()


def spoilt(model: Model, *path: str) -> Model:
    """The model with a value that is no number in one of its arrays."""
    parameters: dict[str, Any] = dict(model.parameters)
    place = parameters
    for name in path[:-1]:
        place[name] = dict(place[name])
        place = place[name]
    array = np.array(place[path[-1]])
    array.flat[0] = np.nan
    place[path[-1]] = array
    return replace(model, parameters=parameters)


PLACES = [("network", "head", "bias"), ("adapter", "weights"), ("residuals",)]


@pytest.mark.parametrize("path", PLACES, ids=[place[0] for place in PLACES])
def test_a_base_with_such_a_parameter_is_not_used(
    history: PricePanel, monkeypatch: pytest.MonkeyPatch, path: tuple[str, ...]
) -> None:
    train = training_step.train_base_model
    monkeypatch.setattr(training_step, "train_base_model", lambda *every: spoilt(train(*every), *path))
    part = last_session(history)
    assert_clean(part)
    assert part.models == []
    assert f"training ended with {'/'.join(path)} not finite" in part.problems["base"][1]
    lstm = part.forecasts[part.forecasts["model"] == "lstm"]
    assert set(lstm["fallback"]) == {"har"}


@pytest.mark.parametrize("path", PLACES, ids=[place[0] for place in PLACES])
def test_a_ticker_with_such_a_parameter_is_forecast_by_the_base(
    history: PricePanel, monkeypatch: pytest.MonkeyPatch, path: tuple[str, ...]
) -> None:
    train = ticker_training.train_ticker_model

    def for_a(asof: Any, ticker: str, *rest: Any) -> Model:
        model = train(asof, ticker, *rest)
        return spoilt(model, *path) if ticker == "A" else model

    monkeypatch.setattr(ticker_training, "train_ticker_model", for_a)
    part = last_session(history)
    assert_clean(part)
    assert list(part.problems) == ["A"]
    assert [model.ticker for model in part.models] == [None, "B"]
    lstm = part.forecasts[part.forecasts["model"] == "lstm"].set_index("ticker")
    assert lstm.loc["A", "fallback"] == "base"


def test_a_loss_that_is_none_is_a_training_that_failed(
    history: PricePanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = training.retrain_ticker

    def wild(*every: Any) -> Any:
        return replace(fit(*every), validation_loss=float("inf"))

    monkeypatch.setattr(training, "retrain_ticker", wild)
    monkeypatch.setattr(training, "compare_tickers", lambda *_: None)
    part = last_session(history)
    assert_clean(part)
    assert set(part.problems) == {"A", "B"}
    assert "validation_loss not finite" in part.problems["A"][1]


@pytest.mark.parametrize(
    "change",
    [
        lambda quantiles: quantiles * np.nan,
        lambda quantiles: quantiles + np.inf,
        lambda quantiles: quantiles[::-1],
        lambda quantiles: quantiles * 0 + 800.0,
        lambda quantiles: quantiles * 0,
    ],
    ids=["nan", "inf", "descending", "overflow", "all the same"],
)
def test_a_forecast_of_a_network_gives_way_to_the_base_and_then_to_har(
    history: PricePanel, monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], Any]
) -> None:
    forecast = ledger_rows.lstm_forecast

    def wrong(features: Any, rows: Any, positions: Any, models: list[Model]) -> ReturnForecast:
        made = forecast(features, rows, positions, models)
        quantiles = made.quantiles.copy()
        for place, (row, model) in enumerate(zip(rows, models, strict=True)):
            if row == 0 or model.ticker == "B":
                quantiles[place] = change(quantiles[place])
        return ReturnForecast(quantiles, made.scale)

    monkeypatch.setattr(ledger_rows, "lstm_forecast", wrong)
    part = last_session(history)
    assert_clean(part)
    assert set(part.problems) == {"A", "B"}
    rows = part.forecasts.set_index(["model", "ticker"])
    assert rows.loc[("lstm", "A"), "fallback"] == "har"
    assert rows.loc[("lstm", "B"), "fallback"] == "base"
    assert rows.loc[("lstm", "A"), "q05"] == rows.loc[("har", "A"), "q05"]


def test_a_baseline_that_is_none_is_left_out_and_named(
    history: PricePanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(history: PricePanel, rows: Any, positions: Any) -> ReturnForecast:
        made = baselines.ewma(history, rows, positions)
        made.scale[rows == 1] = np.nan
        return made

    monkeypatch.setitem(baselines.BASELINES, "ewma", none)
    part = last_session(history)
    assert_clean(part, len(TICKERS) * len(MODELS) - 1)
    assert part.problems["B"][1] == "the forecast of ewma is not finite and ascending, and was not written"


def test_a_first_base_that_did_not_learn_is_not_used(
    history: PricePanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = training_step.train_base_model

    def far_too_wide(*every: Any) -> Model:
        base = train(*every)
        parameters = dict(base.parameters)
        for name in ("network", "twin"):
            head = parameters[name]["head"]
            parameters[name] = {**parameters[name], "head": {**head, "bias": head["bias"] + 2.0}}
        return replace(base, parameters=parameters)

    monkeypatch.setattr(training_step, "train_base_model", far_too_wide)
    part = last_session(history)
    assert_clean(part)
    (base,) = part.models
    assert base.status == "rejected"
    assert base.champion_loss is not None
    assert base.validation_loss > base.champion_loss
    assert part.state.base is None
    assert part.state.base_rejected == part.sessions[0]
    assert set(part.forecasts.loc[part.forecasts["model"] == "lstm", "fallback"].dropna()) == {"har"}


@pytest.mark.parametrize("changed", [{"seeds": 1}, {"hidden": 8}])
def test_a_base_of_another_shape_is_due_at_once_and_stops_nothing(
    history: PricePanel, changed: dict[str, int]
) -> None:
    """A change of training.seeds or training.hidden between nights."""
    days = history.sessions[0, :420].tolist()
    (first,) = walked(history, {ticker: {days[-2]} for ticker in "AB"}, settings_of())
    (second,) = walked(
        history,
        {ticker: {days[-1]} for ticker in "AB"},
        settings_of(**changed),
        state=first.state,
        base_tolerance=9.0,
        ticker_tolerance=9.0,
        ticker_every=1,
    )
    assert second.problems == {}
    assert [model.ticker for model in second.models] == [None, "A", "B"]
    for model in second.models:
        assert {name: model.hyperparameters[name] for name in changed} == changed
        assert model.parameters["network"]["tail"].shape == (changed.get("seeds", SMALL.seeds),)
    assert any("has another shape" in line for made in second.decisions for line in made.lines)


def test_where_a_base_of_another_shape_is_rejected_tickers_keep_the_shape_of_theirs(
    history: PricePanel,
) -> None:
    days = history.sessions[0, :420].tolist()
    (first,) = walked(history, {ticker: {days[-2]} for ticker in "AB"}, settings_of())
    (second,) = walked(
        history,
        {ticker: {days[-1]} for ticker in "AB"},
        settings_of(seeds=1),
        state=first.state,
        base_tolerance=-9.0,
        ticker_tolerance=9.0,
        ticker_every=1,
    )
    assert second.problems == {}
    assert [(model.ticker, model.status) for model in second.models] == [
        (None, "rejected"),
        ("A", "champion"),
        ("B", "champion"),
    ]
    assert {model.hyperparameters["seeds"] for model in second.models[1:]} == {SMALL.seeds}
