"""Prices from CSV and Parquet files, one file or a folder of them."""

from collections.abc import Iterable
from datetime import date
from functools import cached_property
from pathlib import Path

import pandas as pd

from stockjax.errors import Malformed, UsageError
from stockjax.sources.base import PRICE_COLUMNS, Delivery, select

SUFFIXES = (".csv", ".csv.gz", ".parquet")
_REQUIRED = ("session", "open", "high", "low", "close", "volume")
_SPELLINGS = {
    "date": "session",
    "datetime": "session",
    "symbol": "ticker",
    "adjclose": "adj_close",
    "adjusted_close": "adj_close",
    "dividends": "dividend",
    "stock_splits": "split",
}


class FilesSource:
    """A file, or every price file of a folder; its "now" is the last date in them."""

    name = "files"

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def _prices(self) -> pd.DataFrame:
        return pd.concat([read_price_file(path) for path in _price_files(self.path)], ignore_index=True)

    def universe(self) -> tuple[str, ...]:
        """Every ticker in the files."""
        return tuple(sorted(self._prices["ticker"].unique()))

    def last_session(self) -> date | None:
        """The last date in the files."""
        day: date = self._prices["session"].max().date()
        return day

    def fetch(self, tickers: Iterable[str], last: date) -> Delivery:
        """The recorded history up to and including `last`."""
        return select(self._prices, tickers, last, f"'{self.path}'")


def read_price_file(path: Path) -> pd.DataFrame:
    """Read one CSV or Parquet file into the columns that every source delivers.

    Columns may come in any order and case and with Yahoo's headings; a file without a
    ticker column is about the ticker that it is named after.

    Raises
    ------
    Malformed
        The file cannot be parsed, has no rows, or lacks a column.

    """
    try:
        raw = pd.read_parquet(path) if path.suffix == ".parquet" else _read_csv(path)
    except (ValueError, OSError) as error:
        raise Malformed(f"'{path.name}' is not a readable price file ({error}); mend or remove it") from error
    raw.columns = [_column(name) for name in raw.columns]
    missing = [name for name in _REQUIRED if name not in raw.columns]
    if missing:
        raise Malformed(f"'{path.name}' lacks the column(s) {', '.join(missing)}; mend or remove it")
    if raw.empty:
        raise Malformed(f"'{path.name}' has headings and no rows; fill or remove it")
    return _canonical(raw, default_ticker=path.name.split(".")[0])


def _read_csv(path: Path) -> pd.DataFrame:
    # Nothing is guessed from a cell's look: tickers such as NAN, TRUE and 360 stay text.
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def _column(name: object) -> str:
    plain = str(name).strip().lower().replace(" ", "_")
    return _SPELLINGS.get(plain, plain)


def _canonical(raw: pd.DataFrame, default_ticker: str) -> pd.DataFrame:
    frame = pd.DataFrame(index=raw.index)
    frame["ticker"] = raw["ticker"].astype(str) if "ticker" in raw else default_ticker
    session = pd.to_datetime(raw["session"], errors="coerce", format="mixed")
    frame["session"] = session.dt.normalize().astype("datetime64[s]")
    for name in PRICE_COLUMNS[2:]:
        if name in raw:
            frame[name] = pd.to_numeric(raw[name], errors="coerce").astype(float)
    if "adj_close" not in frame:
        frame["adj_close"] = frame["close"]
    for name, nothing_happened in (("dividend", 0.0), ("split", 1.0)):
        if name not in frame:
            frame[name] = nothing_happened
    return frame[list(PRICE_COLUMNS)]


def _price_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = (
        sorted(item for item in path.glob("*") if item.name.lower().endswith(SUFFIXES))
        if path.is_dir()
        else []
    )
    if not found:
        raise UsageError(
            f"'{path}' holds no {', '.join(SUFFIXES)} file; give --path a file or folder of prices"
        )
    return found
