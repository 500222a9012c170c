from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockjax.features import PricePanel
from tests.support.synthetic import PRICES, history_of, price_frame, universe

FIELDS = (*PRICES, "volume")
DAYS = np.array(["2013-02-25", "2013-02-26", "2013-02-27", "2013-02-28"], dtype="datetime64[D]")


def small_columns() -> dict[str, np.ndarray]:
    ticker = np.array(["A", "A", "A", "B", "B"], dtype=object)
    session = np.concatenate([DAYS[:3], DAYS[2:]])
    numbers = np.arange(5.0)
    return {
        "ticker": ticker,
        "session": session,
        "open": numbers + 10,
        "high": numbers + 20,
        "low": numbers + 30,
        "close": numbers + 40,
        "adj_close": numbers + 50,
        "volume": numbers + 60,
    }


def assert_equal_histories(one: PricePanel, other: PricePanel) -> None:
    assert one.tickers == other.tickers
    assert one.markets == other.markets
    np.testing.assert_array_equal(one.lengths, other.lengths)
    np.testing.assert_array_equal(one.sessions, other.sessions)
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_rows_are_packed_to_the_left_in_the_order_asked_for() -> None:
    history = PricePanel.from_columns(small_columns(), ["B", "none", "A"])
    assert history.tickers == ("B", "none", "A")
    np.testing.assert_array_equal(history.lengths, [2, 0, 3])
    nothing = np.datetime64("NaT", "D")
    np.testing.assert_array_equal(
        history.sessions,
        np.array([[DAYS[2], DAYS[3], nothing], [nothing] * 3, [DAYS[0], DAYS[1], DAYS[2]]]),
    )
    for offset, name in zip((10, 20, 30, 40, 50, 60), FIELDS, strict=True):
        np.testing.assert_array_equal(
            getattr(history, name),
            [[offset + 3, offset + 4, np.nan], [np.nan] * 3, [offset, offset + 1, offset + 2]],
        )
    np.testing.assert_array_equal(
        history.valid, [[True, True, False], [False, False, False], [True, True, True]]
    )


def test_no_prices_at_all_make_an_empty_history() -> None:
    empty = {name: values[:0] for name, values in small_columns().items()}
    history = PricePanel.from_columns(empty, ["A", "B"])
    assert history.sessions.shape == (2, 0)
    np.testing.assert_array_equal(history.lengths, [0, 0])
    assert history.last_sessions() == {}


def test_nothing_trades_on_a_session_of_an_empty_history() -> None:
    empty = {name: values[:0] for name, values in small_columns().items()}
    history = PricePanel.from_columns(empty, ["A", "B"])
    np.testing.assert_array_equal(history.position(date(2013, 2, 27)), [-1, -1])


def test_position_is_the_column_of_a_session_and_minus_one_without_it() -> None:
    history = PricePanel.from_columns(small_columns(), ["A", "B"])
    np.testing.assert_array_equal(history.position(date(2013, 2, 27)), [2, 0])
    np.testing.assert_array_equal(history.position(date(2013, 2, 28)), [-1, 1])
    np.testing.assert_array_equal(history.position(np.datetime64("2013-02-25")), [0, -1])
    np.testing.assert_array_equal(history.position(date(2013, 3, 1)), [-1, -1])


def test_last_sessions_are_dates_of_tickers_with_prices() -> None:
    history = PricePanel.from_columns(small_columns(), ["A", "none", "B"])
    assert history.last_sessions() == {"A": date(2013, 2, 27), "B": date(2013, 2, 28)}


def test_only_keeps_the_order_and_the_numbers() -> None:
    history = universe({"A": 90, "B": 70, "C": 80})
    some = history.only(["C", "A"])
    assert some.tickers == ("A", "C")
    for name in ("sessions", "lengths", *FIELDS):
        np.testing.assert_array_equal(getattr(some, name), getattr(history, name)[[0, 2]])


def test_every_row_keeps_its_market_when_it_is_cut_or_chosen() -> None:
    history = PricePanel.from_columns(small_columns(), ["B", "none", "A"], ["XNYS", "XLON", "XTKS"])
    assert history.markets == ("XNYS", "XLON", "XTKS")
    assert history.cut(date(2013, 2, 26)).markets == ("XNYS", "XLON", "XTKS")
    assert history.only(["A", "none"]).markets == ("XLON", "XTKS")
    assert PricePanel.from_columns(small_columns(), ["A", "B"]).only(["B"]).markets == ()


