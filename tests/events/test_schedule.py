"""When a source is asked again."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from stockjax.events import Announcement, Notice, TickerNotices, new_notices
from stockjax.events.announcement import end_of_day
from stockjax.events.schedule import is_due, next_expected
from stockjax.sessions import Exchange

NYSE = Exchange("XNYS")
EVERY = NYSE.every_session
DAYS = [date(2012, 1, 24), date(2012, 4, 24), date(2012, 7, 24), date(2012, 10, 25)]


def notices(as_of: date) -> list[Notice]:
    said = [Announcement("AAPL", day, "sec") for day in DAYS]
    return new_notices(said, TickerNotices(NYSE, 5, as_of, end_of_day(as_of, NYSE)))


def asked(first: date, sessions: int, *, looks_ahead: bool, answer: bool = True) -> list[date]:
    """The sessions on which a source is asked that has nothing new to say."""
    stored, checked = notices(first), first
    found = []
    start = int(EVERY.searchsorted(np.datetime64(first, "D")))
    for number in range(start + 1, start + 1 + sessions):
        as_of = EVERY[number].item()
        if is_due(stored, checked, as_of, NYSE, looks_ahead=looks_ahead):
            found.append(as_of)
            checked = as_of if answer else checked
    return found


def test_a_ticker_is_asked_about_once_before_anything_is_known() -> None:
    assert is_due([], None, date(2012, 11, 1), NYSE, looks_ahead=False)
    assert not is_due([], date(2012, 11, 1), date(2012, 11, 1), NYSE, looks_ahead=True)
    assert not is_due([], date(2012, 11, 2), date(2012, 11, 1), NYSE, looks_ahead=True)


def test_the_next_report_is_expected_on_its_projected_day() -> None:
    assert next_expected(notices(date(2012, 11, 1))) == date(2013, 1, 22)
    assert next_expected(notices(date(2012, 1, 25))) is None


def test_a_quarter_takes_few_requests() -> None:
    """Well under 0.1 a ticker and night, also where the report never comes."""
    first = date(2012, 10, 26)
    for looks_ahead, most in ((True, 5), (False, 3)):
        until_due = [day for day in asked(first, 63, looks_ahead=looks_ahead) if day <= date(2013, 1, 23)]
        assert 1 <= len(until_due) <= most
    assert len(asked(first, 252, looks_ahead=True)) <= 0.06 * 252


def test_a_source_that_looks_ahead_is_asked_ten_and_two_sessions_before() -> None:
    found = asked(date(2012, 12, 20), 30, looks_ahead=True)
    due = int(EVERY.searchsorted(np.datetime64("2013-01-22", "D")))
    assert found[:2] == [EVERY[due - 10].item(), EVERY[due - 2].item()]
    assert EVERY[due].item() in found
    assert EVERY[due].item() == asked(date(2012, 12, 20), 30, looks_ahead=False)[0]


def test_a_source_that_did_not_answer_is_asked_again_the_next_night() -> None:
    first = date(2013, 1, 16)
    due = int(EVERY.searchsorted(np.datetime64("2013-01-22", "D")))
    nights = [EVERY[due - 2 + number].item() for number in range(4)]
    assert asked(first, 4, looks_ahead=True, answer=False) == nights


def test_what_is_overdue_is_asked_for_every_night_and_then_less_and_less_often() -> None:
    found = asked(date(2013, 1, 15), 60, looks_ahead=False)
    due = int(EVERY.searchsorted(np.datetime64("2013-01-22", "D")))
    behind = [int(EVERY.searchsorted(np.datetime64(day, "D"))) - due for day in found]
    assert behind == [0, 1, 2, 3, 5, 9, 17, 33]


@pytest.mark.parametrize("status", ["withdrawn", "reported"])
def test_what_was_made_or_taken_back_is_no_longer_expected(status: str) -> None:
    stored = notices(date(2012, 11, 1))
    last = stored[-1]
    assert last.status == "projected"
    gone = replace(last, status=status, supersedes=last.notice_id)  # type: ignore[arg-type]
    assert next_expected([*stored, gone]) is None
