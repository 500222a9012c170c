"""The session that a live run is about, whatever the time of day at which the tests begin."""

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from stockjax.sessions import exchange

NEW_YORK = exchange("XNYS")
LONGEST_TEST = timedelta(minutes=30)


class LiveSession(NamedTuple):
    """A session that is the newest finished one for as long as a test runs, by the settings given here."""

    last: date
    settings: dict[str, str]


def live_session() -> LiveSession:
    """The newest finished session of New York's exchanges; a close to come does not change it."""
    now = datetime.now(UTC)
    last = NEW_YORK.last_completed_session(now)
    closes_soon = NEW_YORK.last_completed_session(now + LONGEST_TEST) != last
    settle = LONGEST_TEST if closes_soon else timedelta(0)
    return LiveSession(last, {"STOCKJAX_RUN__SETTLE_MINUTES": str(settle.total_seconds() / 60)})
