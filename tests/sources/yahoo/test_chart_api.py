from collections.abc import Iterator
from datetime import date, time
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stockjax.errors import InvalidDataError, RateLimitedError, SourceError, UnknownTickerError
from stockjax.sources.protocol import DELIVERED_COLUMNS
from stockjax.sources.rate_limit import RateLimiter
from stockjax.sources.yahoo.chart_api import YahooHistory
from tests.support.yahoo_faults import (
    Fault,
    as_json,
    as_usual,
    forever,
    missing_meta,
    no_result,
    nulls,
    rewritten,
    status,
    unequal_lengths,
    wrong_types,
)
from tests.support.yahoo_payload import PRICES, Listing, error, made_up_listing
from tests.support.yahoo_prices import FIRST, LAST, request, settings
from tests.support.yahoo_server import CHART, YahooServer

BEFORE_LAST = date(2024, 5, 9)


@pytest.fixture
def pace() -> RateLimiter:
    return RateLimiter(0, 0.05, 0.2)


@pytest.fixture
def history(yahoo: YahooServer, pace: RateLimiter) -> Iterator[YahooHistory]:
    made = YahooHistory(settings(yahoo), pace)
    yield made
    made.close()


def known_of(history: YahooHistory, ticker: str = "AAA", code: str = "XNYS") -> pd.DataFrame:
    """What is stored after a first night."""
    return history.ask(request(ticker, code=code)).prices.tail(12)


def days(prices: pd.DataFrame) -> list[date]:
    return list(prices["session"].dt.date)


def test_a_first_request_brings_all_there_is(yahoo: YahooServer, history: YahooHistory) -> None:
    answer = history.ask(request("AAA"))
    listed = yahoo.listings["AAA"].prices
    assert answer.full_history
    assert answer.exchange == "XNYS"
    assert yahoo.chart_requests("AAA") == yahoo.chart_requests() == 1
    prices = answer.prices
    assert tuple(prices.columns) == DELIVERED_COLUMNS
    assert prices["session"].dtype == "datetime64[s]"
    assert days(prices) == days(listed)
    for name in (*PRICES, "volume"):
        assert prices[name].dtype == np.float64
        np.testing.assert_array_equal(prices[name], listed[name])
    np.testing.assert_array_equal(prices["adj_close"], listed["close"])
    assert set(prices["ticker"]) == {"AAA"}
    assert (prices["dividend"] == 0).all()
    assert (prices["split"] == 1).all()
    assert prices["raw"].isna().all()


def test_what_has_not_moved_takes_one_request(yahoo: YahooServer, history: YahooHistory) -> None:
    yahoo.set_today(BEFORE_LAST)
    known = known_of(history)
    yahoo.set_today(LAST)
    answer = history.ask(request("AAA", known))
    assert yahoo.chart_requests() == 2
    assert not answer.full_history
    assert days(answer.prices) == [*days(known), LAST]


def test_what_has_moved_takes_a_second_one_for_all_of_it(yahoo: YahooServer, history: YahooHistory) -> None:
    yahoo.set_today(BEFORE_LAST)
    known = known_of(history)
    yahoo.listings["AAA"].dividends[LAST] = 0.5
    yahoo.set_today(LAST)
    answer = history.ask(request("AAA", known))
    assert yahoo.chart_requests() == 3
    assert answer.full_history
    assert days(answer.prices) == days(yahoo.listings["AAA"].prices)
    assert answer.prices["adj_close"].iloc[0] < answer.prices["close"].iloc[0]


def test_when_nothing_follows_the_known_rows_all_is_asked_for(
    yahoo: YahooServer, history: YahooHistory
) -> None:
    known = known_of(history).assign(session=lambda rows: rows["session"] + pd.Timedelta(days=100))
    assert history.ask(request("AAA", known)).full_history
    assert yahoo.chart_requests() == 3


def test_known_rows_without_a_row_are_none(yahoo: YahooServer, history: YahooHistory) -> None:
    assert history.ask(request("AAA", known_of(history).head(0))).full_history
    assert yahoo.chart_requests() == 2


