"""Flows run for real, against a temporary Prefect database."""

import os
from collections.abc import Iterator

import pytest

from tests.support.served import STARTUP

QUIET = {
    "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_ENABLED": "false",
}
"""These tests look at runs, not at events and automations, which take a tenth of their time."""


@pytest.fixture(scope="package")
def prefect_server() -> Iterator[None]:
    """One server for all tests of flows."""
    # It imports the whole server, which only the process that runs these tests needs.
    from prefect.testing.utilities import prefect_test_harness

    with pytest.MonkeyPatch.context() as patch:
        for name, value in QUIET.items():
            patch.setenv(name, value)
        patch.setenv("PYTHONPATH", str(STARTUP), prepend=os.pathsep)
        with prefect_test_harness(server_startup_timeout=120):
            yield
