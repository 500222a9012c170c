import json
import math
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from stockjax.errors import InvalidDataError
from stockjax.quality import check
from stockjax.quality.quarantine import REFUSED_COLUMNS, reject_all
from stockjax.quality.row_checks import CHECK_BY_NAME
from stockjax.quality.schema import PRICE_ROW, ROW_FAULTS
from stockjax.sources import PRICE_COLUMNS
from stockjax.sources.protocol import no_prices
from tests.support.bars import (
    CLOSED,
    EXCHANGES,
    GOOD,
    NAN,
    NEW_YORK,
    TODAY,
    checked,
    days,
    judged,
    reasons,
    table,
)
from tests.support.synthetic import price_frame


def test_a_good_row_passes_unchanged() -> None:
    delivered = table({}, {"session": "2013-02-28"}, {"ticker": "B"})
    outcome = judged(delivered)
    pd.testing.assert_frame_equal(outcome.accepted, delivered)
    assert outcome.quarantined.empty
    assert list(outcome.quarantined.columns) == REFUSED_COLUMNS


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"session": None}, "no_date"),
        ({"open": NAN}, "missing_price"),
        ({"high": NAN}, "missing_price"),
        ({"low": NAN}, "missing_price"),
        ({"close": NAN}, "missing_price"),
        ({"adj_close": NAN}, "missing_price"),
        ({"open": 0.0}, "not_positive"),
        ({"low": -9.0}, "not_positive"),
        ({"close": -10.5}, "not_positive"),
        ({"adj_close": 0.0}, "not_positive"),
        ({"volume": -1.0}, "negative_volume"),
        ({"high": 8.0}, "high_below_low"),
        ({"close": 11.2}, "close_outside_range"),
        ({"close": 8.8}, "close_outside_range"),
        ({"open": 11.6}, "open_outside_range"),
        ({"open": 8.5}, "open_outside_range"),
        ({"session": "2013-03-02"}, "not_a_session"),
        ({"session": "2012-10-29"}, "not_a_session"),
        ({"session": "2013-03-29"}, "not_a_session"),
        ({"ticker": "A", "session": "2013-03-05"}, "not_closed"),
        ({"session": "2013-03-06"}, "future_date"),
        # A row that fails several checks is refused for the weightiest.
        ({"session": None, "close": NAN}, "no_date"),
        ({"close": NAN, "volume": -1.0}, "missing_price"),
        ({"close": -1.0, "high": 8.0}, "not_positive"),
        ({"session": "2013-03-02", "close": NAN}, "missing_price"),
        ({"session": "2013-03-09"}, "not_a_session"),
        ({"session": "2013-03-06", "close": 20.0}, "close_outside_range"),
    ],
)
def test_a_bad_row_is_refused_by_name_and_its_neighbour_is_kept(fault: dict[str, Any], reason: str) -> None:
    outcome = checked(GOOD | {"session": "2013-02-28"}, fault)
    assert outcome.accepted["session"].tolist() == [pd.Timestamp("2013-02-28")]
    assert outcome.quarantined["reason"].tolist() == [reason]
    assert outcome.quarantined["severity"].tolist() == ["reject"]
    assert outcome.quarantined["ticker"].tolist() == ["A"]


def test_every_named_check_can_refuse_a_row() -> None:
    faults: dict[str, dict[str, Any]] = {
        "no_ticker": {"ticker": None},
        "no_date": {"session": None},
        "missing_price": {"open": NAN},
        "not_finite": {"volume": float("inf")},
        "missing_action": {"split": NAN},
        "not_positive": {"open": -1.0},
        "negative_volume": {"volume": -1.0},
        "high_below_low": {"high": 8.0},
        "close_outside_range": {"close": 20.0},
        "open_outside_range": {"open": 20.0},
    }
    assert set(faults) == set(ROW_FAULTS)
    outcome = checked(*faults.values())
    assert outcome.quarantined["reason"].tolist() == list(faults)
    assert outcome.accepted.empty


@pytest.mark.parametrize("fault", [{"close": 11.01}, {"close": 8.992}, {"open": 11.01}, {"volume": 0.0}])
def test_rounding_by_the_vendor_and_days_without_volume_are_no_fault(fault: dict[str, Any]) -> None:
    assert len(checked(fault).accepted) == 1


