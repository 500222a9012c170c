"""What the machine and its variables do to the programs."""

import os
import subprocess
import sys

import jax
import pytest

from stockjax.errors import UsageError
from stockjax.training.compilation import check_device


def test_programs_are_of_32_bits_whatever_the_environment_says() -> None:
    code = "import stockjax.model, jax.numpy as jnp; print(jnp.zeros(1, float).dtype)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"JAX_ENABLE_X64": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "float32"


def test_a_device_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise AssertionError

    monkeypatch.setattr(jax, "devices", fail)
    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    with pytest.raises(UsageError, match=r"JAX cannot use 'cuda' on this machine \(AssertionError\)"):
        check_device()
