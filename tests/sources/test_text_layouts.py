"""Texts that set their cells apart otherwise than a CSV file does, and files that are no texts."""

import bz2
import contextlib
import io
import pickle
import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stockjax.errors import InvalidDataError, UsageError
from stockjax.sources.files import FilesSource, read_price_file

HEADINGS = ("Date", "Open", "High", "Low", "Close", "Volume")
ROWS = (
    ("2013-02-27", "448.43", "452.44", "440.65", "444.57", "146674300"),
    ("2013-02-28", "444.05", "447.87", "441.40", "441.40", "80628800"),
    ("2013-03-01", "438.00", "438.18", "429.98", "430.47", "138112100"),
)
TABLE = pd.DataFrame(ROWS, columns=HEADINGS)


def joined(separator: str, quote: str = "") -> str:
    return "".join(
        separator.join(f"{quote}{cell}{quote}" for cell in row) + "\n" for row in (HEADINGS, *ROWS)
    )


def r_table() -> str:
    """As `write.table` of R has it: quoted text, and names of rows without a heading."""
    heading = " ".join(f'"{name}"' for name in HEADINGS)
    return heading + "".join(
        f'\n"{number}" "{row[0]}" {" ".join(row[1:])}' for number, row in enumerate(ROWS, 1)
    )


def zoo() -> str:
    """As `write.zoo` of R has what quantmod downloads."""
    heading = '"Index" ' + " ".join(f'"AAPL.{name}"' for name in HEADINGS[1:])
    return heading + "".join(f"\n{' '.join(row)}" for row in ROWS)


LAYOUTS = {
    "aligned by spaces": TABLE.to_string(index=False),
    "pandas, rows with numbers": TABLE.to_string(),
    "pandas, rows with dates": TABLE.set_index("Date").to_string(),
    "single spaces": joined(" "),
    "write.table of R": r_table(),
    "write.zoo of R": zoo(),
    "lines that are quoted": "".join(f'"{line}"\n' for line in joined(",").splitlines()),
    "quoted lines of quoted cells": "".join(
        '"' + line.replace('"', '""') + '"\n' for line in joined(",", '"').splitlines()
    ),
    "tildes": joined("~"),
    "carets": joined("^"),
    "Hive's default": joined("\x01"),
    "cells as formulas": "".join(",".join(f'="{cell}"' for cell in row) + "\n" for row in (HEADINGS, *ROWS)),
    "formulas in quotes": "".join(
        ",".join(f'"=""{cell}"""' for cell in row) + "\n" for row in (HEADINGS, *ROWS)
    ),
    "apostrophes in front": joined(",").replace("2013-", "'2013-"),
    "apostrophes around": joined(",", "'"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_rows_are_those_of_the_plain_table(tmp_path: Path, layout: str) -> None:
    path = tmp_path / "AAPL.txt"
    path.write_text(LAYOUTS[layout])
    read = read_price_file(path)
    assert read["ticker"].unique().tolist() == ["AAPL"]
    assert read["session"].dt.strftime("%Y-%m-%d").tolist() == [row[0] for row in ROWS]
    assert read[["open", "high", "low", "close", "volume"]].to_numpy().tolist() == [
        [float(cell) for cell in row[1:]] for row in ROWS
    ]


def test_a_thousand_with_an_apostrophe_stays_a_number(tmp_path: Path) -> None:
    path = tmp_path / "A.csv"
    path.write_text("Date,Open,High,Low,Close,Volume\n'2013-03-01,1'001.5,1'100,1'000,1'050.25,1'000'000\n")
    assert read_price_file(path)["close"].tolist() == [1050.25]


def test_prose_is_no_table(tmp_path: Path) -> None:
    path = tmp_path / "A.txt"
    path.write_text("date open high low close\nthese five words are headings, and this is a sentence\n")
    with pytest.raises(InvalidDataError, match="lacks the column"):
        read_price_file(path)


def test_bzip2_is_unpacked(tmp_path: Path) -> None:
    (tmp_path / "AAPL.csv.bz2").write_bytes(bz2.compress(joined(",").encode()))
    assert FilesSource(tmp_path).load().prices["ticker"].tolist() == ["AAPL"] * 3
    (tmp_path / "AAPL.csv.bz2").write_bytes(bz2.compress(joined(",").encode())[:40])
    with pytest.raises(InvalidDataError, match="damaged"):
        FilesSource(tmp_path).load()


def feather() -> bytes:
    stream = io.BytesIO()
    TABLE.to_feather(stream)
    return stream.getvalue()


def database() -> bytes:
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE prices (close REAL)")
        return connection.serialize()


def array() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.zeros(3))
    return stream.getvalue()


def tar() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        member = tarfile.TarInfo("AAPL.csv")
        member.size = len(joined(","))
        archive.addfile(member, io.BytesIO(joined(",").encode()))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (feather, "it is a Feather file"),
        (database, "it is a database of SQLite"),
        (array, "it is an array of NumPy"),
        (tar, "it is a tar archive"),
        (lambda: pickle.dumps(TABLE), "it is a pickle, which could run code"),
        (lambda: b"\x89HDF\r\n\x1a\n\x00\x00", "it is an HDF5 file"),
        (lambda: b"7z\xbc\xaf\x27\x1c\x00\x04", "it is a 7z archive"),
        (lambda: b"\xfd7zXZ\x00\x00\x04", "it is a file that xz has packed"),
        (lambda: b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", "it is a PDF document"),
        (lambda: b"\x89PNG\r\n\x1a\n\x00", "it is a picture"),
        (lambda: TABLE.to_html(index=False).encode(), "it is a web page"),
        (lambda: b'\xef\xbb\xbf<?xml version="1.0"?><Workbook/>', "it is an XML document"),
    ],
)
def test_another_kind_of_file_is_named(tmp_path: Path, content: Callable[[], bytes], what: str) -> None:
    path = tmp_path / "AAPL.csv"
    path.write_bytes(content())
    with pytest.raises(InvalidDataError) as caught:
        read_price_file(path)
    assert f"'AAPL.csv' cannot be read: {what}, not a table; " in str(caught.value)


