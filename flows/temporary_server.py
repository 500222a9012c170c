"""The process of a temporary Prefect server, which imports its libraries before it is known to be needed."""

import atexit
import contextlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager

_ERROR = re.compile(r"[\w.]+(?:Error|Exception|CommandError): ")
"""How the last line of a traceback begins."""
END_TIMEOUT = 10.0
"""Seconds after which a server that does not end by itself is killed."""

_SETTINGS = {
    "PREFECT_SERVER_UI_ENABLED": "false",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_API_URL": "",
}


class TemporaryServer:
    """A server that ends with this process, after Prefect's own threads have sent it what they still had.

    Half of its start is the import of its libraries. It needs no port for that, and can be ended instead.
    """

    def __init__(self) -> None:
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115  the server writes to it until this process ends
        # Its standard input is a pipe from here: when this process dies, however it dies, the
        # pipe closes and the server ends too.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "flows.server_process"],
            env={**os.environ, **_SETTINGS},
            stdin=subprocess.PIPE,
            stderr=self._messages,
            start_new_session=True,
        )
        atexit.register(self._stop)

    def serve(self, port: int) -> None:
        """Have it answer at a port of the loopback interface."""
        # One that has ended already is noticed by who waits for its answer.
        if pipe := self._process.stdin:
            with contextlib.suppress(BrokenPipeError):
                pipe.write(f"{port}\n".encode())
                pipe.flush()

    @property
    def has_ended(self) -> bool:
        """Whether it has ended by itself."""
        return self._process.poll() is not None

    def cause(self) -> str:
        """Say why it has ended: the last error of a traceback among its messages."""
        self._messages.seek(0)
        lines = self._messages.read().decode(errors="replace").splitlines()
        errors = [line.strip() for line in lines if _ERROR.match(line)]
        found = errors or [line.strip() for line in lines if line.strip()] or ["it wrote no message"]
        return found[-1][:200]

    def kill(self) -> None:
        """End it at once: it has recorded nothing."""
        self._process.kill()
        self._process.wait()

    def _stop(self) -> None:
        if pipe := self._process.stdin:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        try:
            self._process.wait(timeout=END_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.kill()


@contextmanager
def server_begun() -> Generator[TemporaryServer | None]:
    """Start a server ahead, and end it if the block fails; none where it may not be needed.

    It may not be where the environment names one, or Prefect's settings, which take a second to import, are
    at hand. Others that name one are seen later.
    """
    if os.environ.get("PREFECT_API_URL") or "prefect" in sys.modules:
        yield None
        return
    server = TemporaryServer()
    try:
        yield server
    except BaseException:
        server.kill()
        raise
