import json
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stockjax.quality import check
from stockjax.sessions import exchange
from tests.support.bars import NEW_YORK, checked, days, found, judged, reasons, table

LEVEL = [10.0, 10.1, 9.9, 10.0]
ACTION = [{"dividend": 2.0}, {"split": 2.0}]


def on(closes: list[float], **changes: Any) -> list[dict[str, Any]]:
    """Days of which the third is changed."""
    return days(closes, {2: changes})


class TestImpossibleSpike:
    @pytest.mark.parametrize("factor", [100.0, 10.0, 3.1, 1 / 3.1, 0.01])
    def test_a_unit_error_is_refused_and_its_neighbours_are_kept(self, factor: float) -> None:
        outcome = checked(*days([10.0, 10.1, 10.0 * factor, 9.9, 10.0]))
        assert found(outcome) == [("2013-02-27", "impossible_spike"), ("2013-02-28", "missing_sessions")]
        assert outcome.accepted["close"].tolist() == [10.0, 10.1, 9.9, 10.0]

    @pytest.mark.parametrize("name", ["close", "adj_close"])
    def test_it_is_enough_that_one_of_the_two_closes_is_wrong(self, name: str) -> None:
        wide = {"high": 100.0, name: 100.0}
        assert "impossible_spike" in reasons(checked(*on(LEVEL, **wide)))

    def test_a_price_that_stays_or_does_not_come_back_is_kept(self) -> None:
        assert checked(*days([10.0, 10.0, 33.0, 33.0, 10.0])).rejected == 0
        assert checked(*days([10.0, 10.0, 33.0, 12.0, 12.0])).rejected == 0

    @pytest.mark.parametrize("action", ACTION)
    @pytest.mark.parametrize("place", [2, 3])
    def test_a_dividend_or_split_on_either_day_explains_it(
        self, action: dict[str, float], place: int
    ) -> None:
        assert checked(*days([10.0, 10.0, 33.0, 10.0], {place: action})).rejected == 0

    @pytest.mark.parametrize("closes", [[10.0, 10.0, 33.0], [33.0, 10.0, 10.0]])
    def test_the_newest_and_the_oldest_row_are_never_refused(self, closes: list[float]) -> None:
        assert checked(*days(closes)).rejected == 0

    def test_a_session_that_is_missing_leaves_the_spike_to_a_flag(self) -> None:
        rows = days([10.0, 10.0, 33.0, 10.0, 10.0])
        assert reasons(checked(*rows[:1], *rows[2:])) == ["spike_and_reversal", "missing_sessions"]
        assert reasons(checked(*rows[:3], *rows[4:])) == ["spike_and_reversal", "missing_sessions"]

    def test_the_spikes_are_refused_and_not_the_ways_back_between_them(self) -> None:
        outcome = checked(*days([1.0, 1.0, 9.0, 1.0, 9.0, 1.0]))
        assert outcome.accepted["close"].tolist() == [1.0] * 4

    def test_any_number_of_spikes_in_turn_is_refused(self) -> None:
        outcome = checked(*days([1.0, *[1.0, 9.0] * 5, 1.0]))
        assert outcome.accepted["close"].tolist() == [1.0] * 7

    def test_a_split_of_0_is_none_and_explains_nothing(self) -> None:
        assert "impossible_spike" in reasons(checked(*days([10.0, 10.0, 33.0, 10.0], {2: {"split": 0.0}})))

    def test_the_stored_rows_are_neighbours_too(self) -> None:
        rows = days([10.0, 10.0, 33.0, 10.0])
        outcome = judged(table(rows[2]), table(*rows[:2], rows[3]))
        assert reasons(outcome) == ["impossible_spike"]
        assert outcome.accepted.empty

    def test_another_ticker_is_no_neighbour(self) -> None:
        rows = days([10.0, 33.0, 10.0])
        assert checked(rows[0], rows[1] | {"ticker": "B"}, rows[2] | {"ticker": "B"}).rejected == 0

    @pytest.mark.parametrize("spike_first", [True, False])
    def test_it_never_takes_the_place_of_the_real_row_of_that_day(self, spike_first: bool) -> None:
        rows = days(LEVEL)
        both = [rows[1] | days([1000.0])[0] | {"session": rows[1]["session"]}, rows[1]]
        outcome = checked(rows[0], *(both if spike_first else both[::-1]), *rows[2:])
        assert outcome.accepted["close"].tolist() == LEVEL
        assert reasons(outcome) == ["impossible_spike"]

    def test_of_two_rows_with_the_same_error_none_is_kept(self) -> None:
        rows = days([10.0, 10.0, 330.0, 10.0])
        outcome = checked(*rows[:3], *rows[2:])
        assert reasons(outcome) == ["impossible_spike", "impossible_spike", "missing_sessions"]

    def test_a_stored_spike_leaves_with_the_delivered_one(self) -> None:
        rows = days([10.0, 10.0, 330.0, 10.0])
        outcome = judged(table(*rows[2:]), table(*rows[:3]))
        assert reasons(outcome) == ["impossible_spike", "missing_sessions"]


