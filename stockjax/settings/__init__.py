"""Every setting of the project: `stockjax.toml`, overridden by the environment, overridden by flags."""

from stockjax.settings.loading import load_settings, setting_names
from stockjax.settings.renamed import RenamedSettingWarning
from stockjax.settings.root import (
    BUILT_IN_SOURCES,
    CONFIG_VARIABLE,
    DEFAULT_CONFIG,
    ENVIRONMENT_PREFIX,
    SOURCE_GROUP,
    Settings,
    config_file,
    feature_entry_point,
)
from stockjax.settings.sections import (
    AlertSettings,
    BaseUniverseSettings,
    ContextSettings,
    DriftSettings,
    EventsSettings,
    HistorySettings,
    RetrainSettings,
    TrainingMode,
    TrainingSettings,
    TuneSettings,
    UniverseName,
    YahooSettings,
)

__all__ = [
    "BUILT_IN_SOURCES",
    "CONFIG_VARIABLE",
    "DEFAULT_CONFIG",
    "ENVIRONMENT_PREFIX",
    "SOURCE_GROUP",
    "AlertSettings",
    "BaseUniverseSettings",
    "ContextSettings",
    "DriftSettings",
    "EventsSettings",
    "HistorySettings",
    "RenamedSettingWarning",
    "RetrainSettings",
    "Settings",
    "TrainingMode",
    "TrainingSettings",
    "TuneSettings",
    "UniverseName",
    "YahooSettings",
    "config_file",
    "feature_entry_point",
    "load_settings",
    "setting_names",
]
