"""`stockjax check` says how files would be read, and writes nothing to the warehouse."""

import json
from pathlib import Path

import pandas as pd
import pytest

from stockjax.cli.main import main

ROWS = "2013-02-27,10,11,9,10,100\n2013-02-28,10,11,9,10.5,100\n2013-03-01,10,11,9,10,100\n"
GOOD = "Date,Open,High,Low,Close,Volume\n" + ROWS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two good files, a bad one, one of another kind, and one without prices."""
    made = tmp_path / "prices"
    (made / "deeper").mkdir(parents=True)
    (made / "AAA.csv").write_text(GOOD)
    (made / "deeper" / "BBB.csv").write_text(GOOD.replace(",", ";"))
    (made / "CCC.csv").write_text("Date,Open,High,Low\n2013-03-01,1,2,3\n")
    (made / "notes.docx").write_text("x")
    (made / "read me.txt").write_text("prices of two tickers")
    return made


def checked(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """The exit code and what was printed."""
    code = 0
    try:
        main(["check", *map(str, arguments)])
    except SystemExit as ended:
        code = int(ended.code or 0)
    return code, capsys.readouterr().out


def test_every_file_is_accounted_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = checked(capsys, folder)
    assert code == 1
    assert text.splitlines() == [
        "AAA.csv: Stooq; AAA; 3 rows, 2013-02-27 to 2013-03-01; adjusted closes: none",
        "deeper/BBB.csv: Stooq; BBB; 3 rows, 2013-02-27 to 2013-03-01; adjusted closes: none",
        "not read, for their names end otherwise: 'notes.docx', 'read me.txt'",
        "refused: 'CCC.csv' cannot be read: it lacks the column(s) close (its first line is 'Date', 'Open', "
        "'High', 'Low')",
        "6 rows of 2 tickers would be stored",
    ]
    assert not Path("warehouse").exists()


def test_all_is_well_where_nothing_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad_rows = GOOD + "2013-03-04,10,11,9,-1,100\n2013-03-03,10,11,9,10,100\n"
    (folder / "AAA.csv").write_text(bad_rows)
    code, text = checked(capsys, folder / "AAA.csv")
    assert code == 0
    assert "3 rows of 1 ticker would be stored; not_a_session: 1, not_positive: 1" in text


def test_the_same_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = checked(capsys, folder, "--format", "json")
    answer = json.loads(text)
    assert code == 1
    assert [each["file"] for each in answer["files"]] == ["AAA.csv", "deeper/BBB.csv"]
    assert answer["files"][0] == {
        "file": "AAA.csv",
        "format": "Stooq",
        "tickers": ["AAA"],
        "rows": 3,
        "first": "2013-02-27",
        "last": "2013-03-01",
        "adjustment": "none",
        "remarks": [],
    }
    assert (answer["rows"], answer["tickers"], answer["not_read"]) == (6, 2, ["notes.docx", "read me.txt"])
    assert list(answer["refused"]) == ["CCC.csv"]


@pytest.mark.parametrize("name", ["rows.csv", "rows.parquet"])
def test_the_rows_that_would_be_stored_can_be_written(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    written = tmp_path / name
    checked(capsys, folder, "--rows", written)
    rows = pd.read_csv(written) if name.endswith(".csv") else pd.read_parquet(written)
    assert rows.groupby("ticker")["close"].apply(list).to_dict() == {
        "AAA": [10.0, 10.5, 10.0],
        "BBB": [10.0, 10.5, 10.0],
    }


def test_rows_of_another_ending_are_refused_before_anything_is_read(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert checked(capsys, folder, "--rows", "rows.xlsx") == (2, "")


def test_what_is_not_there_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(capsys, tmp_path / "nowhere") == (2, "")
    assert checked(capsys, tmp_path) == (2, "")


def test_intraday_bars_are_aggregated_where_that_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bars = [
        f"2013-03-{day:02} {hour}:30:00-05:00,10,{hour},9,{hour - 0.5},100"
        for day in (1, 4)
        for hour in (10, 14)
    ]
    (tmp_path / "AAA.csv").write_text("Datetime,Open,High,Low,Close,Volume\n" + "\n".join(bars))
    code, text = checked(capsys, tmp_path / "AAA.csv")
    assert code == 1
    assert "it has 2 bars of AAA on 2013-03-01; give daily bars, or set files.intraday" in text
    monkeypatch.setenv("STOCKJAX_FILES__INTRADAY", "aggregate")
    code, text = checked(capsys, tmp_path / "AAA.csv", "--rows", tmp_path / "rows.csv")
    assert code == 0
    assert "4 bars aggregated to 2 days" in text
    rows = pd.read_csv(tmp_path / "rows.csv")
    assert (
        rows[["open", "high", "low", "close", "volume"]].to_numpy().tolist() == [[10, 14, 9, 13.5, 200]] * 2
    )


def test_rows_of_another_calendar_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Tokyo was open on Presidents' Day, Good Friday and Memorial Day.
    days = ["2013-02-15", "2013-02-18", "2013-03-28", "2013-03-29", "2013-05-24", "2013-05-27"]
    rows = "".join(f"{day},10,11,9,10,100\n" for day in days)
    (tmp_path / "7203.T.csv").write_text("Date,Open,High,Low,Close,Volume\n" + rows)
    code, text = checked(capsys, tmp_path)
    assert code == 0
    assert "7203.T: 3 of its 6 rows are no sessions of XNYS, such as 20" in text


def test_a_ticker_none_of_whose_rows_is_accepted_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "CCC.csv").write_text("Date,Open,High,Low,Close,Volume\n2013-03-01,10,11,9,-10,100\n")
    code, text = checked(capsys, folder / "CCC.csv")
    assert code == 1
    assert "refused: every row of 'CCC' is refused, the first of them for not_positive: {" in text
    assert '"close":-10.0' in text
