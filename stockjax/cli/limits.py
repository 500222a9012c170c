"""Hard limits on this process, for what DuckDB's own limits do not hold back.

A single call such as `len(range(200000000))` takes memory outside DuckDB's limit and cannot be
interrupted; the operating system refuses the memory, and a watchdog ends the process.
"""

import os
import re
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from stockjax.errors import QueryRejectedError, StockjaxError

GRACE = 2.0
"""Seconds after its time limit in which a query may still end by itself."""
_ROOM = 512 * 2**20
"""Bytes above the limit, for printing the answer."""
_UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def number_of_bytes(text: str) -> int:
    """What DuckDB reads in a size as 500MB or 2GiB.

    Raises
    ------
    QueryRejectedError
        It is no size.

    Example
    -------
    >>> number_of_bytes("500MB")
    500000000

    """
    found = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?)\s*([KMGT]B|[KMG]IB)", text.strip().upper())
    size = int(float(found[1]) * _UNITS[found[2]]) if found else 0
    if not size:
        raise QueryRejectedError(f"'{text}' is no amount of memory; write it as 500MB or 2GB")
    return size


@contextmanager
def limited(seconds: float, memory: int) -> Generator[None]:
    """Let this process take so many more bytes, and end it should it not end by itself.

    Parameters
    ----------
    seconds
        The time limit; the process ends `GRACE` after it.
    memory
        Bytes beyond what it has now.

    """
    import resource  # POSIX only

    before = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = _in_use() + memory + _ROOM
    allowed = wanted if before[0] == resource.RLIM_INFINITY else min(wanted, before[0])
    resource.setrlimit(resource.RLIMIT_DATA, (allowed, before[1]))
    watchdog = threading.Timer(seconds + GRACE, _end, args=(seconds,))
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
    finally:
        watchdog.cancel()
        resource.setrlimit(resource.RLIMIT_DATA, before)


def _in_use() -> int:
    """Bytes of private memory that count against the limit; 0 where the system does not say."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    found = re.search(r"^VmData:\s+(\d+) kB", status.read_text(encoding="ascii"), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def _end(seconds: float) -> None:
    print(f"stockjax: the query did not end after {seconds:g} s and was killed; narrow it", file=sys.stderr)
    sys.stderr.flush()
    os._exit(StockjaxError.exit_code)