def test_a_day_without_volume_information_is_kept() -> None:
    assert np.isnan(checked({"volume": NAN}).accepted["volume"]).all()


@pytest.mark.parametrize("name", ["open", "high", "low", "close", "adj_close", "volume"])
def test_an_infinite_value_is_refused(name: str) -> None:
    outcome = checked({name: math.inf})
    assert outcome.accepted.empty
    assert len(outcome.quarantined) == 1


def test_a_row_of_nothing_but_infinity_is_refused() -> None:
    assert checked(dict.fromkeys(["open", "high", "low", "close", "adj_close"], math.inf)).accepted.empty


@pytest.mark.parametrize("name", ["dividend", "split"])
def test_an_unknown_dividend_or_split_is_accounted_for(name: str) -> None:
    outcome = checked({name: NAN}, {"ticker": "B"})
    assert len(outcome.accepted) + len(outcome.quarantined) == 2
    assert "B" in set(outcome.accepted["ticker"])


@pytest.mark.parametrize("day", ["2035-03-01", "2300-03-01", "2013-03-06"])
def test_a_date_beyond_the_calendar_is_refused_and_stops_no_other_row(day: str) -> None:
    outcome = checked({"ticker": "B"}, {"session": day})
    assert outcome.accepted["ticker"].tolist() == ["B"]
    assert reasons(outcome) == ["future_date"]


def test_dates_before_the_calendar_begins_are_not_judged_by_it() -> None:
    outcome = checked({"session": "1985-03-02"}, {"session": "1962-01-02"})
    assert len(outcome.accepted) == 2
    assert outcome.quarantined.empty


@pytest.mark.parametrize("real_first", [True, False])
def test_a_row_of_gaps_never_takes_the_place_of_the_real_row_of_that_day(real_first: bool) -> None:
    gaps = dict.fromkeys(["open", "high", "low", "close", "adj_close", "volume"], NAN)
    rows = [{}, gaps] if real_first else [gaps, {}]
    outcome = checked(*rows)
    assert outcome.accepted["close"].tolist() == [10.5]
    assert outcome.quarantined["reason"].tolist() == ["missing_price"]


def test_of_two_good_rows_of_a_day_the_first_is_kept_and_the_second_is_on_record() -> None:
    outcome = checked({"close": 10.1}, {"close": 10.2}, {"close": 10.3}, {"ticker": "B"})
    assert outcome.accepted[["ticker", "close"]].to_numpy().tolist() == [["A", 10.1], ["B", 10.5]]
    assert outcome.quarantined["reason"].tolist() == ["duplicate", "duplicate"]
    assert [json.loads(row)["close"] for row in outcome.quarantined["row"]] == [10.2, 10.3]


def test_the_refused_row_is_kept_as_it_was_delivered() -> None:
    row = json.loads(checked({"ticker": 'M&M "x"', "close": -1.5, "volume": NAN}).quarantined["row"].iloc[0])
    assert row["ticker"] == 'M&M "x"'
    assert row["close"] == -1.5
    assert row["volume"] is None
    assert row["session"].startswith("2013-03-01")
    assert set(row) == set(PRICE_COLUMNS)


def test_the_order_and_index_of_the_delivery_do_not_matter() -> None:
    delivered = table({"close": NAN}, {"session": "2013-02-28"}, {"session": "2013-03-02"})
    delivered.index = pd.Index([7, 7, 7])
    outcome = judged(delivered)
    assert outcome.accepted["session"].tolist() == [pd.Timestamp("2013-02-28")]
    assert outcome.quarantined["reason"].tolist() == ["missing_price", "not_a_session"]


def test_an_empty_delivery_is_no_failure() -> None:
    outcome = judged(table({}).iloc[:0])
    assert outcome.accepted.empty
    assert outcome.quarantined.empty


def test_a_delivery_of_nothing_good_is_all_refused() -> None:
    outcome = checked({"close": NAN}, {"session": None})
    assert outcome.accepted.empty
    assert len(outcome.quarantined) == 2


