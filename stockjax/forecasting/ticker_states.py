"""Which tickers can be forecast tonight, and why the others cannot."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import pandas as pd

from stockjax.errors import HistoryMismatchError, UnknownTickerError
from stockjax.features import PricePanel
from stockjax.sessions import Exchange
from stockjax.settings import HistorySettings


@dataclass(frozen=True)
class TickerState:
    """A row of `tickers`: state, and the reason where there is something to say.

    Attributes
    ----------
    behind
        Completed sessions of its exchange without a price after its last one; None without any price.

    """

    ticker: str
    state: str
    reason: str | None
    first_session: date | None
    last_session: date | None
    sessions: int
    behind: int | None

    @property
    def can_forecast(self) -> bool:
        """Whether its history reaches up to tonight and far enough back."""
        return self.state == "active" and self.behind == 0


def ticker_states(
    history: PricePanel,
    as_of: Mapping[str, date],
    exchanges: Mapping[str, Exchange],
    failures: Mapping[str, Exception],
    needs: HistorySettings,
) -> list[TickerState]:
    """Judge every ticker by the sessions stored up to tonight; one state each.

    Parameters
    ----------
    as_of, exchanges
        By ticker: the last completed session, and the calendar that it is of.
    failures
        What the source said of tickers that it could not deliver.

    """
    return [
        _judge(history, row, as_of[ticker], exchanges[ticker], failures.get(ticker), needs)
        for row, ticker in enumerate(history.tickers)
    ]


def states_table(states: list[TickerState]) -> pd.DataFrame:
    """The states as rows of `tickers`, without exchange and source."""
    frame = pd.DataFrame(
        {
            "ticker": [state.ticker for state in states],
            "state": [state.state for state in states],
            "reason": [state.reason for state in states],
            "first_session": _days([state.first_session for state in states]),
            "last_session": _days([state.last_session for state in states]),
            "sessions": [state.sessions for state in states],
            "sessions_behind": pd.array([state.behind for state in states], dtype="Int64"),
        }
    )
    return frame.astype({"ticker": str, "reason": str})


def _days(values: list[date | None]) -> pd.Series:
    return pd.Series(values, dtype=object).astype("datetime64[s]")


def _judge(
    history: PricePanel,
    row: int,
    as_of: date,
    exchange: Exchange,
    failure: Exception | None,
    needs: HistorySettings,
) -> TickerState:
    length = int(history.lengths[row])
    first = history.sessions[row, 0].item() if length else None
    last = history.sessions[row, length - 1].item() if length else None
    behind = len(exchange.sessions(last, as_of)) - exchange.is_session(last) if last else None
    state, reason = _state_and_reason(length, last, behind or 0, failure, needs)
    return TickerState(history.tickers[row], state, reason, first, last, length, behind)


def _state_and_reason(
    length: int, last: date | None, behind: int, failure: Exception | None, needs: HistorySettings
) -> tuple[str, str | None]:
    if length == 0:
        return "failed", str(failure) if failure else "every row of it was refused; see quarantine"
    if isinstance(failure, HistoryMismatchError):
        return "failed", str(failure)
    if behind:
        reason = f"its last price is of {last}, {behind} session(s) ago" + (f"; {failure}" if failure else "")
        return _state_behind(behind, failure, needs), reason
    return _state_of_fresh(length, needs)


def _state_behind(behind: int, failure: Exception | None, needs: HistorySettings) -> str:
    """The state of a ticker that lacks the newest sessions: one or two may be a halt in trading."""
    if behind < needs.stale_sessions:
        return "active"
    if behind >= needs.delisted_sessions or isinstance(failure, UnknownTickerError):
        return "delisted"
    return "stale"


def _state_of_fresh(length: int, needs: HistorySettings) -> tuple[str, str | None]:
    if length < needs.forecast_sessions:
        return "too_short", f"{length} sessions; a forecast needs {needs.forecast_sessions}"
    if length < needs.training_sessions:
        return "active", (
            f"{length} sessions: forecast from the base model; "
            f"training of its own needs {needs.training_sessions}"
        )
    return "active", None
