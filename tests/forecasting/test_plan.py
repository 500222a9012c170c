from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import pytest

from stockjax.errors import UsageError
from stockjax.forecasting.plan import make_plan
from stockjax.sources import Delivery
from stockjax.sources.sample import SampleSource
from tests.synthetic import NEW_YORK


class Live:
    """A source without a last session: its now is the clock."""

    name = "live"

    def __init__(self, *tickers: str) -> None:
        self._tickers = tickers

    def universe(self) -> tuple[str, ...]:
        return self._tickers

    def last_session(self) -> date | None:
        return None

    def fetch(self, tickers: Iterable[str], last: date) -> Delivery:
        raise AssertionError("a plan fetches nothing")


class Recorded(Live):
    def last_session(self) -> date | None:
        return date(2013, 3, 3)


def test_the_sample_is_forecast_for_the_monday_after_its_last_friday() -> None:
    plan = make_plan(SampleSource(), (), NEW_YORK, None)
    assert (plan.as_of, plan.target) == (date(2013, 3, 1), date(2013, 3, 4))
    assert plan.origin == "nightly"
    assert plan.source == "sample"
    assert plan.tickers == ("AAPL", "FB", "GOOG", "IBM", "MSFT")
    assert abs(plan.started_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_an_earlier_session_of_recorded_data_is_its_own_now() -> None:
    # Before Christmas the next session is two days later.
    plan = make_plan(SampleSource(), (), NEW_YORK, date(2012, 12, 24))
    assert (plan.as_of, plan.target) == (date(2012, 12, 24), date(2012, 12, 26))
    assert plan.origin == "nightly"


def test_recorded_data_that_end_on_a_sunday_are_about_the_friday() -> None:
    plan = make_plan(Recorded("A"), (), NEW_YORK, None)
    assert (plan.as_of, plan.target) == (date(2013, 3, 1), date(2013, 3, 4))


def test_tickers_that_are_named_are_taken_once_each_in_their_order() -> None:
    plan = make_plan(SampleSource(), ("MSFT", "AAPL", "MSFT"), NEW_YORK, None)
    assert plan.tickers == ("MSFT", "AAPL")


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
    with pytest.raises(UsageError):
        make_plan(SampleSource(), (), NEW_YORK, day)


def test_a_source_that_names_no_tickers_needs_some() -> None:
    with pytest.raises(UsageError, match="names no tickers"):
        make_plan(Live(), (), NEW_YORK, None)


def test_a_live_source_is_at_the_last_session_that_has_closed() -> None:
    plan = make_plan(Live("A"), (), NEW_YORK, None)
    now = datetime.now(UTC)
    assert NEW_YORK.closes_at(plan.as_of) <= now
    assert plan.target == NEW_YORK.next_session(plan.as_of)
    assert NEW_YORK.closes_at(plan.target) > now
    assert plan.origin == ("nightly" if now < NEW_YORK.opens_at(plan.target) else "catchup")


def test_an_old_session_of_a_live_source_is_only_caught_up_with() -> None:
    assert make_plan(Live("A"), (), NEW_YORK, date(2013, 3, 1)).origin == "catchup"


def test_a_live_session_that_has_not_closed_is_refused() -> None:
    tomorrow = make_plan(Live("A"), (), NEW_YORK, None).target
    with pytest.raises(UsageError, match="lies after the last session"):
        make_plan(Live("A"), (), NEW_YORK, tomorrow)
