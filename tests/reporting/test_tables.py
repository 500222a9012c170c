import io
from datetime import UTC, date, datetime

import pandas as pd
import pytest
from rich.console import Console, RenderableType

from stockjax.reporting.tables import (
    MAX_ROWS,
    backtest_table,
    forecast_table,
    score_table,
    status_table,
)
from stockjax.warehouse import Warehouse
from stockjax.warehouse.records import replace_tickers
from tests.support.report_rows import DAYS, fill


def shown(table: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=160, color_system=None)
    console.print(table)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def line_of(text: str, ticker: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if f" {ticker} " in line]
    return line.replace("│", " ").split()


def asked(warehouse: Warehouse, sql: str) -> pd.DataFrame:
    with warehouse.read() as connection:
        return connection.execute(sql).df()


def test_forecasts_are_shown_for_their_session(warehouse: Warehouse) -> None:
    fill(warehouse, ("AAPL", "IBM"), replayed=2)
    text = shown(forecast_table(warehouse, ["AAPL", "IBM"]))
    assert "Forecast close for 2013-03-04" in text
    rows = asked(warehouse, "FROM latest_forecasts WHERE model = 'lstm'").set_index("ticker")
    for ticker in ("AAPL", "IBM"):
        row = rows.loc[ticker]
        assert line_of(text, ticker) == [
            ticker,
            f"{row['basis_close']:.2f}",
            f"{row['predicted_close']:.2f}",
            *(f"{row['q25']:.2f}", "…", f"{row['q75']:.2f}"),
            *(f"{row['q05']:.2f}", "…", f"{row['q95']:.2f}"),
            f"{row['scale']:.2%}",
        ]


def test_only_tickers_that_are_asked_for_are_shown(warehouse: Warehouse) -> None:
    fill(warehouse, ("AAPL", "IBM"), replayed=2)
    assert "IBM" not in shown(forecast_table(warehouse, ["AAPL"]))
    assert "IBM" not in shown(score_table(warehouse, ["AAPL"]))


def test_scores_are_those_of_the_newest_63_sessions(warehouse: Warehouse) -> None:
    fill(warehouse, ("AAPL",), replayed=80)
    rows = asked(
        warehouse,
        "FROM rolling_metrics WHERE window_sessions = 63 AND session = DATE '2013-03-01'",
    ).set_index("model")
    lstm = rows.loc["lstm"]
    assert line_of(shown(score_table(warehouse, ["AAPL"])), "AAPL") == [
        "AAPL",
        "63",
        f"{lstm['rmse']:.3f}",
        f"{rows.loc['random_walk', 'rmse']:.3f}",
        f"{lstm['rmse_skill']:+.2%}",
        f"{lstm['mae_skill']:+.2%}",
        f"{lstm['pinball_skill']:+.2%}",
        f"{lstm['coverage_50']:.0%}",
        f"{lstm['coverage_90']:.0%}",
    ]


def test_a_session_that_was_missed_does_not_freeze_the_scores(warehouse: Warehouse) -> None:
    """The newest window has 62 forecasts, an older one 63: the newest is shown all the same."""
    fill(warehouse, ("AAPL",), replayed=80)
    missed = DAYS[-10].item()
    with warehouse.write() as connection:
        connection.execute("DELETE FROM rolling_metrics")
        connection.execute("DELETE FROM forecasts WHERE as_of = ?", [missed])
        connection.execute("INSERT INTO unscored SELECT ticker, min(session) FROM prices GROUP BY ticker")
    from stockjax.scoring import refresh_rolling_metrics

    refresh_rolling_metrics(warehouse)
    newest = asked(
        warehouse,
        "FROM rolling_metrics WHERE window_sessions = 63 AND model = 'lstm' AND session = DATE '2013-03-01'",
    ).iloc[0]
    assert newest["n"] == 62
    line = line_of(shown(score_table(warehouse, ["AAPL"])), "AAPL")
    assert line[:3] == ["AAPL", "62", f"{newest['rmse']:.3f}"]


def test_no_forecasts_make_an_empty_table(warehouse: Warehouse) -> None:
    assert "no session" in shown(forecast_table(warehouse, ["AAPL"]))
    assert "AAPL" not in shown(score_table(warehouse, ["AAPL"]))


