"""The source `yahoo`: many tickers at once, each with its own end."""

import random
import re
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import date
from itertools import islice

import pandas as pd

from stockjax.errors import (
    ConnectionFailedError,
    RateLimitedError,
    SourceError,
    SourceTimeoutError,
    SourceUnavailableError,
    UnknownTickerError,
)
from stockjax.settings import YahooSettings
from stockjax.sources.protocol import Delivery, Request, no_prices
from stockjax.sources.rate_limit import RateLimiter
from stockjax.sources.yahoo.chart_api import Answer, YahooHistory

PART_TICKERS = 100
PART_SECONDS = 5.0
"""A part is delivered when it has so many tickers, or has been collected for so long."""
_FIRST_WAIT = 0.5
# Where so many tickers in a row could not be had at all, asking each of them again and again
# would take hours; they are asked once until one answers.
_FAILURES_IN_A_ROW = 10


class YahooSource:
    """Daily prices of any symbol that Yahoo knows; its "now" is the clock."""

    name = "yahoo"

    def __init__(self, settings: YahooSettings) -> None:
        self._settings = settings
        self._failures = 0
        self._unreachable = 0
        self._answered = False
        self._counting = threading.Lock()

    def universe(self) -> tuple[str, ...]:
        """None: Yahoo has more symbols than anybody wants."""
        return ()

    def last_session(self) -> date | None:
        """None: it is live."""
        return None

    def fetch(self, requests: Iterable[Request], last: date) -> Iterator[Delivery]:
        """Ask for every ticker, several at once, and deliver them in parts as they arrive."""
        settings = self._settings
        limiter = RateLimiter(settings.requests_per_second, settings.pause, settings.pause_budget)
        vendor = YahooHistory(settings, limiter)
        waiting = iter(requests)
        with ThreadPoolExecutor(settings.workers, thread_name_prefix="yahoo") as pool:
            try:
                # A few ahead keep every worker busy; all at once would fill the memory while
                # the warehouse stores.
                running = {
                    pool.submit(self._ask, vendor, limiter, request): request.ticker
                    for request in islice(waiting, 4 * settings.workers)
                }
                yield from self._parts(pool, vendor, limiter, running, waiting, last)
            finally:
                limiter.stop()
                pool.shutdown(wait=True, cancel_futures=True)
                vendor.close()

    def _parts(
        self,
        pool: ThreadPoolExecutor,
        vendor: YahooHistory,
        limiter: RateLimiter,
        running: dict[Future[Answer], str],
        waiting: Iterator[Request],
        last: date,
    ) -> Iterator[Delivery]:
        answers: dict[str, Answer] = {}
        failures: dict[str, SourceError] = {}
        begun = time.monotonic()
        while running:
            done, _ = wait(running, timeout=PART_SECONDS, return_when=FIRST_COMPLETED)
            for future in done:
                ticker = running.pop(future)
                error = future.exception()
                if isinstance(error, SourceError):
                    failures[ticker] = error
                elif error:
                    raise error
                else:
                    answers[ticker] = future.result()
                for request in islice(waiting, 1):
                    running[pool.submit(self._ask, vendor, limiter, request)] = request.ticker
            full = len(answers) + len(failures) >= PART_TICKERS
            if (answers or failures) and (full or time.monotonic() - begun > PART_SECONDS):
                yield _delivery(answers, failures, last)
                answers, failures, begun = {}, {}, time.monotonic()
        if answers or failures:
            yield _delivery(answers, failures, last)

    def _ask(self, vendor: YahooHistory, limiter: RateLimiter, request: Request) -> Answer:
        """One ticker, again where that may help.

        Raises
        ------
        SourceError
            Its sentence names the ticker and says what to do.

        """
        attempts = 0
        while True:
            try:
                self._check_reachable()
                answer = vendor.ask(request)
            except SourceError as error:
                attempts += not isinstance(error, RateLimitedError)
                if isinstance(error, RateLimitedError) and not limiter.exhausted:
                    continue
                if not error.worth_retrying or limiter.exhausted or attempts > self._retries():
                    self._count(error)
                    raise _named(error, request.ticker) from error
                limiter.wait(_FIRST_WAIT * 2 ** (attempts - 1) * (1 + random.random() / 2))  # noqa: S311
            else:
                self._count(None)
                return answer

    def _check_reachable(self) -> None:
        if not self._answered and self._unreachable >= _FAILURES_IN_A_ROW:
            raise ConnectionFailedError("there is no connection to it, as for the tickers before")

    def _retries(self) -> int:
        return self._settings.retries if self._failures < _FAILURES_IN_A_ROW else 0

    def _count(self, error: SourceError | None) -> None:
        with self._counting:
            self._failures = (
                self._failures + 1 if isinstance(error, SourceUnavailableError | SourceTimeoutError) else 0
            )
            self._unreachable += isinstance(error, ConnectionFailedError)
            self._answered |= not isinstance(error, ConnectionFailedError)


def _delivery(answers: dict[str, Answer], failures: dict[str, SourceError], last: date) -> Delivery:
    """A part; what lies after `last` is not known yet."""
    frames = [answer.prices for answer in answers.values() if len(answer.prices)]
    prices = pd.concat(frames, ignore_index=True) if frames else no_prices()
    return Delivery(
        prices[prices["session"] <= pd.Timestamp(last)].reset_index(drop=True),
        dict(failures),
        frozenset(ticker for ticker, answer in answers.items() if answer.full_history),
        {ticker: answer.exchange for ticker, answer in answers.items() if answer.exchange},
        zones={ticker: answer.zone for ticker, answer in answers.items() if answer.zone},
    )


_SHARE_CLASS = re.compile(r"([A-Z]{1,5})[./]([A-C])")
"""A class of shares as others write it: BRK.B. Yahoo has other letters after a point, for exchanges."""
_ADVICE = {
    "UnknownTickerError": "check the symbol",
    "ConnectionFailedError": "check the connection and run again",
    "RateLimitedError": "run again later, or lower yahoo.requests_per_second",
    "SourceTimeoutError": "run again later, or raise yahoo.timeout",
}


def _named(error: SourceError, ticker: str) -> SourceError:
    advice = _ADVICE.get(type(error).__name__, "run again later")
    if isinstance(error, UnknownTickerError) and (share := _SHARE_CLASS.fullmatch(ticker)):
        advice = f"check the symbol: Yahoo writes {share[1]}-{share[2]}"
    problem = "has no prices of" if isinstance(error, UnknownTickerError) else "gave no prices of"
    return type(error)(f"Yahoo {problem} '{ticker}': {error}; {advice}")
