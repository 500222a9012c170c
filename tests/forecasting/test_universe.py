from datetime import date

import numpy as np
import pandas as pd
import pytest

from stockjax.errors import NotFound
from stockjax.features import History
from stockjax.forecasting.universe import TickerState, states_table, ticker_states
from stockjax.settings import HistorySettings
from tests.synthetic import NEW_YORK, history_of, price_frame

TONIGHT = date(2013, 3, 1)
NEEDS = HistorySettings()


@pytest.fixture(scope="module")
def states() -> dict[str, TickerState]:
    days = NEW_YORK.sessions(date(2009, 1, 2), TONIGHT)
    own_days = {
        "LONG": days[-504:],
        "NEARLY": days[-503:],
        "FEW": days[-64:],
        "SHORT": days[-63:],
        "OLD": days[-600:-1],
        "OLDSHORT": days[-12:-2],
        "BROKEN": days[-600:-3],
    }
    frames = [price_frame(ticker, own, number) for number, (ticker, own) in enumerate(own_days.items())]
    history = history_of(frames, [*own_days, "NONE", "REFUSED"])
    failures = {"NONE": NotFound("there is no 'NONE'"), "BROKEN": NotFound("the vendor hung up")}
    return {state.ticker: state for state in ticker_states(history, TONIGHT, failures, NEEDS)}


def test_a_long_history_up_to_tonight_is_active_without_a_word(states: dict[str, TickerState]) -> None:
    state = states["LONG"]
    assert (state.state, state.reason, state.sessions) == ("active", None, 504)
    assert state.can_forecast


@pytest.mark.parametrize(("ticker", "sessions"), [("NEARLY", 503), ("FEW", 64)])
def test_a_shorter_one_is_active_from_the_base(
    states: dict[str, TickerState], ticker: str, sessions: int
) -> None:
    state = states[ticker]
    assert state.state == "active"
    assert state.can_forecast
    assert state.reason is not None
    assert f"{sessions} sessions: forecast from the base model" in state.reason
    assert "504" in state.reason


def test_fewer_sessions_than_a_forecast_needs_are_too_short(states: dict[str, TickerState]) -> None:
    state = states["SHORT"]
    assert state.state == "too_short"
    assert state.reason == "63 sessions; a forecast needs 64"
    assert not state.can_forecast


@pytest.mark.parametrize(
    ("ticker", "last"), [("OLD", "2013-02-28"), ("OLDSHORT", "2013-02-27"), ("BROKEN", "2013-02-26")]
)
def test_a_history_that_ends_before_tonight_is_stale(
    states: dict[str, TickerState], ticker: str, last: str
) -> None:
    state = states[ticker]
    assert state.state == "stale"
    assert state.last_session == date.fromisoformat(last)
    assert state.reason is not None
    assert last in state.reason
    assert not state.can_forecast


def test_a_stale_ticker_tells_why_the_source_failed(states: dict[str, TickerState]) -> None:
    assert "the vendor hung up" in str(states["BROKEN"].reason)


def test_a_ticker_without_prices_has_failed_and_says_why(states: dict[str, TickerState]) -> None:
    assert (states["NONE"].state, states["NONE"].reason) == ("failed", "there is no 'NONE'")
    assert states["REFUSED"].state == "failed"
    assert "quarantine" in str(states["REFUSED"].reason)
    assert states["NONE"].first_session is states["NONE"].last_session is None
    assert not states["NONE"].can_forecast


def test_facebook_in_the_sample_is_forecast_from_the_base(sample_history: History) -> None:
    judged = {state.ticker: state for state in ticker_states(sample_history, TONIGHT, {}, NEEDS)}
    assert {ticker: state.state for ticker, state in judged.items()} == dict.fromkeys(judged, "active")
    assert [ticker for ticker, state in judged.items() if state.reason] == ["FB"]
    assert "196 sessions: forecast from the base model" in str(judged["FB"].reason)
    assert judged["FB"].first_session == date(2012, 5, 18)
    assert judged["AAPL"].sessions == 3270


def test_the_table_has_a_row_per_ticker_and_no_invented_words(states: dict[str, TickerState]) -> None:
    table = states_table(list(states.values()), "XNYS").set_index("ticker")
    assert list(table.index) == list(states)
    assert (table["exchange"] == "XNYS").all()
    assert pd.isna(table.loc["LONG", "reason"])
    assert table.loc["NONE", ["first_session", "last_session"]].isna().all()
    assert table.loc["LONG", "last_session"] == pd.Timestamp(TONIGHT)
    assert table.loc["SHORT", "first_session"] == pd.Timestamp(states["SHORT"].first_session)
    np.testing.assert_array_equal(table["sessions"], [state.sessions for state in states.values()])
