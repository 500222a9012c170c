from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import exchange_calendars
import pytest

from stockjax.sources.yahoo import exchanges
from stockjax.sources.yahoo.exchanges import calendar_code


@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        ({"instrumentType": "EQUITY", "exchangeTimezoneName": "America/New_York"}, "XNYS"),
        ({"instrumentType": "ETF", "exchangeTimezoneName": "America/New_York"}, "XNYS"),
        ({"instrumentType": "EQUITY", "exchangeTimezoneName": "Asia/Tokyo"}, "XTKS"),
        ({"instrumentType": "EQUITY", "exchangeTimezoneName": "Europe/London"}, "XLON"),
        ({"instrumentType": "CRYPTOCURRENCY", "exchangeTimezoneName": "UTC"}, "24/7"),
        ({"instrumentType": "CURRENCY", "exchangeTimezoneName": "Europe/London"}, "24/5"),
        ({"instrumentType": "FUTURE", "exchangeTimezoneName": "America/New_York"}, "us_futures"),
        ({"instrumentType": "EQUITY", "exchangeTimezoneName": "Africa/Lagos"}, None),
        ({"instrumentType": "EQUITY"}, None),
        ({"instrumentType": None, "exchangeTimezoneName": None}, None),
        ({}, None),
    ],
)
def test_the_kind_comes_before_the_time_zone(metadata: dict[str, object], code: str | None) -> None:
    assert calendar_code(metadata) == code


def test_every_code_is_a_calendar() -> None:
    codes = {*exchanges._BY_KIND.values(), *exchanges._BY_TIME_ZONE.values()}
    assert codes - set(exchange_calendars.get_calendar_names(include_aliases=True)) == set()


# Chicago's exchanges trade when New York's do; the calendar of Bogota is kept in New York's time.
ELSEWHERE = {"America/Chicago", "America/Bogota"}


@pytest.mark.parametrize("zone", sorted(set(exchanges._BY_TIME_ZONE) - ELSEWHERE))
def test_a_calendar_is_in_the_zone_that_it_is_chosen_for(zone: str) -> None:
    code = exchange_calendars.resolve_alias(exchanges._BY_TIME_ZONE[zone])
    calendar: Any = exchange_calendars.calendar_utils._default_calendar_factories[code]
    for month in (1, 7):
        moment = datetime(2024, month, 1, 12)
        assert calendar.tz.utcoffset(moment) == ZoneInfo(zone).utcoffset(moment)
