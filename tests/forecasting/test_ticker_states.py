from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd
import pytest

from stockjax.errors import HistoryMismatchError, SourceUnavailableError, UnknownTickerError
from stockjax.features import PricePanel
from stockjax.forecasting.ticker_states import TickerState, states_table, ticker_states
from stockjax.sessions import Exchange
from stockjax.settings import HistorySettings
from tests.support.synthetic import NEW_YORK, history_of, price_frame

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
        "ONE": days[-600:-1],
        "TWOSHORT": days[-12:-2],
        "THREE": days[-600:-3],
        "FOUR": days[-600:-4],
        "FIVE": days[-600:-5],
        "TWENTY": days[-600:-20],
        "LONGGONE": days[-600:-21],
        "UNKNOWN4": days[-600:-4],
        "UNKNOWN5": days[-600:-5],
        "ANOTHER": days[-504:],
        "ANOTHERSTALE": days[-600:-5],
    }
    frames = [price_frame(ticker, own, number) for number, (ticker, own) in enumerate(own_days.items())]
    history = history_of(frames, [*own_days, "NONE", "REFUSED"])
    failures = {
        "NONE": UnknownTickerError("there is no 'NONE'"),
        "THREE": SourceUnavailableError("the vendor hung up"),
        "FIVE": SourceUnavailableError("the vendor hung up"),
        "TWENTY": SourceUnavailableError("the vendor hung up"),
        "UNKNOWN4": UnknownTickerError("there is no such symbol"),
        "UNKNOWN5": UnknownTickerError("there is no such symbol"),
        "ANOTHER": HistoryMismatchError("it comes with another history"),
        "ANOTHERSTALE": HistoryMismatchError("it comes with another history"),
    }
    return judged(history, failures)


def judged(
    history: PricePanel, failures: Mapping[str, Exception], needs: HistorySettings = NEEDS
) -> dict[str, TickerState]:
    """What is said of every ticker, all of New York."""
    tonight, exchanges = dict.fromkeys(history.tickers, TONIGHT), dict.fromkeys(history.tickers, NEW_YORK)
    return {state.ticker: state for state in ticker_states(history, tonight, exchanges, failures, needs)}


def test_a_long_history_up_to_tonight_is_active_without_a_word(states: dict[str, TickerState]) -> None:
    state = states["LONG"]
    assert (state.state, state.reason, state.sessions) == ("active", None, 504)
    assert state.behind == 0
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
    ("ticker", "last", "behind", "word"),
    [
        ("ONE", "2013-02-28", 1, "active"),
        ("TWOSHORT", "2013-02-27", 2, "active"),
        ("THREE", "2013-02-26", 3, "active"),
        ("FOUR", "2013-02-25", 4, "active"),
        ("FIVE", "2013-02-22", 5, "stale"),
        ("TWENTY", "2013-01-31", 20, "stale"),
        ("LONGGONE", "2013-01-30", 21, "delisted"),
    ],
)
def test_a_history_that_ends_before_tonight_cannot_be_forecast_and_goes_stale(
    states: dict[str, TickerState], ticker: str, last: str, behind: int, word: str
) -> None:
    state = states[ticker]
    assert (state.state, state.behind) == (word, behind)
    assert state.last_session == date.fromisoformat(last)
    assert state.reason is not None
    assert f"its last price is of {last}, {behind} session(s) ago" in state.reason
    assert not state.can_forecast


@pytest.mark.parametrize("ticker", ["THREE", "FIVE", "TWENTY"])
def test_a_ticker_that_is_behind_tells_why_the_source_failed(
    states: dict[str, TickerState], ticker: str
) -> None:
    assert "the vendor hung up" in str(states[ticker].reason)


def test_a_stale_ticker_that_the_vendor_no_longer_knows_is_delisted(states: dict[str, TickerState]) -> None:
    assert states["UNKNOWN4"].state == "active", "the vendor may be wrong for a day or two"
    assert states["UNKNOWN5"].state == "delisted"
    for ticker in ("UNKNOWN4", "UNKNOWN5"):
        assert "there is no such symbol" in str(states[ticker].reason)
        assert not states[ticker].can_forecast


