import gzip
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stockjax.errors import InvalidDataError, UnknownTickerError, UsageError
from stockjax.settings import load_settings
from stockjax.sources import DELIVERED_COLUMNS, PRICE_COLUMNS, open_source
from stockjax.sources.files import FilesSource, read_price_file
from tests.support.synthetic import delivered

HEADINGS = "Date,Open,High,Low,Close,Adj Close,Volume"
ROW = "2013-03-01,10,12,9,11,5.5,100"
LAST = date(2013, 3, 1)
EXPECTED = {
    "session": pd.Timestamp("2013-03-01"),
    "open": 10.0,
    "high": 12.0,
    "low": 9.0,
    "close": 11.0,
    "adj_close": 5.5,
    "volume": 100.0,
    "dividend": 0.0,
    "split": 1.0,
}


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def frame(**columns: object) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "ticker": ["A"],
            "date": pd.to_datetime(["2013-03-01"]),
            "open": [10.0],
            "high": [12.0],
            "low": [9.0],
            "close": [11.0],
            "adj_close": [5.5],
            "volume": [100],
        }
        | columns
    )


def typed(prices: pd.DataFrame, row: int) -> dict[str, object]:
    """A row without the vendor's own text of it."""
    values: dict[str, object] = prices[list(PRICE_COLUMNS)].iloc[row].to_dict()
    return values


def malformed(path: Path) -> str:
    with pytest.raises(InvalidDataError) as caught:
        read_price_file(path)
    message = str(caught.value)
    assert path.name in message
    assert "\n" not in message.strip()
    assert "\n" not in message, "one sentence, on one line"
    return message


@pytest.mark.parametrize(
    ("headings", "row"),
    [
        (
            "ticker,date,open,high,low,close,adj_close,volume",
            "A,2013-03-01,10,12,9,11,5.5,100",
        ),
        (
            "VOLUME,ADJ_CLOSE,CLOSE,LOW,HIGH,OPEN,DATE,TICKER",
            "100,5.5,11,9,12,10,2013-03-01,A",
        ),
        (
            "Symbol,Date,Open,High,Low,Close,Adj Close,Volume",
            "A,2013-03-01,10,12,9,11,5.5,100",
        ),
        (
            " Date , Open,High,Low,Close,AdjClose,Volume,Ticker,Remark",
            "2013-03-01,10,12,9,11,5.5,100,A,fine",
        ),
        (
            "Datetime,Open,High,Low,Close,Adjusted Close,Volume,Dividends,Stock Splits,ticker",
            "2013-03-01,10,12,9,11,5.5,100,0,1,A",
        ),
    ],
)
def test_columns_may_come_in_any_order_case_and_spelling(tmp_path: Path, headings: str, row: str) -> None:
    prices = read_price_file(write(tmp_path / "x.csv", headings, row))
    assert tuple(prices.columns) == DELIVERED_COLUMNS
    assert typed(prices, 0) == {"ticker": "A"} | EXPECTED
    assert prices["raw"].isna().all()


def test_dividends_and_splits_are_kept(tmp_path: Path) -> None:
    path = write(tmp_path / "A.csv", f"{HEADINGS},Dividends,Stock Splits", f"{ROW},0.25,2.0")
    assert read_price_file(path)[["dividend", "split"]].to_numpy().tolist() == [[0.25, 2.0]]


def test_without_adjusted_closes_the_closes_stand_in(tmp_path: Path) -> None:
    path = write(tmp_path / "A.csv", "date,open,high,low,close,volume", "2013-03-01,10,12,9,11,100")
    assert read_price_file(path)["adj_close"].tolist() == [11.0]


