"""Prices written as people and programs write them, in combinations that a seed draws.

Drawn from descriptions of files in the field, not from the reader's own table.
"""

import gzip
import io
import json
import random
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd

NUMBERS = ("open", "high", "low", "close", "adj_close", "volume")

_MEANINGS = ("date", *NUMBERS)
_STYLES = {
    "yahoo": "Date,Open,High,Low,Close,Adj Close,Volume",
    "small": "date,open,high,low,close,adj_close,volume",
    "capitals": "DATE,OPEN,HIGH,LOW,CLOSE,ADJ_CLOSE,VOLUME",
    "brackets": "<DATE>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<ADJCLOSE>,<VOL>",
    "numbered": "date,1. open,2. high,3. low,4. close,5. adjusted close,6. volume",
    "german": "Datum,Erster,Hoch,Tief,Schlusskurs,Adj Close,Stuecke",
    "bloomberg": "Dates,PX_OPEN,PX_HIGH,PX_LOW,PX_LAST,Adjusted Close,PX_VOLUME",
    "investing": "Date,Open,High,Low,Price,AdjClose,Vol.",
    "chinese": "日期,开盘,最高,最低,收盘,Adj Close,成交量",
    "long": "Trade Date,Open Price,High Price,Low Price,Close Price,Adjusted Close,Total Volume",
}
HEADINGS = {style: dict(zip(_MEANINGS, text.split(","), strict=True)) for style, text in _STYLES.items()}
TICKERS = ("ticker", "Ticker", "symbol", "Symbol", "tic", "Name", "code", "Stock", "<TICKER>", "ts_code")

_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
DATES: Mapping[str, Callable[[date], str]] = {
    "iso": lambda day: f"{day:%Y-%m-%d}",
    "iso midnight": lambda day: f"{day:%Y-%m-%d} 00:00:00",
    "iso utc": lambda day: f"{day:%Y-%m-%d}T00:00:00.000Z",
    "new york": lambda day: f"{day:%Y-%m-%d} 00:00:00-05:00",
    "compact": lambda day: f"{day:%Y%m%d}",
    "dots": lambda day: f"{day:%Y.%m.%d}",
    "us": lambda day: f"{day:%m/%d/%Y}",
    "us short": lambda day: f"{day.month}/{day.day}/{day.year}",
    "us two digits": lambda day: f"{day:%m/%d/%y}",
    "us close": lambda day: f"{day.month}/{day.day}/{day.year} 16:00:00",
    "european": lambda day: f"{day:%d.%m.%Y}",
    "dashes": lambda day: f"{day:%d-%m-%Y}",
    "unpadded": lambda day: f"{day.year}/{day.month}/{day.day}",
    "google": lambda day: f"{day.day}-{_MONTHS[day.month - 1]}-{day:%y}",
    "nse": lambda day: f"{day:%d}-{_MONTHS[day.month - 1].upper()}-{day.year}",
    "page": lambda day: f"{_MONTHS[day.month - 1]} {day.day}, {day.year}",
    "epoch": lambda day: f"{int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())}",
    "milliseconds": lambda day: (
        f"{int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)}"
    ),
    "close in utc": lambda day: f"{day:%Y-%m-%d}T21:00:00Z",
    "year day month": lambda day: f"{day:%Y-%d-%m}",
    "month name first": lambda day: f"{day:%A}, {_MONTHS[day.month - 1]} {day.day:02}, {day.year}",
    "excel": lambda day: f"{(day - date(1899, 12, 30)).days}",
}


@dataclass(frozen=True)
class Written:
    """A file, what was drawn for it, and the rows that it says."""

    path: Path
    drawn: str
    rows: pd.DataFrame


