"""The table of rolling errors, kept up with what has closed."""

from stockjax.warehouse import Warehouse
from stockjax.warehouse.statements import statement

METRIC_WINDOWS = (21, 63, 252)
"""Lengths of the rolling windows, in sessions."""

# A year of 500 tickers at once would take tens of gigabytes.
_TICKERS_AT_ONCE = 20


def refresh_rolling_metrics(warehouse: Warehouse) -> int:
    """Score every session that has closed since the last time.

    Returns
    -------
    How many rows of `rolling_metrics` were written.

    """
    with warehouse.write() as connection:
        first = connection.execute(statement("first_unscored_session")).fetchall()[0][0]
        if first is None:
            return 0
        connection.execute(statement("delete_rolling_metrics"), {"first_session": first})
        tickers = [row[0] for row in connection.execute(statement("forecast_tickers")).fetchall()]
        written = 0
        for start in range(0, len(tickers), _TICKERS_AT_ONCE):
            asked = {
                "first_session": first,
                "windows": list(METRIC_WINDOWS),
                "tickers": tickers[start : start + _TICKERS_AT_ONCE],
            }
            written += connection.execute(statement("rolling_metrics"), asked).fetchall()[0][0]
    return int(written)
