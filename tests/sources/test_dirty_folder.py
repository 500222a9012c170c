"""A folder of real prices in every spelling, with dirt in it: nothing gets lost on the way."""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from stockjax.ingest import Ingested
from stockjax.settings import load_settings
from tests.support.runs import RunDriver

# Symbols that parsers take for something else.
SYMBOLS = ("NAN", "TRUE", "INF", "ON", "NA", "360", "BRK-B", "BF.B", "M&M", "^VIX")
YAHOO = {
    "session": "Date",
    "open": "Open",
    "high": "High",
    "low": "Low",
    "close": "Close",
    "adj_close": "Adj Close",
    "volume": "Volume",
}
# What `soil` does to every file, by the check that should find it.
DIRT = {
    "not_positive": 2,
    "high_low_exchanged": 1,
    "missing_price": 1,
    "missing_volume": 1,
    "impossible_spike": 1,
    "duplicate": 1,
    "not_a_session": 2,
    "future_date": 1,
    "no_date": 1,
    # The three dropped rows, and those that were rejected and have no good duplicate.
    "missing_sessions": 4,
}
REJECTED = 9


def soil(rows: pd.DataFrame) -> pd.DataFrame:
    """A ticker's rows as texts, with one of each kind of dirt."""
    dirty = rows[list(YAHOO)].astype(object).reset_index(drop=True)
    dirty["session"] = [f"{day:%Y-%m-%d}" for day in rows["session"]]
    dirty.loc[20, "close"] = 0
    dirty.loc[30, "low"] = -5.0
    dirty.loc[40, ["high", "low"]] = dirty.loc[40, ["low", "high"]].tolist()
    dirty.loc[50, "volume"] = "14.748.800.659"
    dirty.loc[60, ["open", "high", "low", "close", "adj_close"]] *= 100
    changes: list[dict[str, Any]] = [
        {"close": None},  # next to the real row of the same day
        {},  # the row once more
        {"session": "2012-07-04"},
        {"session": "2012-07-07"},
        {"session": "2099-01-02"},
        {"session": "sometime"},
    ]
    added = pd.DataFrame([dirty.loc[70].to_dict() | change for change in changes])
    return pd.concat([dirty.drop(index=[80, 81, 82]), added], ignore_index=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, sample_prices: pd.DataFrame) -> Path:
    made = tmp_path_factory.mktemp("dirty")
    rows = sample_prices[(sample_prices["ticker"] == "IBM") & (sample_prices["session"] > "2012-06-01")]
    for number, symbol in enumerate(SYMBOLS):
        table = soil(rows)
        match number % 4:
            case 0:
                table.iloc[::-1].rename(columns=YAHOO).to_csv(made / f"{symbol}.csv", index=False)
            case 1:
                table.to_csv(made / f"{symbol.lower()}_prices.csv.gz", index=False)
                named = table.assign(TICKER=symbol)[["TICKER", *reversed(table.columns)]]
                named.rename(columns={"session": "DATE"}).to_csv(
                    made / f"{symbol.lower()}_prices.csv.gz", index=False
                )
            case 2:
                table.rename(columns=YAHOO).astype("str").to_parquet(made / f"{symbol}.parquet")
            case _:
                table.rename(columns={"session": "date"}).to_csv(made / f"{symbol}.csv", index=False)
    (made / "EMPTY.csv").write_text(",".join(YAHOO.values()) + "\n")
    (made / "SHAPE.csv").write_text("a,b\n1,2\n")
    (made / "CUT.csv.gz").write_bytes(gzip.compress(b"Date,Open\n" * 1000)[:30])
    (made / "notes.txt").write_text("not a price file")
    return made


@pytest.fixture(scope="module")
def night(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[RunDriver, Ingested]:
    settings = load_settings(source="files", path=folder, warehouse=tmp_path_factory.mktemp("warehouse"))
    made = RunDriver(settings)
    made.open()
    done = made.ingest()
    made.resolve_universe(done)
    return made, done


def rows(night: RunDriver, sql: str) -> list[tuple[Any, ...]]:
    with night.warehouse.read() as connection:
        return connection.execute(sql).fetchall()


def test_every_defect_is_found_once_in_every_file(night: tuple[RunDriver, Ingested]) -> None:
    assert Counter(night[1].checks) == {name: count * len(SYMBOLS) for name, count in DIRT.items()}


def test_rows_read_are_rows_stored_and_rows_rejected(
    night: tuple[RunDriver, Ingested], sample_prices: pd.DataFrame
) -> None:
    made, done = night
    ((stored,),) = rows(made, "SELECT count(*) FROM prices")
    ((rejected,),) = rows(made, "SELECT count(*) FROM quarantine WHERE severity = 'reject'")
    clean = (sample_prices["ticker"].eq("IBM") & (sample_prices["session"] > "2012-06-01")).sum()
    assert done.read == stored + rejected == len(SYMBOLS) * (clean - 3 + 6)
    assert rejected == done.rejected == len(SYMBOLS) * REJECTED


def test_symbols_that_parsers_eat_stay_text(night: tuple[RunDriver, Ingested]) -> None:
    found = rows(night[0], "SELECT ticker, state FROM tickers ORDER BY ticker")
    assert found == [(symbol, "active") for symbol in sorted(SYMBOLS)]


def test_files_that_cannot_be_read_are_named_in_a_sentence_each(night: tuple[RunDriver, Ingested]) -> None:
    lines = {name: str(failure) for name, failure in night[1].failures.items()}
    assert set(lines) == {"EMPTY.csv", "SHAPE.csv", "CUT.csv.gz"}
    assert lines["EMPTY.csv"] == "'EMPTY.csv' cannot be read: it has headings and no rows; fill or remove it"
    assert lines["SHAPE.csv"].startswith("'SHAPE.csv' cannot be read: it lacks the column(s) date, open,")
    assert all("\n" not in sentence for sentence in lines.values())


def test_quarantine_keeps_what_was_written(night: tuple[RunDriver, Ingested]) -> None:
    ((row,),) = rows(
        night[0], "SELECT row FROM quarantine WHERE reason = 'missing_volume' AND ticker = 'NAN'"
    )
    assert json.loads(row)["Volume"] == "14.748.800.659"
    found = rows(
        night[0],
        "SELECT DISTINCT row ->> 'DATE' FROM quarantine WHERE reason = 'no_date' AND ticker = 'TRUE'",
    )
    assert found == [("sometime",)]


def test_a_repaired_row_is_stored_repaired(night: tuple[RunDriver, Ingested]) -> None:
    assert rows(night[0], "SELECT count(*) FROM prices WHERE high < low") == [(0,)]


def test_loading_the_folder_again_changes_nothing(night: tuple[RunDriver, Ingested]) -> None:
    made, _ = night
    tables = ("prices", "price_revisions", "quarantine")
    before = {table: rows(made, f"FROM {table} ORDER BY ALL") for table in tables}
    again = made.ingest()
    assert {table: rows(made, f"FROM {table} ORDER BY ALL") for table in tables} == before
    assert (again.stored, again.restated) == (0, {})
