"""The optimiser and its one step, shared by the base and the tickers."""

from typing import cast

import jax
import jax.numpy as jnp
import optax

from stockjax.model.likelihood import masked_mean, student_t_loss
from stockjax.model.network import Parameters, apply_network

_CLIP = 1.0
_FINAL_RATE = 0.05


def mean_loss(parameters: Parameters, inputs: jax.Array, labels: jax.Array, known: jax.Array) -> jax.Array:
    """Mean Student-t loss of the known labels of a batch of windows, () in nats."""
    return masked_mean(student_t_loss(labels, *apply_network(parameters, inputs)), known)


def is_matrix(parameters: Parameters) -> Parameters:
    """Where weight decay applies: matrices, neither biases nor the tail."""
    mask: Parameters = jax.tree.map(lambda leaf: leaf.ndim == 2, parameters)
    return mask


def base_optimiser(
    rate: float | jax.Array, decay: float | jax.Array, steps: int | jax.Array
) -> optax.GradientTransformation:
    """AdamW on clipped gradients, the rate falling along a cosine over the steps.

    Rate, decay and steps may be arguments of a compiled program: one program then serves them all.
    Loshchilov and Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts (ICLR 2017), eq. 5, without
    restarts, and Decoupled Weight Decay Regularization (ICLR 2019).
    """

    # The schedule of optax checks its steps, and so takes no argument of a compiled program.
    def schedule(step: jax.typing.ArrayLike) -> jax.Array:
        share = jnp.minimum(jnp.asarray(step) / steps, 1.0)
        return rate * (_FINAL_RATE + (1 - _FINAL_RATE) * 0.5 * (1 + jnp.cos(jnp.pi * share)))

    return optax.chain(
        optax.clip_by_global_norm(_CLIP), optax.adamw(schedule, weight_decay=decay, mask=is_matrix)
    )


def ticker_optimiser(rate: float | jax.Array, decay: float | jax.Array) -> optax.GradientTransformation:
    """AdamW on clipped gradients, at one rate: a few steps have no use for a schedule.

    A ticker that has a base is regularised towards it instead (see `train_step`), at a decay of 0.
    """
    return optax.chain(
        optax.clip_by_global_norm(_CLIP), optax.adamw(rate, weight_decay=decay, mask=is_matrix)
    )


def train_step(
    optimiser: optax.GradientTransformation,
    parameters: Parameters,
    state: optax.OptState,
    batch: tuple[jax.Array, jax.Array, jax.Array],
    l2_sp_target: Parameters | None = None,
    l2_sp_weight: float = 0.0,
) -> tuple[Parameters, optax.OptState]:
    """One step down the gradient; with a target (L2-SP), ½·weight·|parameters - target|² is added.

    Li, Grandvalet and Davoine, Explicit Inductive Bias for Transfer Learning (ICML 2018).
    """
    gradients = jax.grad(mean_loss)(parameters, *batch)
    if l2_sp_target is not None:
        gradients = jax.tree.map(
            lambda slope, now, target: slope + jnp.float32(l2_sp_weight) * (now - target),
            gradients,
            parameters,
            l2_sp_target,
        )
    updates, state = optimiser.update(gradients, state, parameters)
    return cast(Parameters, optax.apply_updates(parameters, updates)), state