@pytest.mark.parametrize(
    "broken",
    [
        table({}).drop(columns="open"),
        table({}).assign(extra=1.0),
        table({}).assign(open="ten"),
        table({}).assign(volume=1),
        table({}).assign(session="2013-03-01"),
        table({}).assign(raw=1.5),
        pd.concat([table({}), table({})[["open"]]], axis=1),
    ],
    ids=["missing", "extra", "text", "integer", "text date", "raw", "twice"],
)
def test_a_table_of_the_wrong_shape_is_malformed_in_one_sentence(broken: pd.DataFrame) -> None:
    with pytest.raises(InvalidDataError, match="wrong shape") as caught:
        judged(broken)
    assert "\n" not in str(caught.value)


def test_each_row_is_judged_by_its_own_exchange() -> None:
    # Boxing Day is none in New York; Presidents' Day is none in London.
    outcome = checked(
        {"ticker": "A", "session": "2012-12-26"},
        {"ticker": "L", "session": "2012-12-26"},
        {"ticker": "A", "session": "2013-02-18"},
        {"ticker": "L", "session": "2013-02-18"},
    )
    refused = outcome.quarantined[outcome.quarantined["severity"] == "reject"]
    assert refused["ticker"].tolist() == ["L", "A"]
    assert set(refused["reason"]) == {"not_a_session"}


def test_each_exchange_closes_for_itself() -> None:
    closed = CLOSED | {"XLON": date(2013, 3, 1)}
    delivered = table({"session": "2013-03-04"}, {"ticker": "L", "session": "2013-03-04"})
    outcome = check(delivered, EXCHANGES, closed, today=TODAY)
    assert outcome.quarantined[["ticker", "reason"]].to_numpy().tolist() == [["L", "not_closed"]]


def test_a_ticker_without_an_exchange_is_refused_and_stops_no_other() -> None:
    outcome = checked({"ticker": "ZZZ"}, {"ticker": ""}, {"ticker": None}, {})
    assert reasons(outcome) == ["no_ticker"] * 3
    assert outcome.accepted["ticker"].tolist() == ["A"]


def test_without_today_the_clock_is_asked() -> None:
    closed = {"XNYS": date(2300, 1, 1)}
    outcome = check(table({}, {"session": "2299-01-02"}), {"A": NEW_YORK}, closed)
    assert reasons(outcome) == ["future_date"]


def test_high_and_low_are_exchanged_where_that_helps() -> None:
    outcome = checked({"high": 9.0, "low": 11.0})
    assert outcome.accepted[["high", "low"]].to_numpy().tolist() == [[11.0, 9.0]]
    assert reasons(outcome) == ["high_low_exchanged"]
    assert outcome.quarantined["severity"].tolist() == ["repair"]
    delivered = json.loads(outcome.quarantined["row"].iloc[0])
    assert (delivered["high"], delivered["low"]) == (9.0, 11.0)


@pytest.mark.parametrize("fault", [{"open": 8.5}, {"open": 11.2}, {"close": 11.2}])
def test_high_and_low_stay_exchanged_where_a_price_would_lie_outside(fault: dict[str, Any]) -> None:
    outcome = checked({"high": 9.0, "low": 11.0} | fault)
    assert reasons(outcome) == ["high_below_low"]


@pytest.mark.parametrize(
    ("opened", "high", "low"), [(11.5, 11.5, 9.0), (8.6, 11.0, 8.6), (11.01, 11.0, 9.0), (8.992, 11.0, 9.0)]
)
def test_the_range_is_widened_to_the_open(opened: float, high: float, low: float) -> None:
    outcome = checked({"open": opened})
    assert outcome.accepted[["open", "high", "low"]].to_numpy().tolist() == [[opened, high, low]]
    assert reasons(outcome) == (["range_widened"] if (high, low) != (11.0, 9.0) else [])


def test_the_range_is_never_widened_for_the_close() -> None:
    assert reasons(checked({"open": 11.3, "close": 11.3})) == ["close_outside_range"]


