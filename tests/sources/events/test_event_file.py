"""Announcements from files."""

import gzip
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest

from stockjax.errors import InvalidDataError, UsageError
from stockjax.events import Announcement
from stockjax.sessions import Exchange
from stockjax.sources.events import EventDelivery, EventRequest
from stockjax.sources.events.event_file import EventFile
from stockjax.sources.events.sample_events import SampleEvents

NYSE = Exchange("XNYS")


def read(path: Path, *tickers: str) -> EventDelivery:
    (found,) = EventFile(path).fetch([EventRequest(ticker, NYSE) for ticker in tickers or ("AAPL",)])
    return found


def written(folder: Path, text: str) -> Path:
    path = folder / "events.csv"
    path.write_text(text, encoding="utf-8")
    return path


def brief(said: Announcement) -> tuple[object, ...]:
    return said.ticker, said.day, said.timing, said.kind, said.known_at


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ticker,date\nAAPL,2013-01-23\n", ("AAPL", date(2013, 1, 23), "unknown", "earnings", None)),
        ("Symbol;Date;Time\nAAPL;23.01.2013;16:30\n", ("AAPL", date(2013, 1, 23), "after", "earnings", None)),
        ("date,ticker,time\n2013-01-23,AAPL,bmo\n", ("AAPL", date(2013, 1, 23), "before", "earnings", None)),
        (
            "ticker,date,time\nAAPL,2013-01-23,4:30 PM\n",
            ("AAPL", date(2013, 1, 23), "after", "earnings", None),
        ),
        (
            "ticker,date,time\nAAPL,2013-01-23,12:00\n",
            ("AAPL", date(2013, 1, 23), "during", "earnings", None),
        ),
        (
            "ticker,date,time\nAAPL,2013-01-23,00:00\n",
            ("AAPL", date(2013, 1, 23), "unknown", "earnings", None),
        ),
        ("ticker,date,time\nAAPL,2013-01-23,\n", ("AAPL", date(2013, 1, 23), "unknown", "earnings", None)),
        ("ticker,date\nAAPL,2013-01-23 16:30\n", ("AAPL", date(2013, 1, 23), "after", "earnings", None)),
        (
            "ticker,date,kind,known_at\nAAPL,2013-01-23,Dividend,2013-01-08T21:05:00Z\n",
            ("AAPL", date(2013, 1, 23), "unknown", "dividend", datetime(2013, 1, 8, 21, 5, tzinfo=UTC)),
        ),
        # A moment in another zone is one of the exchange's day.
        ("ticker,date\nAAPL,2013-01-23T12:30:00Z\n", ("AAPL", date(2013, 1, 23), "before", "earnings", None)),
        ("ticker,date\nAAPL,2013-04-24T00:30:00Z\n", ("AAPL", date(2013, 4, 23), "after", "earnings", None)),
        (
            "ticker,date\nAAPL,2013-01-23 22:30:00+01:00\n",
            ("AAPL", date(2013, 1, 23), "after", "earnings", None),
        ),
        (
            "ticker,date,time\nAAPL,2013-01-23,21:30Z\n",
            ("AAPL", date(2013, 1, 23), "after", "earnings", None),
        ),
        (
            "ticker,date,time\nAAPL,2013-01-23,4:05 PM ET\n",
            ("AAPL", date(2013, 1, 23), "after", "earnings", None),
        ),
        (
            "ticker,date,time\nAAPL,2013-01-24,07:00 JST\n",
            ("AAPL", date(2013, 1, 23), "after", "earnings", None),
        ),
        # At midnight in a zone a day is meant, and so is midnight where the exchange is.
        (
            "ticker,date\nAAPL,2013-01-23T00:00:00Z\n",
            ("AAPL", date(2013, 1, 23), "unknown", "earnings", None),
        ),
        (
            "ticker,date\nAAPL,2013-01-23T05:00:00Z\n",
            ("AAPL", date(2013, 1, 23), "unknown", "earnings", None),
        ),
        # Other calendars.
        (
            "code,report_date,date,before_after_market\nAAPL,2013-01-23,2012-12-31,AfterMarket\n",
            ("AAPL", date(2013, 1, 23), "after", "earnings", None),
        ),
        (
            "symbol,time,date\nAAPL,time-pre-market,2013-01-23\n",
            ("AAPL", date(2013, 1, 23), "before", "earnings", None),
        ),
        (
            "Symbol,Earnings Date,Earnings Call Time\nAAPL,2013-01-23,TAS\n",
            ("AAPL", date(2013, 1, 23), "unknown", "earnings", None),
        ),
        (
            "symbol,reportedDate,reportTime\nAAPL,2013-01-23,post-market\n",
            ("AAPL", date(2013, 1, 23), "after", "earnings", None),
        ),
        ("ticker,date,time\nAAPL,2013-01-23,0730\n", ("AAPL", date(2013, 1, 23), "before", "earnings", None)),
        ("ticker,date,time\nAAPL,2013-01-23,4pm\n", ("AAPL", date(2013, 1, 23), "after", "earnings", None)),
        (
            'ticker,date\nAAPL,"=""2013-01-23"""\n',
            ("AAPL", date(2013, 1, 23), "unknown", "earnings", None),
        ),
        (
            "Symbol;Earnings Date\nAAPL;Jan 23, 2013 4:30 PM\n",
            ("AAPL", date(2013, 1, 23), "after", "earnings", None),
        ),
        (
            "Symbol;Earnings Date\nAAPL;January 23, 2013 at 4 PM EST\n",
            ("AAPL", date(2013, 1, 23), "after", "earnings", None),
        ),
        (
            'symbol,date\nAAPL,"Jan 23, 2013, 8 AM ET"\n',
            ("AAPL", date(2013, 1, 23), "before", "earnings", None),
        ),
        ("# mine\nticker,date\nAAPL,2013-01-23\n", ("AAPL", date(2013, 1, 23), "unknown", "earnings", None)),
        ("ticker,date,,\nAAPL,2013-01-23,,\n,,,\n", ("AAPL", date(2013, 1, 23), "unknown", "earnings", None)),
        # A column settles the order of day and month in `known_at` too.
        (
            "ticker,date,known_at\nAAPL,2013-01-23,08.01.2013 16:05\nIBM,2013-01-23,21.01.2013\n",
            ("AAPL", date(2013, 1, 23), "unknown", "earnings", datetime(2013, 1, 8, 21, 5, tzinfo=UTC)),
        ),
        # A day alone: known once it is over where the exchange is.
        (
            "ticker,date,known_at\nAAPL,2013-01-23,2013-01-08\n",
            ("AAPL", date(2013, 1, 23), "unknown", "earnings", datetime(2013, 1, 9, 4, 59, 59, tzinfo=UTC)),
        ),
    ],
)
def test_what_a_file_says_is_read(tmp_path: Path, text: str, expected: tuple[object, ...]) -> None:
    (said,) = read(written(tmp_path, text)).announcements
    assert brief(said) == expected


