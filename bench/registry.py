"""What a night's models cost the registry, next to their training: time and disk.

    python bench/registry.py [--tickers 3000]

Saves a champion for every ticker, then does what a night does: reads all champions, saves as many new
models, a tenth of them rejected, and counts these. The models are of
the usual size, of random numbers.
"""

import argparse
import itertools
import tempfile
import time
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np

from stockjax.features import FEATURE_NAMES
from stockjax.model.network import initial_parameters
from stockjax.registry import Model, load_champions, save_models
from stockjax.settings import TrainingSettings
from stockjax.warehouse import Warehouse
from stockjax.warehouse.records import rejected_models

USUAL = TrainingSettings()
YESTERDAY, TONIGHT = date(2024, 5, 1), date(2024, 5, 2)


def stacked(tree: dict) -> dict:  # type: ignore[type-arg]
    """Parameters of as many seeds as usual."""
    return {
        name: stacked(value) if isinstance(value, dict) else np.stack([np.asarray(value)] * USUAL.seeds)
        for name, value in tree.items()
    }


def model(ticker: str, through: date) -> Model:
    """A ticker's model of the usual size."""
    count = len(FEATURE_NAMES)
    parameters = {
        "network": stacked(initial_parameters(count, USUAL.hidden, 0)),
        "adapter": {
            "weights": np.zeros(1 + count, np.float32),
            "center": np.zeros(count, np.float32),
            "spread": np.ones(count, np.float32),
        },
        "residuals": np.linspace(-2, 2, 5),
    }
    return Model(
        role="ticker",
        ticker=ticker,
        trained_through=through,
        parameters=parameters,
        hyperparameters={**USUAL.model_dump(), "stopped_at": 20, "base_id": "base-0123456789abcdef"},
        validation_loss=1.25,
        champion_loss=1.26,
        seed=0,
        data_hash="0123456789abcdef",
        code_version="bench",
        parent_id="base-0123456789abcdef",
    )


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--tickers", type=int, default=3000)
    count = asked.parse_args().tickers
    tickers = [f"T{number:04d}" for number in range(count)]
    one = model("", YESTERDAY)
    with tempfile.TemporaryDirectory() as folder:
        warehouse = Warehouse(Path(folder))
        warehouse.migrate()
        first = [replace(one, ticker=ticker) for ticker in tickers]
        save_models(warehouse, first, batch="one", run_id="one", moment=datetime.now(UTC))
        steps = [("begin", time.perf_counter())]
        champions = load_champions(warehouse, tickers, TONIGHT)
        steps.append(("load champions", time.perf_counter()))
        fresh = [
            replace(
                one, ticker=ticker, trained_through=TONIGHT, status="champion" if number % 10 else "rejected"
            )
            for number, ticker in enumerate(tickers)
        ]
        save_models(warehouse, fresh, batch="two", run_id="two", moment=datetime.now(UTC))
        steps.append(("save models and statuses", time.perf_counter()))
        rejected = rejected_models(warehouse, TONIGHT)
        steps.append(("count the rejected", time.perf_counter()))
        assert len(champions.tickers) == count
        assert rejected == -(-count // 10)
        size = sum(path.stat().st_size for path in (warehouse.models / "two").iterdir())
    for (_, before), (name, after) in itertools.pairwise(steps):
        print(f"{name:26} {after - before:6.2f} s")
    print(f"{'all':26} {steps[-1][1] - steps[0][1]:6.2f} s for {count} tickers")
    print(f"{size / count / 1e3:.1f} kB a model, {500 * size / count / 1e6:.1f} MB a night of 500 tickers")


if __name__ == "__main__":
    main()
