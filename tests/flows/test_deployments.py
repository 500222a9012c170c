"""Deployments are as `prefect.yaml` describes them, but for what is switched on or off in the UI."""

import copy
import importlib
import shutil
import uuid
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from prefect.client.schemas.filters import DeploymentFilter
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.flows import Flow

from flows import deployments
from flows.deployments import DESCRIBED, deploy, with_switches
from flows.worker import POOL

ROOT = Path(__file__).parents[2]
PREFECT_YAML = yaml.safe_load((ROOT / DESCRIBED).read_text(encoding="utf-8"))


def of_server(name: str, **changed: Any) -> DeploymentResponse:
    """A deployment as a server has it that has been deployed from `prefect.yaml`."""
    (described,) = [each for each in PREFECT_YAML["deployments"] if each["name"] == name]
    schedules = [
        DeploymentSchedule(
            slug=schedule["slug"], active=schedule["active"], schedule=CronSchedule(cron=schedule["cron"])
        )
        for schedule in described.get("schedules", [])
    ]
    known = {"name": name, "entrypoint": described["entrypoint"], "schedules": schedules, "paused": False}
    return DeploymentResponse(id=uuid.uuid4(), flow_id=uuid.uuid4(), **known | changed)


def switched_over(found: DeploymentResponse) -> DeploymentResponse:
    for schedule in found.schedules:
        schedule.active = not schedule.active
    return found


def described(name: str, content: dict[str, Any]) -> dict[str, Any]:
    (found,) = [each for each in content["deployments"] if each["name"] == name]
    return dict(found)


def test_a_server_without_deployments_gets_them_as_described() -> None:
    assert with_switches(PREFECT_YAML, []) == (PREFECT_YAML, [])


def test_a_server_on_which_no_one_has_touched_a_switch_gets_them_as_described() -> None:
    names = [each["name"] for each in PREFECT_YAML["deployments"]]
    content, lines = with_switches(PREFECT_YAML, [of_server(name) for name in names])
    assert lines == []
    assert all(each.pop("paused") is False for each in content["deployments"])
    assert content == PREFECT_YAML


def test_what_is_paused_or_activated_in_the_ui_stays_and_nothing_else_changes() -> None:
    before = copy.deepcopy(PREFECT_YAML)
    known = [
        of_server("daily", paused=True),
        switched_over(of_server("weekly")),
        switched_over(of_server("before-asia")),
    ]
    content, lines = with_switches(PREFECT_YAML, known)
    assert lines == [
        "the deployment 'daily' stays paused, as set in the UI",
        "the schedule 'after-the-close-in-asia' of 'before-asia' stays active, as set in the UI",
        "the schedule 'saturday-morning' of 'weekly' stays inactive, as set in the UI",
    ]
    assert before == PREFECT_YAML
    for each in (before, content):
        for name, active in (("weekly", False), ("before-asia", True)):
            described(name, each)["schedules"][0]["active"] = active
        for deployment in each["deployments"]:
            deployment.pop("paused", None)
    assert content == before


def test_a_schedule_that_the_server_does_not_know_is_as_described() -> None:
    renamed = copy.deepcopy(PREFECT_YAML)
    described("weekly", renamed)["schedules"][0]["slug"] = "sunday-morning"
    content, lines = with_switches(renamed, [switched_over(of_server("weekly"))])
    assert lines == []
    assert described("weekly", content)["schedules"] == described("weekly", renamed)["schedules"]


def test_a_schedule_without_a_slug_is_as_described() -> None:
    nameless = copy.deepcopy(PREFECT_YAML)
    del described("weekly", nameless)["schedules"][0]["slug"]
    content, lines = with_switches(nameless, [switched_over(of_server("weekly"))])
    assert lines == []
    assert described("weekly", content)["schedules"][0]["active"] is True


def test_a_deployment_of_the_same_name_that_runs_something_else_is_another() -> None:
    other = of_server("daily", paused=True, entrypoint="mine.py:daily")
    assert with_switches(PREFECT_YAML, [other]) == (PREFECT_YAML, [])


