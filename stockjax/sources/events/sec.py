"""The source `sec`: results of operations in EDGAR, form 8-K with item 2.02."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from stockjax.errors import (
    ConnectionFailedError,
    InvalidDataError,
    RateLimitedError,
    SourceError,
    SourceTimeoutError,
    SourceUnavailableError,
    TruncatedResponseError,
    UnknownTickerError,
)
from stockjax.events import Announcement
from stockjax.events.announcement import timing_of
from stockjax.settings import EventsSettings
from stockjax.sources.events.event_protocol import EventDelivery, EventRequest
from stockjax.sources.rate_limit import RateLimiter, ask_again

REQUESTS_PER_SECOND = 10
"""What EDGAR allows (SEC, Accessing EDGAR Data)."""

_FORM, _ITEM = "8-K", "2.02"
# Before August 2004 the same item was the twelfth.
_OLD_ITEM, _NEW_ITEMS_FROM = "12", date(2004, 8, 23)
_ZONE = ZoneInfo("America/New_York")
_RETRIES, _FIRST_WAIT = 2, 0.5
_PAGE = re.compile(r"CIK\d{10}-submissions-\d{3,4}\.json")
_MOST_BYTES = 64 * 2**20
# EDGAR dates what it accepts after 17:30 with the next business day.
_LONGEST_DELAY = timedelta(days=5)


class SecFilings:
    """The moments at which EDGAR accepted a company's announcements of results."""

    name = "sec"
    asks_by_ticker = True
    looks_ahead = False

    def __init__(self, settings: EventsSettings) -> None:
        self._settings = settings
        self._limiter = RateLimiter(REQUESTS_PER_SECOND, settings.pause, settings.pause_budget)
        self._companies: Mapping[str, int] | None = None
        self._unreachable: SourceError | None = None

    def fetch(self, requests: Iterable[EventRequest]) -> Iterator[EventDelivery]:
        """Ask for one company after the other; two tickers of one company have the same announcements."""
        headers = {"User-Agent": f"stockjax {self._settings.contact}", "Accept-Encoding": "gzip"}
        with httpx.Client(headers=headers, timeout=self._settings.timeout, follow_redirects=False) as client:
            for request in requests:
                try:
                    said, remarks = self._announcements(client, request)
                except SourceError as error:
                    yield EventDelivery((), frozenset(), {request.ticker: error})
                else:
                    yield EventDelivery(said, frozenset({request.ticker}), remarks=remarks)

    def _announcements(
        self, client: httpx.Client, request: EventRequest
    ) -> tuple[tuple[Announcement, ...], tuple[str, ...]]:
        number = self._company(client, request.ticker)
        if number is None:
            return (), ()
        data = self._settings.sec_data_url
        document = self._document(client, f"{data}/submissions/CIK{number:010d}.json")
        filings = document.get("filings") if isinstance(document, dict) else None
        if not isinstance(filings, dict) or not isinstance(filings.get("recent"), dict):
            raise InvalidDataError(f"EDGAR's answer about '{request.ticker}' is JSON of another kind")
        tables = [filings["recent"]]
        for page in filings.get("files") or ():
            name = str(page.get("name", "")) if isinstance(page, dict) else ""
            if request.known_through is None and _PAGE.fullmatch(name):
                tables.append(self._document(client, f"{data}/submissions/{name}"))
        found, odd = [], 0
        for table in tables:
            for filing in _rows(table, request.ticker):
                said = _announcement(filing, request)
                odd += said is None
                if said:
                    found.append(said)
        remarks = (
            (f"EDGAR: {odd} filings of '{request.ticker}' have no date and are left out",) if odd else ()
        )
        return tuple(found), remarks

    def _company(self, client: httpx.Client, ticker: str) -> int | None:
        """The number of a ticker's company; None where EDGAR has none, as for shares of other countries."""
        if self._unreachable:
            raise self._unreachable
        if self._companies is None:
            try:
                listed = self._document(client, f"{self._settings.sec_url}/files/company_tickers.json")
                self._companies = _companies(listed)
            except SourceError as error:
                # Without the list no ticker can be asked: said once for each, asked once for all.
                self._unreachable = error
                raise
        plain = ticker.upper().replace(".", "-")
        return self._companies.get(plain)

    def _document(self, client: httpx.Client, url: str) -> Any:
        """One answer of EDGAR, again where that may help.

        Raises
        ------
        SourceError
            What was wrong with the last answer.

        """

        def ask() -> Any:
            turn = self._limiter.acquire()
            try:
                return _parsed(_asked(client, url))
            except RateLimitedError:
                self._limiter.pause(turn)
                raise

        return ask_again(self._limiter, ask, _RETRIES, _FIRST_WAIT)


