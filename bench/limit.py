"""Where every second of a night goes, and how near its training comes to what this machine can do."""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from night_500 import write_prices
from rich.console import Console
from rich.table import Table

from stockjax.engine import Policy, step
from stockjax.engine.training_step import train_in_threads
from stockjax.features import feature_names
from stockjax.forecasting.ticker_training import TickerTraining
from stockjax.nightly import begin_run, close_run, plan_run, run_result, steps
from stockjax.registry import Model
from stockjax.settings import Settings, load_settings
from stockjax.training.adapter import SESSIONS_SEEN
from stockjax.training.gate_holdout import GATE_SESSIONS
from stockjax.training.ticker_model import BATCH, EVALUATIONS, VALIDATION_SESSIONS, recipe
from stockjax.training.warm_up import compile_programs
from stockjax.training.windows import LABELS_PER_WINDOW, WINDOW

Result = TypeVar("Result")


@dataclass
class Stages:
    """Seconds of each stage, in their order."""

    seconds: dict[str, float] = field(default_factory=dict)

    def timed(self, name: str, work: Callable[[], Result]) -> Result:
        """Do a stage and note how long it took."""
        before = time.perf_counter()
        result = work()
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - before
        return result


def matrix_peak(size: int = 2048, tries: int = 7) -> float:
    """Operations per second of the best of some products of two square matrices of float32."""
    multiply = jax.jit(lambda one, other: one @ other)
    one = jnp.ones((size, size), jnp.float32)
    multiply(one, one).block_until_ready()
    seconds = []
    for _ in range(tries):
        before = time.perf_counter()
        multiply(one, one).block_until_ready()
        seconds.append(time.perf_counter() - before)
    return 2 * size**3 / min(seconds)


def memory_bandwidth(size: int = 1 << 28, tries: int = 5) -> float:
    """Bytes per second of the best of some copies of an array, read and written."""
    source, target = np.ones(size, np.uint8), np.empty(size, np.uint8)
    seconds = []
    for _ in range(tries):
        before = time.perf_counter()
        np.copyto(target, source)
        seconds.append(time.perf_counter() - before)
    return 2 * size / min(seconds)


def operations_of_a_ticker(features: int, hidden: int, seeds: int, steps: int) -> float:
    """Multiplications and additions of the matrix products of one ticker's training, mode `full`.

    A forward pass of a session: 2·4·hidden·(features + hidden) for the gates and 2·2·(hidden + features)
    for the two heads; a step of training costs three of them.
    """
    forward = 8 * hidden * (features + hidden) + 4 * (hidden + features)
    trained = 3 * steps * BATCH * WINDOW
    windows = VALIDATION_SESSIONS / LABELS_PER_WINDOW * (EVALUATIONS + 1)
    windows += SESSIONS_SEEN / LABELS_PER_WINDOW
    windows += 3 * GATE_SESSIONS / LABELS_PER_WINDOW
    return forward * seeds * (trained + windows * WINDOW)


def prepared(
    folder: Path, tickers: int, sessions: int, name: str = "warehouse", **training: Any
) -> tuple[Settings, date, date]:
    """Prices, settings with everything in a folder, compiled programs; and the sessions of two nights.

    Parameters
    ----------
    name
        Name of the warehouse in the folder.
    training
        Settings of training that are not the defaults.

    """
    path = folder / "prices.parquet"
    first, second = (day.item() for day in write_prices(path, tickers, sessions)[-2:])
    settings = load_settings(
        source="files",
        path=path,
        warehouse=folder / name,
        cache=folder / "cache",
        warmup={"sessions": 0},
        training=training,
    )
    compile_programs(settings.training, settings.cache)
    return settings, first, second


def night(folder: Path, tickers: int, sessions: int) -> tuple[Stages, Stages, int]:
    """The stages of a first and of a second night, and how many tickers the second one trained."""
    settings, first, second = prepared(folder, tickers, sessions)
    before, _ = stages_of(settings, first)
    after, trained = stages_of(settings, second)
    return before, after, trained


