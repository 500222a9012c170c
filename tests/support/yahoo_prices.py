"""Requests, sources and answers for the tests of Yahoo."""

from collections.abc import Iterable
from datetime import date
from typing import Any

import pandas as pd

from stockjax.sessions import Exchange
from stockjax.settings import YahooSettings
from stockjax.sources.protocol import Delivery, Request
from stockjax.sources.yahoo import YahooSource
from tests.support.yahoo_server import YahooServer

FIRST, LAST = date(2024, 1, 2), date(2024, 5, 10)
NEW_YORK = Exchange("XNYS")


def settings(yahoo: YahooServer | str, **others: Any) -> YahooSettings:
    """Settings that wait for nothing for long."""
    base_url = yahoo if isinstance(yahoo, str) else yahoo.base_url
    usual = {"requests_per_second": 0, "pause": 0.05, "pause_budget": 0.2, "timeout": 5, "retries": 2}
    return YahooSettings(**{**usual, "base_url": base_url, **others})


def request(ticker: str, known: pd.DataFrame | None = None, code: str = "XNYS") -> Request:
    return Request(ticker, Exchange(code), None if known is None else known.drop(columns=["ticker", "raw"]))


def fetch(source: YahooSource, tickers: Iterable[str], last: date = LAST) -> list[Delivery]:
    """All parts of a fetch in which nothing is stored."""
    return list(source.fetch([request(ticker) for ticker in tickers], last))


def source_of(yahoo: YahooServer, **others: Any) -> YahooSource:
    return YahooSource(settings(yahoo, **others))
