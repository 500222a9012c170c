from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest

from stockjax.errors import UsageError
from stockjax.forecasting.plan import ExchangeSession, Plan, make_plan, replace_as_of
from stockjax.sessions import Exchange
from stockjax.sources import Delivery, Request
from stockjax.sources.sample import SampleSource
from tests.support.synthetic import NEW_YORK

TOKYO = Exchange("XTKS")
LONDON = Exchange("XLON")
NEVER_CLOSED = Exchange("24/7")
ALL = (NEW_YORK, TOKYO, LONDON, NEVER_CLOSED)
TOKYO_TIME = timezone(timedelta(hours=9))


class Live:
    """A source without a last session: its now is the clock."""

    name = "live"

    def __init__(self, *tickers: str) -> None:
        self._tickers = tickers

    def universe(self) -> tuple[str, ...]:
        return self._tickers

    def last_session(self) -> date | None:
        return None

    def fetch(self, requests: Iterable[Request], last: date) -> Iterator[Delivery]:
        raise AssertionError("a plan fetches nothing")


class Recorded(Live):
    """A source whose data end on a Sunday, unless a test says otherwise."""

    last = date(2013, 3, 3)

    def last_session(self) -> date | None:
        return self.last


def at(day: str, clock: str) -> datetime:
    """A moment in UTC."""
    return datetime.combine(date.fromisoformat(day), time.fromisoformat(clock), UTC)


def live_plan(now: datetime, *exchanges: Exchange, as_of: date | None = None) -> Plan:
    """A plan of a live source at that moment."""
    return make_plan(Live("A"), (), NEW_YORK, as_of, exchanges, now)


def tonight(plan: Plan, exchange: Exchange = NEW_YORK) -> tuple[str, str, str]:
    """What an exchange's night is about, briefly."""
    market = plan.market(exchange)
    return str(market.as_of), str(market.target), market.origin


