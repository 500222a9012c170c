"""Losses on the newest sessions, which training has left out: what a challenger is judged by."""

import jax
import numpy as np
import numpy.typing as npt

from stockjax.features import Features
from stockjax.model.likelihood import student_t_loss
from stockjax.model.network import Parameters
from stockjax.training.adapter import design, predict_distribution
from stockjax.training.windows import BURN_IN, LABELS_PER_WINDOW, contiguous_windows

GATE_SESSIONS = LABELS_PER_WINDOW
"""Sessions at the end of every history that neither a ticker's network nor the holdout network of a base is
fitted to or chosen by."""


@jax.jit
def _losses(
    networks: Parameters,
    center: jax.Array,
    spread: jax.Array,
    weights: jax.Array,
    inputs: jax.Array,
    labels: jax.Array,
) -> jax.Array:
    location, log_scale, freedom = predict_distribution(networks, inputs)
    corrected = log_scale + (design(inputs, center, spread) @ weights).reshape(log_scale.shape)
    return student_t_loss(labels, location, corrected, freedom)[0, BURN_IN:]


def gate_losses(
    networks: Parameters,
    center: npt.NDArray[np.float32],
    spread: npt.NDArray[np.float32],
    weights: npt.NDArray[np.float32],
    features: Features,
    row: int,
    length: int,
) -> npt.NDArray[np.float64]:
    """Losses of a ticker's last sessions in nats, (GATE_SESSIONS,); NaN where no outcome is known.

    Infinite where the network has no number.
    That of the forecast as it is made: location, log-scale and tail averaged over the seeds, and the
    log-scale corrected. The same compiled program for every ticker.

    Parameters
    ----------
    networks
        Stacked over seeds.
    center, spread, weights
        The correction of the log-scale; see `adapter.fit_adapter`.
    features, row, length
        The universe, the ticker's row in it and its number of sessions.

    """
    windows = contiguous_windows(features, row, length - GATE_SESSIONS, length)
    losses = np.asarray(_losses(networks, center, spread, weights, windows.inputs, windows.labels))
    found = np.nan_to_num(losses.astype(np.float64), nan=np.inf, posinf=np.inf)
    return np.where(windows.known[0, BURN_IN:], found, np.nan)
