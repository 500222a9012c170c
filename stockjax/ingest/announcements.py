"""Asking sources for announcements, and writing what became known of them."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd

from stockjax.errors import StockjaxError
from stockjax.events import Announcement, Notice, Reactions, TickerNotices, new_notices, notices_table
from stockjax.events.drafts import drafts
from stockjax.events.notice import notices_from_table
from stockjax.events.reaction import NO_REACTIONS
from stockjax.events.schedule import is_due
from stockjax.features.volatility import absolute_moves
from stockjax.forecasting.plan import Plan
from stockjax.ingest.listings import Listing
from stockjax.sessions import Exchange
from stockjax.settings import Settings
from stockjax.sources.events import EventDelivery, EventRequest, EventSource, open_event_sources
from stockjax.warehouse import Warehouse
from stockjax.warehouse.event_tables import last_event_checks, read_events, store_events
from stockjax.warehouse.prices import stored_history
from stockjax.wording import counted

_MOST_FAILURES = 3


@dataclass(frozen=True)
class IngestedEvents:
    """What came of asking.

    Attributes
    ----------
    written
        New notices.
    asked
        Tickers that were asked of each source.
    warnings
        By source or ticker, what a reader of the night should know.

    """

    written: int = 0
    asked: Mapping[str, int] = field(default_factory=dict)
    warnings: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _Answers:
    """What the sources of a run have said."""

    announcements: dict[str, list[Announcement]] = field(default_factory=lambda: defaultdict(list))
    checks: list[tuple[str, str]] = field(default_factory=list)
    failures: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)

    def add(self, source: str, delivery: EventDelivery) -> None:
        for said in delivery.announcements:
            self.announcements[said.ticker].append(said)
        self.checks += [(ticker, source) for ticker in delivery.answered]
        for ticker, error in delivery.failures.items():
            self.failures.setdefault(source, {})[ticker] = str(error)


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
        self._exchanges = {
            ticker: listing.exchange
            for ticker, listing in listed.items()
            if not listing.fault and ticker in set(plan.fetched)
        }
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
        checked = last_event_checks(self._warehouse, self._exchanges)
        stored = self._stored(self._exchanges)
        answers = _Answers()
        for source in sources:
            self._ask(source, checked, stored, answers)
        fresh = self._fresh(answers, checked, stored)
        written = self._store(fresh, answers)
        self._log(
            f"{counted(written, 'notice')} of announcements written"
            + "".join(
                f", {counted(count, 'ticker')} asked of {name}" for name, count in answers.asked.items()
            )
        )
        return IngestedEvents(written, answers.asked, {**_failed(answers), **self._moved(fresh, stored)})

    def _stored(self, tickers: Iterable[str]) -> dict[str, list[Notice]]:
        found: dict[str, list[Notice]] = defaultdict(list)
        for notice in notices_from_table(read_events(self._warehouse, tickers)):
            found[notice.ticker].append(notice)
        return found

    def _ask(
        self,
        source: EventSource,
        checked: Mapping[tuple[str, str], date],
        stored: Mapping[str, Sequence[Notice]],
        answers: _Answers,
    ) -> None:
        requests = [
            EventRequest(ticker, exchange, checked.get((ticker, source.name)))
            for ticker, exchange in self._exchanges.items()
            if self._is_due(source, ticker, exchange, checked.get((ticker, source.name)), stored)
        ]
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
        as_of = self._plan.market(exchange).as_of
        if not source.asks_by_ticker:
            return checked is None or checked <= as_of
        notices = stored.get(ticker, ())
        return is_due(notices, checked, as_of, exchange, looks_ahead=source.looks_ahead)

    def _fresh(
        self,
        answers: _Answers,
        checked: Mapping[tuple[str, str], date],
        stored: Mapping[str, Sequence[Notice]],
    ) -> list[Notice]:
        """The notices that are new, of tickers that have any; prices are read of those alone."""
        runs: list[tuple[list[Announcement], TickerNotices]] = []
        for ticker, said in answers.announcements.items():
            for kind in dict.fromkeys(each.kind for each in said):
                some = [each for each in said if each.kind == kind]
                run = self._run_of(ticker, kind, some, checked, stored.get(ticker, ()))
                if any(draft.stored is None for draft in drafts(some, run)):
                    runs.append((some, run))
        moves = self._reactions({some[0].ticker for some, _ in runs})
        fresh: list[Notice] = []
        for some, run in runs:
            fresh += new_notices(some, run, moves.get(some[0].ticker, NO_REACTIONS))
        return fresh

    def _run_of(
        self,
        ticker: str,
        kind: str,
        said: Sequence[Announcement],
        checked: Mapping[tuple[str, str], date],
        stored: Sequence[Notice],
    ) -> TickerNotices:
        plan, exchange = self._plan, self._exchanges[ticker]
        as_of = plan.market(exchange).as_of
        asked = [checked[ticker, each.source] for each in said if (ticker, each.source) in checked]
        return TickerNotices(
            exchange=exchange,
            notice=self._settings.events.notice,
            as_of=as_of,
            now=exchange.closes_at(as_of) if plan.recorded else plan.started_at,
            checked_through=max(asked, default=None),
            live=plan.recorded is None,
            stored=[notice for notice in stored if notice.kind == kind],
        )

    def _reactions(self, tickers: set[str]) -> dict[str, Reactions]:
        """By ticker, its absolute returns, up to the sessions that the run may use."""
        if not tickers:
            return {}
        found = {}
        table = stored_history(self._warehouse, tickers)
        for ticker, rows in table.groupby("ticker", sort=False):
            exchange = self._exchanges[str(ticker)]
            as_of = pd.Timestamp(self._plan.market(exchange).as_of)
            known = rows[rows["session"] <= as_of]
            days = known["session"].to_numpy().astype("datetime64[D]")
            found[str(ticker)] = Reactions(
                np.searchsorted(exchange.every_session, days),
                absolute_moves(known["adj_close"].to_numpy(dtype=np.float64)),
            )
        return found

    def _store(self, fresh: Sequence[Notice], answers: _Answers) -> int:
        checks = pd.DataFrame(list(dict.fromkeys(answers.checks)), columns=["ticker", "source"], dtype="str")
        days = [self._plan.market(self._exchanges[ticker]).as_of for ticker in checks["ticker"]]
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
        found = {}
        for notice in fresh:
            known = {each.notice_id: each for each in (*stored.get(notice.ticker, ()), *fresh)}
            before = known.get(notice.supersedes or "")
            as_of = self._plan.market(self._exchanges[notice.ticker]).as_of
            if before is None or before.day == notice.day or notice.known_from < as_of:
                continue
            if before.status != "scheduled" or before.day <= as_of:
                continue
            near = self._exchanges[notice.ticker].sessions(as_of, min(before.day, notice.day))
            if len(near) - 1 <= self._settings.events.notice:
                found[notice.ticker] = (
                    f"the announcement of {before.day} ({notice.kind}) was moved to {notice.day}, "
                    f"says {notice.source}"
                )
        return found


def _failed(answers: _Answers) -> dict[str, str]:
    """One sentence for each source that has not answered for all tickers."""
    found = {}
    for source, failures in answers.failures.items():
        by_reason: dict[str, list[str]] = defaultdict(list)
        for ticker, why in failures.items():
            by_reason[why].append(ticker)
        parts = []
        for why, tickers in list(by_reason.items())[:_MOST_FAILURES]:
            named = ", ".join(tickers[:_MOST_FAILURES]) + (", …" if len(tickers) > _MOST_FAILURES else "")
            parts.append(f"{why} ({named})" if named else why)
        found[f"announcements from {source}"] = "; ".join(parts)
    return found
