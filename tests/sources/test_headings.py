"""Headings in other languages, with units, and with words that are no tickers."""

import re
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stockjax.errors import InvalidDataError
from stockjax.sources.files import FilesSource, Reading
from tests.support.synthetic import NEW_YORK, delivered, price_frame

DAYS = NEW_YORK.sessions(date(2013, 1, 2), date(2013, 3, 1))
BARS = price_frame("IBM", DAYS, 3)
PRICES = ["open", "high", "low", "close"]


def written(folder: Path, headings: list[str], columns: list[str], name: str = "IBM.csv") -> Path:
    """A file of the bars, their columns in this order under these headings."""
    table = BARS.assign(session=pd.to_datetime(BARS["session"]).dt.strftime("%Y-%m-%d"))[columns]
    path = folder / name
    table.set_axis(headings, axis=1).to_csv(path, index=False, encoding="utf-8")
    return path


def read(path: Path) -> pd.DataFrame:
    source = FilesSource(path, Reading(lambda ticker: NEW_YORK))
    return delivered(source, source.universe(), DAYS[-1].item()).prices


def assert_is_of(prices: pd.DataFrame, ticker: str, *, volume: bool = True) -> None:
    assert set(prices["ticker"]) == {ticker}
    for name in [*PRICES, *(["volume"] if volume else [])]:
        np.testing.assert_allclose(prices[name].astype(float), BARS[name].astype(float), rtol=1e-9)
    if not volume:
        assert prices["volume"].isna().all()


@pytest.mark.parametrize(
    "headings",
    [
        ["Tarih", "Açılış", "Yüksek", "Düşük", "Şimdi", "Hac."],
        ["Data", "Abertura", "Máxima", "Mínima", "Último", "Vol."],
        ["Data", "Apertura", "Massimo", "Minimo", "Ultimo", "Vol."],
        ["Fecha", "Apertura", "Máximo", "Mínimo", "Cierre", "Volumen"],
        ["Date", "Ouv.", "Plus Haut", "Plus Bas", "Dernier", "Vol."],
        ["Datum", "Open", "Hoog", "Laag", "Laatste", "Vol."],
        ["Datum", "Öppen", "Högst", "Lägst", "Senast", "Volym"],
        ["Data", "Otwarcie", "Najwyzszy", "Najnizszy", "Zamkniecie", "Wolumen"],
        ["Дата", "Откр.", "Макс.", "Мин.", "Цена", "Объём"],
        ["날짜", "시가", "고가", "저가", "종가", "거래량"],
        ["日付け", "始値", "高値", "安値", "終値", "出来高"],
        ["日期", "開盤價", "最高價", "最低價", "收盤價", "成交股數"],
    ],
    ids=lambda headings: headings[3],
)
def test_headings_of_other_languages_are_read(tmp_path: Path, headings: list[str]) -> None:
    assert_is_of(read(written(tmp_path, headings, ["session", *PRICES, "volume"])), "IBM")


@pytest.mark.parametrize(
    "pattern",
    [
        *("{} (USD)", "{} [EUR]", "{} ($)", "{} (in cents)", "{} USD", "USD {}", "Adj {}", "Bid {}"),
        *("Price {}", "adjusted_{}", "stock_{}", "{} (share)", "quote.{}", "{}_px"),
    ],
)
def test_a_word_that_describes_the_prices_is_no_ticker(tmp_path: Path, pattern: str) -> None:
    headings = ["Date", *(pattern.format(name.capitalize()) for name in PRICES), "Volume (shares)"]
    assert_is_of(read(written(tmp_path, headings, ["session", *PRICES, "volume"])), "IBM")


@pytest.mark.parametrize(
    ("pattern", "ticker"),
    [
        ("{} (AAPL)", "AAPL"),
        ("AAPL {}", "AAPL"),
        ("SPOT {}", "SPOT"),
        ("{}_aapl", "aapl"),
        ("SHARE {}", "SHARE"),
        ("NOK {}", "NOK"),
        ("RS.{}", "RS"),
    ],
)
def test_a_word_that_describes_nothing_is_the_ticker(tmp_path: Path, pattern: str, ticker: str) -> None:
    headings = ["Date", *(pattern.format(name.capitalize()) for name in (*PRICES, "volume"))]
    assert_is_of(read(written(tmp_path, headings, ["session", *PRICES, "volume"])), ticker)