class TestSpikeAndReversal:
    @pytest.mark.parametrize("closes", [[10.0, 10.0, 13.0, 10.1], [10.0, 10.0, 7.7, 10.2]])
    def test_a_move_that_is_taken_back_is_flagged_once(self, closes: list[float]) -> None:
        assert found(checked(*days(closes))) == [("2013-02-28", "spike_and_reversal")]

    @pytest.mark.parametrize("last", [12.9, 10.8, 9.4])
    def test_one_that_is_not_quite_taken_back_is_not(self, last: float) -> None:
        assert reasons(checked(*days([10.0, 10.0, 13.0, last]))) == []

    @pytest.mark.parametrize("action", ACTION)
    def test_a_dividend_or_split_explains_it(self, action: dict[str, float]) -> None:
        assert reasons(checked(*on([10.0, 10.0, 13.0, 10.0], **action))) == []

    def test_the_way_back_is_no_second_fault(self) -> None:
        assert reasons(checked(*days([10.0, 10.0, 20.0, 10.0]))) == ["spike_and_reversal"]


class TestUnadjustedSplit:
    @pytest.mark.parametrize(
        "ratio",
        [
            *(5 / 4, 4 / 3, 3 / 2, 2, 5 / 2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 50, 100),
            *(1 / 2, 1 / 3, 1 / 8, 1 / 10, 1 / 50),
        ],
    )
    def test_a_usual_ratio_is_flagged_where_no_split_is_on_record(self, ratio: float) -> None:
        closes = [100.0, 101.0, 102.0 / ratio, 101.0 / ratio]
        assert found(checked(*days(closes))) == [("2013-02-28", "unadjusted_split")]

    def test_the_newest_row_is_judged_too(self) -> None:
        assert reasons(checked(*days([10.0, 10.0, 5.0]))) == ["unadjusted_split"]

    @pytest.mark.parametrize(("before", "after", "split"), [(10.0, 5.0, 2.0), (1.0, 132.0, 1 / 190)])
    def test_a_split_on_record_that_prices_do_not_have_is_one(
        self, before: float, after: float, split: float
    ) -> None:
        assert reasons(checked(*on([before, before, after, after], split=split))) == ["unadjusted_split"]

    @pytest.mark.parametrize(("after", "split"), [(10.0, 2.0), (7.5, 2.0), (13.0, 1 / 3), (9.0, 1.5)])
    def test_a_split_on_record_that_prices_have_is_none(self, after: float, split: float) -> None:
        assert reasons(checked(*on([10.0, 10.0, after, after], split=split))) == []

    def test_a_split_that_only_the_adjusted_close_knows_of_is_none(self) -> None:
        adjusted = {place: {"adj_close": 5.0} for place in range(2)}
        assert reasons(checked(*days([10.0, 10.0, 5.0, 5.0], adjusted))) == []

    def test_another_ratio_is_a_jump(self) -> None:
        assert reasons(checked(*days([10.0, 10.0, 5.6, 5.6]))) == ["adjusted_close_jump"]

    def test_what_comes_back_is_a_spike(self) -> None:
        assert reasons(checked(*days([10.0, 10.0, 5.0, 10.0]))) == ["spike_and_reversal"]

    @pytest.mark.parametrize(("volume", "reason"), [(100.0, "unadjusted_split"), (599.0, "unadjusted_split")])
    def test_a_split_brings_twice_the_shares(self, volume: float, reason: str) -> None:
        assert reasons(checked(*on([10.0, 10.0, 5.0, 5.0], volume=volume))) == [reason]

    def test_a_crash_is_reported_by_its_volume(self) -> None:
        crash = on([10.0, 10.0, 5.0, 5.0], volume=800.0)
        assert reasons(checked(*crash)) == ["adjusted_close_jump"]
        doubled_on_news = on([10.0, 10.0, 20.0, 20.0], volume=400.0)
        assert reasons(checked(*doubled_on_news)) == ["adjusted_close_jump"]

    @pytest.mark.parametrize(
        ("close", "volume", "expected"),
        [
            (8.0, 125.0, ["unadjusted_split"]),
            (8.0, 180.0, ["unadjusted_split"]),
            (8.0, 200.0, []),
            (8.0, 80.0, []),
            (8.3, 125.0, []),
            (7.5, 133.0, ["unadjusted_split"]),
            (12.5, 80.0, ["unadjusted_split"]),
            (12.5, 300.0, []),
        ],
    )
    def test_small_ratios_need_the_volume_to_agree(
        self, close: float, volume: float, expected: list[str]
    ) -> None:
        assert reasons(checked(*on([10.0, 10.0, close, close], volume=volume))) == expected


