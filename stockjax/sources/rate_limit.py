"""How fast all workers together may ask, and when all of them wait."""

import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from stockjax.errors import RateLimitedError, SourceError

Answer = TypeVar("Answer")


def ask_again(limiter: "RateLimiter", ask: Callable[[], Answer], retries: int, first_wait: float) -> Answer:
    """What `ask` returns, asked again where that may help; the wait doubles each time.

    Raises
    ------
    SourceError
        What was wrong with the last answer.

    """
    for attempt in range(retries):
        try:
            return ask()
        except SourceError as error:
            if not error.worth_retrying or limiter.exhausted:
                raise
            if not isinstance(error, RateLimitedError):
                # After 'too many requests' all wait at their next turn.
                limiter.wait(first_wait * 2**attempt)
    return ask()


class RateLimiter:
    """One rate and one pause for every thread.

    Parameters
    ----------
    per_second
        Requests per second; 0 for no limit.
    pause
        Seconds of the first pause; each one that follows without a success between is twice as long.
    budget
        Seconds of pauses altogether, after which nothing more is asked.
    clock, sleep, jitter
        For tests: seconds that only grow, waiting for some of them, and a draw from 0 to 1.

    """

    def __init__(
        self,
        per_second: float,
        pause: float,
        budget: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._interval = 1 / per_second if per_second else 0.0
        self._first_pause = self._next_pause = pause
        self._left = budget
        self._clock, self._jitter = clock, jitter
        self._stopped = threading.Event()
        # Waiting for the event instead of sleeping lets a run that ends wake its workers.
        self._sleep = sleep or self._stopped.wait
        self._lock = threading.Lock()
        self._free_at = 0.0
        self._paused_until = 0.0
        self._given_up = False
        self._pauses = 0

    def acquire(self) -> int:
        """Wait for a turn; returns how many pauses there have been.

        Raises
        ------
        RateLimitedError
            The budget is spent, or the work has been stopped.

        """
        while True:
            with self._lock:
                self._check()
                now = self._clock()
                if now < self._paused_until:
                    wait, seen = self._paused_until - now, None
                else:
                    # The place in the queue is taken now, so that those who wait go one by one.
                    wait, seen = max(self._free_at - now, 0.0), self._pauses
                    self._free_at = now + wait + self._interval
            if wait:
                self._sleep(wait)
            with self._lock:
                self._check()
                # A pause that began meanwhile holds for those in the queue too.
                if seen == self._pauses:
                    return seen

    def pause(self, pauses_seen: int) -> None:
        """All wait: the vendor answered 'too many requests' to a turn that had `pauses_seen`.

        Requests that were under way when a pause began do not make another one.
        """
        with self._lock:
            if pauses_seen != self._pauses or self._given_up:
                return
            length = min(self._next_pause * (1 + self._jitter() / 4), self._left)
            if length <= 0:
                self._given_up = True
                return
            self._pauses += 1
            self._left -= length
            self._next_pause *= 2
            self._paused_until = self._clock() + length

    def reset_backoff(self) -> None:
        """An answer came: the next pause is a short one again."""
        with self._lock:
            self._next_pause = self._first_pause

    def wait(self, seconds: float) -> None:
        """Wait, unless the work is stopped meanwhile."""
        self._sleep(seconds)

    def stop(self) -> None:
        """Let everybody who waits give up."""
        self._stopped.set()

    @property
    def exhausted(self) -> bool:
        """Whether the budget of pauses is spent, or the work stopped: nothing more is asked."""
        return self._given_up or self._stopped.is_set()

    def _check(self) -> None:
        if self.exhausted:
            raise RateLimitedError("the vendor asked for more pauses than a run may take")
