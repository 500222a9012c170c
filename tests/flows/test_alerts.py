"""What is sent, to whom, and that nothing comes of it where it cannot be sent."""

import logging
import uuid
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from prefect.client.schemas.objects import FlowRun, State
from prefect.flows import Flow
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_LOGGING_TO_API_ENABLED,
    PREFECT_UI_URL,
    temporary_settings,
)
from prefect.states import Crashed, Failed

from flows import alerts
from flows.alerts import WHAT_TO_DO, alert, alert_of_failure
from flows.backtest import backtest
from flows.forecast import forecast
from stockjax.settings import load_settings

BLOCK = "custom-webhook/nights"
RUN = uuid.UUID("01234567-89ab-cdef-0123-456789abcdef")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Messages, by the block that they went through; only one block is known."""
    messages: list[dict[str, Any]] = []

    def load(name: str) -> SimpleNamespace:
        if name != BLOCK:
            raise ValueError(f"Unable to find block document named {name}")
        return SimpleNamespace(
            notify=lambda body, subject: messages.append({"body": body, "subject": subject})
        )

    monkeypatch.setattr(alerts.Block, "load", load)
    return messages


def lines(monkeypatch: pytest.MonkeyPatch, block: str | None) -> None:
    if block:
        monkeypatch.setenv("STOCKJAX_ALERTS__BLOCK", block)


def test_a_message_carries_the_address_of_the_page(sent: list[dict[str, Any]]) -> None:
    settings = load_settings(alerts={"block": BLOCK})
    with temporary_settings({PREFECT_API_URL: "http://10.0.0.7:4200/api"}):
        assert alert(settings, "a night", "something failed", RUN) is None
    assert sent == [
        {
            "subject": "a night",
            "body": f"something failed\n\nhttp://10.0.0.7:4200/runs/flow-run/{RUN}",
        }
    ]
    with temporary_settings({PREFECT_UI_URL: "https://nights.example.com"}):
        alert(settings, "a night", "something failed", RUN)
    assert sent[1]["body"].endswith(f"\n\nhttps://nights.example.com/runs/flow-run/{RUN}")


def test_without_a_block_no_one_is_reported_and_nothing_is_wrong(sent: list[dict[str, Any]]) -> None:
    assert alert(load_settings(), "a night", "something failed", RUN) is None
    assert sent == []


def test_a_block_that_does_not_exist_is_one_sentence(sent: list[dict[str, Any]]) -> None:
    settings = load_settings(alerts={"block": "slack-webhook/nobody"})
    assert alert(settings, "a night", "something failed", RUN) == (
        "the alert through 'slack-webhook/nobody' was not sent "
        "(Unable to find block document named slack-webhook/nobody); look at that block"
    )
    assert sent == []


@pytest.mark.parametrize(
    "error",
    [RuntimeError("HTTP 503"), TimeoutError("10 s"), OSError(111, "Connection refused"), KeyError("url")],
)
def test_a_service_that_fails_is_one_sentence(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def notify(body: str, subject: str) -> None:
        raise error

    monkeypatch.setattr(alerts.Block, "load", lambda name: SimpleNamespace(notify=notify))
    problem = alert(load_settings(alerts={"block": BLOCK}), "a night", "something failed", RUN)
    assert problem == f"the alert through '{BLOCK}' was not sent ({error}); look at that block"


def run_of(flow: Flow[Any, Any], **parameters: Any) -> FlowRun:
    return FlowRun(id=RUN, flow_id=uuid.uuid4(), name="odd-otter", parameters=parameters)


@pytest.mark.parametrize(
    ("flow", "state"),
    [(forecast, Failed(message="0 of 5 tickers")), (backtest, Crashed(message="exit code -9"))],
)
def test_a_hook_tells_what_failed_why_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch, sent: list[dict[str, Any]], flow: Flow[Any, Any], state: State[Any]
) -> None:
    lines(monkeypatch, BLOCK)
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}):
        alert_of_failure(flow, run_of(flow, tickers=["IBM"], source="sample", as_of=None), state)
    assert sent == [
        {
            "subject": f"stockjax: {flow.name} {state.name}",
            # There is no server to ask for a better name.
            "body": f"odd-otter: {state.message}\n\n{WHAT_TO_DO}\n\nhttp://127.0.0.1:1/runs/flow-run/{RUN}",
        }
    ]


def test_a_hook_outside_of_any_run_names_the_block_that_failed(
    monkeypatch: pytest.MonkeyPatch, sent: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    """As a worker calls it, for a run whose process has died."""
    lines(monkeypatch, "slack-webhook/nobody")
    monkeypatch.setattr(logging.getLogger("prefect"), "propagate", True)
    nowhere = {PREFECT_API_URL: "http://127.0.0.1:1/api", PREFECT_LOGGING_TO_API_ENABLED: False}
    with temporary_settings(nowhere), caplog.at_level(logging.INFO):
        alert_of_failure(forecast, run_of(forecast), Crashed(message="exit code -9"))
    assert sent == []
    assert "the alert through 'slack-webhook/nobody' was not sent" in caplog.text


def test_a_hook_of_a_run_whose_settings_are_wrong_is_silent(
    monkeypatch: pytest.MonkeyPatch, sent: list[dict[str, Any]]
) -> None:
    lines(monkeypatch, BLOCK)
    alert_of_failure(forecast, run_of(forecast, source="bloomberg"), Failed(message="'source'"))
    assert sent == []


@pytest.mark.parametrize("flow", [forecast, backtest], ids=lambda flow: str(flow.name))
def test_flows_have_the_hook_for_failures_and_crashes(flow: Flow[Any, Any]) -> None:
    hooks: list[Callable[..., Any]] = [*(flow.on_failure_hooks or []), *(flow.on_crashed_hooks or [])]
    assert hooks == [alert_of_failure, alert_of_failure]
