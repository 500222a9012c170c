"""What a run waits for before it trains: programs that are compiled while it begins."""

from collections.abc import Callable
from contextvars import ContextVar


def nothing_to_wait_for() -> None:
    """Return at once: nothing is compiled ahead."""


wait_for_programs: ContextVar[Callable[[], None]] = ContextVar(
    "wait_for_programs", default=nothing_to_wait_for
)
"""Called before the first training; raises what has kept the programs from being compiled."""