def test_symbols_that_parsers_eat_are_tickers(tmp_path: Path) -> None:
    names = ("NA", "TRUE", "INF", "ON", "NAN", "360", "BRK-B")
    path = written(tmp_path, "ticker,date\n" + "".join(f"{name},2013-01-23\n" for name in names))
    assert [said.ticker for said in read(path, *names).announcements] == list(names)


def test_a_row_that_cannot_be_read_stops_no_other_and_is_named(tmp_path: Path) -> None:
    text = (
        "ticker,date,time,known_at\nAAPL,2013-01-23,16:30,\nAAPL,2013-04-31,,\nAAPL,2013-07-23,noonish,\n"
        "AAPL,2013-10-28,25:00,\nAAPL,2014-01-27,,soon\n"
    )
    found = read(written(tmp_path, text))
    assert [said.day for said in found.announcements] == [date(2013, 1, 23)]
    assert found.remarks == ()
    assert found.refused == (
        "'events.csv': 4 rows left out: row 3 (AAPL): '2013-04-31' is no date; row 4 (AAPL): "
        "'noonish' is no time: write HH:MM, before, during or after; row 5 (AAPL): '25:00' is no time of a "
        "day; row 6 (AAPL): known_at 'soon' is no moment: write 2013-01-08T21:05:00Z; correct the file"
    )


def test_dates_whose_order_cannot_be_settled_are_refused_by_row(tmp_path: Path) -> None:
    found = read(written(tmp_path, "ticker,date\nAAPL,03/04/2013\nAAPL,05/06/2013\n"))
    assert found.announcements == ()
    assert "'03/04/2013' is no date" in found.refused


def test_a_midnight_among_moments_is_a_moment(tmp_path: Path) -> None:
    found = read(written(tmp_path, "ticker,date\nAAPL,2013-01-24T00:00:00Z\nAAPL,2013-04-23T20:30:00Z\n"))
    assert [(said.day, said.timing) for said in found.announcements] == [
        (date(2013, 1, 23), "after"),
        (date(2013, 4, 23), "after"),
    ]


def test_a_day_of_knowledge_whose_order_cannot_be_settled_is_refused(tmp_path: Path) -> None:
    found = read(written(tmp_path, "ticker,date,known_at\nAAPL,2013-01-23,08.01.2013\n"))
    assert found.announcements == ()
    assert "known_at '08.01.2013' is no moment" in found.refused


