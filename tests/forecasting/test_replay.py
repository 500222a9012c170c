from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stockjax.features import History, build_features
from stockjax.forecasting.plan import Origin
from stockjax.forecasting.replay import Stretch, missing_sessions, replay, sessions_between
from stockjax.forecasting.rows import MODELS, forecast_rows
from stockjax.registry import Model
from stockjax.settings import RetrainSettings, Settings, load_settings
from tests.synthetic import NEW_YORK, SMALL, assert_same_bits, scrambled_after, universe

COUNT = 5
TONIGHT = date(2013, 3, 1)
BEFORE = dict.fromkeys("ABC", TONIGHT)
EXCHANGES = dict.fromkeys("ABC", NEW_YORK)


def settings_of(**changes: object) -> Settings:
    return load_settings(
        training=SMALL,
        history={"forecast_sessions": 64, "training_sessions": 320},
        replay={"sessions": COUNT, "ticker_every": 2},
        retrain={"base_every": 4, "ticker_every": 1},
        workers=1,
        **changes,
    )


@pytest.fixture(scope="module")
def history() -> History:
    return universe({"A": 420, "B": 340, "C": 66})


@pytest.fixture(scope="module")
def missing(history: History) -> dict[str, set[date]]:
    return missing_sessions(history, {}, BEFORE, COUNT, 64)


@pytest.fixture(scope="module")
def replayed(history: History, missing: dict[str, set[date]]) -> list[Stretch]:
    return list(replay(history, missing, EXCHANGES, settings_of(), 2))


def last_days(history: History, row: int, count: int) -> set[date]:
    """The last sessions of a ticker before tonight's."""
    return set(history.sessions[row, : history.lengths[row] - 1][-count:].tolist())


def test_without_forecasts_the_last_sessions_before_tonight_are_missing(history: History) -> None:
    found = missing_sessions(history, {}, BEFORE, COUNT, 64)
    assert found["A"] == last_days(history, 0, COUNT)
    assert TONIGHT not in found["A"]
    # C has 66 sessions: the 64th and the 65th are the only ones a forecast can be made from.
    assert found["C"] == last_days(history, 2, 2)


def test_sessions_whose_forecasts_are_complete_are_not_missing(history: History) -> None:
    done = last_days(history, 0, 3)
    found = missing_sessions(history, {"A": done}, BEFORE, COUNT, 64)
    assert found["A"] == last_days(history, 0, COUNT) - done
    assert found["B"] == last_days(history, 1, COUNT)


def test_a_count_beyond_the_history_reaches_back_to_where_forecasts_begin(history: History) -> None:
    found = missing_sessions(history, {}, BEFORE, 10_000, 64)
    assert len(found["A"]) == 420 - 1 - 63
    assert min(found["A"]) == history.sessions[0, 63].item()
    assert missing_sessions(history, {}, BEFORE, 0, 64) == {"A": set(), "B": set(), "C": set()}


def test_tonight_is_each_tickers_own(history: History) -> None:
    days = history.sessions[0, :420].tolist()
    found = missing_sessions(history, {}, {"A": days[-4], "B": TONIGHT, "C": date(2013, 3, 4)}, COUNT, 64)
    assert found["A"] == set(days[-4 - COUNT : -4])
    assert found["B"] == last_days(history, 1, COUNT)
    # Of C, 66 sessions and all of them before its tonight, the last three can be forecast from.
    assert found["C"] == set(history.sessions[2, 63:66].tolist())


def test_the_search_begins_after_the_first_night_of_a_ticker(history: History) -> None:
    days = history.sessions[0, :420].tolist()
    found = missing_sessions(
        history, {"A": {days[-3]}}, BEFORE, COUNT, 64, {"A": days[-4], "C": date(2000, 1, 3)}
    )
    assert found["A"] == {days[-2]}
    assert found["B"] == set(), "no night has forecast it yet: nothing was missed"
    assert found["C"] == last_days(history, 2, 2)


def test_a_night_long_ago_is_searched_back_to_as_far_as_the_count(history: History) -> None:
    long_ago = dict.fromkeys("ABC", date(2000, 1, 3))
    assert missing_sessions(history, {}, BEFORE, COUNT, 64, long_ago) == missing_sessions(
        history, {}, BEFORE, COUNT, 64
    )


def test_every_missing_session_is_forecast_once_by_all_models(
    replayed: list[Stretch], missing: dict[str, set[date]]
) -> None:
    rows = pd.concat([part.rows for part in replayed])
    found = sorted(zip(rows["ticker"], rows["as_of"].dt.date, rows["model"], strict=True))
    expected = sorted((t, day, model) for t, days in missing.items() for day in days for model in MODELS)
    assert found == expected
    assert (rows["origin"] == "backtest").all()