@pytest.mark.parametrize("name", ["A.csv", "A.CSV", "A.csv.gz", "A.parquet", "A.PARQUET"])
def test_a_file_without_tickers_is_about_the_one_it_is_named_after(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.lower().endswith(".parquet"):
        frame().drop(columns="ticker").to_parquet(path, index=False)
    elif name.endswith(".gz"):
        path.write_bytes(gzip.compress(f"{HEADINGS}\n{ROW}\n".encode()))
    else:
        write(path, HEADINGS, ROW)
    source = FilesSource(path)
    assert source.universe() == ("A",)
    assert source.last_session() == LAST
    assert typed(delivered(source, ["A"], LAST).prices, 0) == {"ticker": "A"} | EXPECTED


@pytest.mark.parametrize("symbol", ["BRK-B", "M&M", "^VIX", "360", "NAN", "BRK.B", "7203.T", "VOD.L"])
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_file_name_is_the_whole_symbol(tmp_path: Path, symbol: str, suffix: str) -> None:
    path = tmp_path / f"{symbol}{suffix}"
    if suffix == ".csv":
        write(path, HEADINGS, ROW)
    else:
        frame().drop(columns="ticker").to_parquet(path, index=False)
    assert FilesSource(path).universe() == (symbol,)


SYMBOLS = ["NAN", "TRUE", "INF", "ON", "NA", "360", "BRK-B", "M&M", "^VIX", "NULL", "1E5", "007", "None"]


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet"])
def test_symbols_that_look_like_values_stay_text(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"prices.{kind}"
    prices = pd.concat([frame(ticker=[symbol]) for symbol in SYMBOLS], ignore_index=True)
    prices.to_parquet(path, index=False) if kind == "parquet" else prices.to_csv(path, index=False)
    source = FilesSource(path)
    assert source.universe() == tuple(sorted(SYMBOLS))
    delivery = delivered(source, SYMBOLS, LAST)
    assert sorted(delivery.prices["ticker"]) == sorted(SYMBOLS)
    assert all(type(ticker) is str for ticker in delivery.prices["ticker"])
    assert not delivery.failures


def test_a_folder_is_all_its_price_files(tmp_path: Path) -> None:
    write(tmp_path / "A.csv", HEADINGS, ROW)
    (tmp_path / "B.csv.gz").write_bytes(gzip.compress(f"{HEADINGS}\n{ROW}\n".encode()))
    frame(ticker=["C"], date=pd.to_datetime(["2013-03-04"])).to_parquet(tmp_path / "c.parquet", index=False)
    write(tmp_path / "notes.txt", "not a price")
    source = FilesSource(tmp_path)
    assert source.universe() == ("A", "B", "C")
    assert source.last_session() == date(2013, 3, 4)
    delivery = delivered(source, ["A", "C", "D"], LAST)
    assert set(delivery.prices["ticker"]) == {"A"}
    assert set(delivery.failures) == {"C", "D"}
    assert all(isinstance(failure, UnknownTickerError) for failure in delivery.failures.values())
    assert str(tmp_path) in str(delivery.failures["D"])


def test_the_settings_lead_to_the_files(tmp_path: Path) -> None:
    write(tmp_path / "A.csv", HEADINGS, ROW)
    source = open_source(load_settings(source="files", path=tmp_path))
    assert source.name == "files"
    assert source.universe() == ("A",)


@pytest.mark.parametrize("place", ["missing", "missing.csv", "."])
def test_a_place_without_price_files_is_wrong_usage(tmp_path: Path, place: str) -> None:
    with pytest.raises(UsageError, match="--path"):
        FilesSource(tmp_path / place).universe()


def test_a_byte_order_mark_is_no_part_of_the_first_heading(tmp_path: Path) -> None:
    path = tmp_path / "A.csv"
    path.write_bytes(f"{HEADINGS}\n{ROW}\n".encode("utf-8-sig"))
    assert read_price_file(path)["session"].tolist() == [pd.Timestamp("2013-03-01")]


@pytest.mark.parametrize(
    ("summer", "winter"),
    [
        ("2012-07-02 00:00:00-04:00", "2013-03-01 00:00:00-05:00"),
        ("2012-07-02 00:00:00+09:00", "2013-03-01 00:00:00+09:00"),
        ("2012-07-02T00:00:00Z", "2013-03-01T00:00:00Z"),
        ("2012-07-02", "2013-03-01 00:00:00-05:00"),
        ("20120702", "20130301"),
    ],
)
def test_a_session_is_the_date_as_written_whatever_the_zone(tmp_path: Path, summer: str, winter: str) -> None:
    rows = [f"{day},10,12,9,11,5.5,100" for day in (summer, winter)]
    prices = read_price_file(write(tmp_path / "A.csv", HEADINGS, *rows))
    assert prices["session"].tolist() == [pd.Timestamp("2012-07-02"), pd.Timestamp("2013-03-01")]


@pytest.mark.parametrize("zone", [None, "America/New_York", "Asia/Tokyo"])
def test_parquet_dates_may_carry_a_zone(tmp_path: Path, zone: str | None) -> None:
    dates = pd.to_datetime(["2012-07-02", "2013-03-01"]).tz_localize(zone)
    rows = pd.concat([frame(), frame()], ignore_index=True).assign(date=dates)
    rows.to_parquet(tmp_path / "x.parquet", index=False)
    prices = read_price_file(tmp_path / "x.parquet")
    assert prices["session"].tolist() == [pd.Timestamp("2012-07-02"), pd.Timestamp("2013-03-01")]
    assert prices["session"].dtype == "datetime64[s]"


def test_parquet_dates_may_be_plain_dates_or_the_index(tmp_path: Path) -> None:
    frame(date=[date(2013, 3, 1)]).to_parquet(tmp_path / "dates.parquet", index=False)
    frame().set_index("date").to_parquet(tmp_path / "index.parquet")
    for name in ("dates.parquet", "index.parquet"):
        assert read_price_file(tmp_path / name)["session"].tolist() == [pd.Timestamp("2013-03-01")]


def test_cells_that_are_no_numbers_or_dates_are_left_to_the_gate(tmp_path: Path) -> None:
    path = write(tmp_path / "A.csv", HEADINGS, "soon,ten,12,9,,5.5,-", ROW)
    prices = read_price_file(path)
    assert len(prices) == 2
    bad = prices.iloc[0]
    assert pd.isna(bad["session"])
    assert np.isnan(bad[["open", "close", "volume"]].astype(float)).all()
    assert typed(prices, 1) == {"ticker": "A"} | EXPECTED


def test_headings_without_rows_are_malformed(tmp_path: Path) -> None:
    assert "no rows" in malformed(write(tmp_path / "A.csv", HEADINGS))
    frame().iloc[:0].to_parquet(tmp_path / "A.parquet", index=False)
    assert "no rows" in malformed(tmp_path / "A.parquet")


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", "A.csv"),
        (b"a,b\n1,2\n", "date, open, high, low, close"),
        (b"Date,Open,High,Low,Volume\n2013-03-01,1,1,1,1\n", "close"),
        (f"{HEADINGS}\n{ROW}\n{ROW},7,8\n".encode(), "A.csv"),
        (f"{HEADINGS},CLOSE\n{ROW},10\n".encode(), "two columns for close"),
        (f'{HEADINGS}\n"{ROW}\n'.encode(), "A.csv"),
        (HEADINGS.encode() + b"\n\xff\xfe\n", "A.csv"),
        (b"PAR1\x00\x01\x02", "A.csv"),
        (b"<html><body>Too Many Requests</body></html>", "web page"),
    ],
)
def test_a_csv_of_another_shape_is_malformed_in_one_sentence(
    tmp_path: Path, content: bytes, lines: str
) -> None:
    path = tmp_path / "A.csv"
    path.write_bytes(content)
    assert lines in malformed(path)


