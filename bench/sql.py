"""Time what analysts ask, and what nights write, in a ledger of 3,000 tickers × 2,500 sessions × 4 models."""

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from stockjax.scoring.rolling import METRIC_WINDOWS, _Refresh
from stockjax.sessions import exchange
from stockjax.warehouse import Warehouse
from stockjax.warehouse.clustering import cluster_by_ticker

LIMITS = {"memory_limit": "4GB", "threads": 2}
TOGETHER = 125
"""Sessions that are made up in one statement."""

PRICES = """
INSERT INTO prices BY NAME
SELECT ticker, session, close AS open, close * 1.01 AS high, close * 0.99 AS low, close,
    round(close * 0.8, 6) AS adj_close, 1e6 AS volume, 0.0 AS dividend, 1.0 AS split,
    'bench' AS source, TIMESTAMP '2024-01-01' AS fetched_at, 'bench' AS run_id
FROM (
    SELECT 'T' || lpad(t::VARCHAR, 4, '0') AS ticker, session,
        round(40 + 20 * sin(place / 90.0 + t) + hash(place, t) % 10000 / 10000.0, 4) AS close
    FROM range($tickers) AS r(t), days
    WHERE place >= $first AND place < $last
)
ORDER BY session, ticker
"""
FORECASTS = """
INSERT INTO forecasts BY NAME
WITH drawn AS (
    SELECT ticker, prices.session AS as_of, after.session AS target, close, model, k,
        (k = 1)::INTEGER * 0.002 * (hash(ticker, days.place) % 1000003 / 1000003.0 - 0.5) AS median,
        0.01 + 0.02 * (hash(k, days.place, ticker) % 1000003 / 1000003.0) AS scale
    FROM prices
    JOIN days USING (session)
    JOIN days AS after ON after.place = days.place + 1,
        (VALUES ('lstm', 1), ('random_walk', 2), ('ewma', 3), ('har', 4)) AS models(model, k)
    WHERE days.place >= $first AND days.place < $last
)
SELECT ticker, as_of, target, model, CASE WHEN k = 1 THEN 'lstm-' || ticker || as_of END AS model_id,
    'nightly' AS origin, close AS basis_close, close * exp(median) AS predicted_close,
    median AS predicted_return, scale,
    close * exp(median - 1.6 * scale) AS q05, close * exp(median - 0.6 * scale) AS q25,
    close * exp(median) AS q50, close * exp(median + 0.6 * scale) AS q75,
    close * exp(median + 1.6 * scale) AS q95, left(md5(ticker || as_of), 16) AS data_hash,
    '0.1.0' AS code_version, 'run-' || as_of AS run_id, as_of + INTERVAL 22 HOUR AS created_at
FROM drawn
ORDER BY as_of, ticker, model
"""
METRICS = """
INSERT INTO rolling_metrics BY NAME
SELECT ticker, model, origin, target AS session, w AS window_sessions, w AS n,
    scale AS rmse, scale * 0.7 AS mae, scale / 50 AS mape, scale AS return_rmse,
    scale * 0.7 AS return_mae, 0.0 AS rmse_skill, 0.0 AS mae_skill, 0.5 AS direction,
    scale / 3 AS pinball, 0.01 AS pinball_skill, 0.5 AS coverage_50, 0.9 AS coverage_90,
    scale / 1.5 AS crps, scale * 4 AS winkler_90, scale * 3.2 AS width_90
FROM forecasts, (VALUES (21), (63), (252)) AS windows(w)
WHERE as_of > $first::DATE AND target < $last::DATE
ORDER BY target, ticker, model, w
"""
TICKER = "SELECT * FROM scored_forecasts WHERE ticker = 'T0234' AND model = 'lstm'"


class Limited(Warehouse):
    """A warehouse that may use so much memory and so many threads."""

    @contextmanager
    def _connection(self) -> Any:
        with super()._connection() as connection:
            for name, value in LIMITS.items():
                connection.execute(f"SET {name} = $value", {"value": value})
            yield connection


