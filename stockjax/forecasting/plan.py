"""What tonight is about: the session that has closed and the one that is forecast."""

import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

from stockjax.errors import UsageError
from stockjax.sessions import Exchange
from stockjax.sources import Source

Origin = Literal["nightly", "catchup", "backtest"]


@dataclass(frozen=True)
class Plan:
    """One run of the flow.

    Attributes
    ----------
    as_of
        Last completed session that may be used.
    target
        The exchange's next session.
    origin
        nightly if the target session has not opened at the plan's "now", else catchup.
    started_at
        Real time, aware.

    """

    run_id: str
    source: str
    exchange: Exchange
    tickers: tuple[str, ...]
    as_of: date
    target: date
    origin: Origin
    started_at: datetime


def make_plan(source: Source, tickers: tuple[str, ...], exchange: Exchange, as_of: date | None) -> Plan:
    """Settle the sessions of a run.

    A recorded source replays its history: its "now" is the close of its last session, or of
    `as_of`. For a live source it is the clock.

    Raises
    ------
    UsageError
        `as_of` is no session, lies after the data or has not closed yet; or no ticker is named.

    """
    started = datetime.now(UTC)
    recorded = source.last_session()
    newest = (
        exchange.last_session_on_or_before(recorded) if recorded else exchange.last_completed_session(started)
    )
    session = as_of or newest
    if session > newest:
        raise UsageError(
            f"{session} lies after the last session of the source '{source.name}'; give --as-of {newest}"
        )
    if session < exchange.first_known:
        raise UsageError(f"{session} lies before the calendar of {exchange.code}; give a later --as-of")
    if not exchange.is_session(session):
        nearest = exchange.last_session_on_or_before(session)
        raise UsageError(f"{session} is no session of {exchange.code}; the one before it is {nearest}")
    universe = tickers or source.universe()
    if not universe:
        raise UsageError(f"the source '{source.name}' names no tickers of its own; name some")
    target = exchange.next_session(session)
    now = exchange.closes_at(session) if recorded else started
    return Plan(
        run_id=uuid.uuid4().hex,
        source=source.name,
        exchange=exchange,
        tickers=tuple(dict.fromkeys(universe)),
        as_of=session,
        target=target,
        origin="nightly" if now < exchange.opens_at(target) else "catchup",
        started_at=started,
    )
