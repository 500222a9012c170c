"""Every setting of the project: `stockjax.toml`, under environment, under flags."""

import difflib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from platformdirs import user_cache_path
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from stockjax.errors import SettingsError

ENVIRONMENT_PREFIX = "STOCKJAX_"
CONFIG_VARIABLE = "STOCKJAX_CONFIG"
DEFAULT_CONFIG = Path("stockjax.toml")

SourceName = Literal["sample", "files", "yahoo"]
TrainingMode = Literal["adapter", "full", "own"]
WhenBusy = Literal["cancel", "wait"]
UniverseName = Literal["djia", "sp500"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class HistorySettings(_Section):
    """How much history a ticker needs, in sessions."""

    forecast_sessions: int = Field(64, ge=30, description="fewer than this: no forecast at all")
    training_sessions: int = Field(
        504, ge=320, description="fewer than this: forecast from the base, no training of its own"
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
    def _names_in_one_text(cls, value: object) -> object:
        return _words(value)


class YahooSettings(_Section):
    """How politely, and how patiently, Yahoo is asked."""

    requests_per_second: float = Field(2.0, ge=0, description="of all workers together; 0: no limit")
    workers: int = Field(4, ge=1, le=32, description="requests under way at once")
    timeout: float = Field(10.0, gt=0, description="seconds to wait for an answer")
    retries: int = Field(2, ge=0, le=10, description="more attempts where another one may help")
    pause: float = Field(60.0, gt=0, description="seconds that all wait after 'too many requests', doubling")
    pause_budget: float = Field(
        300.0, ge=0, description="seconds of such pauses in a run before what is missing is given up"
    )
    base_url: str | None = Field(
        None, pattern=r"^https?://[^/\s]+$", description="another server that answers as Yahoo does"
    )


class RetrainSettings(_Section):
    """How often models are trained anew, in sessions, and what a new one must be worth."""

    base_every: int = Field(126, ge=1, description="sessions between two trainings of the base")
    ticker_every: int = Field(1, ge=1, description="sessions between two trainings of a ticker")
    base_tolerance: float = Field(
        0.01, ge=0, description="nats a day by which a new base may look worse than the one in force"
    )
    ticker_tolerance: float = Field(0.005, ge=0, description="the same of a ticker's model")
    base_retry: int = Field(
        21, ge=1, description="sessions after a rejected base before the next one is trained"
    )
    start: Literal["warm", "fresh"] = Field(
        "warm", description="whether a ticker's training begins at its champion or at the base"
    )
    base_expiry: int = Field(504, ge=1, description="age in sessions beyond which a base is not used")
    ticker_expiry: int = Field(
        126, ge=1, description="the same of a ticker's model: the base is used instead"
    )

    @model_validator(mode="after")
    def _trained_before_it_expires(self) -> "RetrainSettings":
        if self.base_expiry <= self.base_every or self.ticker_expiry <= self.ticker_every:
            raise ValueError("models must live longer than retrain.base_every and retrain.ticker_every")
        return self


class RunSettings(_Section):
    """How runs get along with each other, and when one has failed."""

    when_busy: WhenBusy = Field(
        "cancel", description="what a run does while another one of its flow is at work: cancel or wait"
    )
    busy_timeout: float = Field(21600.0, ge=0, description="seconds that it waits at most")
    settle_minutes: float = Field(
        20.0,
        ge=0,
        le=720,
        description="minutes after the close before a live source's bar counts as finished",
    )
    failed_share: float = Field(
        0.5, ge=0, le=1, description="share of tickers without a forecast above which a night has failed"
    )


class AlertSettings(_Section):
    """Whom to tell, and of what."""

    block: str | None = Field(
        None,
        pattern=r"^([a-z0-9-]+/[a-z0-9-]+)?$",
        description="Prefect notification block, as slack-webhook/nights; empty: nobody is told",
    )
    stale_tickers: int = Field(1, ge=1, description="so many tickers without fresh prices are told of")
    coverage_low: float = Field(
        0.87, ge=0, lt=1, description="least share of closes inside the 90% intervals that is no drift"
    )
    coverage_high: float = Field(0.93, gt=0, le=1, description="largest such share")
    fewest_sessions: int = Field(
        21, ge=1, description="sessions that a monitor must have seen before it raises an alarm of drift"
    )

    @model_validator(mode="after")
    def _low_below_high(self) -> "AlertSettings":
        if self.coverage_low >= self.coverage_high:
            raise ValueError("alerts.coverage_low must be less than alerts.coverage_high")
        return self


class DriftSettings(_Section):
    """The monitors of drift; `alerts` has the band of coverage that they hold."""

    watch: bool = Field(True, description="whether coverage, residual scale and inputs are watched")
    patience: float = Field(
        1260.0, ge=20, description="sessions that a monitor lets pass on average before a false alarm"
    )
    retrain: bool = Field(
        True, description="whether an alarm of coverage or scale makes a training due at once"
    )


class RetentionSettings(_Section):
    """How long what can be made again is kept, in days; forecasts and prices are kept for good."""

    models: int = Field(90, ge=1, description="files of models that are no longer in force")
    reports: int = Field(365, ge=1, description="reports, by their session")


class BaseUniverseSettings(_Section):
    """Whom the base learns from, beside the tickers that are forecast: it wants breadth."""

    tickers: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="more tickers for the base to learn from; *: all that the source has"
    )
    tickers_file: Path | None = Field(None, description="the same from a file, as `tickers_file`")
    universe: UniverseName | None = Field(None, description="the same from a list, as `universe`")

    @field_validator("tickers", mode="before")
    @classmethod
    def _names_in_one_text(cls, value: object) -> object:
        return _words(value)


class ReplaySettings(_Section):
    """The walk-forward replay that gives a first run something to score."""

    sessions: int = Field(126, ge=0, description="sessions before tonight that are replayed")
    ticker_every: int = Field(21, ge=1, description="as retrain.ticker_every, inside the replay")


class BacktestSettings(_Section):
    """Where a backtest differs from the nights that it stands for."""

    ticker_every: int | None = Field(
        None,
        ge=1,
        description="sessions between two trainings of a ticker; empty: 21 or retrain.ticker_every, "
        "whichever is more",
    )


class CatchUpSettings(_Section):
    """Nights that were missed."""

    sessions: int = Field(63, ge=0, description="missed sessions, before tonight, that are caught up")


class ScoreSettings(_Section):
    """How far back errors are averaged."""

    windows: tuple[int, ...] = Field(
        (21, 63, 252), description="lengths of the rolling windows, in sessions; 63 must be one of them"
    )

    @field_validator("windows")
    @classmethod
    def _of_some_length(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        # The tables of a run, the report and the alerts tell of 63 sessions.
        if not all(2 <= window <= 1260 for window in value) or 63 not in value:
            raise ValueError("must be lengths from 2 to 1260, 63 among them")
        return tuple(sorted(set(value)))


class ExportSettings(_Section):
    """Files of the newest forecasts, written after each run."""

    latest: bool = Field(True, description="write the newest forecasts as Parquet and CSV after a run")
    folder: Path | None = Field(None, description="where to; empty: `exports` in the warehouse")


class TrainingSettings(_Section):
    """How the network is fitted."""

    mode: TrainingMode = Field(
        "full",
        description="what a ticker's training fits: adapter (its scale only), full (all weights, from the "
        "base, then its scale) or own (all weights from nothing: no base is trained)",
    )
    hidden: int = Field(16, ge=1, le=256, description="width of the LSTM")
    seeds: int = Field(3, ge=1, le=16, description="networks averaged into one forecast")
    base_steps: int = Field(1000, ge=50, le=100_000, description="most optimiser steps of the base")
    ticker_steps: int = Field(20, ge=4, le=400, description="most optimiser steps of a ticker")
    own_steps: int = Field(60, ge=4, le=400, description="the same in mode own, from nothing")
    learning_rate: float = Field(
        3e-3, gt=0, le=1, description="peak AdamW rate of the base, and rate in mode own"
    )
    ticker_learning_rate: float = Field(3e-4, gt=0, le=1, description="Adam rate of a ticker that has a base")
    weight_decay: float = Field(0.33, ge=0, le=100, description="AdamW decay, on matrices only")


class TuneSettings(_Section):
    """The search for better settings of training."""

    trials: int = Field(30, ge=1, le=10_000, description="configurations tried, the settings in force first")
    folds: int = Field(3, ge=1, le=40, description="stretches of the past that each is scored on")
    fold_sessions: int = Field(126, ge=5, description="sessions of each stretch")
    seeds: int = Field(
        1, ge=1, le=16, description="networks of a trial; the winner is trained with training.seeds"
    )
    at_once: int = Field(
        4, ge=1, le=64, description="configurations under way at once, whatever the number of threads"
    )
    timeout: float = Field(
        0.0, ge=0, description="seconds after which no further configuration is begun; 0: no limit"
    )


class Settings(BaseSettings):
    """All settings; unknown names and values out of range are refused.

    Raises
    ------
    SettingsError
        From `load_settings`, which is the way to make one.

    """

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    warehouse: Path = Field(Path("warehouse"), description="folder of the database and the models")
    source: SourceName = Field("sample", description="where prices come from")
    path: Path | None = Field(None, description="file or folder of the source 'files'")
    tickers: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="the universe; empty: `tickers_file`, else `universe`, else all the source has"
    )
    tickers_file: Path | None = Field(
        None, description="a text file of tickers, or a CSV file with a column 'ticker' or 'symbol'"
    )
    universe: UniverseName | None = Field(None, description="a list that ships: djia or sp500")
    exchange: str = Field("XNYS", description="exchange calendar, by its ISO 10383 code")
    forecast_exchanges: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="calendars, by their ISO 10383 codes, whose tickers are forecast; empty: all. "
        "The others are fetched and learnt from all the same",
    )
    exchanges: dict[str, str] = Field(
        {}, description="calendars of single tickers, over the vendor's word and over `exchange`"
    )
    seed: int = Field(0, ge=0, description="first seed of every random draw")
    workers: int = Field(0, ge=0, description="threads that train; 0: one per core")
    cache: Path = Field(
        user_cache_path("stockjax"), description="folder of compiled programs; safe to delete"
    )
    lock_timeout: float = Field(60.0, gt=0, description="seconds to wait for the warehouse")
    history: HistorySettings = HistorySettings()
    yahoo: YahooSettings = YahooSettings()
    base: BaseUniverseSettings = BaseUniverseSettings()
    retrain: RetrainSettings = RetrainSettings()
    replay: ReplaySettings = ReplaySettings()
    backtest: BacktestSettings = BacktestSettings()
    catch_up: CatchUpSettings = CatchUpSettings()
    training: TrainingSettings = TrainingSettings()
    tune: TuneSettings = TuneSettings()
    run: RunSettings = RunSettings()
    alerts: AlertSettings = AlertSettings()
    drift: DriftSettings = DriftSettings()
    retention: RetentionSettings = RetentionSettings()
    scores: ScoreSettings = ScoreSettings()
    export: ExportSettings = ExportSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags over environment over file."""
        del dotenv_settings, file_secret_settings
        toml = TomlConfigSettingsSource(settings_cls, toml_file=config_file())
        return init_settings, env_settings, toml

    @field_validator("tickers", "forecast_exchanges", mode="before")
    @classmethod
    def _names_in_one_text(cls, value: object) -> object:
        return _words(value)

    @model_validator(mode="after")
    def _files_need_a_path(self) -> "Settings":
        if self.source == "files" and self.path is None:
            raise ValueError("source 'files' needs the setting 'path' (--path on the command line)")
        return self

    @property
    def backtest_ticker_every(self) -> int:
        """Sessions between two trainings of a ticker in a backtest."""
        return self.backtest.ticker_every or max(21, self.retrain.ticker_every)

    @property
    def worker_count(self) -> int:
        """Threads that train at once."""
        return self.workers or os.cpu_count() or 1


def _words(value: object) -> object:
    """Names in one text, as environment variables have them, apart from each other."""
    return value.replace(",", " ").split() if isinstance(value, str) else value


def config_file() -> Path:
    """The settings file in force: `$STOCKJAX_CONFIG`, else `stockjax.toml` here."""
    return Path(os.environ.get(CONFIG_VARIABLE) or DEFAULT_CONFIG)


def load_settings(**flags: Any) -> Settings:
    """Read the settings; `flags` that are None leave the file and environment in force.

    Raises
    ------
    SettingsError
        A name is unknown, a value is not allowed, or the file is missing or not TOML.

    """
    _check_file()
    _check_environment(os.environ)
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        raise SettingsError(_sentence(error)) from error
    except ValueError as error:
        # Broken TOML and unparsable environment values, which pydantic-settings raises bare.
        raise SettingsError(f"the settings cannot be read ({error}); mend {_where()}") from error


def setting_names(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[str]:
    """Every setting by its dotted name, as `retrain.base_every`."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from setting_names(kind, f"{prefix}{name}.")
        else:
            yield prefix + name