def write_drawn(prices: pd.DataFrame, folder: Path, seed: int) -> Written:
    """Write some rows of prices in a form that the seed draws.

    Parameters
    ----------
    prices
        Columns ticker, session and `NUMBERS`.

    """
    draw = random.Random(seed)
    tickers = draw.choice([["AAPL"], ["IBM"], ["AAPL", "IBM"], ["AAPL", "IBM", "MSFT"]])
    rows = prices[prices["ticker"].isin(tickers)].copy()
    start = draw.randrange(0, 900)
    days = sorted(rows["session"].unique())[start : start + draw.choice([7, 40, 130, 300])]
    rows = rows[rows["session"].isin(days)].reset_index(drop=True)
    names = [name for name in NUMBERS if name not in ("adj_close", "volume") or draw.random() < 0.8]
    if "adj_close" not in names:
        rows["adj_close"] = rows["close"]
    if "volume" not in names:
        rows["volume"] = float("nan")
    # As few decimals as vendors have.
    for name in set(names) - {"volume"}:
        rows[name] = rows[name].round(draw.choice([2, 4]) if name != "adj_close" else 6)
    if "adj_close" not in names:
        rows["adj_close"] = rows["close"]
    shape = draw.choice(["text", "text", "text", "text", "yfinance", "json", "parquet"])
    write = {
        "text": _write_text,
        "yfinance": _write_yfinance,
        "json": _write_json,
        "parquet": _write_parquet,
    }[shape]
    path, drawn = write(rows, names, tickers, folder, draw)
    return Written(path, f"{seed}: {shape}, {drawn}", rows)


def _numbers(values: pd.Series, name: str, form: str) -> list[str]:
    texts = [f"{value:.0f}" if name == "volume" else repr(float(value)) for value in values]
    return [_number(text, form, name) for text in texts]


def _number(text: str, form: str, name: str) -> str:
    whole, _, fraction = text.partition(".")
    if form in ("grouped", "dollars"):
        text = f"{int(whole):,}" + (f".{fraction}" if fraction else "")
        return f"${text}" if form == "dollars" and name != "volume" else text
    if form == "decimal comma":
        return f"{int(whole):,}".replace(",", ".") + (f",{fraction}" if fraction else "")
    if form == "letters" and name == "volume":
        # As far as the volume is a whole number of thousands.
        return f"{int(whole) // 1000}K" if whole.endswith("000") else whole
    if form == "apostrophes":
        return f"{int(whole):,}".replace(",", "'") + (f".{fraction}" if fraction else "")
    if form == "spaces":
        return f"{int(whole):,}".replace(",", "\u00a0") + (f".{fraction}" if fraction else "")
    return text


def _write_text(
    rows: pd.DataFrame, names: list[str], tickers: list[str], folder: Path, draw: random.Random
) -> tuple[Path, str]:
    style, when = draw.choice(sorted(HEADINGS)), draw.choice(sorted(DATES))
    form = draw.choice(
        ["plain", "plain", "plain", "grouped", "dollars", "decimal comma", "apostrophes", "spaces", "letters"]
    )
    separator = draw.choice([",", ",", ",", ";", "\t", "|"])
    heading = HEADINGS[style]
    table = pd.DataFrame({heading["date"]: [DATES[when](day.date()) for day in rows["session"]]})
    for name in names:
        table[heading[name]] = _numbers(rows[name], name, form)
    named = len(tickers) > 1 or draw.random() < 0.3
    column = draw.choice(TICKERS)
    if named:
        table[column] = list(rows["ticker"])
    if draw.random() < 0.3:
        table["Change %"] = "0.1%"
    if draw.random() < 0.5:
        columns = list(table.columns)
        draw.shuffle(columns)
        table = table[columns]
    if draw.random() < 0.4:
        table = table.iloc[::-1]
    if draw.random() < 0.2:
        table.insert(0, "", range(len(table)))
    ends = draw.choice(["\n", "\r\n"])
    text = table.to_csv(index=False, sep=separator, lineterminator=ends)
    preface = draw.choice(["", "", "", "# from a vendor\n# daily\n", "Historical data\nUS0378331005\n\n"])
    content, packed, ending = _packed(preface + text, folder, draw, tickers[0])
    path = folder / f"{'prices' if named else tickers[0]}{ending}"
    path.write_bytes(content)
    return path, f"{style}, {when}, {form}, {separator!r}, {packed}, {column if named else 'named by file'}"