def test_headings_in_angle_brackets_are_no_web_page(tmp_path: Path) -> None:
    path = tmp_path / "AAPL.txt"
    path.write_text(
        "<DATE>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>\n20130301,438.00,438.18,429.98,430.47,138112100\n"
    )
    assert read_price_file(path)["close"].tolist() == [430.47]


def test_a_folder_of_other_files_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "AAPL.csv.xz").write_bytes(b"\xfd7zXZ\x00")
    with pytest.raises(UsageError, match=r"it holds 'AAPL\.csv\.xz', which is none"):
        FilesSource(tmp_path).load()


ROW = "Date,Open,High,Low,Close,Volume\n{},10,12,9,11,100\n{},10,12,9,11,100\n"


@pytest.mark.parametrize(
    ("name", "ticker"),
    [
        ("AAPL_2013", "AAPL"),
        ("AAPL-2013-02", "AAPL-2013-02"),
        ("AAPL_2012_2013", "AAPL"),
        ("BRK-B 2013-01-01_2013-03-01", "BRK-B"),
        ("AAPL_20130301", "AAPL"),
        ("Copy of AAPL_2013", "AAPL"),
        # A contract of futures, and a download of long after.
        ("ES_2014", "ES_2014"),
        ("AAPL_20140301", "AAPL_20140301"),
        ("AAPL_20139999", "AAPL_20139999"),
        ("NASDAQ_DLY_AAPL, 1D", "AAPL"),
    ],
)
def test_dates_at_the_end_of_a_name_are_no_part_of_the_ticker(tmp_path: Path, name: str, ticker: str) -> None:
    path = tmp_path / f"{name}.csv"
    path.write_text(ROW.format("2013-01-31", "2013-03-01"))
    assert read_price_file(path)["ticker"].unique().tolist() == [ticker]


def test_files_of_years_are_one_history(tmp_path: Path) -> None:
    (tmp_path / "AAPL_2012.csv").write_text(ROW.format("2012-12-28", "2012-12-31"))
    (tmp_path / "AAPL_2013.csv").write_text(ROW.format("2013-01-02", "2013-01-03"))
    source = FilesSource(tmp_path)
    assert source.load().prices["ticker"].tolist() == ["AAPL"] * 4
    assert source.report.files[0].remarks[-1] == "'AAPL_2012' is AAPL, and the dates of its rows"


def test_volumes_that_are_all_minus_one_are_none(tmp_path: Path) -> None:
    path = tmp_path / "EURUSD.csv"
    path.write_text("Date,Open,High,Low,Close,Volume\n2013-02-28,1,2,1,1.5,-1\n2013-03-01,1,2,1,1.5,-1\n")
    source = FilesSource(path)
    delivery = source.load()
    assert delivery.prices["volume"].isna().all()
    assert delivery.remarks == ("EURUSD.csv: every volume is -1, which is read as none",)


@pytest.mark.parametrize(
    ("days", "refused"),
    [
        (("2013-02-19", "2013-02-25"), True),
        (("2013-01-31", "2013-02-28", "2013-03-28"), True),
        # A few rows may be missing.
        (("2013-02-19", "2013-02-20", "2013-02-27"), False),
        (("2013-02-25", "2013-02-28"), False),
        (("2013-02-25",), False),
    ],
)
def test_few_rows_are_long_bars_where_all_lie_far_apart(
    tmp_path: Path, days: tuple[str, ...], refused: bool
) -> None:
    path = tmp_path / "AAPL.csv"
    path.write_text("Date,Open,High,Low,Close,Volume\n" + "".join(f"{day},10,12,9,11,100\n" for day in days))
    delivery = FilesSource(path).deliver()
    assert len(delivery.prices) == (0 if refused else len(days))
    assert [str(error).partition(",")[2] for error in delivery.failures.values()] == (
        [f" as {'weekly' if days[0] > '2013-02' else 'monthly'} bars have; give daily bars"]
        if refused
        else []
    )
