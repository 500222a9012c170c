"""Everything a machine needs to carry out the deployments, then the worker itself.

Run again it changes nothing: pool, deployments and automation are brought to what is written here.
"""

import os
import subprocess
import sys
import time
from datetime import timedelta

from prefect import get_client
from prefect.automations import Automation
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.settings import PREFECT_API_URL

from flows.local_server import answers

POOL = "local"
ZOMBIES = "stockjax: runs without a heartbeat have crashed"
SILENCE = timedelta(seconds=90)
"""Three heartbeats; see `[flows] heartbeat_frequency` in prefect.toml."""

SERVER_TIMEOUT = 120.0
"""Seconds to wait for a server that is still starting."""


def main() -> None:
    """Wait for the server, deploy, and become the worker."""
    _wait_for_server()
    _prefect("work-pool", "create", POOL, "--type", "process", "--overwrite")
    _prefect("--no-prompt", "deploy", "--all")
    watch_for_zombies()
    os.execv(sys.executable, [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL])


def watch_for_zombies() -> None:
    """Have the server mark runs as crashed whose process has died with its worker.

    Nobody else would ever end them, and they would hold their place for good. An automation
    that is there as it should be is left alone: updated, it forgets whom it is watching.
    """
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
        actions=[
            ChangeFlowRunState(state=StateType.CRASHED, message="no heartbeat for 90 s: its process is gone")
        ],
    )
    with get_client(sync_client=True) as client:
        found = client.read_automations_by_name(ZOMBIES)
    if not found:
        wanted.create()
    elif _told(found[0]) != _told(wanted):
        wanted.id = found[0].id
        wanted.update()


def _told(automation: AutomationCore) -> tuple[object, ...]:
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


def _prefect(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", "prefect", *arguments], check=False)
    if done.returncode:
        sys.exit(f"prefect {' '.join(arguments)} failed; its message stands above")


if __name__ == "__main__":
    main()
