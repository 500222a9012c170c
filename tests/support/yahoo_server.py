"""A server on this machine that answers as Yahoo Finance's chart interface does, faults included.

Everything that it says comes from `Listing`s, so a test knows what the vendor knew and when:

    with YahooServer({"AAPL": made_up_listing(1, date(2020, 1, 2), date(2020, 12, 31))}) as yahoo:
        yahoo.set_today(date(2020, 6, 1))
        yahoo.faults("AAPL", as_usual(), status(503), forever(hang(30)))
        ...                           # fetch from yahoo.base_url
        assert yahoo.chart_requests("AAPL") == 3
"""

import json
import socket
import socketserver
import struct
import sys
import threading
import time as clock
import zlib
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockjax.sessions import exchange

CHART = "/v8/finance/chart/"
CRUMB = "/v1/test/getcrumb"
PRICES = ("open", "high", "low", "close")
RANGES = ("1d", "5d", "1mo", "3mo", "6mo", "1y", "2y", "5y", "10y", "ytd", "max")
MEANWHILE = timedelta(minutes=90, seconds=3)

JSON, HTML, TEXT = "application/json;charset=utf-8", "text/html;charset=utf-8", "text/plain;charset=utf-8"

Floats = npt.NDArray[np.float64]
Days = npt.NDArray[np.datetime64]
Moments = npt.NDArray[np.int64]


@dataclass
class Listing:
    """One ticker as the vendor knows it; tests change it between two nights.

    Parameters
    ----------
    prices:
        Columns session (datetime64, ascending), open, high, low, close and volume, all as traded on
        the day: no split adjusted them.
    splits:
        Ex-date to ratio: 2.0 is 2:1.
    dividends:
        Ex-date to cash per share, in shares of that day.
    kind:
        What Yahoo calls the instrument type.
    opening:
        The local time that a finished bar's timestamp shows.
    last:
        The vendor knows nothing after this session; None: all of it. When `prices` has rows and all
        are later, the ticker is not listed yet: the vendor says it does not know it.
    unfinished:
        A bar that is still moving: open, high, low, close, volume, its `session` (a date) and, if it
        matters, its `time` (a local time, else 90 minutes and 3 seconds after the opening). It is left
        out as soon as `last` reaches its session: the finished bar of `prices` stands there then.
        While it is shown, splits and dividends up to its session are known.
    closing:
        The local time at which a session ends, in the answer's meta only.

    """

    prices: pd.DataFrame
    splits: dict[date, float] = field(default_factory=dict)
    dividends: dict[date, float] = field(default_factory=dict)
    exchange_name: str = "NMS"
    full_exchange_name: str = "NasdaqGS"
    time_zone: str = "America/New_York"
    currency: str = "USD"
    kind: str = "EQUITY"
    opening: time = time(9, 30)
    last: date | None = None
    unfinished: dict[str, Any] | None = None
    closing: time = time(16)


DETAILS_OF_EXCHANGES: dict[str, dict[str, Any]] = {
    "XNYS": {},
    "XNAS": {},
    "XTKS": {
        "exchange_name": "JPX",
        "full_exchange_name": "Tokyo",
        "time_zone": "Asia/Tokyo",
        "currency": "JPY",
        "opening": time(9),
        "closing": time(15, 30),
    },
    "XLON": {
        "exchange_name": "LSE",
        "full_exchange_name": "LSE",
        "time_zone": "Europe/London",
        "currency": "GBp",
        "opening": time(8),
        "closing": time(16, 30),
    },
    "24/7": {
        "exchange_name": "CCC",
        "full_exchange_name": "CCC",
        "time_zone": "UTC",
        "kind": "CRYPTOCURRENCY",
        "opening": time(0),
        "closing": time(23, 59),
    },
}


