"""A trained network and everything that made it what it is."""

import hashlib
import json
import math
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np

from stockjax.errors import TrainingFailedError
from stockjax.registry.model_files import flat

Role = Literal["base", "ticker"]
Status = Literal["champion", "challenger", "retired", "rejected"]


HOLDOUT_NETWORK = "twin"
"""The key of the holdout network in the files of every release."""

PARTS = {"network", "adapter", "residuals"}
"""What the parameters of every model consist of."""


@dataclass(frozen=True)
class Model:
    """A row of `models` together with its parameters.

    Attributes
    ----------
    parameters
        Nested dictionaries of arrays: `network`, its leaves stacked over seeds; `adapter`, the
        ticker's correction of the log-scale (weights, center, spread); and `residuals`, the
        quantiles of the residuals, by which location and scale become a distribution. A base
        may have a holdout network (key HOLDOUT_NETWORK), with which it is compared.
    hyperparameters
        The arguments of training and the step it stopped at; plain JSON values.
    parent_id
        Model that training started from.
    replayed
        Whether it was trained by a backtest, and is never active.
    activated_on
        The first day of the forecasts that it was manually promoted for; None where it
        came into force by its training.

    """

    role: Role
    ticker: str | None
    trained_through: date
    parameters: dict[str, Any]
    hyperparameters: dict[str, Any]
    validation_loss: float
    champion_loss: float | None
    seed: int
    data_hash: str
    code_version: str
    parent_id: str | None
    status: Status = "champion"
    replayed: bool = False
    activated_on: date | None = None

    @property
    def model_id(self) -> str:
        """The role and 16 hex digits over all that determines the parameters."""
        identity = [
            self.role,
            self.ticker,
            self.trained_through.isoformat(),
            self.hyperparameters,
            self.seed,
            self.data_hash,
            self.code_version,
            self.parent_id,
        ]
        digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
        return f"{self.role}-{digest[:16]}"

    def check_numbers(self) -> None:
        """See that every parameter and loss is a finite number, and that the residuals' quantiles ascend.

        Raises
        ------
        TrainingFailedError
            The sentence names the first that is not.

        """
        for name, array in flat(self.parameters).items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise TrainingFailedError(f"training ended with {name} not finite")
        if not (np.diff(self.parameters["residuals"]) > 0).all():
            raise TrainingFailedError("training ended with residual quantiles that do not ascend")
        losses = {"validation_loss": self.validation_loss, "champion_loss": self.champion_loss}
        for name, loss in losses.items():
            if loss is not None and not math.isfinite(loss):
                raise TrainingFailedError(f"training ended with {name} not finite")
