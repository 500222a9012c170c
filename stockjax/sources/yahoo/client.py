"""The HTTP session that yfinance uses: at our pace, with failures that have names."""

import json
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from curl_cffi import requests
from curl_cffi.requests import exceptions

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
from stockjax.sources.rate_limit import RateLimiter

_CHART, _EARNINGS = "/v8/finance/chart/", "/calendar/earnings"
# Yahoo answers 999 where others say 429.
_TOO_MANY = (429, 999)
# libcurl's numbers for a proxy or a host that is not found, and for one that does not answer.
_NOT_CONNECTED = (5, 6, 7)
_NO_DATA = ("no data found", "data doesn't exist")


class PacedSession(requests.Session[requests.Response]):
    """A session that waits its turn and judges every answer about prices and earnings.

    Answers to other requests (yfinance asks for a cookie first) are left to yfinance, which
    does without.

    Parameters
    ----------
    base_url
        Scheme and host that every request goes to instead of Yahoo's; None for Yahoo.

    """

    def __init__(self, limiter: RateLimiter, base_url: str | None) -> None:
        super().__init__(impersonate="chrome")
        self._limiter = limiter
        self._base = urlsplit(base_url) if base_url else None
        self._asides: dict[str, requests.Response | exceptions.RequestException] = {}

    def request(self, method: Any, url: str, *arguments: Any, **options: Any) -> requests.Response:
        """Send one request.

        Raises
        ------
        SourceError
            A request about prices or earnings failed; the class says how.

        """
        if _CHART not in url and _EARNINGS not in url:
            return self._aside(method, url, *arguments, **options)
        acquire = self._limiter.acquire()
        try:
            response: requests.Response = super().request(method, self._elsewhere(url), *arguments, **options)
        except exceptions.RequestException as error:
            raise _of_connection(error) from error
        failure = _of_answer(response) if _CHART in url else _of_page(response)
        if isinstance(failure, RateLimitedError):
            self._limiter.pause(acquire)
        if failure:
            raise failure
        self._limiter.reset_backoff()
        return response

    def _aside(self, method: Any, url: str, *arguments: Any, **options: Any) -> requests.Response:
        """Send once what yfinance repeats before each request until it has been given a cookie."""
        if url not in self._asides:
            self._limiter.acquire()
            try:
                self._asides[url] = super().request(method, self._elsewhere(url), *arguments, **options)
            except exceptions.RequestException as error:
                self._asides[url] = error
        answer = self._asides[url]
        if isinstance(answer, exceptions.RequestException):
            raise answer
        return answer

    def _elsewhere(self, url: str) -> str:
        if self._base is None:
            return url
        return urlunsplit(urlsplit(url)._replace(scheme=self._base.scheme, netloc=self._base.netloc))


def _of_connection(error: exceptions.RequestException) -> SourceError:
    if isinstance(error, exceptions.Timeout):
        return SourceTimeoutError("no answer in time")
    if isinstance(error, exceptions.ConnectionError) and error.code in _NOT_CONNECTED:
        return ConnectionFailedError(f"no connection ({_short(str(error))})")
    return SourceUnavailableError(f"the connection failed ({_short(str(error))})")


def _of_answer(response: requests.Response) -> SourceError | None:
    """What is wrong with an answer; None if it is JSON and the status is good."""
    if response.status_code >= 400:
        return _of_status(response.status_code, response.text)
    body = response.text
    if "Will be right back" in body:
        return SourceUnavailableError("the vendor says it will be right back")
    try:
        document = json.loads(body)
    except ValueError:
        return TruncatedResponseError(
            f"the answer is no JSON ('{_short(body)}')" if body else "the answer is empty"
        )
    chart = document.get("chart") if isinstance(document, dict) else None
    if not isinstance(chart, dict) or not {"result", "error"} & set(chart):
        return InvalidDataError(f"the answer is JSON of another kind ('{_short(body)}')")
    return None


def _of_page(response: requests.Response) -> SourceError | None:
    """What is wrong with an answer that should be a page about earnings; None if nothing is."""
    if response.status_code >= 400:
        return _of_status(response.status_code, response.text)
    if "Will be right back" in response.text:
        return SourceUnavailableError("the vendor says it will be right back")
    if "</html>" not in response.text.lower():
        return TruncatedResponseError("the page of earnings is empty or cut off")
    return None


def _of_status(status: int, body: str) -> SourceError:
    if status in _TOO_MANY:
        return RateLimitedError(f"the vendor asked us to slow down (HTTP {status})")
    if status == 404 or (status in {400, 422} and any(words in body.lower() for words in _NO_DATA)):
        return UnknownTickerError(_description(body) or "there is no such symbol")
    if status >= 500 or status in {401, 403}:
        return SourceUnavailableError(f"the vendor answered HTTP {status}")
    return InvalidDataError(f"the vendor refused the request (HTTP {status}, {_short(body)})")


def _description(body: str) -> str | None:
    try:
        return _short(str(json.loads(body)["chart"]["error"]["description"]))
    except (ValueError, KeyError, TypeError):
        return None


def _short(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= 80 else plain[:79] + "…"
