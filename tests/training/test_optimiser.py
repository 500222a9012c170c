"""The learning rate over the steps of a training."""

import numpy as np
import optax
import pytest

from stockjax.training.optimiser import base_optimiser


@pytest.mark.parametrize("steps", [1, 50, 350])
def test_the_rate_falls_along_a_cosine_over_the_steps_of_the_training(steps: int) -> None:
    """As that of optax, of which the steps are a constant; Adam's steps are as long as the rate."""
    optimiser = base_optimiser(0.01, 0.0, steps)
    parameters = {"kernel": np.zeros((1, 1), np.float32)}
    state = optimiser.init(parameters)
    expected = optax.cosine_decay_schedule(0.01, steps, alpha=0.05)
    for step in range(2 * steps):
        updates, state = optimiser.update({"kernel": np.full((1, 1), 0.5, np.float32)}, state, parameters)
        assert -float(updates["kernel"][0, 0]) == pytest.approx(float(expected(step)), rel=1e-3)
