"""The table of rolling errors, kept up with what has closed."""

from collections.abc import Generator, Iterable, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from stockjax.warehouse import Warehouse
from stockjax.warehouse.statements import statement

METRIC_WINDOWS = (21, 63, 252)
"""Lengths of the rolling windows, in sessions, unless the settings have others."""

FEW_SESSIONS = 3
"""Up to so many new sessions are scored one by one, all tickers at once."""

# Window functions keep all rows in memory; a statement for few rows takes as long to plan as one for many.
_TICKERS_TOGETHER, _SESSIONS_TOGETHER = 20, 50_000
"""So many tickers are scored together, and more as long as they have no more sessions in all."""


def refresh_rolling_metrics(warehouse: Warehouse, windows: Iterable[int] = METRIC_WINDOWS) -> int:
    """Score what has changed since the last time, and nothing else.

    Prices and forecasts that are stored mark their tickers in `unscored`, in the same transaction: an
    outcome, a late one, a restatement, a forecast of the past. From the first session that is
    marked, all sessions of that ticker are scored again. Sums are of fixed-point numbers, so
    that the result is that of scoring everything again, to the last bit. The price of that: squared
    errors of money are multiples of 2^-70 of the ticker's first close squared, and each counts as
    2^43 of it at most. Prices that fell or rose a million times are within that; those of a
    ticker that is beyond make its own `rmse` rough, and no one else's.

    Parameters
    ----------
    windows
        Lengths of the rolling windows, in sessions; if they are others than the last time,
        everything is scored again.

    Returns
    -------
    How many rows of `rolling_metrics` were written.

    """
    lengths = sorted(set(windows))
    with warehouse.write() as connection:
        known = [row[0] for row in connection.execute(statement("score_windows")).fetchall()]
        if known != lengths:
            connection.execute(statement("mark_all_unscored"))
            connection.execute(statement("delete_metric_windows"))
            connection.execute(statement("insert_metric_windows"), {"windows": lengths})
        return _Refresh(connection, lengths).run()


class _Refresh:
    """One transaction that brings the table up to date."""

    def __init__(self, connection: Any, windows: Sequence[int]) -> None:
        self._connection = connection
        self._windows = list(windows)
        # 252 sessions of an exchange are 366 days; a ticker with longer gaps is scored the other way.
        self._days = windows[-1] * 8 // 5 + 40

    def run(self) -> int:
        """Score what is due; returns how many rows were written."""
        first = self._one("first_unscored")
        if first is None:
            return 0
        floor = max(first, date.min + timedelta(days=self._days)) - timedelta(days=self._days)
        spans = {"longest": self._windows[-1] + FEW_SESSIONS, "days": self._days, "floor": floor}
        self._connection.execute(statement("stage_due_scores"), spans)
        first_start = {"floor": self._one("first_start")}
        self._connection.execute(statement("delete_late_outcomes"))
        self._connection.execute(statement("insert_late_outcomes"), first_start)
        for name in ("delete_rolling_metrics", "delete_unit_changes"):
            self._connection.execute(statement(name))
        self._connection.execute(statement("insert_unit_changes"), first_start)
        for name in ("score_macros", "score_terms"):
            self._connection.execute(statement(name))
        due = self._connection.execute(statement("due_tickers"), {"few": FEW_SESSIONS}).fetchall()
        written = self._at_the_end([row for row in due if row[3]])
        written += self._histories(
            [(ticker, count) for ticker, _, count, at_the_end in due if not at_the_end]
        )
        self._connection.execute(statement("clear_unscored"))
        return written

    def _one(self, name: str) -> Any:
        return self._connection.execute(statement(name)).fetchall()[0][0]

    def _at_the_end(self, due: Sequence[tuple[str, date, int, bool]]) -> int:
        """Score the newest sessions of tickers, those with the same newest one together."""
        written = 0
        for newest, same in groupby(sorted(due, key=lambda row: (row[1], row[0])), key=lambda row: row[1]):
            sessions = {ticker: count for ticker, _, count, _ in same}
            after = newest - timedelta(days=self._days)
            for behind in reversed(range(FEW_SESSIONS)):
                tickers = [name for name in sessions if sessions[name] > behind]
                if tickers:
                    spans = {"after": after, "first": self._first_forecast(after, newest), "behind": behind}
                    written += self._sum("sum_scores_of_session", sorted(tickers), **spans)
        return written

    def _first_forecast(self, after: date, until: date) -> date:
        asked = {"after": after, "until": until}
        found: date = self._connection.execute(statement("first_forecast"), asked).fetchall()[0][0]
        return found

    def _histories(self, due: Sequence[tuple[str, int]]) -> int:
        """Score tickers from their first session due on, some at a time."""
        return sum(self._sum("sum_scores_of_history", part) for part in _parts(due))

    def _sum(self, name: str, tickers: Sequence[str], **others: Any) -> int:
        asked = {"tickers": list(tickers), "windows": self._windows, **others}
        self._connection.execute(statement(name), asked)
        return int(self._connection.execute(statement("insert_rolling_metrics")).fetchall()[0][0])


def _parts(due: Iterable[tuple[str, int]]) -> Generator[list[str]]:
    """Tickers, each with its number of sessions, parted into those that are scored together."""
    part: list[str] = []
    sessions = 0
    for ticker, count in due:
        if len(part) >= _TICKERS_TOGETHER and sessions + count > _SESSIONS_TOGETHER:
            yield part
            part, sessions = [], 0
        part.append(ticker)
        sessions += count
    if part:
        yield part
