"""The trainings of a night's tickers as tasks: one each, or in batches where there are many."""

import math
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import numpy as np
from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State as RunState
from prefect.futures import PrefectFuture
from prefect.states import Completed, Failed

from flows.artifacts import progress
from flows.common import log, opaque, warn
from flows.dask_cluster import Sealed, dask_runner, prepare_worker
from flows.event_loop import run_to_end
from stockjax.code_version import code_version
from stockjax.errors import ClusterError
from stockjax.forecasting.ticker_training import TickerTraining
from stockjax.registry import Model
from stockjax.settings.sections import RunSettings
from stockjax.training.compilation import tickers_per_program
from stockjax.wording import counted

TrainedTickers = dict[str, Model | Exception]
"""By ticker, the new model or why there is none."""

Submit = Callable[[list[str], TickerTraining], PrefectFuture[Any]]

_BATCH, _FEWEST_BATCHES = 25, 32
"""Tickers of a task where they are many; of fewer batches than these, workers would wait for the last one."""


# Without a tag: for each tagged task, Prefect asks the server for a slot and returns it.
@task(cache_policy=NO_CACHE, task_run_name="train {ticker}")
def train_ticker(ticker: str, train: TickerTraining) -> Model:
    """Train or retrain one ticker."""
    return train(ticker)


@task(cache_policy=NO_CACHE, task_run_name="train {first} to {last}")
def train_batch(first: str, last: str, tickers: list[str], train: TickerTraining) -> RunState[TrainedTickers]:
    """Train or retrain several tickers; one that fails does not stop the others."""
    del first, last
    return _train_each(tickers, train)


@task(cache_policy=NO_CACHE, task_run_name="train {first} to {last}")
def train_on_cluster(first: str, last: str, batch: Sealed) -> RunState[TrainedTickers]:
    """Do the same on a worker of a cluster: arrays come in, and models go out."""
    del first, last
    tickers, train, version = batch.values
    prepare_worker(version)
    return _train_each(tickers, train)


def train_tickers(settings: RunSettings, tickers: list[str], train: TickerTraining) -> TrainedTickers:
    """Submit a task for each ticker, or for each batch of them; one that fails does not stop the others."""
    if not tickers:
        return {}
    batches = np.array_split(np.array(tickers, dtype=object), number_of_tasks(len(tickers), settings.tasks))
    done = np.cumsum([len(batch) for batch in batches]).tolist()
    with _submitting(settings) as submit, progress(f"training {counted(len(tickers), 'ticker')}") as shown:
        futures = [submit(batch.tolist(), train) for batch in batches]
        for number, future in zip(done, futures, strict=True):
            future.wait()
            shown(number, len(tickers))
        results = _results(futures)
    found: TrainedTickers = {}
    for batch, result in zip(batches, results, strict=True):
        found |= result if isinstance(result, dict) else dict.fromkeys(batch, _outcome(result))
    return found


def number_of_tasks(tickers: int, most: int) -> int:
    """How many tasks train so many tickers: one each, or batches of a size at which a task costs little."""
    programs = math.ceil(tickers / tickers_per_program())
    if tickers > most:
        most = min(most, max(_FEWEST_BATCHES, math.ceil(tickers / _BATCH)))
    return min(programs, most)


@contextmanager
def _submitting(settings: RunSettings) -> Generator[Submit]:
    """How tasks are submitted: to the threads of this run, or to a cluster that answers."""
    with ExitStack() as stack:
        submit = _to_threads
        if settings.runner == "dask":
            try:
                submit = partial(_to_cluster, stack.enter_context(dask_runner(settings.dask_address)))
            except ClusterError as error:
                warn(f"{error}; tickers are trained by this machine")
        yield submit


def _to_cluster(runner: Any, tickers: list[str], train: TickerTraining) -> PrefectFuture[Any]:
    batch = Sealed(tickers, train.only(tickers), code_version())
    return runner.submit(train_on_cluster, {"first": tickers[0], "last": tickers[-1], "batch": batch})


def _to_threads(tickers: list[str], train: TickerTraining) -> PrefectFuture[Any]:
    if len(tickers) == 1:
        return train_ticker.submit(tickers[0], opaque(train))
    return train_batch.submit(tickers[0], tickers[-1], opaque(tickers), opaque(train))


def _train_each(tickers: list[str], train: TickerTraining) -> RunState[TrainedTickers]:
    found = train.many(tickers, tickers_per_program())
    for ticker, made in found.items():
        if isinstance(made, Exception):
            get_run_logger().error("%s: training failed (%s)", ticker, made, exc_info=made)
        else:
            log(f"{ticker}: trained")
    failed = [ticker for ticker, made in found.items() if isinstance(made, Exception)]
    if failed:
        return Failed(message=f"{len(failed)} of {len(tickers)} failed: {', '.join(failed)}", data=found)
    return Completed(data=found)


def _outcome(result: object) -> Model | Exception:
    return result if isinstance(result, Model | Exception) else RuntimeError(str(result))


def _results(futures: list[PrefectFuture[Any]]) -> list[object]:
    """The results of ended tasks, read in one event loop: read singly, each would start its own."""

    async def result(future: PrefectFuture[Any]) -> object:
        try:
            return await future.state.aresult(raise_on_failure=False)
        except Exception as error:  # a task without an end: its worker was lost too often
            return error

    async def read() -> list[object]:
        return [await result(future) for future in futures]

    return run_to_end(read())
