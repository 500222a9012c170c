"""When a model is trained, what a new model must be worth, and how long a model is used."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any, Literal

from stockjax.engine.state import BASE, State
from stockjax.features import inputs_id
from stockjax.registry import Model
from stockjax.sessions import Exchange, exchange
from stockjax.settings import AlertSettings, DriftSettings, RetrainSettings, Settings, TrainingSettings
from stockjax.wording import counted


@dataclass(frozen=True)
class Policy:
    """Every rule that decides what a session does; the only place that decides what is due.

    Attributes
    ----------
    calendar
        Exchange whose sessions the age of a base is counted in, whatever tickers are forecast.
    base_every, ticker_every
        Sessions between two trainings of the base, and of a ticker's model.
    base_retry
        Sessions after which a base is trained again whose successor was rejected.
    base_expiry, ticker_expiry
        Age in sessions beyond which a model is not used.
    base_tolerance, ticker_tolerance
        Nats per day by which a new model may be worse than its champion.
    start
        Whether a ticker's training starts from its champion (warm) or from the base (fresh).
    training_sessions
        Sessions of history that a ticker needs for a model of its own.
    training, seed, workers
        How networks are fitted, the first seed, and threads that train at once.
    watch_inputs
        Whether the inputs are monitored, which never makes a training due.
    drift, band
        The monitors, and the band of coverage that is no drift.

    """

    calendar: Exchange
    base_every: int
    ticker_every: int
    base_retry: int
    base_expiry: int
    ticker_expiry: int
    base_tolerance: float
    ticker_tolerance: float
    start: Literal["warm", "fresh"]
    training_sessions: int
    training: TrainingSettings
    seed: int
    workers: int
    watch_inputs: bool
    drift: DriftSettings
    band: AlertSettings

    @classmethod
    def of_nights(cls, settings: Settings) -> "Policy":
        """The policy of a night."""
        retrain = settings.retrain
        return cls(
            calendar=exchange(settings.exchange),
            base_every=retrain.base_every,
            ticker_every=retrain.ticker_every,
            base_retry=retrain.base_retry,
            base_expiry=retrain.base_expiry,
            ticker_expiry=retrain.ticker_expiry,
            base_tolerance=retrain.base_tolerance,
            ticker_tolerance=retrain.ticker_tolerance,
            start=retrain.start,
            training_sessions=settings.history.training_sessions,
            training=settings.training,
            seed=settings.seed,
            workers=settings.worker_count,
            watch_inputs=True,
            drift=settings.drift,
            band=settings.alerts,
        )

    @classmethod
    def of_backtest(cls, settings: Settings, ticker_every: int) -> "Policy":
        """That of a night, but for how often tickers are trained; inputs are not monitored.

        A ticker's model is used at least until the next training of it is due.
        """
        night = cls.of_nights(settings)
        return replace(
            night,
            ticker_every=ticker_every,
            ticker_expiry=max(night.ticker_expiry, ticker_every + 1),
            watch_inputs=False,
        )

    def differences(self, other: "Policy") -> dict[str, Any]:
        """The values of this policy that are not those of another, by name."""
        names = [field.name for field in fields(self) if field.name not in {"workers", "watch_inputs"}]
        return {name: getattr(self, name) for name in names if getattr(self, name) != getattr(other, name)}

    @property
    def retrain(self) -> RetrainSettings:
        """The settings of the promotion gate for the training of a ticker."""
        return RetrainSettings(start=self.start, ticker_tolerance=self.ticker_tolerance)

    def without_expired(
        self, state: State, as_of: date, exchanges: Mapping[str, Exchange]
    ) -> tuple[State, dict[str, str]]:
        """The state without models that are too old to be used, and by ticker (BASE for the base) why."""
        expired = {}
        base = state.base
        other = {ticker for ticker, model in state.tickers.items() if self.other_features(model)}
        if base and self.other_features(base):
            with_it = f" and so have the models of {counted(len(other), 'ticker')}" if other else ""
            expired[BASE] = (
                f"the base {base.model_id} has other inputs than this release and its settings "
                f"(training.extra_features){with_it}: new ones are trained"
            )
            base = None
        if base and (age := self.base_age(base, as_of)) > self.base_expiry:
            expired[BASE] = f"the base {base.model_id} is {age} sessions old and skipped"
            base = None
        kept = dict(state.tickers)
        for ticker, model in state.tickers.items():
            if ticker in other:
                # Where the base is as old, its sentence is about them all.
                if BASE not in expired:
                    expired[ticker] = f"its model {model.model_id} has other inputs, it is skipped"
                del kept[ticker]
            elif ticker in exchanges and (age := _age(model, exchanges[ticker], as_of)) > self.ticker_expiry:
                expired[ticker] = f"its model {model.model_id} is {age} sessions old and skipped"
                del kept[ticker]
        unusable = {**state.unusable, **expired}
        challenger = state.challenger
        if challenger and self.other_features(challenger):
            challenger = None
        return replace(state, base=base, tickers=kept, challenger=challenger, unusable=unusable), expired

    def base_is_due(self, state: State, as_of: date, *, trainable: bool) -> bool:
        """Whether to train a base at a session.

        Parameters
        ----------
        trainable
            Whether a base that was left untrained could be trained now.

        """
        base, retries_later = state.base, self._retries_later(state.base_rejected, as_of)
        if base is None:
            return BASE in state.unusable or not retries_later
        if retries_later:
            return False
        if base.activated_on is not None and self.base_age(base, as_of) == 0:
            return False
        if trainable or self.other_architecture(base) or (self.drift.retrain and state.base_drifted):
            return True
        return self.base_age(base, as_of) >= self.base_every

    def other_architecture(self, base: Model) -> bool:
        """Whether a base has another shape than the settings ask for; a search's goes by its own."""
        if self.other_features(base):
            return True
        if {"search", "searched"} & base.hyperparameters.keys():
            return False
        wanted = {"hidden": self.training.hidden, "seeds": self.training.seeds}
        return any(base.hyperparameters.get(name, value) != value for name, value in wanted.items())

    def other_features(self, model: Model) -> bool:
        """Whether a model has other inputs than this release and its settings, and cannot use these."""
        return bool(model.hyperparameters.get("inputs") != inputs_id(self.training.extra_features))

    def tickers_due(
        self, state: State, as_of: date, tickers: Iterable[str], exchanges: Mapping[str, Exchange]
    ) -> list[str]:
        """Those of the tickers, all with history enough, whose models are to be trained at a session.

        A manually promoted model makes one forecast before a drift alarm replaces it.
        """
        return [ticker for ticker in tickers if self._ticker_is_due(state, as_of, ticker, exchanges)]

    def _ticker_is_due(
        self, state: State, as_of: date, ticker: str, exchanges: Mapping[str, Exchange]
    ) -> bool:
        model = state.tickers.get(ticker)
        if model is None:
            return True
        age = _age(model, exchanges[ticker], as_of)
        if age >= self.ticker_every:
            return True
        just_activated = model.activated_on is not None and age == 0
        return self.drift.retrain and state.ticker_drifted(ticker) and not just_activated

    def base_age(self, base: Model, as_of: date) -> int:
        """Sessions of `calendar` since a base last saw prices, or was promoted manually."""
        return _age(base, self.calendar, as_of)

    def _retries_later(self, rejected: date | None, as_of: date) -> bool:
        return bool(rejected and len(self.calendar.sessions(rejected, as_of)) <= self.base_retry)


def _age(model: Model, calendar: Exchange, as_of: date) -> int:
    if model.activated_on:
        return max(len(calendar.sessions(model.activated_on, as_of)) - 1, 0)
    seen = model.trained_through
    return len(calendar.sessions(seen, as_of)) - calendar.is_session(seen)
