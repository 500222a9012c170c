"""Sessions of which some tickers are forecast late, because their prices came late."""

from dataclasses import replace
from datetime import date
from typing import Any

import pandas as pd
import pytest

from stockjax.engine import State, StepResult
from stockjax.engine.decisions import Decisions
from stockjax.engine.due_sessions import DueSession
from stockjax.engine.walk_forward import _Behind, _merged
from stockjax.registry import Model
from tests.support.synthetic import some_model

MONDAY, TUESDAY, WEDNESDAY = (date(2013, 2, day) for day in (25, 26, 27))


def due(session: date, known: date | None = None) -> DueSession:
    return DueSession(known or session, session, ("A",))


def test_the_walk_is_ahead_of_sessions_that_it_has_not_passed_unless_a_ticker_is_late() -> None:
    late = due(MONDAY, WEDNESDAY)
    behind = _Behind([due(MONDAY), due(TUESDAY), late, due(WEDNESDAY)])
    # Monday is forecast late for one ticker, so that its state has to be remembered.
    assert not behind.is_ahead(due(MONDAY))
    assert behind.is_ahead(due(TUESDAY))
    behind.remember(due(TUESDAY), State())
    assert not behind.is_ahead(due(TUESDAY))
    assert behind.is_ahead(due(WEDNESDAY))


def test_a_late_session_begins_with_the_state_of_its_day() -> None:
    late = due(MONDAY, WEDNESDAY)
    behind = _Behind([due(MONDAY), due(TUESDAY), late])
    first, second = State(base_rejected=MONDAY), State(base_rejected=TUESDAY)
    assert behind.state_at(due(MONDAY), first) is first
    behind.remember(due(MONDAY), first)
    behind.remember(due(TUESDAY), second)
    assert behind.state_at(late, second) is first
    assert behind.state_at(due(WEDNESDAY), second) is second
    # Of a session that nothing was remembered of the newest state is all there is.
    assert behind.state_at(due(TUESDAY), second) is second


def result(*models: Model) -> StepResult:
    return StepResult(State(), list(models), pd.DataFrame(), Decisions())


def own(day: date, **changes: Any) -> Model:
    return replace(some_model("A"), trained_through=day, **changes)


@pytest.mark.parametrize(
    ("present", "late", "used"),
    [(MONDAY, TUESDAY, "late"), (TUESDAY, MONDAY, "present"), (None, MONDAY, "late")],
)
def test_a_late_model_is_used_where_it_is_newer(present: date | None, late: date, used: str) -> None:
    models = {"present": own(present) if present else None, "late": own(late, seed=1)}
    held = {"A": models["present"]} if models["present"] else {}
    state = _merged(
        State(tickers=held, last_trained={"A": present} if present else {}), result(models["late"])
    )
    assert state.tickers["A"] is models[used]
    assert state.last_trained["A"] == max(late, present or late)


def test_of_two_of_one_session_the_present_one_stays() -> None:
    present = own(MONDAY)
    assert _merged(State(tickers={"A": present}), result(own(MONDAY, seed=1))).tickers["A"] is present


def test_rejected_models_and_bases_of_a_late_session_are_not_used() -> None:
    state = _merged(State(), result(own(MONDAY, status="rejected"), some_model(None)))
    assert state.tickers == {}
    assert state.last_trained == {}
