"""Words that several messages need."""

from collections.abc import Mapping, Sequence

_SHOWN = 3


def counted(count: int, noun: str) -> str:
    """A number with its noun: 1 ticker, 2 tickers."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def first_of(names: Sequence[str], most: int) -> str:
    """The first of some names, and a sign that there are more.

    Example
    -------
    >>> first_of(["A", "B", "C"], 2), first_of(["A", "B"], 2)
    ('A, B, …', 'A, B')

    """
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")


def names_text(names: Sequence[str], noun: str = "file") -> str:
    """The first three names, quoted, and how many more there are.

    Example
    -------
    >>> names_text(["a.csv", "b.csv", "c.csv", "d.csv"])
    "'a.csv', 'b.csv', 'c.csv' and 1 more file"

    """
    shown = ", ".join(f"'{name}'" for name in names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {counted(len(names) - _SHOWN, f'more {noun}')}"


def together(failures: Mapping[str, Exception]) -> list[str]:
    """One sentence for each fault, however many files or tickers have it.

    Example
    -------
    >>> together({"a.csv": ValueError("'a.csv' is empty"), "b.csv": ValueError("'b.csv' is empty")})
    ["'a.csv', 'b.csv' is empty"]

    """
    by_fault: dict[str, list[str]] = {}
    for name, failure in failures.items():
        text = str(failure)
        fault = text.replace(f"'{name}'", "{}", 1) if f"'{name}'" in text else f"{name}: {text}"
        by_fault.setdefault(fault, []).append(name)
    return [fault.replace("{}", names_text(names), 1) for fault, names in by_fault.items()]