def _check_file() -> None:
    asked = os.environ.get(CONFIG_VARIABLE)
    if asked and not Path(asked).is_file():
        raise SettingsError(f"there is no settings file '{asked}'; give --config another path")


def _check_environment(environment: Mapping[str, str]) -> None:
    """Refuse misspelt variables, which pydantic-settings would pass over in silence."""
    sections = {name.split(".")[0] for name in setting_names() if "." in name}
    known = {CONFIG_VARIABLE} | {
        ENVIRONMENT_PREFIX + name.replace(".", "__").upper() for name in [*setting_names(), *sections]
    }
    for variable in sorted(environment):
        if variable.upper().startswith(ENVIRONMENT_PREFIX) and variable.upper() not in known:
            near = difflib.get_close_matches(variable.upper(), known, n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            allowed = ", ".join(sorted(known))
            raise SettingsError(
                f"the environment variable {variable} names no setting{hint}; allowed: {allowed}"
            )


def _sentence(error: ValidationError) -> str:
    parts = []
    for problem in error.errors():
        name = ".".join(str(part) for part in problem["loc"]) or "settings"
        if not problem["loc"]:
            parts.append(problem["msg"].removeprefix("Value error, "))
        elif problem["type"] == "extra_forbidden":
            sections = {key.partition(".")[0] for key in setting_names()}
            near = difflib.get_close_matches(name, [*setting_names(), *sections], n=1)
            hint = f" (did you mean '{near[0]}'?)" if near else ""
            place = name.rpartition(".")[0]
            beside = (key.removeprefix(f"{place}.") for key in setting_names() if key.startswith(place))
            siblings = dict.fromkeys(key.partition(".")[0] for key in beside)
            parts.append(f"'{name}' is no setting{hint}; allowed: {', '.join(siblings)}")
        else:
            parts.append(f"'{name}': {problem['msg']}, not {problem['input']!r}")
    return f"{'; '.join(parts)}. Mend {_where()}."


def _where() -> str:
    return f"{config_file()}, the {ENVIRONMENT_PREFIX}… variables or the flags"