# What Yahoo says of each kind of symbol, and when its bars begin.
KINDS: dict[str, dict[str, Any]] = {
    "7203.T": {"exchange_code": "XTKS"},
    "VOD.L": {"exchange_code": "XLON"},
    "BTC-USD": {"exchange_code": "24/7"},
    "EURUSD=X": {
        "exchange_code": "24/5",
        "kind": "CURRENCY",
        "time_zone": "Europe/London",
        "opening": time(0),
    },
    "ES=F": {
        "exchange_code": "us_futures",
        "kind": "FUTURE",
        "time_zone": "America/New_York",
        "opening": time(0),
    },
    "^VIX": {
        "exchange_code": "XNYS",
        "kind": "INDEX",
        "time_zone": "America/Chicago",
        "opening": time(8, 30),
    },
}


@pytest.mark.parametrize("ticker", KINDS)
def test_days_are_those_of_the_exchange(yahoo: YahooServer, history: YahooHistory, ticker: str) -> None:
    code = KINDS[ticker]["exchange_code"]
    listed = yahoo.listings[ticker] = made_up_listing(5, FIRST, LAST, code, **_details(ticker))
    # Before the vendor has reported, every ticker is believed to trade in New York.
    answer = history.ask(request(ticker))
    assert answer.exchange == code
    assert days(answer.prices) == days(listed.prices)


@pytest.mark.parametrize("ticker", KINDS)
def test_one_request_is_enough_wherever_it_trades(
    yahoo: YahooServer, history: YahooHistory, ticker: str
) -> None:
    code = KINDS[ticker]["exchange_code"]
    yahoo.listings[ticker] = made_up_listing(5, FIRST, LAST, code, **_details(ticker))
    yahoo.set_today(BEFORE_LAST)
    known = known_of(history, ticker)
    yahoo.set_today(LAST)
    answer = history.ask(request(ticker, known, code))
    assert days(answer.prices)[-1] == LAST
    assert (answer.full_history, yahoo.chart_requests()) == (False, 2)


def _details(ticker: str) -> dict[str, Any]:
    return {name: value for name, value in KINDS[ticker].items() if name != "exchange_code"}


def test_dividends_and_splits_have_their_columns(yahoo: YahooServer, history: YahooHistory) -> None:
    listing = yahoo.listings["AAA"]
    listing.splits[date(2024, 3, 1)] = 1.5
    listing.splits[date(2024, 3, 8)] = 0.1
    listing.dividends[date(2024, 4, 5)] = 0.25
    prices = history.ask(request("AAA")).prices.set_index("session")
    split, dividend = prices["split"], prices["dividend"]
    assert split[split != 1].to_dict() == {pd.Timestamp("2024-03-01"): 1.5, pd.Timestamp("2024-03-08"): 0.1}
    assert dividend[dividend != 0].to_dict() == {pd.Timestamp("2024-04-05"): 0.25}


def _hands_out_gains(day: date, amount: float) -> Fault:
    def change(result: dict[str, Any]) -> None:
        at = next(moment for moment in result["timestamp"] if pd.Timestamp(moment, unit="s").date() == day)
        result.setdefault("events", {})["capitalGains"] = {str(at): {"amount": amount, "date": at}}

    return rewritten("rewritten", change)


def test_capital_gains_of_a_fund_count_as_dividends(yahoo: YahooServer, history: YahooHistory) -> None:
    listing: Listing = yahoo.listings["AAA"]
    listing.kind = "ETF"
    listing.dividends[date(2024, 4, 5)] = 0.25
    day = date(2024, 4, 12)
    yahoo.faults("AAA", _hands_out_gains(day, 1.5), _hands_out_gains(date(2024, 4, 5), 1.5), as_usual())
    # On a day with both, Yahoo's dividend has the gains in it.
    for gains in ({"2024-04-05": 0.25, "2024-04-12": 1.5}, {"2024-04-05": 1.5}, {"2024-04-05": 0.25}):
        dividend = history.ask(request("AAA")).prices.set_index("session")["dividend"]
        assert dividend[dividend != 0].to_dict() == {pd.Timestamp(day): cash for day, cash in gains.items()}


def test_a_hole_stays_a_hole(yahoo: YahooServer, history: YahooHistory) -> None:
    yahoo.faults("AAA", nulls())
    prices = history.ask(request("AAA")).prices
    assert len(prices) == len(yahoo.listings["AAA"].prices)
    empty = prices[["open", "high", "low", "close", "adj_close"]].isna().all(axis=1)
    assert empty.sum() == 1
    assert prices["close"].isna().sum() == 1