def test_models_are_trained_as_often_as_the_settings_say(replayed: list[Stretch]) -> None:
    assert [len(part.sessions) for part in replayed] == [2, 2, 1]
    roles = [[(model.role, model.ticker) for model in part.models] for part in replayed]
    tickers = [("ticker", "A"), ("ticker", "B")]
    assert roles == [[("base", None), *tickers], tickers, [("base", None), *tickers]]
    for part in replayed:
        assert {model.trained_through for model in part.models} == {part.sessions[0]}


def test_a_ticker_grows_from_its_champion_until_there_is_a_newer_base(replayed: list[Stretch]) -> None:
    first, second, third = ({model.ticker: model for model in part.models} for part in replayed)
    assert first["A"].parent_id == first[None].model_id
    assert second["A"].parent_id == first["A"].model_id
    assert third["A"].parent_id == third[None].model_id


def networks(replayed: list[Stretch]) -> dict[str, Model]:
    return {model.model_id: model for part in replayed for model in part.models}


def test_a_replayed_forecast_has_the_bits_of_one_made_on_that_night(
    history: History, replayed: list[Stretch]
) -> None:
    known = networks(replayed)
    origins: dict[str, Origin] = dict.fromkeys(history.tickers, "backtest")
    for part in replayed:
        for session in part.sessions:
            cut = history.cut(session)
            own = part.rows[part.rows["as_of"] == pd.Timestamp(session)].reset_index(drop=True)
            lstm = own[own["model"] == "lstm"]
            rows = np.array([cut.tickers.index(ticker) for ticker in lstm["ticker"]])
            models = [known[name] for name in lstm["model_id"]]
            then = forecast_rows(
                cut, build_features(cut), rows, cut.lengths[rows] - 1, models, EXCHANGES, origins
            )
            keys = ["ticker", "model"]
            pd.testing.assert_frame_equal(
                own.sort_values(keys, ignore_index=True),
                then.sort_values(keys, ignore_index=True),
                check_exact=True,
            )
            assert all(model.trained_through <= session for model in models)


def test_what_comes_after_a_session_changes_neither_models_nor_forecasts(
    history: History, missing: dict[str, set[date]], replayed: list[Stretch]
) -> None:
    second = replayed[0].sessions[1]
    spoilt = scrambled_after(history, second, 1)
    early = {ticker: {day for day in days if day <= second} for ticker, days in missing.items()}
    (again,) = replay(spoilt, early, EXCHANGES, settings_of(), 2)
    assert [m.model_id for m in again.models] == [m.model_id for m in replayed[0].models]
    pd.testing.assert_frame_equal(again.rows, replayed[0].rows, check_exact=True)


def test_only_what_is_missing_is_forecast(history: History, replayed: list[Stretch]) -> None:
    days = replayed[0].sessions
    (part,) = replay(history, {"A": {days[1]}, "B": set(), "C": set()}, EXCHANGES, settings_of(), 2)
    assert set(zip(part.rows["ticker"], part.rows["as_of"].dt.date, strict=True)) == {("A", days[1])}
    assert len(part.rows) == len(MODELS)


def test_nothing_missing_trains_nothing(history: History) -> None:
    assert list(replay(history, {"A": set(), "B": set()}, EXCHANGES, settings_of(), 2)) == []
    assert list(replay(history, {}, EXCHANGES, settings_of(), 2)) == []


def test_a_short_ticker_is_forecast_by_the_base(replayed: list[Stretch]) -> None:
    known = networks(replayed)
    rows = pd.concat([part.rows for part in replayed])
    lstm = rows[rows["model"] == "lstm"]
    for ticker, model_id in zip(lstm["ticker"], lstm["model_id"], strict=True):
        assert known[model_id].ticker == (None if ticker == "C" else ticker)


def test_until_a_base_can_learn_forecasts_are_as_by_ewma() -> None:
    young = universe({"A": 150})
    missing = {"A": set(young.sessions[0, 139:149].tolist())}
    settings = settings_of().model_copy(update={"retrain": RetrainSettings(base_every=126)})
    parts = list(replay(young, missing, EXCHANGES, settings, 2))
    assert sum(len(part.rows) for part in parts) == 10 * len(MODELS)
    bases = [model for part in parts for model in part.models if model.role == "base"]
    assert [base.hyperparameters["stopped_at"] > 0 for base in bases] == [False, True]
    # It takes 145 sessions, and tickers are trained at every second of these ten.
    assert bases[1].trained_through == young.sessions[0, 145].item()
    rows = pd.concat([part.rows for part in parts])
    lstm = rows[(rows["model"] == "lstm") & (rows["model_id"] == bases[0].model_id)]
    assert (lstm["predicted_return"].abs() < 0.05 * lstm["scale"]).all()


