"""From a file to rows of prices, in steps: headings, tickers, dates, numbers, bars, adjustment."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from stockjax.errors import InvalidDataError
from stockjax.sources.files.adjustment import split_like_moves
from stockjax.sources.files.bars import Intraday, one_bar_a_day
from stockjax.sources.files.cell_dates import Dates
from stockjax.sources.files.containers import Sheet, sheets_of
from stockjax.sources.files.dated_names import lies_within_name, ticker_of_dated_name
from stockjax.sources.files.file_report import FileReport
from stockjax.sources.files.overlaps import Part, merge
from stockjax.sources.files.row_dates import (
    NEW_YORK,
    ExchangeFn,
    dates_of_rows,
    days_of_exchange,
    refuse_shifted_days,
)
from stockjax.sources.files.row_numbers import prices_of_rows, with_adjusted_closes
from stockjax.sources.files.several_a_day import refuse_mixed_tickers, regular_series
from stockjax.sources.files.table_body import (
    Body,
    locate,
    long_rows,
    without_action_rows,
    without_repeated_headings,
    written_rows,
)
from stockjax.sources.protocol import DELIVERED_COLUMNS
from stockjax.wording import names_text

_UNITS = 100


@dataclass(frozen=True)
class Reading:
    """What is known before a file is read.

    Attributes
    ----------
    exchange_of
        The exchange of a ticker: its calendar settles the order of day and month, its zone the day of a
        moment.
    intraday
        What becomes of bars of a part of a day.
    settings
        The settings behind the other two, by which what was read is found again.

    """

    exchange_of: ExchangeFn = lambda ticker: NEW_YORK
    intraday: Intraday = "refuse"
    settings: str = ""


@dataclass(frozen=True)
class ReadTable:
    """Rows that were written together, columns `DELIVERED_COLUMNS`, and what came of the reading."""

    parts: tuple[Part, ...]
    report: FileReport


def read_price_file(path: Path, reading: Reading | None = None) -> pd.DataFrame:
    """Read one file into the columns that every source delivers.

    Raises
    ------
    InvalidDataError
        The file, or a table in it, cannot be read.

    """
    tables = list(read_tables(path, path.name, reading or Reading()))
    merged = merge([part for table in tables for part in table.parts])
    for problem in merged.refused.values():
        raise problem
    return merged.prices[list(DELIVERED_COLUMNS)]


def read_tables(path: Path, name: str, reading: Reading) -> Iterator[ReadTable]:
    """Read every table of a file.

    Parameters
    ----------
    name
        What messages call the file.

    Raises
    ------
    InvalidDataError
        The file, or a table in it, cannot be read.

    """
    try:
        for sheet in sheets_of(path, name):
            yield read_sheet(sheet, reading)
    except InvalidDataError as error:
        raise type(error)(f"'{name}' cannot be read: {error}") from error


def read_sheet(sheet: Sheet, reading: Reading) -> ReadTable:
    """Read one table.

    Raises
    ------
    InvalidDataError
        It is no table of daily prices, or one that can be understood in several ways.

    """
    body = without_repeated_headings(locate(sheet))
    tickers, rows = long_rows(body)
    tickers, rows = without_action_rows(body, tickers, rows)
    tickers, dates = _dated(body, tickers, rows, reading.exchange_of)
    days, clock = days_of_exchange(dates, tickers, reading.exchange_of)
    refuse_shifted_days(days, tickers, reading.exchange_of)
    prices, unread = prices_of_rows(body, rows, tickers, days)
    prices = regular_series(body, rows, prices)
    refuse_mixed_tickers(body, rows, prices, clock)
    prices["raw"] = written_rows(body, rows, unread | days.isna())
    parts = []
    adjustments: list[str] = []
    for part in _written_together(rows["part"].loc[prices.index], prices):
        adjusted, how = with_adjusted_closes(body, part)
        daily, aggregated = one_bar_a_day(adjusted, clock.loc[part.index], reading.intraday)
        body.guesses += [aggregated] if aggregated else []
        adjustments.append(how)
        parts.append(Part(sheet.name, daily[list(DELIVERED_COLUMNS)]))
    every = pd.concat([part.prices for part in parts]) if len(parts) > 1 else parts[0].prices
    return ReadTable(tuple(parts), _report(body, every, adjustments[0]))


def _dated(
    body: Body, tickers: pd.Series, rows: pd.DataFrame, exchange_of: ExchangeFn
) -> tuple[pd.Series, Dates]:
    """Tickers and dates of rows; a ticker that is the name of a file loses the dates that this ends with."""
    name = body.sheet.ticker
    plain = ticker_of_dated_name(name)
    if plain and (tickers == name).all():
        dates = dates_of_rows(body, rows, tickers.replace(name, plain), exchange_of)
        if lies_within_name(name, dates.days):
            body.remarks.append(f"'{name}' is {plain}, and the dates of its rows")
            return tickers.replace(name, plain), dates
    return tickers, dates_of_rows(body, rows, tickers, exchange_of)


def _written_together(parts: pd.Series, prices: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The rows of each part, in the order of the parts; the table itself where there is one."""
    if parts.nunique() <= 1:
        yield prices
        return
    for _, part in prices.groupby(parts, sort=False):
        yield part


def _report(body: Body, prices: pd.DataFrame, adjustment: str) -> FileReport:
    sessions = prices["session"].dropna()
    if any(body.columns.tickers) and len(body.columns.tickers) == 1:
        body.remarks.append(f"ticker {next(iter(body.columns.tickers))} named by the headings")
    if body.columns.ignored:
        body.remarks.append("not used: " + names_text(body.columns.ignored, "column"))
    for ticker, (day, ratio) in split_like_moves(prices).items():
        if max(ratio, 1 / ratio) >= _UNITS:
            body.guesses.append(
                f"{ticker}: prices move by {_as_ratio(ratio)} on {day:%Y-%m-%d}, as from pounds to pence"
            )
        elif adjustment == "none":
            body.guesses.append(
                f"{ticker}: the close moves by {_as_ratio(ratio)} on {day:%Y-%m-%d}, and no close is adjusted"
            )
    return FileReport(
        body.sheet.name,
        body.columns.format.name,
        tuple(sorted(prices["ticker"].dropna().unique())),
        len(prices),
        sessions.min().date() if len(sessions) else None,
        sessions.max().date() if len(sessions) else None,
        adjustment,
        (*body.guesses, *body.remarks),
        tuple(body.guesses),
    )


def _as_ratio(ratio: float) -> str:
    return f"{ratio:g} to 1" if ratio > 1 else f"1 to {1 / ratio:g}"
