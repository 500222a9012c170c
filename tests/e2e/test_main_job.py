"""The main job as a user runs it: a process of its own, its own Prefect, the whole sample."""

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stockjax.cli.main import main
from stockjax.warehouse import Warehouse
from stockjax.warehouse.query import query
from tests.support.documents import blocks, commands, masked

STOCKJAX = Path(sys.executable).with_name("stockjax")
SAMPLE = ["AAPL", "FB", "GOOG", "IBM", "MSFT"]
ROOT = Path(__file__).parents[2]
NOTHING_TO_TELL = ("drift_alarms", "prices_known_then", "restatements")
"""Examples that have nothing to tell of the sample; `tests/warehouse/test_queries.py` asks them elsewhere."""


class Job:
    """A warehouse that the main job has filled, and what it printed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.printed = self.stockjax("run")

    def stockjax(self, *arguments: str, code: int = 0) -> str:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_API")}
        environment = {
            **inherited,
            "PREFECT_HOME": str(self.folder / "prefect"),
            "STOCKJAX_WAREHOUSE": str(self.folder / "warehouse"),
            "COLUMNS": "100",
        }
        done = subprocess.run(
            [STOCKJAX, *arguments],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout if code == 0 else done.stderr

    def sql(self, statement: str) -> list[dict[str, Any]]:
        """What `stockjax sql` answers, without the start of a process each time."""
        answer = query(Warehouse(self.folder / "warehouse"), statement)
        found: list[dict[str, Any]] = json.loads(answer.to_json(orient="records", date_format="iso"))
        return found


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    return Job(tmp_path_factory.mktemp("job"))


def test_it_prints_forecasts_scores_and_places(job: Job) -> None:
    assert "Forecast close for 2013-03-04" in job.printed
    for ticker in SAMPLE:
        assert f" {ticker} " in job.printed
    assert "5 of 5 tickers forecast for 2013-03-04" in job.printed
    assert str(job.folder / "warehouse" / "stockjax.duckdb") in job.printed.replace("\n", "")
    assert (job.folder / "warehouse" / "reports" / "2013-03-01" / "index.html").stat().st_size > 10_000


def test_the_morning_query_answers_five_ordered_rows(job: Job) -> None:
    statement = """SELECT ticker, target, predicted_close, q05, q95 FROM latest_forecasts
                   WHERE model = 'lstm' ORDER BY 1"""
    found = json.loads(job.stockjax("sql", statement, "--format", "json"))
    assert [row["ticker"] for row in found] == SAMPLE
    assert all(row["target"].startswith("2013-03-04") for row in found)
    assert all(row["q05"] < row["predicted_close"] < row["q95"] for row in found)


def test_all_models_are_scored_over_21_and_63_sessions(job: Job) -> None:
    found = job.sql(
        """SELECT model, window_sessions AS w, min(n) AS least FROM rolling_metrics
           WHERE session = DATE '2013-03-01' AND window_sessions IN (21, 63) GROUP BY ALL"""
    )
    scored = {(row["model"], row["w"], row["least"]) for row in found}
    assert scored == {(model, w, w) for model in ("lstm", "random_walk", "ewma", "har") for w in (21, 63)}


def test_the_lstm_stays_within_a_percent_of_the_random_walk(job: Job) -> None:
    found = job.sql(
        """SELECT ticker, rmse_skill FROM rolling_metrics
           WHERE model = 'lstm' AND window_sessions = 63 AND session = DATE '2013-03-01'"""
    )
    assert len(found) == len(SAMPLE)
    assert {row["ticker"] for row in found if abs(row["rmse_skill"]) >= 0.01} == set()


def test_the_lstm_has_better_intervals_than_ewma(job: Job) -> None:
    found = job.sql("SELECT model, avg(pinball) AS pinball FROM scored_forecasts GROUP BY model")
    pinball = {row["model"]: row["pinball"] for row in found}
    assert pinball["lstm"] <= pinball["ewma"]


def test_model_files_are_what_their_rows_say(job: Job) -> None:
    found = job.sql("SELECT path, sha256 FROM models")
    assert len(found) >= 5
    for row in found:
        content = (job.folder / "warehouse" / row["path"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == row["sha256"]


@pytest.mark.parametrize(
    "query", sorted((ROOT / "warehouse" / "queries").glob("*.sql")), ids=lambda path: path.stem
)
def test_every_example_query_answers(job: Job, query: Path) -> None:
    text = query.read_text(encoding="utf-8")
    assert text.startswith("-- "), "an example begins with the question that it answers"
    assert bool(job.sql(text)) == (query.stem not in NOTHING_TO_TELL)


def test_the_tracked_data_dictionary_is_that_of_the_schema(job: Job) -> None:
    assert (ROOT / "warehouse" / "README.md").read_text(encoding="utf-8") == job.stockjax("dictionary")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "--source", "bloomberg"], "'source'"),
        (["run", "--source", "files"], "needs the setting 'path'"),
        (["sql", "DROP TABLE prices"], "only a single SELECT"),
        (["--config", "nowhere.toml", "run"], "there is no settings file"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(job: Job, arguments: list[str], sentence: str) -> None:
    said = job.stockjax(*arguments, code=2)
    assert sentence in said
    assert "Traceback" not in said


RUNNABLE = [block for block in blocks("console") if block.reason is None]


@pytest.mark.parametrize("document", sorted({block.document for block in RUNNABLE}))
def test_the_commands_of_a_document_print_what_it_says(
    job: Job,
    document: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One after the other, on a copy of the warehouse of the sample; figures are masked."""
    shutil.copytree(job.folder / "warehouse", tmp_path / "warehouse")
    for name in list(os.environ):
        if name.startswith(("PREFECT", "STOCKJAX")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PREFECT_HOME", str(job.folder / "prefect"))
    monkeypatch.setenv("PATH", f"{STOCKJAX.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("COLUMNS", "100")
    found_commands = [pair for block in RUNNABLE if block.document == document for pair in commands(block)]
    for command, expected in found_commands:
        printed = _in_this_process(command, capsys) if _only_reads(command) else _in_a_shell(command)
        found = masked(printed)
        missing = [line for line in masked(expected) if line not in found]
        assert missing == [], f"{command} does not print {missing}, but {found}"


def _only_reads(command: str) -> bool:
    """Whether it is a command of ours that starts no flow: it needs no process, which takes seconds."""
    words = shlex.split(command)
    return words[0] == "stockjax" and words[1] != "run" and not {"|", "&&", ">"} & set(words)


def _in_this_process(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    try:
        main(shlex.split(command)[1:])
    except SystemExit as end:
        assert not end.code, f"{command}\n{capsys.readouterr()}"
    return capsys.readouterr().out


def _in_a_shell(command: str) -> str:
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_the_output_blocks_are_what_the_commands_print(job: Job) -> None:
    shown = [block for block in blocks("text") if block.note.startswith("output of: stockjax run")]
    assert shown
    for block in shown:
        assert set(masked(block.text)) <= set(masked(job.printed)), block.name


def test_the_python_blocks_run(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(job.folder)
    runnable = [block for block in blocks("python") if block.reason is None]
    assert {block.document for block in runnable} == {"CONTRIBUTING.md", "docs/getting-started.md"}
    for block in runnable:
        exec(compile(block.text, block.name, "exec"), {})
