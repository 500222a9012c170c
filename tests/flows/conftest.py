"""Flows run for real, against a temporary Prefect database."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="package")
def prefect_server() -> Iterator[None]:
    """One server for all tests of flows."""
    # It imports the whole server, which only the process that runs these tests needs.
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield
