from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stockjax.engine import walk_forward as walk_module
from stockjax.engine.walk_forward import Chunk
from stockjax.features import PricePanel, build_features
from stockjax.forecasting import ticker_training
from stockjax.forecasting.asof import AsOfData
from stockjax.forecasting.ledger_rows import MODELS, forecast_rows
from stockjax.forecasting.missing_forecasts import missing_sessions
from stockjax.forecasting.plan import Origin
from stockjax.registry import Model
from stockjax.settings import RetrainSettings, Settings, load_settings
from tests.support.synthetic import (
    NEW_YORK,
    SMALL,
    assert_same_bits,
    known_prices,
    reader_of,
    scrambled_after,
    universe,
    walked,
)

COUNT = 5
TONIGHT = date(2013, 3, 1)
BEFORE = dict.fromkeys("ABC", TONIGHT)
EXCHANGES = dict.fromkeys("ABC", NEW_YORK)


def settings_of(**changes: object) -> Settings:
    return load_settings(
        training=SMALL,
        history={"forecast_sessions": 64, "training_sessions": 320},
        warmup={"sessions": COUNT, "ticker_every": 2},
        retrain={"base_every": 4, "ticker_every": 1, "base_tolerance": 9, "ticker_tolerance": 9},
        workers=1,
        **changes,
    )


@pytest.fixture(scope="module")
def history() -> PricePanel:
    return universe({"A": 420, "B": 340, "C": 66})


@pytest.fixture(scope="module")
def missing(history: PricePanel) -> dict[str, set[date]]:
    return missing_sessions(history, {}, BEFORE, COUNT, 64)


@pytest.fixture(scope="module")
def replayed(history: PricePanel, missing: dict[str, set[date]]) -> list[Chunk]:
    return walked(history, missing, settings_of())


def test_every_missing_session_is_forecast_once_by_all_models(
    replayed: list[Chunk], missing: dict[str, set[date]]
) -> None:
    rows = pd.concat([part.forecasts for part in replayed])
    found = sorted(zip(rows["ticker"], rows["as_of"].dt.date, rows["model"], strict=True))
    expected = sorted((t, day, model) for t, days in missing.items() for day in days for model in MODELS)
    assert found == expected
    assert (rows["origin"] == "backtest").all()


def test_models_are_trained_as_often_as_the_settings_say(replayed: list[Chunk]) -> None:
    assert [len(part.sessions) for part in replayed] == [2, 2, 1]
    roles = [[(model.role, model.ticker) for model in part.models] for part in replayed]
    tickers = [("ticker", "A"), ("ticker", "B")]
    assert roles == [[("base", None), *tickers], tickers, [("base", None), *tickers]]
    for part in replayed:
        assert {model.trained_through for model in part.models} == {part.sessions[0]}


def test_a_ticker_grows_from_its_champion_until_there_is_a_newer_base(replayed: list[Chunk]) -> None:
    first, second, third = ({model.ticker: model for model in part.models} for part in replayed)
    assert first["A"].parent_id == first[None].model_id
    assert second["A"].parent_id == first["A"].model_id
    assert third["A"].parent_id == third[None].model_id


def networks(replayed: list[Chunk]) -> dict[str, Model]:
    return {model.model_id: model for part in replayed for model in part.models}


def test_a_backtested_forecast_has_the_bits_of_one_made_on_that_night(
    history: PricePanel, replayed: list[Chunk]
) -> None:
    known = networks(replayed)
    origins: dict[str, Origin] = dict.fromkeys(history.tickers, "backtest")
    for part in replayed:
        for session in part.sessions:
            cut = reader_of(known_prices(history)).usable(session)[1]
            own = part.forecasts[part.forecasts["as_of"] == pd.Timestamp(session)].reset_index(drop=True)
            lstm = own[own["model"] == "lstm"]
            rows = np.array([cut.tickers.index(ticker) for ticker in lstm["ticker"]])
            models = [known[name] for name in lstm["model_id"]]
            base = dict.fromkeys(lstm.loc[lstm["fallback"] == "base", "ticker"], "base")
            then = forecast_rows(
                cut, build_features(cut), rows, cut.lengths[rows] - 1, models, EXCHANGES, origins, base
            )
            keys = ["ticker", "model"]
            pd.testing.assert_frame_equal(
                own.sort_values(keys, ignore_index=True),
                then.sort_values(keys, ignore_index=True),
                check_exact=True,
            )
            assert all(model.trained_through <= session for model in models)


