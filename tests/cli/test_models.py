"""What `stockjax models` and `stockjax explain` print, refuse and leave alone."""

import json
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from stockjax.nightly.run_lock import RunLock
from stockjax.registry import Model, save_models
from stockjax.settings import load_settings
from stockjax.warehouse import Warehouse
from tests.cli.test_main import ended, one_sentence
from tests.support.synthetic import some_model
from tests.support.warehouse_rows import append, forecast

DAYS = (date(2013, 2, 27), date(2013, 2, 28))
BASE = some_model(None, 1, trained_through=DAYS[0])
OLD, NEW = (some_model("IBM", 10 + at, trained_through=day) for at, day in enumerate(DAYS))
HOSTILE = ("<b>bold</b>", "[red]IBM[/red]", "../../etc/passwd", "'; DROP TABLE models; --")


@pytest.fixture(scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "warehouse"
    warehouse = Warehouse(folder)
    warehouse.migrate()

    def save(day: date, model: Model) -> None:
        moment = datetime(day.year, day.month, day.day, 23, tzinfo=UTC)
        save_models(warehouse, [model], batch=model.model_id, run_id=f"run-{day}", moment=moment)

    for day, models in zip(DAYS, ((BASE, OLD), (NEW,)), strict=True):
        for model in models:
            save(day, model)
        append(warehouse, forecast(str(day), str(day + timedelta(days=1)), ticker="IBM"), run_id=f"run-{day}")
    return folder


@pytest.fixture
def folder(_made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A warehouse of two nights, for the test alone."""
    shutil.copytree(_made, tmp_path / "warehouse")
    monkeypatch.setenv("STOCKJAX_WAREHOUSE", str(tmp_path / "warehouse"))
    return tmp_path / "warehouse"


def said(arguments: list[str], capsys: pytest.CaptureFixture[str], code: int = 0) -> str:
    assert ended(arguments) == code
    return capsys.readouterr().out


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[tuple[str, str]]:
    found = json.loads(said(["models", "list", *arguments, "--format", "json"], capsys))
    return [(row["model_id"], row["status"]) for row in found]


def test_the_list_has_what_is_active_and_of_a_ticker_all(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del folder
    assert set(listed(capsys)) == {(BASE.model_id, "champion"), (NEW.model_id, "champion")}
    assert set(listed(capsys, "IBM")) == {(NEW.model_id, "champion"), (OLD.model_id, "retired")}
    assert (OLD.model_id, "retired") in listed(capsys, "--on", str(DAYS[0]))
    assert NEW.model_id in said(["models"], capsys)


def test_a_rollback_says_what_it_did_and_the_history_of_the_model_keeps_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del folder
    lines = said(["models", "rollback", "IBM", "--to", str(DAYS[0]), "--reason", "worse since"], capsys)
    assert f"IBM: {OLD.model_id} instead of {NEW.model_id}, for sessions from 2013-03-01 on" in lines
    assert "1 activated, 0 were active already, 0 could not be" in lines
    shown = said(["models", "show", "IBM"], capsys)
    assert shown.startswith(f"{OLD.model_id}: ticker of IBM, champion")
    assert "retired to champion from 2013-03-01 on (rollback," in shown
    assert "worse since" in shown
    assert "0 activated, 1 were" in said(["models", "rollback", "--model", OLD.model_id], capsys)
    assert "1 activated" in said(["models", "promote", NEW.model_id], capsys)


def test_what_could_not_be_put_active_is_named_and_fails(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (file,) = folder.rglob(f"{OLD.model_id}.safetensors")
    file.unlink()
    lines = said(["models", "rollback", "--to", str(DAYS[0])], capsys, code=1)
    assert f"{OLD.model_id}.safetensors" in lines
    assert "0 activated, 1 were active already, 1 could not be" in lines


def test_while_a_night_is_at_work_nothing_is_changed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    turn = RunLock(load_settings(warehouse=folder))
    turn.acquire("forecast", print)
    try:
        assert ended(["models", "rollback", "--to", str(DAYS[0])]) == 1
    finally:
        turn.release()
    assert "another run of forecast is at work" in one_sentence(capsys)
    assert (NEW.model_id, "champion") in listed(capsys)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize(
    "command",
    [
        ["models", "list"],
        ["models", "show"],
        ["models", "promote"],
        ["models", "rollback", "--to", "2013-02-27"],
        ["models", "rollback", "--run"],
        ["models", "rollback", "--model"],
    ],
    ids=" ".join,
)
def test_names_that_no_one_has_are_one_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], command: list[str], name: str
) -> None:
    del folder
    assert ended([*command, name]) == 2
    assert name in one_sentence(capsys)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_forecast_that_is_not_there_cannot_be_explained(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    del folder
    assert ended(["explain", name, "2013-02-27"]) == 2
    assert f"the ledger has no forecast of '{name}'" in one_sentence(capsys)


def test_a_row_without_a_record_of_its_prices_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del folder
    assert ended(["explain", "IBM", str(DAYS[0])]) == 1
    lines = capsys.readouterr()
    assert "0 of 1 forecasts came out again" in lines.out
    assert "kept no record of the prices that it read" in lines.err


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (["rollback"], "say how far back"),
        (["rollback", "--to", "2013-02-27", "--run", "abcdef"], "give one of --to and --run"),
        (["rollback", "IBM", "--model", "x"], "leave either --model or the tickers out"),
        (["list", "--on", "1999-01-01"], "no model was active on 1999-01-01"),
    ],
)
def test_wrong_usage_is_one_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], lines: str
) -> None:
    del folder
    assert ended(["models", *arguments]) == 2
    assert lines in one_sentence(capsys)
