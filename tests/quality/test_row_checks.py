from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from stockjax.quality import CHECKS
from stockjax.quality.row_checks import CHECK_BY_NAME
from tests.support.bars import NAN, checked, days, reasons

LEVEL = [10.0, 10.1, 9.9, 10.0]

# For each check, rows that it finds something in and rows that it only just does not.
CASES: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]] = {
    "no_ticker": ([{"ticker": None}], [{"ticker": "NAN"}]),
    "no_date": ([{"session": None}], [{"session": "1962-01-02"}]),
    "missing_price": ([{"low": NAN}], [{"volume": NAN}]),
    "not_finite": ([{"volume": float("inf")}], [{"volume": 1e300}]),
    "missing_action": ([{"dividend": NAN}], [{"dividend": 0.1}]),
    "not_positive": ([{"adj_close": 0.0}], [{"adj_close": 1e-9}]),
    "negative_volume": ([{"volume": -1.0}], [{"volume": 0.0}]),
    "high_below_low": ([{"high": 9.0, "low": 11.0, "close": 11.2}], [{"high": 9.0, "low": 11.0}]),
    "close_outside_range": ([{"close": 11.02}], [{"close": 11.01}]),
    "open_outside_range": ([{"open": 11.56}], [{"open": 11.54}]),
    "not_a_session": ([{"session": "2013-03-02"}], [{"session": "1985-03-02"}]),
    "future_date": ([{"session": "2013-03-06"}], [{"session": "2013-03-05"}]),
    "not_closed": ([{"session": "2013-03-05"}], [{"session": "2013-03-04"}]),
    "impossible_spike": (days([10.0, 10.0, 30.5, 10.2]), days([10.0, 10.0, 29.5, 10.2])),
    "duplicate": ([{}, {}], [{}, {"ticker": "B"}]),
    "high_low_exchanged": ([{"high": 9.0, "low": 11.0}], [{"high": 9.0, "low": 11.0, "open": 11.2}]),
    "range_widened": ([{"open": 11.5}], [{"open": 11.01}]),
    "spike_and_reversal": (days([10.0, 13.0, 10.1]), days([10.0, 12.8, 10.0])),
    "unadjusted_split": (days([10.0, 10.0, 5.1, 5.0]), days([10.0, 10.0, 5.3, 5.2])),
    "adjusted_close_jump": (days([10.0, 10.0, 14.3]), days([10.0, 10.0, 14.1])),
    "flat_run": (days([9.0] + [10.0] * 10), days([9.0] + [10.0] * 9)),
    "zero_volume": (days(LEVEL, {3: {"volume": 0.0}}), days(LEVEL, {3: {"volume": 1.0}})),
    "missing_volume": (
        days(LEVEL, {3: {"volume": float("nan")}}),
        days(LEVEL, {place: {"volume": float("nan")} for place in range(len(LEVEL))}),
    ),
    "missing_sessions": (days([*LEVEL, 10.0])[::2], days(LEVEL)),
}


def test_every_check_has_its_case() -> None:
    assert list(CASES) == [check.name for check in CHECKS] == list(CHECK_BY_NAME)


@pytest.mark.parametrize("name", CASES)
def test_what_a_check_is_about_is_found_and_what_comes_near_is_not(name: str) -> None:
    fault, near_miss = CASES[name]
    quarantined = checked(*fault).quarantined
    severities = quarantined.loc[quarantined["reason"] == name, "severity"]
    assert set(severities) == {CHECK_BY_NAME[name].severity}
    assert name not in reasons(checked(*near_miss))


def test_checks_weigh_less_the_less_they_do() -> None:
    order = [check.severity for check in CHECKS]
    assert order == sorted(order, key=["reject", "repair", "flag"].index)


def test_every_check_says_what_it_means_and_every_repair_what_it_does() -> None:
    for check in CHECKS:
        assert check.meaning.endswith(".")
        assert (check.repair is not None) == (check.severity == "repair")


def test_a_check_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        CHECKS[0].severity = "flag"  # type: ignore[misc]
