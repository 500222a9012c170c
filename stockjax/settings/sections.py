"""The sections of the settings, with the description that the reference prints of each value."""

import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_settings import NoDecode

from stockjax.settings.paths import SettingsPath

TrainingMode = Literal["adapter", "full", "own"]
IfRunning = Literal["cancel", "wait"]
Runner = Literal["threads", "dask"]
UniverseName = Literal["djia", "sp500"]


def split_names(value: object) -> object:
    """Split names in one text, as environment variables have them; leave other values alone."""
    return value.replace(",", " ").split() if isinstance(value, str) else value


class Section(BaseModel):
    """A section: no other names, no changes, no infinite numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class HistorySettings(Section):
    """How much history a ticker needs, in sessions."""

    forecast_sessions: int = Field(
        64, ge=30, description="sessions of history below which a ticker is not forecast"
    )
    training_sessions: int = Field(
        504,
        ge=320,
        description="sessions of history below which a ticker is forecast by the base and not trained",
    )
    stale_sessions: int = Field(5, ge=1, description="sessions without a price that make a ticker stale")
    delisted_sessions: int = Field(
        21, ge=1, description="sessions without a price that make a ticker delisted"
    )
    accept: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="tickers whose stored history may be replaced by a different one"
    )

    @model_validator(mode="after")
    def _stale_before_delisted(self) -> "HistorySettings":
        if self.stale_sessions > self.delisted_sessions:
            raise ValueError("history.stale_sessions must not exceed history.delisted_sessions")
        return self

    @field_validator("accept", mode="before")
    @classmethod
    def _split_names(cls, value: object) -> object:
        return split_names(value)


class FilesSettings(Section):
    """How files of prices are read."""

    intraday: Literal["refuse", "aggregate"] = Field(
        "refuse", description="bars of a part of a day: refuse the file, or aggregate them to days"
    )


class YahooSettings(Section):
    """How fast Yahoo is asked, and how failures are retried."""

    requests_per_second: float = Field(
        2.0, ge=0, description="requests per second of all workers together; 0: no limit"
    )
    workers: int = Field(4, ge=1, le=32, description="concurrent requests")
    timeout: float = Field(10.0, gt=0, description="seconds to wait for an answer")
    retries: int = Field(2, ge=0, le=10, description="retries of a failed request that may succeed")
    pause: float = Field(
        60.0, gt=0, description="seconds that all workers pause after 'too many requests'; doubles each time"
    )
    pause_budget: float = Field(
        300.0,
        ge=0,
        description="total seconds of such pauses in a run, after which the remaining tickers fail",
    )
    base_url: str | None = Field(
        None, pattern=r"^https?://[^/\s]+$", description="address of another server with Yahoo's interface"
    )


EventSourceName = Literal["sample", "files", "sec", "yahoo"]


class EventsSettings(Section):
    """Scheduled announcements: where they come from, and what counts as known of the past."""

    path: SettingsPath | None = Field(
        None, description="file of announcements (CSV or Parquet: ticker, date, time, kind, known_at)"
    )
    sources: Annotated[tuple[EventSourceName, ...], NoDecode] | None = Field(
        None,
        description="where announcements come from, the first is believed first: sample, files, sec, yahoo; "
        "empty list: none; not set: those of the source of prices",
    )
    history: Literal["assumed", "projected"] = Field(
        "assumed",
        description="what is known of announcements before the first run: assumed (regular ones are known "
        "`events.notice` sessions ahead) or projected (only what follows from earlier reports)",
    )
    notice: int = Field(
        5, ge=0, le=60, description="sessions ahead at which a regular announcement of the past is known"
    )
    contact: str | None = Field(
        None,
        pattern=r"^[^\s@]+@[^\s@]+\.[^\s@]+$",
        description="e-mail address that the SEC wants from who asks it; empty: the SEC is not asked",
    )
    timeout: float = Field(10.0, gt=0, description="seconds to wait for an answer of the SEC")
    pause: float = Field(60.0, gt=0, description="seconds of a pause after 'too many requests'; doubles")
    pause_budget: float = Field(120.0, ge=0, description="total seconds of such pauses in a run")
    sec_url: str = Field(
        "https://www.sec.gov", pattern=r"^https?://[^/\s]+$", description="address of the list of companies"
    )
    sec_data_url: str = Field(
        "https://data.sec.gov", pattern=r"^https?://[^/\s]+$", description="address of the filings"
    )

    @field_validator("sources", mode="before")
    @classmethod
    def _split_names(cls, value: object) -> object:
        return split_names(value)


class ContextSettings(Section):
    """Series that are fetched and not forecast."""

    implied_volatility: Annotated[dict[str, str], NoDecode] = Field(
        {"XNYS": "^VIX"},
        description="by exchange calendar, the ticker of the index of implied volatility of its market; one "
        "ticker alone: that of US exchanges; empty: none",
    )
    most_tickers: int = Field(
        30, ge=0, description="tickers of a market from which on its index of implied volatility is not used"
    )

    @field_validator("implied_volatility", mode="before")
    @classmethod
    def _of_us_exchanges(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        text = value.strip()
        if text.startswith("{"):
            return json.loads(text)
        return {"XNYS": text} if text else {}


class RetrainSettings(Section):
    """How often models are retrained, in sessions, and how good a new model must be."""

    base_every: int = Field(126, ge=1, description="sessions between two trainings of the base")
    ticker_every: int = Field(1, ge=1, description="sessions between two trainings of a ticker")
    base_tolerance: float = Field(
        0.01,
        ge=0,
        description="largest loss (nats per day) that a new base may lose to the champion",
    )
    ticker_tolerance: float = Field(
        0.005,
        ge=0,
        description="largest loss (nats per day) that a new ticker model may lose to the champion",
    )
    base_retry: int = Field(
        21, ge=1, description="sessions between a rejected base and the next training of the base"
    )
    start: Literal["warm", "fresh"] = Field(
        "warm",
        description="where the training of a ticker starts: warm (at its champion) or fresh (at the base)",
    )
    base_expiry: int = Field(504, ge=1, description="age in sessions after which a base is not used")
    ticker_expiry: int = Field(
        126, ge=1, description="age in sessions after which the base forecasts instead of a ticker model"
    )

    @model_validator(mode="after")
    def _trained_before_it_expires(self) -> "RetrainSettings":
        if self.base_expiry <= self.base_every or self.ticker_expiry <= self.ticker_every:
            raise ValueError("models must live longer than retrain.base_every and retrain.ticker_every")
        return self


class RunSettings(Section):
    """Concurrent runs, where they train, and when a run has failed."""

    if_running: IfRunning = Field(
        "cancel", description="what a run does while another run of its flow is active: cancel or wait"
    )
    busy_timeout: float = Field(21600.0, ge=0, description="seconds to wait for the other run")
    settle_minutes: float = Field(
        20.0,
        ge=0,
        le=720,
        description="minutes after the close before the bar of a live source is final",
    )
    runner: Runner = Field(
        "threads",
        description="where tickers are trained: threads of the run's process, or dask, a cluster of machines",
    )
    dask_address: str = Field(
        "",
        pattern=r"^((tcp|tls|ws|wss)://\S+)?$",
        description="scheduler of the Dask cluster, as tcp://ADDRESS:8786; only with run.runner = 'dask'",
    )
    tasks: int = Field(
        250,
        ge=1,
        description="most training tasks of a run in Prefect: more tickers share them, in batches",
    )
    max_missing_share: float = Field(
        0.5, ge=0, le=1, description="share of tickers without a forecast above which a run has failed"
    )

    @model_validator(mode="after")
    def _dask_has_an_address(self) -> "RunSettings":
        if self.runner == "dask" and not self.dask_address:
            raise ValueError("run.runner = 'dask' needs run.dask_address, as in tcp://ADDRESS:8786")
        return self


class AlertSettings(Section):
    """Where alerts are sent, and what triggers them."""

    block: str | None = Field(
        None,
        pattern=r"^([a-z0-9-]+/[a-z0-9-]+)?$",
        description="Prefect notification block, as slack-webhook/nights; empty: no alerts",
    )
    stale_tickers: int = Field(
        1, ge=1, description="alert when at least this many tickers have no fresh prices"
    )
    coverage_low: float = Field(
        0.87, ge=0, lt=1, description="lowest coverage of the 90% intervals that is not drift"
    )
    coverage_high: float = Field(
        0.93, gt=0, le=1, description="highest coverage of the 90% intervals that is not drift"
    )

    @model_validator(mode="after")
    def _low_below_high(self) -> "AlertSettings":
        if self.coverage_low >= self.coverage_high:
            raise ValueError("alerts.coverage_low must be less than alerts.coverage_high")
        return self


class DriftSettings(Section):
    """The drift monitors; `alerts` has the band of coverage that they check."""

    watch: bool = Field(True, description="whether coverage, residual scale and inputs are monitored")
    average_run_length: float = Field(
        1260.0, ge=20, description="mean number of sessions before a false alarm of a monitor"
    )
    retrain: bool = Field(
        True, description="whether an alarm of coverage or scale makes a training due at once"
    )
    min_observations: int = Field(
        21, ge=1, description="observations that a monitor needs before it can raise an alarm"
    )


class RetentionSettings(Section):
    """How long files are kept, in days; forecasts and prices are never deleted."""

    models: int = Field(90, ge=1, description="days that files of models which are no longer active are kept")
    reports: int = Field(365, ge=1, description="days that reports are kept, counted from their session")


class BaseUniverseSettings(Section):
    """Additional tickers that the base is trained on; a broad base forecasts better."""

    tickers: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="additional tickers that train the base; *: all tickers of the source"
    )
    tickers_file: SettingsPath | None = Field(
        None, description="additional tickers that train the base, from a file as in `tickers_file`"
    )
    universe: UniverseName | None = Field(
        None, description="additional tickers that train the base, from a list as in `universe`"
    )

    @field_validator("tickers", mode="before")
    @classmethod
    def _split_names(cls, value: object) -> object:
        return split_names(value)


class WarmupSettings(Section):
    """The warm-up backtest, which gives a first run scored forecasts."""

    sessions: int = Field(126, ge=0, description="sessions before tonight that a first run backtests")
    ticker_every: int = Field(
        21, ge=1, description="sessions between two trainings of a ticker in the warm-up backtest"
    )


class BacktestSettings(Section):
    """Where a backtest differs from the nightly policy."""

    ticker_every: int | None = Field(
        None,
        ge=1,
        description="sessions between two trainings of a ticker; empty: 21 or retrain.ticker_every, "
        "whichever is more",
    )


class CatchUpSettings(Section):
    """Missed nights."""

    sessions: int = Field(
        63, ge=0, description="sessions before tonight that are forecast late if they were missed"
    )


class ScoreSettings(Section):
    """The windows over which errors are averaged."""

    windows: tuple[int, ...] = Field(
        (21, 63, 252), description="lengths of the rolling windows, in sessions; 63 must be one of them"
    )

    @field_validator("windows")
    @classmethod
    def _of_some_length(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        # The tables of a run, the report and the alerts use 63 sessions.
        if not all(2 <= window <= 1260 for window in value) or 63 not in value:
            raise ValueError("must be lengths from 2 to 1260, 63 among them")
        return tuple(sorted(set(value)))


class ExportSettings(Section):
    """Files of the newest forecasts."""

    latest: bool = Field(True, description="write the newest forecasts as Parquet and CSV after a run")
    folder: SettingsPath | None = Field(
        None, description="folder of these files; empty: `exports` in the warehouse"
    )


class TrainingSettings(Section):
    """How the networks are trained."""

    mode: TrainingMode = Field(
        "full",
        description="what the training of a ticker fits: adapter (its scale only), full (all weights, from "
        "the base, then the scale) or own (all weights, from initial values; no base is trained)",
    )
    extra_features: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="additional inputs: early_close, days_to_target, or entry points of installed packages",
    )
    hidden: int = Field(16, ge=1, le=256, description="width of the LSTM")
    seeds: int = Field(3, ge=1, le=16, description="networks that are averaged into one forecast")
    base_steps: int = Field(
        1000, ge=50, le=100_000, description="largest number of optimiser steps of the base"
    )
    ticker_steps: int = Field(8, ge=4, le=400, description="largest number of optimiser steps of a ticker")
    own_steps: int = Field(
        60, ge=4, le=400, description="largest number of optimiser steps of a ticker in mode own"
    )
    learning_rate: float = Field(
        3e-3, gt=0, le=1, description="peak AdamW learning rate of the base, and learning rate in mode own"
    )
    ticker_learning_rate: float = Field(
        3e-4, gt=0, le=1, description="Adam learning rate of a ticker that has a base"
    )
    weight_decay: float = Field(0.33, ge=0, le=100, description="AdamW weight decay, of matrices only")

    @field_validator("extra_features", mode="before")
    @classmethod
    def _split_names(cls, value: object) -> object:
        return split_names(value)


class TuneSettings(Section):
    """The hyperparameter search."""

    trials: int = Field(30, ge=1, le=10_000, description="configurations to try, the current settings first")
    folds: int = Field(3, ge=1, le=40, description="folds of the past on which each configuration is scored")
    fold_sessions: int = Field(126, ge=5, description="sessions of each fold")
    seeds: int = Field(
        1, ge=1, le=16, description="networks of a trial; the winner is trained with training.seeds networks"
    )
    max_concurrent_trials: int = Field(
        4, ge=1, le=64, description="concurrent trials, whatever the number of threads"
    )
    timeout: float = Field(0.0, ge=0, description="seconds after which no further trial starts; 0: no limit")
