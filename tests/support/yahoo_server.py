"""A server on this machine that answers as Yahoo Finance's chart interface does, faults included.

Everything that it says comes from `Listing`s, so a test knows what the vendor knew and when:

    with YahooServer({"AAPL": made_up_listing(1, date(2020, 1, 2), date(2020, 12, 31))}) as yahoo:
        yahoo.set_today(date(2020, 6, 1))
        yahoo.faults("AAPL", as_usual(), status(503), forever(hang(30)))
        ...                           # fetch from yahoo.base_url
        assert yahoo.chart_requests("AAPL") == 3
"""

import re
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from types import TracebackType
from typing import Self

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.support.yahoo_faults import HTML, TEXT, Answer, Fault, as_json
from tests.support.yahoo_payload import Listing, chart

CHART = "/v8/finance/chart/"
CRUMB = "/v1/test/getcrumb"


@dataclass(frozen=True)
class Seen:
    """A request as it came in; `at` is a moment of `time.monotonic`."""

    path: str
    ticker: str | None
    query: dict[str, str]
    at: float


class _PromptServer(HTTPServer):
    """Stops as soon as it is asked: by default each stop takes up to half a second."""

    def thread_target(self) -> None:
        assert self.server is not None
        self.server.serve_forever(poll_interval=0.02)


class YahooServer:
    """Yahoo Finance on a port of this machine, from entering the context to leaving it.

    Parameters
    ----------
    listings
        What the vendor knows, by ticker in capitals. May be filled and changed at any time between
        two requests; the frames of prices may be changed in place.
    float32
        Whether prices carry the noise of 32-bit numbers, as the vendor's do.

    """

    def __init__(self, listings: dict[str, Listing] | None = None, *, float32: bool = False) -> None:
        self.listings: dict[str, Listing] = dict(listings or {})
        self.float32 = float32
        self.requests: list[Seen] = []
        self._faults: dict[str, deque[Fault]] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = _PromptServer(threaded=True)
        self._server.expect_request(re.compile(".*")).respond_with_handler(self._respond)
        self._server.start()
        self.base_url = self._server.url_for("").rstrip("/")

    def __enter__(self) -> Self:
        # Closing says no farewell: what has something left to send is reset.
        assert self._server.server is not None
        self._server.server.shutdown_request = self._server.server.close_request  # type: ignore[method-assign]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.stop()
        if error is None:
            # A mistake in a listing must not look like one more fault of the vendor's.
            self._server.check()

    def faults(self, ticker: str, *faults: Fault) -> None:
        """Spoil the next chart answers for `ticker`, one fault each; what was left before is forgotten."""
        if any(fault.forever for fault in faults[:-1]):
            raise ValueError("only the last fault can go on forever")
        with self._lock:
            self._faults[ticker] = deque(faults)

    def chart_requests(self, ticker: str | None = None) -> int:
        """How many chart requests came, for one ticker or for all."""
        with self._lock:
            seen = [request.ticker for request in self.requests if request.ticker is not None]
        return len(seen) if ticker is None else seen.count(ticker)

    def set_today(self, last: date) -> None:
        """Every listing is known up to the session `last`."""
        for listing in self.listings.values():
            listing.last = last

    def _respond(self, request: Request) -> Response:
        answer = self._answer(request.path, request.args.to_dict())
        if answer.held_for and self._closing.wait(answer.held_for):
            answer = replace(answer, breaks_off=True)
        headers = [*answer.headers, ("Connection", "close")]
        response = Response(answer.body, answer.code, headers, content_type=answer.content_type)
        if answer.breaks_off:
            response.headers["Content-Length"] = str(len(answer.body))
            response.response = _first_half(answer.body, request.environ["werkzeug.socket"])
        return response

    def _answer(self, path: str, query: dict[str, str]) -> Answer:
        """The answer to a request, which is recorded."""
        ticker = path.removeprefix(CHART) if path.startswith(CHART) else None
        with self._lock:
            self.requests.append(Seen(path, ticker, query, time.monotonic()))
            waiting = self._faults.get(ticker or "", deque())
            fault = waiting[0] if waiting and waiting[0].forever else waiting.popleft() if waiting else None
        if ticker is not None:
            code, document = chart(ticker, self.listings.get(ticker), query, float32=self.float32)
            answer = Answer(as_json(document), code=code)
            return fault.spoil(answer) if fault else answer
        if path == CRUMB:
            return Answer(b"crumb", TEXT)
        # fc.yahoo.com does the same: its cookie comes with an error. Without a domain, a client that
        # was led here keeps it.
        cookie = "A3=d=made-up; Max-Age=31557600; Path=/; HttpOnly"
        return Answer(b"<html><body>Not Found</body></html>", HTML, 404, (("Set-Cookie", cookie),))


def _first_half(body: bytes, connection: socket.socket) -> Iterator[bytes]:
    yield body[: len(body) // 2]
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise ConnectionResetError
