"""What the end-to-end tests share: a server, a worker, runs that begin prepared, and where alerts arrive."""

import os
import textwrap
from collections.abc import Iterator

import pytest

from tests.support.served import PYTHON, Receiver, Server

ALERTS = {"STOCKJAX_ALERTS__BLOCK": "custom-webhook/nights"}
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
    process = server.begin("worker", PYTHON, "-m", "flows.worker", **ALERTS)
    try:
        process.wait_to_say("started!")
        yield server
    finally:
        process.kill()
