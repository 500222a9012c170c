from datetime import date

import numpy as np
import pytest

from stockjax.errors import NothingToTuneError
from stockjax.features import PricePanel
from stockjax.features.volatility import log_returns
from stockjax.training.gate_holdout import GATE_SESSIONS
from stockjax.tuning.folds import Fold, make_folds
from tests.support.searches import TICKERS, TONIGHT, settings_of
from tests.support.synthetic import assert_same_bits, universe


@pytest.fixture(scope="module")
def history() -> PricePanel:
    return universe({"A": 500, "B": 480, "C": 70 + GATE_SESSIONS})


@pytest.fixture(scope="module")
def folds(history: PricePanel) -> list[Fold]:
    return make_folds(history, ["A", "B", "C"], TONIGHT, settings_of())


def test_folds_follow_each_other_up_to_the_last_session_with_an_outcome(
    history: PricePanel, folds: list[Fold]
) -> None:
    days = np.concatenate([fold.sessions for fold in folds])
    assert [len(fold.sessions) for fold in folds] == [10, 10]
    np.testing.assert_array_equal(
        days, history.sessions[0, 500 - 21 - GATE_SESSIONS : 500 - 1 - GATE_SESSIONS]
    )
    assert days[-1].item() < TONIGHT


def test_training_sees_nothing_after_the_first_session_of_its_fold(folds: list[Fold]) -> None:
    for fold in folds:
        first = fold.sessions[0]
        assert fold.asof.as_of == first.item()
        known = fold.asof.history.sessions[fold.asof.history.valid]
        assert known.max() == first


def test_returns_are_those_of_the_session_after(history: PricePanel, folds: list[Fold]) -> None:
    returns = log_returns(history)
    for fold in folds:
        assert len(fold.rows) == fold.counts.sum()
        np.testing.assert_array_equal(fold.returns, returns[fold.rows, fold.positions + 1])
        np.testing.assert_array_equal(fold.days, history.sessions[fold.rows, fold.positions])
    # C can be forecast from its 64th session on, and has 70 that are scored.
    assert [int((fold.rows == 2).sum()) for fold in folds] == [0, 6]


def test_losses_of_a_session_are_added_up_over_its_tickers(folds: list[Fold]) -> None:
    losses = np.arange(len(folds[1].rows), dtype=float)
    sums = folds[1].by_session(losses)
    expected = [losses[folds[1].days == day].sum() for day in folds[1].sessions]
    np.testing.assert_array_equal(sums, expected)


def test_who_is_only_learnt_from_is_not_scored(history: PricePanel) -> None:
    folds = make_folds(history, ["B"], TONIGHT, settings_of())
    for fold in folds:
        assert set(fold.rows.tolist()) == {1}
        assert fold.asof.history.tickers == ("A", "B", "C")


def test_an_earlier_session_knows_earlier_folds_only(history: PricePanel) -> None:
    session = history.sessions[0, 480].item()
    folds = make_folds(history, TICKERS, session, settings_of())
    assert folds[-1].sessions[-1] == history.sessions[0, 479 - GATE_SESSIONS]
    again = make_folds(history.cut(session), TICKERS, session, settings_of())
    for one, other in zip(folds, again, strict=True):
        assert_same_bits(one.returns, other.returns)
        assert_same_bits(one.features.inputs, other.features.inputs)


@pytest.mark.parametrize("tune", [{"folds": 40}, {"fold_sessions": 60}, {"folds": 6, "fold_sessions": 20}])
def test_too_little_history_is_one_sentence(history: PricePanel, tune: dict[str, int]) -> None:
    with pytest.raises(NothingToTuneError) as refused:
        make_folds(history, TICKERS, TONIGHT, settings_of(**tune))
    count, size = tune.get("folds", 2), tune.get("fold_sessions", 10)
    assert str(refused.value) == (
        f"a search over {count} folds of {size} sessions takes a ticker with 320 sessions before them, and "
        "the longest history has 500 in all; lower tune.folds or tune.fold_sessions"
    )


def test_no_history_at_all_is_the_same_sentence(history: PricePanel) -> None:
    with pytest.raises(NothingToTuneError, match="the longest history has 0 in all"):
        make_folds(history, TICKERS, date(2001, 1, 2), settings_of())
