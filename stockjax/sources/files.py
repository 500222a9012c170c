"""Prices from CSV and Parquet files, one file or a folder of them."""

import json
import zlib
from pathlib import Path

import pandas as pd

from stockjax.errors import InvalidDataError, SourceError, UsageError
from stockjax.sources.dates import read_days
from stockjax.sources.protocol import DELIVERED_COLUMNS, PRICE_COLUMNS, Delivery
from stockjax.sources.recorded import RecordedSource

SUFFIXES = (".csv", ".csv.gz", ".parquet")
_REQUIRED = ("session", "open", "high", "low", "close", "volume")
# How a cell without a value is written.
_NOTHING = ("", "nan", "NaN", "null", "None", "<NA>")
_THOUSANDS = r"\d{1,3}(,\d{3})+(\.\d+)?"
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

    def load(self) -> Delivery:
        """Read all files; one that cannot be read stops no other.

        Raises
        ------
        InvalidDataError
            None of them can be read.
        UsageError
            There is none.

        """
        tables: list[pd.DataFrame] = []
        failures: dict[str, SourceError] = {}
        for path in _price_files(self.path):
            try:
                tables.append(read_price_file(path))
            except InvalidDataError as error:
                failures[path.name] = error
        if not tables:
            raise InvalidDataError("; ".join(str(error) for error in failures.values()))
        return Delivery(pd.concat(tables, ignore_index=True), failures)


def read_price_file(path: Path) -> pd.DataFrame:
    """Read one CSV or Parquet file into the columns that every source delivers.

    Columns may come in any order and case and with Yahoo's headings; a file without a
    ticker column is about the ticker that it is named after.

    Raises
    ------
    InvalidDataError
        The file cannot be parsed, has no rows, or lacks a column.

    """
    try:
        raw = _read_parquet(path) if _suffix(path) == ".parquet" else _read_csv(path)
    except (ValueError, OSError, EOFError, zlib.error) as error:
        why = " ".join(str(error).split())
        raise InvalidDataError(
            f"'{path.name}' is not a readable price file ({why}); correct or remove it"
        ) from error
    written = [str(name) for name in raw.columns]
    raw.columns = [_column(name) for name in raw.columns]
    missing = ["date" if name == "session" else name for name in _REQUIRED if name not in raw.columns]
    if missing:
        hint = " (its cells are set apart by semicolons, not commas)" if ";" in "".join(written) else ""
        raise InvalidDataError(
            f"'{path.name}' lacks the column(s) {', '.join(missing)}{hint}; correct or remove it"
        )
    doubled = raw.columns[raw.columns.duplicated()].unique().intersection([*PRICE_COLUMNS])
    if len(doubled):
        raise InvalidDataError(
            f"'{path.name}' has two columns for {', '.join(doubled)}; correct or remove it"
        )
    if raw.empty:
        raise InvalidDataError(f"'{path.name}' has headings and no rows; fill or remove it")
    try:
        return _canonical(raw, written, default_ticker=path.name[: -len(_suffix(path))])
    except InvalidDataError as error:
        raise InvalidDataError(f"'{path.name}' cannot be read: {error}") from error


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


def _canonical(raw: pd.DataFrame, written: list[str], default_ticker: str) -> pd.DataFrame:
    frame = pd.DataFrame(index=raw.index)
    frame["ticker"] = _symbols(raw["ticker"]) if "ticker" in raw else default_ticker
    frame["session"] = read_days(raw["session"])
    unread = frame["session"].isna()
    for name in PRICE_COLUMNS[2:]:
        if name in raw:
            frame[name] = pd.to_numeric(_plain(raw[name], name), errors="coerce").astype(float)
            blank = frame[name].isna()
            if blank.any():
                unread[blank] |= ~raw.loc[blank, name].astype(str).str.strip().isin(_NOTHING)
    frame["raw"] = pd.Series([None] * len(frame), index=frame.index, dtype=str)
    # What was written in a cell that is no number, or no date, is not to be lost.
    as_written = raw[unread].set_axis(written, axis="columns").astype(str)
    frame.loc[unread, "raw"] = [json.dumps(row, ensure_ascii=False) for row in as_written.to_dict("records")]
    if "adj_close" not in frame:
        frame["adj_close"] = frame["close"]
    if "dividend" not in frame:
        frame["dividend"] = 0.0
    # Yahoo writes 0 where there was no split.
    frame["split"] = frame["split"].replace(0.0, 1.0) if "split" in frame else 1.0
    return frame[list(DELIVERED_COLUMNS)]


def _plain(cells: pd.Series, name: str) -> pd.Series:
    """Volumes without separators of thousands; of a price, a comma may be the decimal point."""
    if name != "volume" or pd.api.types.is_numeric_dtype(cells):
        return cells
    texts = cells.astype(str).str.strip()
    return texts.where(~texts.str.fullmatch(_THOUSANDS), texts.str.replace(",", ""))


def _symbols(tickers: pd.Series) -> pd.Series:
    """The symbols as text; a blank one is none."""
    texts = tickers.astype(str).str.strip()
    return texts.where(tickers.notna() & (texts != ""), None)


def _price_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = (
        sorted(item for item in path.glob("*") if item.name.lower().endswith(SUFFIXES))
        if path.is_dir()
        else []
    )
    if not path.exists():
        raise UsageError(f"'{path}' does not exist; give --path a file or folder of prices")
    if not found:
        raise UsageError(
            f"'{path}' holds no {', '.join(SUFFIXES)} file; give --path a file or folder of prices"
        )
    return found
