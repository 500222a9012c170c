"""Letting good rows through and accounting for every other one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
from pandera.errors import SchemaErrors

from stockjax.errors import InvalidDataError
from stockjax.quality.calendar_checks import Bools, Integers, TradingDays, calendar_faults, locate
from stockjax.quality.quarantine import REFUSED_COLUMNS, quarantined_rows
from stockjax.quality.repairs import repair
from stockjax.quality.row_checks import CHECKS
from stockjax.quality.schema import DELIVERY, PRICE_ROW, ROW_FAULTS
from stockjax.quality.sequence_checks import (
    Rows,
    impossible_spikes,
    in_order,
    missing_sessions,
    sequence_flags,
)
from stockjax.sessions import Exchange
from stockjax.sources.protocol import PRICE_COLUMNS

__all__ = ["REFUSED_COLUMNS", "Checked", "check"]

_NUMBER_OF = {item.name: number for number, item in enumerate(CHECKS)}
_GOOD = len(CHECKS)
"""The number that is no check's: of a row that none rejects."""


@dataclass(frozen=True)
class Checked:
    """Rows that may be stored, and what was found wrong with rows.

    Every delivered row is either accepted, or quarantined once with the severity "reject".
    An accepted row may be quarantined too, once for each repair and flag.

    Attributes
    ----------
    accepted
        Columns `PRICE_COLUMNS`, one row per (ticker, session), in the order of the delivery.
    quarantined
        Columns `REFUSED_COLUMNS`; `row` is JSON text of what was delivered.
    disproved
        Rows that only the next bar shows to be wrong, columns `PRICE_COLUMNS` and `known_until`, the
        session of that bar.

    """

    accepted: pd.DataFrame
    quarantined: pd.DataFrame
    disproved: pd.DataFrame

    @property
    def rejected(self) -> int:
        """How many delivered rows may not be stored."""
        return int((self.quarantined["severity"] == "reject").sum())

    @property
    def summary(self) -> dict[str, int]:
        """How many rows were quarantined for each reason, by its name."""
        counts = self.quarantined["reason"].value_counts().sort_index()
        return {str(reason): int(count) for reason, count in counts.items()}


def check(
    prices: pd.DataFrame,
    exchanges: Mapping[str, Exchange],
    closed: Mapping[str, date],
    context: pd.DataFrame | None = None,
    *,
    today: date | None = None,
) -> Checked:
    """Hold delivered prices against the contract, the calendars and their own history.

    Parameters
    ----------
    prices
        Columns `PRICE_COLUMNS`, and `raw` where typed columns do not tell all: JSON text of
        the row as the vendor wrote it, or None.
    exchanges
        The exchange of every ticker; rows of any other are refused.
    closed
        The last completed session by the exchange's code.
    context
        Stored rows before the delivered ones or overlapping them, columns `PRICE_COLUMNS`;
        they help to judge and are not reported on.
    today
        The date in UTC, unless it is that of the clock.

    Raises
    ------
    InvalidDataError
        A column is missing, or of another type than every source promises.

    """
    delivered, raw = _of_right_shape(prices)
    repaired, repairs = repair(delivered)
    known = repaired if context is None else _with_stored(repaired, context)
    where = locate(known, exchanges)
    verdicts = _verdicts(repaired, calendar_faults(where, closed, today or datetime.now(UTC).date()))
    rows = in_order(known, where, _usable(known, where, verdicts), len(repaired))
    disproved = _disproved(rows, repaired)
    rows, left_out = _one_per_session(rows)
    for name, at in left_out.items():
        verdicts[at] = _NUMBER_OF[name]
    missing = missing_sessions(rows)
    flags = sequence_flags(rows) | {"missing_sessions": missing > 0}
    if raw is not None:
        flags["missing_volume"] |= _unreadable_volumes(rows, repaired, raw)
    good = verdicts == _GOOD
    findings = [(np.flatnonzero(~good), verdicts[~good])]
    findings += [_finding(name, np.flatnonzero(found & good)) for name, found in repairs.items()]
    findings += [_finding(name, rows.position[found & rows.delivered]) for name, found in flags.items()]
    position, number = (np.concatenate(parts) for parts in zip(*findings, strict=True))
    missing_before = np.zeros(len(repaired), dtype=np.int64)
    missing_before[rows.position[rows.delivered]] = missing[rows.delivered]
    return Checked(
        accepted=PRICE_ROW.validate(repaired[good].reset_index(drop=True)),
        quarantined=quarantined_rows(delivered, raw, position, number, missing_before),
        disproved=disproved,
    )