def test_more_tickers_than_fit_are_counted(warehouse: Warehouse) -> None:
    tickers = tuple(f"T{number:03}" for number in range(MAX_ROWS + 3))
    fill(warehouse, tickers, replayed=1)
    for table in (forecast_table(warehouse, tickers), score_table(warehouse, tickers)):
        text = shown(table)
        assert "T039" in text
        assert "T040" not in text
        assert "and 3 more" in text


@pytest.mark.parametrize("name", ["[red]X", "[/]", "[link=http://x]Y[/link]", "<script>alert(1)</script>"])
def test_a_ticker_is_shown_as_it_is_spelt(warehouse: Warehouse, name: str) -> None:
    fill(warehouse, (name,), replayed=70)
    assert f" {name} " in shown(forecast_table(warehouse, [name]))
    assert f" {name} " in shown(score_table(warehouse, [name]))


class TestStatus:
    def fill(self, warehouse: Warehouse) -> None:
        states = pd.DataFrame(
            {
                "ticker": ["AAPL", "OLD", "[b]M&M[/b]"],
                "exchange": ["XNYS", "XLON", "XNSE"],
                "exchange_from": "default",
                "source": "files",
                "state": ["active", "stale", "failed"],
                "reason": [
                    None,
                    "its last price is of 2013-02-20, 6 session(s) ago",
                    "there is no such symbol",
                ],
                "first_session": pd.to_datetime(["2000-03-01", "2010-01-04", None]),
                "last_session": pd.to_datetime(["2013-03-01", "2013-02-20", None]),
                "sessions": [3270, 790, 0],
                "sessions_behind": pd.array([0, 6, None], dtype="Int64"),
            }
        )
        replace_tickers(warehouse, states, run_id="run-1", moment=datetime(2013, 3, 1, 22, tzinfo=UTC))

    def test_every_ticker_has_a_line_and_what_needs_a_look_comes_first(self, warehouse: Warehouse) -> None:
        self.fill(warehouse)
        text = shown(status_table(warehouse, []))
        assert "Tickers: " in text
        assert "1 active" in text
        assert text.index("[b]M&M[/b]") < text.index("OLD") < text.index("AAPL")
        assert line_of(text, "AAPL") == ["AAPL", "active", "XNYS", "files", "2013-03-01", "0", "–"]
        assert line_of(text, "OLD")[-3:] == ["2013-02-20", "6", "–"]
        assert "OLD: its last price is of 2013-02-20, 6 session(s) ago" in text

    def test_it_can_be_narrowed_to_tickers_and_to_a_state(self, warehouse: Warehouse) -> None:
        self.fill(warehouse)
        assert "OLD" not in shown(status_table(warehouse, ["AAPL"]))
        narrowed = shown(status_table(warehouse, [], "stale"))
        assert "OLD" in narrowed
        assert "AAPL" not in narrowed

    def test_an_empty_warehouse_has_no_tickers(self, warehouse: Warehouse) -> None:
        assert "Tickers: no tickers" in shown(status_table(warehouse, []))

    def test_no_ticker_is_left_out_however_many_there_are(self, warehouse: Warehouse) -> None:
        count = MAX_ROWS + 5
        many = pd.DataFrame(
            {
                "ticker": [f"T{number:03d}" for number in range(count)],
                "exchange": "XNYS",
                "exchange_from": "default",
                "source": "files",
                "state": "active",
                "reason": pd.Series([None] * count, dtype=str),
                "first_session": pd.Timestamp("2010-01-04"),
                "last_session": pd.Timestamp("2013-03-01"),
                "sessions": 790,
                "sessions_behind": 0,
            }
        )
        replace_tickers(warehouse, many, run_id="run-1", moment=datetime(2013, 3, 1, 22, tzinfo=UTC))
        assert shown(status_table(warehouse, [])).count("│ T") == count


def test_a_backtest_is_shown_within_80_columns(warehouse: Warehouse) -> None:
    fill(warehouse, ("AAPL", "IBM"), replayed=5)
    console = Console(file=io.StringIO(), width=80, color_system=None)
    console.print(backtest_table(warehouse, date(2013, 1, 2), date(2013, 3, 1), []))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "…" not in text
    for model in ("lstm", "har", "ewma", "random_walk"):
        assert text.count(f"│ {model} ") == 3


def test_a_backtest_without_outcomes_says_so(warehouse: Warehouse) -> None:
    assert "no forecast of that range" in shown(
        backtest_table(warehouse, date(2013, 1, 2), date(2013, 3, 1), [])
    )
