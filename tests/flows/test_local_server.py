"""Which server records a run: the configured one while it is there, however slow."""

import io
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows import local_server, temporary_server
from flows.local_server import answers
from flows.temporary_server import TemporaryServer, server_begun
from stockjax.errors import StockjaxError


@contextmanager
def server(released: threading.Event, status: int = 200) -> Iterator[str]:
    """A server that answers as soon as an event is set."""

    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            released.wait(10)
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *_: object) -> None:
            del format

    with HTTPServer(("127.0.0.1", 0), Health) as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{made.server_port}/api"
        finally:
            released.set()
            made.shutdown()
            thread.join()


def test_a_server_that_is_busy_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes longer to answer than a connection may take."""
    monkeypatch.setattr(local_server, "CONNECT_SECONDS", 0.2)
    released = threading.Event()
    with server(released) as api:
        threading.Timer(0.6, released.set).start()
        assert answers(api)


def test_one_that_does_not_answer_at_all_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_server, "SLOW_SECONDS", 0.1)
    with server(threading.Event()) as api:
        assert not answers(api)


def test_one_that_is_unwell_or_absent_is_not_used() -> None:
    ready = threading.Event()
    ready.set()
    with server(ready, 500) as api:
        assert not answers(api)
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        assert not answers(f"http://127.0.0.1:{place.getsockname()[1]}/api")


class Ended(TemporaryServer):
    """A server that has ended with some messages."""

    has_ended = True

    def __init__(self, messages: bytes) -> None:
        self._messages = io.BytesIO(messages)


TRACEBACK = b"""Traceback (most recent call last):
  File "x.py", line 1, in <module>
alembic.util.exc.CommandError: Can't locate revision identified by 'abc'
ERROR:    Application startup failed. Exiting.
"""


@pytest.mark.parametrize(
    ("messages", "cause"),
    [
        (TRACEBACK, "alembic.util.exc.CommandError: Can't locate revision identified by 'abc'"),
        (b"killed\n", "killed"),
        (b"", "it wrote no message"),
    ],
)
def test_what_keeps_a_temporary_server_from_starting_is_named(
    monkeypatch: pytest.MonkeyPatch, messages: bytes, cause: str
) -> None:
    monkeypatch.setattr(local_server, "answers", lambda api: False)
    with pytest.raises(StockjaxError) as failure:
        local_server._wait_until_healthy(Ended(messages), "http://127.0.0.1:1/api")
    sentence = f"the temporary Prefect server did not start ({cause}); check the database of Prefect in '"
    assert str(failure.value).startswith(sentence)
    assert str(failure.value).endswith("or set PREFECT_HOME to an empty folder")


def test_a_temporary_server_that_is_slow_is_not_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_server, "START_TIMEOUT", 0.0)
    begun = TemporaryServer()
    with pytest.raises(StockjaxError, match=r"did not answer within 0 s; run it again .* less busy"):
        local_server._wait_until_healthy(begun, "http://127.0.0.1:1/api")
    begun.kill()


def test_a_server_begun_ahead_is_ended_where_it_is_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a configured one answers, and where what it was begun for fails."""
    ready = threading.Event()
    ready.set()
    begun = TemporaryServer()
    with (
        server(ready) as api,
        temporary_settings({PREFECT_API_URL: api}),
        local_server.prefect_api(begun) as wait_until_ready,
    ):
        wait_until_ready()
        assert PREFECT_API_URL.value() == api
    assert begun.has_ended
    # As in a process that has not loaded Prefect yet.
    monkeypatch.delitem(sys.modules, "prefect")
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with pytest.raises(KeyError), server_begun() as ahead:
        assert ahead is not None
        raise KeyError
    assert ahead.has_ended
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    with server_begun() as none:
        assert none is None


def test_a_server_without_a_port_ends_with_who_began_it(monkeypatch: pytest.MonkeyPatch) -> None:
    # It looks at its input once its libraries are imported, which a busy machine may take long for.
    monkeypatch.setattr(temporary_server, "END_TIMEOUT", 120.0)
    begun = TemporaryServer()
    begun._stop()
    assert begun._process.returncode == 0


def test_a_port_for_a_server_that_has_ended_is_no_error() -> None:
    """Who waits for its answer says why it ended."""
    begun = TemporaryServer()
    begun.kill()
    begun.serve(1)
    with pytest.raises(StockjaxError, match=r"did not start \(it wrote no message\)"):
        local_server._wait_until_healthy(begun, "http://127.0.0.1:1/api")
