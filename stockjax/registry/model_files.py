"""Parameter files: safetensors, written whole or not at all, checked when read."""

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from stockjax.errors import ModelFileError

_SEPARATOR = "/"


def write_files(folder: Path, models: Mapping[str, dict[str, Any]]) -> dict[str, str]:
    """Write one file per model into a folder that appears only when all are on disk.

    Parameters
    ----------
    folder
        Folder of the files; files of an earlier, unfinished try are replaced.
    models
        Parameters by model name; names must be safe as file names.

    Returns
    -------
    SHA-256 of each file, by model name.

    """
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    hashes = {}
    for name, parameters in models.items():
        content = save(flat(parameters))
        (unfinished / f"{name}.safetensors").write_bytes(content)
        hashes[name] = hashlib.sha256(content).hexdigest()
    # One flush for all files: thousands of them would each wait for the disk.
    os.sync()
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)
    return hashes


def read_file(path: Path, sha256: str) -> dict[str, Any]:
    """Read the parameters back.

    Raises
    ------
    ModelFileError
        The file is missing, is not what was written, or is no safetensors file.

    """
    content = checked_content(path, sha256)
    try:
        return _nested(load(content))
    except SafetensorError as error:
        raise ModelFileError(f"the model file '{path.name}' is no safetensors file ({error})") from error


def checked_content(path: Path, sha256: str) -> bytes:
    """The bytes of a file, if they are those that were written.

    Raises
    ------
    ModelFileError
        The file is missing, or is not what was written.

    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"the model file '{path.name}' cannot be read ({error.strerror})") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ModelFileError(f"the model file '{path.name}' is damaged: its sha256 is not the recorded one")
    return content


def flat(parameters: dict[str, Any], prefix: str = "") -> dict[str, npt.NDArray[Any]]:
    """The arrays of nested dictionaries, by their paths."""
    found: dict[str, npt.NDArray[Any]] = {}
    for name, value in parameters.items():
        if isinstance(value, dict):
            found.update(flat(value, f"{prefix}{name}{_SEPARATOR}"))
        else:
            found[prefix + name] = np.asarray(value, order="C")
    return found


def _nested(flat: dict[str, npt.NDArray[Any]]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for path, value in flat.items():
        *folders, name = path.split(_SEPARATOR)
        place = nested
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = value
    return nested
