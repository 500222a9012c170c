"""One run of a flow at a time on a warehouse."""

import contextlib
from collections.abc import Callable

from filelock import FileLock, Timeout

from stockjax.errors import RunInProgressError
from stockjax.settings import Settings

LogFn = Callable[[str], None]


class RunLock:
    """A run's place, which the operating system frees when its process dies, however it dies."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.warehouse
        self._settings = settings.run
        # Runs of a part of the exchanges each are all wanted: they wait for each other.
        self._waits = settings.run.if_running == "wait" or bool(settings.forecast_exchanges)
        self._lock: FileLock | None = None

    def acquire(self, flow: str, log: LogFn) -> None:
        """Take the place of a flow, now or when the run before has ended, by the settings.

        Raises
        ------
        RunInProgressError
            Another run has it.

        """
        self._folder.mkdir(parents=True, exist_ok=True)
        # Steps of a run may run in different threads.
        lock = FileLock(self._folder / f".{flow}.lock", thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            if not self._waits:
                raise RunInProgressError(
                    f"another run of {flow} is at work on '{self._folder}', and this one is cancelled; "
                    "run it again later, or set run.if_running to 'wait'"
                ) from error
            log(f"another run of {flow} is at work on '{self._folder}'; waiting for its end")
            self._wait(lock, flow)
        self._lock = lock

    def release(self) -> None:
        """Let the next run begin."""
        if self._lock:
            with contextlib.suppress(OSError):
                self._lock.release()
            self._lock = None

    def _wait(self, lock: FileLock, flow: str) -> None:
        try:
            lock.acquire(timeout=self._settings.busy_timeout, poll_interval=0.5)
        except Timeout as error:
            raise RunInProgressError(
                f"another run of {flow} was still at work on '{self._folder}' after "
                f"{self._settings.busy_timeout:g} s; look whether it hangs, or raise run.busy_timeout"
            ) from error