@pytest.mark.parametrize("ticker", ["ANOTHER", "ANOTHERSTALE"])
def test_a_history_that_was_refused_has_failed_however_fresh_the_stored_one_is(
    states: dict[str, TickerState], ticker: str
) -> None:
    assert (states[ticker].state, states[ticker].reason) == ("failed", "it comes with another history")
    assert states[ticker].sessions > 500
    assert not states[ticker].can_forecast


def test_the_settings_say_when_a_ticker_is_stale_and_delisted() -> None:
    days = NEW_YORK.sessions(date(2009, 1, 2), TONIGHT)
    own_days = {"ONE": days[-600:-1], "TWO": days[-600:-2], "THREE": days[-600:-3]}
    history = history_of([price_frame(ticker, own, 1) for ticker, own in own_days.items()], [*own_days])
    needs = HistorySettings(stale_sessions=2, delisted_sessions=3)
    words = {ticker: state.state for ticker, state in judged(history, {}, needs).items()}
    assert words == {"ONE": "active", "TWO": "stale", "THREE": "delisted"}


def test_sessions_behind_are_those_of_the_tickers_own_exchange_and_night() -> None:
    # On 2013-02-18 New York kept Presidents' Day; London traded; the market without nights never closes.
    friday = date(2013, 2, 15)
    exchanges = {"NY": NEW_YORK, "LONDON": Exchange("XLON"), "COIN": Exchange("24/7"), "EARLY": NEW_YORK}
    frames = [
        price_frame(ticker, exchange.sessions(date(2012, 1, 3), friday), 1)
        for ticker, exchange in exchanges.items()
    ]
    history = history_of(frames, [*exchanges])
    as_of = {"NY": date(2013, 2, 19), "LONDON": date(2013, 2, 19), "COIN": date(2013, 2, 19), "EARLY": friday}
    states = {s.ticker: s for s in ticker_states(history, as_of, exchanges, {}, NEEDS)}
    assert {ticker: state.behind for ticker, state in states.items()} == {
        "NY": 1,
        "LONDON": 2,
        "COIN": 4,
        "EARLY": 0,
    }
    assert [ticker for ticker, state in states.items() if state.can_forecast] == ["EARLY"]


def test_a_ticker_without_prices_has_failed_and_says_why(states: dict[str, TickerState]) -> None:
    assert (states["NONE"].state, states["NONE"].reason) == ("failed", "there is no 'NONE'")
    assert states["REFUSED"].state == "failed"
    assert "quarantine" in str(states["REFUSED"].reason)
    assert states["NONE"].first_session is states["NONE"].last_session is None
    assert states["NONE"].behind is None
    assert not states["NONE"].can_forecast


def test_facebook_in_the_sample_is_forecast_from_the_base(sample_history: PricePanel) -> None:
    states = judged(sample_history, {})
    assert {ticker: state.state for ticker, state in states.items()} == dict.fromkeys(states, "active")
    assert [ticker for ticker, state in states.items() if state.reason] == ["FB"]
    assert "196 sessions: forecast from the base model" in str(states["FB"].reason)
    assert states["FB"].first_session == date(2012, 5, 18)
    assert states["AAPL"].sessions == 3270


def test_the_table_has_a_row_per_ticker_and_no_invented_words(states: dict[str, TickerState]) -> None:
    table = states_table(list(states.values())).set_index("ticker")
    assert list(table.index) == list(states)
    assert "exchange" not in table
    assert pd.isna(table.loc["LONG", "reason"])
    assert table.loc["NONE", ["first_session", "last_session", "sessions_behind"]].isna().all()
    assert table.loc[["LONG", "FIVE"], "sessions_behind"].tolist() == [0, 5]
    assert table.loc["LONG", "last_session"] == pd.Timestamp(TONIGHT)
    assert table.loc["SHORT", "first_session"] == pd.Timestamp(states["SHORT"].first_session)
    np.testing.assert_array_equal(table["sessions"], [state.sessions for state in states.values()])
