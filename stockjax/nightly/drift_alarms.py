"""The alarms of the monitors, for people."""

from collections.abc import Sequence
from datetime import date

import pandas as pd

from stockjax.warehouse import Warehouse
from stockjax.warehouse.drift_tables import drift_alarms


def alarm_lines(warehouse: Warehouse, as_of: date, tickers: Sequence[str]) -> tuple[str, ...]:
    """One line for each alarm of a night."""
    return tuple(alarm_line(row) for row in drift_alarms(warehouse, tickers, as_of).to_dict("records"))


def alarms_among(rows: pd.DataFrame, tickers: Sequence[str]) -> tuple[str, ...]:
    """One line for each alarm among rows of `drift`: of the universe, and of these tickers."""
    if not len(rows):
        return ()
    raised = rows[rows["alarm"].astype(bool) & (rows["ticker"].isna() | rows["ticker"].isin(tickers))]
    ordered = raised.sort_values(["scope", "monitor", "ticker"], ascending=[False, True, True])
    return tuple(alarm_line(row) for row in ordered.to_dict("records"))


def alarm_line(row: dict[str, object] | dict[object, object]) -> str:
    """A row of `drift` that is an alarm, as a sentence."""
    named: dict[str, object] = {str(name): value for name, value in row.items()}
    whose = "the universe" if named["scope"] == "universe" else named["ticker"]
    return (
        f"drift: {named['monitor']} of {whose}, {named['direction']} "
        f"(evidence {named['evidence']:.4g}, an alarm from {named['threshold']:.4g})"
    )
