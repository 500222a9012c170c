import re
from datetime import date
from pathlib import Path
from typing import get_args

import pytest

from stockjax.errors import UsageError
from stockjax.settings import UniverseName, load_settings
from stockjax.universes import base_tickers, chosen_tickers, named_universe, tickers_of_file

THREE = ("AAPL", "BRK-B", "MSFT")


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refusal(path: Path) -> str:
    """Why the list cannot be used, in the one sentence that the user reads."""
    with pytest.raises(UsageError) as caught:
        tickers_of_file(path)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert f"'{path}'" in sentence
    return sentence


@pytest.mark.parametrize(
    ("key", "name", "day", "count", "some"),
    [
        ("djia", "Dow Jones Industrial Average", date(2024, 11, 8), 30, {"AAPL", "NVDA", "SHW", "V"}),
        ("sp500", "S&P 500", date(2024, 7, 5), 503, {"BRK-B", "BF-B", "GOOG", "GOOGL", "A", "ZTS"}),
    ],
)
def test_a_list_that_ships_says_what_it_is_and_of_which_day(
    key: UniverseName, name: str, day: date, count: int, some: set[str]
) -> None:
    universe = named_universe(key)
    assert (universe.name, universe.date) == (name, day)
    assert len(universe.tickers) == len(set(universe.tickers)) == count
    assert some <= set(universe.tickers)
    assert list(universe.tickers) == sorted(universe.tickers)


@pytest.mark.parametrize("key", get_args(UniverseName))
def test_every_name_that_the_settings_allow_is_a_list_in_yahoos_spelling(key: UniverseName) -> None:
    for ticker in named_universe(key).tickers:
        assert re.fullmatch(r"[A-Z]{1,5}(-[A-Z])?", ticker), ticker


def test_the_dow_lies_within_the_500() -> None:
    assert set(named_universe("djia").tickers) <= set(named_universe("sp500").tickers)


@pytest.mark.parametrize(
    "text",
    [
        "AAPL\nBRK-B\nMSFT\n",
        "AAPL, BRK-B,MSFT",
        "AAPL BRK-B\tMSFT",
        "\n  AAPL\r\n\r\nBRK-B\r\nMSFT",
        "# my list, of which NVDA is no part\nAAPL # the first\nBRK-B\n#NVDA\nMSFT#last",
        "AAPL BRK-B AAPL MSFT\nBRK-B",
        b"\xef\xbb\xbfAAPL\nBRK-B\nMSFT\n",
    ],
    ids=["lines", "commas", "spaces", "blank lines", "remarks", "twice", "byte order mark"],
)
def test_a_text_file_has_tickers_in_any_arrangement(tmp_path: Path, text: str | bytes) -> None:
    assert tickers_of_file(write(tmp_path / "list.txt", text)) == THREE


@pytest.mark.parametrize(
    "text",
    [
        "ticker\nAAPL\nBRK-B\nMSFT\n",
        "Symbol,Name\nAAPL,Apple\nBRK-B,Berkshire Hathaway\nMSFT,Microsoft\n",
        'name,SYMBOL\n"Apple, Inc.",AAPL\n"Berkshire",BRK-B\n,MSFT\n',
        "weight, Ticker \n7, AAPL \n2,BRK-B\n6,MSFT\n",
        "ticker,symbol\nAAPL,US0378331005\nBRK-B,US0846707026\nMSFT,US5949181045\n",
        "name,ticker\nApple,AAPL\nnothing\nnothing,\nApple,AAPL\nBerkshire,BRK-B\nMicrosoft,MSFT\n",
        b"\xef\xbb\xbfticker\r\nAAPL\r\nBRK-B\r\nMSFT\r\n",
    ],
    ids=[
        *("one column", "more columns", "commas within quotes", "spaces", "both headings"),
        *("rows without one", "byte order mark"),
    ],
)
def test_a_csv_file_has_them_in_its_column_of_tickers_or_symbols(tmp_path: Path, text: str | bytes) -> None:
    assert tickers_of_file(write(tmp_path / "list.csv", text)) == THREE
    assert tickers_of_file(write(tmp_path / "LIST.CSV", text)) == THREE


@pytest.mark.parametrize(
    "symbol", ["NAN", "NA", "NULL", "TRUE", "360", "007", "1E5", "M&M", "^VIX", "7203.T"]
)
@pytest.mark.parametrize("name", ["list.txt", "list.csv"])
def test_symbols_that_look_like_values_stay_text(tmp_path: Path, name: str, symbol: str) -> None:
    heading = "ticker\n" if name.endswith(".csv") else ""
    assert tickers_of_file(write(tmp_path / name, f"{heading}{symbol}\nAAPL\n")) == (symbol, "AAPL")


@pytest.mark.parametrize("name", ["nowhere.txt", "nowhere.csv"])
def test_a_missing_list_is_wrong_usage(tmp_path: Path, name: str) -> None:
    assert "correct the setting tickers_file" in refusal(tmp_path / name)


def test_a_folder_is_no_list(tmp_path: Path) -> None:
    assert "correct the setting tickers_file" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["list.txt", "list.csv"])
