"""Copies of a warehouse's prices that tell something else of what came after a session."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, get_args

from stockjax.warehouse.connection import Warehouse
from stockjax.warehouse.statements import statement

Perturbation = Literal["unchanged", "cut", "corrupted", "shuffled", "ended", "begun", "disproved", "restated"]
PERTURBATIONS: tuple[Perturbation, ...] = get_args(Perturbation)
"""The prices as they are, and the ways in which what came later is altered."""

_STATEMENTS: dict[Perturbation, tuple[str, ...]] = {
    "unchanged": ("perturbed_unchanged", "perturbed_revisions"),
    "cut": ("perturbed_cut", "perturbed_cut_revisions"),
    "corrupted": ("perturbed_corrupted", "perturbed_revisions"),
    "shuffled": ("perturbed_shuffled", "perturbed_revisions"),
    "ended": ("perturbed_ended", "perturbed_revisions"),
    "begun": ("perturbed_begun", "perturbed_begun_listings", "perturbed_revisions"),
    "disproved": ("perturbed_disproved", "perturbed_disproved_revisions", "perturbed_revisions"),
    "restated": ("perturbed_restated", "perturbed_restated_revisions", "perturbed_revisions"),
}


_CONTEXT = ("cut", "corrupted")


@contextmanager
def perturbed_copy(warehouse: Warehouse, alteration: Perturbation, as_of: date) -> Generator[Warehouse]:
    """A warehouse of its own, gone afterwards, with the prices of another one's readable copy.

    What was known at `as_of` are the same bits. What came later is missing (`cut`), multiplied by nonsense
    (`corrupted`) or exchanged among the days of a ticker (`shuffled`); tickers end (`ended`) or begin
    (`begun`) later; the bars of `as_of` are taken back by the next ones (`disproved`), or all of them are
    restated (`restated`). Indices of implied volatility are cut and corrupted alike.

    Raises
    ------
    SnapshotMissingError
        No run has written to the warehouse yet.

    """
    with TemporaryDirectory(prefix="stockjax-audit-") as folder:
        copy = Warehouse(Path(folder))
        copy.migrate()
        with copy.write() as connection, warehouse.attached_snapshot(connection, "original"):
            connection.execute("INSERT INTO listings BY NAME SELECT * FROM original.listings")
            context = f"perturbed_context_{alteration}" if alteration in _CONTEXT else "perturbed_context"
            for name in (*_STATEMENTS[alteration], "perturbed_events", context):
                text = statement(name)
                connection.execute(text, {"as_of": as_of} if "$as_of" in text else {})
        yield copy