@settings(deadline=None, max_examples=25)
@given(position=st.integers(0, 3269))
def test_a_cut_history_is_the_history_of_the_cut_table(
    sample_prices: pd.DataFrame, sample_history: PricePanel, position: int
) -> None:
    last = sample_history.sessions[sample_history.tickers.index("IBM"), position].item()
    known = sample_prices[sample_prices["session"] <= pd.Timestamp(last)]
    expected = history_of([known], list(sample_history.tickers))
    assert_equal_histories(sample_history.cut(last), expected)


def test_a_cut_before_all_sessions_knows_nothing() -> None:
    cut = universe({"A": 90, "B": 70}).cut(date(1999, 1, 4))
    assert cut.sessions.shape == (2, 0)
    np.testing.assert_array_equal(cut.lengths, [0, 0])


def test_cutting_after_the_end_or_twice_changes_nothing() -> None:
    history = universe({"A": 90, "B": 70})
    assert_equal_histories(history.cut(date(2020, 1, 2)), history)
    once = history.cut(date(2013, 1, 15))
    assert_equal_histories(once.cut(date(2013, 1, 15)), once)
    assert_equal_histories(once.cut(np.datetime64("2013-01-10")), history.cut(date(2013, 1, 10)))


@settings(deadline=None, max_examples=25)
@given(positions=st.sets(st.integers(0, 119), min_size=1, max_size=8))
def test_a_fingerprint_is_that_of_the_history_cut_there(positions: set[int]) -> None:
    history = history_of([price_frame("A", DAYS[0] + np.arange(120), 1)])
    wanted = sorted(positions)
    prints = history.fingerprints(0, wanted)
    assert len(set(prints)) == len(wanted)
    for position, text in zip(wanted, prints, strict=True):
        cut = history.cut(history.sessions[0, position])
        assert cut.fingerprints(0, [position]) == [text]
        assert len(text) == 16
        assert int(text, 16) >= 0


@pytest.mark.parametrize("name", [*FIELDS, "sessions"])
def test_one_changed_value_changes_the_fingerprints_from_there_on(name: str) -> None:
    history = universe({"A": 40, "B": 50})
    values = getattr(history, name).copy()
    if name == "sessions":
        # A session in the middle of nowhere: the Saturday before it.
        values[0, 30] -= np.timedelta64(1, "D")
    else:
        values[0, 30] = np.nextafter(values[0, 30], np.inf)
    changed = replace(history, **{name: values})
    before, after = history.fingerprints(0, [29, 30, 39]), changed.fingerprints(0, [29, 30, 39])
    assert before[0] == after[0]
    assert before[1] != after[1]
    assert before[2] != after[2]
    assert history.fingerprints(1, [48]) == changed.fingerprints(1, [48])
    assert history.fingerprint() != changed.fingerprint()


def test_the_same_prices_of_two_tickers_have_different_fingerprints() -> None:
    days = DAYS[0] + np.arange(30)
    one, other = price_frame("A", days, 1), price_frame("A", days, 1).assign(ticker="B")
    history = history_of([one, other])
    assert history.fingerprints(0, [29]) != history.fingerprints(1, [29])


def test_a_fingerprint_does_not_depend_on_the_length_of_other_tickers() -> None:
    history = universe({"A": 40, "B": 90})
    alone = history.only(["A"])
    narrow = alone.cut(date(2013, 3, 1))
    assert narrow.sessions.shape[1] < alone.sessions.shape[1]
    assert alone.fingerprint() == narrow.fingerprint()
    assert history.fingerprints(0, [39]) == narrow.fingerprints(0, [39])


def test_the_whole_fingerprint_knows_which_tickers_it_is_about() -> None:
    history = universe({"A": 40, "B": 50})
    known = {history.fingerprint(), history.only(["A"]).fingerprint(), history.only(["B"]).fingerprint()}
    assert len(known) == 3


def test_a_panel_that_nothing_is_cut_from_is_not_copied(sample_history: PricePanel) -> None:
    last = max(sample_history.last_sessions().values())
    assert sample_history.cut(last) is sample_history
    assert sample_history.only(sample_history.tickers) is sample_history
    part = sample_history.part(slice(1, 2))
    assert part.tickers == sample_history.tickers[1:2]
    assert part.close.base is sample_history.close
