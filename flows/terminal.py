"""A progress bar on a terminal."""

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class Step(Protocol):
    """How far a piece of work has come."""

    @property
    def done(self) -> int:
        """Pieces that are done."""

    @property
    def of(self) -> int:
        """All pieces."""


SomeStep = TypeVar("SomeStep", bound=Step)


def watched(
    steps: Iterable[SomeStep], before: str, name: Callable[[SomeStep], str], of: int | None = None
) -> Iterator[SomeStep]:
    """Yield the steps unchanged, with a progress bar on a terminal.

    Parameters
    ----------
    before
        What is done until the first step has ended.
    name
        What to call a step that has ended.
    of
        All pieces, where that is known before the first step says so.

    """
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        shown = bar.add_task(before, total=of)
        for step in steps:
            bar.update(shown, description=name(step), completed=step.done, total=step.of)
            yield step
