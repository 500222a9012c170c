"""Where monitors stand: as arrays, as rows of the table, and after some of them have moved."""

from dataclasses import fields
from datetime import date

import numpy as np
import pandas as pd
import pytest

from stockjax.drift import COVERAGE, INPUT, SCALE, Monitor
from stockjax.drift.detector import STAKES
from stockjax.engine.drift_states import (
    STATE_COLUMNS,
    UNIVERSE,
    AllStates,
    MonitorStates,
    Scope,
    replaced_states,
    states_from_table,
    states_of,
    states_to_table,
)

NIGHT = date(2013, 3, 1)


def some_states(names: list[str], bets: int, night: date = NIGHT) -> MonitorStates:
    """States that differ in all they hold."""
    numbers = np.arange(1, len(names) + 1)
    return MonitorStates(
        np.array(names, dtype=object),
        np.full(len(names), np.datetime64(night, "D")),
        np.datetime64("2013-02-01") + numbers,
        numbers[:, None] / 7 + np.arange(bets * len(STAKES)),
        numbers * 3,
        numbers * 5,
    )


def all_states() -> AllStates:
    return {
        (SCALE.name, "universe"): some_states([UNIVERSE], len(SCALE.bets)),
        (SCALE.name, "ticker"): some_states(["B", "A"], len(SCALE.bets)),
        (INPUT.name, "ticker"): some_states(["NA", "C"], len(INPUT.bets)),
    }


def assert_same(one: MonitorStates, other: MonitorStates) -> None:
    for each in fields(MonitorStates):
        np.testing.assert_array_equal(getattr(one, each.name), getattr(other, each.name), strict=True)


def test_the_table_gives_the_states_back() -> None:
    table = states_to_table(all_states())
    assert tuple(table.columns) == STATE_COLUMNS
    assert table["ticker"].isna().tolist() == [True, False, False, False, False]
    again = states_from_table(table)
    assert again.keys() == all_states().keys()
    for key, states in all_states().items():
        assert_same(again[key], states)


def test_no_states_are_an_empty_table_and_back() -> None:
    table = states_to_table({})
    assert tuple(table.columns) == STATE_COLUMNS
    assert len(table) == 0
    assert states_from_table(table) == {}
    assert states_from_table(table.astype({"wealth": object, "seen": np.int64})) == {}


def test_what_has_moved_replaces_its_own_and_nothing_else() -> None:
    later = date(2013, 3, 4)
    moved: dict[tuple[str, Scope], MonitorStates] = {
        (SCALE.name, "ticker"): some_states(["A", "D"], len(SCALE.bets), later),
        (COVERAGE.name, "universe"): some_states([UNIVERSE], len(COVERAGE.bets), later),
    }
    before, after = all_states(), replaced_states(all_states(), moved)
    assert after.keys() == before.keys() | moved.keys()
    scale = after[SCALE.name, "ticker"]
    assert scale.names.tolist() == ["B", "A", "D"]
    assert_same(scale.of(["A", "D"]), moved[SCALE.name, "ticker"])
    assert_same(scale.of(["B"]), before[SCALE.name, "ticker"].of(["B"]))
    assert scale.moved_after(NIGHT).tolist() == ["A", "D"]
    assert scale.moved_after(later).tolist() == []
    assert_same(after[INPUT.name, "ticker"], before[INPUT.name, "ticker"])


@pytest.mark.parametrize("monitor", [COVERAGE, SCALE, INPUT])
def test_a_name_that_is_not_there_begins_from_nothing(monitor: Monitor) -> None:
    nothing = states_of({}, monitor, "ticker")
    assert nothing.names.tolist() == []
    begun = nothing.of(["A", "B"])
    assert begun.names.tolist() == ["A", "B"]
    assert begun.wealth.shape == (2, len(monitor.bets) * len(STAKES))
    assert not begun.wealth.any()
    assert begun.seen.tolist() == begun.step.tolist() == [0, 0]
    assert np.isnat(begun.last_session).all()
    assert begun.moved_after(NIGHT).tolist() == []
    known = some_states(["B"], len(monitor.bets))
    assert_same(known.of(["A", "B"]).of(["B"]), known)
    assert_same(known.of(["A"]), begun.of(["A"]))


def test_a_table_of_strings_has_no_ticker_for_the_universe() -> None:
    table = states_to_table(all_states())
    assert isinstance(table["ticker"].dtype, pd.StringDtype)