def test_a_row_that_is_refused_is_not_said_to_be_repaired() -> None:
    assert reasons(checked({"high": 9.0, "low": 11.0, "volume": -1.0})) == ["negative_volume"]
    assert reasons(checked({}, {"open": 11.5})) == ["duplicate"]


def test_one_row_may_be_repaired_and_flagged() -> None:
    rows = days([10.0, 10.0, 14.3], {2: {"open": 14.8, "volume": 0.0}})
    outcome = checked(*rows)
    assert reasons(outcome) == ["range_widened", "adjusted_close_jump", "zero_volume"]
    assert len(outcome.accepted) == 3
    assert outcome.rejected == 0


def test_the_summary_counts_by_reason_and_the_rejected_are_rows() -> None:
    outcome = checked({"close": NAN}, {"open": NAN}, {"open": 11.5}, {"ticker": "B", "volume": -1.0}, {})
    assert outcome.summary == {
        "duplicate": 1,
        "missing_price": 2,
        "negative_volume": 1,
        "range_widened": 1,
    }
    assert list(outcome.summary) == sorted(outcome.summary)
    assert outcome.rejected == 4
    assert checked({}).summary == {}


def test_what_the_vendor_wrote_is_kept_where_it_is_known() -> None:
    wrote = '{"close": "n/a",  "t": 1.10}'
    outcome = checked({"close": NAN, "raw": wrote}, {"close": NAN, "raw": None}, {"raw": "{}"})
    first, second = outcome.quarantined["row"]
    assert first == wrote
    assert json.loads(second)["ticker"] == "A"
    assert tuple(outcome.accepted.columns) == PRICE_COLUMNS


@pytest.mark.parametrize(
    ("raw", "row"),
    [
        ('{"t": 1.10}', {"missing_sessions": 1, "t": 1.1}),
        (" {} ", {"missing_sessions": 1}),
        ("[1, 2]", {"missing_sessions": 1, "row": [1, 2]}),
    ],
)
def test_missing_sessions_are_added_to_what_the_vendor_wrote(raw: str, row: dict[str, Any]) -> None:
    outcome = checked(*days([10.0, 10.1, 10.0], {2: {"raw": raw}})[::2])
    assert reasons(outcome) == ["missing_sessions"]
    assert json.loads(outcome.quarantined["row"].iloc[0]) == row


def test_findings_are_in_the_order_of_rows_and_then_of_weight() -> None:
    outcome = checked({"close": NAN}, {"ticker": "B"}, {"ticker": None}, {"open": 11.5})
    assert reasons(outcome) == ["missing_price", "no_ticker", "range_widened"]


def test_the_types_of_both_tables_do_not_depend_on_what_is_in_them() -> None:
    delivered = table({}, {"close": NAN})
    outcome = judged(delivered)
    for few in (judged(delivered.iloc[:0]), judged(delivered.iloc[:1])):
        pd.testing.assert_series_equal(few.accepted.dtypes, outcome.accepted.dtypes)
        pd.testing.assert_series_equal(few.quarantined.dtypes, outcome.quarantined.dtypes)
    assert outcome.quarantined["session"].dtype == "datetime64[s]"
    assert {str(dtype) for dtype in outcome.quarantined.drop(columns="session").dtypes} == {"str"}


def test_the_delivery_is_left_as_it_was() -> None:
    delivered = table({"high": 9.0, "low": 11.0, "raw": "{}"}, {"close": NAN})
    before = delivered.copy(deep=True)
    judged(delivered, delivered.copy())
    pd.testing.assert_frame_equal(delivered, before)


def test_a_whole_delivery_can_be_turned_away() -> None:
    away = reject_all(table({"raw": '{"t": 1}'}, {"session": None}), "other_units")
    assert list(away.columns) == REFUSED_COLUMNS
    assert away["reason"].tolist() == ["other_units"] * 2
    assert away["severity"].tolist() == ["reject"] * 2
    assert [json.loads(row).get("close") for row in away["row"]] == [None, 10.5]
    assert reject_all(table({}).iloc[:0], "other_units").empty


