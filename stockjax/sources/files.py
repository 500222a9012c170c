"""Prices from CSV and Parquet files, one file or a folder of them."""

import zlib
from pathlib import Path

import pandas as pd

from stockjax.errors import Malformed, UsageError
from stockjax.sources.base import PRICE_COLUMNS
from stockjax.sources.recorded import RecordedSource

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


class FilesSource(RecordedSource):
    """A file, or every price file of a folder; its "now" is the last date in them."""

    name = "files"

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def where(self) -> str:
        """The path."""
        return f"'{self.path}'"

    def load(self) -> pd.DataFrame:
        """Read all files."""
        return pd.concat([read_price_file(path) for path in _price_files(self.path)], ignore_index=True)


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
        raw = _read_parquet(path) if _suffix(path) == ".parquet" else _read_csv(path)
    except (ValueError, OSError, EOFError, zlib.error) as error:
        why = " ".join(str(error).split())
        raise Malformed(f"'{path.name}' is not a readable price file ({why}); mend or remove it") from error
    raw.columns = [_column(name) for name in raw.columns]
    missing = [name for name in _REQUIRED if name not in raw.columns]
    if missing:
        raise Malformed(f"'{path.name}' lacks the column(s) {', '.join(missing)}; mend or remove it")
    doubled = raw.columns[raw.columns.duplicated()].unique().intersection([*PRICE_COLUMNS])
    if len(doubled):
        raise Malformed(f"'{path.name}' has two columns for {', '.join(doubled)}; mend or remove it")
    if raw.empty:
        raise Malformed(f"'{path.name}' has headings and no rows; fill or remove it")
    return _canonical(raw, default_ticker=path.name[: -len(_suffix(path))])


def _read_csv(path: Path) -> pd.DataFrame:
    # Nothing is guessed from a cell's look: tickers such as NAN, TRUE and 360 stay text.
    raw = pd.read_csv(path, dtype=str, keep_default_na=False)
    if not isinstance(raw.index, pd.RangeIndex):
        raise ValueError("its rows have more cells than its headings")  # noqa: TRY004  of a file, not a type
    return raw


def _read_parquet(path: Path) -> pd.DataFrame:
    raw = pd.read_parquet(path)
    return raw if raw.index.name is None else raw.reset_index()


def _suffix(path: Path) -> str:
    return next((suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)), path.suffix)


def _column(name: object) -> str:
    plain = str(name).strip().lower().replace(" ", "_")
    return _SPELLINGS.get(plain, plain)


def _canonical(raw: pd.DataFrame, default_ticker: str) -> pd.DataFrame:
    frame = pd.DataFrame(index=raw.index)
    frame["ticker"] = raw["ticker"].astype(str) if "ticker" in raw else default_ticker
    frame["session"] = _days(raw["session"])
    for name in PRICE_COLUMNS[2:]:
        if name in raw:
            frame[name] = pd.to_numeric(raw[name], errors="coerce").astype(float)
    if "adj_close" not in frame:
        frame["adj_close"] = frame["close"]
    if "dividend" not in frame:
        frame["dividend"] = 0.0
    # Yahoo writes 0 where there was no split.
    frame["split"] = frame["split"].replace(0.0, 1.0) if "split" in frame else 1.0
    return frame[list(PRICE_COLUMNS)]


def _days(dates: pd.Series) -> pd.Series:
    """The days as they are written, in the zone of the exchange, whatever zone goes with them."""
    if isinstance(dates.dtype, pd.DatetimeTZDtype):
        dates = dates.dt.tz_localize(None)
    elif not pd.api.types.is_datetime64_dtype(dates):
        dates = dates.astype(str).str.strip().str.slice(0, 10)
    parsed = pd.to_datetime(dates, errors="coerce", format="mixed")
    return parsed.dt.normalize().astype("datetime64[s]")


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