def made_up_listing(
    seed: int, first: date, last: date, exchange_code: str = "XNYS", **details: Any
) -> Listing:
    """A plausible random walk on the sessions of an exchange, with neither splits nor dividends.

    `details` are fields of the `Listing`; those of a few exchanges are known (`DETAILS_OF_EXCHANGES`),
    every other one needs at least its `time_zone`.
    """
    if exchange_code not in DETAILS_OF_EXCHANGES and "time_zone" not in details:
        raise ValueError(f"say in which time zone {exchange_code} trades")
    days = exchange(exchange_code).sessions(first, last)
    random = np.random.default_rng(seed)
    size = len(days)
    volatility = 0.013 * np.exp(0.4 * np.sin(np.arange(size) / 40.0 + seed))
    close = random.uniform(20, 200) * np.exp(np.cumsum(volatility * random.normal(0.02, 1.0, size)))
    opened = np.concatenate([close[:1], close[:-1]]) * np.exp(0.4 * volatility * random.normal(size=size))
    high = np.maximum(opened, close) * np.exp(0.6 * volatility * random.random(size))
    low = np.minimum(opened, close) * np.exp(-0.6 * volatility * random.random(size))
    columns: dict[str, Any] = {"session": days.astype("datetime64[s]")}
    for name, values in zip(PRICES, (opened, high, low, close), strict=True):
        columns[name] = np.round(values, 4)
    columns["volume"] = np.round(2e6 * np.exp(0.5 * random.normal(size=size))).astype(np.int64)
    known = DETAILS_OF_EXCHANGES.get(exchange_code, {})
    return Listing(pd.DataFrame(columns), **{**known, **details})


