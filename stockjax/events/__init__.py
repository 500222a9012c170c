"""Scheduled announcements: what was known of each of them, from whom and since when."""

from stockjax.events.announcement import Announcement, Status, Timing
from stockjax.events.drafts import TickerNotices
from stockjax.events.notice import NOTICE_COLUMNS, Notice, notices_from_table, notices_table
from stockjax.events.notice_writer import new_notices
from stockjax.events.reaction import Reactions

__all__ = [
    "NOTICE_COLUMNS",
    "Announcement",
    "Notice",
    "Reactions",
    "Status",
    "TickerNotices",
    "Timing",
    "new_notices",
    "notices_from_table",
    "notices_table",
]
