"""Walking forward in folds: what each of them knew, and the models that all variants share.

A fold's networks look at whole histories in one pass. Inputs never depend on later sessions,
so that is the forecast the product makes from its last 96 sessions, but for what an LSTM
still remembers of earlier ones.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path

import jax
import numpy as np
import numpy.typing as npt

from stockjax.engine import Policy, SessionData, State, train_models
from stockjax.features import Features, PricePanel, build_features
from stockjax.forecasting.asof import AsOfData
from stockjax.forecasting.missing_forecasts import sessions_between
from stockjax.forecasting.training import train_base_model, with_min_history
from stockjax.model.network import Parameters, apply_network
from stockjax.quality.check import check
from stockjax.registry import Model
from stockjax.sessions import exchange
from stockjax.settings import Settings, TrainingSettings
from stockjax.sources.files import FilesSource
from stockjax.sources.sample import SampleSource
from stockjax.training.adapter import SESSIONS_SEEN, fit_adapter, predict_past

Array = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

CALENDAR = "XNYS"


def read_history(path: Path | None) -> PricePanel:
    """Prices that pass the product's checks, of a file or of the embedded sample."""
    source = FilesSource(path) if path else SampleSource()
    prices = source.load().prices
    names = [str(name) for name in sorted(prices["ticker"].unique())]
    calendar, last = exchange(CALENDAR), prices["session"].max().date()
    accepted = check(prices, dict.fromkeys(names, calendar), {CALENDAR: last}).accepted
    ordered = accepted.sort_values(["ticker", "session"])
    return PricePanel.from_columns({str(name): ordered[name].to_numpy() for name in ordered}, names)


@dataclass(frozen=True)
class Distribution:
    """What networks say of every session's successor, in units of its EWMA volatility.

    Attributes
    ----------
    location, log_scale
        (tickers, sessions) of a Student t.
    freedom
        Its degrees of freedom.

    """

    location: Array
    log_scale: Array
    freedom: float


