"""Asking sources for announcements, and writing what became known of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd

from stockjax.errors import StockjaxError
from stockjax.events import (
    Announcement,
    Notice,
    Reactions,
    TickerNotices,
    Timing,
    new_notices,
    notices_table,
)
from stockjax.events.announcement import TIMINGS
from stockjax.events.drafts import AHEAD, drafts
from stockjax.events.notice import notices_from_table
from stockjax.events.reaction import NO_REACTIONS
from stockjax.events.schedule import is_due
from stockjax.features.volatility import absolute_moves, volume_surprise
from stockjax.forecasting.plan import Plan
from stockjax.ingest.event_answers import EventAnswers
from stockjax.ingest.listings import Listing
from stockjax.sessions import FIRST_KNOWN_DATE, Exchange
from stockjax.settings import Settings
from stockjax.sources.events import EventRequest, EventSource, open_event_sources
from stockjax.warehouse import Warehouse
from stockjax.warehouse.event_tables import last_event_checks, read_events, store_events
from stockjax.warehouse.prices import stored_history
from stockjax.wording import counted

RECENT = timedelta(days=400)
"""For so long notices are read of every ticker; of those with news all are."""

Checks = Mapping[tuple[str, str], tuple[date, str]]
"""By ticker and source, the session of the last answer, and the fingerprint of the file that gave it."""


@dataclass(frozen=True)
class IngestedEvents:
    """What came of asking.

    Attributes
    ----------
    written
        New notices.
    warnings
        By source or ticker, what a reader of the night should know.

    """

    written: int = 0
    warnings: Mapping[str, str] = field(default_factory=dict)


def reactions_of(prices: pd.DataFrame, exchange: Exchange) -> Reactions:
    """How much one ticker moved and was traded.

    Parameters
    ----------
    prices
        Its columns session, adj_close and volume in the order of sessions.

    """
    days = prices["session"].to_numpy().astype("datetime64[D]")
    moves = absolute_moves(prices["adj_close"].to_numpy(dtype=np.float64))
    volume = prices["volume"].to_numpy(dtype=np.float64, na_value=np.nan)
    return Reactions(
        np.searchsorted(exchange.every_session, days), moves, volume_surprise(volume[np.newaxis])[0]
    )


class EventIngest:
    """One night's way of announcements into the warehouse.

    Parameters
    ----------
    listed
        By ticker, its exchange.
    log
        Receives one line for each source and each thing that went wrong.

    """

    def __init__(
        self,
        settings: Settings,
        warehouse: Warehouse,
        plan: Plan,
        listed: Mapping[str, Listing],
        log: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._warehouse = warehouse
        self._plan = plan
        fetched = set(plan.fetched)
        self._exchanges = {
            ticker: listing.exchange
            for ticker, listing in listed.items()
            if not listing.fault and ticker in fetched
        }
        self._as_of = {each: plan.market(each).as_of for each in set(self._exchanges.values())}
        self._log = log

    def run(self) -> IngestedEvents:
        """Ask for what is due and write what is new; done again, it adds nothing.

        A source that fails costs nothing but its news: the run goes on with what is stored.
        """
        sources, remarks = open_event_sources(self._settings)
        for remark in remarks:
            self._log(remark)
        if not sources:
            return IngestedEvents()
        with self._warehouse.keep_open():
            checked = last_event_checks(self._warehouse, self._exchanges)
            recent = self._stored(self._exchanges, self._plan.as_of - RECENT)
        answers = EventAnswers()
        for source in sources:
            self._ask(source, checked, recent, answers)
        with self._warehouse.keep_open():
            stored = self._stored(self._with_news(answers, checked, recent))
            fresh = self._fresh(answers, checked, stored)
            written = self._store(fresh, answers)
        self._log(
            f"{counted(written, 'notice')} of announcements written"
            + "".join(
                f", {counted(count, 'ticker')} asked of {name}" for name, count in answers.asked.items()
            )
        )
        return IngestedEvents(written, {**answers.warnings(), **self._moved(fresh, stored)})

    def _stored(self, tickers: Iterable[str], first: date = FIRST_KNOWN_DATE) -> dict[str, list[Notice]]:
        """By ticker, the notices that were known from a session on; an empty list where there are none."""
        found: dict[str, list[Notice]] = {ticker: [] for ticker in tickers}
        for notice in notices_from_table(read_events(self._warehouse, list(found), first=first)):
            found[notice.ticker].append(notice)
        return found

    def _with_news(
        self, answers: EventAnswers, checked: Checks, recent: Mapping[str, Sequence[Notice]]
    ) -> list[str]:
        """The tickers of which something may have become known; of most there is nothing on most nights."""
        found = []
        for ticker in dict.fromkeys(ticker for ticker, _ in answers.checks):
            said, notices = answers.announcements.get(ticker, []), recent[ticker]
            known = {(each.source, each.day, each.timing, each.status == "reported") for each in notices}
            exchange = self._exchanges[ticker]
            as_of = self._as_of[exchange]
            gone = {each.day for each in notices if each.status in AHEAD and each.day > as_of}
            if (
                any((ticker, each.source) not in checked for each in said)
                or any(self._is_news(each, known, exchange, as_of) for each in said)
                or (self._plan.recorded is None and gone - {each.day for each in said})
            ):
                found.append(ticker)
        return found

    def _is_news(
        self,
        said: Announcement,
        known: set[tuple[str, date, Timing, bool]],
        exchange: Exchange,
        as_of: date,
    ) -> bool:
        """Whether an announcement may be known by tonight in a way in which it is not stored."""
        over = said.day <= as_of
        timings = TIMINGS if said.timing == "unknown" else (said.timing,)
        if any((said.source, said.day, timing, over) in known for timing in timings):
            return False
        if self._plan.recorded is None or over or said.known_at:
            return True
        ahead = exchange.sessions(as_of, min(said.day, exchange.last_known))
        return len(ahead) - 1 <= self._settings.events.notice

    def _ask(
        self,
        source: EventSource,
        checked: Checks,
        stored: Mapping[str, Sequence[Notice]],
        answers: EventAnswers,
    ) -> None:
        requests = []
        for ticker, exchange in self._exchanges.items():
            through, content = checked.get((ticker, source.name), (None, ""))
            if self._is_due(source, ticker, exchange, through, stored):
                requests.append(EventRequest(ticker, exchange, through, content))
        if not requests:
            return
        if source.asks_by_ticker:
            answers.asked[source.name] = len(requests)
        try:
            for delivery in source.fetch(requests):
                answers.add(source.name, delivery)
                for remark in delivery.remarks:
                    self._log(remark)
        except StockjaxError as error:
            answers.failures.setdefault(source.name, {})[""] = str(error)
        except Exception as error:
            # Whatever a library stumbles over, the night goes on without this source.
            why = " ".join(f"{type(error).__name__}: {error}".split())[:120]
            answers.failures.setdefault(source.name, {})[""] = f"it failed ({why}); report this"

    def _is_due(
        self,
        source: EventSource,
        ticker: str,
        exchange: Exchange,
        checked: date | None,
        stored: Mapping[str, Sequence[Notice]],
    ) -> bool:
        as_of = self._as_of[exchange]
        if not source.asks_by_ticker:
            return checked is None or checked <= as_of
        notices = stored.get(ticker, ())
        return is_due(notices, checked, as_of, exchange, looks_ahead=source.looks_ahead)

    def _fresh(
        self,
        answers: EventAnswers,
        checked: Checks,
        stored: Mapping[str, Sequence[Notice]],
    ) -> list[Notice]:
        """The notices that are new, of tickers that have any; prices are read of those alone."""
        runs: list[tuple[str, list[Announcement], TickerNotices]] = []
        for ticker, notices in stored.items():
            said = answers.announcements.get(ticker, [])
            for kind in dict.fromkeys([*(one.kind for one in said), *(one.kind for one in notices)]):
                some = [each for each in said if each.kind == kind]
                run = self._run_of(ticker, kind, some, checked, notices)
                if any(draft.stored is None for draft in drafts(some, run)):
                    runs.append((ticker, some, run))
        moves = self._reactions({ticker for ticker, _, _ in runs})
        fresh: list[Notice] = []
        for ticker, some, run in runs:
            fresh += new_notices(some, run, moves.get(ticker, NO_REACTIONS))
        return fresh

    def _run_of(
        self,
        ticker: str,
        kind: str,
        said: Sequence[Announcement],
        checked: Checks,
        stored: Sequence[Notice],
    ) -> TickerNotices:
        plan, exchange = self._plan, self._exchanges[ticker]
        as_of = self._as_of[exchange]
        asked = [checked[ticker, name][0] for name in self._asked_sources(ticker, said, stored, checked)]
        return TickerNotices(
            exchange=exchange,
            notice=self._settings.events.notice,
            as_of=as_of,
            now=exchange.closes_at(as_of) if plan.recorded else plan.started_at,
            checked_through=max(asked, default=None),
            live=plan.recorded is None,
            stored=[notice for notice in stored if notice.kind == kind],
        )

    @staticmethod
    def _asked_sources(
        ticker: str, said: Sequence[Announcement], stored: Sequence[Notice], checked: Checks
    ) -> list[str]:
        """The sources that have answered of a ticker before, among those that say something of it."""
        named = {each.source for each in said} or {each.source for each in stored}
        return [name for name in sorted(named) if (ticker, name) in checked]

    def _reactions(self, tickers: set[str]) -> dict[str, Reactions]:
        """By ticker, how much it moved and was traded, up to the sessions that the run may use."""
        if not tickers:
            return {}
        found = {}
        table = stored_history(self._warehouse, tickers)
        for ticker, rows in table.groupby("ticker", sort=False):
            exchange = self._exchanges[str(ticker)]
            as_of = pd.Timestamp(self._as_of[exchange])
            known = rows[rows["session"] <= as_of]
            found[str(ticker)] = reactions_of(known, exchange)
        return found

    def _store(self, fresh: Sequence[Notice], answers: EventAnswers) -> int:
        checks = pd.DataFrame(list(dict.fromkeys(answers.checks)), columns=["ticker", "source"], dtype="str")
        days = [self._as_of[self._exchanges[ticker]] for ticker in checks["ticker"]]
        checks["content"] = [answers.content[source] for source in checks["source"]]
        checks["as_of"] = pd.to_datetime(pd.Series(days, dtype="object")).astype("datetime64[s]")
        return store_events(
            self._warehouse,
            notices_table(fresh),
            checks,
            run_id=self._plan.run_id,
            moment=datetime.now(UTC),
        )

    def _moved(self, fresh: Sequence[Notice], stored: Mapping[str, Sequence[Notice]]) -> dict[str, str]:
        """Dates that a source has moved although they were near."""
        named = [each for each in fresh if each.status in ("scheduled", "reported") and each.supersedes]
        before = {each.notice_id: each for notice in named for each in stored.get(notice.ticker, ())}
        found = {}
        for notice in named:
            earlier = before.get(str(notice.supersedes))
            exchange = self._exchanges[notice.ticker]
            as_of = self._as_of[exchange]
            if earlier is None or earlier.status != "scheduled" or earlier.day <= as_of:
                continue
            near = len(exchange.sessions(as_of, min(earlier.day, notice.day))) - 1
            if earlier.day != notice.day and near <= self._settings.events.notice:
                found[notice.ticker] = (
                    f"the announcement of {earlier.day} ({notice.kind}) was moved to {notice.day}, "
                    f"says {notice.source}"
                )
        return found