def _packed(text: str, folder: Path, draw: random.Random, ticker: str) -> tuple[bytes, str, str]:
    encoding = draw.choice(["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16"])
    content = text.encode(encoding)
    kind = draw.choice(["", "", "", "", "gz", "zip"])
    if kind == "gz":
        return gzip.compress(content), f"{encoding} gz", ".csv.gz"
    if kind == "zip":
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{ticker}.csv", content)
        return stream.getvalue(), f"{encoding} zip", ".zip"
    return content, encoding, draw.choice([".csv", ".csv", ".txt"])


def _write_yfinance(
    rows: pd.DataFrame, names: list[str], tickers: list[str], folder: Path, draw: random.Random
) -> tuple[Path, str]:
    capital = {name: HEADINGS["yahoo"][name] for name in names}
    wide = rows.pivot(index="session", columns="ticker", values=names).rename(columns=capital, level=0)
    wide.index.name, wide.columns.names = "Date", ["Price", "Ticker"]
    by_ticker = draw.random() < 0.5
    if by_ticker:
        wide = wide.swaplevel(axis=1).sort_index(axis=1)
    kind = draw.choice(["csv", "reset", "parquet"])
    if kind == "parquet":
        path = folder / "prices.parquet"
        wide.to_parquet(path)
    else:
        path = folder / "prices.csv"
        (wide.reset_index() if kind == "reset" else wide).to_csv(path, index=kind == "csv")
    return path, f"{kind}, {'by ticker' if by_ticker else 'by price'}, {len(tickers)} tickers"


def _write_json(
    rows: pd.DataFrame, names: list[str], tickers: list[str], folder: Path, draw: random.Random
) -> tuple[Path, str]:
    heading = HEADINGS[draw.choice(["yahoo", "small"])]
    table = pd.DataFrame(
        {heading["date"]: rows["session"].dt.strftime("%Y-%m-%d"), **{heading[n]: rows[n] for n in names}}
    )
    table.insert(0, "ticker", rows["ticker"])
    kind = draw.choice(["records", "columns", "split", "lines", "answer"])
    if kind == "lines":
        text = table.to_json(orient="records", lines=True)
    elif kind == "answer":
        text = json.dumps({"status": "OK", "results": json.loads(table.to_json(orient="records"))})
    else:
        text = table.to_json(orient=kind)
    path = folder / "prices.json"
    path.write_text(text, encoding="utf-8")
    return path, kind


def _write_parquet(
    rows: pd.DataFrame, names: list[str], tickers: list[str], folder: Path, draw: random.Random
) -> tuple[Path, str]:
    heading = HEADINGS[draw.choice(["yahoo", "small", "capitals"])]
    when = draw.choice(["moments", "zone", "dates", "milliseconds", "text"])
    days = rows["session"]
    column = {
        "moments": lambda: days,
        "zone": lambda: days.dt.tz_localize("America/New_York"),
        "dates": lambda: pd.Series([day.date() for day in days], dtype=object),
        "milliseconds": lambda: days.astype("datetime64[ms]").astype("int64"),
        "text": lambda: days.dt.strftime("%Y-%m-%d"),
    }[when]()
    table = pd.DataFrame(
        {"Ticker": rows["ticker"], heading["date"]: column, **{heading[n]: rows[n] for n in names}}
    )
    index = draw.choice(["none", "date", "both", "ticker"])
    if index != "none":
        levels = {"date": [heading["date"]], "both": [heading["date"], "Ticker"], "ticker": ["Ticker"]}[index]
        table = table.set_index(levels)
    path = folder / "prices.parquet"
    table.to_parquet(path, index=None if index != "none" else False)
    return path, f"{when}, index {index}"
