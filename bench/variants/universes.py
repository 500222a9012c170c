"""How much a base gains from a wider universe, on tickers that every universe has."""

from collections.abc import Callable, Sequence
from datetime import date

import numpy as np
from recipes import VARIANTS
from scores import Scores, percent, questions, score
from walk import Array, folds

from stockjax.baselines import baseline_forecasts
from stockjax.features import PricePanel, build_features
from stockjax.settings import Settings

RECIPES = ("full", "adapter", "own")
DRAWS = 4


def universe_table(
    history: PricePanel,
    first: date,
    last: date,
    sizes: Sequence[int],
    settings: Settings,
    log: Callable[[str], None],
) -> str:
    """Markdown: every size of universe and recipe, scored on the tickers drawn for the smallest.

    Each draw is a set of tickers of the smallest size, to be forecast, and others that the
    larger universes add to it; the draws have no ticker to be forecast in common.
    """
    draws = _draws(history, first, min(sizes), settings)
    tickers = [ticker for draw in draws for ticker in draw[: min(sizes)]]
    made: dict[tuple[int, str], dict[tuple[str, str], Array]] = {}
    for size in sizes:
        for draw in {tuple(sorted(draw[:size])): draw for draw in draws}.values():
            # Draws that come to the same universe are forecast together.
            asked = [one[: min(sizes)] for one in draws if set(one[:size]) == set(draw[:size])]
            wanted = [ticker for some in asked for ticker in some]
            log(f"{size} tickers, forecasting {', '.join(wanted)}")
            for recipe, found in _forecasts(history.only(draw[:size]), wanted, first, last, settings).items():
                made.setdefault((size, recipe), {}).update(found)
    scores = _scores(history.only(tickers), made)
    lines = ["| base learns from | model | skill vs har, % | vs full of the largest, % | 90% covers |"]
    lines.append("| ---: | --- | ---: | ---: | ---: |")
    for (size, recipe), one in scores.items():
        cells = [str(size), recipe, percent(one.skill), percent(one.compare_losses), f"{one.coverage:.3f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _draws(history: PricePanel, first: date, smallest: int, settings: Settings) -> list[list[str]]:
    """Orders of all tickers; each begins with others of those that can be trained by `first`."""
    known = history.cut(first).lengths >= settings.history.training_sessions
    random = np.random.default_rng(settings.seed)
    able = [history.tickers[row] for row in random.permutation(np.flatnonzero(known))]
    young = [history.tickers[row] for row in random.permutation(np.flatnonzero(~known))]
    count = min(DRAWS, len(able) // smallest)
    turned = [able[smallest * draw :] + able[: smallest * draw] for draw in range(count)]
    return [order + young for order in turned]


def _forecasts(
    universe: PricePanel, tickers: Sequence[str], first: date, last: date, settings: Settings
) -> dict[str, dict[tuple[str, str], Array]]:
    """By recipe, then by ticker and session, the quantiles (5,)."""
    found: dict[str, dict[tuple[str, str], Array]] = {recipe: {} for recipe in RECIPES}
    for fold in folds(universe, first, last, settings, tickers):
        names = [universe.tickers[row] for row in fold.rows]
        keys = list(zip(names, universe.sessions[fold.rows, fold.positions].astype(str), strict=True))
        for recipe in RECIPES:
            found[recipe].update(zip(keys, VARIANTS[recipe].quantiles(fold), strict=True))
    return found


def _scores(
    history: PricePanel, made: dict[tuple[int, str], dict[tuple[str, str], Array]]
) -> dict[tuple[int, str], Scores]:
    """Scores on the forecasts that all universes and recipes made."""
    keys = sorted(set.intersection(*(set(found) for found in made.values())))
    place = {
        (ticker, str(day)): (row, position)
        for row, ticker in enumerate(history.tickers)
        for position, day in enumerate(history.sessions[row])
    }
    rows, positions = np.array([place[key] for key in keys], dtype=np.int64).T
    asked = questions(history, build_features(history), rows, positions)
    benchmark = baseline_forecasts(history, rows, positions)["har"].quantiles
    quantiles = {name: np.stack([found[key] for key in keys]) for name, found in made.items()}
    largest = quantiles[max(size for size, _ in made), RECIPES[0]]
    return {name: score(one, asked, benchmark, largest) for name, one in quantiles.items()}
