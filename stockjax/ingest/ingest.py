"""Fetching what is missing, part by part, each part stored as it arrives."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from zlib import crc32

import numpy as np
import pandas as pd

from stockjax.errors import HistoryMismatchError, SourceError
from stockjax.forecasting.plan import Plan
from stockjax.ingest.continuity import Continuity, continuity
from stockjax.ingest.ingest_warnings import (
    newest_refused,
    of_another_calendar,
    sessions_unknown_to_calendars,
    unlike_their_past,
)
from stockjax.ingest.ingested import Ingested, with_part
from stockjax.ingest.listings import (
    Listing,
    calendar_faults,
    listings,
    with_usable_calendars,
    without_calendars,
)
from stockjax.ingest.stored_again import stored_again
from stockjax.quality import check
from stockjax.quality.quarantine import reject_all
from stockjax.sessions import Exchange
from stockjax.settings import Settings
from stockjax.sources import Delivery, Request, Source
from stockjax.warehouse import Warehouse
from stockjax.warehouse.prices import (
    newest_prices,
    prices_since_holes,
    store_prices,
    stored_history,
    stored_rows,
)
from stockjax.warehouse.records import read_listings
from stockjax.wording import together

PART_TICKERS = 250
"""Tickers whose prices are checked, compared and stored together."""
OVERLAP = 12
"""Stored sessions that are fetched again, to see whether the vendor has changed its mind."""
FULL_EVERY = 20
"""Sessions in which each ticker is fetched once with all its history."""
HOLES_SEEN = timedelta(days=30)
"""For so long a session that came without a price is asked for again."""
_CONTEXT = 30
_MOST_REMARKS = 20
# The one fault of a row that only the next row shows, when the row itself is stored already.
_DISPROVED = "impossible_spike"
_JUDGED = ["session", "close", "adj_close"]


class Ingest:
    """One night's way of prices into the warehouse.

    Parameters
    ----------
    log
        Receives one line for each part and each thing that went wrong.

    """

    def __init__(
        self, settings: Settings, warehouse: Warehouse, source: Source, plan: Plan, log: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._warehouse = warehouse
        self._source = source
        self._plan = plan
        self._log = log

    def run(self) -> Ingested:
        """Fetch, check and store what is missing; done again, it does only what is left.

        Raises
        ------
        InvalidDataError
            The source delivered a table of another shape than every source promises.

        """
        plan = self._plan
        with self._warehouse.keep_open():
            by_vendor = read_listings(self._warehouse, plan.fetched)
            known = newest_prices(self._warehouse, plan.fetched, _CONTEXT)
            rows_of = {str(ticker): rows for ticker, rows in known.groupby("ticker", sort=False)}
            overlaps = self._overlaps(rows_of)
        listed = self._usable(listings(plan.fetched, self._settings, by_vendor))
        done = Ingested(listed, calendar_faults(listed))
        wanted = self._requests(done.listings, overlaps)
        done = replace(done, skipped=len(plan.fetched) - len(done.failures) - len(wanted))
        last = self._last(done.listings.values())
        arrived = 0
        delivered = self._source.fetch(wanted, last) if wanted else ()
        for delivery in (part for whole in delivered for part in in_parts(whole, PART_TICKERS)):
            with self._warehouse.keep_open():
                done = self._store(delivery, done, known)
            self._warehouse.publish_if_cheap()
            self._log_remarks(delivery.remarks)
            arrived += len((_tickers(delivery) | set(delivery.failures)) & set(done.listings))
            failed = len(set(done.failures) & set(done.listings))
            self._log(
                f"{arrived} of {len(wanted)} tickers asked for, {failed} failed, {done.stored} rows stored"
            )
        for sentence in together(done.failures):
            self._log(sentence)
        return done

    def _log_remarks(self, remarks: Sequence[str]) -> None:
        for remark in remarks[:_MOST_REMARKS]:
            self._log(remark)
        if len(remarks) > _MOST_REMARKS:
            self._log(f"and {len(remarks) - _MOST_REMARKS} more remarks; stockjax check shows all of them")

    def _last(self, listed: Collection[Listing]) -> date:
        """The newest session of any exchange that may be stored."""
        plan = self._plan
        last = max(plan.market(each).as_of for each in {listing.exchange for listing in listed})
        live = plan.recorded is None and plan.asked is None
        if live and any(listing.exchange_source == "default" for listing in listed):
            # Where such a ticker trades is learnt only now, and the session there may be over.
            last = max(last, plan.started_at.date())
        return last

    def _overlaps(self, rows_of: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
        """The stored rows that are asked for again: the newest ones, and those since a hole."""
        overlaps = {ticker: rows.tail(OVERLAP) for ticker, rows in rows_of.items()}
        if self._plan.recorded is None:
            since = self._plan.started_at - HOLES_SEEN
            holes = prices_since_holes(self._warehouse, rows_of, self._plan.source, since)
            for ticker, rows in holes.groupby("ticker", sort=False):
                if len(rows) > OVERLAP:
                    overlaps[str(ticker)] = rows
        return overlaps

    def _requests(self, listed: Mapping[str, Listing], overlaps: Mapping[str, pd.DataFrame]) -> list[Request]:
        """What is to be asked: of a live source only tickers that lack their last session.

        A run of the past asks for nothing of a ticker that has later prices: what was known then is stored.
        """
        wanted = []
        newest = {each: self._plan.market(each).as_of for each in {x.exchange for x in listed.values()}}
        for ticker, listing in listed.items():
            if listing.fault:
                continue
            rows = overlaps.get(ticker)
            if rows is None:
                wanted.append(Request(ticker, listing.exchange))
                continue
            stored_last, as_of = rows["session"].iloc[-1].date(), newest[listing.exchange]
            if stored_last < as_of or (self._plan.recorded and stored_last == as_of):
                turn = self._plan.recorded is None and is_fetched_in_full(ticker, listing.exchange, as_of)
                whole = turn or ticker in self._settings.history.accept
                wanted.append(Request(ticker, listing.exchange, None if whole else rows))
        return wanted

    def _store(self, delivery: Delivery, done: Ingested, known: pd.DataFrame) -> Ingested:
        """One part: into `prices`, `price_revisions` and `quarantine`, in one transaction."""
        by_vendor = {t: x.code for t, x in done.listings.items() if x.exchange_source == "vendor"}
        listed = self._usable(listings(done.listings, self._settings, {**by_vendor, **delivery.exchanges}))
        zones = {**done.zones, **delivery.zones}
        listed = without_calendars(listed, zones, self._plan.source)
        faults = calendar_faults(listed)
        delivery = replace(delivery, prices=delivery.prices[~delivery.prices["ticker"].isin(faults)])
        read = len(delivery.prices)
        stored_tickers = set(known["ticker"])
        delivery, again = self._news_of(delivery, stored_tickers)
        verdicts = self._continuity(delivery, stored_tickers - again)
        broken = {ticker: verdict for ticker, verdict in verdicts.items() if verdict.fault}
        refused = delivery.prices["ticker"].isin(broken)
        exchanges = {ticker: listing.exchange for ticker, listing in listed.items()}
        checked = check(
            delivery.prices[~refused].reset_index(drop=True),
            exchanges,
            self._closed(exchanges.values()),
            known[known["ticker"].isin(_tickers(delivery))],
        )
        rest = [
            reject_all(rows, str(verdicts[str(ticker)].fault))
            for ticker, rows in delivery.prices[refused].groupby("ticker")
        ]
        tables = [self._news(checked.quarantined, delivery), *rest]
        quarantined = pd.concat(tables, ignore_index=True)
        stored = store_prices(
            self._warehouse,
            checked.accepted,
            quarantined,
            source=self._plan.source,
            run_id=self._plan.run_id,
            known_from=self._plan.as_of,
            replaced_tickers=[ticker for ticker, verdict in verdicts.items() if verdict.replaces_all],
            disproved=checked.quarantined[checked.quarantined["reason"] == _DISPROVED],
            disproved_at_once=checked.disproved,
            exchanges=delivery.exchanges,
            recycled=[t for t in self._settings.history.accept if t in _tickers(delivery)],
        )
        tonight = {each: self._plan.market(each).as_of for each in set(exchanges.values())}
        as_of = {ticker: tonight[exchanges[ticker]] for ticker in _tickers(delivery)}
        failures: dict[str, SourceError] = {
            **newest_refused(checked.quarantined, as_of),
            **{ticker: HistoryMismatchError(verdict.message) for ticker, verdict in broken.items()},
        }
        warned = {
            **of_another_calendar(delivery.prices, checked.quarantined, listed),
            **sessions_unknown_to_calendars(delivery.prices, checked.quarantined, listed),
            **unlike_their_past(checked.quarantined, known),
        }
        return with_part(
            replace(done, listings=listed, zones=zones, warnings={**done.warnings, **warned}),
            read,
            stored,
            quarantined,
            {**delivery.failures, **failures, **faults},
        )

    def _usable(self, listed: Mapping[str, Listing]) -> dict[str, Listing]:
        return with_usable_calendars(listed, self._plan.market)

    def _news_of(self, delivery: Delivery, stored_tickers: set[str]) -> tuple[Delivery, set[str]]:
        """Without the rows that come again as they are stored, and the tickers that bring all of theirs."""
        rows = delivery.prices["ticker"].value_counts()
        # Of the increments of a live source nothing could be left out, and all history would be read.
        asked = sorted(
            (set(rows.index[rows > _CONTEXT]) & stored_tickers) - set(self._settings.history.accept)
        )
        if not asked:
            return delivery, set()
        stored = stored_rows(self._warehouse, asked)
        nothing_new, again = stored_again(delivery.prices, asked, stored, _CONTEXT)
        prices = delivery.prices[~nothing_new].reset_index(drop=True)
        return replace(delivery, prices=prices), again

    def _news(self, quarantined: pd.DataFrame, delivery: Delivery) -> pd.DataFrame:
        """Without gaps before rows that are stored: what fills them may be stored as well."""
        gaps = quarantined["reason"] == "missing_sessions"
        if self._plan.recorded is None or not gaps.any():
            return quarantined
        stored = stored_history(self._warehouse, set(quarantined.loc[gaps, "ticker"]))
        places = pd.MultiIndex.from_frame(quarantined[["ticker", "session"]])
        known = places.isin(pd.MultiIndex.from_frame(stored[["ticker", "session"]]))
        return quarantined[~(gaps & known)]

    def _continuity(self, delivery: Delivery, stored_tickers: set[str]) -> dict[str, Continuity]:
        """What each delivery means for a history that is stored; nothing where it is an increment."""
        recorded = self._plan.recorded is not None
        judged = [
            ticker
            for ticker in _tickers(delivery) & stored_tickers
            if (recorded or ticker in delivery.full_history) and ticker not in self._settings.history.accept
        ]
        if not judged:
            return {}
        stored = stored_history(self._warehouse, judged)
        stored_rows = stored.groupby("ticker").indices
        delivered_rows = delivery.prices.groupby("ticker").indices
        # Narrowed once: each of a thousand tickers would copy the whole table.
        before, after = stored[_JUDGED], delivery.prices[_JUDGED]
        return {
            str(ticker): continuity(
                str(ticker),
                before.take(np.asarray(rows)),
                after.take(np.asarray(delivered_rows[ticker])),
                full_history=ticker in delivery.full_history,
            )
            for ticker, rows in stored_rows.items()
        }

    def _closed(self, exchanges: Iterable[Exchange]) -> dict[str, date]:
        """The last session of each exchange that has closed at the source's "now"."""
        plan = self._plan
        return {
            each.code: plan.market(each).as_of
            if plan.recorded
            else each.last_completed_session(plan.settled_at)
            for each in set(exchanges)
        }


def in_parts(delivery: Delivery, tickers: int) -> Iterator[Delivery]:
    """A delivery in parts of so many tickers: checks and comparisons take many times the memory of the rows.

    What it says of files and failures goes with the first part.
    """
    numbers, names = pd.factorize(delivery.prices["ticker"])
    if len(names) <= tickers:
        yield delivery
        return
    # Rows without a ticker have the number -1.
    part_of = np.maximum(numbers, 0) // tickers
    for number in range(int(part_of.max()) + 1):
        prices = delivery.prices[part_of == number].reset_index(drop=True)
        part = replace(delivery, prices=prices)
        yield part if number == 0 else replace(part, failures={}, remarks=())


def is_fetched_in_full(ticker: str, exchange: Exchange, as_of: date) -> bool:
    """Whether it is the session of twenty in which a ticker is fetched with all its history.

    A change before the overlap is found then, at no more requests than for the newest prices.
    """
    number = int(exchange.every_session.searchsorted(np.datetime64(as_of, "D")))
    return (number + crc32(ticker.encode())) % FULL_EVERY == 0


def _tickers(delivery: Delivery) -> set[str]:
    """The tickers that it has rows of."""
    return set(delivery.prices["ticker"].dropna().unique())