def test_a_day_of_the_report_goes_before_another_date_and_is_said(tmp_path: Path) -> None:
    text = "ticker,date,report_date\nAAPL,2012-12-31,2013-01-23\n"
    assert read(written(tmp_path, text)).remarks[0] == (
        "'events.csv': days are those of 'report_date', not of its column of dates"
    )
    same = "ticker,date,report_date\nAAPL,2013-01-23,2013-01-23\n"
    assert "days are those" not in " ".join(read(written(tmp_path, same)).remarks)


@pytest.mark.parametrize("text", ["25:00", "16:75", "1675", "9999", "4:30 XYZ", "sixteen"])
def test_a_time_that_is_none_is_refused_by_row(tmp_path: Path, text: str) -> None:
    found = read(written(tmp_path, f"ticker,date,time\nAAPL,2013-01-23,{text}\n"))
    assert found.announcements == ()
    assert f"'{text}' is no time" in found.refused


def test_a_table_without_rows_has_no_announcements(tmp_path: Path) -> None:
    assert read(written(tmp_path, "ticker,date,time,known_at\n")).announcements == ()


def test_other_encodings_and_packed_files_are_read(tmp_path: Path) -> None:
    for name, content in (
        ("a.csv", "ticker,date\nAAPL,2013-01-23\n".encode("utf-16")),
        ("b.csv.gz", gzip.compress(b"ticker,date\nAAPL,2013-01-23\n")),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        assert [said.day for said in read(path).announcements] == [date(2013, 1, 23)]


def test_of_several_tables_none_is_chosen(tmp_path: Path) -> None:
    path = tmp_path / "events.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("a.csv", "b.csv"):
            archive.writestr(name, "ticker,date\nAAPL,2013-01-23\n")
    with pytest.raises(
        InvalidDataError, match=r"it holds 2 tables, 'events\.zip/a\.csv' and others; keep one"
    ):
        read(path)


def test_an_archive_with_a_password_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "events.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", "ticker,date\nAAPL,2013-01-23\n")
    content = bytearray(path.read_bytes())
    # The first flag of both headers of a member says that it is encrypted.
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(InvalidDataError, match=r"cannot be read .*encrypted"):
        read(path)


def test_tickers_that_the_run_has_not_are_said(tmp_path: Path) -> None:
    found = read(written(tmp_path, "ticker,date\nAAPL,2013-01-23\nXYZ,2013-01-24\n"))
    assert [said.ticker for said in found.announcements] == ["AAPL"]
    assert found.remarks == ("'events.csv': 1 ticker not in this run: XYZ; name those to follow",)
    assert found.answered == {"AAPL"}


def test_columns_that_are_not_used_are_named(tmp_path: Path) -> None:
    found = read(written(tmp_path, "Ticker,Report Date,tiem,eps\nAAPL,2013-01-23,after,1.5\n"))
    assert [(said.day, said.timing) for said in found.announcements] == [(date(2013, 1, 23), "unknown")]
    (remark,) = found.remarks
    assert "2 columns not used: tiem, eps; used are ticker, date, time, kind, known_at" in remark


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    pd.DataFrame(
        {
            "ticker": ["AAPL", "AAPL"],
            "date": pd.to_datetime(["2013-01-23", "2013-04-23"]),
            "time": ["after", None],
            "known_at": [pd.Timestamp("2013-01-08 21:05", tz="UTC"), pd.NaT],
        }
    ).to_parquet(path)
    found = read(path).announcements
    assert [(said.day, said.timing, said.known_at) for said in found] == [
        (date(2013, 1, 23), "after", datetime(2013, 1, 8, 21, 5, tzinfo=UTC)),
        (date(2013, 4, 23), "unknown", None),
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("<html>\n<body>gone</body>\n", "it is a web page"),
        ("a,b\n1,2\n", "has no column ticker and no column date"),
        ("ticker,close\nAAPL,1\n", "has no column date; it has ticker, close"),
        ("", "cannot be read"),
    ],
)
def test_what_is_no_table_of_announcements_is_refused_in_one_sentence(
    tmp_path: Path, text: str, sentence: str
) -> None:
    with pytest.raises(InvalidDataError, match=sentence):
        read(written(tmp_path, text))
    with pytest.raises(UsageError, match="there is no file"):
        read(tmp_path / "nowhere.csv")


def test_the_sample_has_the_announcements_of_four_of_its_tickers() -> None:
    tickers = ("AAPL", "FB", "GOOG", "IBM", "MSFT")
    (found,) = SampleEvents().fetch([EventRequest(ticker, NYSE) for ticker in tickers])
    assert {said.ticker for said in found.announcements} == {"AAPL", "FB", "IBM", "MSFT"}
    assert found.answered == set(tickers)
    assert found.remarks == ()
    assert max(said.day for said in found.announcements) > date(2013, 3, 1)