def test_the_sample_is_forecast_for_the_monday_after_its_last_friday() -> None:
    plan = make_plan(SampleSource(), (), NEW_YORK, None)
    assert plan.market(NEW_YORK) == ExchangeSession(NEW_YORK, date(2013, 3, 1), date(2013, 3, 4), "nightly")
    assert plan.as_of == date(2013, 3, 1)
    assert plan.source == "sample"
    assert plan.tickers == ("AAPL", "FB", "GOOG", "IBM", "MSFT")
    assert abs(plan.started_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_an_earlier_session_of_recorded_data_is_its_own_now() -> None:
    # Before Christmas the next session is two days later.
    plan = make_plan(SampleSource(), (), NEW_YORK, date(2012, 12, 24))
    assert tonight(plan) == ("2012-12-24", "2012-12-26", "nightly")
    assert plan.as_of == date(2012, 12, 24)


def test_recorded_data_that_end_on_a_sunday_are_about_the_friday() -> None:
    plan = make_plan(Recorded("A"), (), NEW_YORK, None)
    assert tonight(plan) == ("2013-03-01", "2013-03-04", "nightly")
    assert plan.as_of == date(2013, 3, 1)


def test_tickers_that_are_named_are_taken_once_each_in_their_order() -> None:
    plan = make_plan(SampleSource(), ("MSFT", "AAPL", "MSFT"), NEW_YORK, None)
    assert plan.tickers == ("MSFT", "AAPL")


def test_tickers_for_the_base_are_fetched_once_each_and_not_forecast() -> None:
    sample = ("AAPL", "FB", "GOOG", "IBM", "MSFT")
    plan = make_plan(
        SampleSource(), ("MSFT", "IBM"), NEW_YORK, None, training_only=("FB", "IBM", "KO", "FB", *sample)
    )
    assert plan.tickers == ("MSFT", "IBM")
    assert plan.training_only == ("FB", "KO", "AAPL", "GOOG")
    assert plan.fetched == ("MSFT", "IBM", "FB", "KO", "AAPL", "GOOG")


def test_where_all_are_forecast_none_is_left_for_the_base_alone() -> None:
    source = SampleSource()
    plan = make_plan(source, (), NEW_YORK, None, training_only=source.universe())
    assert plan.training_only == ()
    assert plan.fetched == plan.tickers == source.universe()
    assert make_plan(source, ("IBM",), NEW_YORK, None).fetched == ("IBM",)


def test_every_run_has_a_name_of_its_own() -> None:
    names = {make_plan(SampleSource(), (), NEW_YORK, None).run_id for _ in range(3)}
    assert len(names) == 3


def test_a_holiday_is_refused_with_the_session_before_it() -> None:
    with pytest.raises(UsageError, match=r"2013-01-01 is no session of XNYS.*2012-12-31"):
        make_plan(SampleSource(), (), NEW_YORK, date(2013, 1, 1))


def test_a_session_after_the_data_is_refused_with_the_last_one() -> None:
    with pytest.raises(UsageError, match=r"2013-03-04 lies after .* 'sample'.*--as-of 2013-03-01"):
        make_plan(SampleSource(), (), NEW_YORK, date(2013, 3, 4))


@pytest.mark.parametrize("day", [date(2099, 1, 5), date(1980, 1, 2), date(1, 1, 1)])
def test_a_day_that_no_calendar_knows_is_refused_in_one_sentence(day: date) -> None:
    for exchanges in ((), ALL):
        with pytest.raises(UsageError) as caught:
            make_plan(SampleSource(), (), NEW_YORK, day, exchanges)
        assert "\n" not in str(caught.value)


def test_a_source_that_names_no_tickers_needs_some() -> None:
    with pytest.raises(UsageError, match="names no tickers"):
        make_plan(Live(), (), NEW_YORK, None)


def test_a_live_source_is_at_the_last_session_that_has_closed() -> None:
    plan = make_plan(Live("A"), (), NEW_YORK, None)
    market, now = plan.market(NEW_YORK), datetime.now(UTC)
    assert NEW_YORK.closes_at(market.as_of) <= now
    assert market.target == NEW_YORK.next_session(market.as_of)
    assert NEW_YORK.closes_at(market.target) > now
    assert market.origin == ("nightly" if now < NEW_YORK.opens_at(market.target) else "catchup")


def test_an_old_session_of_a_live_source_is_only_caught_up_with() -> None:
    plan = make_plan(Live("A"), (), NEW_YORK, date(2013, 3, 1))
    assert tonight(plan) == ("2013-03-01", "2013-03-04", "catchup")


def test_a_live_session_that_has_not_closed_is_refused() -> None:
    tomorrow = make_plan(Live("A"), (), NEW_YORK, None).market(NEW_YORK).target
    with pytest.raises(UsageError, match="lies after the last session"):
        make_plan(Live("A"), (), NEW_YORK, tomorrow)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        # Friday evening in New York, when all have closed and Tokyo's Monday is two days away.
        (
            at("2026-11-06", "22:00"),
            {
                NEW_YORK: ("2026-11-06", "2026-11-09", "nightly"),
                TOKYO: ("2026-11-06", "2026-11-09", "nightly"),
                LONDON: ("2026-11-06", "2026-11-09", "nightly"),
                NEVER_CLOSED: ("2026-11-05", "2026-11-06", "catchup"),
            },
        ),
        # Sunday: only the market without nights has gone on.
        (
            at("2026-11-08", "12:00"),
            {
                NEW_YORK: ("2026-11-06", "2026-11-09", "nightly"),
                TOKYO: ("2026-11-06", "2026-11-09", "nightly"),
                LONDON: ("2026-11-06", "2026-11-09", "nightly"),
                NEVER_CLOSED: ("2026-11-07", "2026-11-08", "catchup"),
            },
        ),
        # Monday, 01:00 in London: Tokyo trades, the others sleep.
        (
            at("2026-11-09", "01:00"),
            {
                NEW_YORK: ("2026-11-06", "2026-11-09", "nightly"),
                TOKYO: ("2026-11-06", "2026-11-09", "catchup"),
                LONDON: ("2026-11-06", "2026-11-09", "nightly"),
                NEVER_CLOSED: ("2026-11-08", "2026-11-09", "catchup"),
            },
        ),
        # Monday, 07:00 in London: Tokyo's Monday is over, and London's has not begun.
        (
            at("2026-11-09", "07:00"),
            {
                NEW_YORK: ("2026-11-06", "2026-11-09", "nightly"),
                TOKYO: ("2026-11-09", "2026-11-10", "nightly"),
                LONDON: ("2026-11-06", "2026-11-09", "nightly"),
                NEVER_CLOSED: ("2026-11-08", "2026-11-09", "catchup"),
            },
        ),
        # Thanksgiving, in the evening: New York is about the Friday, and so are those that traded.
        (
            at("2026-11-26", "22:00"),
            {
                NEW_YORK: ("2026-11-25", "2026-11-27", "nightly"),
                TOKYO: ("2026-11-26", "2026-11-27", "nightly"),
                LONDON: ("2026-11-26", "2026-11-27", "nightly"),
                NEVER_CLOSED: ("2026-11-25", "2026-11-26", "catchup"),
            },
        ),
        # The Friday after it: New York closes at 13:00, that is at 18:00 in London.
        (
            at("2026-11-27", "17:59"),
            {
                NEW_YORK: ("2026-11-25", "2026-11-27", "catchup"),
                TOKYO: ("2026-11-27", "2026-11-30", "nightly"),
                LONDON: ("2026-11-27", "2026-11-30", "nightly"),
            },
        ),
        (
            at("2026-11-27", "18:30"),
            {
                NEW_YORK: ("2026-11-27", "2026-11-30", "nightly"),
                TOKYO: ("2026-11-27", "2026-11-30", "nightly"),
                LONDON: ("2026-11-27", "2026-11-30", "nightly"),
            },
        ),
    ],
)
def test_every_exchange_has_a_night_of_its_own(
    now: datetime, expected: dict[Exchange, tuple[str, str, str]]
) -> None:
    plan = live_plan(now, *expected)
    assert {exchange: tonight(plan, exchange) for exchange in expected} == expected
    assert str(plan.as_of) == max(as_of for as_of, _, _ in expected.values())