def _asked(client: httpx.Client, url: str) -> httpx.Response:
    try:
        with client.stream("GET", url) as answer:
            body = b""
            for part in answer.iter_bytes():
                body += part
                if len(body) > _MOST_BYTES:
                    raise InvalidDataError("EDGAR's answer is longer than 64 MB")
            return httpx.Response(answer.status_code, content=body)
    except httpx.TimeoutException as error:
        raise SourceTimeoutError("EDGAR did not answer in time; run again later") from error
    except httpx.ConnectError as error:
        raise ConnectionFailedError("there is no connection to EDGAR; check it and run again") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SourceUnavailableError(f"the connection to EDGAR failed ({error})") from error


def _parsed(answer: httpx.Response) -> Any:
    status = answer.status_code
    if status == 403:
        raise InvalidDataError(
            "EDGAR refuses the requests (HTTP 403); it wants an e-mail address in events.contact"
        )
    if status == 404:
        raise UnknownTickerError("EDGAR has no filings of this company (HTTP 404)")
    if status == 429:
        raise RateLimitedError("EDGAR asked us to slow down (HTTP 429); run again later")
    if status >= 500:
        raise SourceUnavailableError(f"EDGAR answered HTTP {status}; run again later")
    if status != 200:
        raise InvalidDataError(f"EDGAR refused the request (HTTP {status})")
    try:
        return json.loads(answer.content)
    except ValueError as error:
        start = " ".join(answer.text[:40].split())
        raise TruncatedResponseError(f"EDGAR's answer is no JSON ('{start}'); run again later") from error


def _companies(listed: Any) -> Mapping[str, int]:
    rows = listed.values() if isinstance(listed, dict) else ()
    found = {
        str(row["ticker"]).upper(): int(row["cik_str"])
        for row in rows
        if isinstance(row, dict) and str(row.get("cik_str", "")).isdigit() and row.get("ticker")
    }
    if not found:
        raise InvalidDataError("EDGAR's list of companies is JSON of another kind")
    return found


def _rows(table: Any, ticker: str) -> Iterator[dict[str, str]]:
    """The filings of results among parallel arrays; amendments (8-K/A) announce nothing new."""
    names = ("form", "items", "filingDate", "acceptanceDateTime")
    given = [table.get(name) for name in names] if isinstance(table, dict) else []
    columns = [column for column in given if isinstance(column, list)]
    if len(columns) != len(names):
        raise InvalidDataError(f"EDGAR's list of filings of '{ticker}' is JSON of another kind")
    if len({len(column) for column in columns}) > 1:
        raise TruncatedResponseError(f"EDGAR's list of filings of '{ticker}' is cut off")
    for values in zip(*columns, strict=True):
        filing = dict(zip(names, map(str, values), strict=True))
        items = {item.strip() for item in filing["items"].split(",")}
        old = filing["filingDate"] < _NEW_ITEMS_FROM.isoformat() and _OLD_ITEM in items
        if filing["form"] == _FORM and (_ITEM in items or old):
            yield filing


def _announcement(filing: Mapping[str, str], request: EventRequest) -> Announcement | None:
    """One filing; by the day that EDGAR writes where the moment of acceptance cannot be right."""
    try:
        filed = date.fromisoformat(filing["filingDate"])
    except ValueError:
        return None
    accepted = _accepted(filing["acceptanceDateTime"])
    local = accepted.astimezone(ZoneInfo(request.exchange.time_zone)) if accepted else None
    in_new_york = accepted.astimezone(_ZONE) if accepted else None
    if (
        local is None
        or in_new_york is None
        or in_new_york.time() == time(0, 0)
        or not filed - _LONGEST_DELAY <= in_new_york.date() <= filed
    ):
        return Announcement(request.ticker, filed, "sec")
    day, clock = local.date(), local.time().replace(microsecond=0, tzinfo=None)
    return Announcement(
        request.ticker, day, "sec", timing=timing_of(day, clock, request.exchange), released_at=accepted
    )


def _accepted(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
