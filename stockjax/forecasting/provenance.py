"""What forecasts are made from, so that they can be made again."""

from collections.abc import Mapping
from datetime import date, datetime

from stockjax.features import PricePanel
from stockjax.warehouse.forecast_inputs import ForecastInputs


def forecast_inputs(
    history: PricePanel,
    read_at: datetime,
    forecast_sessions: int,
    as_of: date | None = None,
    context: Mapping[str, object] | None = None,
) -> ForecastInputs:
    """The record of the prices that forecasts see; all of them, for each is part of its market.

    Parameters
    ----------
    read_at
        When the prices were read, aware.
    forecast_sessions
        History that a forecast needs.
    as_of
        The session that a night forecasts from, and the last one of the history; None for a
        replay, which forecasts from many.
    context
        Settings that say what was known next to prices.

    """
    return ForecastInputs(
        replayed=as_of is None,
        as_of=as_of or max(history.last_sessions().values()),
        read_at=read_at,
        tickers=history.tickers,
        exchanges=history.markets,
        fingerprints=tuple(fingerprints(history)),
        forecast_sessions=forecast_sessions,
        context=context or {},
    )


def fingerprints(history: PricePanel) -> list[str]:
    """The fingerprint of the prices of each ticker."""
    return [
        history.fingerprints(row, [int(length) - 1])[0] for row, length in enumerate(history.lengths.tolist())
    ]
