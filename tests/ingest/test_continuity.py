import numpy as np
import pandas as pd
import pytest

from stockjax.ingest.continuity import Continuity, continuity
from stockjax.quality.row_checks import CONTINUITY_CHECKS


def history(count: int, seed: int = 1, first: int = 0) -> pd.DataFrame:
    """The last `count - first` of `count` days of a random walk."""
    steps = np.random.default_rng(seed).normal(0, 0.02, count)
    close = 100 * np.exp(np.cumsum(steps))
    sessions = pd.date_range("2020-01-01", periods=count).astype("datetime64[s]")
    frame = pd.DataFrame({"session": sessions, "close": close, "adj_close": close})
    return frame.iloc[first:].reset_index(drop=True)


def scaled(frame: pd.DataFrame, factor: float) -> pd.DataFrame:
    return frame.assign(adj_close=frame["adj_close"] * factor)


def judged(stored: pd.DataFrame, delivered: pd.DataFrame, *, full_history: bool) -> Continuity:
    return continuity("A", stored, delivered, full_history=full_history)


STORED = history(90)


@pytest.mark.parametrize(
    "delivered",
    [
        pytest.param(history(91), id="one session more"),
        pytest.param(scaled(history(91), 0.5), id="after a split"),
        pytest.param(scaled(history(91), 0.99), id="after a dividend"),
        pytest.param(history(91, first=9), id="a tenth of it gone"),
    ],
)
def test_a_whole_history_takes_the_place_of_the_stored_one(delivered: pd.DataFrame) -> None:
    assert judged(STORED, delivered, full_history=True) == Continuity(replaces_all=True)


@pytest.mark.parametrize("first", [0, 50, 88, 90])
def test_a_part_that_agrees_is_merged(first: int) -> None:
    assert judged(STORED, history(91, first=first), full_history=False) == Continuity()


@pytest.mark.parametrize("full_history", [True, False])
@pytest.mark.parametrize("first", [0, 84])
def test_other_returns_are_another_history(full_history: bool, first: int) -> None:
    verdict = judged(STORED, history(91, seed=2, first=first), full_history=full_history)
    assert verdict.fault == "another_history"
    assert not verdict.replaces_all
    assert "'A'" in verdict.message
    assert "history.accept" in verdict.message


def test_returns_of_less_than_five_sessions_prove_nothing() -> None:
    other = history(91, seed=2)
    same_level = other["adj_close"].iloc[86] / STORED["adj_close"].iloc[86]
    few = scaled(other, 1 / same_level).iloc[86:]
    assert judged(STORED, few, full_history=False).fault != "another_history"


@pytest.mark.parametrize(("wrong", "fault"), [(2, None), (5, None), (6, "another_history")])
def test_half_of_the_returns_have_to_agree(wrong: int, fault: str | None) -> None:
    stored = history(11)
    # A step between two levels is one wrong return.
    factors = np.exp(0.1 * np.minimum(np.arange(11), wrong))
    delivered = stored.assign(adj_close=stored["adj_close"] * factors)
    assert judged(stored, delivered, full_history=True).fault == fault


@pytest.mark.parametrize(("left", "fault"), [(81, None), (80, "shrunk_history"), (5, "shrunk_history")])
def test_a_whole_history_has_nine_tenths_of_the_stored_sessions(left: int, fault: str | None) -> None:
    verdict = judged(STORED, history(90, first=90 - left), full_history=True)
    assert verdict.fault == fault
    assert verdict.replaces_all == (fault is None)


@pytest.mark.parametrize("left", [0, 4])
def test_a_whole_history_that_has_hardly_a_stored_session_is_another_one(left: int) -> None:
    verdict = judged(STORED, history(120, first=90 - left), full_history=True)
    assert verdict.fault == "another_history"
    assert f"only {left} of the 90" in verdict.message


def test_a_part_in_other_units_is_not_merged() -> None:
    verdict = judged(STORED, scaled(history(91, first=60), 0.98), full_history=False)
    assert verdict.fault == "other_units"
    assert "2020-03-01" in verdict.message
    assert "whole history" in verdict.message


def test_noise_is_no_other_unit() -> None:
    assert judged(STORED, scaled(history(91, first=60), 1 + 5e-5), full_history=False) == Continuity()


def test_a_part_in_other_units_is_taken_where_no_stored_row_lies_before_it() -> None:
    assert judged(STORED, scaled(history(91), 0.98), full_history=False) == Continuity()


@pytest.mark.parametrize(("common", "verdict"), [(504, Continuity(replaces_all=True)), (503, None)])
def test_a_long_part_in_other_units_takes_the_place_of_the_stored_rows(
    common: int, verdict: Continuity | None
) -> None:
    found = judged(history(600), scaled(history(601, first=600 - common), 0.5), full_history=False)
    assert found == verdict or (verdict is None and found.fault == "other_units")


def test_rows_that_are_no_prices_are_not_compared() -> None:
    spoilt = history(91)
    spoilt.loc[:49, "adj_close"] = np.tile([0.0, -1.0, np.nan, -np.inf, 0.0], 10)
    undated = scaled(spoilt, 3.0).assign(session=np.datetime64("NaT", "s"))
    twice = pd.concat([spoilt, scaled(spoilt, 3.0), undated], ignore_index=True)
    assert judged(STORED, twice, full_history=False) == Continuity()


def test_a_delivery_without_a_price_is_not_merged_as_a_whole() -> None:
    nothing = history(90).assign(adj_close=np.nan)
    assert judged(STORED, nothing, full_history=False) == Continuity()
    assert judged(STORED, nothing, full_history=True).fault is not None


def test_every_fault_is_a_check_that_rejects() -> None:
    part = {"full_history": False}
    verdicts = [
        judged(STORED, history(91, seed=2), **part),
        judged(STORED, history(90, first=60), full_history=True),
        judged(STORED, scaled(history(91, first=60), 0.98), **part),
    ]
    assert {verdict.fault: "reject" for verdict in verdicts} == {
        check.name: check.severity for check in CONTINUITY_CHECKS
    }
