"""When a source that costs requests is asked about a ticker again: when news is due."""

from collections.abc import Sequence
from datetime import date

import numpy as np

from stockjax.events.drafts import AHEAD
from stockjax.events.notice import Notice
from stockjax.sessions import Exchange

SESSIONS_AHEAD = (10, 2)
"""Sessions before the expected day at which a source that looks ahead is asked."""

OVERDUE_EACH_SESSION = 3
LONGEST_SILENCE = 42
"""Sessions after the expected day in which it is asked every time, and after which it is asked anyway."""


def is_due(
    stored: Sequence[Notice], checked: date | None, as_of: date, exchange: Exchange, *, looks_ahead: bool
) -> bool:
    """Whether to ask a source about a ticker tonight.

    For the first time; at some sessions before the next expected announcement, if the source knows of the
    future; on its day and the sessions after it until it has come, less and less often; and once in
    `LONGEST_SILENCE` sessions anyway. That is three or four times a quarter.

    Parameters
    ----------
    stored
        The notices of the ticker.
    checked
        The session of the last run that the source answered; None: none has.

    """
    if checked is None:
        return True
    every = exchange.every_session
    now, last = (int(every.searchsorted(np.datetime64(day, "D"))) for day in (as_of, checked))
    if now <= last:
        return False
    if now - last >= LONGEST_SILENCE:
        return True
    expected = next_expected(stored)
    if expected is None:
        return False
    due = int(every.searchsorted(np.datetime64(expected, "D")))
    if now >= due:
        overdue = now - due
        return overdue < OVERDUE_EACH_SESSION or now - last >= overdue // 2
    return looks_ahead and any(last < due - ahead <= now for ahead in SESSIONS_AHEAD)


def next_expected(stored: Sequence[Notice]) -> date | None:
    """The day of the announcement that is expected next, or is overdue; None if none is known of.

    It is the earliest of those that were not made, taken back, or followed by one that was made.
    """
    newest = {notice.announcement_id: notice for notice in stored}
    made = max((notice.day for notice in newest.values() if notice.status == "reported"), default=date.min)
    ahead = [notice.day for notice in newest.values() if notice.status in AHEAD and notice.day > made]
    return min(ahead, default=None)
