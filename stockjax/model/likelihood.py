"""The Student-t likelihood that the network is fitted by."""

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaln


def student_t_loss(
    labels: jax.Array, location: jax.Array, log_scale: jax.Array, freedom: jax.Array
) -> jax.Array:
    """Negative log-likelihood of a located, scaled Student t, in nats.

    -ln p(y) = ln s + ln B + (ν+1)/2 · ln(1 + ((y-μ)/s)²/ν), with
    ln B = ln Γ(ν/2) - ln Γ((ν+1)/2) + ½ ln(νπ).
    Lange, Little and Taylor, Robust Statistical Modeling Using the t Distribution,
    JASA 84 (1989). `labels`, `location` and `log_scale` have one shape, also the result's;
    `freedom` is ().

    Example
    -------
    >>> loss = student_t_loss(jnp.zeros(1), jnp.zeros(1), jnp.zeros(1), jnp.asarray(5.0))
    >>> round(float(loss[0]), 3)
    0.969

    """
    distance = (labels - location) * jnp.exp(-log_scale)
    constant = gammaln(freedom / 2) - gammaln((freedom + 1) / 2) + 0.5 * jnp.log(freedom * jnp.pi)
    return log_scale + constant + (freedom + 1) / 2 * jnp.log1p(distance**2 / freedom)


def masked_mean(values: jax.Array, known: jax.Array) -> jax.Array:
    """Mean of `values` where `known` is true, both of one shape; 0 if nothing is known."""
    return jnp.sum(jnp.where(known, values, 0.0)) / jnp.maximum(jnp.sum(known, dtype=values.dtype), 1)