_VALUES = st.sampled_from([10.0, 9.0, 11.0, 10.5, 33.0, 0.0, -1.0, 1e-9, 1e300, NAN, math.inf, -math.inf])
_RARELY = st.sampled_from([10.0] * 9 + [11.3, 33.0, 3.0, 9.0, NAN])
_SESSIONS = st.sampled_from(
    [
        *("2013-02-26", "2013-02-27", "2013-02-28", "2013-03-01", "2013-03-04"),
        *("2013-03-02", "2012-10-29", "1985-01-05", "2013-03-05", "2035-01-05"),
        None,
    ]
)


def _rows(prices: st.SearchStrategy[float]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "ticker": st.sampled_from(["A", "A", "B", "L", "NAN", "", None]),
            "session": _SESSIONS,
            **dict.fromkeys(("open", "high", "low", "close", "adj_close"), prices),
            "dividend": st.sampled_from([0.0, 0.0, 0.5, NAN]),
            "split": st.sampled_from([1.0, 1.0, 2.0, 0.0, NAN]),
        }
    )


def _same_prices(level: float) -> dict[str, Any]:
    return dict.fromkeys(["open", "high", "low", "close", "adj_close"], level)


# Good rows of one price, so that spikes and duplicates of good rows turn up too.
_PLAIN_ROWS = st.builds(
    lambda session, level: {"session": session, **_same_prices(level)}, _SESSIONS, _RARELY
)
_ANY_ROWS = _rows(_VALUES) | _rows(_RARELY) | _PLAIN_ROWS


@settings(max_examples=60, deadline=None, derandomize=True, phases=[Phase.generate, Phase.shrink])
@given(st.lists(_ANY_ROWS, max_size=10), st.lists(_ANY_ROWS, max_size=5))
def test_delivered_rows_are_the_accepted_and_the_rejected(
    rows: list[dict[str, Any]], stored: list[dict[str, Any]]
) -> None:
    delivered = table(*[row | {"volume": float(number)} for number, row in enumerate(rows)])
    outcome = judged(delivered, table(*stored))
    quarantined = outcome.quarantined
    assert outcome.rejected + len(outcome.accepted) == len(delivered)
    assert set(quarantined["reason"]) <= set(CHECK_BY_NAME)
    assert quarantined["severity"].tolist() == [CHECK_BY_NAME[name].severity for name in reasons(outcome)]
    numbers = [json.loads(row)["volume"] for row in quarantined["row"]]
    rejected = [
        n for n, severity in zip(numbers, quarantined["severity"], strict=True) if severity == "reject"
    ]
    noted = [n for n, severity in zip(numbers, quarantined["severity"], strict=True) if severity != "reject"]
    kept = outcome.accepted["volume"].tolist()
    assert sorted(kept + rejected) == [float(number) for number in range(len(rows))]
    assert kept == sorted(kept)
    assert set(noted) <= set(kept)
    assert not quarantined.assign(number=numbers).duplicated(["number", "reason"]).any()
    known = delivered.set_index("volume").drop(columns=["high", "low"])
    accepted = outcome.accepted.set_index("volume").drop(columns=["high", "low"])
    pd.testing.assert_frame_equal(accepted, known.loc[kept], check_index_type=False)
    PRICE_ROW.validate(outcome.accepted)
    prices = outcome.accepted[["open", "high", "low", "close", "adj_close"]].to_numpy()
    assert np.isfinite(prices).all()
    assert (prices > 0).all()
    assert (outcome.accepted["high"] >= outcome.accepted["low"]).all()
    assert not outcome.accepted.duplicated(["ticker", "session"]).any()


def test_a_hundred_thousand_bad_rows_are_written_down() -> None:
    bad = table({"close": NAN}).loc[[0] * 100_000]
    assert judged(bad).rejected == 100_000


def test_where_nothing_is_left_to_check_stored_rows_are_no_matter() -> None:
    """A delivery whose every row was refused before, of a ticker that has stored rows."""
    stored = price_frame("A", NEW_YORK.sessions(date(2013, 1, 2), date(2013, 2, 1)), 0)
    found = check(no_prices(), {"A": NEW_YORK}, {NEW_YORK.code: date(2013, 2, 1)}, stored)
    for rows in (found.accepted, found.quarantined, found.disproved):
        assert rows.empty
