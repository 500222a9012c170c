"""Moments as the warehouse stores them."""

from datetime import UTC, datetime


def stored_time(moment: datetime) -> datetime:
    """An aware moment as UTC without a zone, which is how every TIMESTAMP is kept."""
    return moment.astimezone(UTC).replace(tzinfo=None)