def test_what_comes_after_a_session_changes_neither_models_nor_forecasts(
    history: PricePanel, missing: dict[str, set[date]], replayed: list[Chunk]
) -> None:
    second = replayed[0].sessions[1]
    spoilt = scrambled_after(history, second, 1)
    early = {ticker: {day for day in days if day <= second} for ticker, days in missing.items()}
    (again,) = walked(spoilt, early, settings_of())
    assert [m.model_id for m in again.models] == [m.model_id for m in replayed[0].models]
    pd.testing.assert_frame_equal(again.forecasts, replayed[0].forecasts, check_exact=True)


def test_only_what_is_missing_is_forecast(history: PricePanel, replayed: list[Chunk]) -> None:
    days = replayed[0].sessions
    (part,) = walked(history, {"A": {days[1]}, "B": set(), "C": set()}, settings_of())
    assert set(zip(part.forecasts["ticker"], part.forecasts["as_of"].dt.date, strict=True)) == {
        ("A", days[1])
    }
    assert len(part.forecasts) == len(MODELS)


def test_nothing_missing_trains_nothing(history: PricePanel) -> None:
    assert walked(history, {"A": set(), "B": set()}, settings_of()) == []
    assert walked(history, {}, settings_of()) == []


def test_a_short_ticker_is_forecast_by_the_base(replayed: list[Chunk]) -> None:
    known = networks(replayed)
    rows = pd.concat([part.forecasts for part in replayed])
    lstm = rows[rows["model"] == "lstm"]
    for ticker, model_id in zip(lstm["ticker"], lstm["model_id"], strict=True):
        assert known[model_id].ticker == (None if ticker == "C" else ticker)


def test_until_a_base_can_learn_forecasts_are_as_by_ewma() -> None:
    young = universe({"A": 150})
    missing = {"A": set(young.sessions[0, 139:149].tolist())}
    settings = settings_of().model_copy(update={"retrain": RetrainSettings(base_every=126)})
    parts = walked(young, missing, settings)
    assert sum(len(part.forecasts) for part in parts) == 10 * len(MODELS)
    bases = [model for part in parts for model in part.models if model.role == "base"]
    assert [base.hyperparameters["stopped_at"] > 0 for base in bases] == [False, True]
    # It takes 145 sessions.
    assert bases[1].trained_through == young.sessions[0, 144].item()
    rows = pd.concat([part.forecasts for part in parts])
    lstm = rows[(rows["model"] == "lstm") & (rows["model_id"] == bases[0].model_id)]
    assert (lstm["predicted_return"].abs() < 0.05 * lstm["scale"]).all()


@pytest.mark.parametrize("count", [1, 2])
def test_a_walk_goes_on_from_the_state_of_another_with_the_same_bits(
    history: PricePanel, missing: dict[str, set[date]], replayed: list[Chunk], count: int
) -> None:
    rest = {day for part in replayed[count:] for day in part.sessions}
    again = walked(
        history,
        {ticker: days & rest for ticker, days in missing.items()},
        settings_of(),
        state=replayed[count - 1].state,
    )
    assert [part.sessions for part in again] == [part.sessions for part in replayed[count:]]
    for part, first in zip(again, replayed[count:], strict=True):
        pd.testing.assert_frame_equal(part.forecasts, first.forecasts, check_exact=True)
        for model, before in zip(part.models, first.models, strict=True):
            assert model.model_id == before.model_id
            assert_same_bits(model.parameters, before.parameters)