@pytest.mark.parametrize(
    ("exchange", "opening"),
    [
        # Winter and summer time, and Tokyo, which opens on the day before in New York.
        (NEW_YORK, at("2026-11-30", "14:30")),
        (NEW_YORK, at("2026-07-06", "13:30")),
        (TOKYO, at("2026-11-30", "00:00")),
        (LONDON, at("2026-11-30", "08:00")),
    ],
)
def test_a_forecast_is_live_until_its_target_opens(exchange: Exchange, opening: datetime) -> None:
    second = timedelta(seconds=1)
    origins = {
        moment: live_plan(moment, exchange).market(exchange).origin
        for moment in (opening - second, opening, opening + second)
    }
    assert list(origins.values()) == ["nightly", "nightly", "catchup"]
    targets = {live_plan(moment, exchange).market(exchange).target for moment in origins}
    assert targets == {opening.date()}


@pytest.mark.parametrize("last", [date(2026, 11, 26), date(2026, 11, 28)])
def test_recorded_data_of_a_market_that_never_closes_are_their_own_now(last: date) -> None:
    source = Recorded("A")
    source.last = last
    plan = make_plan(source, (), NEVER_CLOSED, None, [], at("2026-12-24", "12:00"))
    assert tonight(plan, NEVER_CLOSED) == (str(last), str(last + timedelta(days=1)), "nightly")
    earlier = make_plan(source, (), NEVER_CLOSED, date(2026, 11, 25), [], at("2026-12-24", "12:00"))
    assert tonight(earlier, NEVER_CLOSED) == ("2026-11-25", "2026-11-26", "nightly")


