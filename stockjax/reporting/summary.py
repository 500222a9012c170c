"""What a person should know of a night within ten seconds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from stockjax.reporting.text import records

WINDOW = 63
"""Sessions that the summary looks back."""
ENOUGH = 20
"""Sessions below which the leaderboard gives no verdict."""

_VERDICTS = ("rmse_verdict", "pinball_verdict")
_AGAINST = {"better": "beat", "worse": "lose to", "tie": "tie with"}
_BY = {
    "nightly": "",
    "catchup": " (of nights that were caught up)",
    "backtest": " (of a backtest: too few nights have an outcome yet)",
}


@dataclass(frozen=True)
class Summary:
    """The figures on top of a report.

    Parameters
    ----------
    asked, forecast, fallbacks
        Tickers of the night, those with a forecast, and those of these that another model made.
    scored, closer_than_walk, better_than_har
        Tickers with outcomes in the last sessions, those with a lower RMSE than the random walk, and
        those with a lower pinball loss than HAR.
    board
        The LSTM's row of the leaderboard; None without any outcome.

    """

    asked: int
    forecast: int
    fallbacks: int
    scored: int
    closer_than_walk: int
    better_than_har: int
    board: dict[str, Any] | None

    @property
    def verdict(self) -> str:
        """One sentence on how good the forecasts have been."""
        row = self.board
        if row is None:
            return "No forecast has an outcome yet."
        if row["sessions"] < ENOUGH:
            return (
                f"Only {row['sessions']} sessions have an outcome{_BY[row['origin']]}; "
                f"a verdict takes {ENOUGH}."
            )
        points, intervals = (_AGAINST.get(row[name], "cannot be distinguished from") for name in _VERDICTS)
        return (
            f"Over the last {row['sessions']} sessions{_BY[row['origin']]}, points "
            f"{points} the random walk, intervals {intervals} HAR, and "
            f"{row['coverage_90']:.1%} of closes fell inside the 90% interval."
        )


def summary(
    tickers: Sequence[str], forecasts: pd.DataFrame, scores: pd.DataFrame, leaderboard: pd.DataFrame
) -> Summary:
    """Count what came of a night.

    Parameters
    ----------
    forecasts
        The LSTM's, one row per ticker.
    scores
        The LSTM's rolling metrics over `WINDOW` sessions, one row per ticker.
    leaderboard
        As of the session.

    """
    return Summary(
        asked=len(tickers),
        forecast=forecasts["ticker"].nunique(),
        fallbacks=int(forecasts["fallback"].notna().sum()),
        scored=len(scores),
        closer_than_walk=int((scores["rmse_skill"] > 0).sum()),
        better_than_har=int((scores["pinball_skill"] > 0).sum()),
        board=_board(leaderboard),
    )


def _board(leaderboard: pd.DataFrame) -> dict[str, Any] | None:
    """Nights count, as soon as enough of them have an outcome; else what has most sessions."""
    rows = leaderboard[(leaderboard["model"] == "lstm") & (leaderboard["window_sessions"] == WINDOW)]
    if rows.empty:
        return None
    nightly = (rows["origin"] == "nightly") & (rows["sessions"] >= ENOUGH)
    best = rows.assign(nightly=nightly).sort_values(["nightly", "sessions"], ascending=False).head(1)
    return records(best)[0]