@dataclass(frozen=True)
class Answer:
    """What goes back over the wire."""

    body: bytes
    content_type: str = JSON
    code: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    held_for: float = 0.0
    breaks_off: bool = False


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one chart answer; `forever` repeats it from then on."""

    name: str
    spoil: Callable[[Answer], Answer]
    forever: bool = False


def forever(fault: Fault) -> Fault:
    """The same fault for every request from then on; only the last of several faults can be that."""
    return replace(fault, forever=True)


def as_usual() -> Fault:
    """Nothing goes wrong: a place in the row of faults for a request that succeeds."""
    return Fault("as usual", lambda answer: answer)


def status(code: int, body: str | None = None) -> Fault:
    """That HTTP status; without `body`, the text that Yahoo sends with it."""
    text = body if body is not None else STATUS_BODIES.get(code, "")
    return Fault(f"status {code}", lambda answer: replace(answer, code=code, **_content(text)))


def hang(seconds: float) -> Fault:
    """The right answer, that long afterwards; no answer if the server closes before."""
    return Fault(f"hang {seconds} s", lambda answer: replace(answer, held_for=seconds))


def reset() -> Fault:
    """The connection is reset in the middle of the answer.

    A part of the answer comes first on purpose: curl asks again, unseen by anyone, when a connection
    that it had used before breaks without a word.
    """
    return Fault("reset", lambda answer: replace(answer, breaks_off=True))


def empty_body() -> Fault:
    """Status 200 and nothing else."""
    return Fault("empty body", lambda answer: replace(answer, body=b"", code=200))


def html() -> Fault:
    """Status 200 and a page for people."""
    page = "<!DOCTYPE html><html><head><title>Yahoo</title></head><body>Please agree.</body></html>"
    return Fault("html", lambda answer: replace(answer, code=200, **_content(page)))


def will_be_right_back() -> Fault:
    """Status 200 and the sentence that Yahoo shows while it is down."""
    return Fault(
        "will be right back", lambda answer: replace(answer, code=200, **_content("Will be right back"))
    )


def truncated_json() -> Fault:
    """The first half of the JSON text, with headers that match it."""
    return Fault("truncated json", lambda answer: replace(answer, body=answer.body[: len(answer.body) // 2]))


def no_result() -> Fault:
    """Status 200 and an empty list of results."""
    body = b'{"chart":{"result":[],"error":null}}'
    return Fault("no result", lambda answer: replace(answer, code=200, body=body, content_type=JSON))


def missing_meta() -> Fault:
    """The meta does not say in which time zone the exchange is."""

    def change(result: dict[str, Any]) -> None:
        result["meta"].pop("exchangeTimezoneName")

    return _rewriting("missing meta", change)


def wrong_types() -> Fault:
    """All closes are words."""

    def change(result: dict[str, Any]) -> None:
        result["indicators"]["quote"][0]["close"] = ["plenty"] * len(result["timestamp"])

    return _rewriting("wrong types", change)


def nulls() -> Fault:
    """The middle bar is null in all arrays."""

    def change(result: dict[str, Any]) -> None:
        for values in _arrays(result).values():
            values[len(values) // 2] = None

    return _rewriting("nulls", change)


def null_closes() -> Fault:
    """The middle bar has no close; everything else of it is there, the adjusted close too."""

    def change(result: dict[str, Any]) -> None:
        closes = result["indicators"]["quote"][0]["close"]
        closes[len(closes) // 2] = None

    return _rewriting("null closes", change)


def unequal_lengths() -> Fault:
    """One close too few."""

    def change(result: dict[str, Any]) -> None:
        result["indicators"]["quote"][0]["close"].pop()

    return _rewriting("unequal lengths", change)


def duplicate_timestamps() -> Fault:
    """The middle bar comes twice, the second time with closes 1 % higher."""

    def change(result: dict[str, Any]) -> None:
        moments = result["timestamp"]
        middle = len(moments) // 2
        moments.insert(middle, moments[middle])
        for name, values in _arrays(result).items():
            other = values[middle] * 1.01 if name in {"close", "adjclose"} else values[middle]
            values.insert(middle + 1, other)

    return _rewriting("duplicate timestamps", change)


def _rewriting(name: str, change: Callable[[dict[str, Any]], None]) -> Fault:
    def spoil(answer: Answer) -> Answer:
        document = json.loads(answer.body)
        results = document["chart"]["result"]
        # An answer without bars has nothing of this kind to spoil.
        if not results or "timestamp" not in results[0]:
            return answer
        change(results[0])
        return replace(answer, body=_dumped(document))

    return Fault(name, spoil)


def _arrays(result: dict[str, Any]) -> dict[str, list[Any]]:
    return {**result["indicators"]["quote"][0], **result["indicators"]["adjclose"][0]}


def _content(text: str) -> dict[str, Any]:
    kind = {"{": JSON, "<": HTML}.get(text[:1], TEXT)
    return {"body": text.encode(), "content_type": kind}


def _dumped(value: Any) -> bytes:
    # Yahoo's JSON has no numbers that JSON does not know.
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def _error(code: str, description: str) -> bytes:
    return _dumped({"chart": {"result": None, "error": {"code": code, "description": description}}})


NOT_FOUND = _error("Not Found", "No data found, symbol may be delisted")
INVALID_CRUMB = {
    "finance": {"result": None, "error": {"code": "Unauthorized", "description": "Invalid Crumb"}}
}
STATUS_BODIES = {
    401: json.dumps(INVALID_CRUMB),
    404: NOT_FOUND.decode(),
    429: "Too Many Requests\r\n",
    500: "<html><body><h1>500 Internal Server Error</h1></body></html>",
    503: "<html><body><h1>503 Service Unavailable</h1></body></html>",
    999: "<html><body>Unable to process request at this time -- error 999.</body></html>",
}


@dataclass(frozen=True)
class Seen:
    """A request as it came in; `at` is a moment of `time.monotonic`."""

    path: str
    ticker: str | None
    query: dict[str, str]
    at: float


@dataclass(frozen=True)
class _Column:
    """The values of a column as JSON, and where each begins: any range of bars is a slice of it."""

    text: bytes
    starts: npt.NDArray[np.int32]

    def __getitem__(self, bars: slice) -> bytes:
        if bars.start >= bars.stop:
            return b""
        return self.text[self.starts[bars.start] : self.starts[bars.stop] - 1]


def _column(values: npt.NDArray[Any]) -> _Column:
    listed = values.tolist()
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        listed = [value if np.isfinite(value) else None for value in listed]
    text = _dumped(listed)[1:-1]
    commas = np.flatnonzero(np.frombuffer(text, np.uint8) == ord(","))
    return _Column(text, np.concatenate([[0], commas + 1, [len(text) + 1]]).astype(np.int32))


class YahooServer:
    """Yahoo Finance on a port of this machine, from entering the context to leaving it.

    Parameters
    ----------
    listings:
        What the vendor knows, by ticker in capitals. May be filled and changed at any time between
        two requests; the frames of prices may be changed in place.
    float32:
        Whether prices carry the noise of 32-bit numbers, as the vendor's do.

    """

    def __init__(self, listings: dict[str, Listing] | None = None, *, float32: bool = False) -> None:
        self.listings: dict[str, Listing] = dict(listings or {})
        self.float32 = float32
        self.requests: list[Seen] = []
        self._faults: dict[str, deque[Fault]] = {}
        self._columns: dict[tuple[str, str], tuple[Hashable, _Column]] = {}
        self._moments: dict[str, tuple[Hashable, Moments]] = {}
        self._lock = threading.Lock()
        self._listener = _Listener(self)
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.02,), daemon=True)
        self.base_url = f"http://127.0.0.1:{self._listener.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()
        self._thread.join()
        # A mistake in a listing must not look like one more fault of the vendor's.
        if self._listener.mistakes and error is None:
            raise ExceptionGroup("requests that the server could not answer", self._listener.mistakes)

    def faults(self, ticker: str, *faults: Fault) -> None:
        """Spoil the next chart answers for `ticker`, one fault each; what was left before is forgotten."""
        if any(fault.forever for fault in faults[:-1]):
            raise ValueError("only the last fault can go on forever")
        with self._lock:
            self._faults[ticker] = deque(faults)

    def chart_requests(self, ticker: str | None = None) -> int:
        """How many chart requests came, for one ticker or for all."""
        with self._lock:
            return sum(
                seen.ticker is not None and (ticker is None or seen.ticker == ticker)
                for seen in self.requests
            )

    def set_today(self, last: date) -> None:
        """Every listing is known up to the session `last`."""
        for listing in self.listings.values():
            listing.last = last

    def prepare(self) -> None:
        """Write all numbers as text now, so that no request that is timed has to wait for it."""
        for ticker in self.listings:
            self._chart(ticker, {"range": "max"})

    def answer(self, path: str, query: dict[str, str]) -> Answer:
        """The answer to a request, which is noted down."""
        ticker = path.removeprefix(CHART) if path.startswith(CHART) else None
        fault = None
        with self._lock:
            self.requests.append(Seen(path, ticker, query, clock.monotonic()))
            waiting = self._faults.get(ticker) if ticker is not None else None
            if waiting:
                fault = waiting[0] if waiting[0].forever else waiting.popleft()
        if ticker is not None:
            proper = self._chart(ticker, query)
            return fault.spoil(proper) if fault else proper
        if path == CRUMB:
            return Answer(b"crumb", TEXT)
        # fc.yahoo.com does the same: its cookie comes with an error. Without a domain, a client that
        # was led here keeps it.
        cookie = "A3=d=made-up; Max-Age=31557600; Path=/; HttpOnly"
        return Answer(b"<html><body>Not Found</body></html>", HTML, 404, (("Set-Cookie", cookie),))

    def _chart(self, ticker: str, query: dict[str, str]) -> Answer:
        listing = self.listings.get(ticker)
        if listing is None:
            return Answer(NOT_FOUND, code=404)
        days = listing.prices["session"].to_numpy().astype("datetime64[D]")
        if not (np.diff(days) > np.timedelta64(0, "D")).all():
            raise ValueError(f"the sessions of {ticker} do not ascend")
        bars = len(days)
        if listing.last is not None:
            bars = int(np.searchsorted(days, np.datetime64(listing.last), side="right"))
        if bars == 0 < len(days):
            return Answer(NOT_FOUND, code=404)
        refusal = _refusal(query)
        if refusal is not None:
            return Answer(_error("Unprocessable Entity", refusal), code=422)

        live = _live_bar(listing, days[:bars])
        known = _known_through(listing, days[:bars], live)
        splits = {day: _fraction(ratio) for day, ratio in sorted(listing.splits.items()) if day <= known}
        dividends = {day: cash for day, cash in sorted(listing.dividends.items()) if day <= known}
        moments = self._moments_of(ticker, listing, days)
        columns = self._columns_of(ticker, listing, days, moments, splits, dividends)

        start, stop = _span(query, moments[:bars], live)
        shown = slice(int(np.searchsorted(moments[:bars], start)), int(np.searchsorted(moments[:bars], stop)))
        texts = {name: column[shown] for name, column in columns.items()}
        if live is not None and start <= live.moment < stop:
            for name, number in live.numbers(self.float32).items():
                texts[name] += (b"," if texts[name] else b"") + _dumped(number)
        price = columns["close"][slice(bars - 1, bars)] if bars else b"null"
        if live is not None:
            price = _dumped(live.numbers(self.float32)["close"])
        meta = _meta(ticker, listing, moments[:bars], days[:bars], live, query)
        events = _events(listing, splits, dividends, query, start, stop)
        return Answer(_document(meta, price, texts, events))

    def _moments_of(self, ticker: str, listing: Listing, days: Days) -> Moments:
        key = (_checksum(days), listing.time_zone, listing.opening)
        kept = self._moments.get(ticker)
        if kept is None or kept[0] != key:
            kept = self._moments[ticker] = key, _moments(days, listing.time_zone, listing.opening)
        return kept[1]

    def _columns_of(
        self,
        ticker: str,
        listing: Listing,
        days: Days,
        moments: Moments,
        splits: dict[date, Fraction],
        dividends: dict[date, float],
    ) -> dict[str, _Column]:
        """All columns as text; those whose numbers are what they were at the last request, from then.

        Between two nights mostly nothing but `last` changes, and that only says where the text ends.
        """
        raw = {name: listing.prices[name].to_numpy(dtype=np.float64) for name in (*PRICES, "volume")}
        held = (_checksum(days), tuple(splits.items()), self.float32)

        def price(name: str) -> Floats:
            return self._rounded(raw[name] / _split_factors(days, splits))

        def volume() -> npt.NDArray[Any]:
            return _whole(raw["volume"] * _split_factors(days, splits))

        def adjusted_close() -> Floats:
            closes = raw["close"] / _split_factors(days, splits)
            return self._rounded(closes * _dividend_factors(days, closes, splits, dividends))

        columns = {
            name: self._kept(ticker, name, (held, _checksum(raw[name])), partial(price, name))
            for name in PRICES
        }
        columns["volume"] = self._kept(ticker, "volume", (held, _checksum(raw["volume"])), volume)
        key = (held, _checksum(raw["close"]), tuple(dividends.items()))
        columns["adjclose"] = self._kept(ticker, "adjclose", key, adjusted_close)
        columns["timestamp"] = self._kept(ticker, "timestamp", _checksum(moments), lambda: moments)
        return columns

    def _kept(self, ticker: str, name: str, key: Hashable, make: Callable[[], npt.NDArray[Any]]) -> _Column:
        kept = self._columns.get((ticker, name))
        if kept is None or kept[0] != key:
            kept = self._columns[ticker, name] = key, _column(make())
        return kept[1]

    def _rounded(self, values: Floats) -> Floats:
        return _as_float32(values) if self.float32 else values


def _checksum(values: npt.NDArray[Any]) -> tuple[int, int]:
    return zlib.crc32(values.tobytes()), len(values)


def _as_float32(values: Floats) -> Floats:
    return values.astype(np.float32).astype(np.float64)


def _whole(values: Floats) -> npt.NDArray[Any]:
    return np.rint(values).astype(np.int64) if np.isfinite(values).all() else np.rint(values)


@dataclass(frozen=True)
class _Live:
    """The bar of a session that has not ended."""

    session: date
    moment: int
    bar: dict[str, Any]

    def numbers(self, float32: bool) -> dict[str, Any]:
        """The bar's number in every column; nothing that the vendor knows of comes after it to adjust it."""
        prices = np.array([float(self.bar[name]) for name in PRICES])
        listed = (_as_float32(prices) if float32 else prices).tolist()
        found: dict[str, Any] = dict(zip(PRICES, listed, strict=True))
        return {
            **found,
            "adjclose": found["close"],
            "volume": round(self.bar["volume"]),
            "timestamp": self.moment,
        }


