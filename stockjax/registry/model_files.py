"""Parameter files: safetensors, written whole or not at all, checked when read."""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load, save

from stockjax.errors import ModelFileError

STACK = "stack-"
"""Begins the name of a file of several models."""

_SEPARATOR = "/"
_MODELS = "models"


@dataclass(frozen=True)
class WrittenModel:
    """Where the parameters of a model are.

    Attributes
    ----------
    name
        Name of the file in the folder of its batch.
    sha256
        Of the whole file.
    slice_sha256
        Of the model alone, as if it had a file of its own; None where it has one.

    """

    name: str
    sha256: str
    slice_sha256: str | None


def write_files(folder: Path, models: Mapping[str, dict[str, Any]]) -> dict[str, WrittenModel]:
    """Write models into a folder that appears only when all are on disk.

    Models of one structure, as the tickers of a night, share a file, in which each array has one more axis
    in front; a model that is alone of its kind has a file of its name.

    Parameters
    ----------
    folder
        Folder of the files; files of an earlier, unfinished try are replaced.
    models
        Parameters by model name; names must be safe as file names.

    Returns
    -------
    Where each model is, by its name.

    """
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    written: dict[str, WrittenModel] = {}
    for number, group in enumerate(_of_one_structure(models)):
        name = f"{STACK}{number}" if len(group) > 1 else next(iter(group))
        content = _stacked(group) if len(group) > 1 else save(next(iter(group.values())))
        (unfinished / f"{name}.safetensors").write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        for model_id, arrays in group.items():
            alone = fingerprint(arrays) if len(group) > 1 else None
            written[model_id] = WrittenModel(f"{name}.safetensors", digest, alone)
    # One flush for all files: each would wait for the disk.
    os.sync()
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)
    return written


def read_file(path: Path, sha256: str) -> dict[str, Any]:
    """Read the parameters of a model that has a file of its own.

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


class ModelStack:
    """A file of several models, of which only those are read that are asked for.

    Raises
    ------
    ModelFileError
        The file is missing, or is no file of several models.

    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = safe_open(path, framework="numpy")
            self._places = {
                name: place for place, name in enumerate(json.loads(self._file.metadata()[_MODELS]))
            }
            self._names = sorted(self._file.keys())
        except OSError as error:
            why = error.strerror or "there is no such file"
            raise ModelFileError(f"the model file '{path.name}' cannot be read ({why})") from error
        except (SafetensorError, TypeError, KeyError, ValueError) as error:
            raise ModelFileError(
                f"the model file '{path.name}' is damaged: it cannot be opened ({error})"
            ) from error

    def read(self, model_id: str, slice_sha256: str) -> dict[str, Any]:
        """Read the parameters of one model.

        Raises
        ------
        ModelFileError
            The file does not have the model as it was written.

        """
        place = self._places.get(model_id)
        try:
            arrays = (
                {}
                if place is None
                else {name: np.asarray(self._file.get_slice(name)[place]) for name in self._names}
            )
        except SafetensorError as error:
            raise ModelFileError(f"the model file '{self._path.name}' is damaged ({error})") from error
        if place is None or fingerprint(arrays) != slice_sha256:
            raise ModelFileError(
                f"the model file '{self._path.name}' is damaged: the sha256 of '{model_id}' in it is "
                "not the recorded one"
            )
        return _nested(arrays)


class OpenStacks:
    """The files of several models below a folder, each opened when it is first asked for.

    Parameters
    ----------
    folder
        What paths are relative to.

    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stacks: dict[str, ModelStack] = {}

    def read(self, path: str, model_id: str, slice_sha256: str) -> dict[str, Any]:
        """Read the parameters of one model.

        Raises
        ------
        ModelFileError
            The file is missing or damaged, or does not have the model as it was written.

        """
        if path not in self._stacks:
            self._stacks[path] = ModelStack(self._folder / path)
        return self._stacks[path].read(model_id, slice_sha256)


def fingerprint(arrays: Mapping[str, npt.NDArray[Any]]) -> str:
    """SHA-256 of the file that a model would have alone, in hexadecimal."""
    return hashlib.sha256(save(dict(arrays))).hexdigest()


def _of_one_structure(models: Mapping[str, dict[str, Any]]) -> list[dict[str, dict[str, npt.NDArray[Any]]]]:
    """The arrays of the models by their paths, apart where paths, shapes or types differ."""
    groups: dict[tuple[object, ...], dict[str, dict[str, npt.NDArray[Any]]]] = {}
    for model_id, parameters in models.items():
        arrays = flat(parameters)
        structure = tuple((name, each.shape, each.dtype.str) for name, each in sorted(arrays.items()))
        groups.setdefault(structure, {})[model_id] = arrays
    return list(groups.values())


def _stacked(group: Mapping[str, Mapping[str, npt.NDArray[Any]]]) -> bytes:
    names = next(iter(group.values()))
    together = {name: np.stack([arrays[name] for arrays in group.values()]) for name in names}
    return save(together, metadata={_MODELS: json.dumps(list(group))})


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