def test_one_that_is_described_as_paused_and_resumed_in_the_ui_stays_active() -> None:
    quiet = copy.deepcopy(PREFECT_YAML)
    quiet["deployments"][0]["paused"] = True
    content, lines = with_switches(quiet, [of_server("daily")])
    assert described("daily", content)["paused"] is False
    assert lines == ["the deployment 'daily' stays active, as set in the UI"]


def test_what_is_not_described_is_not_made_up() -> None:
    content, _ = with_switches(PREFECT_YAML, [of_server("walk-forward")])
    assert described("walk-forward", content) == described("walk-forward", PREFECT_YAML) | {"paused": False}


def test_schedules_that_are_left_empty_stay_so() -> None:
    bare = copy.deepcopy(PREFECT_YAML)
    bare["deployments"][0]["schedules"] = None
    content, _ = with_switches(bare, [of_server("daily")])
    assert described("daily", content)["schedules"] is None


class Prefect:
    """A server with a paused deployment, and a command `prefect deploy` that keeps what it is given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.deployed: list[dict[str, Any]] = []
        self.refuses = False
        client = SimpleNamespace(read_deployments=self.read)
        monkeypatch.setattr(deployments, "get_client", lambda *, sync_client: nullcontext(client))
        monkeypatch.setattr(deployments.subprocess, "run", self.run)

    def read(self, deployment_filter: DeploymentFilter) -> list[DeploymentResponse]:
        assert deployment_filter.name is not None
        assert deployment_filter.name.any_ == [each["name"] for each in PREFECT_YAML["deployments"]]
        return [of_server("daily", paused=True)]

    def run(self, arguments: list[str], check: bool, **_: object) -> SimpleNamespace:
        assert not check
        assert arguments[1:-1] == ["-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file"]
        self.deployed.append(yaml.safe_load(Path(arguments[-1]).read_text(encoding="utf-8")))
        return SimpleNamespace(returncode=int(self.refuses), stdout="no such pool")


@pytest.fixture
def prefect(monkeypatch: pytest.MonkeyPatch) -> Prefect:
    return Prefect(monkeypatch)


def test_the_switches_are_deployed_with_all_the_rest(
    prefect: Prefect, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(ROOT / DESCRIBED, tmp_path)
    deploy()
    (content,) = prefect.deployed
    assert described("daily", content) == described("daily", PREFECT_YAML) | {"paused": True}
    assert content | {"deployments": 0} == PREFECT_YAML | {"deployments": 0}
    assert capsys.readouterr().out == "the deployment 'daily' stays paused, as set in the UI\n"


def test_where_prefect_refuses_its_message_is_printed(
    prefect: Prefect, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prefect.refuses = True
    shutil.copy(ROOT / DESCRIBED, tmp_path)
    with pytest.raises(SystemExit, match=r"^prefect deploy failed; its message stands above$"):
        deploy()
    assert capsys.readouterr().out == "no such pool\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"cannot be read \(.*No such file.*\)"),
        (b"deployments: [", r"cannot be read \(while parsing .*\)"),
        (b"\xff\xfe\x00", r"cannot be read \(.*\)"),
        (b"", "describes no deployments"),
        (b"deployments: daily", "describes no deployments"),
        (b"deployments: [daily]", "describes no deployments"),
    ],
)
def test_a_description_that_cannot_be_read_is_refused_in_a_sentence(
    prefect: Prefect, tmp_path: Path, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / DESCRIBED).write_bytes(content)
    with pytest.raises(SystemExit, match=rf"^prefect\.yaml {message}; .*restore it from git$"):
        deploy()
    assert prefect.deployed == []


@pytest.mark.parametrize("deployment", PREFECT_YAML["deployments"], ids=lambda lines: str(lines["name"]))
def test_a_deployment_is_of_a_flow_that_is_there_and_runs_alone_in_the_pool(
    deployment: dict[str, Any],
) -> None:
    path, _, name = deployment["entrypoint"].partition(":")
    assert (ROOT / path).is_file()
    flow = getattr(importlib.import_module(path.removesuffix(".py").replace("/", ".")), name)
    assert isinstance(flow, Flow)
    assert deployment["work_pool"] == {"name": POOL}
    assert deployment["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}
    assert deployment["description"]
    parameters = flow.parameters.model_dump()["properties"]
    assert {key for key, lines in parameters.items() if not lines.get("description")} == set()
