from collections.abc import Iterator

import jax
import pytest

OPTAX = ("test_base_model", "test_ticker_model", "test_compilation", "test_gate_holdout", "test_optimiser")
"""What trains: optax promotes the count of its steps."""


@pytest.fixture(autouse=True)
def strict_dtypes(request: pytest.FixtureRequest) -> Iterator[None]:
    strict = request.module.__name__.rpartition(".")[2] not in OPTAX
    with jax.numpy_dtype_promotion("strict" if strict else "standard"):
        yield
