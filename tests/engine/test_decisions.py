"""What the log of a session names, and what it counts."""

from dataclasses import replace

import pytest

from stockjax.engine.decisions import MAX_NAMED, Decisions, StepLog, base_message, log_rejected, losses_text
from tests.support.synthetic import some_model

NAMES = [f"T{number:02d}" for number in range(12)]


@pytest.mark.parametrize(("count", "more"), [(9, False), (10, False), (11, True), (12, True)])
def test_ten_tickers_are_named_and_the_rest_is_hinted_at(count: int, more: bool) -> None:
    assert MAX_NAMED == 10
    log = StepLog()
    log_rejected([some_model(name, status="rejected") for name in NAMES[:count]], log)
    (line,) = log.lines
    assert line.startswith(
        f"{count} new models rejected, their champions stay: T00 (1.2500 against 1.5000), "
    )
    assert line.count("against") == min(count, 10)
    assert line.endswith(", …") == more
    summary = Decisions(rejected=tuple(NAMES[:count])).summary()
    named = ", ".join(NAMES[: min(count, 10)])
    assert f"{count} rejected ({named}{', …' if more else ''})" in summary


def test_models_that_passed_are_not_logged_as_rejected() -> None:
    log = StepLog()
    log_rejected([some_model("A"), some_model("B")], log)
    assert log.lines == []


def test_the_summary_counts_all_outcomes_and_the_time() -> None:
    decisions = Decisions(
        trained=("A", "B", "C"), promoted=("A", "B"), rejected=("C",), kept=4, fallbacks={"D": "base"}
    )
    assert decisions.summary(1.26) == (
        "models in 1.3 s: 3 trained, 2 promoted, 1 rejected (C), 4 kept, 1 by base or har (D)"
    )
    assert Decisions().summary() == "models: 0 trained, 0 promoted, 0 rejected, 0 kept, 0 by base or har"


def test_a_problem_of_the_base_needs_no_name() -> None:
    log = StepLog()
    log.problem("base", "it cannot be read")
    log.problem("A", "it is too old")
    assert log.lines == ["it cannot be read", "A: it is too old"]
    assert log.problems == {"base": "it cannot be read", "A": "it is too old"}


def test_a_base_tells_its_steps_and_losses() -> None:
    base = some_model(None)
    assert losses_text(base) == "1.2500"
    assert losses_text(replace(base, champion_loss=1.5)) == "1.2500 against 1.5000"
    assert base_message(base) == "base trained for 50 steps, loss 1.2500"
    untrained = replace(base, hyperparameters={"hidden": 4, "stopped_at": 0})
    assert base_message(untrained).startswith("base left untrained")