def test_how_many_sessions_are_handed_on_together_makes_no_difference(
    history: PricePanel, missing: dict[str, set[date]], replayed: list[Chunk]
) -> None:
    (whole,) = walked(history, missing, settings_of(), chunk_sessions=99)
    expected = pd.concat([part.forecasts for part in replayed], ignore_index=True)
    pd.testing.assert_frame_equal(whole.forecasts, expected, check_exact=True)
    assert [m.model_id for m in whole.models] == [m.model_id for part in replayed for m in part.models]


def test_a_ticker_whose_training_fails_stops_no_other(
    history: PricePanel,
    missing: dict[str, set[date]],
    replayed: list[Chunk],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    train, second = ticker_training.train_ticker_model, replayed[1].sessions[0]

    def fail_for_a(asof: AsOfData, ticker: str, *rest: Any) -> Model:
        if (ticker, asof.as_of) == ("A", second):
            raise FloatingPointError("the loss is no number")
        return train(asof, ticker, *rest)

    monkeypatch.setattr(ticker_training, "train_ticker_model", fail_for_a)
    first_two = {
        ticker: {day for day in days if day < replayed[2].sessions[0]} for ticker, days in missing.items()
    }
    one, two = walked(history, first_two, settings_of())
    assert one.problems == {}
    assert two.problems == {
        "A": (second, "training failed (the loss is no number), forecast from the model before it")
    }
    # It is tried again at the next session.
    assert [model.ticker for model in two.models] == ["B", "A"]
    lstm = two.forecasts[two.forecasts["model"] == "lstm"]
    (before,) = [model for model in one.models if model.ticker == "A"]
    assert lstm.loc[lstm["ticker"] == "A", "model_id"].tolist() == [before.model_id, two.models[1].model_id]
    others, expected = (
        rows[rows["ticker"] != "A"].reset_index(drop=True) for rows in (two.forecasts, replayed[1].forecasts)
    )
    pd.testing.assert_frame_equal(others, expected, check_exact=True)


def test_sessions_without_training_together_are_the_same_as_one_by_one(
    history: PricePanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an alarm of drift among them, which ends the sessions that are taken together."""
    days = history.sessions[0, 420 - 16 : 420].tolist()
    wanted = {ticker: set(days) for ticker in "AB"}
    settings = settings_of(drift={"average_run_length": 60, "min_observations": 5})
    # From the second day on everything moves three times as far.
    later = history.sessions > np.datetime64(days[1], "D")
    fields: dict[str, Any] = {}
    for name in ("open", "high", "low", "close", "adj_close"):
        values = getattr(history, name)
        rows = zip(values, later, strict=True)
        start = np.array([row[~late & np.isfinite(row)][-1] for row, late in rows])[:, None]
        fields[name] = np.where(later, start * (values / start) ** 3, values)
    moved = replace(history, **fields)
    steps: list[int] = []
    step = walk_module.step
    monkeypatch.setattr(walk_module, "step", lambda *every: steps.append(1) or step(*every))
    together = walked(moved, wanted, settings, ticker_every=6, chunk_sessions=8, base_every=99)
    assert 2 < len(steps) < len(days)
    assert any(len(model.hyperparameters) for part in together for model in part.models)
    alarmed = together[-1].state.monitors.alarms
    assert alarmed
    monkeypatch.setattr(walk_module._QuietSessions, "forecast", lambda *_: None)
    alone = walked(moved, wanted, settings, ticker_every=6, chunk_sessions=8, base_every=99)
    assert alone[-1].state.monitors.alarms == alarmed
    for one, other in zip(together, alone, strict=True):
        pd.testing.assert_frame_equal(one.forecasts, other.forecasts, check_exact=True)
        assert [model.model_id for model in one.models] == [model.model_id for model in other.models]
    first, second = (parts[-1].state.monitors for parts in (together, alone))
    assert first.states.keys() == second.states.keys()
    for key, states in first.states.items():
        for name in ("names", "seen", "step", "last_session"):
            np.testing.assert_array_equal(getattr(states, name), getattr(second.states[key], name))
