"""What the file of a model must hold."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from stockjax.errors import ModelFileError
from stockjax.registry.model import HOLDOUT_NETWORK
from stockjax.registry.model_files import flat

LEVELS = 5
OUTPUTS = 2
GATES = 4
"""Quantiles of the residuals; location and log-scale; the gates of an LSTM."""


def check_arrays(parameters: dict[str, Any], hyperparameters: Mapping[str, Any], name: str) -> None:
    """Hold names, shapes and types of the arrays against the network that the hyperparameters tell of.

    Raises
    ------
    ModelFileError
        The file is of another architecture, or of another release; the sentence names the array.

    """
    found = flat(parameters)
    expected = _layout(*_sizes(found, hyperparameters), holdout=HOLDOUT_NETWORK in parameters)
    for what, difference in (("lacks", expected.keys() - found), ("has", found.keys() - expected)):
        if difference:
            raise ModelFileError(
                f"the model file '{name}' is of another release of stockjax: "
                f"it {what} {', '.join(sorted(difference))}"
            )
    for place, (shape, kind) in expected.items():
        array = found[place]
        if array.shape != shape or array.dtype != kind:
            raise ModelFileError(
                f"the model file '{name}' is of another architecture: {place} is {array.dtype} of shape "
                f"{array.shape}, not {np.dtype(kind)} of shape {shape}"
            )


def _sizes(there: Mapping[str, npt.NDArray[Any]], hyperparameters: Mapping[str, Any]) -> tuple[int, int, int]:
    """Seeds, features and width; what old rows do not tell is taken from the file itself."""
    return (
        hyperparameters.get("seeds") or _first(there, "network/tail", 0),
        hyperparameters.get("features") or _first(there, "adapter/center", 0),
        hyperparameters.get("hidden") or _first(there, "network/head/kernel", 1),
    )


@cache
def _layout(
    seeds: int, features: int, hidden: int, *, holdout: bool
) -> dict[str, tuple[tuple[int, ...], npt.DTypeLike]]:
    """Shape and type of every array."""
    network: dict[str, tuple[int, ...]] = {
        "head/bias": (OUTPUTS,),
        "head/kernel": (hidden, OUTPUTS),
        "lstm/from_input/bias": (GATES * hidden,),
        "lstm/from_input/kernel": (features, GATES * hidden),
        "lstm/from_state/kernel": (hidden, GATES * hidden),
        "skip/kernel": (features, OUTPUTS),
        "tail": (),
    }
    adapter = {"weights": (features + 1,), "center": (features,), "spread": (features,)}
    return {
        **{f"network/{name}": ((seeds, *shape), np.float32) for name, shape in network.items()},
        **{
            f"{HOLDOUT_NETWORK}/{name}": ((1, *shape), np.float32)
            for name, shape in network.items()
            if holdout
        },
        **{f"adapter/{name}": (shape, np.float32) for name, shape in adapter.items()},
        "residuals": ((LEVELS,), np.float64),
    }


def _first(there: Mapping[str, npt.NDArray[Any]], name: str, axis: int) -> int:
    array = there.get(name)
    return int(array.shape[axis]) if array is not None and array.ndim > axis else 0
