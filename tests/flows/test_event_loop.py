"""Flows are called from notebooks too, whose event loop runs in the same thread."""

import asyncio

import pytest

from flows.event_loop import run_to_end


async def work(value: int) -> int:
    await asyncio.sleep(0)
    if value < 0:
        raise ValueError("below 0")
    return value + 1


async def cell() -> int:
    return run_to_end(work(1))


def test_a_coroutine_is_run_within_a_running_loop_or_without_one() -> None:
    assert asyncio.run(cell()) == run_to_end(work(1)) == 2


def test_its_error_is_raised() -> None:
    with pytest.raises(ValueError, match="below 0"):
        run_to_end(work(-1))
