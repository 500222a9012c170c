"""What the end-to-end tests share: compiled programs, a server, a worker, and where alerts arrive."""

import os
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.served import PYTHON, Receiver, Server

ALERTS = {"STOCKJAX_ALERTS__BLOCK": "custom-webhook/nights"}
KILLS = int(os.environ.get("KILLS") or 4)


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of compiled programs of all processes that these tests start."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "programs"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory, programs: Path) -> Iterator[Server]:
    """A server as `make server` starts it."""
    served = Server(tmp_path_factory.mktemp("served"), programs)
    try:
        served.start()
        yield served
    finally:
        served.end_everything()


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
