"""Copies of a warehouse's prices that tell something else of what came after a session."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, get_args

from stockjax.warehouse.connection import Warehouse
from stockjax.warehouse.statements import statement

Alteration = Literal["unchanged", "cut", "corrupted", "shuffled"]
ALTERATIONS: tuple[Alteration, ...] = get_args(Alteration)
"""The prices as they are, and the three ways in which the later ones are spoilt."""


@contextmanager
def altered_copy(warehouse: Warehouse, alteration: Alteration, as_of: date) -> Iterator[Warehouse]:
    """A warehouse of its own, gone afterwards, with the prices of another one's readable copy.

    Up to `as_of` they are the same bits. After it they are missing (`cut`), multiplied by
    nonsense (`corrupted`) or exchanged among the days of a ticker (`shuffled`).

    Raises
    ------
    SnapshotMissing
        No run has written to the warehouse yet.

    """
    with TemporaryDirectory(prefix="stockjax-audit-") as folder:
        copy = Warehouse(Path(folder))
        copy.migrate()
        with copy.write() as connection:
            warehouse.attach_snapshot(connection, "original")
            connection.execute("INSERT INTO listings BY NAME SELECT * FROM original.listings")
            asked = {} if alteration == "unchanged" else {"as_of": as_of}
            connection.execute(statement(f"altered_{alteration}"), asked)
        yield copy
