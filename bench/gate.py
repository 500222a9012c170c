"""What the gate between champion and challenger lets through: honest retrainings, and harmful ones."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from stockjax.features import PricePanel
from stockjax.forecasting.asof import AsOfData
from stockjax.forecasting.promotion_gate import PairedComparison, compare_bases, compare_tickers
from stockjax.forecasting.training import train_base_model, train_ticker_model
from stockjax.registry import Model
from stockjax.sessions import exchange
from stockjax.settings import RetrainSettings, Settings, load_settings
from stockjax.sources.sample import SampleSource
from stockjax.training.compilation import use_compilation_cache

HONEST = "honest"
FACTORS = (10, 100)
UNJUDGED = RetrainSettings(ticker_tolerance=1e9)


@dataclass(frozen=True)
class Found:
    """A comparison, and what the challenger was."""

    role: str
    kind: str
    comparison: PairedComparison

    @property
    def difference(self) -> float:
        """By how many nats a day the challenger is worse."""
        return self.comparison.challenger - self.comparison.champion


def history() -> PricePanel:
    """The embedded sample, without the ticker whose history is too short for training."""
    prices = SampleSource().load().prices.sort_values(["ticker", "session"])
    prices = prices[prices["ticker"] != "FB"]
    columns = {name: prices[name].to_numpy() for name in prices.columns}
    columns["ticker"] = columns["ticker"].astype(object)
    return PricePanel.from_columns(columns, sorted(prices["ticker"].unique()))


def bases(known: AsOfData, before: AsOfData, settings: Settings, seeds: int) -> Iterator[Found]:
    """The base of 126 sessions ago against bases of today."""
    champion = train_base_model(before, settings.training, 0)
    for seed in range(1, seeds + 1):
        challenger = train_base_model(known, settings.training, seed)
        yield _met("base", HONEST, compare_bases(challenger, champion, known))
    for factor in FACTORS:
        rate = min(settings.training.learning_rate * factor, 1.0)
        harmful = settings.training.model_copy(update={"learning_rate": rate})
        challenger = train_base_model(known, harmful, 1)
        yield _met("base", f"rate x {factor}", compare_bases(challenger, champion, known))


def tickers(known: AsOfData, before: AsOfData, settings: Settings, seeds: int) -> Iterator[Found]:
    """Champions of a session ago against models of today, from the same base and from a new one."""
    old, new = (train_base_model(before, settings.training, seed) for seed in (0, 1))
    for ticker in known.history.tickers:
        champion = train_ticker_model(before, ticker, old, None, settings.training, 0, UNJUDGED)

        def met(kind: str, base: Model, seed: int, factor: int = 1, champion: Model = champion) -> Found:
            rate = settings.training.ticker_learning_rate * factor
            training = settings.training.model_copy(update={"ticker_learning_rate": rate})
            one = train_ticker_model(known, str(champion.ticker), base, champion, training, seed, UNJUDGED)
            return _met("ticker", kind, compare_tickers(one, champion, known))

        for seed in range(1, seeds + 1):
            yield met(HONEST, old, seed)
            yield met("honest, new base", new, seed)
        for factor in FACTORS:
            yield met(f"rate x {factor}", old, 1, factor)


def _met(role: str, kind: str, comparison: PairedComparison | None) -> Found:
    assert comparison is not None
    return Found(role, kind, comparison)


def main() -> None:
    """Judge retrainings at several sessions of the sample, and print how many pass."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dates", type=int, default=8, help="sessions to retrain at")
    parser.add_argument("--seeds", type=int, default=3, help="honest challengers of each kind")
    asked = parser.parse_args()
    settings = load_settings()
    use_compilation_cache(settings.cache)
    whole = history()
    sessions = exchange("XNYS").sessions(date(2006, 1, 3), date(2013, 3, 1))
    chosen = np.linspace(130, len(sessions) - 1, asked.dates).astype(int)
    found: list[Found] = []
    for at in track(chosen, description="retraining", console=Console(stderr=True)):
        known, last, half_a_year_ago = (
            AsOfData.at(whole, sessions[place].item()) for place in (at, at - 1, at - 126)
        )
        found.extend(bases(known, half_a_year_ago, settings, asked.seeds))
        found.extend(tickers(known, last, settings, asked.seeds))
    _print(found, settings.retrain)


def _print(found: list[Found], retrain: RetrainSettings) -> None:
    tolerances = {"base": retrain.base_tolerance, "ticker": retrain.ticker_tolerance}
    lines = ", ".join(f"{value:g} of a {role}" for role, value in tolerances.items())
    table = Table(title=f"Challenger minus champion, nats a day; tolerance {lines}")
    for heading in ("model", "retrained", "comparisons", "median", "95%", "largest", "error", "pass"):
        table.add_column(heading, justify="right")
    for role, kind in dict.fromkeys((one.role, one.kind) for one in found):
        some = [one for one in found if (one.role, one.kind) == (role, kind)]
        differences = np.array([one.difference for one in some])
        finite = np.where(np.isfinite(differences), differences, np.inf)
        middle, high = np.quantile(finite, [0.5, 0.95], method="higher")
        passed = sum(not one.comparison.lost(tolerances[role]) for one in some)
        error = np.nanmedian([one.comparison.error for one in some])
        figures = (middle, high, finite.max(), error)
        table.add_row(
            role, kind, str(len(some)), *(f"{figure:.4f}" for figure in figures), f"{passed / len(some):.0%}"
        )
    Console().print(table)


if __name__ == "__main__":
    main()