class TestAdjustedCloseJump:
    @pytest.mark.parametrize("close", [14.3, 7.0, 6.0])
    def test_a_large_return_is_flagged(self, close: float) -> None:
        assert reasons(checked(*days([10.0, 10.0, close, close]))) == ["adjusted_close_jump"]

    @pytest.mark.parametrize("action", [{"dividend": 2.0}, {"split": 1.2}])
    def test_a_dividend_or_split_explains_it(self, action: dict[str, float]) -> None:
        assert reasons(checked(*on([10.0, 10.0, 6.0, 6.0], **action))) == []

    @pytest.mark.parametrize("adjusted", [12.1, 8.2, 5.0, 20.0])
    def test_an_adjusted_close_that_leaves_the_close_behind_is_flagged(self, adjusted: float) -> None:
        rows = days(LEVEL, {2: {"adj_close": adjusted}, 3: {"adj_close": adjusted}})
        assert reasons(checked(*rows)) == ["adjusted_close_jump"]

    def test_a_factor_that_changes_a_little_is_a_dividend(self) -> None:
        rows = days(LEVEL, {2: {"adj_close": 11.7}, 3: {"adj_close": 11.8}})
        assert reasons(checked(*rows)) == []

    @pytest.mark.parametrize("ratio", [2.0, 7.0, 0.1, 1.25])
    def test_a_real_split_in_data_without_splits_is_consistent(self, ratio: float) -> None:
        closes = [10.0 * ratio, 10.2 * ratio, 10.1, 10.0]
        rows = days(closes, {place: {"adj_close": closes[place] / ratio} for place in range(2)})
        assert reasons(checked(*rows)) == []


class TestFlatRun:
    def test_only_the_tenth_row_of_a_run_is_flagged(self) -> None:
        outcome = checked(*days([9.0] + [10.0] * 25))
        assert found(outcome) == [(days([10.0] * 16)[0]["session"], "flat_run")]

    def test_a_run_may_begin_in_what_is_stored(self) -> None:
        rows = table(*days([9.0] + [10.0] * 10))
        assert reasons(judged(rows.iloc[10:], rows.iloc[:10])) == ["flat_run"]
        assert reasons(judged(rows.iloc[10:], rows.iloc[2:10])) == []

    def test_a_run_that_was_flagged_when_it_was_stored_is_not_again(self) -> None:
        rows = table(*days([9.0] + [10.0] * 15))
        assert reasons(judged(rows.iloc[12:], rows.iloc[:12])) == []

    def test_another_ticker_ends_a_run_and_so_does_another_close(self) -> None:
        rows = days([10.0] * 11)
        assert reasons(checked(*rows[:6], *[row | {"ticker": "B"} for row in rows[6:]])) == []
        assert reasons(checked(*days([10.0] * 9 + [10.01] + [10.0] * 9))) == []