def make(warehouse: Limited, tickers: int, sessions: int, metric_sessions: int) -> np.ndarray:
    """Fill it as nights do, session by session; the newest session has no price yet."""
    days = exchange("XNYS").sessions(date(2000, 1, 3), date(2024, 6, 28))[-sessions - 1 :]
    warehouse.migrate()
    with warehouse._alone(), warehouse._connection() as connection:
        places = pd.DataFrame({"session": days.astype("datetime64[s]"), "place": range(len(days))})
        connection.register("given", places)
        connection.execute("CREATE TEMP TABLE days AS SELECT session::DATE AS session, place FROM given")
        for first in range(0, sessions, TOGETHER):
            asked = {"first": first, "last": min(first + TOGETHER, sessions)}
            connection.execute(PRICES, {**asked, "tickers": tickers})
            connection.execute(FORECASTS, asked)
        old = {"first": days[-metric_sessions - 2].item(), "last": days[-2].item()}
        connection.execute(METRICS, old)
        connection.execute(
            "INSERT INTO newest_forecasts FROM forecasts WHERE as_of = (SELECT max(as_of) FROM forecasts)"
        )
        connection.execute(
            "INSERT INTO unscored SELECT DISTINCT ticker, $day::DATE FROM prices", {"day": days[-2].item()}
        )
        connection.execute(
            "INSERT INTO unit_changes SELECT ticker, min(session), -3.5 FROM prices GROUP BY ticker"
        )
    return days


def price_of_tonight(connection: Any, days: np.ndarray, tickers: int, place: int) -> None:
    """The outcome of the newest forecasts, marked as storing prices marks it."""
    connection.register("given", pd.DataFrame({"session": [pd.Timestamp(days[place])], "place": [place]}))
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE days AS SELECT session::DATE AS session, place FROM given"
    )
    connection.execute(PRICES, {"first": place, "last": place + 1, "tickers": tickers})
    connection.execute(
        "INSERT INTO unscored SELECT DISTINCT ticker, $day::DATE FROM prices", {"day": days[place].item()}
    )


def timed(work: Callable[[], object]) -> float:
    """Seconds that it takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickers", type=int, default=3000)
    parser.add_argument("--sessions", type=int, default=2500)
    parser.add_argument("--metric-sessions", type=int, default=504, help="sessions that rolling_metrics has")
    parser.add_argument("--folder", type=Path, help="where the temporary folder lies; default: the system's")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        Console().print(measure(Limited(Path(name)), asked))


def measure(warehouse: Limited, asked: argparse.Namespace) -> Table:
    """Everything that is timed."""
    begun = time.perf_counter()
    days = make(warehouse, asked.tickers, asked.sessions, asked.metric_sessions)
    rows = asked.tickers * asked.sessions * 4
    table = Table(title=f"{rows / 1e6:.1f} million forecasts, made in {time.perf_counter() - begun:.0f} s")
    for heading in ("what", "seconds"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    windows = list(METRIC_WINDOWS)
    tidied = timed(lambda: cluster_by_ticker(warehouse))
    with warehouse._alone(), warehouse._connection() as connection:
        _Refresh(connection, windows).run()
        price_of_tonight(connection, days, asked.tickers, len(days) - 1)
        connection.begin()
        update = timed(lambda: _Refresh(connection, windows).run())
        connection.commit()
        some = max(1, asked.tickers * 4 // 252)
        connection.execute(
            "INSERT INTO unscored SELECT ticker, min(session) FROM prices WHERE ticker < $name GROUP BY 1",
            {"name": f"T{some:04d}"},
        )
        connection.begin()
        dividends = timed(lambda: _Refresh(connection, windows).run())
        connection.commit()
    publish = timed(warehouse._publish)
    questions = {
        "latest forecasts, all tickers and models": "FROM latest_forecasts",
        "one ticker's scored history, one model": TICKER,
        "the same of all four models": TICKER.replace(" AND model = 'lstm'", ""),
        "one ticker's scored history, last 252 sessions": f"{TICKER} AND target > DATE '2023-06-30'",
        "leaderboard": "FROM leaderboard",
    }
    with warehouse.read_snapshot() as connection:
        for key, value in LIMITS.items():
            connection.execute(f"SET {key} = $value", {"value": value})
        for what, sql in questions.items():
            spent = sorted(timed(lambda sql=sql: connection.execute(sql).fetchall()) for _ in range(5))
            table.add_row(f"{what} (median of 5)", f"{spent[2]:.3f}")
        latest = sorted(timed(lambda: connection.execute("FROM latest_forecasts").df()) for _ in range(5))
        table.add_row("latest forecasts as a pandas table, not Python rows (median of 5)", f"{latest[2]:.3f}")
    table.add_row("metrics: the nightly update", f"{update:.2f}")
    table.add_row(f"metrics: {some} tickers restated from their beginning", f"{dividends:.2f}")
    table.add_row("rows put in order by ticker, all of them at once", f"{tidied:.1f}")
    table.add_row(f"the readers' copy of {warehouse.database.stat().st_size / 1e9:.2f} GB", f"{publish:.2f}")
    table.caption = f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB; {LIMITS}"
    return table


if __name__ == "__main__":
    main()
