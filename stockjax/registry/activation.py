"""Finding models by day, run or name, and activating them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from stockjax.errors import ModelFileError, UsageError
from stockjax.features import feature_names
from stockjax.registry.model_store import load_model
from stockjax.warehouse import Warehouse
from stockjax.warehouse.model_history import Cause, Promotion, activate, read_rows

Row = Mapping[str, Any]
"""A row of `models`, by the names of its columns."""

_SEE = "stockjax models list shows them"


@dataclass(frozen=True)
class Promoted:
    """The result of activating models.

    Attributes
    ----------
    changes
        The models that took over, and from whom.
    already
        Those that were active before.
    problems
        By model, why it cannot be activated.

    """

    changes: list[Promotion]
    already: list[str] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)


def models_at(warehouse: Warehouse, day: date, tickers: Sequence[str] = ()) -> list[Row]:
    """The active models at the close of a day: of these tickers, or of all of them and the base.

    Raises
    ------
    UsageError
        The day lies before the first model or after the last forecast, or one of the tickers
        is unknown or had no model of its own then.

    """
    last = read_rows(warehouse, "last_night")[0]["as_of"]
    if last and day > last:
        raise UsageError(f"{day} lies after the last forecast, which is of {last}; give an earlier date")
    found = read_rows(warehouse, "active_models", as_of=day, tickers=list(tickers))
    _check_tickers(warehouse, found, tickers, f"on {day}")
    if not found:
        first = read_rows(warehouse, "first_model_session")[0]["first"]
        raise UsageError(
            f"no model was active on {day}; the first was on {first}, give a date from then on"
            if first
            else "no night has trained a model yet; run: stockjax run"
        )
    return list(found)


def models_of_run(warehouse: Warehouse, run_id: str, tickers: Sequence[str] = ()) -> list[Row]:
    """The models that a night forecast with, and the base that was active then.

    Parameters
    ----------
    run_id
        The run, or how its name begins (six characters or more).

    Raises
    ------
    UsageError
        There is no such run, it made no forecast, or none of a ticker that is named.

    """
    runs = read_rows(warehouse, "run_by_id", run_id=run_id)
    if len(runs) != 1:
        problem = "there is no run" if not runs else "more than one run is called"
        raise UsageError(f"{problem} '{run_id}'; stockjax sql \"FROM runs\" shows them")
    run = runs[0]
    used = read_rows(warehouse, "models_of_run", run_id=run["run_id"])
    if not used:
        raise UsageError(
            f"the run '{run_id}' ({run['flow']}) made no forecast of a night; name a run of forecast that did"
        )
    found = read_rows(warehouse, "models_by_id", model_ids=[row["model_id"] for row in used])
    found = [row for row in found if row["role"] == "ticker" and (not tickers or row["ticker"] in tickers)]
    _check_tickers(warehouse, found, tickers, f"in the run '{run_id}'")
    if tickers:
        return list(found)
    at_its_time = read_rows(warehouse, "active_models", as_of=run["as_of"], tickers=[])
    return [*(row for row in at_its_time if row["role"] == "base"), *found]


def models_named(warehouse: Warehouse, model_ids: Sequence[str]) -> list[Row]:
    """The rows of models, by name.

    Raises
    ------
    UsageError
        There is no such model, or two of them would be active for the same ticker.

    """
    found = read_rows(warehouse, "models_by_id", model_ids=list(model_ids))
    unknown = [name for name in model_ids if name not in {row["model_id"] for row in found}]
    if unknown:
        raise UsageError(f"there is no model '{unknown[0]}'; {_SEE}")
    places = [(row["role"], row["ticker"]) for row in found]
    twice = [ticker or "the base" for role, ticker in places if places.count((role, ticker)) > 1]
    if twice:
        raise UsageError(f"only one model can be active for {twice[0]}; name one of them")
    return list(found)


def models_once_active(warehouse: Warehouse, model_ids: Sequence[str]) -> list[Row]:
    """The same, of models that have been champions: what a rollback can go back to.

    Raises
    ------
    UsageError
        One of them never was.

    """
    found = models_named(warehouse, model_ids)
    never = [row["model_id"] for row in found if row["status"] not in {"champion", "retired"}]
    if never:
        raise UsageError(
            f"the model '{never[0]}' was never active; to activate it, run: "
            f"stockjax models promote {never[0]}"
        )
    return found


def activate_models(
    warehouse: Warehouse,
    rows: Sequence[Row],
    *,
    cause: Cause,
    moment: datetime,
    who: str | None = None,
    reason: str | None = None,
) -> Promoted:
    """Make models the champions of the next forecasts, whose files are whole; the others stay out.

    Every file is read and held against its sha256 before anything is changed.
    """
    problems = {row["model_id"]: why for row in rows if (why := _problem(warehouse, row))}
    sound = [row["model_id"] for row in rows if row["model_id"] not in problems]
    changes = activate(warehouse, sound, cause=cause, moment=moment, who=who, reason=reason) if sound else []
    changed = {change.model_id for change in changes}
    return Promoted(changes, [name for name in sound if name not in changed], problems)


def known_tickers(warehouse: Warehouse) -> list[str]:
    """Tickers that have, or had, a model of their own."""
    return [row["ticker"] for row in read_rows(warehouse, "known_model_tickers")]


def _check_tickers(warehouse: Warehouse, found: Sequence[Row], tickers: Sequence[str], when: str) -> None:
    missing = [ticker for ticker in tickers if ticker not in {row["ticker"] for row in found}]
    if not missing:
        return
    if missing[0] not in known_tickers(warehouse):
        raise UsageError(f"there is no model of '{missing[0]}'; {_SEE}")
    raise UsageError(
        f"'{missing[0]}' had no model of its own {when}; stockjax models list {missing[0]} shows those it had"
    )


def _problem(warehouse: Warehouse, row: Row) -> str | None:
    """Why a model cannot be activated; None if it can."""
    name = row["model_id"]
    if row["replayed"]:
        return f"the model '{name}' was trained by a backtest; a night trains its own"
    if row["purged_at"]:
        return (
            f"the file of the model '{name}' was deleted on {row['purged_at']:%Y-%m-%d}; choose a newer one, "
            "and raise retention.models to keep them longer"
        )
    try:
        model = load_model(warehouse, row)
    except ModelFileError as error:
        return f"{error}; restore it from a backup, or choose another model than '{name}'"
    features = len(model.parameters["adapter"]["center"])
    known = len(feature_names(model.hyperparameters.get("extra_features", ())))
    if features != known:
        return f"the model '{name}' has {features} features and this release {known}; choose a newer one"
    return None