class TestZeroVolume:
    def test_each_day_without_trade_is_flagged(self) -> None:
        rows = days(LEVEL, {1: {"volume": 0.0}, 3: {"volume": 0.0}})
        assert reasons(checked(*rows)) == ["zero_volume", "zero_volume"]

    def test_an_index_or_currency_never_has_volume(self) -> None:
        none = {place: {"volume": 0.0} for place in range(1, 4)}
        assert reasons(checked(*days(LEVEL, none))) == []

    def test_unknown_volumes_tell_nothing(self) -> None:
        rows = days(LEVEL, {0: {"volume": np.nan}, 1: {"volume": np.nan}, 3: {"volume": 0.0}})
        assert "zero_volume" in reasons(checked(*rows))

    def test_what_is_usual_is_reported_by_what_is_stored_as_well(self) -> None:
        rows = days(LEVEL, {3: {"volume": 0.0}})
        assert reasons(checked(rows[3])) == []
        assert reasons(judged(table(rows[3]), table(*rows[:3]))) == ["zero_volume"]


class TestMissingSessions:
    def test_their_number_is_in_the_row_after_the_gap(self) -> None:
        rows = days([10.0, 10.1, 9.9, 10.0, 10.1, 10.2])
        outcome = checked(rows[0], rows[1], rows[5])
        assert found(outcome) == [("2013-03-01", "missing_sessions")]
        row = json.loads(outcome.quarantined["row"].iloc[0])
        assert row["missing_sessions"] == 3
        assert row["close"] == 10.2
        assert len(outcome.accepted) == 3

    def test_weekends_and_holidays_are_no_gaps(self) -> None:
        # Good Friday was 2012-04-06, and hurricane Sandy closed the exchange for two days.
        outcome = checked(
            {"session": "2012-10-26"},
            {"session": "2012-10-31"},
            {"ticker": "B", "session": "2012-04-05"},
            {"ticker": "B", "session": "2012-04-09"},
        )
        assert reasons(outcome) == []

    def test_the_calendar_is_that_of_the_ticker(self) -> None:
        # London traded on Washington's birthday, 2013-02-18.
        friday, tuesday = {"session": "2013-02-15"}, {"session": "2013-02-19"}
        assert reasons(checked(friday, tuesday)) == []
        outcome = checked(friday | {"ticker": "L"}, tuesday | {"ticker": "L"})
        assert reasons(outcome) == ["missing_sessions"]

    def test_a_gap_to_what_is_stored_is_one(self) -> None:
        rows = table(*days(LEVEL))
        assert reasons(judged(rows.iloc[3:], rows.iloc[:2])) == ["missing_sessions"]
        assert reasons(judged(rows.iloc[3:], rows.iloc[:3])) == []

    def test_the_first_row_of_a_ticker_has_no_gap_before_it(self) -> None:
        assert reasons(checked({"ticker": "B"}, {"session": "2013-02-27"}, {"session": "2013-02-28"})) == []

    def test_a_refused_row_leaves_a_gap(self) -> None:
        assert reasons(checked(*on(LEVEL, close=np.nan))) == ["missing_price", "missing_sessions"]

    def test_days_before_the_calendar_begins_are_not_counted(self) -> None:
        first = str(NEW_YORK.first_known)
        assert (
            reasons(checked({"session": "1970-01-02"}, {"session": "1985-01-02"}, {"session": first})) == []
        )


class TestContext:
    def test_it_is_never_reported_on(self) -> None:
        stored = table(*days([10.0, 10.0, 33.0, 10.0, 20.0] + [20.0] * 12, {3: {"volume": 0.0}})[::2])
        outcome = judged(table({"ticker": "B"}), stored)
        assert reasons(outcome) == []
        assert outcome.accepted["ticker"].tolist() == ["B"]

    def test_a_delivered_row_wins_over_the_stored_one(self) -> None:
        rows = days([10.0, 10.0, 10.0])
        assert reasons(judged(table(rows[1], rows[2]), table(rows[0], rows[1] | {"adj_close": 20.0}))) == []

    def test_a_refused_row_leaves_the_stored_one_in_its_place(self) -> None:
        rows = days(LEVEL)
        outcome = judged(table(rows[1] | {"close": np.nan}, rows[2]), table(*rows[:2]))
        assert reasons(outcome) == ["missing_price"]

    def test_its_types_may_be_others(self) -> None:
        rows = table(*days(LEVEL))
        stored = rows.iloc[:2].astype({"ticker": object, "session": "datetime64[us]", "volume": int})
        outcome = judged(rows.iloc[3:], stored)
        pd.testing.assert_frame_equal(outcome.accepted, rows.iloc[3:].reset_index(drop=True))
        assert reasons(outcome) == ["missing_sessions"]

    def test_none_at_all_is_as_good_as_an_empty_one(self) -> None:
        rows = table(*days(LEVEL))
        assert reasons(judged(rows, rows.iloc[:0])) == reasons(judged(rows, None)) == []

    def test_the_order_of_rows_does_not_matter(self) -> None:
        rows = table(*days([10.0, 10.0, 13.0, 10.0, 10.0, 5.0, 5.0]))
        for seed in range(5):
            mixed = rows.sample(frac=1, random_state=seed)
            assert sorted(found(judged(mixed))) == found(judged(rows))


