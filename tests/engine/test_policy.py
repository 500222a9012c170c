"""When a base is trained, and how old a model may be."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from stockjax.engine import Policy, State
from stockjax.engine.state import BASE
from stockjax.features import inputs_id
from stockjax.registry import Model
from stockjax.sessions import exchange
from stockjax.settings import load_settings
from tests.support.synthetic import some_model

NEW_YORK = exchange("XNYS")
TODAY = date(2013, 3, 28)


def sessions_before(count: int) -> date:
    day: date = NEW_YORK.sessions(date(2012, 1, 3), TODAY)[-1 - count].item()
    return day


def policy(**retrain: Any) -> Policy:
    return Policy.of_nights(load_settings(retrain=retrain, training={"hidden": 4, "seeds": 1}))


def base(age: int, **changes: Any) -> Model:
    shape = {"hidden": 4, "seeds": 1, "stopped_at": 50, "inputs": inputs_id()}
    return replace(
        some_model(None), trained_through=sessions_before(age), **({"hyperparameters": shape} | changes)
    )


def is_due(state: State, *, trainable: bool = False, **retrain: Any) -> bool:
    return policy(**retrain).base_is_due(state, TODAY, trainable=trainable)


def test_a_first_base_is_due_and_one_that_was_rejected_waits() -> None:
    assert is_due(State())
    assert not is_due(State(base_rejected=sessions_before(1)), base_retry=5)
    assert is_due(State(base_rejected=sessions_before(6)), base_retry=5)
    # One that is there and cannot be used is replaced at once.
    assert is_due(State(base_rejected=sessions_before(1), unusable={BASE: "damaged"}), base_retry=5)


@pytest.mark.parametrize(("age", "due"), [(19, False), (20, True), (21, True)])
def test_a_base_is_due_when_its_sessions_are_over(age: int, due: bool) -> None:
    assert is_due(State(base=base(age)), base_every=20) == due


def test_a_rejected_successor_is_tried_again_later() -> None:
    state = State(base=base(40), base_rejected=sessions_before(2))
    assert not is_due(state, base_every=20, base_retry=5)
    assert is_due(replace(state, base_rejected=sessions_before(5)), base_every=20, base_retry=5)


def test_a_base_that_was_promoted_by_hand_today_is_not_replaced_today() -> None:
    today = base(40, activated_on=TODAY)
    assert not is_due(State(base=today), base_every=20, trainable=True)
    yesterday = base(40, activated_on=sessions_before(1))
    assert is_due(State(base=yesterday), base_every=20, trainable=True)
    assert not is_due(State(base=yesterday), base_every=20)


def test_an_untrained_base_is_due_as_soon_as_one_can_be_trained() -> None:
    assert is_due(State(base=base(1)), base_every=20, trainable=True)
    assert not is_due(State(base=base(1)), base_every=20)


@pytest.mark.parametrize("shape", [{"hidden": 8}, {"seeds": 3}])
def test_a_base_of_another_shape_is_due_at_once_unless_a_search_made_it(shape: dict[str, int]) -> None:
    other = {"hidden": 4, "seeds": 1, "stopped_at": 50, "inputs": inputs_id()} | shape
    assert is_due(State(base=base(1, hyperparameters=other)), base_every=20)
    for key in ("search", "searched"):
        searched = base(1, hyperparameters=other | {key: "study-1"})
        assert not is_due(State(base=searched), base_every=20)
        assert not policy().other_architecture(searched)


@pytest.mark.parametrize(("age", "used"), [(9, True), (10, True), (11, False)])
def test_models_are_used_up_to_their_age(age: int, used: bool) -> None:
    own = replace(some_model("A"), trained_through=sessions_before(age))
    state = State(base=base(age), tickers={"A": own})
    rules = policy(base_every=5, ticker_every=5, base_expiry=10, ticker_expiry=10)
    kept, expired = rules.without_expired(state, TODAY, {"A": NEW_YORK})
    assert (kept.base is not None) == used
    assert ("A" in kept.tickers) == used
    assert set(expired) == (set() if used else {BASE, "A"})
    assert kept.unusable == expired
    # Of a ticker whose exchange is not asked about nothing is said.
    assert "A" in rules.without_expired(state, TODAY, {})[0].tickers


def test_policies_differ_in_what_changes_a_forecast_alone() -> None:
    one = policy(base_every=7)
    assert one.differences(replace(one, workers=one.workers + 1, watch_inputs=not one.watch_inputs)) == {}
    assert one.differences(replace(one, base_every=9)) == {"base_every": 7}