@jax.jit
def _forward(networks: Parameters, inputs: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    location, log_scale, freedom = jax.vmap(apply_network, in_axes=(0, None))(networks, inputs)
    return location.mean(axis=0), log_scale.mean(axis=0), freedom.mean()


def look(networks: Parameters, features: Features) -> Distribution:
    """The predict_distribution of one set of networks, stacked over seeds, for all tickers."""
    location, log_scale, freedom = _forward(networks, features.inputs)
    return Distribution(np.array(location, dtype=float), np.array(log_scale, dtype=float), float(freedom))


def look_each(networks: dict[int, Parameters], features: Features, otherwise: Distribution) -> Distribution:
    """The predict_distribution of networks that rows have of their own; of the other rows, what is given."""
    location, log_scale = otherwise.location.copy(), otherwise.log_scale.copy()
    freedoms = []
    for row, own in networks.items():
        one_location, one_log_scale, freedom = _forward(own, features.inputs[row : row + 1])
        location[row], log_scale[row] = one_location[0], one_log_scale[0]
        freedoms.append(float(freedom))
    return Distribution(location, log_scale, float(np.mean(freedoms)) if freedoms else otherwise.freedom)


@dataclass(frozen=True, eq=False)
class Fold:
    """Sessions that are forecast with models trained at the close of the first of them.

    Attributes
    ----------
    history, features
        Without a cut: inputs of a session do not depend on later ones.
    knowledge
        What the first session knew, which is all that training sees.
    rows, positions
        (n,) ticker row and session column of each forecast.

    """

    history: PricePanel
    features: Features
    asof: AsOfData
    rows: Places
    positions: Places
    settings: Settings

    @cached_property
    def learnable(self) -> dict[str, int]:
        """Rows of the tickers with history enough for a training of their own."""
        wanted = {self.asof.history.tickers[row] for row in np.unique(self.rows)}
        known = with_min_history(self.asof, wanted, self.settings.history.training_sessions)
        return {name: self.asof.history.tickers.index(name) for name in sorted(known)}

    @cached_property
    def base(self) -> Model:
        """The product's base."""
        return self.base_of(self.settings.training)

    def base_of(self, training: TrainingSettings) -> Model:
        """A base of the product's with other settings."""
        return train_base_model(self.asof, training, self.settings.seed, self.settings.worker_count)

    @cached_property
    def tickers(self) -> dict[int, Model]:
        """The product's model of each ticker that can have one, by its row."""
        asof, tickers = self.asof, tuple(self.learnable)
        data = SessionData(asof, asof.history, tickers, exchanges={}, origins={})
        policy = Policy.of_nights(self.settings)
        # The base is there already, and is the one of the session.
        policy = replace(policy, base_every=10**6, base_expiry=10**7)
        state, problems = train_models(data, State(base=self.base), policy)
        if problems:
            raise RuntimeError(f"a ticker could not be trained: {problems}")
        return {self.learnable[ticker]: model for ticker, model in state.tickers.items()}

    @cached_property
    def base_outlook(self) -> Distribution:
        """What the base alone says."""
        return look(self.base.parameters["network"], self.features)

    @cached_property
    def full_outlook(self) -> Distribution:
        """What the product says: each ticker's networks and its adapter."""
        networks = {row: model.parameters["network"] for row, model in self.tickers.items()}
        plain = look_each(networks, self.features, self.base_outlook)
        weights = {row: model.parameters["adapter"]["weights"] for row, model in self.tickers.items()}
        # Where a ticker has no network of its own, the base's tail stays active.
        return self._corrected(
            Distribution(plain.location, plain.log_scale, self.base_outlook.freedom), weights
        )

    def adapted(self, plain: Distribution, networks: dict[int, Parameters]) -> Distribution:
        """An predict_distribution after the adapters that are fitted to these networks, by row."""
        shared, features = self.base.parameters["adapter"], self.asof.features
        lengths = self.asof.history.lengths
        weights = {
            row: fit_adapter(
                predict_past(own, features, row, int(lengths[row])), shared["center"], shared["spread"]
            )
            for row, own in networks.items()
        }
        return self._corrected(plain, weights)

    def adapted_alike(self, plain: Distribution, networks: Parameters) -> Distribution:
        """The same where all tickers have one set of networks."""
        return self.adapted(plain, dict.fromkeys(self.learnable.values(), networks))

    def _corrected(self, plain: Distribution, weights: dict[int, npt.NDArray[np.float32]]) -> Distribution:
        shared = self.base.parameters["adapter"]
        log_scale = plain.log_scale.copy()
        for row, own in weights.items():
            standard = (self.features.inputs[row] - shared["center"]) / shared["spread"]
            log_scale[row] += own[0] + standard @ own[1:]
        return Distribution(plain.location, log_scale, plain.freedom)

    @cached_property
    def seen(self) -> Mask:
        """(tickers, sessions) whose successor was known, as far back as residuals are taken."""
        lengths = self.asof.history.lengths[:, None]
        columns = np.arange(self.features.labels.shape[1])
        recent = (columns >= np.maximum(lengths - SESSIONS_SEEN, 1)) & (columns < lengths - 1)
        return recent & ~np.isnan(self.features.labels)

    def residuals(self, predict_distribution: Distribution) -> Array:
        """Labels moved to location 0 and scale 1, (tickers, sessions)."""
        scaled: Array = (self.features.labels - predict_distribution.location) * np.exp(
            -predict_distribution.log_scale
        )
        return scaled


def folds(
    history: PricePanel, first: date, last: date, settings: Settings, tickers: Sequence[str] | None = None
) -> Iterator[Fold]:
    """The sessions between two dates whose outcome is known, one fold for each training of the base.

    With `tickers`, only those are forecast; all are learnt from.
    """
    found = sessions_between(history, first, last, settings.history.forecast_sessions)
    wanted = {ticker: days for ticker, days in found.items() if tickers is None or ticker in tickers}
    features = build_features(history)
    days = sorted(set().union(*wanted.values()))
    every = settings.retrain.base_every
    for start in range(0, len(days), every):
        places = [
            (row, int(position))
            for day in days[start : start + every]
            for row, position in enumerate(history.position(day))
            if day in wanted.get(history.tickers[row], ()) and position + 1 < history.lengths[row]
        ]
        rows, positions = np.array(places, dtype=np.int64).reshape(-1, 2).T
        yield Fold(history, features, AsOfData.at(history, days[start]), rows, positions, settings)
