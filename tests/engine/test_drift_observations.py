"""What the monitor of inputs observes: which sessions are new, and which are a day of the universe."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from stockjax.drift import INPUT
from stockjax.engine.drift_observations import Observed, by_day, input_observations
from stockjax.engine.drift_states import UNIVERSE, MonitorStates
from stockjax.features import PricePanel
from tests.support.synthetic import NEW_YORK, history_of, price_frame

DAYS = NEW_YORK.sessions(date(2008, 1, 2), date(2013, 3, 1))
LAST = np.datetime64("2013-03-01")
NOTHING = MonitorStates.fresh([], len(INPUT.bets))


def panel(present: int, absent: int, *, newcomer: bool = False) -> PricePanel:
    """Tickers with a price of the last session, and some without; a newcomer has no other."""
    frames = [price_frame(f"P{number}", DAYS[-700:], number) for number in range(present)]
    frames += [price_frame(f"X{number}", DAYS[-700:-1], 50 + number) for number in range(absent)]
    if newcomer:
        frames.append(price_frame("NEW", DAYS[-1:], 99))
    return history_of(frames)


def seen_by(name: str, session: str) -> MonitorStates:
    """The states of a monitor that has observed up to a session."""
    days = np.array([session], dtype="datetime64[D]")
    return replace(MonitorStates.fresh([name], len(INPUT.bets)), last_session=days, as_of=days)


def observed(
    history: PricePanel, tickers: MonitorStates = NOTHING, universe: MonitorStates = NOTHING
) -> Observed:
    return input_observations(history, tickers, universe)


@pytest.mark.parametrize(
    ("present", "absent", "newcomer", "expected"),
    [(4, 1, False, True), (3, 2, False, False), (4, 1, True, True), (5, 0, False, True)],
)
def test_a_day_of_the_universe_has_four_of_five_tickers(
    present: int, absent: int, newcomer: bool, expected: bool
) -> None:
    found = observed(panel(present, absent, newcomer=newcomer))
    today = found.only(found.sessions == LAST)
    assert len(today.names) == present
    assert set(today.of_universe) == {expected}
    earlier = found.only(np.isin(found.sessions, np.array(DAYS[-100:-1], dtype="datetime64[D]")))
    assert set(earlier.of_universe) == {True}


def test_a_first_night_observes_half_a_year_and_a_later_one_what_is_new() -> None:
    history = panel(5, 0)
    first = observed(history)
    assert len(first.names) == 5 * 126
    assert first.of_ticker.all()
    new = np.array(["2013-02-28", "2013-03-01"], dtype="datetime64[D]")
    later = observed(history, tickers=seen_by("P0", "2013-02-27"))
    assert later.sessions[(later.names == "P0") & later.of_ticker].tolist() == new.tolist()
    assert np.count_nonzero(later.names == "P1") == 126
    universe = observed(history, universe=seen_by(UNIVERSE, "2013-02-27"))
    assert np.unique(universe.sessions[universe.of_universe]).tolist() == new.tolist()


def test_a_ticker_of_one_session_and_no_ticker_at_all_are_observed_of_nothing() -> None:
    assert len(observed(history_of([price_frame("NEW", DAYS[-1:], 1)])).names) == 0
    two = observed(history_of([price_frame("NEW", DAYS[-2:], 1)]))
    assert two.sessions.tolist() == [LAST.item()]


def test_a_ticker_has_the_same_observations_alone_and_among_longer_ones() -> None:
    young = price_frame("YOUNG", DAYS[-650:], 7)
    alone = observed(history_of([young]))
    among = observed(history_of([young, price_frame("OLD", DAYS[-1200:], 8)]))
    mine = among.only(among.names == "YOUNG")
    for name in ("names", "sessions", "values", "bets", "tickers", "of_ticker"):
        np.testing.assert_array_equal(getattr(mine, name), getattr(alone, name))


def test_a_day_is_the_mean_of_its_tickers() -> None:
    found = observed(panel(4, 1))
    days = by_day(found)
    day, today = days.only(days.sessions == LAST), found.only(found.sessions == LAST)
    assert day.names.tolist() == [UNIVERSE]
    assert day.tickers.tolist() == [4]
    assert day.values.tolist() == pytest.approx([np.mean(today.values)])
    np.testing.assert_allclose(day.bets[0], today.bets.mean(axis=0))