def test_tickers_below_their_prices_may_spell_anything(tmp_path: Path) -> None:
    lines = [["Price", *PRICES, *PRICES], ["Ticker", *["RS"] * 4, *["bar"] * 4], ["Date", *[""] * 8]]
    table = BARS.assign(session=pd.to_datetime(BARS["session"]).dt.strftime("%Y-%m-%d"))
    body = table[["session", *PRICES, *PRICES]].to_csv(index=False, header=False)
    path = tmp_path / "prices.csv"
    path.write_text("\n".join(",".join(line) for line in lines) + "\n" + body)
    prices = read(path)
    for ticker in ("RS", "bar"):
        assert_is_of(prices[prices["ticker"] == ticker], ticker, volume=False)
    assert len(prices) == 2 * len(BARS)


def test_currencies_next_to_each_other_are_tickers(tmp_path: Path) -> None:
    headings = ["Date", *(f"{name} {code}" for code in ("EUR", "JPY") for name in PRICES)]
    prices = read(written(tmp_path, headings, ["session", *PRICES, *PRICES]))
    for ticker in ("EUR", "JPY"):
        assert_is_of(prices[prices["ticker"] == ticker], ticker, volume=False)
    assert len(prices) == 2 * len(BARS)


@pytest.mark.parametrize(
    ("one", "other"), [("Bid {}", "Ask {}"), ("{} (USD)", "{} (EUR)"), ("Raw {}", "Adj {}")]
)
def test_two_kinds_of_the_same_price_are_refused(tmp_path: Path, one: str, other: str) -> None:
    headings = ["Date", *(kind.format(name.capitalize()) for kind in (one, other) for name in PRICES)]
    path = written(tmp_path, headings, ["session", *PRICES, *PRICES])
    with pytest.raises(InvalidDataError) as refused:
        read(path)
    named = re.search(r"price, '(.+)' and '(.+)'; keep the one that is meant", str(refused.value))
    assert named
    pairs = [{kind.format(name.capitalize()) for kind in (one, other)} for name in PRICES]
    assert set(named.groups()) in pairs


@pytest.mark.parametrize("unit", ["000s", "lots of 100", "USD", "in millions"])
def test_a_volume_in_another_unit_is_not_taken_for_shares(tmp_path: Path, unit: str) -> None:
    headings = ["Date", *(f"{name.capitalize()} (USD)" for name in PRICES), f"Volume ({unit})"]
    prices = read(written(tmp_path, headings, ["session", *PRICES, "volume"]))
    assert_is_of(prices, "IBM", volume=False)


def test_the_report_says_where_a_ticker_has_its_name_from(tmp_path: Path) -> None:
    headings = ["Date", *(f"AAPL.{name}" for name in PRICES)]
    source = FilesSource(written(tmp_path, headings, ["session", *PRICES]), Reading(lambda ticker: NEW_YORK))
    delivered(source, source.universe(), DAYS[-1].item())
    (report,) = source.report.files
    assert "ticker AAPL named by the headings" in report.remarks


@pytest.mark.parametrize(("shift", "where"), [(1, "earlier"), (-1, "later"), (6, "later")])
def test_days_that_are_a_day_off_are_refused(tmp_path: Path, shift: int, where: str) -> None:
    path = written(tmp_path, ["Date", *PRICES], ["session", *PRICES])
    table = pd.read_csv(path)
    table["Date"] = (pd.to_datetime(table["Date"]) + pd.Timedelta(days=shift)).dt.strftime("%Y-%m-%d")
    table.to_csv(path, index=False)
    with pytest.raises(InvalidDataError, match=rf"no sessions of XNYS, and those a day {where} are; correct"):
        read(path)


def test_bars_of_seven_days_a_week_are_not_a_day_off(tmp_path: Path) -> None:
    path = written(tmp_path, ["Date", *PRICES], ["session", *PRICES])
    table = pd.read_csv(path)
    table["Date"] = pd.date_range("2013-01-05", periods=len(table)).strftime("%Y-%m-%d")
    table.to_csv(path, index=False)
    assert len(read(path)) == len(table)
