"""Seconds per ticker: retraining and forecasting by stockjax, and by what people use instead, in one run."""

import argparse
import logging
import sys
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from limit import prepared, stages_of
from rich.console import Console
from rich.table import Table

try:
    import torch
    from arch import arch_model
    from neuralforecast import NeuralForecast
    from neuralforecast.losses.pytorch import DistributionLoss
    from neuralforecast.models import LSTM
    from statsforecast import StatsForecast
    from statsforecast.models import AutoETS
except ImportError as error:
    sys.exit(f"the peers are not installed here ({error}): run make peers, which has an environment for them")

Array = npt.NDArray[np.float64]

STEPS = 200
WINDOW = 64
TUTORIAL_WINDOW, TUTORIAL_EPOCHS, TUTORIAL_BATCH = 60, 25, 32
THREADS = 2
ROUNDS = 3
"""Times that what takes little is timed, in turn: a machine is not equally fast all the time."""


@dataclass(frozen=True)
class Timing:
    """Seconds that a method took for so many tickers."""

    seconds: float
    tickers: int

    @property
    def each(self) -> float:
        """Seconds per ticker."""
        return self.seconds / self.tickers


def stockjax_night(folder: Path, mode: str, tickers: int, sessions: int) -> Timing:
    """All between ingest and the written forecasts of a second night, whose base is that of the first."""
    settings, first, second = prepared(folder, tickers, sessions, mode, mode=mode)
    stages_of(settings, first)
    stages, trained = stages_of(settings, second)
    counted = (
        "arrange prices",
        "features",
        "load models",
        "train tickers",
        "monitors, gate and forecasts",
        "write",
    )
    return Timing(sum(stages.seconds[name] for name in counted), trained)


def returns_of(path: Path, count: int) -> list[Array]:
    """Log returns in percent of the first tickers of a file."""
    prices = pd.read_parquet(path)
    names = prices["ticker"].unique()[:count]
    closes = {name: part["adj_close"].to_numpy() for name, part in prices.groupby("ticker") if name in names}
    return [100 * np.diff(np.log(close)) for close in closes.values()]


def one_by_one(work: Callable[[Array], object], returns: list[Array]) -> Timing:
    """Time a method that takes one ticker at a time."""
    before = time.perf_counter()
    for series in returns:
        work(series)
    return Timing(time.perf_counter() - before, len(returns))


def neuralforecast(**size: Any) -> Callable[[list[Array]], Timing]:
    """Its LSTM, fitted to what it is given; by default at the library's own size."""

    def fit(returns: list[Array]) -> Timing:
        before = time.perf_counter()
        parts = [
            pd.DataFrame({"unique_id": str(number), "ds": np.arange(len(series)), "y": series})
            for number, series in enumerate(returns)
        ]
        model = LSTM(
            h=1,
            input_size=WINDOW,
            loss=DistributionLoss("StudentT", level=[50, 90]),
            max_steps=STEPS,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            **size,
        )
        library = NeuralForecast(models=[model], freq=1)
        library.fit(pd.concat(parts, ignore_index=True))
        library.predict()
        return Timing(time.perf_counter() - before, len(returns))

    return fit


def tutorial_lstm(series: Array) -> float:
    """Two layers of 50, trained as tutorials do: windows of 60 days of scaled prices, 25 epochs of Adam."""
    torch.manual_seed(0)
    prices = np.exp(np.cumsum(series) / 100)
    scaled = ((prices - prices.min()) / (prices.max() - prices.min())).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(scaled, TUTORIAL_WINDOW)
    inputs, labels = torch.tensor(windows[:-1].copy())[..., None], torch.tensor(scaled[TUTORIAL_WINDOW:])
    recurrent = torch.nn.LSTM(1, 50, num_layers=2, batch_first=True, dropout=0.2)
    head = torch.nn.Linear(50, 1)
    optimiser = torch.optim.Adam([*recurrent.parameters(), *head.parameters()])
    for _ in range(TUTORIAL_EPOCHS):
        for batch in torch.randperm(len(labels)).split(TUTORIAL_BATCH):
            optimiser.zero_grad()
            found = head(recurrent(inputs[batch])[0][:, -1])[:, 0]
            torch.nn.functional.mse_loss(found, labels[batch]).backward()
            optimiser.step()
    with torch.no_grad():
        return float(head(recurrent(torch.tensor(windows[-1:].copy())[..., None])[0][:, -1]))


def garch(series: Array) -> object:
    """GARCH(1,1) with Student-t innovations."""
    model = arch_model(series, mean="Constant", vol="GARCH", p=1, q=1, dist="t", rescale=False)
    return model.fit(disp="off", show_warning=False).forecast(horizon=1)


def auto_ets(series: Array) -> object:
    """Exponential smoothing of the log price, its form chosen by AICc."""
    frame = pd.DataFrame({"unique_id": "0", "ds": np.arange(len(series)), "y": np.cumsum(series)})
    return StatsForecast(models=[AutoETS(season_length=1)], freq=1).forecast(df=frame, h=1, level=[50, 90])


def table(found: dict[str, Timing]) -> Table:
    """Seconds per ticker, and how many times those of stockjax."""
    ours = found["stockjax, full"].each
    made = Table(
        title="Retraining and forecasting one ticker",
        caption=f"Two threads for all; wall seconds, the first three the best of {ROUNDS} rounds. "
        f"NeuralForecast: {STEPS} steps.",
    )
    for heading in ("method", "tickers timed", "seconds per ticker", "times stockjax, full"):
        made.add_column(heading, justify="left" if heading == "method" else "right")
    for name, timing in found.items():
        made.add_row(name, str(timing.tickers), f"{timing.each:.3f}", f"{timing.each / ours:.1f}")
    return made


def speeds(tickers: int, sessions: int) -> dict[str, Timing]:
    """Time stockjax and its peers in one run, with as many threads for each."""
    for name in ("pytorch_lightning", "lightning_fabric", "lightning.pytorch"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    torch.set_num_threads(THREADS)
    rounds: dict[str, list[Timing]] = defaultdict(list)
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for mode in ("full", "adapter"):
                rounds[f"stockjax, {mode}"].append(stockjax_night(folder, mode, tickers, sessions))
            returns = returns_of(folder / "prices.parquet", tickers)
        rounds["GARCH(1,1)-t, arch"].append(one_by_one(garch, returns[:20]))
    found = {name: min(timed, key=lambda timing: timing.each) for name, timed in rounds.items()}
    found["AutoETS, statsforecast"] = one_by_one(auto_ets, returns[:5])
    ours = {"encoder_n_layers": 1, "encoder_hidden_size": 16, "decoder_hidden_size": 16, "decoder_layers": 1}
    alone, small = neuralforecast(), neuralforecast(**ours)
    found["NeuralForecast, one fit per ticker"] = one_by_one(lambda series: alone([series]), returns[:2])
    found["the same, one layer of 16"] = one_by_one(lambda series: small([series]), returns[:3])
    found["NeuralForecast, one fit for all"] = alone(returns)
    found["two-layer LSTM of a tutorial, PyTorch"] = one_by_one(tutorial_lstm, returns[:1])
    return found


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickers", type=int, default=120)
    parser.add_argument("--sessions", type=int, default=4500)
    asked = parser.parse_args()
    Console(width=110).print(table(speeds(asked.tickers, asked.sessions)))


if __name__ == "__main__":
    main()
