"""Champion against challenger, on sessions that neither has been fitted to."""

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from stockjax.forecasting.asof import AsOfData
from stockjax.registry import Model
from stockjax.registry.model import HOLDOUT_NETWORK
from stockjax.settings import TrainingSettings
from stockjax.training.adapter import PastPrediction, predict_past
from stockjax.training.base_model import untrained_alone
from stockjax.training.gate_holdout import GATE_SESSIONS, gate_losses, held_out_losses

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PairedComparison:
    """Losses of two models on the same days.

    Attributes
    ----------
    challenger, champion
        Mean loss of a day in nats.
    days
        On how many.
    error
        Standard error of the difference of the two means, from its spread over the days.

    """

    challenger: float
    champion: float
    days: int
    error: float

    def lost(self, tolerance: float) -> bool:
        """Whether the challenger is worse by more than `tolerance` nats, or no number at all."""
        return not (math.isfinite(self.challenger) and self.challenger - self.champion <= tolerance)


def compare_losses(challenger: Array, champion: Array) -> PairedComparison | None:
    """Compare two models by their losses on the same days, each (days,), NaN on days without an outcome.

    None if no day had one.
    """
    known = ~np.isnan(champion)
    if not known.any():
        return None
    one, other = challenger[known], champion[known]
    days = int(known.sum())
    finite = days > 1 and np.isfinite(one).all() and np.isfinite(other).all()
    spread = float(np.std(one - other, ddof=1)) if finite else math.nan
    return PairedComparison(float(one.mean()), float(other.mean()), days, spread / math.sqrt(days))


def judged(challenger: Model, comparison: PairedComparison | None, tolerance: float) -> Model:
    """The challenger with both losses, rejected if it fails; unchanged without a comparison."""
    if comparison is None:
        return challenger
    return replace(
        challenger,
        validation_loss=comparison.challenger,
        champion_loss=comparison.champion if math.isfinite(comparison.champion) else None,
        status="rejected" if comparison.lost(tolerance) else challenger.status,
    )


def compare_tickers(
    challenger: Model, champion: Model, asof: AsOfData, seen: PastPrediction | None = None
) -> PairedComparison | None:
    """A ticker's new model against the one that would forecast without it: its champion, or a base.

    On the last GATE_SESSIONS sessions, which the training of a ticker leaves out; a champion was fitted
    earlier still. What their base has seen of them, both have alike. The correction of the
    log-scale, which goes up to the last session, is fitted again without them, on both sides.

    Parameters
    ----------
    seen
        What the challenger's networks say of the ticker's past, where that is computed already.

    """
    row = asof.history.tickers.index(str(challenger.ticker))
    return compare_losses(_losses(challenger, asof, row, seen), _losses(champion, asof, row))


def compare_bases(challenger: Model, champion: Model, asof: AsOfData) -> PairedComparison | None:
    """Compare a new base with the champion: losses of a day are means over all tickers that had it.

    On the last GATE_SESSIONS sessions of every ticker; tickers of a day are no independent observations.
    Bases are finally trained on all of the history, so their holdout networks are compared, which are
    trained by the same recipe without these sessions. None if one of the two has none.
    """
    if not (challenger.parameters.get(HOLDOUT_NETWORK) and champion.parameters.get(HOLDOUT_NETWORK)):
        return None
    one, other = (_losses_by_day(_holdout_network(model), asof) for model in (challenger, champion))
    return compare_losses(one, other)


def decide_first_base(base: Model, asof: AsOfData, settings: TrainingSettings, tolerance: float) -> Model:
    """A first base, compared with the network that training begins from; `rejected` if it did not learn.

    That network is the random walk with EWMA volatility. A base without a holdout network is not compared.
    """
    if not base.parameters.get(HOLDOUT_NETWORK):
        return base
    start = untrained_alone(settings, base.seed)
    beginning = replace(base, parameters={**base.parameters, HOLDOUT_NETWORK: start})
    return judged(base, compare_bases(base, beginning, asof), tolerance)


def _holdout_network(base: Model) -> Model:
    return replace(base, parameters={**base.parameters, "network": base.parameters[HOLDOUT_NETWORK]})


def _losses(model: Model, asof: AsOfData, row: int, seen: PastPrediction | None = None) -> Array:
    network, adapter = model.parameters["network"], model.parameters["adapter"]
    center, spread = adapter["center"], adapter["spread"]
    features, length = asof.features, int(asof.history.lengths[row])
    if model.role == "ticker":
        return held_out_losses(seen or predict_past(network, features, row, length), center, spread)
    return gate_losses(network, center, spread, adapter["weights"], features, row, length)


def _losses_by_day(model: Model, asof: AsOfData) -> Array:
    """(days,) means over the tickers; NaN on days without a known loss."""
    history = asof.history
    days, losses = [], []
    for row, length in enumerate(history.lengths):
        # A holdout network leaves out the last third of a shorter history.
        if length >= 3 * GATE_SESSIONS:
            days.append(history.sessions[row, length - GATE_SESSIONS : length])
            losses.append(_losses(model, asof, row))
    if not days:
        return np.full(1, np.nan)
    day, loss = np.concatenate(days), np.concatenate(losses)
    known = ~np.isnan(loss)
    distinct, place = np.unique(day, return_inverse=True)
    count = np.bincount(place[known], minlength=len(distinct))
    total = np.bincount(place[known], weights=loss[known], minlength=len(distinct))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