def stages_of(settings: Settings, as_of: date) -> tuple[Stages, int]:
    """Do the steps of a night without Prefect."""
    stages = Stages()
    run = stages.timed("begin", lambda: begin_run(plan_run(settings, as_of, log=lambda line: None)))
    run, ingested = stages.timed("read and check prices", lambda: steps.ingest_prices(run))
    ingested = stages.timed("announcements", lambda: steps.ingest_events(run, ingested))
    universe = stages.timed("arrange prices", lambda: steps.record_universe(run, ingested))
    (due,) = universe.due_sessions()
    data = stages.timed("features", lambda: steps.read_session(run, universe, due))
    if data is None:
        raise RuntimeError("no ticker can be forecast")
    state = stages.timed("load models", lambda: steps.read_session_state(run, data))
    trained = 0

    def train_all(names: list[str], train: TickerTraining) -> dict[str, Model | Exception]:
        nonlocal trained
        trained = len(names)
        return stages.timed("train tickers", lambda: train_in_threads(settings.worker_count)(names, train))

    def train_base(train: Callable[[], Model]) -> Model:
        return stages.timed("train the base", train)

    policy = Policy.of_nights(settings)
    before = time.perf_counter()
    result = step(data, state, policy, train_all, train_base)
    whole = time.perf_counter() - before
    stages.seconds["monitors, gate and forecasts"] = whole - sum(
        stages.seconds.get(name, 0.0) for name in ("train tickers", "train the base")
    )
    stages.timed("write", lambda: steps.write_session(run, universe, due, data, result, whole))
    stages.timed("score", lambda: steps.score_forecasts(run))
    report = stages.timed("report", lambda: steps.write_run_report(run))
    outcome = run_result(run, universe, ingested, [result], report)
    stages.timed("page", lambda: steps.draw_page(run, outcome))
    stages.timed("order tables and purge", lambda: steps.purge_expired(run))
    stages.timed("end", lambda: close_run(run, "completed", outcome.summary()))
    return stages, trained


def table(before: Stages, after: Stages, tickers: int, trained: int, peak: float, bandwidth: float) -> Table:
    """Seconds by stage, and what share of the peak the trainings reach."""
    settings = load_settings().training
    operations = operations_of_a_ticker(
        len(feature_names()), settings.hidden, settings.seeds, recipe(settings).steps
    )
    rate = trained * operations / after.seconds["train tickers"]
    made = Table(
        title=f"A night of {tickers} tickers by its stages, without Prefect",
        caption=f"Matrix peak {peak / 1e9:.0f} GFLOP/s (float32, 2,048 x 2,048), memory "
        f"{bandwidth / 1e9:.1f} GB/s. A training is {operations / 1e9:.2f} GFLOP; {trained} of them reach "
        f"{rate / 1e9:.1f} GFLOP/s, {rate / peak:.0%} of the peak.",
    )
    for heading in ("stage", "first night", "second night", "share"):
        made.add_column(heading, justify="left" if heading == "stage" else "right")
    whole = sum(after.seconds.values())
    for name in [*before.seconds, *(name for name in after.seconds if name not in before.seconds)]:
        seconds = after.seconds.get(name, 0.0)
        made.add_row(name, f"{before.seconds.get(name, 0.0):.1f}", f"{seconds:.1f}", f"{seconds / whole:.0%}")
    made.add_section()
    made.add_row("all", f"{sum(before.seconds.values()):.1f}", f"{whole:.1f}", "100%")
    return made


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickers", type=int, default=500)
    parser.add_argument("--sessions", type=int, default=4500)
    asked = parser.parse_args()
    peak, bandwidth = matrix_peak(), memory_bandwidth()
    with tempfile.TemporaryDirectory() as name:
        before, after, trained = night(Path(name), asked.tickers, asked.sessions)
    Console(width=110).print(table(before, after, asked.tickers, trained, peak, bandwidth))


if __name__ == "__main__":
    main()
