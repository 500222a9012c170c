"""What the monitor of inputs observes: which sessions are new, and which are a day of the universe."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from stockjax.engine.drift_observations import KnownStates, by_day, input_observations
from stockjax.features import PricePanel
from tests.support.synthetic import NEW_YORK, history_of, price_frame

DAYS = NEW_YORK.sessions(date(2008, 1, 2), date(2013, 3, 1))
LAST = pd.Timestamp("2013-03-01")
NOTHING = KnownStates(pd.DataFrame({"scope": [], "ticker": [], "last_session": [], "as_of": []}))


def panel(present: int, absent: int, *, newcomer: bool = False) -> PricePanel:
    """Tickers with a price of the last session, and some without; a newcomer has no other."""
    frames = [price_frame(f"P{number}", DAYS[-700:], number) for number in range(present)]
    frames += [price_frame(f"X{number}", DAYS[-700:-1], 50 + number) for number in range(absent)]
    if newcomer:
        frames.append(price_frame("NEW", DAYS[-1:], 99))
    return history_of(frames)


def seen_by(scope: str, ticker: str | None, session: str) -> KnownStates:
    row = {"scope": scope, "ticker": ticker, "last_session": pd.Timestamp(session), "as_of": LAST}
    return KnownStates(pd.DataFrame([row]))


@pytest.mark.parametrize(
    ("present", "absent", "newcomer", "observed"),
    [(4, 1, False, True), (3, 2, False, False), (4, 1, True, True), (5, 0, False, True)],
)
def test_a_day_of_the_universe_has_four_of_five_tickers(
    present: int, absent: int, newcomer: bool, observed: bool
) -> None:
    found = input_observations(panel(present, absent, newcomer=newcomer), NOTHING)
    today = found[found["session"] == LAST]
    assert len(today) == present
    assert set(today["of_universe"]) == {observed}
    earlier = found["session"].isin(pd.to_datetime(DAYS[-100:-1]))
    assert set(found.loc[earlier, "of_universe"]) == {True}


def test_a_first_night_observes_half_a_year_and_a_later_one_what_is_new() -> None:
    history = panel(5, 0)
    first = input_observations(history, NOTHING)
    assert len(first) == 5 * 126
    assert first["of_ticker"].all()
    later = input_observations(history, seen_by("ticker", "P0", "2013-02-27"))
    new = later[later["ticker"] == "P0"]
    assert new.loc[new["of_ticker"], "session"].dt.strftime("%m-%d").tolist() == ["02-28", "03-01"]
    assert len(later[later["ticker"] == "P1"]) == 126
    universe = input_observations(history, seen_by("universe", None, "2013-02-27"))
    assert set(universe.loc[universe["of_universe"], "session"].dt.strftime("%m-%d")) == {"02-28", "03-01"}


def test_a_ticker_of_one_session_and_no_ticker_at_all_are_observed_of_nothing() -> None:
    assert len(input_observations(history_of([price_frame("NEW", DAYS[-1:], 1)]), NOTHING)) == 0
    two = input_observations(history_of([price_frame("NEW", DAYS[-2:], 1)]), NOTHING)
    assert two["session"].tolist() == [LAST]


def test_a_ticker_has_the_same_observations_alone_and_among_longer_ones() -> None:
    young = price_frame("YOUNG", DAYS[-650:], 7)
    alone = input_observations(history_of([young]), NOTHING)
    among = input_observations(history_of([young, price_frame("OLD", DAYS[-1200:], 8)]), NOTHING)
    mine = among[among["ticker"] == "YOUNG"].reset_index(drop=True)
    pd.testing.assert_frame_equal(mine.drop(columns="of_universe"), alone.drop(columns="of_universe"))


def test_a_day_is_the_mean_of_its_tickers() -> None:
    found = input_observations(panel(4, 1), NOTHING)
    day = by_day(found).set_index("session").loc[LAST]
    today = found[found["session"] == LAST]
    assert day["tickers"] == 4
    assert day["observation"] == pytest.approx(np.mean(today["observation"]))
