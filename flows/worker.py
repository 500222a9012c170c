"""Everything a machine needs to carry out the deployments, then the worker itself.

Run again it changes nothing: pool, deployments and automation are brought to what is written here, but for
what a person has paused or activated in the UI.
"""

import os
import sys
import time
from datetime import timedelta

from prefect import get_client
from prefect.automations import Automation
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ActionTypes, ChangeFlowRunState, SendNotification
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL
from prefect.workers.process import ProcessWorker

from flows.alerts import WHAT_TO_DO
from flows.deployments import deploy
from flows.local_server import answers
from stockjax.settings import load_settings

POOL = "local"
ZOMBIES = "stockjax: runs without a heartbeat have crashed"
SILENCE = timedelta(seconds=90)
"""Three heartbeats; see `[flows] heartbeat_frequency` in prefect.toml."""

GONE = "no heartbeat for 90 s: its process is gone"
"""Why such a run has crashed."""

SERVER_TIMEOUT = 120.0
"""Seconds to wait for a server that is still starting."""


def main() -> None:
    """Wait for the server, deploy, and become the worker."""
    _wait_for_server()
    print(f"deploying to the Prefect server at {PREFECT_API_URL.value()}", flush=True)
    make_pool()
    deploy()
    watch_for_zombies(load_settings().alerts.block)
    print("deployed: forecast/daily, forecast/before-asia, tune/weekly, backtest/walk-forward", flush=True)
    os.execv(sys.executable, [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL])


def make_pool() -> None:
    """Have the server keep a pool whose workers run flows as processes of their machine."""
    pool = WorkPoolCreate(
        name=POOL,
        type=ProcessWorker.type,
        base_job_template=ProcessWorker.get_default_base_job_template(),
    )
    with get_client(sync_client=True) as client:
        client.create_work_pool(pool, overwrite=True)


def watch_for_zombies(block: str | None = None) -> None:
    """Have the server mark runs as crashed whose process has died with its worker, and tell of it.

    Nothing else would end them, and they would keep their concurrency slot. An automation
    that is there as it should be is left alone: updated, it forgets whom it is watching.

    Parameters
    ----------
    block
        Notification block, as in the setting `alerts.block`.

    """
    actions: list[ActionTypes] = [ChangeFlowRunState(state=StateType.CRASHED, message=GONE)]
    if block and (notification := _notification(block)):
        actions.append(notification)
    wanted = Automation(
        name=ZOMBIES,
        description="A run that was under way and says nothing any more has lost its process.",
        trigger=EventTrigger(
            after={"prefect.flow-run.heartbeat"},
            expect={
                "prefect.flow-run.heartbeat",
                "prefect.flow-run.Completed",
                "prefect.flow-run.Failed",
                "prefect.flow-run.Cancelled",
                "prefect.flow-run.Crashed",
            },
            match={"prefect.resource.id": ["prefect.flow-run.*"]},
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=SILENCE,
        ),
        actions=actions,
    )
    with get_client(sync_client=True) as client:
        found = client.read_automations_by_name(ZOMBIES)
    if not found:
        wanted.create()
    elif _content(found[0]) != _content(wanted):
        wanted.id = found[0].id
        wanted.update()


def _notification(block: str) -> SendNotification | None:
    """The server's own message: no process of ours is left to send one."""
    kind, _, name = block.partition("/")
    with get_client(sync_client=True) as client:
        try:
            found = client.read_block_document_by_name(name, kind)
        except ObjectNotFound:
            print(f"there is no block '{block}' (setting alerts.block): dead runs raise no alert", flush=True)
            return None
    return SendNotification(
        block_document_id=found.id,
        subject="stockjax: {{ flow.name }} Crashed",
        body="{{ flow_run.name }}: " + f"{GONE}\n\n{WHAT_TO_DO}\n\n" + "{{ flow_run|ui_url }}",
    )


def _content(automation: AutomationCore) -> tuple[object, ...]:
    """What an automation does, without what the server adds to it."""
    trigger = automation.trigger.model_dump(include={"after", "expect", "posture", "threshold", "within"})
    return trigger, automation.actions, automation.description


def _wait_for_server() -> None:
    api = str(PREFECT_API_URL.value())
    give_up = time.monotonic() + SERVER_TIMEOUT
    if not answers(api):
        print(f"waiting for a Prefect server at {api}", flush=True)
    while not answers(api):
        if time.monotonic() > give_up:
            sys.exit(f"no Prefect server answers at {api}; start one in another terminal: make server")
        time.sleep(1)


if __name__ == "__main__":
    main()
