"""What the end-to-end tests share: a server, a worker, runs that begin prepared, and where alerts arrive."""

import os
import textwrap
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.support.served import PYTHON, Receiver, Server, until

ALERTS = {"STOCKJAX_ALERTS__BLOCK": "custom-webhook/nights"}
SCHEDULED = (9, 18)
"""Hours at which schedules of prefect.yaml begin a run, in New York."""
KILLS = int(os.environ.get("KILLS") or 3)


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server as `make server` starts it."""
    served = Server(tmp_path_factory.mktemp("served"))
    try:
        served.start()
        yield served
    finally:
        served.end_everything()


@pytest.fixture(scope="package")
def ready(server: Server) -> Iterator[Server]:
    """The same server, and a process that has loaded what runs need, from which they are forked."""
    # Prefect closes all log handlers where it is imported, and with absl's the file that pytest captures
    # into, unless pytest is capturing: not so while it loads this file.
    from tests.support.prepared import prepared

    with prepared(server):
        yield server


@pytest.fixture(scope="package")
def receiver(server: Server) -> Iterator[Receiver]:
    """Where alerts through the block `custom-webhook/nights` arrive."""
    with Receiver() as listening:
        make_block(server, listening)
        yield listening


def make_block(server: Server, listening: Receiver) -> None:
    """Save the block `custom-webhook/nights`, as docs/operations.md has it."""
    made = server.run(
        PYTHON,
        "-c",
        textwrap.dedent(f"""
            from prefect.blocks.notifications import CustomWebhookNotificationBlock

            CustomWebhookNotificationBlock(
                name="nights",
                url="{listening.url}",
                json_data={{"subject": "{{{{subject}}}}", "body": "{{{{body}}}}"}},
                allow_private_urls=True,
            ).save("nights")
        """),
    )
    assert made.returncode == 0, made.stderr


@pytest.fixture(scope="module")
def worker(server: Server, receiver: Receiver) -> Iterator[Server]:
    """The same server, with the deployments and a worker as `make worker` makes and starts them."""
    del receiver
    until(lambda: not schedule_is_near(), "the moment of a schedule to be over", timeout=600)
    process = server.begin("worker", PYTHON, "-m", "flows.worker", **ALERTS)
    try:
        process.wait_to_say("started!")
        pause_schedules(server)
        yield server
    finally:
        process.kill()


def pause_schedules(server: Server) -> None:
    """Have no run begin by itself, which would write into the warehouse of the tests."""
    for deployment in server.post("deployments/filter"):
        server.post(f"deployments/{deployment['id']}/pause_deployment")


def schedule_is_near() -> bool:
    """Whether the moment of prefect.yaml might come before its schedules are paused."""
    now = datetime.now(ZoneInfo("America/New_York"))
    return (now + timedelta(minutes=5)).hour in SCHEDULED and not 1 <= now.minute < 55
