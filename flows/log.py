"""A log that a person reads: what is expected is one sentence, and nothing is said twice."""

import atexit
import logging
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from stockjax.errors import StockjaxError

_LOGGERS = ("prefect.flow_runs", "prefect.task_runs", "prefect.engine")


class Readable(logging.Filter):
    """Drops uneventful ends, which the states show, and the tracebacks of expected failures."""

    links = True
    """Whether links to pages of the server are shown."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is worth a line."""
        message = record.getMessage()
        if message == "Finished in state Completed()":
            return False
        if message.startswith("View at ") and not self.links:
            return False
        if record.exc_info and isinstance(record.exc_info[1], StockjaxError):
            # Its sentence has been logged by then, or stands in this very message.
            record.exc_info = record.exc_text = None
            return "exited with unexpected exception" not in message
        return True


def install_log_filter() -> None:
    """Have what Prefect says of runs, tasks and itself pass through the filter."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_readable)


@contextmanager
def without_links() -> Generator[None]:
    """Leave out links to pages of the server: a temporary one has none, and ends with the run."""
    _readable.links = False
    try:
        yield
    finally:
        _readable.links = True


def silence_stderr_at_exit() -> None:
    """Close standard error at the very end of this process.

    Prefect keeps the last state of a flow alive until the interpreter is gone, and DuckDB's bindings
    then print a page about leaked objects. What is registered first is run last: nothing else is
    said so late.
    """
    atexit.register(_hush)


def _hush() -> None:
    sys.stderr.flush()
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)


_readable = Readable()