def _live_bar(listing: Listing, days: Days) -> _Live | None:
    bar = listing.unfinished
    if bar is None:
        return None
    session = _as_date(np.datetime64(bar["session"], "D"))
    finished = [_as_date(days[-1])] if len(days) else []
    if listing.last is not None:
        finished.append(listing.last)
    if finished and session <= max(finished):
        return None
    zone = ZoneInfo(listing.time_zone)
    if "time" in bar:
        moment = datetime.combine(session, bar["time"], zone)
    else:
        moment = datetime.combine(session, listing.opening, zone) + MEANWHILE
    return _Live(session, int(moment.timestamp()), bar)


def _known_through(listing: Listing, days: Days, live: _Live | None) -> date:
    if live is not None:
        return live.session
    if listing.last is not None:
        return listing.last
    return _as_date(days[-1]) if len(days) else date.min


def _as_date(day: np.datetime64) -> date:
    converted: date = day.astype("datetime64[D]").item()
    return converted


def _fraction(ratio: float) -> Fraction:
    return Fraction(ratio).limit_denominator(10_000)


def _moments(days: Days, time_zone: str, opening: time) -> Moments:
    since_midnight = timedelta(hours=opening.hour, minutes=opening.minute, seconds=opening.second)
    local = pd.DatetimeIndex(days.astype("datetime64[s]")) + since_midnight
    # Where clocks are put back, the first of the two; where they skip the opening, the moment after.
    first = np.ones(len(local), bool)
    aware = local.tz_localize(time_zone, ambiguous=first, nonexistent="shift_forward")
    return aware.as_unit("s").asi8