@pytest.mark.parametrize("content", [b"\xff\xfe\x00\x01binary\x80", bytes(range(256)), b"AAPL\n\xe9\n"])
def test_a_binary_file_is_wrong_usage(tmp_path: Path, name: str, content: bytes) -> None:
    assert "cannot be read" in refusal(write(tmp_path / name, content))


def test_a_cell_longer_than_any_is_wrong_usage_and_no_crash(tmp_path: Path) -> None:
    refusal(write(tmp_path / "list.csv", "ticker\n" + "A" * 200_000))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.txt", ""),
        ("list.txt", "\n \n,,\n"),
        ("list.txt", "# only a remark"),
        ("list.csv", "ticker,name\n"),
        ("list.csv", "ticker,name\n,Apple\n"),
    ],
)
def test_a_list_without_tickers_is_wrong_usage(tmp_path: Path, name: str, text: str) -> None:
    assert "names no ticker" in refusal(write(tmp_path / name, text))


@pytest.mark.parametrize("text", ["", "\n\n", "AAPL,BRK-B,MSFT\n", "Name\nApple\n", "AAPL\nMSFT\n"])
def test_a_csv_file_without_such_a_heading_is_not_guessed_at(tmp_path: Path, text: str) -> None:
    assert "no column 'ticker' or 'symbol'" in refusal(write(tmp_path / "list.csv", text))


def test_yahoo_knows_no_lower_case(tmp_path: Path) -> None:
    settings = load_settings(source="yahoo", tickers=("aapl", "AAPL", "brk-b"))
    assert chosen_tickers(settings) == ("AAPL", "BRK-B")
    assert chosen_tickers(load_settings(tickers=("aapl", "AAPL"))) == ("aapl", "AAPL")


def test_tickers_go_before_their_file_and_the_file_before_a_named_list(tmp_path: Path) -> None:
    path = write(tmp_path / "list.txt", "\n".join(THREE))
    named: UniverseName = "djia"
    assert chosen_tickers(load_settings()) == ()
    assert chosen_tickers(load_settings(universe=named)) == named_universe("djia").tickers
    assert chosen_tickers(load_settings(tickers_file=path)) == THREE
    assert chosen_tickers(load_settings(tickers_file=path, universe=named)) == THREE
    one = load_settings(tickers=("IBM",), tickers_file=path, universe=named)
    assert chosen_tickers(one) == ("IBM",)


def test_a_file_that_is_not_asked_is_not_read(tmp_path: Path) -> None:
    assert chosen_tickers(load_settings(tickers=("IBM",), tickers_file=tmp_path / "nowhere")) == ("IBM",)
    with pytest.raises(UsageError):
        chosen_tickers(load_settings(tickers_file=tmp_path / "nowhere", universe="djia"))


OFFERED = ("FB", "IBM", "MSFT")


def test_the_base_learns_from_no_other_tickers_unless_reported(tmp_path: Path) -> None:
    assert base_tickers(load_settings(), OFFERED) == ()
    path = write(tmp_path / "list.txt", "\n".join(THREE))
    lines = load_settings(tickers=("IBM",), tickers_file=path, universe="djia")
    assert base_tickers(lines, OFFERED) == ()
    assert chosen_tickers(load_settings(base={"tickers": ("IBM",), "universe": "djia"})) == ()


def test_the_tickers_of_the_base_go_before_their_file_and_the_file_before_a_named_list(
    tmp_path: Path,
) -> None:
    path = write(tmp_path / "list.csv", "symbol\n" + "\n".join(THREE))
    named: UniverseName = "djia"
    assert base_tickers(load_settings(base={"universe": named}), OFFERED) == named_universe(named).tickers
    assert base_tickers(load_settings(base={"tickers_file": path, "universe": named}), OFFERED) == THREE
    everything = {"tickers": ("KO", "IBM", "KO"), "tickers_file": path, "universe": named}
    assert base_tickers(load_settings(base=everything), OFFERED) == ("KO", "IBM")
    with pytest.raises(UsageError, match="cannot be read"):
        base_tickers(load_settings(base={"tickers_file": tmp_path / "nowhere"}), OFFERED)


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        (("*",), ("FB", "IBM", "MSFT")),
        (("KO", "*"), ("KO", "FB", "IBM", "MSFT")),
        (("*", "MSFT", "KO"), ("MSFT", "KO", "FB", "IBM")),
    ],
)
def test_a_star_is_all_that_the_source_has(named: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert base_tickers(load_settings(base={"tickers": named}), OFFERED) == expected


def test_a_star_in_a_file_is_one_too(tmp_path: Path) -> None:
    path = write(tmp_path / "list.txt", "*\nKO")
    assert base_tickers(load_settings(base={"tickers_file": path}), OFFERED) == ("KO", *OFFERED)


def test_the_base_of_yahoo_knows_no_lower_case_and_no_star() -> None:
    assert base_tickers(load_settings(source="yahoo", base={"tickers": ("aapl", "AAPL")}), ()) == ("AAPL",)
    assert base_tickers(load_settings(base={"tickers": ("aapl", "AAPL")}), ()) == ("aapl", "AAPL")
    with pytest.raises(UsageError) as refused:
        base_tickers(load_settings(source="yahoo", base={"tickers": ("KO", "*")}), ())
    assert str(refused.value) == (
        "the source 'yahoo' names no tickers of its own; name those of base.tickers, or set "
        "base.tickers_file or base.universe"
    )
