"""Which model is active, which was, and how that is changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

import duckdb

from stockjax.warehouse.connection import Warehouse
from stockjax.warehouse.statements import fetch_rows, statement
from stockjax.warehouse.time import stored_time

Cause = Literal["rollback", "promote"]


@dataclass(frozen=True)
class Promotion:
    """A model that takes the place of another.

    Attributes
    ----------
    ticker
        None for a base.
    displaced
        The model that was active; None if there was none.
    since
        First day whose forecasts it makes, if that is a session.

    """

    model_id: str
    role: str
    ticker: str | None
    displaced: str | None
    since: date


def activate(
    warehouse: Warehouse,
    model_ids: Sequence[str],
    *,
    cause: Cause,
    moment: datetime,
    who: str | None = None,
    reason: str | None = None,
) -> list[Promotion]:
    """Make models the champions of the next forecasts; active models stay unchanged.

    Only statuses change, and `model_changes` keeps what they were. What is in the ledger, and
    what a missed session is caught up with, stays as it is: the models begin with the session
    after the last that a night has forecast from.
    """
    values = {"cause": cause, "reason": reason, "changed_by": who, "changed_at": stored_time(moment)}
    with warehouse.write() as connection:
        return _promote(connection, model_ids, values)


def record_comparison(
    warehouse: Warehouse,
    model_id: str,
    *,
    won: bool,
    validation_loss: float,
    champion_loss: float | None,
    run_id: str,
    moment: datetime,
) -> None:
    """Promote a challenger, or reject it, with both losses."""
    losses = {"validation_loss": validation_loss, "champion_loss": champion_loss}
    reason = None if champion_loss is None else f"loss {validation_loss:.4f} against {champion_loss:.4f}"
    with warehouse.write() as connection:
        connection.execute(statement("settle_losses"), {"model_id": model_id, "won": won, **losses})
        if won:
            values = {"cause": "promote", "reason": reason, "changed_by": None}
            _promote(connection, [model_id], {**values, "changed_at": stored_time(moment)})
        else:
            record_trained_models(connection, run_id=run_id, moment=moment)


def _promote(
    connection: duckdb.DuckDBPyConnection, model_ids: Sequence[str], values: Mapping[str, Any]
) -> list[Promotion]:
    connection.execute(statement("stage_promotions"), {"model_ids": list(model_ids)})
    found = connection.execute(statement("promotions")).fetchall()
    connection.execute(statement("promote_models"))
    connection.execute(statement("record_promotions"), dict(values))
    return [Promotion(*row) for row in found]


def record_trained_models(connection: duckdb.DuckDBPyConnection, *, run_id: str, moment: datetime) -> None:
    """Note what a run has changed of the statuses, inside its transaction."""
    connection.execute(
        statement("record_trained_models"), {"run_id": run_id, "changed_at": stored_time(moment)}
    )


def read_rows(warehouse: Warehouse, name: str, **parameters: Any) -> list[dict[str, Any]]:
    """The rows of a statement of the library, from the readers' copy; what is NULL is None."""
    with warehouse.read_snapshot() as connection:
        return fetch_rows(connection, name, **parameters)
