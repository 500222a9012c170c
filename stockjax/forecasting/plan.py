"""What tonight is about: the sessions that have closed and those that are forecast."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from stockjax.errors import CalendarError, UsageError
from stockjax.sessions import Exchange, exchange, usable_exchanges
from stockjax.sources import Source

Origin = Literal["nightly", "catchup", "backtest"]


@dataclass(frozen=True)
class ExchangeSession:
    """Tonight on one exchange.

    Attributes
    ----------
    as_of
        Last completed session that may be used.
    target
        The exchange's next session.
    origin
        nightly if the target session has not opened at the plan's "now" and nothing later
        than `as_of` is known, else catchup.

    """

    exchange: Exchange
    as_of: date
    target: date
    origin: Origin


@dataclass(frozen=True)
class Plan:
    """One run of the flow.

    Attributes
    ----------
    default
        The exchange of tickers without an explicit one.
    as_of
        The newest session of any exchange that may be used.
    started_at
        Real time, aware: the "now" of a live source.
    recorded
        The last date of a recorded source, whose "now" is its close; None for a live source.
    asked
        The session that the user asked for.
    stored_through
        By exchange code, the newest session that was stored before this run.
    training_only
        Tickers that are fetched for the base to learn from and not forecast.
    settling
        How long after the close a live source's bar counts as finished.

    """

    run_id: str
    source: str
    default: Exchange
    tickers: tuple[str, ...]
    as_of: date
    started_at: datetime
    recorded: date | None
    asked: date | None
    stored_through: Mapping[str, date] = field(default_factory=dict)
    training_only: tuple[str, ...] = ()
    settling: timedelta = timedelta(0)

    @property
    def settled_at(self) -> datetime:
        """The moment of the closes whose bars are finished by now."""
        return self.started_at - self.settling

    @property
    def is_live(self) -> bool:
        """Whether the clock says which sessions the run is about: not a recording, nor the user."""
        return not self.recorded and not self.asked

    @property
    def fetched(self) -> tuple[str, ...]:
        """All tickers whose prices the run needs."""
        return (*self.tickers, *self.training_only)

    def market(self, exchange: Exchange) -> ExchangeSession:
        """Tonight on that exchange."""
        newest = _newest(exchange, self.recorded, self.settled_at)
        as_of = exchange.last_session_on_or_before(min(self.asked, newest)) if self.asked else newest
        target = exchange.next_session(as_of)
        now = exchange.closes_at(as_of) if self.recorded else self.started_at
        known = self.stored_through.get(exchange.code)
        # Where later prices are stored the outcome may be known: no such forecast is a live one.
        # On an exchange that never closes, a session opens as the one before it closes.
        live = now <= exchange.opens_at(target) and (known is None or known <= as_of)
        return ExchangeSession(exchange, as_of, target, "nightly" if live else "catchup")

    @property
    def in_the_past(self) -> bool:
        """Whether later prices than this run may use were stored before it."""
        return any(known > self._as_of(Exchange(code), known) for code, known in self.stored_through.items())

    def _as_of(self, exchange: Exchange, known: date) -> date:
        try:
            return self.market(exchange).as_of
        except CalendarError:
            # Tickers of such an exchange are not part of the run, so that nothing of it can be later.
            return known


def make_plan(
    source: Source,
    tickers: tuple[str, ...],
    default: Exchange,
    as_of: date | None,
    exchanges: Iterable[Exchange] = (),
    now: datetime | None = None,
    training_only: tuple[str, ...] = (),
    settling: timedelta = timedelta(0),
) -> Plan:
    """Settle the sessions of a run.

    The "now" of a recorded source is the close of its last session, or of
    `as_of`. For a live source it is the clock.

    Parameters
    ----------
    exchanges
        Those that the tickers are known to trade on; `default` if none are given.
    now
        The moment of the run, aware; None for the clock.
    training_only
        Tickers for the base; those that are forecast may be among them.
    settling
        How long after the close a live source's bar counts as finished.

    Raises
    ------
    CalendarError
        No calendar of the exchanges reaches beyond now.
    UsageError
        `as_of` is no session of any of the exchanges, lies after the data or has not closed
        yet; or no ticker is named.

    """
    started = now or datetime.now(UTC)
    recorded = source.last_session()
    known, _ = usable_exchanges(
        list(exchanges) or [default],
        lambda each: each.next_session(_newest(each, recorded, started - settling)),
    )
    if as_of:
        _check_asked(as_of, known, recorded, started - settling, source.name)
    universe = tickers or source.universe()
    if not universe:
        raise UsageError(
            f"the source '{source.name}' names no tickers of its own; name some, or set "
            "tickers, tickers_file or universe"
        )
    plan = Plan(
        run_id=uuid.uuid4().hex,
        source=source.name,
        default=default,
        tickers=tuple(dict.fromkeys(universe)),
        as_of=started.date(),
        started_at=started,
        recorded=recorded,
        asked=as_of,
        training_only=tuple(ticker for ticker in dict.fromkeys(training_only) if ticker not in set(universe)),
        settling=settling,
    )
    return replace_as_of(plan, known)


def recorded_plan(tickers: Sequence[str], known: Sequence[str], code: str, last: date) -> Plan:
    """The plan of a run at the last session of prices that are stored, which fetches nothing.

    Parameters
    ----------
    tickers, known
        Tickers to forecast, and all that have prices.
    code
        The exchange of tickers without one of their own.

    """
    default = exchange(code)
    return replace_as_of(
        Plan(
            run_id=uuid.uuid4().hex,
            source="files",
            default=default,
            tickers=tuple(tickers),
            as_of=last,
            started_at=datetime.now(UTC),
            recorded=last,
            asked=None,
            training_only=tuple(ticker for ticker in known if ticker not in set(tickers)),
        ),
        [default],
    )


def replace_as_of(plan: Plan, exchanges: Iterable[Exchange]) -> Plan:
    """The same plan, once it is known which exchanges it is about."""
    newest = max(plan.market(exchange).as_of for exchange in exchanges)
    return replace(plan, as_of=newest)


def newest_session(source: Source, exchange: Exchange, until: date, now: datetime | None = None) -> date:
    """The newest session up to a date that the source may have prices of."""
    newest = _newest(exchange, source.last_session(), now or datetime.now(UTC))
    return min(newest, exchange.last_session_on_or_before(until))


def _newest(exchange: Exchange, recorded: date | None, now: datetime) -> date:
    if recorded:
        return exchange.last_session_on_or_before(recorded)
    return exchange.last_completed_session(now)


def _check_asked(
    as_of: date, exchanges: list[Exchange], recorded: date | None, now: datetime, source: str
) -> None:
    newest = max(_newest(exchange, recorded, now) for exchange in exchanges)
    if as_of > newest:
        raise UsageError(
            f"{as_of} lies after the last session of the source '{source}'; give --as-of {newest}"
        )
    if all(as_of < exchange.first_known for exchange in exchanges):
        raise UsageError(f"{as_of} lies before the calendar of {exchanges[0].code}; give a later --as-of")
    if not any(exchange.is_session(as_of) for exchange in exchanges):
        nearest = exchanges[0].last_session_on_or_before(as_of)
        raise UsageError(f"{as_of} is no session of {exchanges[0].code}; the one before it is {nearest}")
