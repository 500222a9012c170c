"""What Yahoo Finance's chart interface answers about a `Listing`: a function of what the vendor knows.

listing = made_up_listing(1, date(2020, 1, 2), date(2020, 12, 31))
code, document = chart("AAPL", listing, {"range": "5d"})
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockjax.sessions import exchange

PRICES = ("open", "high", "low", "close")
RANGES = ("1d", "5d", "1mo", "3mo", "6mo", "1y", "2y", "5y", "10y", "ytd", "max")
SINCE_OPENING = timedelta(minutes=90, seconds=3)
"""When the newest trade of an unfinished session was."""

Floats = npt.NDArray[np.float64]
Document = dict[str, Any]


@dataclass
class Listing:
    """One ticker as the vendor knows it; tests change it between two nights.

    Parameters
    ----------
    prices
        Columns session (datetime64, ascending), open, high, low, close and volume, all as traded on
        the day: no split adjusted them.
    splits
        Ex-date to ratio: 2.0 is 2:1.
    dividends
        Ex-date to cash per share, in shares of that day.
    kind
        What Yahoo calls the instrument type.
    opening, closing
        The local times that a finished bar's timestamp shows, and at which a session ends.
    last
        The vendor knows nothing after this session; None: all of it. When `prices` has rows and all
        are later, the ticker is not listed yet, and the vendor does not know it.
    unfinished
        A bar that is still moving: open, high, low, close, volume, its `session` (a date) and, if it
        matters, its `time` (a local time). It disappears as soon as `last` reaches its session.
        While it is shown, splits and dividends up to its session are known.

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

    def moment(self, day: date, local: time) -> int:
        """Seconds since 1970 of a local time."""
        return int(datetime.combine(day, local, ZoneInfo(self.time_zone)).timestamp())


