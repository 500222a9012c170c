"""Losses on the newest sessions, which training has left out: what a challenger is judged by."""

import jax
import numpy as np
import numpy.typing as npt

from stockjax.features import Features
from stockjax.model.likelihood import student_t_loss
from stockjax.model.network import Parameters
from stockjax.training.adapter import PastPrediction, design, fit_adapter, predict_distribution
from stockjax.training.windows import BURN_IN, LABELS_PER_WINDOW, contiguous_windows

GATE_SESSIONS = LABELS_PER_WINDOW
"""Sessions at the end of every history that neither a ticker's network nor the holdout network of a base is
fitted to or chosen by."""


def _corrected_losses(
    location: jax.Array,
    log_scale: jax.Array,
    freedom: jax.Array,
    inputs: jax.Array,
    labels: jax.Array,
    center: jax.Array,
    spread: jax.Array,
    weights: jax.Array,
) -> jax.Array:
    """(LABELS_PER_WINDOW,) of the last window."""
    corrected = log_scale[-1] + design(inputs[-1], center, spread) @ weights
    return student_t_loss(labels[-1], location[-1], corrected, freedom)[BURN_IN:]


_losses_of_prediction = jax.jit(_corrected_losses)


@jax.jit
def _losses(
    networks: Parameters,
    center: jax.Array,
    spread: jax.Array,
    weights: jax.Array,
    inputs: jax.Array,
    labels: jax.Array,
) -> jax.Array:
    predicted = predict_distribution(networks, inputs)
    return _corrected_losses(*predicted, inputs, labels, center, spread, weights)


def held_out_losses(
    seen: PastPrediction, center: npt.NDArray[np.float32], spread: npt.NDArray[np.float32]
) -> npt.NDArray[np.float64]:
    """As `gate_losses`, from predictions; the correction is fitted without these sessions.

    Parameters
    ----------
    center, spread
        (features,) of `adapter.standardisation`.

    """
    weights = fit_adapter(seen, center, spread, held_out=True)
    predicted = (seen.location, seen.log_scale, seen.freedom)
    windows = seen.windows
    losses = _losses_of_prediction(*predicted, windows.inputs, windows.labels, center, spread, weights)
    return _where_known(losses, windows.known)


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
    losses = _losses(networks, center, spread, weights, windows.inputs, windows.labels)
    return _where_known(losses, windows.known)


def _where_known(losses: jax.Array, known: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Infinite where there is no number, NaN where no outcome is known."""
    found = np.nan_to_num(np.asarray(losses, dtype=np.float64), nan=np.inf, posinf=np.inf)
    return np.where(known[-1, BURN_IN:], found, np.nan)