@pytest.mark.parametrize(
    "ticker",
    [
        "",
        " ",
        "A B",
        "A/B",
        "../etc",
        "..",
        "A?x=1",
        "A#b",
        "A%2Fb",
        "A\nB",
        "AAA\n",
        "A\0",
        "A" * 40,
        "ＡＡＡ",
        "'; DROP TABLE prices; --",
        "US0378331005",
        "us0378331005",
        "@AAA",
    ],
)
def test_what_is_no_symbol_is_not_asked_for(yahoo: YahooServer, history: YahooHistory, ticker: str) -> None:
    with pytest.raises(UnknownTickerError):
        history.ask(request(ticker))
    assert yahoo.requests == []


@pytest.mark.parametrize("ticker", ["M&M.NS", "^GSPC", "BRK-B", "BF_B", "A" * 32])
def test_signs_that_symbols_have_are_asked_for(
    yahoo: YahooServer, history: YahooHistory, ticker: str
) -> None:
    yahoo.listings[ticker] = made_up_listing(5, FIRST, LAST)
    assert set(history.ask(request(ticker)).prices["ticker"]) == {ticker}
    assert yahoo.chart_requests(ticker) == 1


def test_a_ticker_comes_back_under_the_name_that_was_asked_for(
    yahoo: YahooServer, history: YahooHistory
) -> None:
    assert set(history.ask(request("aAa")).prices["ticker"]) == {"aAa"}
    assert yahoo.chart_requests("AAA") == 1


@pytest.mark.parametrize(
    ("fault", "failure", "requests"),
    [
        (status(404), UnknownTickerError, 1),
        (no_result(), UnknownTickerError, 1),
        (wrong_types(), InvalidDataError, 1),
        (unequal_lengths(), InvalidDataError, 1),
        (missing_meta(), InvalidDataError, 1),
        (status(429), RateLimitedError, 1),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else None,
)
def test_an_answer_without_prices_has_a_name(
    yahoo: YahooServer, history: YahooHistory, fault: Fault, failure: type[SourceError], requests: int
) -> None:
    yahoo.faults("AAA", forever(fault))
    with pytest.raises(SourceError) as raised:
        history.ask(request("AAA"))
    assert type(raised.value) is failure
    assert yahoo.chart_requests() == requests


@pytest.mark.parametrize(
    "body", ["null", "[]", "7", '"words"', "{}", '{"chart":null}', '{"chart":[]}', '{"chart":{}}']
)
def test_json_of_another_shape_does_not_mean_that_there_is_no_such_symbol(
    yahoo: YahooServer, history: YahooHistory, body: str
) -> None:
    yahoo.faults("AAA", forever(status(200, body)))
    with pytest.raises(InvalidDataError):
        history.ask(request("AAA"))
    assert yahoo.chart_requests() == 1


def test_the_reason_that_yahoo_gives_is_passed_on(yahoo: YahooServer, history: YahooHistory) -> None:
    why = '{"chart":{"result":null,"error":{"code":"Not Found","description":"It was delisted"}}}'
    yahoo.faults("AAA", status(200, why))
    with pytest.raises(UnknownTickerError, match="It was delisted"):
        history.ask(request("AAA"))


def test_yfinance_asks_for_its_cookie_once(yahoo: YahooServer, history: YahooHistory) -> None:
    for ticker in ("AAA", "BBB", "CCC"):
        history.ask(request(ticker))
    asides = [seen.path for seen in yahoo.requests if not seen.path.startswith(CHART)]
    assert len(asides) == len(set(asides)) <= 2


@pytest.mark.parametrize("code", ["Too Many Requests", "Rate limited"])
def test_a_refusal_for_too_many_requests_inside_a_good_answer_is_one(
    yahoo: YahooServer, history: YahooHistory, code: str
) -> None:
    body = as_json(error(code, f"{code}. Try after a while."))
    yahoo.faults("AAA", forever(status(200, body.decode())))
    with pytest.raises(RateLimitedError, match="slow down"):
        history.ask(request("AAA"))