def test_recorded_data_end_on_each_exchange_with_its_own_session() -> None:
    source = Recorded("A")
    source.last = date(2026, 11, 26)
    plan = make_plan(source, (), NEW_YORK, None, ALL, at("2026-12-24", "12:00"))
    assert tonight(plan) == ("2026-11-25", "2026-11-27", "nightly")
    for exchange in (TOKYO, LONDON, NEVER_CLOSED):
        assert tonight(plan, exchange) == ("2026-11-26", "2026-11-27", "nightly")
    assert plan.as_of == date(2026, 11, 26)


def test_a_session_may_be_asked_for_that_only_one_exchange_trades_on() -> None:
    now, thanksgiving = at("2026-11-26", "22:00"), date(2026, 11, 26)
    plan = live_plan(now, NEW_YORK, LONDON, as_of=thanksgiving)
    assert tonight(plan) == ("2026-11-25", "2026-11-27", "nightly")
    assert tonight(plan, LONDON) == ("2026-11-26", "2026-11-27", "nightly")
    assert plan.as_of == thanksgiving
    with pytest.raises(UsageError, match=r"2026-11-26 is no session of XNYS.*2026-11-25"):
        live_plan(at("2026-11-28", "12:00"), NEW_YORK, as_of=thanksgiving)


def test_a_day_that_none_of_the_exchanges_trades_on_is_refused() -> None:
    with pytest.raises(UsageError, match="2026-11-28 is no session of XLON"):
        live_plan(at("2026-11-30", "22:00"), LONDON, NEW_YORK, as_of=date(2026, 11, 28))


def test_a_session_that_has_closed_on_one_exchange_may_be_asked_for_next_to_others() -> None:
    # In the morning of London, Tokyo's Monday is over.
    monday = date(2026, 11, 9)
    plan = live_plan(at("2026-11-09", "07:00"), NEW_YORK, TOKYO, as_of=monday)
    assert tonight(plan, TOKYO) == ("2026-11-09", "2026-11-10", "nightly")
    assert tonight(plan) == ("2026-11-06", "2026-11-09", "nightly")
    with pytest.raises(UsageError, match="lies after the last session"):
        live_plan(at("2026-11-09", "07:00"), NEW_YORK, LONDON, as_of=monday)


def test_where_later_prices_are_stored_no_forecast_is_a_live_one() -> None:
    plan = make_plan(SampleSource(), (), NEW_YORK, date(2013, 2, 28))
    for known, origin in (("2013-02-27", "nightly"), ("2013-02-28", "nightly"), ("2013-03-01", "catchup")):
        later = replace(plan, stored_through={"XNYS": date.fromisoformat(known)})
        assert tonight(later)[2] == origin
        assert later.in_the_past is (origin == "catchup")


def test_later_prices_of_one_exchange_say_nothing_about_another() -> None:
    plan = live_plan(at("2026-11-09", "07:00"), NEW_YORK, TOKYO, as_of=date(2026, 11, 6))
    known = replace(plan, stored_through={"XTKS": date(2026, 11, 9), "XNYS": date(2026, 11, 6)})
    assert tonight(known, TOKYO)[2] == "catchup"
    assert tonight(known)[2] == "nightly"
    assert known.in_the_past
    assert not replace(known, stored_through={"XNYS": date(2026, 11, 6)}).in_the_past


def test_a_plan_is_about_the_newest_session_of_the_exchanges_that_turn_up() -> None:
    plan = live_plan(at("2026-11-09", "07:00"), NEW_YORK)
    assert plan.as_of == date(2026, 11, 6)
    learnt = replace_as_of(plan, {NEW_YORK, TOKYO})
    assert learnt.as_of == date(2026, 11, 9)
    assert replace(learnt, as_of=plan.as_of) == plan


def test_the_moment_of_a_run_may_be_given_in_any_zone() -> None:
    now = at("2026-11-27", "18:30")
    zoned = now.astimezone(TOKYO_TIME)
    assert zoned.date() > now.date()
    assert {e: tonight(live_plan(zoned, *ALL), e) for e in ALL} == {
        e: tonight(live_plan(now, *ALL), e) for e in ALL
    }
