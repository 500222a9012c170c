"""Copies of a warehouse's prices that tell something else of what came after a session."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, get_args

from stockjax.warehouse.connection import Warehouse
from stockjax.warehouse.statements import statement

Alteration = Literal["unchanged", "cut", "corrupted", "shuffled", "ended", "begun", "disproved", "restated"]
ALTERATIONS: tuple[Alteration, ...] = get_args(Alteration)
"""The prices as they are, and the ways in which what came later is altered."""

_STATEMENTS: dict[Alteration, tuple[str, ...]] = {
    "unchanged": ("altered_unchanged", "altered_revisions"),
    "cut": ("altered_cut", "altered_cut_revisions"),
    "corrupted": ("altered_corrupted", "altered_revisions"),
    "shuffled": ("altered_shuffled", "altered_revisions"),
    "ended": ("altered_ended", "altered_revisions"),
    "begun": ("altered_begun", "altered_begun_listings", "altered_revisions"),
    "disproved": ("altered_disproved", "altered_disproved_revisions", "altered_revisions"),
    "restated": ("altered_restated", "altered_restated_revisions", "altered_revisions"),
}


@contextmanager
def altered_copy(warehouse: Warehouse, alteration: Alteration, as_of: date) -> Iterator[Warehouse]:
    """A warehouse of its own, gone afterwards, with the prices of another one's readable copy.

    What was known at `as_of` are the same bits. What came later is missing (`cut`), multiplied by nonsense
    (`corrupted`) or exchanged among the days of a ticker (`shuffled`); tickers end (`ended`) or begin
    (`begun`) later; the bars of `as_of` are taken back by the next ones (`disproved`), or all of them are
    restated (`restated`).

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
            for name in _STATEMENTS[alteration]:
                text = statement(name)
                connection.execute(text, {"as_of": as_of} if "$as_of" in text else {})
        yield copy
