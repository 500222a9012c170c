"""Settings that have a new name: the old one is accepted for one release, with a warning."""

import warnings
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from pydantic_settings import EnvSettingsSource

RENAMED = {
    "replay.sessions": "warmup.sessions",
    "replay.ticker_every": "warmup.ticker_every",
    "run.when_busy": "run.if_running",
    "run.failed_share": "run.max_missing_share",
    "alerts.fewest_sessions": "drift.min_observations",
    "drift.patience": "drift.average_run_length",
    "tune.at_once": "tune.max_concurrent_trials",
}
"""New names by old name, of release 0.1; to be removed in 0.3."""

_PREFIX = "stockjax_"


class RenamedSettingWarning(FutureWarning):
    """A setting has the name of an earlier release."""


class RenamedEnvironment(EnvSettingsSource):
    """The environment, where variables with old names count as those with the new ones."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        found = dict(super()._load_env_vars())
        for old, new in RENAMED.items():
            _move(found, _variable(old), _variable(new), str.upper)
        # A whole section as JSON; the names inside it are renamed with those of the file.
        for section in ("replay",):
            if (value := found.pop(_PREFIX + section, None)) is not None:
                found.setdefault(f"{_PREFIX}warmup", value)
                _warn(f"{_PREFIX}{section}".upper(), f"{_PREFIX}warmup".upper())
        return found


def with_new_names(values: Any) -> Any:
    """The values of all sources, merged, with settings of old names under the new ones.

    Parameters
    ----------
    values
        Sections as mappings, as pydantic-settings gives them; anything else is returned as it is.

    Raises
    ------
    ValueError
        A setting is given under both names.

    """
    if not isinstance(values, Mapping):
        return values
    found = deepcopy(dict(values))
    flat = {
        f"{section}.{name}": value
        for section, inside in found.items()
        if isinstance(inside, Mapping)
        for name, value in inside.items()
    }
    for old, new in RENAMED.items():
        if old in flat:
            _move(flat, old, new, str)
            section, _, name = old.partition(".")
            del found[section][name]
            if not found[section]:
                del found[section]
            section, _, name = new.partition(".")
            found[section] = {**found.get(section, {}), name: flat[new]}
    return found


def old_variables() -> set[str]:
    """The environment variables with old names."""
    return {_variable(old).upper() for old in RENAMED} | {"STOCKJAX_REPLAY"}


def _variable(name: str) -> str:
    return _PREFIX + name.replace(".", "__")


def _move(values: dict[str, Any], old: str, new: str, spelling: Any) -> None:
    if old not in values:
        return
    if new in values and values[new] != values[old]:
        raise ValueError(
            f"{spelling(old)} is the old name of {spelling(new)}, and both are set; remove the old one"
        )
    values[new] = values.pop(old)
    _warn(spelling(old), spelling(new))


def _warn(old: str, new: str) -> None:
    warnings.warn(
        f"the setting {old} is now called {new}; the old name is accepted until release 0.3",
        RenamedSettingWarning,
        stacklevel=2,
    )
