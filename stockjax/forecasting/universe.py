"""Which tickers can be forecast tonight, and why the others cannot."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import pandas as pd

from stockjax.features import History
from stockjax.settings import HistorySettings


@dataclass(frozen=True)
class TickerState:
    """A row of `tickers`: state, and the reason where there is something to say."""

    ticker: str
    state: str
    reason: str | None
    first_session: date | None
    last_session: date | None
    sessions: int

    @property
    def can_forecast(self) -> bool:
        """Whether its history reaches up to tonight and far enough back."""
        return self.state == "active"


def ticker_states(
    history: History, as_of: date, failures: Mapping[str, Exception], needs: HistorySettings
) -> list[TickerState]:
    """Judge every ticker by the sessions stored up to `as_of`; one state each.

    Parameters
    ----------
    failures
        What the source said of tickers that it could not deliver.

    """
    return [
        _judge(history, row, as_of, failures.get(ticker), needs) for row, ticker in enumerate(history.tickers)
    ]


def states_table(states: list[TickerState], exchange_code: str) -> pd.DataFrame:
    """The states as rows of `tickers`."""
    frame = pd.DataFrame(
        {
            "ticker": [state.ticker for state in states],
            "exchange": exchange_code,
            "state": [state.state for state in states],
            "reason": [state.reason for state in states],
            "first_session": _days([state.first_session for state in states]),
            "last_session": _days([state.last_session for state in states]),
            "sessions": [state.sessions for state in states],
        }
    )
    return frame.astype({"ticker": str, "reason": str})


def _days(values: list[date | None]) -> pd.Series:
    return pd.Series(values, dtype=object).astype("datetime64[s]")


def _judge(
    history: History, row: int, as_of: date, failure: Exception | None, needs: HistorySettings
) -> TickerState:
    length = int(history.lengths[row])
    first = history.sessions[row, 0].item() if length else None
    last = history.sessions[row, length - 1].item() if length else None
    if length == 0:
        state, reason = "failed", str(failure) if failure else "every row of it was refused; see quarantine"
    elif last != as_of:
        state, reason = "stale", f"its last price is of {last}" + (f"; {failure}" if failure else "")
    elif length < needs.forecast_sessions:
        state, reason = "too_short", f"{length} sessions; a forecast needs {needs.forecast_sessions}"
    elif length < needs.training_sessions:
        state, reason = (
            "active",
            (
                f"{length} sessions: forecast from the base model; "
                f"training of its own needs {needs.training_sessions}"
            ),
        )
    else:
        state, reason = "active", None
    return TickerState(history.tickers[row], state, reason, first, last, length)
