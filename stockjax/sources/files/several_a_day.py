"""Several rows of a day: series of one ticker, or tickers that no column tells apart."""

import pandas as pd

from stockjax.errors import InvalidDataError
from stockjax.sources.files.cell_numbers import as_text
from stockjax.sources.files.known_formats import PRICES
from stockjax.sources.files.table_body import Body

_MOST = 0.5
_REGULAR_SERIES = ("eq", "be", "bz")
"""Series of shares, the usual one first."""


def regular_series(body: Body, rows: pd.DataFrame, prices: pd.DataFrame) -> pd.DataFrame:
    """Of several series of one ticker on a day, as India's National Stock Exchange has them, the equity."""
    if "series" not in rows:
        return prices
    series = as_text(rows["series"]).str.lower()
    keys = ["ticker", "session"]
    doubled = prices.assign(series=series).dropna(subset=keys)
    doubled = doubled[doubled.duplicated(keys, keep=False)]
    several = doubled.groupby("ticker")["series"].unique()
    for ticker, found in several.items():
        if len(found) == 1:
            continue
        kept = next((name for name in _REGULAR_SERIES if name in found), None)
        if kept is None:
            raise InvalidDataError(f"'{ticker}' has the series {', '.join(sorted(found))}; keep one of them")
        other = (prices["ticker"] == ticker) & (series.loc[prices.index] != kept)
        prices = prices[~other]
        body.guesses.append(f"{ticker}: series {kept.upper()} used, {other.sum()} rows of others not")
    return prices


def refuse_mixed_tickers(body: Body, rows: pd.DataFrame, prices: pd.DataFrame, clock: pd.Series) -> None:
    """Refuse a table with several rows of most days and no column that tells of which ticker each is."""
    if "ticker" in body.columns.shared or len(body.columns.tickers) > 1:
        return
    known = prices[prices["session"].notna()]
    if known["session"].is_unique or clock.loc[known.index].nunique() > 1:
        return
    written = rows["part"].loc[known.index]
    often = known.groupby(["session", written]).size().groupby("session").max()
    if (often > 1).mean() <= _MOST or not _differ(known[written == written.iloc[0]]):
        return
    likely = _likely_ticker(body, known)
    named = f"; if '{likely}' names them, call that column ticker" if likely else "; add a column ticker"
    raise InvalidDataError(
        f"it has {often.max()} rows of {often.idxmax():%Y-%m-%d} and no column of tickers{named}"
    )


def _differ(prices: pd.DataFrame) -> bool:
    distinct = prices[["session", *PRICES]].drop_duplicates()
    return bool(distinct.duplicated("session").any())


def _likely_ticker(body: Body, prices: pd.DataFrame) -> str:
    """The heading of a column of text with which a day has one row for each of its values."""
    for place, levels in enumerate(body.headings):
        if place in body.columns.shared.values() or place not in body.cells:
            continue
        cells = body.cells[place].reindex(prices.index)
        if pd.api.types.is_numeric_dtype(cells) or pd.to_numeric(cells, errors="coerce").notna().any():
            continue
        keys = pd.DataFrame({"cell": cells, "session": prices["session"]})
        if cells.nunique() > 1 and not keys.duplicated().any():
            return levels[0]
    return ""
