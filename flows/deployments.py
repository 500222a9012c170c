"""Deploys what `prefect.yaml` describes; what a person has switched on or off in the UI stays as it is."""

import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from prefect import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName
from prefect.client.schemas.responses import DeploymentResponse

DESCRIBED = Path("prefect.yaml")
"""Relative, as the entry points in it are: `make worker` works in their folder."""


def deploy() -> None:
    """Have the server know the deployments of `prefect.yaml`, and print what differs from it.

    Raises
    ------
    SystemExit
        `prefect.yaml` cannot be read, or Prefect refused, whose message is printed.

    """
    described = _described()
    # By name: of all that a server has it gives two hundred at most.
    names = DeploymentFilterName(any_=[str(each.get("name")) for each in described["deployments"]])
    with get_client(sync_client=True) as client:
        known = client.read_deployments(deployment_filter=DeploymentFilter(name=names))
    described, lines = with_switches(described, known)
    # The switches are deployed with the rest: set afterwards, they are lost if this process is killed.
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, DESCRIBED.name)
        file.write_text(yaml.safe_dump(described, allow_unicode=True, sort_keys=False), encoding="utf-8")
        _prefect_deploy(file)
    for line in lines:
        print(line, flush=True)


def with_switches(
    described: dict[str, Any], known: Iterable[DeploymentResponse]
) -> tuple[dict[str, Any], list[str]]:
    """Describe deployments with the switches that the server has for them.

    A deployment can be paused, and each of its schedules can be active or not. What the server does not
    know yet, a deployment or a schedule of another slug, is as described.

    Parameters
    ----------
    described
        The content of `prefect.yaml`.
    known
        Deployments of the server; one counts as the described one if name and entrypoint are the same.

    Returns
    -------
    The content with `paused` and `active` as the server has them, and a sentence for each that differs.

    """
    servers = {(each.name, each.entrypoint): each for each in known}
    deployments, lines = [], []
    for deployment in described["deployments"]:
        name = deployment.get("name")
        found = servers.get((name, deployment.get("entrypoint")))
        if found is None:
            deployments.append(deployment)
            continue
        if found.paused != deployment.get("paused", False):
            state = "paused" if found.paused else "active"
            lines.append(f"the deployment '{name}' stays {state}, as set in the UI")
        kept = {**deployment, "paused": found.paused}
        if deployment.get("schedules"):
            kept["schedules"], changed = _with_active(deployment["schedules"], found)
            lines += [
                f"the schedule '{slug}' of '{name}' stays {state}, as set in the UI"
                for slug, state in changed
            ]
        deployments.append(kept)
    return {**described, "deployments": deployments}, lines


def _described() -> dict[str, Any]:
    try:
        content = yaml.safe_load(DESCRIBED.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        sys.exit(
            f"{DESCRIBED} cannot be read ({' '.join(str(error).split())}); correct it, or restore it from git"
        )
    deployments = content.get("deployments") if isinstance(content, dict) else None
    if not isinstance(deployments, list) or not all(isinstance(each, dict) for each in deployments):
        sys.exit(f"{DESCRIBED} describes no deployments; restore it from git")
    return dict(content)


def _with_active(
    schedules: list[dict[str, Any]], found: DeploymentResponse
) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    """The schedules, active as the server has them; the slug and state of those that differ."""
    servers = {schedule.slug: schedule.active for schedule in found.schedules if schedule.slug}
    kept, changed = [], []
    for schedule in schedules:
        slug = str(schedule.get("slug") or "")
        described = schedule.get("active", True)
        active = servers.get(slug, described)
        if active != described:
            changed.append((slug, "active" if active else "inactive"))
        kept.append({**schedule, "active": active})
    return kept, changed


def _prefect_deploy(file: Path) -> None:
    # What it prints is about commands that `make worker` makes needless.
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(file)],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        print(done.stdout, flush=True)
        sys.exit("prefect deploy failed; its message stands above")
