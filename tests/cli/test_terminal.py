"""Output goes to terminals of any encoding and width, and to programs that stop reading."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from stockjax.cli import main as command_line
from stockjax.cli.terminal import output_may_be_cut, replace_what_cannot_be_encoded
from stockjax.reporting.tables import forecast_table, score_table
from stockjax.reporting.text import price_text
from stockjax.reporting.ticker_view import show_ticker
from stockjax.reporting.uncut import UncutTable
from stockjax.warehouse import Warehouse
from tests.support.report_rows import fill


@pytest.mark.parametrize(
    ("encoding", "written"), [("ascii", "1 ... 2 ->?"), ("latin-1", "1 ... 2 ->?"), ("utf-8", "1 … 2 →日")]
)
def test_what_an_encoding_lacks_is_written_plainly(
    monkeypatch: pytest.MonkeyPatch, encoding: str, written: str
) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    replace_what_cannot_be_encoded()
    print("1 … 2 →日", end="", flush=True)
    assert raw.getvalue().decode(encoding) == written


def test_a_reader_that_has_ended_does_not_decide_how_the_work_ended() -> None:
    code = (
        "from rich.console import Console\n"
        "from stockjax.cli.terminal import output_may_be_cut\n"
        "with output_may_be_cut():\n"
        "    for line in range(200):\n"
        "        Console().print(line)\n"
        "    print('x' * 1_000_000)\n"
    )
    asked = [sys.executable, "-c", code]
    with subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as ran:
        assert ran.stdout is not None
        ran.stdout.close()
        assert ran.stderr is not None
        assert ran.stderr.read() == b""
    assert ran.returncode == 0


def test_other_errors_are_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError), output_may_be_cut():
        _ = 1 // 0


def test_a_warning_that_is_an_error_names_the_variable() -> None:
    sentence = command_line._unexpected(DeprecationWarning("old"))
    assert sentence.startswith("DeprecationWarning: old: warnings of libraries are errors here")
    assert "PYTHONWARNINGS" in sentence


def printed(table: object, width: int) -> str:
    console = Console(width=width, file=io.StringIO())
    console.print(table)
    text = console.file
    assert isinstance(text, io.StringIO)
    return text.getvalue()


def test_no_figure_is_cut_however_narrow_the_terminal(warehouse: Warehouse) -> None:
    fill(warehouse, ["AAA", "BTC-USD"])
    for made in (
        forecast_table(warehouse, ["AAA", "BTC-USD"]),
        score_table(warehouse, ["AAA", "BTC-USD"]),
        show_ticker(warehouse, "AAA", "lstm", 5, 100),
    ):
        wide = printed(made, 200)
        figures = {word for word in wide.split() if any(map(str.isdigit, word))}
        for width in (40, 60, 80):
            narrow = printed(made, width)
            assert "…\n" not in narrow
            missing = [figure for figure in figures if figure not in narrow]
            assert missing == []


def test_a_table_that_fits_stays_a_table() -> None:
    table = UncutTable("ticker", "close")
    table.add_row("AAA", "10.00")
    assert "┃" in printed(table, 40)
    assert printed(table, 8) == "AAA\n  close \n10.00\n"


@pytest.mark.parametrize(
    ("price", "text"),
    [
        (8.4e-06, "8.4e-06"),
        (0.000123456, "0.0001235"),
        (0.0, "0.00"),
        (71403.444, "71403.44"),
        (-37.63, "-37.63"),
    ],
)
def test_prices_have_the_digits_that_tell_them_apart(price: float, text: str) -> None:
    assert price_text(price) == text


def test_a_snapshot_that_is_a_link_is_written_through(warehouse: Warehouse, tmp_path: Path) -> None:
    share = tmp_path / "share"
    share.mkdir()
    target = share / "published.duckdb"
    warehouse.snapshot.replace(target)
    warehouse.snapshot.symlink_to(target)
    before = target.stat().st_ino
    with warehouse.write() as connection:
        connection.execute("CREATE TABLE mine (value INTEGER)")
    assert warehouse.snapshot.is_symlink()
    assert target.stat().st_ino != before
    with warehouse.read_snapshot() as readers:
        assert readers.execute("SELECT count(*) FROM mine").fetchall() == [(0,)]
