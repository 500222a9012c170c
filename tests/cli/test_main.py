import io
import json
from collections.abc import Mapping
from datetime import date
from functools import partial
from pathlib import Path

import duckdb
import pandas as pd
import pytest
import typer
from rich.console import Console

from stockjax import __version__
from stockjax.audit import Audited, audit
from stockjax.cli import audit_tables as audit_command
from stockjax.cli.main import app, main
from stockjax.errors import QueryRejectedError
from stockjax.nightly import Universe
from stockjax.settings import CONFIG_VARIABLE
from stockjax.warehouse import Warehouse
from tests.support.synthetic import NEW_YORK, price_frame
from tests.support.warehouse_rows import append, forecast, store

SQL = "SELECT 'A' AS ticker, DATE '2013-03-01' AS session, 1.5 AS close, NULL AS gap"


def ended(arguments: list[str]) -> int:
    """The exit code, however main ends."""
    try:
        main(arguments)
    except SystemExit as done:
        assert isinstance(done.code, int)
        return done.code
    return 0


def one_sentence(capsys: pytest.CaptureFixture[str]) -> str:
    lines = capsys.readouterr()
    assert lines.out == ""
    assert "Traceback" not in lines.err
    lines = lines.err.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("stockjax: ")
    assert "report it" not in lines[0]
    return lines[0]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse that no test writes to."""
    warehouse = Warehouse(tmp_path_factory.mktemp("made") / "warehouse")
    warehouse.migrate()
    return warehouse


@pytest.fixture
def folder(made: Warehouse, monkeypatch: pytest.MonkeyPatch) -> str:
    """The place of that warehouse, which the environment names."""
    monkeypatch.setenv("STOCKJAX_WAREHOUSE", str(made.folder))
    return str(made.folder)


def test_version_prints_the_release(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(["version"]) == 0
    assert capsys.readouterr().out == f"{__version__}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["sql", "--help"]])
def test_help_is_no_error(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert ended(arguments) == 0
    assert "sql" in capsys.readouterr().out


def test_the_table_is_for_people(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(["sql", SQL]) == 0
    shown = capsys.readouterr().out
    for text in ("ticker", "session", "2013-03-01", "1.5"):
        assert text in shown
    for text in ("00:00:00", "None", "nan"):
        assert text not in shown


def test_what_is_too_wide_for_a_table_is_not_cut(
    folder: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    wide = ", ".join(f"'{number}[b]' AS column_{number}" for number in range(9))
    assert ended(["sql", f"SELECT {wide} FROM range(2)"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == ["row 1 of 2", "row 2 of 2"]
    assert lines[1:10] == [f"  column_{number}  {number}[b]" for number in range(9)]
    assert ended(["sql", "SELECT 1 AS one, 2 AS two"]) == 0
    assert "row 1" not in capsys.readouterr().out


def test_the_table_shows_text_as_it_is_and_obeys_none_of_it(
    folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(["sql", "SELECT '[red]M&M[/red]' AS ticker, 'x' || chr(27) || '[2J' AS reason"]) == 0
    shown = capsys.readouterr().out
    assert "[red]M&M[/red]" in shown
    assert "\x1b" not in shown


def test_csv_has_one_line_per_row(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(["sql", SQL, "--format", "csv"]) == 0
    assert capsys.readouterr().out == "ticker,session,close,gap\nA,2013-03-01,1.5,\n"


def test_json_is_an_array_of_objects(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(["sql", SQL, "--format", "json"]) == 0
    row = json.loads(capsys.readouterr().out)[0]
    assert row == {"ticker": "A", "session": "2013-03-01", "close": 1.5, "gap": None}


@pytest.mark.parametrize("value", ["123456789.123", "0.1", "1e-300", "4.186662803811"])
def test_json_keeps_every_digit(folder: str, capsys: pytest.CaptureFixture[str], value: str) -> None:
    assert ended(["sql", f"SELECT {value}::DOUBLE AS x", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"x": float(value)}]


@pytest.mark.parametrize(
    "expression",
    ["uuid()", "'\\xAE'::BLOB", "[1, 2]", "{'a': 1}", "INTERVAL 1 DAY", "'inf'::DOUBLE", "TIME '12:00'"],
)
@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_any_type_can_be_printed(
    folder: str, capsys: pytest.CaptureFixture[str], expression: str, form: str
) -> None:
    assert ended(["sql", f"SELECT {expression} AS x", "--format", form]) == 0
    assert "x" in capsys.readouterr().out


def test_parquet_is_bytes_that_can_be_read_back(
    folder: str, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert ended(["sql", SQL, "--format", "parquet"]) == 0
    frame = pd.read_parquet(io.BytesIO(capsysbinary.readouterr().out))
    assert frame.columns.tolist() == ["ticker", "session", "close", "gap"]
    assert frame.iloc[0, :2].tolist() == ["A", pd.Timestamp("2013-03-01")]


@pytest.mark.parametrize("form", ["csv", "json", "table"])
def test_an_empty_answer_is_an_answer(folder: str, capsys: pytest.CaptureFixture[str], form: str) -> None:
    assert ended(["sql", "SELECT ticker FROM prices", "--format", form]) == 0
    shown = capsys.readouterr().out
    assert json.loads(shown) == [] if form == "json" else "ticker" in shown


def test_the_flag_overrides_the_environment(
    folder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = Warehouse(tmp_path / "other")
    other.migrate()
    with other.write() as connection:
        connection.execute("CREATE TABLE only_here AS SELECT 7 AS x")
    assert ended(["sql", "FROM only_here", "--format", "csv", "--warehouse", str(other.folder)]) == 0
    assert capsys.readouterr().out == "x\n7\n"
    assert ended(["sql", "FROM only_here"]) == 1


def test_the_settings_file_can_be_given(
    made: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(CONFIG_VARIABLE, "")
    config = tmp_path / "other.toml"
    config.write_text(f"warehouse = '{made.folder}'", encoding="utf-8")
    assert ended(["--config", str(config), "sql", "SELECT 7 AS x", "--format", "csv"]) == 0
    assert capsys.readouterr().out == "x\n7\n"


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("DROP TABLE prices", 2),
        ("SELECT 1; SELECT 2", 2),
        ("", 2),
        ("SELEC 1", 2),
        ("SELECT 1 \udcff", 2),
        ("SELECT nope FROM prices", 1),
        ("SELECT * FROM read_csv('/etc/passwd')", 1),
    ],
)
def test_a_refused_statement_is_wrong_usage_and_a_failed_one_is_a_failure(
    folder: str, capsys: pytest.CaptureFixture[str], sql: str, code: int
) -> None:
    assert ended(["sql", sql]) == code
    one_sentence(capsys)


def test_the_time_limit_can_be_given(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(["sql", "SELECT sum(range) FROM range(1000000000000)", "--timeout", "0.2"]) == 1
    assert "more than 0.2 s" in one_sentence(capsys)


def test_without_a_warehouse_the_sentence_says_what_to_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(["sql", "SELECT 1", "--warehouse", "nowhere"]) == 1
    assert "stockjax run" in one_sentence(capsys)


def test_a_missing_settings_file_is_wrong_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(CONFIG_VARIABLE, "")
    assert ended(["--config", "nowhere.toml", "sql", "SELECT 1"]) == 2
    assert "nowhere.toml" in one_sentence(capsys)


def test_a_misspelt_setting_is_wrong_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STOCKJAX_WAREHOSE", "x")
    assert ended(["sql", "SELECT 1"]) == 2
    assert "STOCKJAX_WAREHOUSE" in one_sentence(capsys)


@pytest.mark.parametrize(
    "arguments",
    [
        ["nosuch"],
        ["--nosuch"],
        ["sql"],
        ["sql", "SELECT 1", "extra"],
        ["sql", "SELECT 1", "--nosuch"],
        ["sql", "SELECT 1", "--format", "xml"],
        ["sql", "SELECT 1", "--timeout", "soon"],
        ["sql", "SELECT 1", "--timeout", "0"],
        ["version", "extra"],
    ],
)
def test_wrong_usage_ends_with_two_and_no_request_to_report_it(
    folder: str, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert ended(arguments) == 2
    lines = capsys.readouterr()
    assert lines.out == ""
    assert lines.err.strip()
    assert "Traceback" not in lines.err
    assert "report it" not in lines.err


def test_no_command_shows_the_help_as_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended([]) == 2
    lines = capsys.readouterr()
    assert "version" in lines.out + lines.err
    assert "report it" not in lines.err


def test_debug_shows_where_a_failure_came_from(folder: str) -> None:
    with pytest.raises(QueryRejectedError):
        main(["--debug", "sql", "DROP TABLE prices"])


@pytest.fixture
def ending_with(monkeypatch: pytest.MonkeyPatch) -> dict[str, BaseException]:
    """Lets a command `end` raise what a test puts under 'error'."""
    lines: dict[str, BaseException] = {}

    def end() -> None:
        raise lines["error"]

    monkeypatch.setattr(app, "registered_commands", [*app.registered_commands])
    app.command(name="end")(end)
    return lines


@pytest.mark.parametrize("code", [0, 1, 3])
def test_a_command_that_ends_early_ends_with_its_code(
    ending_with: dict[str, BaseException], code: int
) -> None:
    ending_with["error"] = typer.Exit(code)
    assert ended(["end"]) == code


def test_an_interrupt_ends_as_shells_expect(ending_with: dict[str, BaseException]) -> None:
    ending_with["error"] = KeyboardInterrupt()
    assert ended(["end"]) == 130


def test_a_fault_of_ours_is_one_line_that_asks_for_a_report(
    ending_with: dict[str, BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    ending_with["error"] = ZeroDivisionError("a fault")
    assert ended(["end"]) == 1
    lines = capsys.readouterr()
    assert lines.out == ""
    assert len(lines.err.strip().splitlines()) == 1
    for text in ("ZeroDivisionError", "a fault", "--debug", "report it"):
        assert text in lines.err


AUDITED = NEW_YORK.sessions(date(2012, 5, 1), date(2013, 3, 1))
EARLY, LATE, NEWEST = (day.item() for day in AUDITED[[-9, -4, -1]])


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Two tickers with forecasts from three sessions, of which the newest cannot be audited."""
    warehouse = Warehouse(tmp_path_factory.mktemp("audited") / "warehouse")
    warehouse.migrate()
    for number, ticker in enumerate(("A", "B")):
        store(warehouse, price_frame(ticker, AUDITED, number))
        days = {day: NEW_YORK.next_session(day) for day in (EARLY, LATE, NEWEST)}
        append(warehouse, *(forecast(str(day), str(after), ticker=ticker) for day, after in days.items()))
    return warehouse


