"""Moments as the warehouse stores them."""

from datetime import UTC, datetime


def stored_time(moment: datetime) -> datetime:
    """An aware moment as UTC without a zone, which is how every TIMESTAMP is kept.

    Example
    -------
    >>> from datetime import UTC
    >>> stored_time(datetime(2013, 3, 1, 22, tzinfo=UTC))
    datetime.datetime(2013, 3, 1, 22, 0)

    """
    return moment.astimezone(UTC).replace(tzinfo=None)