EXCHANGES: dict[str, dict[str, Any]] = {
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

    `details` are fields of the `Listing`; those of a few exchanges are known (`EXCHANGES`), every other
    one needs at least its `time_zone`.
    """
    if exchange_code not in EXCHANGES and "time_zone" not in details:
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
    return Listing(pd.DataFrame(columns), **{**EXCHANGES.get(exchange_code, {}), **details})


def error(code: str, description: str) -> Document:
    """The document that says why there is no chart."""
    return {"chart": {"result": None, "error": {"code": code, "description": description}}}


NOT_FOUND = error("Not Found", "No data found, symbol may be delisted")


def chart(
    ticker: str, listing: Listing | None, query: dict[str, str], *, float32: bool = False
) -> tuple[int, Document]:
    """The status and the document of a request.

    Raises
    ------
    ValueError
        The sessions of the listing do not ascend.

    """
    if listing is None:
        return 404, NOT_FOUND
    days = listing.prices["session"].dt.date.to_numpy()
    if not (days[1:] > days[:-1]).all():
        raise ValueError(f"the sessions of {ticker} do not ascend")
    bars = len(days) if listing.last is None else int(np.searchsorted(days, listing.last, side="right"))
    if bars == 0 < len(days):
        return 404, NOT_FOUND
    if refusal := _refusal(query):
        return 422, error("Unprocessable Entity", refusal)
    live = _live_bar(listing, days[:bars])
    columns, splits, dividends = _columns(listing, days[:bars], live, float32)
    moments = columns["timestamp"]
    start, stop = _span(query, moments)
    shown = slice(int(np.searchsorted(moments, start)), int(np.searchsorted(moments, stop)))
    texts = {name: _json(values[shown]) for name, values in columns.items()}
    newest = live["session"] if live else days[bars - 1] if bars else None
    result: Document = {"meta": _meta(ticker, listing, columns, newest, live is not None, query)}
    if not texts["timestamp"]:
        return 200, _document({**result, "indicators": {"quote": [{}], "adjclose": [{}]}})
    result["timestamp"] = texts.pop("timestamp")
    if events := _events(listing, splits, dividends, query, start, stop):
        result["events"] = events
    result["indicators"] = {"adjclose": [{"adjclose": texts.pop("adjclose")}], "quote": [texts]}
    return 200, _document(result)


def _document(result: Document) -> Document:
    return {"chart": {"result": [result], "error": None}}


def _json(values: npt.NDArray[Any]) -> list[Any]:
    if values.dtype.kind == "f":
        return [value if np.isfinite(value) else None for value in values.tolist()]
    return values.tolist()


def _refusal(query: dict[str, str]) -> str | None:
    # What this vendor cannot answer it refuses by name: another answer would look like the right one.
    if query.get("interval", "1d") != "1d":
        return f"this server has days only, not interval={query['interval']}"
    if "period1" not in query and query.get("range", "1d") not in {"1d", "5d", "max"}:
        return f"this server knows the ranges 1d, 5d and max, not {query['range']}"
    return None


def _live_bar(listing: Listing, days: npt.NDArray[Any]) -> dict[str, Any] | None:
    """The bar of a session that has not ended, unless its finished bar is known."""
    bar = listing.unfinished
    finished = [*days[-1:], *([listing.last] if listing.last else [])]
    return None if bar is None or (finished and bar["session"] <= max(finished)) else bar


def _columns(
    listing: Listing, days: npt.NDArray[Any], live: dict[str, Any] | None, float32: bool
) -> tuple[dict[str, npt.NDArray[Any]], dict[date, Fraction], dict[date, float]]:
    """All columns of all bars, adjusted by the splits and dividends that are known; and those."""
    known = live["session"] if live else listing.last or (days[-1] if len(days) else date.min)
    splits = {
        day: Fraction(ratio).limit_denominator(10_000)
        for day, ratio in sorted(listing.splits.items())
        if day <= known
    }
    dividends = {day: cash for day, cash in sorted(listing.dividends.items()) if day <= known}
    traded = listing.prices.iloc[: len(days)]
    shares = np.ones(len(days))
    for day, ratio in splits.items():
        shares[days < day] *= float(ratio)
    columns = {name: traded[name].to_numpy(np.float64) / shares for name in PRICES}
    columns["adjclose"] = columns["close"] * _dividend_factors(days, columns["close"], splits, dividends)
    if float32:
        columns = {name: values.astype(np.float32).astype(np.float64) for name, values in columns.items()}
    volume = np.rint(traded["volume"].to_numpy(np.float64) * shares)
    columns["volume"] = volume.astype(np.int64) if np.isfinite(volume).all() else volume
    columns["timestamp"] = _moments(days, listing)
    if live:
        columns = _with_live_bar(columns, listing, live, float32)
    return columns, splits, dividends


def _with_live_bar(
    columns: dict[str, npt.NDArray[Any]], listing: Listing, live: dict[str, Any], float32: bool
) -> dict[str, npt.NDArray[Any]]:
    since = datetime.combine(live["session"], listing.opening, ZoneInfo(listing.time_zone)) + SINCE_OPENING
    moment = listing.moment(live["session"], live["time"]) if "time" in live else int(since.timestamp())
    kind = np.float32 if float32 else np.float64
    added = {name: float(kind(live[name])) for name in PRICES}
    added |= {"adjclose": added["close"], "volume": round(live["volume"]), "timestamp": moment}
    return {name: np.append(values, added[name]) for name, values in columns.items()}


def _moments(days: npt.NDArray[Any], listing: Listing) -> npt.NDArray[np.int64]:
    opening = pd.Timedelta(hours=listing.opening.hour, minutes=listing.opening.minute)
    local = pd.DatetimeIndex(days.astype("datetime64[s]")) + opening
    # Where clocks are put back, the first of the two; where they skip the opening, the moment after.
    first = np.ones(len(local), bool)
    aware = local.tz_localize(listing.time_zone, ambiguous=first, nonexistent="shift_forward")
    return aware.as_unit("s").asi8


def _dividend_factors(
    days: npt.NDArray[Any], closes: Floats, splits: dict[date, Fraction], dividends: dict[date, float]
) -> Floats:
    """What is left of each session's close after the dividends that followed it."""
    factors = np.ones(len(days))
    for day, cash in dividends.items():
        earlier = days < day
        traded = closes[earlier & np.isfinite(closes)]
        if traded.size:
            factors[earlier] *= 1 - _in_newest_shares(day, cash, splits) / traded[-1]
    return factors


def _in_newest_shares(day: date, cash: float, splits: dict[date, Fraction]) -> float:
    # On a day that is both, the dividend is paid on the shares after the split.
    for split, ratio in splits.items():
        cash = cash / float(ratio) if split > day else cash
    return cash


def _span(query: dict[str, str], moments: npt.NDArray[np.int64]) -> tuple[int, int]:
    """The first moment that the request is about, and the first after it."""
    if "period1" in query:
        return int(query["period1"]), int(query.get("period2", str(int(datetime.now(UTC).timestamp()))))
    newest = moments[-{"1d": 1, "5d": 5, "max": len(moments)}[query.get("range", "1d")] :]
    return (int(newest[0]), int(newest[-1]) + 1) if len(newest) else (0, 0)


def _meta(
    ticker: str,
    listing: Listing,
    columns: dict[str, npt.NDArray[Any]],
    newest: date | None,
    live: bool,
    query: dict[str, str],
) -> Document:
    finished = listing.moment(newest, listing.closing) if newest else None
    traded = int(columns["timestamp"][-1]) if live else finished
    at = datetime.fromtimestamp(traded or 0, UTC).astimezone(ZoneInfo(listing.time_zone))
    clocks = {
        "timezone": at.strftime("%Z"),
        "gmtoffset": int((at.utcoffset() or timedelta()).total_seconds()),
    }
    opens, closes = (listing.moment(at.date(), local) for local in (listing.opening, listing.closing))
    return {
        "currency": listing.currency,
        "symbol": ticker,
        "exchangeName": listing.exchange_name,
        "fullExchangeName": listing.full_exchange_name,
        "instrumentType": listing.kind,
        "firstTradeDate": int(columns["timestamp"][0]) if len(columns["timestamp"]) else None,
        "regularMarketTime": traded,
        "hasPrePostMarketData": listing.kind != "CRYPTOCURRENCY",
        **clocks,
        "exchangeTimezoneName": listing.time_zone,
        "regularMarketPrice": _json(columns["close"])[-1] if len(columns["close"]) else None,
        "priceHint": 2,
        "currentTradingPeriod": {
            name: {**clocks, "start": start, "end": end}
            for name, start, end in (
                ("pre", opens, opens),
                ("regular", opens, closes),
                ("post", closes, closes),
            )
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
) -> Document:
    found: Document = {"dividends": {}, "splits": {}}
    wanted = query.get("events", "")
    for day in sorted({*splits, *dividends}):
        moment = listing.moment(day, listing.opening)
        if not start <= moment < stop:
            continue
        if day in dividends and "div" in wanted:
            amount = _in_newest_shares(day, dividends[day], splits)
            found["dividends"][str(moment)] = {"amount": amount, "date": moment}
        if day in splits and "split" in wanted:
            above, below = splits[day].numerator, splits[day].denominator
            ratio = {"numerator": float(above), "denominator": float(below), "splitRatio": f"{above}:{below}"}
            found["splits"][str(moment)] = {"date": moment, **ratio}
    return {name: events for name, events in found.items() if events}