def _disproved(rows: Rows, prices: pd.DataFrame) -> pd.DataFrame:
    """Delivered spikes that the bar after them took back, and the session of that bar; one per session."""
    spikes = impossible_spikes(rows) & rows.delivered & rows.starts
    found = prices.iloc[rows.position[spikes]].reset_index(drop=True)
    return found.assign(known_until=rows.next_day[spikes].astype("datetime64[s]"))


def _unreadable_volumes(rows: Rows, prices: pd.DataFrame, raw: pd.Series) -> Bools:
    """Which of the ordered rows were delivered with something for a volume that is no number."""
    unreadable = (raw.notna() & prices["volume"].isna()).to_numpy()
    found = np.zeros(len(rows.position), dtype=bool)
    # Where nothing is delivered there are only stored rows, which have no position.
    found[rows.delivered] = unreadable[rows.position[rows.delivered]]
    return found


def _of_right_shape(prices: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series | None]:
    """The typed columns, and `raw` if there is one; the index counts from 0."""
    try:
        DELIVERY.validate(prices, lazy=True)
    except SchemaErrors as error:
        first = error.failure_cases.iloc[0]
        where = first["column"] if str(first["column"]) in prices.columns else first["failure_case"]
        why = f"{where}: {first['check']}"
        raise InvalidDataError(
            f"the source delivered a table of the wrong shape ({why}); "
            "its columns must be those of stockjax.sources.DELIVERED_COLUMNS"
        ) from None
    prices = prices.reset_index(drop=True)
    return prices[list(PRICE_COLUMNS)], prices.get("raw")


def _with_stored(prices: pd.DataFrame, context: pd.DataFrame) -> pd.DataFrame:
    """The delivered rows and after them the stored ones, in the same types."""
    stored = context[list(PRICE_COLUMNS)].astype(prices.dtypes.to_dict())
    return pd.concat([prices, stored], ignore_index=True)


def _verdicts(rows: pd.DataFrame, by_calendar: Mapping[str, Bools]) -> Integers:
    """The number of the weightiest check that each row (n,) fails by itself, or `_GOOD`."""
    verdicts = np.full(len(rows), _GOOD)
    by_row = [(name, fault(rows).to_numpy()) for name, fault in ROW_FAULTS.items()]
    for name, found in (*by_row, *by_calendar.items()):
        at = np.flatnonzero(found[: len(rows)])
        verdicts[at] = np.minimum(verdicts[at], _NUMBER_OF[name])
    return verdicts


def _usable(known: pd.DataFrame, where: TradingDays, verdicts: Integers) -> Bools:
    """Which of the delivered and then the stored rows (n + stored,) are fit to be compared."""
    usable = (where.exchange >= 0) & ~np.isnat(where.day)
    for name in ("close", "adj_close"):
        usable &= known[name].between(0, np.inf, inclusive="neither").to_numpy()
    usable[: len(verdicts)] &= verdicts == _GOOD
    return usable


def _one_per_session(rows: Rows) -> tuple[Rows, dict[str, Integers]]:
    """One row per ticker and session, and by reason the positions of delivered rows left out."""
    spikes = impossible_spikes(rows) & rows.delivered
    # A row that is delivered again replaces the stored one, even if it is a spike.
    replaced = ~rows.starts & ~rows.delivered
    judged = rows.only(~spikes & ~replaced)
    # Last, so that a bad row never takes the place of a good one of the same day.
    first = judged.starts
    left_out = {"impossible_spike": rows.position[spikes], "duplicate": judged.position[~first]}
    return judged.only(first), left_out


def _finding(name: str, position: Integers) -> tuple[Integers, Integers]:
    return position, np.full(len(position), _NUMBER_OF[name])
