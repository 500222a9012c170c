"""A Prefect API for a run in this process: the configured one, or one of its own."""

import os
import socket
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

import httpx
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

from flows.log import without_links
from flows.temporary_server import TemporaryServer
from stockjax.errors import StockjaxError

START_TIMEOUT = 120.0
"""Seconds that a server of our own may take to answer."""

CONNECT_SECONDS = 2.0
SLOW_SECONDS = 30.0
"""A server that is not there refuses the connection; one that is busy takes it, and may answer late."""

_POLL_SECONDS = 0.05


@contextmanager
def prefect_api(begun: TemporaryServer | None = None) -> Generator[Callable[[], None]]:
    """Have an API to record a run with; yields a function that waits until it answers.

    A server that is configured and answers is used. Otherwise a temporary one answers on a
    loopback port, with the same database as `prefect server start` would use, so that a
    server started later shows the run. Prefect can start one by itself, but only after
    importing the whole server into this process first.

    Parameters
    ----------
    begun
        A temporary server that was started ahead; it is ended if the configured one answers.

    Raises
    ------
    StockjaxError
        Prefect cannot read its settings; from the function: the server ended, or did not answer in time.

    """
    configured = _configured_api()
    if configured and answers(configured):
        if begun:
            begun.kill()
        yield lambda: None
        return
    server = begun or TemporaryServer()
    port = _free_port()
    server.serve(port)
    api = f"http://127.0.0.1:{port}/api"
    try:
        with temporary_settings({PREFECT_API_URL: api}), without_links():
            yield lambda: _wait_until_healthy(server, api)
    except BaseException:
        # There was no run, so that nothing is left to record.
        server.kill()
        raise


def _configured_api() -> str | None:
    try:
        configured: str | None = PREFECT_API_URL.value()
    except (ValueError, OSError) as error:
        home = os.environ.get("PREFECT_HOME") or "~/.prefect"
        why = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise StockjaxError(
            f"Prefect cannot read its settings ({why}); correct profiles.toml in '{home}', or set "
            "PREFECT_HOME to another folder"
        ) from error
    return configured


def _wait_until_healthy(server: TemporaryServer, api: str) -> None:
    give_up = time.monotonic() + START_TIMEOUT
    while not answers(api):
        if server.has_ended:
            raise StockjaxError(
                f"the temporary Prefect server did not start ({server.cause()}); check "
                f"the database of Prefect in '{PREFECT_HOME.value()}', or set PREFECT_HOME to an empty folder"
            )
        if time.monotonic() > give_up:
            raise StockjaxError(
                f"the temporary Prefect server did not answer within {START_TIMEOUT:.0f} s; run it again "
                "when this machine is less busy, or start a server that stays: prefect server start"
            )
        time.sleep(_POLL_SECONDS)


def answers(api: str) -> bool:
    """Whether a Prefect API is there and well; one that is busy is waited for."""
    try:
        asked = httpx.get(
            f"{api}/health",
            timeout=httpx.Timeout(SLOW_SECONDS, connect=CONNECT_SECONDS),
            # Without TLS there is no use in loading the certificates of all authorities, which takes 50 ms.
            verify=api.startswith("https:"),
        )
    except httpx.HTTPError:
        return False
    return asked.status_code == httpx.codes.OK


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
