"""All settings as one model, and the places that they come from."""

import os
import tomllib
from importlib.metadata import EntryPoint, entry_points
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any

from platformdirs import user_cache_path
from pydantic import Field, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from stockjax.settings.paths import SettingsPath
from stockjax.settings.renamed import RenamedEnvironment, with_new_names
from stockjax.settings.sections import (
    AlertSettings,
    BacktestSettings,
    BaseUniverseSettings,
    CatchUpSettings,
    ContextSettings,
    DriftSettings,
    EventsSettings,
    ExportSettings,
    FilesSettings,
    HistorySettings,
    RetentionSettings,
    RetrainSettings,
    RunSettings,
    ScoreSettings,
    TrainingSettings,
    TuneSettings,
    UniverseName,
    WarmupSettings,
    YahooSettings,
    split_names,
)

ENVIRONMENT_PREFIX = "STOCKJAX_"
CONFIG_VARIABLE = "STOCKJAX_CONFIG"
DEFAULT_CONFIG = Path("stockjax.toml")

BUILT_IN_SOURCES = ("sample", "files", "yahoo")
SOURCE_GROUP, FEATURE_GROUP = "stockjax.sources", "stockjax.features"
"""Entry points of packages that offer sources and features."""


def config_file() -> Path:
    """The settings file: `$STOCKJAX_CONFIG`, else `stockjax.toml` in the working directory."""
    return Path(os.environ.get(CONFIG_VARIABLE) or DEFAULT_CONFIG).expanduser()


def feature_entry_point(name: str) -> EntryPoint:
    """The entry point of a feature of an installed package.

    Raises
    ------
    ValueError
        No package offers it.

    """
    found = entry_points(group=FEATURE_GROUP)
    if name not in found.names:
        offered = ", ".join(sorted(found.names)) or "none is installed"
        raise ValueError(
            f"no installed package offers the feature '{name}' (training.extra_features); offered: {offered}"
        )
    return found[name]


class _TomlSource(TomlConfigSettingsSource):
    """The settings file, with or without the byte order mark that editors of Windows write."""

    def _read_file(self, file_path: Path | Traversable) -> dict[str, Any]:
        return tomllib.loads(file_path.read_text(encoding="utf-8-sig"))


class Settings(BaseSettings):
    """All settings. Make them with `load_settings`, which raises SettingsError for what is not allowed."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
    )

    warehouse: SettingsPath = Field(Path("warehouse"), description="folder of the database and the models")
    source: str = Field(
        "sample", description="where prices come from: sample, files, yahoo, or the entry point of a package"
    )
    path: SettingsPath | None = Field(None, description="file or folder of the source 'files'")
    tickers: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="tickers to forecast; empty: `tickers_file`, else `universe`, else all of the source",
    )
    tickers_file: SettingsPath | None = Field(
        None, description="a text file of tickers, or a CSV file with a column 'ticker' or 'symbol'"
    )
    universe: UniverseName | None = Field(None, description="a list that comes with stockjax: djia or sp500")
    exchange: str = Field("XNYS", description="default exchange calendar, by its ISO 10383 code")
    forecast_exchanges: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="exchange calendars, by their ISO 10383 codes, whose tickers are forecast; empty: all. "
        "Tickers of other exchanges are fetched and train the base",
    )
    exchanges: dict[str, str] = Field(
        {},
        description="exchange calendars of single tickers; they override the vendor and `exchange`",
    )
    seed: int = Field(0, ge=0, description="first seed of every random draw")
    workers: int = Field(0, ge=0, description="training threads; 0: one per core")
    cache: SettingsPath = Field(
        user_cache_path("stockjax"), description="folder of compiled programs; safe to delete"
    )
    lock_timeout: float = Field(60.0, gt=0, description="seconds to wait for the warehouse")
    history: HistorySettings = HistorySettings()
    files: FilesSettings = FilesSettings()
    yahoo: YahooSettings = YahooSettings()
    events: EventsSettings = EventsSettings()
    context: ContextSettings = ContextSettings()
    base: BaseUniverseSettings = BaseUniverseSettings()
    retrain: RetrainSettings = RetrainSettings()
    warmup: WarmupSettings = WarmupSettings()
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
        """Flags take precedence over the environment, and the environment over the file."""
        del env_settings, dotenv_settings, file_secret_settings
        toml = _TomlSource(settings_cls, toml_file=config_file())
        return init_settings, RenamedEnvironment(settings_cls), toml

    @model_validator(mode="before")
    @classmethod
    def _rename_old_names(cls, values: Any) -> Any:
        return with_new_names(values)

    @field_validator("tickers", "forecast_exchanges", mode="before")
    @classmethod
    def _split_names(cls, value: object) -> object:
        return split_names(value)

    @field_validator("source")
    @classmethod
    def _known_source(cls, value: str) -> str:
        if value in BUILT_IN_SOURCES:
            return value
        offered = (*BUILT_IN_SOURCES, *sorted(entry_points(group=SOURCE_GROUP).names))
        if value not in offered:
            raise ValueError(f"must be one of {', '.join(offered)}")
        return value

    @model_validator(mode="after")
    def _known_features(self) -> "Settings":
        for name in self.training.extra_features:
            feature_entry_point(name)
        return self

    @model_validator(mode="after")
    def _event_files_need_a_path(self) -> "Settings":
        if "files" in (self.events.sources or ()) and self.events.path is None:
            raise ValueError("events.sources has 'files', which needs events.path (--events)")
        return self

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