def _moment(day: date, listing: Listing, local: time) -> int:
    return int(datetime.combine(day, local, ZoneInfo(listing.time_zone)).timestamp())


def _split_factors(days: Days, splits: dict[date, Fraction]) -> Floats:
    """How many of the newest shares one share of each session has become."""
    factors = np.ones(len(days))
    for day, ratio in splits.items():
        factors[: np.searchsorted(days, np.datetime64(day))] *= float(ratio)
    return factors


def _dividend_factors(
    days: Days, closes: Floats, splits: dict[date, Fraction], dividends: dict[date, float]
) -> Floats:
    """What is left of each session's close after the dividends that followed it."""
    factors = np.ones(len(days))
    for day, cash in dividends.items():
        before = int(np.searchsorted(days, np.datetime64(day)))
        traded = closes[:before][np.isfinite(closes[:before])]
        if traded.size:
            factors[:before] *= 1 - _in_newest_shares(day, cash, splits) / traded[-1]
    return factors


def _in_newest_shares(day: date, cash: float, splits: dict[date, Fraction]) -> float:
    for split, ratio in splits.items():
        # On a day that is both, the dividend is paid on the shares after the split.
        if split > day:
            cash /= float(ratio)
    return cash


def _refusal(query: dict[str, str]) -> str | None:
    # What the server does not know how to answer it refuses aloud instead of answering something else.
    if query.get("interval", "1d") != "1d":
        return f"this server has days only, not interval={query['interval']}"
    if "period1" not in query and query.get("range", "1d") not in {"1d", "5d", "max"}:
        return f"this server knows the ranges 1d, 5d and max, not {query['range']}"
    return None


