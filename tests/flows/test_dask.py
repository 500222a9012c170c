"""Trainings on a Dask cluster: the bits of threads, also where a worker is killed."""

import os
import signal
from collections.abc import Iterator
from datetime import date
from multiprocessing import forkserver, get_context
from pathlib import Path
from typing import Any

import dask
import pandas as pd
import pytest
from distributed import LocalCluster, WorkerPlugin
from prefect.client.schemas.objects import State

from flows.dask_cluster import prepare_worker
from flows.forecast import forecast
from stockjax.errors import ClusterError
from stockjax.warehouse import Warehouse
from tests.support.bars import NEW_YORK
from tests.support.served import BRIEF
from tests.support.synthetic import price_frame
from tests.support.warehouse_rows import fetch

pytestmark = [
    # Prefect's own threads leave sockets to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Sending large graph:UserWarning"),
]

TICKERS = [f"T{number:03d}" for number in range(int(os.environ.get("DASK_TICKERS", "12")))]
WORKERS = int(os.environ.get("DASK_WORKERS", "2"))
ALL_FORECAST = f"{len(TICKERS)} of {len(TICKERS)} tickers forecast for 2013-03-04"
DAYS = NEW_YORK.sessions(date(2011, 1, 3), date(2013, 3, 1))


class DiesAtTheFirstTraining(WorkerPlugin):
    """Kills the process of the first worker that has a task, as the kernel would; no other."""

    name = "dies"

    def __init__(self, killed: Path) -> None:
        self.killed = killed

    def transition(self, key: Any, start: str, finish: str, **_: Any) -> None:
        if finish == "executing" and not self.killed.exists():
            self.killed.touch()
            os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture(scope="module")
def prices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("prices") / "prices.parquet"
    frames = [
        price_frame(ticker, DAYS, seed).drop(columns=["dividend", "split"])
        for seed, ticker in enumerate(TICKERS)
    ]
    pd.concat(frames, ignore_index=True).to_parquet(path)
    return path


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    # Each worker would import all libraries, which takes longer than its work: it is forked from a process
    # that has them.
    get_context("forkserver").set_forkserver_preload(["distributed", "flows.forecast"])
    forkserver.ensure_running()
    with (
        dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"}),
        LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address="127.0.0.1:0") as made,
    ):
        yield made


@pytest.fixture(autouse=True)
def _brief(monkeypatch: pytest.MonkeyPatch, prices: Path, prefect_server: None) -> None:
    settings = {
        **BRIEF,
        "STOCKJAX_WARMUP__SESSIONS": "0",
        "STOCKJAX_HISTORY__TRAINING_SESSIONS": "504",
        "STOCKJAX_RUN__TASKS": "6",
        "STOCKJAX_SOURCE": "files",
        "STOCKJAX_PATH": str(prices),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)


def run(folder: Path) -> State[Any]:
    state: State[Any] = forecast(warehouse=folder, return_state=True)
    return state


def ledger(folder: Path) -> list[tuple[Any, ...]]:
    made = "SELECT * EXCLUDE (run_id, created_at) FROM forecasts ORDER BY ALL"
    models = "SELECT model_id, sha256 FROM models ORDER BY ALL"
    return fetch(Warehouse(folder), made) + fetch(Warehouse(folder), models)


def test_a_cluster_that_loses_a_worker_writes_the_bits_of_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cluster: LocalCluster, caplog: pytest.LogCaptureFixture
) -> None:
    """Threads do the work where the cluster is out of reach."""
    monkeypatch.setenv("STOCKJAX_RUN__RUNNER", "dask")
    monkeypatch.setenv("STOCKJAX_RUN__DASK_ADDRESS", "tcp://127.0.0.1:9")
    with monkeypatch.context() as patch:
        patch.setattr("flows.dask_cluster.CONNECT_SECONDS", 0.5)
        assert str(run(tmp_path / "threads").message).startswith(ALL_FORECAST)
    assert "no Dask scheduler answers at 'tcp://127.0.0.1:9'" in caplog.text
    monkeypatch.setenv("STOCKJAX_RUN__DASK_ADDRESS", cluster.scheduler_address)
    with cluster.get_client() as client:
        client.register_plugin(DiesAtTheFirstTraining(tmp_path / "killed"))
        before = set(client.scheduler_info(n_workers=-1)["workers"])
        assert len(before) == WORKERS
        assert str(run(tmp_path / "dask").message).startswith(ALL_FORECAST)
        after = set(client.scheduler_info(n_workers=-1)["workers"])
    assert before - after, "no worker was lost"
    assert ledger(tmp_path / "dask") == ledger(tmp_path / "threads")


def test_a_worker_of_another_release_is_refused() -> None:
    with pytest.raises(ClusterError, match="install the same release on all machines"):
        prepare_worker("0.1.0+other")
