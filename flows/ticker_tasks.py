"""The trainings of a night's tickers as tasks: one each, or in batches where there are many."""

from typing import Any

import numpy as np
from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State as RunState
from prefect.futures import PrefectFuture
from prefect.states import Completed, Failed

from flows.artifacts import progress
from flows.common import log, opaque
from flows.event_loop import run_to_end
from stockjax.forecasting.ticker_training import TickerTraining
from stockjax.registry import Model
from stockjax.wording import counted

TrainedTickers = dict[str, Model | Exception]
"""By ticker, the new model or why there is none."""


# Without a tag: for each tagged task, Prefect asks the server for a slot and returns it.
@task(cache_policy=NO_CACHE, task_run_name="train {ticker}")
def train_ticker(ticker: str, train: TickerTraining) -> Model:
    """Train or retrain one ticker."""
    return train(ticker)


@task(cache_policy=NO_CACHE, task_run_name="train {first} to {last}")
def train_batch(first: str, last: str, tickers: list[str], train: TickerTraining) -> RunState[TrainedTickers]:
    """Train or retrain several tickers; one that fails does not stop the others."""
    del first, last
    found: TrainedTickers = {}
    for ticker in tickers:
        try:
            found[ticker] = train(ticker)
        except Exception as error:
            found[ticker] = error
            get_run_logger().exception("%s: training failed", ticker)
        else:
            log(f"{ticker}: trained")
    failed = [ticker for ticker, made in found.items() if isinstance(made, Exception)]
    if failed:
        return Failed(message=f"{len(failed)} of {len(tickers)} failed: {', '.join(failed)}", data=found)
    return Completed(data=found)


def train_tickers(most_tasks: int, tickers: list[str], train: TickerTraining) -> TrainedTickers:
    """Submit a task for each ticker, or for each batch of them; one that fails does not stop the others."""
    if not tickers:
        return {}
    batches = np.array_split(np.array(tickers, dtype=object), min(len(tickers), most_tasks))
    futures = [_submit(batch.tolist(), train) for batch in batches]
    done = np.cumsum([len(batch) for batch in batches]).tolist()
    with progress(f"training {counted(len(tickers), 'ticker')}") as shown:
        for number, future in zip(done, futures, strict=True):
            future.wait()
            shown(number, len(tickers))
    found: TrainedTickers = {}
    for batch, result in zip(batches, _results(futures), strict=True):
        found |= result if isinstance(result, dict) else dict.fromkeys(batch, _outcome(result))
    return found


def _submit(tickers: list[str], train: TickerTraining) -> PrefectFuture[Any]:
    if len(tickers) == 1:
        return train_ticker.submit(tickers[0], opaque(train))
    return train_batch.submit(tickers[0], tickers[-1], opaque(tickers), opaque(train))


def _outcome(result: object) -> Model | Exception:
    return result if isinstance(result, Model | Exception) else RuntimeError(str(result))


def _results(futures: list[PrefectFuture[Any]]) -> list[object]:
    """The results of ended tasks, read in one event loop: read singly, each would start its own."""

    async def read() -> list[object]:
        return [await future.state.aresult(raise_on_failure=False) for future in futures]

    return run_to_end(read())
