"""Reading the settings, and the sentences that say what is wrong with them."""

import difflib
import os
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from stockjax.errors import SettingsError
from stockjax.settings.renamed import old_variables
from stockjax.settings.root import CONFIG_VARIABLE, ENVIRONMENT_PREFIX, Settings, config_file


def load_settings(**flags: Any) -> Settings:
    """Read the settings; flags that are None do not override the file and the environment.

    Raises
    ------
    SettingsError
        A name is unknown, a value is not allowed, or the file is missing or not TOML.

    Warns
    -----
    RenamedSettingWarning
        A setting has an old name.

    Example
    -------
    >>> load_settings(tickers=("AAPL",), retrain={"base_every": 63}).retrain.base_every
    63

    """
    _check_file()
    _check_environment(os.environ)
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        raise SettingsError(_sentence(error)) from error
    except ValueError as error:
        # pydantic-settings raises these for broken TOML and unparsable environment values.
        raise SettingsError(f"the settings cannot be read ({error}); correct {_where()}") from error


def setting_names(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[str]:
    """Every setting by its dotted name, such as `retrain.base_every`.

    Example
    -------
    >>> "retrain.base_every" in setting_names()
    True

    """
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from setting_names(kind, f"{prefix}{name}.")
        else:
            yield prefix + name


def _check_file() -> None:
    asked = os.environ.get(CONFIG_VARIABLE)
    if asked and not config_file().is_file():
        raise SettingsError(f"there is no settings file '{asked}'; give --config another path")


def _check_environment(environment: Mapping[str, str]) -> None:
    """Refuse misspelt variables, which pydantic-settings would ignore."""
    sections = {name.split(".")[0] for name in setting_names() if "." in name}
    known = {CONFIG_VARIABLE} | {
        ENVIRONMENT_PREFIX + name.replace(".", "__").upper() for name in [*setting_names(), *sections]
    }
    accepted = known | old_variables()
    for variable in sorted(environment):
        if variable.upper().startswith(ENVIRONMENT_PREFIX) and variable.upper() not in accepted:
            near = difflib.get_close_matches(variable.upper(), known, n=1)
            allowed = f"did you mean {near[0]}?" if near else f"allowed: {', '.join(sorted(known))}"
            raise SettingsError(f"the environment variable {variable} names no setting; {allowed}")


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
            others = (key.removeprefix(f"{place}.") for key in setting_names() if key.startswith(place))
            siblings = dict.fromkeys(key.partition(".")[0] for key in others)
            parts.append(f"'{name}' is no setting{hint}; allowed: {', '.join(siblings)}")
        else:
            message = problem["msg"].removeprefix("Value error, ")
            parts.append(f"'{name}': {message}, not {problem['input']!r}")
    return f"{'; '.join(parts)}. Correct {_where()}."


def _where() -> str:
    return f"{config_file()}, the {ENVIRONMENT_PREFIX}… variables or the flags"
