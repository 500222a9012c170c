"""How many tasks train a night's tickers."""

import pytest

from flows.ticker_tasks import number_of_tasks


@pytest.mark.parametrize(
    ("tickers", "most", "tasks"),
    [(5, 250, 5), (250, 250, 250), (251, 250, 32), (500, 250, 32), (3_000, 250, 120), (9_000, 250, 250)],
)
def test_a_ticker_has_a_task_until_they_are_too_many_and_share_large_ones(
    tickers: int, most: int, tasks: int
) -> None:
    assert number_of_tasks(tickers, most) == tasks


@pytest.mark.parametrize(("tickers", "most"), [(5, 2), (5, 1), (40, 32), (1_000, 3)])
def test_there_are_as_many_tasks_as_are_asked_for_where_those_are_few(tickers: int, most: int) -> None:
    assert number_of_tasks(tickers, most) == most


def test_a_task_is_never_smaller_than_a_program_of_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.ticker_tasks.tickers_per_program", lambda: 128)
    assert number_of_tasks(500, 250) == 4
    assert number_of_tasks(0, 250) == 0
