"""What somebody should know of a night that did end."""

from collections.abc import Mapping

from stockjax.settings import AlertSettings
from stockjax.warehouse import Warehouse
from stockjax.warehouse.ledger import read_table


def complaints(warehouse: Warehouse, failures: Mapping[str, str], settings: AlertSettings) -> list[str]:
    """One line for each thing that is not as it should be; none if all is well.

    Parameters
    ----------
    failures
        By ticker, why it was not forecast as it should be.

    """
    stale = read_table(warehouse, "stale_tickers")
    # Whether these are told of is a matter of how many they are.
    others = sorted(failures.keys() - set(stale["ticker"]))
    told = [f"{ticker}: {failures[ticker]}" for ticker in others]
    if len(stale) >= settings.stale_tickers:
        names = ", ".join(f"{row.ticker} ({row.reason})" for row in stale.head(20).itertuples())
        told.append(f"{len(stale)} tickers have no fresh prices: {names}")
    drifted = read_table(warehouse, "live_coverage", fewest=settings.fewest_sessions)
    inside = drifted["coverage_90"].between(settings.coverage_low, settings.coverage_high)
    told += [
        f"the 90% intervals of the last {row.sessions} sessions held {row.coverage_90:.1%} of the "
        f"closes, outside {settings.coverage_low:.0%} to {settings.coverage_high:.0%}"
        for row in drifted[~inside].itertuples()
    ]
    return told