def rest_of(replayed: list[Stretch], done: dict[str, set[date]]) -> pd.DataFrame:
    """The rows of a whole replay but for those of sessions that were done."""
    rows = pd.concat([part.rows for part in replayed])
    over = [
        day in done.get(ticker, set())
        for ticker, day in zip(rows["ticker"], rows["as_of"].dt.date, strict=True)
    ]
    return rows[~np.array(over)].reset_index(drop=True)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_a_replay_that_was_cut_off_goes_on_with_the_same_bits(
    history: History, missing: dict[str, set[date]], replayed: list[Stretch], count: int
) -> None:
    """Cut off inside a stretch, at its edge, inside the second stretch and at the edge of a base."""
    days = [day for part in replayed for day in part.sessions]
    done = {ticker: own & set(days[:count]) for ticker, own in missing.items()}
    parts = list(replay(history, missing, EXCHANGES, settings_of(), 2, done))
    rows = pd.concat([part.rows for part in parts], ignore_index=True)
    pd.testing.assert_frame_equal(rows, rest_of(replayed, done), check_exact=True)
    # The base that the next session stands on is made again, those that are over are not.
    again = replayed if count < 4 else replayed[2:]
    assert [part.sessions for part in parts] == [part.sessions for part in again]
    for part, whole in zip(parts, again, strict=True):
        for model, first in zip(part.models, whole.models, strict=True):
            assert model.model_id == first.model_id
            assert_same_bits(model.parameters, first.parameters)


def test_a_ticker_that_is_ahead_of_the_others_is_not_forecast_again(
    history: History, missing: dict[str, set[date]], replayed: list[Stretch]
) -> None:
    days = [day for part in replayed for day in part.sessions]
    done = {"A": {days[0], days[3]}, "B": set(days[:4]), "Z": {days[1]}}
    parts = list(replay(history, missing, EXCHANGES, settings_of(), 2, done))
    rows = pd.concat([part.rows for part in parts], ignore_index=True)
    pd.testing.assert_frame_equal(rows, rest_of(replayed, done), check_exact=True)
    trained = [[model.ticker for model in part.models] for part in parts]
    assert trained == [[None, "A"], ["A"], [None, "A", "B"]]


def test_a_replay_that_is_done_trains_nothing(
    history: History, missing: dict[str, set[date]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> Model:
        raise AssertionError("there is nothing to train")

    monkeypatch.setattr("stockjax.forecasting.replay.train_base_model", never)
    assert list(replay(history, missing, EXCHANGES, settings_of(), 2, missing)) == []


def test_sessions_between_are_those_of_each_ticker_with_both_ends(history: History) -> None:
    days = history.sessions[0, :420].tolist()
    found = sessions_between(history, days[-3], days[-2], 64)
    assert found == {"A": {days[-3], days[-2]}, "B": {days[-3], days[-2]}, "C": {days[-3], days[-2]}}
    # B misses one day of its history; dates that are no sessions find none.
    gap = (set(days) - set(history.sessions[1, :339].tolist())) & set(days[-340:])
    (missed,) = gap
    assert sessions_between(history, missed, missed, 64) == {"A": {missed}, "B": set(), "C": set()}
    weekend = sessions_between(history, date(2013, 2, 23), date(2013, 2, 24), 64)
    assert weekend == {"A": set(), "B": set(), "C": set()}


def test_sessions_between_begin_where_a_forecast_can(history: History) -> None:
    found = sessions_between(history, date(2000, 1, 1), date(2030, 1, 1), 64)
    assert {ticker: len(days) for ticker, days in found.items()} == {"A": 357, "B": 276, "C": 3}
    assert found["C"] == set(history.sessions[2, 63:66].tolist())
    assert sessions_between(history, date(2000, 1, 1), date(2030, 1, 1), 67)["C"] == set()


def test_a_ticker_whose_training_fails_stops_no_other(
    history: History,
    missing: dict[str, set[date]],
    replayed: list[Stretch],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from stockjax.forecasting import training

    train, second = training.train_ticker_model, replayed[1].sessions[0]

    def fail_for_a(knowledge: training.Knowledge, ticker: str, *rest: Any) -> Model:
        if (ticker, knowledge.as_of) == ("A", second):
            raise FloatingPointError("the loss is no number")
        return train(knowledge, ticker, *rest)

    monkeypatch.setattr(training, "train_ticker_model", fail_for_a)
    first_two = {
        ticker: {day for day in days if day < replayed[2].sessions[0]} for ticker, days in missing.items()
    }
    one, two = replay(history, first_two, EXCHANGES, settings_of(), 2)
    assert one.failures == {}
    assert list(two.failures) == ["A"]
    assert str(two.failures["A"]) == "the loss is no number"
    assert [model.ticker for model in two.models] == ["B"]
    lstm = two.rows[two.rows["model"] == "lstm"]
    (before,) = [model for model in one.models if model.ticker == "A"]
    assert set(lstm.loc[lstm["ticker"] == "A", "model_id"]) == {before.model_id}
    others, expected = (
        rows[rows["ticker"] != "A"].reset_index(drop=True) for rows in (two.rows, replayed[1].rows)
    )
    pd.testing.assert_frame_equal(others, expected, check_exact=True)
