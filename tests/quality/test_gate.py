import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from stockjax.errors import Malformed
from stockjax.quality import Checked, check
from stockjax.quality.contract import CHECKS_BY_WEIGHT
from stockjax.quality.gate import REFUSED_COLUMNS
from stockjax.sessions import exchange
from stockjax.sources import PRICE_COLUMNS

NEW_YORK = exchange("XNYS")
NAN = math.nan
GOOD = {
    "ticker": "A",
    "session": "2013-03-01",
    "open": 10.0,
    "high": 11.0,
    "low": 9.0,
    "close": 10.5,
    "adj_close": 5.25,
    "volume": 100.0,
    "dividend": 0.0,
    "split": 1.0,
}


def table(*rows: dict[str, Any]) -> pd.DataFrame:
    frame = pd.DataFrame([GOOD | row for row in rows], columns=list(PRICE_COLUMNS))
    frame["session"] = pd.to_datetime(frame["session"]).astype("datetime64[s]")
    return frame.astype({"ticker": "str"} | dict.fromkeys(PRICE_COLUMNS[2:], float))


def checked(*rows: dict[str, Any]) -> Checked:
    return check(table(*rows), NEW_YORK)


def test_a_good_row_passes_unchanged() -> None:
    delivered = table({}, {"session": "2013-02-28"}, {"ticker": "B"})
    outcome = check(delivered, NEW_YORK)
    pd.testing.assert_frame_equal(outcome.accepted, delivered)
    assert outcome.refused.empty
    assert list(outcome.refused.columns) == REFUSED_COLUMNS


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
        ({"open": 11.2}, "open_outside_range"),
        ({"open": 8.8}, "open_outside_range"),
        ({"session": "2013-03-02"}, "not_a_session"),
        ({"session": "2012-10-29"}, "not_a_session"),
        ({"session": "2013-03-29"}, "not_a_session"),
        # A row that fails several checks is refused for the weightiest.
        ({"session": None, "close": NAN}, "no_date"),
        ({"close": NAN, "volume": -1.0}, "missing_price"),
        ({"close": -1.0, "high": 8.0}, "not_positive"),
        ({"session": "2013-03-02", "close": NAN}, "missing_price"),
    ],
)
def test_a_bad_row_is_refused_by_name_and_its_neighbour_is_kept(fault: dict[str, Any], reason: str) -> None:
    outcome = checked(GOOD | {"session": "2013-02-28"}, fault)
    assert outcome.accepted["session"].tolist() == [pd.Timestamp("2013-02-28")]
    assert outcome.refused["reason"].tolist() == [reason]
    assert outcome.refused["severity"].tolist() == ["reject"]
    assert outcome.refused["ticker"].tolist() == ["A"]


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
    assert set(faults) == set(CHECKS_BY_WEIGHT)
    outcome = checked(*faults.values())
    assert outcome.refused["reason"].tolist() == list(faults)
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
    assert len(outcome.refused) == 1


def test_a_row_of_nothing_but_infinity_is_refused() -> None:
    assert checked(dict.fromkeys(["open", "high", "low", "close", "adj_close"], math.inf)).accepted.empty


@pytest.mark.parametrize("name", ["dividend", "split"])
def test_an_unknown_dividend_or_split_is_accounted_for(name: str) -> None:
    outcome = checked({name: NAN}, {"ticker": "B"})
    assert len(outcome.accepted) + len(outcome.refused) == 2
    assert "B" in set(outcome.accepted["ticker"])


@pytest.mark.parametrize("day", ["2035-03-01", "2300-03-01"])
def test_a_date_beyond_the_calendar_is_refused_and_stops_no_other_row(day: str) -> None:
    outcome = checked({"ticker": "B"}, {"session": day})
    assert outcome.accepted["ticker"].tolist() == ["B"]
    assert len(outcome.refused) == 1


def test_dates_before_the_calendar_begins_are_not_judged_by_it() -> None:
    outcome = checked({"session": "1985-03-02"}, {"session": "1962-01-02"})
    assert len(outcome.accepted) == 2


@pytest.mark.parametrize("real_first", [True, False])
def test_a_row_of_gaps_never_takes_the_place_of_the_real_row_of_that_day(real_first: bool) -> None:
    gaps = dict.fromkeys(["open", "high", "low", "close", "adj_close", "volume"], NAN)
    rows = [{}, gaps] if real_first else [gaps, {}]
    outcome = checked(*rows)
    assert outcome.accepted["close"].tolist() == [10.5]
    assert outcome.refused["reason"].tolist() == ["missing_price"]


