"""Forecasts that wait for their outcome, and the outcomes that have arrived since they were made."""

from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockjax.drift.input_statistics import recent
from stockjax.features import PricePanel

LOOKBACK = timedelta(days=370)
"""Older outcomes and alarms do not count: a monitor begins with the year before its first session."""

MIN_DAY_SHARE = 0.8
"""Share of a day's forecasts whose outcomes make it an observation of the universe."""

PENDING_COLUMNS = (
    *("ticker", "as_of", "target", "basis_close", "predicted_return", "scale"),
    *("q05", "q25", "q75", "q95", "of_ticker", "of_universe"),
)

# More sessions than LOOKBACK holds days, so that the basis of every pending forecast is among them.
_OUTCOME_SESSIONS = LOOKBACK.days + 30


def no_pending() -> pd.DataFrame:
    """Forecasts that wait for an outcome: none."""
    return pd.DataFrame({name: pd.Series(dtype=object) for name in PENDING_COLUMNS})


def pending_forecasts(rows: pd.DataFrame) -> pd.DataFrame:
    """The forecasts of `lstm` among rows of the ledger, as forecasts that wait for an outcome."""
    own = rows[rows["model"] == "lstm"]
    return own.assign(of_ticker=True, of_universe=True)[list(PENDING_COLUMNS)].reset_index(drop=True)


def with_pending(pending: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """The waiting forecasts, and those of `lstm` among new rows of the ledger."""
    fresh = pending_forecasts(rows) if len(rows) else no_pending()
    waiting = [table for table in (pending, fresh) if len(table)]
    return pd.concat(waiting, ignore_index=True) if waiting else no_pending()


def arrived_outcomes(pending: pd.DataFrame, prices: PricePanel, as_of: date) -> pd.DataFrame:
    """The pending forecasts whose target has a price by now, with their residuals; ordered by session.

    The index is that of `pending`. Columns ticker, session, target, residual, inside_50, inside_90,
    of_ticker and of_universe: whether the ticker's monitors, or the universe's, observe it now.
    """
    targets = _days(pending["target"])
    due = pending[(targets <= np.datetime64(as_of)) & (targets >= np.datetime64(as_of - LOOKBACK))]
    basis, actual = _adjusted_closes(prices, due)
    values = {name: due[name].to_numpy(dtype=np.float64) for name in PENDING_COLUMNS[3:10]}
    with np.errstate(invalid="ignore", divide="ignore"):
        returned = np.log(actual / basis)
        low, first, third, high = (
            np.log(values[name] / values["basis_close"]) for name in ("q05", "q25", "q75", "q95")
        )
        residual = (returned - values["predicted_return"]) / values["scale"]
    arrived = np.isfinite(returned)
    targets = _days(due["target"])
    _, day = np.unique(targets, return_inverse=True)
    there, promised = np.bincount(day, weights=arrived), np.bincount(day)
    of_ticker = due["of_ticker"].to_numpy(dtype=np.bool_)
    of_universe = due["of_universe"].to_numpy(dtype=np.bool_) & (there >= MIN_DAY_SHARE * promised)[day]
    columns = {
        "ticker": due["ticker"].to_numpy(dtype=object),
        "session": targets.astype("datetime64[s]"),
        "target": targets.astype("datetime64[s]"),
        "residual": residual,
        "inside_50": (returned >= first) & (returned <= third),
        "inside_90": (returned >= low) & (returned <= high),
        "of_ticker": of_ticker,
        "of_universe": of_universe,
    }
    places = np.flatnonzero(arrived & (of_ticker | of_universe))
    places = places[np.lexsort((columns["ticker"][places].astype(str), targets[places]))]
    return pd.DataFrame({name: values[places] for name, values in columns.items()}, index=due.index[places])


def _days(column: pd.Series) -> npt.NDArray[np.datetime64]:
    """(n,) the days of a column of a table."""
    return column.to_numpy().astype("datetime64[D]")


def _adjusted_closes(
    prices: PricePanel, due: pd.DataFrame
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Adjusted closes of each forecast's session and of its target, (n,) each; NaN where there is none."""
    if not len(due):
        return np.empty(0), np.empty(0)
    prices = recent(prices, _OUTCOME_SESSIONS)
    row_of = {ticker: row for row, ticker in enumerate(prices.tickers)}
    rows = np.array([row_of.get(ticker, -1) for ticker in due["ticker"]], dtype=np.int64)
    valid = prices.valid
    number = np.arange(len(prices.tickers))[:, None] * 1_000_000 + prices.sessions.astype(
        "datetime64[D]"
    ).astype(np.int64)
    keys, closes = number[valid], prices.adj_close[valid]

    def close_on(days: pd.Series) -> npt.NDArray[np.float64]:
        """The adjusted close of each forecast's ticker on a day of its own, (n,)."""
        wanted = rows * 1_000_000 + _days(days).astype(np.int64)
        place = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
        if not len(keys):
            return np.full(len(days), np.nan)
        found: npt.NDArray[np.float64] = np.where(
            (rows >= 0) & (keys[place] == wanted), closes[place], np.nan
        )
        return found

    return close_on(due["as_of"]), close_on(due["target"])


def still_pending(pending: pd.DataFrame, outcomes: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """The forecasts that still wait, and who waits for them."""
    if not len(pending):
        return pending
    own, targets = ~pending.index.isin(outcomes.index), _days(pending["target"])
    shared = ~np.isin(targets, _days(outcomes["target"])[outcomes["of_universe"].to_numpy(dtype=np.bool_)])
    left = pending.assign(
        of_ticker=pending["of_ticker"].to_numpy(dtype=np.bool_) & own,
        of_universe=pending["of_universe"].to_numpy(dtype=np.bool_) & shared,
    )
    waits = left["of_ticker"].to_numpy() | left["of_universe"].to_numpy()
    return left[waits & (targets >= np.datetime64(as_of - LOOKBACK))].reset_index(drop=True)
