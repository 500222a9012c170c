"""The sentence and the figures on top of a report."""

from typing import Any

import pandas as pd
import pytest

from stockjax.reporting.summary import Summary, summary

ROW = {
    "model": "lstm",
    "origin": "nightly",
    "window_sessions": 63,
    "sessions": 63,
    "rmse_verdict": "tie",
    "pinball_verdict": "better",
    "coverage_90": 0.9043,
}
INSIDE = "90.4% of closes fell inside the 90% interval."


def said(**changes: Any) -> str:
    return Summary(5, 5, 0, 5, 3, 4, {**ROW, **changes}).verdict


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {},
            f"Over the last 63 sessions, points tie with the random walk, intervals beat HAR, and {INSIDE}",
        ),
        (
            {"origin": "backtest", "rmse_verdict": "worse", "pinball_verdict": "tie"},
            "Over the last 63 sessions (of a backtest: too few nights have an outcome yet), "
            f"points lose to the random walk, intervals tie with HAR, and {INSIDE}",
        ),
        (
            {"sessions": 12, "rmse_verdict": "too few", "pinball_verdict": "too few"},
            "Only 12 sessions have an outcome; a verdict takes 20.",
        ),
    ],
)
def test_the_verdict_is_a_sentence(changes: dict[str, Any], sentence: str) -> None:
    assert said(**changes) == sentence


def test_without_outcomes_there_is_no_verdict() -> None:
    assert Summary(5, 5, 0, 0, 0, 0, None).verdict == "No forecast has an outcome yet."


def board(*rows: dict[str, Any]) -> dict[str, Any] | None:
    forecasts = pd.DataFrame({"ticker": ["A", "B"], "fallback": [None, "base"]})
    scores = pd.DataFrame({"rmse_skill": [0.1, -0.1, None], "pinball_skill": [0.1, 0.2, 0.0]})
    lines = summary(
        ["A", "B", "C"], forecasts, scores, pd.DataFrame([ROW | row for row in rows], columns=list(ROW))
    )
    assert (lines.asked, lines.forecast, lines.fallbacks, lines.scored) == (3, 2, 1, 3)
    assert (lines.closer_than_walk, lines.better_than_har) == (1, 2)
    return lines.board


def test_nights_count_before_backtests_as_soon_as_there_are_enough() -> None:
    replayed = {"origin": "backtest"}
    found = board({"sessions": 20}, replayed, {"window_sessions": 21}, {"model": "har"})
    assert found
    assert (found["origin"], found["window_sessions"], found["model"]) == ("nightly", 63, "lstm")
    found = board({"sessions": 19}, replayed)
    assert found
    assert found["origin"] == "backtest"
    assert board() is None
