"""Every setting of the project: `stockjax.toml`, overridden by the environment, overridden by flags."""

from stockjax.settings.loading import load_settings, setting_names
from stockjax.settings.model import (
    CONFIG_VARIABLE,
    DEFAULT_CONFIG,
    ENVIRONMENT_PREFIX,
    Settings,
    SourceName,
    config_file,
)
from stockjax.settings.renamed import RenamedSettingWarning
from stockjax.settings.sections import (
    AlertSettings,
    BaseUniverseSettings,
    DriftSettings,
    HistorySettings,
    RetrainSettings,
    TrainingMode,
    TrainingSettings,
    TuneSettings,
    UniverseName,
    YahooSettings,
)

__all__ = [
    "CONFIG_VARIABLE",
    "DEFAULT_CONFIG",
    "ENVIRONMENT_PREFIX",
    "AlertSettings",
    "BaseUniverseSettings",
    "DriftSettings",
    "HistorySettings",
    "RenamedSettingWarning",
    "RetrainSettings",
    "Settings",
    "SourceName",
    "TrainingMode",
    "TrainingSettings",
    "TuneSettings",
    "UniverseName",
    "YahooSettings",
    "config_file",
    "load_settings",
    "setting_names",
]
