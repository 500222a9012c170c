"""The search as a flow, with the real library on real prices."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from filelock import FileLock
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import State

from flows import tune as flow_module
from flows.tune import tune
from stockjax.errors import NothingToTuneError
from stockjax.tuning import SearchProgress
from stockjax.tuning.search import Search

pytestmark = [
    # Prefect's own threads leave sockets to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

AS_OF = date(2013, 2, 28)
SETTINGS = {
    "TRAINING__HIDDEN": "4",
    "TRAINING__SEEDS": "1",
    "TRAINING__BASE_STEPS": "50",
    "TRAINING__MODE": "adapter",
    "TUNE__FOLDS": "1",
    "TUNE__FOLD_SESSIONS": "20",
    "TUNE__TRIALS": "3",
}


@pytest.fixture(autouse=True)
def _brief(monkeypatch: pytest.MonkeyPatch, prefect_server: None) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(f"STOCKJAX_{name}", value)


def run(folder: Path, **parameters: Any) -> State[Any]:
    asked: dict[str, Any] = {"as_of": AS_OF, "tickers": ["IBM", "MSFT"]} | parameters
    state: State[Any] = tune(warehouse=folder, return_state=True, **asked)
    return state


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(folder / "snapshot.duckdb", read_only=True) as connection:
        return connection.execute(sql).fetchall()


@pytest.fixture(scope="module")
def searched(
    tmp_path_factory: pytest.TempPathFactory, prefect_server: None
) -> Iterator[tuple[Path, State[Any]]]:
    folder = tmp_path_factory.mktemp("searched")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SETTINGS.items():
            patch.setenv(f"STOCKJAX_{name}", value)
        yield folder, run(folder)


def test_a_search_completes_and_says_what_came_of_it(searched: tuple[Path, State[Any]]) -> None:
    folder, state = searched
    assert state.is_completed()
    assert str(state.message).startswith("3 trials")
    assert " the current settings" in str(state.message)
    ((flow, status, as_of, counts),) = rows(folder, "SELECT flow, status, as_of, counts FROM runs")
    assert (flow, status, as_of) == ("tune", "completed", AS_OF)
    lines = json.loads(counts)
    assert lines["trials"] == 3
    assert Path(lines["report"]) == folder / "reports" / "2013-02-28" / "tuning.html"
    assert Path(lines["report"]).is_file()
    assert rows(folder, "SELECT count(*) FROM forecasts") == [(0,)]


def test_the_run_is_called_by_what_it_is_about_and_shows_it(searched: tuple[Path, State[Any]]) -> None:
    ((flow_run_id,),) = rows(searched[0], "SELECT flow_run_id FROM runs")
    with get_client(sync_client=True) as client:
        assert client.read_flow_run(flow_run_id).name == "tune 2013-02-28 · 2 tickers"
        shown = client.read_artifacts(
            artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run_id]))
        )
    by_type = {artifact.type: artifact for artifact in shown}
    assert by_type["progress"].data == 100
    assert by_type["markdown"].key == "search"
    assert "data:image/png;base64," in str(by_type["markdown"].data)
    assert str(searched[1].message).split("[")[0] in str(by_type["markdown"].data)


def test_a_flow_that_is_cut_off_between_trials_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opaque = Search.run

    def cut_off(self: Search) -> Iterator[SearchProgress]:
        steps = opaque(self)
        yield next(steps)
        steps.close()  # type: ignore[attr-defined]  # a generator
        raise RuntimeError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(Search, "run", cut_off)
        assert run(tmp_path).is_failed()
    done: list[int] = []
    log = flow_module.log
    monkeypatch.setattr(flow_module, "log", lambda line: done.append(line.endswith("3)")) or log(line))
    state = run(tmp_path)
    assert state.is_completed()
    assert sum(done) == 2, "the current settings are not tried again"
    again = run(tmp_path)
    assert again.message == state.message
    assert rows(tmp_path, "SELECT status, count(*) FROM runs GROUP BY 1 ORDER BY 1") == [
        ("completed", 2),
        ("failed", 1),
    ]


def test_a_second_search_at_once_is_cancelled(tmp_path: Path) -> None:
    with FileLock(tmp_path / ".tune.lock"):
        state = run(tmp_path)
    assert state.is_cancelled()
    assert "another run of tune is at work" in str(state.message)


def test_too_little_history_fails_in_one_sentence(tmp_path: Path) -> None:
    state = run(tmp_path, tickers=["FB"])
    assert state.is_failed()
    error = state.result(raise_on_failure=False)
    assert isinstance(error, NothingToTuneError)
    assert "the longest history has 195 in all; lower tune.folds or tune.fold_sessions" in str(error)
