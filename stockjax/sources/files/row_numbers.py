"""The numbers of rows: prices and volumes in their units, and adjusted closes."""

import numpy as np
import pandas as pd

from stockjax.errors import InvalidDataError
from stockjax.sources.files.adjustment import adjusted_closes
from stockjax.sources.files.bars import refuse_other_periods
from stockjax.sources.files.cell_numbers import NOTHING, as_text, read_numbers
from stockjax.sources.files.known_formats import NUMBERS, PRICES
from stockjax.sources.files.table_body import Body

_MOST_UNREAD = 0.5


def prices_of_rows(
    body: Body, rows: pd.DataFrame, tickers: pd.Series, days: pd.Series
) -> tuple[pd.DataFrame, pd.Series]:
    """Numbers under their meanings, and which rows have a cell that is none."""
    present = {name: rows[name] for name in NUMBERS if name in rows}
    read = read_numbers(present)
    for name in PRICES:
        _refuse_unreadable(present[name], read.columns[name], name)
    entry = body.columns.format
    prices = pd.DataFrame({"ticker": tickers, "session": days})
    for name in NUMBERS:
        values = read.columns.get(name)
        if values is None:
            continue
        if name in (*PRICES, "adj_close"):
            values = values * entry.price_scale
            prices[name] = values.abs() if entry.negative_prices else values
        else:
            prices[name] = values * (entry.volume_scale if name == "volume" else 1.0)
    if read.decimal == ",":
        body.remarks.append("decimal commas")
    if entry.volume_scale != 1:
        body.remarks.append(f"volumes multiplied by {entry.volume_scale:g}")
    if entry.price_scale != 1:
        body.remarks.append(f"prices multiplied by {entry.price_scale:g}")
    if "volume" in prices and prices["volume"].notna().any() and (prices["volume"].dropna() == -1).all():
        prices["volume"] = np.nan
        body.guesses.append("every volume is -1, which is read as none")
    if "volume" not in prices:
        prices["volume"] = np.nan
        body.remarks.append("no volume")
    if "period" in rows:
        refuse_other_periods(rows["period"])
    return prices, read.unread


def _refuse_unreadable(written: pd.Series, read: pd.Series, name: str) -> None:
    if read.notna().all():
        return
    texts = as_text(written)
    filled = ~texts.str.lower().isin(NOTHING)
    unread = filled & read.isna()
    if unread.sum() > _MOST_UNREAD * max(filled.sum(), 1):
        raise InvalidDataError(f"'{texts[unread].iloc[0]}' in the column of {name} is no number")


def with_adjusted_closes(body: Body, prices: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """With adjusted closes, dividends and splits, and where the first come from."""
    prices = prices.copy(deep=False)
    listed = {"dividend", "split"} & set(prices)
    blank = {"dividend": 0.0, "split": 1.0}
    for name, nothing in blank.items():
        values = prices[name] if name in prices else pd.Series(nothing, index=prices.index)
        # An empty cell of an action says that there was none; so does a 0 for a split, as Yahoo writes it.
        prices[name] = values.fillna(nothing)
    prices["split"] = prices["split"].replace(0.0, 1.0)
    if "adj_close" in prices:
        return prices, "its own adjusted closes"
    if "price_factor" in prices:
        prices["adj_close"] = prices["close"] / prices["price_factor"]
        return prices, "closes divided by its factor of splits; dividends are not in it"
    prices["adj_close"] = prices["close"]
    if not listed:
        return prices, "none"
    made = adjusted_closes(prices, adjusted=body.columns.format.adjusted)
    prices["adj_close"], prices["split"] = made.closes, made.splits
    return prices, made.how
