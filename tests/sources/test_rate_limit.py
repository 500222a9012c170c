import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from stockjax.errors import RateLimitedError
from stockjax.sources.rate_limit import RateLimiter


class Clock:
    """Time that passes only while someone sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []
        self.while_asleep: Callable[[], object] = lambda: None

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        self.while_asleep()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def pace_on(
    clock: Clock, per_second: float = 0, pause: float = 10, budget: float = 1000, jitter: float = 0
) -> RateLimiter:
    return RateLimiter(per_second, pause, budget, clock=clock, sleep=clock.sleep, jitter=lambda: jitter)


def starts(pace: RateLimiter, clock: Clock, count: int) -> list[float]:
    found = []
    for _ in range(count):
        pace.acquire()
        found.append(clock.now)
    return found


def test_turns_keep_their_distance(clock: Clock) -> None:
    assert starts(pace_on(clock, 4), clock, 4) == pytest.approx([100, 100.25, 100.5, 100.75])


def test_time_without_turns_is_not_saved_up(clock: Clock) -> None:
    pace = pace_on(clock, 4)
    pace.acquire()
    clock.now = 200
    assert starts(pace, clock, 3) == pytest.approx([200, 200.25, 200.5])


def test_without_a_limit_no_one_waits(clock: Clock) -> None:
    assert starts(pace_on(clock, 0), clock, 50) == [100] * 50
    assert clock.slept == []


def test_threads_share_one_rate() -> None:
    pace = RateLimiter(50, 1, 1)
    moments: list[float] = []

    def turns() -> None:
        for _ in range(4):
            pace.acquire()
            moments.append(time.monotonic())

    begun = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(turns) for _ in range(4)]:
            done.result()
    assert all(moment - begun > number / 50 - 0.002 for number, moment in enumerate(sorted(moments)))


def test_a_pause_holds_everybody(clock: Clock) -> None:
    pace = pace_on(clock)
    pace.pause(pace.acquire())
    assert starts(pace, clock, 2) == [110, 110]


def test_a_pause_that_begins_while_someone_waits_holds_for_him_too(clock: Clock) -> None:
    pace = pace_on(clock, 2)
    seen = pace.acquire()

    def once() -> None:
        clock.while_asleep = lambda: None
        pace.pause(seen)

    clock.while_asleep = once
    assert pace.acquire() == 1
    assert clock.now == pytest.approx(100.5 + 10)


def test_after_a_pause_the_rate_is_kept(clock: Clock) -> None:
    pace = pace_on(clock, 4)
    pace.pause(pace.acquire())
    assert starts(pace, clock, 3) == pytest.approx([110, 110.25, 110.5])


def test_requests_under_way_make_one_pause_together(clock: Clock) -> None:
    pace = pace_on(clock)
    under_way = [pace.acquire() for _ in range(4)]
    for acquire in under_way:
        pace.pause(acquire)
    assert pace.acquire() == 1
    assert clock.now == 110


def test_pauses_double_until_an_answer_comes(clock: Clock) -> None:
    pace = pace_on(clock)
    for _ in range(3):
        pace.pause(pace.acquire())
    pace.acquire()
    assert clock.slept == [10, 20, 40]
    pace.reset_backoff()
    pace.pause(pace.acquire())
    pace.acquire()
    assert clock.slept == [10, 20, 40, 10]


@pytest.mark.parametrize(("jitter", "length"), [(0.0, 10.0), (0.5, 11.25), (1.0, 12.5)])
def test_jitter_adds_a_quarter_at_most(clock: Clock, jitter: float, length: float) -> None:
    pace = pace_on(clock, jitter=jitter)
    pace.pause(pace.acquire())
    pace.acquire()
    assert clock.slept == [length]


def test_jitter_does_not_add_up(clock: Clock) -> None:
    pace = pace_on(clock, jitter=1)
    for _ in range(2):
        pace.pause(pace.acquire())
    pace.acquire()
    assert clock.slept == [12.5, 25]


def test_the_last_pause_is_what_is_left_of_the_budget(clock: Clock) -> None:
    pace = pace_on(clock, budget=25)
    for _ in range(2):
        pace.pause(pace.acquire())
    last = pace.acquire()
    assert clock.slept == [10, 15]
    pace.pause(last)
    assert pace.exhausted
    with pytest.raises(RateLimitedError):
        pace.acquire()
    assert clock.slept == [10, 15]


def test_answers_do_not_refill_the_budget(clock: Clock) -> None:
    pace = pace_on(clock, budget=25)
    for _ in range(3):
        pace.pause(pace.acquire())
        pace.reset_backoff()
    pace.pause(pace.acquire())
    assert pace.exhausted
    assert clock.slept == [10, 10, 5]


def test_without_a_budget_the_first_refusal_ends_it(clock: Clock) -> None:
    pace = pace_on(clock, budget=0)
    pace.pause(pace.acquire())
    assert pace.exhausted


def test_an_old_refusal_does_not_use_up_the_budget(clock: Clock) -> None:
    pace = pace_on(clock, budget=10)
    old, other = pace.acquire(), pace.acquire()
    pace.pause(old)
    pace.acquire()
    pace.pause(other)
    assert not pace.exhausted


@pytest.mark.parametrize("waits_for", ["a pause", "its place"])
def test_stopping_wakes_who_waits(waits_for: str) -> None:
    pace = RateLimiter(0.01 if waits_for == "its place" else 0, 60, 60)
    acquire = pace.acquire()
    if waits_for == "a pause":
        pace.pause(acquire)
    begun = threading.Event()

    def wait() -> None:
        begun.set()
        pace.acquire()

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wait)
        assert begun.wait(5)
        pace.stop()
        with pytest.raises(RateLimitedError):
            waiting.result(timeout=5)
    assert pace.exhausted