def test_tickers_do_not_disturb_each_other() -> None:
    rows = days([10.0, 10.0, 13.0, 10.0, 10.0, 5.0, 5.0])
    alone = found(checked(*rows))
    both = checked(*[row | {"ticker": ticker} for row in rows for ticker in ("A", "B")])
    for _, findings in both.quarantined.groupby("ticker"):
        assert list(findings["reason"]) == [reason for _, reason in alone]


def test_little_is_flagged_in_real_unadjusted_prices(sample_prices: pd.DataFrame) -> None:
    exchanges = dict.fromkeys(sample_prices["ticker"].unique(), exchange("XNYS"))
    outcome = check(sample_prices, exchanges, {"XNYS": date(2013, 3, 1)})
    # Apple fell by 52% that day. Its splits of 2000 and 2005 and Microsoft's of 2003 are no fault.
    assert found(outcome) == [("2000-09-29", "adjusted_close_jump")]


def test_real_splits_are_found_where_the_adjusted_close_does_not_know_them(
    sample_prices: pd.DataFrame,
) -> None:
    prices = sample_prices.assign(adj_close=sample_prices["close"])
    exchanges = dict.fromkeys(prices["ticker"].unique(), exchange("XNYS"))
    outcome = check(prices, exchanges, {"XNYS": date(2013, 3, 1)})
    # On its first split Apple rose by 9% as well, and the ratio is hidden.
    assert found(outcome) == [
        ("2000-06-21", "adjusted_close_jump"),
        ("2000-09-29", "adjusted_close_jump"),
        ("2005-02-28", "unadjusted_split"),
        ("2003-02-18", "unadjusted_split"),
    ]


USUAL_SPLITS = [5 / 4, 4 / 3, 3 / 2, 2, 5 / 2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 50, 100]


@pytest.mark.parametrize("ratio", USUAL_SPLITS)
@pytest.mark.parametrize("reverse", [False, True])
def test_every_usual_split_that_is_not_on_record_is_flagged(ratio: float, reverse: bool) -> None:
    factor = ratio if reverse else 1 / ratio
    closes = [100.0, 100.0, 100.0 * factor, 100.0 * factor]
    volumes = {place: {"volume": 1000.0 / factor if place > 1 else 1000.0} for place in range(4)}
    assert found(checked(*days(closes, volumes))) == [("2013-02-28", "unadjusted_split")]


@pytest.mark.parametrize("ratio", [1.15, 1.42, 1.75, 2.2, 3.5, 9.0, 12.0, 40.0, 70.0])
def test_a_move_that_is_no_usual_split_is_not_flagged_as_one(ratio: float) -> None:
    closes = [100.0, 100.0, 100.0 / ratio, 100.0 / ratio]
    assert "unadjusted_split" not in reasons(checked(*days(closes)))


@pytest.mark.parametrize(("ratio", "flagged"), [(1.245, True), (1.231, True), (1.20, False)])
def test_the_smallest_split_has_room_on_both_sides(ratio: float, flagged: bool) -> None:
    closes = [100.0, 100.0, 100.0 / ratio, 100.0 / ratio]
    volumes = {place: {"volume": 100.0 * ratio if place > 1 else 100.0} for place in range(4)}
    assert ("unadjusted_split" in reasons(checked(*days(closes, volumes)))) == flagged


def test_the_only_row_of_a_delivery_is_judged_too() -> None:
    rows = days([10.0, 10.1, 10.2, 10.1, 10.2])
    outcome = judged(table(rows[4] | {"volume": 0.0}), table(*rows[:4]))
    assert reasons(outcome) == ["zero_volume"]