def _span(query: dict[str, str], moments: Moments, live: _Live | None) -> tuple[int, int]:
    """The first moment that the request is about, and the first after it."""
    if "period1" in query:
        return int(query["period1"]), int(query.get("period2", str(int(clock.time()))))
    everything = moments.tolist() + ([live.moment] if live is not None else [])
    if not everything:
        return 0, 0
    count = {"1d": 1, "5d": 5, "max": len(everything)}[query.get("range", "1d")]
    return everything[-count:][0], everything[-1] + 1


def _meta(
    ticker: str,
    listing: Listing,
    moments: Moments,
    days: Days,
    live: _Live | None,
    query: dict[str, str],
) -> dict[str, Any]:
    """All that the vendor says about the listing, but for its price."""
    newest = _as_date(days[-1]) if len(days) else None
    newest_moment = _moment(newest, listing, listing.closing) if newest is not None else None
    if live is not None:
        newest, newest_moment = live.session, live.moment
    at = datetime.fromtimestamp(newest_moment or 0, UTC).astimezone(ZoneInfo(listing.time_zone))
    offset = at.utcoffset() or timedelta()
    clocks = {"timezone": at.strftime("%Z"), "gmtoffset": int(offset.total_seconds())}
    opens = _moment(at.date(), listing, listing.opening)
    closes = _moment(at.date(), listing, listing.closing)
    return {
        "currency": listing.currency,
        "symbol": ticker,
        "exchangeName": listing.exchange_name,
        "fullExchangeName": listing.full_exchange_name,
        "instrumentType": listing.kind,
        "firstTradeDate": int(moments[0]) if len(moments) else None,
        "regularMarketTime": newest_moment,
        "hasPrePostMarketData": listing.kind != "CRYPTOCURRENCY",
        **clocks,
        "exchangeTimezoneName": listing.time_zone,
        "priceHint": 2,
        "currentTradingPeriod": {
            "pre": {**clocks, "start": opens, "end": opens},
            "regular": {**clocks, "start": opens, "end": closes},
            "post": {**clocks, "start": closes, "end": closes},
        },
        "dataGranularity": "1d",
        "range": "" if "period1" in query else query.get("range", "1d"),
        "validRanges": list(RANGES),
    }


