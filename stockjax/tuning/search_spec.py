"""What one search is about, and the name under which it is found again."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from stockjax.code_version import code_version
from stockjax.features import NO_CONTEXT, Features, MarketContext, PricePanel
from stockjax.settings import Settings
from stockjax.tuning.folds import Fold, make_folds
from stockjax.tuning.space import Space


@dataclass(frozen=True, eq=False)
class SearchSpec:
    """The space, the folds, and the name of the study that remembers what was tried."""

    as_of: date
    name: str
    space: Space
    folds: list[Fold]
    settings: Settings


def build_search_spec(
    history: PricePanel,
    tickers: Sequence[str],
    as_of: date,
    settings: Settings,
    context: MarketContext = NO_CONTEXT,
) -> SearchSpec:
    """Lay out a search that looks at nothing after `as_of`.

    Parameters
    ----------
    history
        All tickers that a base learns from.
    tickers
        Those of them that are forecast and scored.
    context
        Announcements and indices of implied volatility.

    Raises
    ------
    NothingToTuneError
        The history is too short.

    """
    folds = make_folds(history, tickers, as_of, settings, context)
    name = f"{as_of}-{_digest(history.cut(as_of), folds[-1].features, tickers, settings)}"
    return SearchSpec(as_of, name, Space(settings.training), folds, settings)


def _digest(history: PricePanel, features: Features, tickers: Sequence[str], settings: Settings) -> str:
    """16 hex digits over all that a trial's value and the order of trials depend on.

    How many trials there are, and for how long, is not among it: a search that is asked for
    more of them goes on.
    """
    tune = settings.tune.model_dump(exclude={"trials", "timeout"})
    attributes = [
        sorted(tickers),
        history.fingerprint(),
        hashlib.sha256(features.inputs.tobytes()).hexdigest(),
        settings.seed,
        settings.training.model_dump(),
        settings.history.model_dump(include={"forecast_sessions", "training_sessions"}),
        tune,
        code_version(),
    ]
    return hashlib.sha256(json.dumps(attributes, sort_keys=True).encode()).hexdigest()[:16]
