"""Warnings about a run that completed."""

from collections.abc import Mapping, Sequence

from stockjax.settings import AlertSettings
from stockjax.warehouse import Warehouse
from stockjax.warehouse.ledger import read_table

MAX_ALARMS = 20
"""Drift alarms that are listed one by one."""


def alert_lines(
    warehouse: Warehouse, failures: Mapping[str, str], settings: AlertSettings, drift: Sequence[str] = ()
) -> list[str]:
    """One line for each thing that is not as it should be; none if all is well.

    Parameters
    ----------
    failures
        By ticker, why it was not forecast as it should be.
    drift
        The night's alarms of drift.

    """
    stale = read_table(warehouse, "stale_tickers")
    # These are reported only if there are enough of them.
    others = sorted(failures.keys() - set(stale["ticker"]))
    lines = [f"{ticker}: {failures[ticker]}" for ticker in others]
    if len(stale) >= settings.stale_tickers:
        names = ", ".join(f"{row.ticker} ({row.reason})" for row in stale.head(20).itertuples())
        lines.append(f"{len(stale)} tickers have no fresh prices: {names}")
    lines += drift[:MAX_ALARMS]
    if len(drift) > MAX_ALARMS:
        lines.append(f"and {len(drift) - MAX_ALARMS} more alarms of drift, see the table drift")
    return lines
