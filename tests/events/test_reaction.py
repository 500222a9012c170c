"""Which session reacts, and how sure earlier reports make of it."""

from collections.abc import Sequence
from datetime import date, time

import numpy as np
import pytest

from stockjax.events.announcement import Timing, end_of_day, timing_of
from stockjax.events.reaction import (
    NO_REACTIONS,
    Reactions,
    after_close_probability,
    discounted,
    evidence_of_late_reaction,
)
from stockjax.sessions import Exchange

NYSE, TOKYO = Exchange("XNYS"), Exchange("XTKS")


@pytest.mark.parametrize(
    ("day", "clock", "exchange", "timing"),
    [
        (date(2013, 1, 23), time(9, 29), NYSE, "before"),
        (date(2013, 1, 23), time(9, 30), NYSE, "during"),
        (date(2013, 1, 23), time(15, 59), NYSE, "during"),
        (date(2013, 1, 23), time(16, 0), NYSE, "after"),
        # The day after Thanksgiving closes at 13:00.
        (date(2012, 11, 23), time(12, 59), NYSE, "during"),
        (date(2012, 11, 23), time(13, 0), NYSE, "after"),
        # A holiday and a Saturday: the next session reacts, whatever the time.
        (date(2013, 1, 21), time(17, 0), NYSE, "before"),
        (date(2013, 1, 26), time(10, 0), NYSE, "before"),
        (date(2013, 1, 23), time(0, 0), NYSE, "unknown"),
        (date(2013, 1, 23), time(15, 0), TOKYO, "after"),
    ],
)
def test_a_time_of_day_lies_before_during_or_after_the_session(
    day: date, clock: time, exchange: Exchange, timing: Timing
) -> None:
    assert timing_of(day, clock, exchange) == timing


def test_a_day_ends_where_the_exchange_is() -> None:
    assert end_of_day(date(2013, 1, 23), NYSE).isoformat() == "2013-01-24T04:59:59+00:00"
    assert end_of_day(date(2013, 1, 23), TOKYO).isoformat() == "2013-01-23T14:59:59+00:00"


def moved(*returns: float, volumes: Sequence[float] | None = None) -> Reactions:
    """Sessions 5, 6, … with such returns, and with volumes as usual unless they are given."""
    traded = np.zeros(len(returns)) if volumes is None else np.array(volumes)
    return Reactions(np.arange(5, 5 + len(returns)), np.array(returns), traded)


def test_the_session_that_moved_and_was_traded_more_is_the_likelier_reaction() -> None:
    moves = moved(0.4, 3.0, 0.5, np.nan, volumes=[0.1, 0.7, 0.2, 0.0])
    early, late = evidence_of_late_reaction(moves, 6), evidence_of_late_reaction(moves, 5)
    assert early == pytest.approx(-2.5 * 0.3 - 0.5 * 4)
    assert late == pytest.approx(2.6 * 0.3 + 0.6 * 4)
    # Without both sessions there is none.
    assert evidence_of_late_reaction(moves, 7) == evidence_of_late_reaction(moves, 4) == 0
    assert evidence_of_late_reaction(NO_REACTIONS, 5) == 0


def test_volume_says_more_than_the_return() -> None:
    """As in utilities: the return of the session that reacts is often the smaller one."""
    assert evidence_of_late_reaction(moved(2.0, 0.8, volumes=[0.1, 0.6]), 5) > 1


def test_without_a_volume_the_return_says_what_it_can() -> None:
    for volumes in ([np.nan, 0.5], [0.5, np.nan], [np.nan, np.nan]):
        assert evidence_of_late_reaction(moved(0.4, 3.0, volumes=volumes), 5) == pytest.approx(2.6 * 0.87)


def test_one_crash_is_no_more_evidence_than_any_large_move() -> None:
    crash, large = (evidence_of_late_reaction(moved(0.0, size), 5) for size in (50.0, 8.0))
    assert crash == large
    rush, many = (evidence_of_late_reaction(moved(0, 0, volumes=[0, size]), 5) for size in (9.0, 3.0))
    assert rush == many


def test_a_reliable_timing_is_certain_and_a_doubtful_one_can_be_contradicted() -> None:
    assert [after_close_probability(name, 0.0) for name in ("before", "during", "after")] == [0, 0, 1]
    assert after_close_probability("after", -50.0) == 1
    assert after_close_probability("unknown", 0.0) == 0.5
    assert after_close_probability("after", 0.0, reliable=False) > 0.95
    assert after_close_probability("after", -8.0, reliable=False) < 0.05
    assert after_close_probability("unknown", 3.0) > after_close_probability("unknown", 1.0) > 0.5


def test_old_evidence_counts_less() -> None:
    assert discounted(4.0, reports=12) == pytest.approx(2.0)
