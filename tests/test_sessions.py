from datetime import UTC, date, datetime, timedelta, timezone

import exchange_calendars
import numpy as np
import pytest

from stockjax import sessions
from stockjax.errors import CalendarError, UsageError
from stockjax.sessions import Exchange, exchange
from stockjax.sources.yahoo.exchanges import _BY_KIND, _BY_TIME_ZONE


@pytest.fixture(scope="module")
def new_york() -> Exchange:
    return exchange("XNYS")


@pytest.mark.parametrize(
    ("day", "trades"),
    [
        (date(2013, 3, 1), True),
        (date(2013, 3, 2), False),
        (date(2013, 3, 3), False),
        (date(2012, 10, 29), False),
        (date(2012, 10, 30), False),
        (date(2012, 10, 31), True),
        (date(2013, 3, 29), False),
        (date(2012, 12, 25), False),
        (date(2001, 9, 11), False),
        (date(2001, 9, 17), True),
    ],
)
def test_weekends_holidays_and_closures_are_no_sessions(new_york: Exchange, day: date, trades: bool) -> None:
    assert new_york.is_session(day) is trades


@pytest.mark.parametrize(
    ("session", "following"),
    [
        (date(2013, 2, 28), date(2013, 3, 1)),
        (date(2013, 3, 1), date(2013, 3, 4)),
        (date(2012, 10, 26), date(2012, 10, 31)),
        (date(2013, 3, 28), date(2013, 4, 1)),
        (date(2012, 12, 31), date(2013, 1, 2)),
    ],
)
def test_the_next_session_skips_what_is_closed(new_york: Exchange, session: date, following: date) -> None:
    assert new_york.next_session(session) == following
    after = new_york.sessions_after(np.array([session], "datetime64[D]"))
    assert after.dtype == "datetime64[D]"
    assert after[0] == np.datetime64(following)


def test_the_session_after_a_closed_day_is_the_next_open_one(new_york: Exchange) -> None:
    days = np.array(["2013-03-02", "2012-10-29", "2013-03-29"], "datetime64[D]")
    expected = np.array(["2013-03-04", "2012-10-31", "2013-04-01"], "datetime64[D]")
    np.testing.assert_array_equal(new_york.sessions_after(days), expected)


@pytest.mark.parametrize(
    ("day", "session"),
    [
        (date(2013, 3, 1), date(2013, 3, 1)),
        (date(2013, 3, 3), date(2013, 3, 1)),
        (date(2012, 10, 30), date(2012, 10, 26)),
    ],
)
def test_a_closed_day_falls_back_to_the_session_before(new_york: Exchange, day: date, session: date) -> None:
    assert new_york.last_session_on_or_before(day) == session


@pytest.mark.parametrize(
    ("session", "opening", "closing"),
    [
        # Winter time, the Friday before and the Monday after the clocks change, summer time.
        (date(2013, 3, 1), (14, 30), (21, 0)),
        (date(2013, 3, 8), (14, 30), (21, 0)),
        (date(2013, 3, 11), (13, 30), (20, 0)),
        (date(2013, 11, 1), (13, 30), (20, 0)),
        (date(2013, 11, 4), (14, 30), (21, 0)),
        # The day after Thanksgiving and Christmas Eve close at one.
        (date(2012, 11, 23), (14, 30), (18, 0)),
        (date(2012, 12, 24), (14, 30), (18, 0)),
    ],
)
def test_opening_and_closing_are_utc_across_daylight_saving_and_early_closes(
    new_york: Exchange, session: date, opening: tuple[int, int], closing: tuple[int, int]
) -> None:
    year, month, day = session.year, session.month, session.day
    assert new_york.opens_at(session) == datetime(year, month, day, *opening, tzinfo=UTC)
    assert new_york.closes_at(session) == datetime(year, month, day, *closing, tzinfo=UTC)
    assert new_york.opens_at(session).utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("moment", "session"),
    [
        (datetime(2013, 3, 1, 20, 59, 59, tzinfo=UTC), date(2013, 2, 28)),
        (datetime(2013, 3, 1, 21, 0, tzinfo=UTC), date(2013, 3, 1)),
        (datetime(2013, 3, 3, 12, 0, tzinfo=UTC), date(2013, 3, 1)),
        (datetime(2013, 3, 4, 14, 0, tzinfo=UTC), date(2013, 3, 1)),
        (datetime(2012, 11, 23, 18, 0, tzinfo=UTC), date(2012, 11, 23)),
        (datetime(2012, 11, 23, 17, 59, tzinfo=UTC), date(2012, 11, 21)),
        (datetime(2012, 10, 30, 22, 0, tzinfo=UTC), date(2012, 10, 26)),
        (datetime(2013, 3, 2, 6, 0, tzinfo=timezone(timedelta(hours=9))), date(2013, 3, 1)),
    ],
)
def test_a_session_is_complete_from_its_close_on(new_york: Exchange, moment: datetime, session: date) -> None:
    assert new_york.last_completed_session(moment) == session


