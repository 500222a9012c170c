"""Paths of settings: `~` and variables are those of the shell."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator


def expanded(value: object) -> object:
    """A path with the home folder for `~`, and variables replaced by their values.

    Raises
    ------
    ValueError
        It is empty, or there is no such user.

    Example
    -------
    >>> expanded("~/prices") == Path.home() / "prices"
    True

    """
    if not isinstance(value, str | Path):
        return value
    if not str(value):
        raise ValueError("a path must not be empty")
    try:
        return Path(os.path.expandvars(value)).expanduser()
    except RuntimeError as error:
        raise ValueError(f"has no home folder ({error})") from error


SettingsPath = Annotated[Path, BeforeValidator(expanded)]
