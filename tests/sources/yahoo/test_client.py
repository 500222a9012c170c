import json
import socket
from collections.abc import Callable, Iterator

import pytest
from curl_cffi.requests import Response

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
from stockjax.sources.yahoo.client import PacedSession
from tests.support.yahoo_faults import (
    Fault,
    empty_body,
    hang,
    html,
    reset,
    status,
    truncated_json,
    will_be_right_back,
)
from tests.support.yahoo_server import CHART, YahooServer

YAHOO = "https://query2.finance.yahoo.com"
ASK = f"{YAHOO}{CHART}AAA?range=max&interval=1d"
Get = Callable[[], Response]


@pytest.fixture
def pace() -> RateLimiter:
    return RateLimiter(0, 0.05, 0.2)


@pytest.fixture
def session(yahoo: YahooServer, pace: RateLimiter) -> Iterator[PacedSession]:
    with PacedSession(pace, yahoo.base_url) as made:
        yield made


def because(description: str) -> str:
    error = {"code": "Bad Request", "description": description}
    return json.dumps({"chart": {"result": None, "error": error}})


NO_DATA = because("Data doesn't exist for startDate = 1, endDate = 2")


@pytest.mark.parametrize(
    ("fault", "failure", "lines"),
    [
        (status(404), UnknownTickerError, "No data found, symbol may be delisted"),
        (status(404, "<html>"), UnknownTickerError, "there is no such symbol"),
        (status(404, "[]"), UnknownTickerError, "there is no such symbol"),
        (status(404, '{"chart":null}'), UnknownTickerError, "there is no such symbol"),
        (status(400, NO_DATA), UnknownTickerError, "Data doesn't exist"),
        (status(422, NO_DATA), UnknownTickerError, "Data doesn't exist"),
        (status(400, because("Invalid range")), InvalidDataError, "HTTP 400"),
        (status(422, because("Invalid interval")), InvalidDataError, "HTTP 422"),
        (status(418, "teapot"), InvalidDataError, "teapot"),
        (status(429), RateLimitedError, "HTTP 429"),
        (status(999), RateLimitedError, "HTTP 999"),
        (status(401), SourceUnavailableError, "HTTP 401"),
        (status(403), SourceUnavailableError, "HTTP 403"),
        (status(500), SourceUnavailableError, "HTTP 500"),
        (status(503), SourceUnavailableError, "HTTP 503"),
        (will_be_right_back(), SourceUnavailableError, "right back"),
        (html(), TruncatedResponseError, "DOCTYPE"),
        (empty_body(), TruncatedResponseError, "empty"),
        (truncated_json(), TruncatedResponseError, "no JSON"),
        (reset(), SourceUnavailableError, "the connection failed"),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else None,
)
def test_every_failure_has_its_name(
    yahoo: YahooServer, session: PacedSession, fault: Fault, failure: type[SourceError], lines: str
) -> None:
    yahoo.faults("AAA", fault)
    with pytest.raises(SourceError, match=lines) as raised:
        session.get(ASK)
    assert type(raised.value) is failure
    assert yahoo.chart_requests() == 1


def test_no_answer_in_time_is_a_timeout(yahoo: YahooServer, session: PacedSession) -> None:
    yahoo.faults("AAA", hang(30))
    with pytest.raises(SourceTimeoutError):
        session.get(ASK, timeout=0.2)


def test_no_one_listening_is_a_vendor_that_cannot_be_reached(pace: RateLimiter) -> None:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        base_url = f"http://127.0.0.1:{place.getsockname()[1]}"
        with (
            PacedSession(pace, base_url) as session,
            pytest.raises(ConnectionFailedError, match="no connection"),
        ):
            session.get(ASK)


def test_long_answers_are_reported_in_short(yahoo: YahooServer, session: PacedSession) -> None:
    yahoo.faults("AAA", status(400, "word \n" * 1000))
    with pytest.raises(InvalidDataError) as raised:
        session.get(ASK)
    assert len(str(raised.value)) < 140
    assert "\n" not in str(raised.value)


def test_every_request_goes_to_the_base_url_with_all_its_words(
    yahoo: YahooServer, session: PacedSession
) -> None:
    answer = session.get(ASK)
    assert json.loads(answer.text)["chart"]["result"][0]["meta"]["symbol"] == "AAA"
    assert [(seen.path, seen.query) for seen in yahoo.requests] == [
        (f"{CHART}AAA", {"range": "max", "interval": "1d"})
    ]


def test_requests_that_are_not_about_prices_are_sent_once(yahoo: YahooServer, session: PacedSession) -> None:
    first, again = session.get("https://fc.yahoo.com/"), session.get("https://fc.yahoo.com/")
    assert first.status_code == again.status_code == 404
    assert session.get(f"{YAHOO}/v1/test/getcrumb").text == "crumb"
    assert [seen.path for seen in yahoo.requests] == ["/", "/v1/test/getcrumb"]


def test_a_refusal_makes_all_requests_wait(
    yahoo: YahooServer, pace: RateLimiter, session: PacedSession
) -> None:
    yahoo.faults("AAA", status(429))
    with pytest.raises(RateLimitedError):
        session.get(ASK)
    session.get(ASK)
    first, second = (seen.at for seen in yahoo.requests)
    assert second - first >= 0.049
    assert pace.acquire() == 1


def test_when_the_budget_is_spent_nothing_is_asked(yahoo: YahooServer, session: PacedSession) -> None:
    yahoo.faults("AAA", *[status(429)] * 20)
    for _ in range(10):
        with pytest.raises(RateLimitedError):
            session.get(ASK)
    assert yahoo.chart_requests() == 4