def test_a_range_holds_both_its_ends_and_no_closed_day(new_york: Exchange) -> None:
    week = new_york.sessions(date(2012, 10, 26), date(2012, 11, 1))
    expected = np.array(["2012-10-26", "2012-10-31", "2012-11-01"], "datetime64[D]")
    assert week.dtype == "datetime64[D]"
    np.testing.assert_array_equal(week, expected)
    assert new_york.sessions(date(2013, 3, 2), date(2013, 3, 3)).shape == (0,)


@pytest.mark.parametrize("code", ["XXXX", "", "xnys", "New York", "../XNYS"])
def test_an_unknown_exchange_is_wrong_usage(code: str) -> None:
    with pytest.raises(UsageError, match="there is no exchange") as caught:
        exchange(code)
    assert "XNYS" in str(caught.value)


@pytest.mark.parametrize("code", ["XNAS", "NYSE", "XLON", "XTKS", "XBOM", "XSHG"])
def test_every_exchange_that_is_accepted_can_be_asked(code: str) -> None:
    place = exchange(code)
    assert place.is_session(date(2024, 3, 6))
    assert not place.is_session(date(2024, 3, 9))


# exchange-calendars computes lunar holidays in a way that newer releases of NumPy warn of.
@pytest.mark.filterwarnings("ignore:The 'generic' unit:DeprecationWarning")
@pytest.mark.parametrize("code", sorted({*_BY_TIME_ZONE.values(), *_BY_KIND.values()}))
def test_every_calendar_of_the_vendor_gives_a_session_or_says_where_it_ends(
    code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Decades of sessions take a second each to lay out, and their end is the same.
    short = exchange_calendars.get_calendar(code, start="2026-01-01")
    monkeypatch.setattr(sessions, "_calendar", lambda asked: short)
    calendar = exchange(code)
    moment = datetime.now(UTC) + timedelta(days=400)
    for ask in (
        lambda: calendar.last_completed_session(moment),
        lambda: calendar.next_session(moment.date()),
        lambda: calendar.last_session_on_or_before(moment.date()),
    ):
        try:
            assert abs(ask() - moment.date()) < timedelta(days=20)
        except CalendarError as error:
            assert str(error) == (
                f"the calendar {calendar.code} is known to {calendar.last_known} only; "
                "upgrade exchange-calendars"
            )
    assert calendar.sessions_left(calendar.last_known) == 0
    with pytest.raises(CalendarError, match="upgrade exchange-calendars"):
        calendar.next_session(calendar.last_known)


def test_a_calendar_that_cannot_be_built_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise NotImplementedError("implemented by subclasses")

    monkeypatch.setattr(exchange_calendars, "get_calendar", fail)
    sessions._calendar.cache_clear()
    try:
        with pytest.raises(CalendarError, match=r"ASEX cannot be built \(NotImplementedError: impl"):
            _ = Exchange("ASEX").every_session
    finally:
        sessions._calendar.cache_clear()
