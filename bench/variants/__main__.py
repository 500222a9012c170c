"""Score variants of the model walking forward, and print them as one Markdown table.

For example: python bench/variants --path prices.parquet --from 2014-09-05 --to 2015-08-31
"""

import argparse
import sys
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from recipes import VARIANTS
from scores import Scores, as_table, questions, score
from universes import universe_table
from walk import Array, Fold, folds, read_history

from stockjax.baselines import BASELINES, baseline_forecasts
from stockjax.features import PricePanel
from stockjax.settings import Settings, load_settings
from stockjax.training.compilation import use_compilation_cache


def log(line: str) -> None:
    """Tell how far it is, apart from the table."""
    print(line, file=sys.stderr, flush=True)


def forecast_all(some: Sequence[Fold], names: Sequence[str]) -> dict[str, Array]:
    """Quantiles of each variant over all folds, (n, 5)."""
    parts: dict[str, list[Array]] = {name: [] for name in names}
    for number, fold in enumerate(some, start=1):
        log(f"fold {number} of {len(some)}: {len(fold.rows)} forecasts from {fold.asof.as_of} on")
        for name in names:
            before = time.perf_counter()
            parts[name].append(VARIANTS[name].quantiles(fold))
            log(f"  {name}: {time.perf_counter() - before:.1f} s")
    return {name: np.concatenate(made) for name, made in parts.items()}


def compare(
    history: PricePanel, first: date, last: date, names: Sequence[str], against: str, settings: Settings
) -> dict[str, Scores]:
    """Scores of the baselines and of the variants, all on the same forecasts."""
    some = list(folds(history, first, last, settings))
    rows = np.concatenate([fold.rows for fold in some])
    positions = np.concatenate([fold.positions for fold in some])
    asked = questions(history, some[0].features, rows, positions)
    baselines = baseline_forecasts(history, rows, positions)
    wanted = list(dict.fromkeys([against, *names]))
    made = {name: baselines[name].quantiles for name in BASELINES} | forecast_all(some, wanted)
    log(f"{len(rows)} forecasts, {len(np.unique(asked.days))} days, {asked.after_jump.sum()} after jumps")
    return {name: score(made[name], asked, made["har"], made[against]) for name in made}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--path", type=Path, help="a price file; without it, the embedded sample")
    parser.add_argument("--from", dest="first", type=date.fromisoformat, required=True)
    parser.add_argument("--to", dest="last", type=date.fromisoformat, required=True)
    parser.add_argument("--variants", default=",".join(VARIANTS), help="names, set apart by commas")
    parser.add_argument("--against", default="full", choices=VARIANTS, help="what the others are paired with")
    parser.add_argument("--universes", help="instead, bases of so many tickers: numbers, set apart by commas")
    asked = parser.parse_args()
    settings = load_settings()
    use_compilation_cache(settings.cache)
    history = read_history(asked.path)
    if asked.universes:
        sizes = [int(size) for size in asked.universes.split(",")]
        print(universe_table(history, asked.first, asked.last, sizes, settings, log))
        return
    names = asked.variants.split(",")
    print(as_table(compare(history, asked.first, asked.last, names, asked.against, settings)))


if __name__ == "__main__":
    main()