def test_rows_longer_than_the_headings_do_not_move_the_columns(tmp_path: Path) -> None:
    malformed(write(tmp_path / "A.csv", HEADINGS, f"{ROW},7,8,9"))


@pytest.mark.parametrize("name", ["A.parquet", "A.csv.gz"])
@pytest.mark.parametrize("keep", [0.0, 0.5])
def test_a_damaged_file_is_malformed_in_one_sentence(tmp_path: Path, name: str, keep: float) -> None:
    path = tmp_path / name
    if name.endswith(".parquet"):
        frame().to_parquet(path, index=False)
    else:
        rows = "\n".join([HEADINGS, *[ROW] * 200])
        path.write_bytes(gzip.compress(rows.encode()))
    full_history = path.read_bytes()
    path.write_bytes(full_history[: int(len(full_history) * keep)] or b"junk")
    malformed(path)


def test_what_was_written_in_a_cell_that_is_no_number_is_kept(tmp_path: Path) -> None:
    rows = ["2013-02-28,ten,12,9,11,5.5,100", "soon,10,12,9,11,5.5,100", ROW, "2013-03-04,10,12,9,11,5.5,"]
    raw = read_price_file(write(tmp_path / "A.csv", HEADINGS, *rows))["raw"]
    assert json.loads(raw[0])["Open"] == "ten"
    # Under its own headings.
    assert json.loads(raw[1]) == {
        "Date": "soon",
        "Open": "10",
        "High": "12",
        "Low": "9",
        "Close": "11",
        "Adj Close": "5.5",
        "Volume": "100",
    }
    assert raw[2:].isna().all(), "an empty cell says nothing that could be lost"