@pytest.fixture
def auditable(ledger: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """The same, named by the environment next to settings that train briefly."""
    monkeypatch.setenv("STOCKJAX_WAREHOUSE", str(ledger.folder))
    for name, value in (("HIDDEN", "4"), ("SEEDS", "1"), ("BASE_STEPS", "50")):
        monkeypatch.setenv(f"STOCKJAX_TRAINING__{name}", value)
    return ledger


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("│")[1:-1]]


def test_an_audit_without_findings_ends_well_and_leaves_the_warehouse_as_it_was(
    auditable: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(auditable.folder)
    assert ended(["audit", "B", "--sessions", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "0 changed of 4"
    assert sorted(cells(line) for line in lines if str(EARLY) in line) == [
        [str(EARLY), model, "1", *counts]
        for model in ("ewma", "har", "lstm", "random_walk")
        for counts in (["0"] * 3, ["0"] * 4)
    ]
    assert files(auditable.folder) == before


def farsighted(universe: Universe, wanted: Mapping[date, list[str]], *_: object) -> pd.DataFrame:
    """Two forecasters: one whose median for A is the next close, and one that knows no price at all."""
    rows, history = [], universe.prices.ever
    for day, tickers in wanted.items():
        for ticker in tickers:
            row = history.tickers.index(ticker)
            after = history.close[row, history.position(day)[row] + 1 :]
            keys = {"ticker": ticker, "as_of": pd.Timestamp(day)}
            peeked = after[0] if ticker == "A" and len(after) else 0.0
            rows.append({**keys, "model": "farsighted", "q50": peeked, "scale": 0.02})
            rows.append({**keys, "model": "blind", "q50": 0.0, "scale": 0.02})
    return pd.DataFrame(rows)


def test_an_audit_that_finds_a_leak_names_it_and_fails(
    auditable: Warehouse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(audit_command, "audit", partial(audit, forecaster=farsighted))
    before = files(auditable.folder)
    assert ended(["audit"]) == 1
    printed = capsys.readouterr()
    assert printed.err == ""
    lines = printed.out.splitlines()
    # Two tickers and two models, from the two sessions that have later prices.
    assert lines[-1] == "2 changed of 8"
    ends = ["1" if duckdb.execute("SELECT hash('A') % 2").fetchall() == [(1,)] else "0"]
    by = ("cut", "corrupted", "shuffled", *(["ended"] if ends == ["1"] else []))
    for day in (EARLY, LATE):
        expected = [
            [str(day), "blind", "2", "0", "0", "0"],
            [str(day), "blind", "2", "0", "0", "0", "0"],
            [str(day), "farsighted", "2", "1", "1", "1"],
            [str(day), "farsighted", "2", *ends, "0", "0", "0"],
        ]
        assert sorted(cells(line) for line in lines if f" {day} │" in line) == sorted(expected)
    assert [line for line in lines if "q50" in line] == [
        f"A {day} farsighted: q50 changed when {name}" for day in (EARLY, LATE) for name in by
    ]
    assert str(NEWEST) not in printed.out
    assert files(auditable.folder) == before


def test_an_audit_begins_with_its_table_where_no_one_watches(
    auditable: Warehouse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(audit_command, "audit", lambda *_, **__: [])
    assert ended(["audit"]) == 0
    assert capsys.readouterr().out.splitlines()[0].strip() == "Forecasts of the past, made again"


def test_no_more_leaks_are_named_than_can_be_read() -> None:
    console = Console(file=io.StringIO(), width=80)
    leak = Audited("A", LATE, "lstm", {"cut": (), "corrupted": ("scale", "q05"), "shuffled": ("scale",)})
    console.print(audit_command.findings([leak] * (audit_command.MAX_LEAKS + 3)))
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert lines.count(f"A {LATE} lstm: scale, q05 changed when corrupted") == audit_command.MAX_LEAKS
    assert lines.count(f"A {LATE} lstm: scale changed when shuffled") == audit_command.MAX_LEAKS
    assert lines[-1] == "and 3 more forecasts"


def test_an_audit_of_nothing_is_one_sentence(
    folder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(["audit"]) == 1
    assert "no forecast in the ledger has prices after its session yet" in one_sentence(capsys)
    assert ended(["audit", "--warehouse", str(tmp_path / "nowhere")]) == 1
    assert "there is no warehouse in" in one_sentence(capsys)
    assert not (tmp_path / "nowhere").exists()