def _events(
    listing: Listing,
    splits: dict[date, Fraction],
    dividends: dict[date, float],
    query: dict[str, str],
    start: int,
    stop: int,
) -> dict[str, dict[str, Any]]:
    wanted = query.get("events", "")
    found: dict[str, dict[str, Any]] = {"dividends": {}, "splits": {}}
    for day, cash in dividends.items() if "div" in wanted else ():
        moment = _moment(day, listing, listing.opening)
        if start <= moment < stop:
            amount = _in_newest_shares(day, cash, splits)
            found["dividends"][str(moment)] = {"amount": amount, "date": moment}
    for day, ratio in splits.items() if "split" in wanted else ():
        moment = _moment(day, listing, listing.opening)
        if start <= moment < stop:
            found["splits"][str(moment)] = {
                "date": moment,
                "numerator": float(ratio.numerator),
                "denominator": float(ratio.denominator),
                "splitRatio": f"{ratio.numerator}:{ratio.denominator}",
            }
    return {name: events for name, events in found.items() if events}


def _document(
    meta: dict[str, Any], price: bytes, texts: dict[str, bytes], events: dict[str, dict[str, Any]]
) -> bytes:
    """The whole JSON text, around columns that are text already."""
    parts = [b'{"chart":{"result":[{"meta":', _dumped(meta)[:-1], b',"regularMarketPrice":', price, b"}"]
    if not texts["timestamp"]:
        parts.append(b',"indicators":{"quote":[{}],"adjclose":[{}]}')
    else:
        parts += [b',"timestamp":[', texts["timestamp"], b"]"]
        if events:
            parts += [b',"events":', _dumped(events)]
        quotes = [b'"%s":[%s]' % (name.encode(), texts[name]) for name in ("volume", *PRICES)]
        parts += [b',"indicators":{"quote":[{', b",".join(quotes)]
        parts += [b'}],"adjclose":[{"adjclose":[', texts["adjclose"], b"]}]}"]
    return b"".join([*parts, b'}],"error":null}}'])


class _Listener(ThreadingHTTPServer):
    """The sockets: one thread a connection, and none left after `close`."""

    # A burst of clients must not be turned away by the length of the queue.
    request_queue_size = 256

    def __init__(self, owner: YahooServer) -> None:
        self.owner = owner
        self.closing = threading.Event()
        self.mistakes: list[Exception] = []
        self.to_reset: set[socket.socket] = set()
        self._open: set[socket.socket] = set()
        self._changed = threading.Condition()
        super().__init__(("127.0.0.1", 0), _Handler)

    def server_bind(self) -> None:
        # HTTPServer's own would ask name servers what this machine is called.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._changed:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._changed:
            if request in self.to_reset:
                # No farewell: with nothing to wait for, closing sends a reset.
                self.to_reset.remove(request)
                request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_request(request)
            else:
                super().shutdown_request(request)
            self._open.discard(request)
            self._changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        # Clients come and go as they like; everything else is a mistake here or in a listing.
        error = sys.exception()
        if isinstance(error, Exception) and not isinstance(error, ConnectionError):
            self.mistakes.append(error)

    def close(self) -> None:
        self.closing.set()
        self.shutdown()
        with self._changed:
            # Clients keep their connections; the threads behind them wait for a next request.
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:  # the client was first
                    continue
            self._changed.wait_for(lambda: not self._open, timeout=10)
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    """One connection and the requests that come over it."""

    server: _Listener
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # Headers and body leave together.
    wbufsize = 1 << 16

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        answer = self.server.owner.answer(unquote(parts.path), query)
        if answer.held_for and self.server.closing.wait(answer.held_for):
            self.close_connection = True
            return
        self.send_response(answer.code)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers:
            self.send_header(name, value)
        self.end_headers()
        if answer.breaks_off:
            self.wfile.write(answer.body[: len(answer.body) // 2])
            self.server.to_reset.add(self.connection)
            self.close_connection = True
        else:
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the server's own list of requests is its log."""