def test_a_cell_without_a_value_is_no_text_that_could_be_lost(tmp_path: Path) -> None:
    rows = [f"2013-03-01,10,12,9,11,5.5,{nothing}" for nothing in ("", "nan", "NaN", "null", "None", " ")]
    prices = read_price_file(write(tmp_path / "A.csv", HEADINGS, *rows))
    assert prices["volume"].isna().all()
    assert prices["raw"].isna().all()


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_blank_ticker_is_none_and_its_rows_are_delivered_all_the_same(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"prices.{kind}"
    table = pd.concat([frame(), frame(ticker=["  "]), frame(ticker=[None])], ignore_index=True)
    table.to_parquet(path, index=False) if kind == "parquet" else table.to_csv(path, index=False)
    source = FilesSource(path)
    assert source.universe() == ("A",)
    delivery = delivered(source, ["A"], LAST)
    assert delivery.prices["ticker"].isna().tolist() == [False, True, True]
    assert not delivery.failures


def test_rows_that_no_calendar_can_place_are_delivered_and_do_not_move_the_end(tmp_path: Path) -> None:
    later = datetime.now(UTC).date() + timedelta(days=2)
    rows = [ROW, ROW.replace("2013-03-01", "2013-03-04"), ROW.replace("2013-03-01", "soon")]
    path = write(tmp_path / "A.csv", HEADINGS, *rows, ROW.replace("2013-03-01", str(later)))
    source = FilesSource(path)
    assert source.last_session() == date(2013, 3, 4)
    delivery = delivered(source, ["A"], LAST)
    days = delivery.prices["session"]
    assert days.dropna().tolist() == [pd.Timestamp("2013-03-01"), pd.Timestamp(later)]
    assert days.isna().sum() == 1


def test_data_without_a_date_of_the_past_are_malformed(tmp_path: Path) -> None:
    path = write(tmp_path / "A.csv", HEADINGS, ROW.replace("2013-03-01", "soon"), f"2999-01-02{ROW[10:]}")
    with pytest.raises(InvalidDataError, match=r"no row of .* has a date of the past; correct its dates"):
        FilesSource(path).last_session()


def test_a_malformed_file_stops_no_other_and_is_a_failure_by_its_name(tmp_path: Path) -> None:
    write(tmp_path / "A.csv", HEADINGS, ROW)
    write(tmp_path / "B.csv", "<html>Too Many Requests</html>")
    (tmp_path / "C.parquet").write_bytes(b"junk")
    source = FilesSource(tmp_path)
    assert source.universe() == ("A",)
    delivery = delivered(source, ["A", "B"], LAST)
    assert set(delivery.prices["ticker"]) == {"A"}
    assert set(delivery.failures) == {"B.csv", "C.parquet", "B"}
    assert isinstance(delivery.failures["B.csv"], InvalidDataError)
    assert isinstance(delivery.failures["C.parquet"], InvalidDataError)
    assert isinstance(delivery.failures["B"], UnknownTickerError)


def test_a_folder_of_malformed_files_only_is_malformed_and_names_them_all(tmp_path: Path) -> None:
    write(tmp_path / "A.csv", "a,b", "1,2")
    (tmp_path / "C.parquet").write_bytes(b"junk")
    with pytest.raises(InvalidDataError, match=r"A\.csv.*C\.parquet") as caught:
        FilesSource(tmp_path).universe()
    assert "\n" not in str(caught.value)


def sessions_of(tmp_path: Path, *dates: str) -> list[str]:
    rows = [f"{day},10,12,9,11,5.5,100" for day in dates]
    table = read_price_file(write(tmp_path / "A.csv", HEADINGS, *rows))
    return [f"{day:%Y-%m-%d}" for day in table["session"].dropna()]


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (("01/03/2013", "13/03/2013"), ["2013-03-01", "2013-03-13"]),
        (("03/01/2013", "03/13/2013"), ["2013-03-01", "2013-03-13"]),
        (("1.3.2013", "28.2.2013"), ["2013-03-01", "2013-02-28"]),
        (("20130301", "2013/03/04", "2013-03-05"), ["2013-03-01", "2013-03-04", "2013-03-05"]),
        (("2013-03-01 00:00:00-05:00", "2013-03-04T00:00:00"), ["2013-03-01", "2013-03-04"]),
        (("2013-02-30", "2013-03-01"), ["2013-03-01"]),
    ],
)
def test_one_order_of_day_and_month_holds_for_a_file(
    tmp_path: Path, dates: tuple[str, ...], expected: list[str]
) -> None:
    assert sessions_of(tmp_path, *dates) == expected


def test_dates_that_do_not_tell_the_day_from_the_month_are_not_guessed_at(tmp_path: Path) -> None:
    message = malformed(write(tmp_path / "A.csv", HEADINGS, "03/01/2013,10,12,9,11,5.5,100"))
    assert "do not tell the day from the month" in message


def test_dates_in_two_orders_are_malformed(tmp_path: Path) -> None:
    rows = ("13/03/2013,10,12,9,11,5.5,100", "03/14/2013,10,12,9,11,5.5,100")
    assert "before and now after" in malformed(write(tmp_path / "A.csv", HEADINGS, *rows))


def test_volumes_may_have_separators_of_thousands(tmp_path: Path) -> None:
    rows = ('2013-03-01,10,12,9,11,5.5,"132,529,300"', "2013-03-04,10,12,9,11,5.5,14.748.800.659")
    table = read_price_file(write(tmp_path / "A.csv", HEADINGS, *rows))
    assert table["volume"].iloc[0] == 132_529_300
    assert np.isnan(table["volume"].iloc[1])
    assert "14.748.800.659" in table["raw"].iloc[1]


def test_cells_may_be_set_apart_by_semicolons(tmp_path: Path) -> None:
    path = write(tmp_path / "A.csv", HEADINGS.replace(",", ";"), ROW.replace(",", ";"))
    assert typed(read_price_file(path), 0) == {"ticker": "A"} | EXPECTED