def test_of_two_good_rows_of_a_day_the_first_is_kept_and_the_second_is_on_record() -> None:
    outcome = checked({"close": 10.1}, {"close": 10.2}, {"close": 10.3}, {"ticker": "B"})
    assert outcome.accepted[["ticker", "close"]].to_numpy().tolist() == [["A", 10.1], ["B", 10.5]]
    assert outcome.refused["reason"].tolist() == ["duplicate", "duplicate"]
    assert [json.loads(row)["close"] for row in outcome.refused["row"]] == [10.2, 10.3]


def test_the_refused_row_is_kept_as_it_was_delivered() -> None:
    row = json.loads(checked({"ticker": 'M&M "x"', "close": -1.5, "volume": NAN}).refused["row"].iloc[0])
    assert row["ticker"] == 'M&M "x"'
    assert row["close"] == -1.5
    assert row["volume"] is None
    assert row["session"].startswith("2013-03-01")
    assert set(row) == set(PRICE_COLUMNS)


def test_the_order_and_index_of_the_delivery_do_not_matter() -> None:
    delivered = table({"close": NAN}, {"session": "2013-02-28"}, {"session": "2013-03-02"})
    delivered.index = pd.Index([7, 7, 7])
    outcome = check(delivered, NEW_YORK)
    assert outcome.accepted["session"].tolist() == [pd.Timestamp("2013-02-28")]
    assert outcome.refused["reason"].tolist() == ["missing_price", "not_a_session"]


def test_an_empty_delivery_is_no_failure() -> None:
    outcome = check(table({}).iloc[:0], NEW_YORK)
    assert outcome.accepted.empty
    assert outcome.refused.empty


def test_a_delivery_of_nothing_good_is_all_refused() -> None:
    outcome = checked({"close": NAN}, {"session": None})
    assert outcome.accepted.empty
    assert len(outcome.refused) == 2


@pytest.mark.parametrize(
    "broken",
    [
        table({}).drop(columns="open"),
        table({}).assign(extra=1.0),
        table({}).assign(open="ten"),
        table({}).assign(volume=1),
        table({}).assign(session="2013-03-01"),
        pd.concat([table({}), table({})[["open"]]], axis=1),
    ],
    ids=["missing", "extra", "text", "integer", "text date", "twice"],
)
def test_a_table_of_the_wrong_shape_is_malformed_in_one_sentence(broken: pd.DataFrame) -> None:
    with pytest.raises(Malformed, match="wrong shape") as caught:
        check(broken, NEW_YORK)
    assert "\n" not in str(caught.value)


_VALUES = st.sampled_from([10.0, 9.0, 11.0, 10.5, 0.0, -1.0, 1e-9, 1e300, NAN, math.inf, -math.inf])
_ROWS = st.fixed_dictionaries(
    {
        "ticker": st.sampled_from(["A", "B", "NAN", ""]),
        "session": st.sampled_from(
            ["2013-02-28", "2013-03-01", "2013-03-02", "2012-10-29", "1985-01-05", "2035-01-05", None]
        ),
        "open": _VALUES,
        "high": _VALUES,
        "low": _VALUES,
        "close": _VALUES,
        "adj_close": _VALUES,
        "dividend": st.sampled_from([0.0, 0.5, NAN]),
        "split": st.sampled_from([1.0, 2.0, 0.0, NAN]),
    }
)


# A good row now and then, so that duplicates of good rows turn up too.
@settings(max_examples=40, deadline=None, derandomize=True, phases=[Phase.generate, Phase.shrink])
@given(st.lists(_ROWS | st.just({}), max_size=8))
def test_delivered_rows_are_the_accepted_and_the_refused(rows: list[dict[str, Any]]) -> None:
    delivered = table(*[row | {"volume": float(number)} for number, row in enumerate(rows)])
    outcome = check(delivered, NEW_YORK)
    kept = outcome.accepted["volume"].tolist()
    refused = [json.loads(row)["volume"] for row in outcome.refused["row"]]
    assert sorted(kept + refused) == [float(number) for number in range(len(rows))]
    assert kept == sorted(kept)
    known = delivered.set_index("volume")
    pd.testing.assert_frame_equal(
        outcome.accepted.set_index("volume"), known.loc[kept], check_index_type=False
    )
    prices = outcome.accepted[["open", "high", "low", "close", "adj_close"]].to_numpy()
    assert np.isfinite(prices).all()
    assert (prices > 0).all()
    assert (outcome.accepted["high"] >= outcome.accepted["low"]).all()
    assert not outcome.accepted.duplicated(["ticker", "session"]).any()
