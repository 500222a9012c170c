"""What a worker sets up, as far as it can be seen without a server; the rest is in `tests/e2e`."""

import sys
import tomllib
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prefect.automations import Automation
from prefect.events.actions import SendNotification
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows import worker

ROOT = Path(__file__).parents[2]
PREFECT_TOML = tomllib.loads((ROOT / "prefect.toml").read_text(encoding="utf-8"))


class Automations:
    """Those that a server has, and what was done to them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.known: list[Automation] = []
        self.done: list[str] = []

        def create(automation: Automation) -> Automation:
            self.done.append("create")
            self.known.append(as_the_server_has_it(automation))
            return automation

        def update(automation: Automation) -> None:
            self.done.append("update")
            (at,) = [number for number, each in enumerate(self.known) if each.id == automation.id]
            self.known[at] = as_the_server_has_it(automation)

        @contextmanager
        def client(sync_client: bool) -> Iterator[SimpleNamespace]:
            assert sync_client
            yield SimpleNamespace(
                read_automations_by_name=lambda name: [each for each in self.known if each.name == name],
                read_block_document_by_name=block_document,
            )

        def block_document(name: str, kind: str) -> SimpleNamespace:
            if (kind, name) != ("custom-webhook", "nights"):
                raise ObjectNotFound(ValueError(name))
            return SimpleNamespace(id=uuid.UUID(int=7))

        monkeypatch.setattr(Automation, "create", create)
        monkeypatch.setattr(Automation, "update", update)
        monkeypatch.setattr(worker, "get_client", client)


def as_the_server_has_it(automation: Automation) -> Automation:
    """Through JSON and back, with an id and with what the server adds."""
    lines = automation.model_dump(mode="json")
    lines["id"] = lines["id"] or "01234567-89ab-cdef-0123-456789abcdef"
    lines["trigger"]["expect"] = sorted(lines["trigger"]["expect"], reverse=True)
    return Automation.model_validate(lines)


@pytest.fixture
def automations(monkeypatch: pytest.MonkeyPatch) -> Automations:
    return Automations(monkeypatch)


def test_the_watch_for_dead_runs_is_made_once(automations: Automations) -> None:
    for _ in range(3):
        worker.watch_for_zombies()
    assert automations.done == ["create"]
    (made,) = automations.known
    assert made.name == worker.ZOMBIES
    assert made.enabled


def test_someone_is_reported_of_dead_runs_once_the_settings_name_a_block(
    automations: Automations, capsys: pytest.CaptureFixture[str]
) -> None:
    worker.watch_for_zombies("custom-webhook/nobody")
    (watch,) = automations.known
    assert [action.type for action in watch.actions] == ["change-flow-run-state"]
    assert "there is no block 'custom-webhook/nobody'" in capsys.readouterr().out
    for _ in range(2):
        worker.watch_for_zombies("custom-webhook/nights")
    (watch,) = automations.known
    _, lines = watch.actions
    assert isinstance(lines, SendNotification)
    assert lines.block_document_id == uuid.UUID(int=7)
    assert worker.GONE in lines.body
    assert worker.WHAT_TO_DO in lines.body
    assert automations.done == ["create", "update"]


@pytest.mark.parametrize(
    "changed",
    [
        {"description": "of an earlier release"},
        {"actions": []},
        {"within": timedelta(seconds=600)},
        {"expect": {"prefect.flow-run.heartbeat"}},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_watch_of_another_release_is_brought_up_to_date(
    automations: Automations, changed: dict[str, Any]
) -> None:
    worker.watch_for_zombies()
    wanted = automations.known[0]
    if "within" in changed or "expect" in changed:
        trigger = wanted.trigger.model_copy(update=changed)
        automations.known[0] = wanted.model_copy(update={"trigger": trigger})
    else:
        automations.known[0] = wanted.model_copy(update=changed)
    worker.watch_for_zombies()
    worker.watch_for_zombies()
    assert automations.done == ["create", "update"]
    assert automations.known == [wanted]


def test_a_run_is_dead_after_three_heartbeats() -> None:
    assert worker.SILENCE.total_seconds() == 3 * PREFECT_TOML["flows"]["heartbeat_frequency"]


def test_without_a_server_one_sentence_says_how_to_start_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "SERVER_TIMEOUT", 0.0)
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}), pytest.raises(SystemExit) as ended:
        worker.main()
    assert ended.value.code == (
        "no Prefect server answers at http://127.0.0.1:1/api; start one in another terminal: make server"
    )


def test_the_worker_waits_for_a_server_that_is_still_starting(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([False, False, False, True])
    slept: list[float] = []
    monkeypatch.setattr(worker, "answers", lambda api: next(answers))
    monkeypatch.setattr(worker.time, "sleep", slept.append)
    worker._wait_for_server()
    assert set(slept) == {1}
    assert next(answers, None) is None


def test_without_deployments_no_worker_starts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> None:
        sys.exit("prefect.yaml describes no deployments")

    def never(*_: object) -> None:
        raise AssertionError("no worker may start")

    monkeypatch.setattr(worker, "_wait_for_server", lambda: None)
    monkeypatch.setattr(worker, "make_pool", lambda: None)
    monkeypatch.setattr(worker, "deploy", refuse)
    monkeypatch.setattr(worker.os, "execv", never)
    with pytest.raises(SystemExit, match="describes no deployments"):
        worker.main()
    (deploying,) = capsys.readouterr().out.splitlines()
    assert deploying.startswith("deploying to the Prefect server at ")
