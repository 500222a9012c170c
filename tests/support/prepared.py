"""Runs in processes that begin with their libraries loaded, which is half of what a brief run costs."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver, get_context, resource_tracker
from pathlib import Path
from unittest.mock import patch

import flows.forecast  # noqa: F401  loaded before anything is forked
from stockjax.cli.main import main
from tests.support.served import PATIENCE, ROOT, Server, until

_CONTEXT = get_context("forkserver")


@contextmanager
def prepared(server: Server) -> Iterator[None]:
    """Have the process from which runs are forked begin with the settings of those that talk to `server`."""
    _CONTEXT.set_forkserver_preload([__name__])
    # With the settings of this server it would be ended with it, and other tests of this process use it too.
    resource_tracker.ensure_running()
    with patch.dict(os.environ, server.environment(), clear=True):
        forkserver.ensure_running()
    yield


class Run:
    """`stockjax run` on a warehouse: a process of its own, though not one that had to begin from nothing."""

    def __init__(self, warehouse: Path, environment: dict[str, str], log: Path, *tickers: str) -> None:
        self.log = log
        settings = {**environment, "STOCKJAX_WAREHOUSE": str(warehouse)}
        self.process = _CONTEXT.Process(target=_run, args=(settings, log, tickers))
        self.process.start()

    @property
    def said(self) -> str:
        """All that it has printed, its line breaks undone."""
        if not self.log.exists():
            return ""
        return " ".join(self.log.read_text(encoding="utf-8", errors="replace").split())

    def wait_to_say(self, text: str) -> None:
        """Return once it has printed a text."""

        def has_said() -> bool:
            assert self.process.exitcode in (None, 0), self.said
            return text in self.said

        until(has_said, f"'{text}' in {self.log}")

    def signal(self, what: signal.Signals) -> None:
        """Send a signal to the process."""
        assert self.process.pid is not None
        os.kill(self.process.pid, what)

    def wait(self) -> int:
        """The exit code, once it has ended; negative the signal that has killed it."""
        self.process.join(PATIENCE)
        assert self.process.exitcode is not None, self.said
        return self.process.exitcode

    def kill(self) -> None:
        """End it, now."""
        self.process.kill()
        self.process.join()


def _run(environment: dict[str, str], log: Path, tickers: tuple[str, ...]) -> None:
    os.setsid()
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(output, stream)
    main(["run", *tickers])
