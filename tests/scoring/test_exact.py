"""Many nights, scored one by one, are scored as all of them at once: bit by bit."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from stockjax.scoring import refresh_rolling_metrics
from stockjax.warehouse import Warehouse
from stockjax.warehouse.ledger import append_forecasts
from stockjax.warehouse.migrations import apply_scripts, migrate
from stockjax.warehouse.prices import store_prices
from tests.support.synthetic import NEW_YORK, NOTHING_REFUSED, price_frame

MOMENT = datetime(2013, 3, 1, 22, tzinfo=UTC)
NIGHTS, WINDOWS = 64, (5, 21, 42)
DAYS = NEW_YORK.sessions(date(2012, 1, 3), date(2013, 12, 31))[:161]
SPLIT, RESTATED_SPLIT, DIVIDEND, WITHDRAWN, JOINED = 18, 34, 46, 52, 27
QUANTILES = ["q05", "q25", "q50", "q75", "q95"]
HALTED = range(40, 145)
"""Sessions without a price: more than scoring session by session looks back."""
PAUSED, REPAIRED = range(150, 152), 158
"""Sessions without a price until the vendor repairs its history."""
CHECKED = {20, 36, 54, NIGHTS}
"""Nights after which everything is scored again: the split, its restatement, the withdrawal, the end."""


class Unsaved(Warehouse):
    """A warehouse in memory: opening and copying a file every night would take a minute."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.connection = duckdb.connect(":memory:", config={"threads": 1})
        migrate(self.connection)
        apply_scripts(self.connection)

    @contextmanager
    def write(self) -> Iterator[duckdb.DuckDBPyConnection]:
        self.connection.begin()
        try:
            yield self.connection
        except BaseException:
            self.connection.rollback()
            raise
        self.connection.commit()

    def late_sessions(self) -> list[str]:
        found = self.connection.execute("SELECT outcome_session::VARCHAR FROM scored_forecasts WHERE late")
        return sorted({str(session) for (session,) in found.fetchall()})

    def metrics(self) -> pd.DataFrame:
        return self.connection.execute("FROM rolling_metrics ORDER BY ALL").df()


def store(warehouse: Warehouse, rows: pd.DataFrame, replaced: tuple[str, ...] = ()) -> None:
    store_prices(
        warehouse,
        rows,
        NOTHING_REFUSED,
        source="files",
        run_id="run",
        moment=MOMENT,
        replaced_tickers=replaced,
    )


def tonight(table: pd.DataFrame, place: int, random: np.random.Generator, origin: str) -> pd.DataFrame:
    """Four models' forecasts of one ticker from its row `place`."""
    basis, as_of = table["close"].iloc[place], table["session"].iloc[place]
    rows = []
    for model in ("lstm", "random_walk", "ewma", "har"):
        center = 0.0 if model == "random_walk" else 0.004 * random.normal()
        width = 0.02 * np.exp(0.3 * random.normal())
        values = basis * np.exp(center + width * np.array([-1.6, -0.6, 0.0, 0.6, 1.6]))
        rows.append(
            {
                "ticker": table["ticker"].iloc[place],
                "as_of": as_of,
                "target": NEW_YORK.sessions_after(np.array([as_of]))[0],
                "model": model,
                "model_id": None,
                "origin": origin,
                "basis_close": basis,
                "predicted_close": values[2],
                "predicted_return": center,
                "scale": width,
                **dict(zip(QUANTILES, values, strict=True)),
                "data_hash": "0",
            }
        )
    return pd.DataFrame(rows).astype({"as_of": "datetime64[s]", "target": "datetime64[s]", "model_id": "str"})


def scored_again(warehouse: Unsaved, folder: Path) -> pd.DataFrame:
    """What scoring everything at once gives of the same prices and forecasts."""
    other = Unsaved(folder)
    for name in ("prices", "forecasts"):
        table = warehouse.connection.sql(f"FROM {name}").to_arrow_table()
        other.connection.register("copied", table)
        other.connection.execute(f"INSERT INTO {name} FROM copied")
    other.connection.execute("INSERT INTO unscored SELECT DISTINCT ticker, DATE '2000-01-03' FROM prices")
    refresh_rolling_metrics(other, WINDOWS)
    return other.metrics()


def vendor(tables: dict[str, pd.DataFrame], night: int) -> None:
    """What the vendor says of the past from this night on."""
    a, b = tables["A"], tables["B"]
    if night == RESTATED_SPLIT:
        a.loc[: SPLIT - 1, ["open", "high", "low", "close"]] /= 2
    if night == DIVIDEND:
        b.loc[: night - 1, "adj_close"] *= 0.987
        b.loc[night, "dividend"] = 0.6
    if night and night % 23 == 0:
        row = max(night - 1 - night % 17, 0)
        b.loc[row, ["open", "high", "low", "close", "adj_close"]] *= 1.003


@pytest.mark.parametrize("seed", [1])
def test_many_nights_give_the_bits_of_scoring_everything_at_once(tmp_path: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    tables = {name: price_frame(name, DAYS, number) for number, name in enumerate("ABC")}
    tables["A"].loc[: SPLIT - 1, ["open", "high", "low", "close"]] *= 2
    tables["A"].loc[SPLIT, "split"] = 2.0
    warehouse = Unsaved(tmp_path)
    waiting: dict[str, int] = dict.fromkeys("ABC", 0)
    late = scored = 0
    for night in range(NIGHTS + 1):
        vendor(tables, night)
        forecasts, delivered = [], []
        for name, table in tables.items():
            if name == "C" and night < JOINED:
                continue
            # B's prices are late on some nights, by up to four sessions.
            if name == "B" and night % 13 in {3, 4, 5, 6} and night < NIGHTS:
                late += 1
                continue
            begun = 0 if night in {RESTATED_SPLIT, DIVIDEND} or name == "C" else max(0, waiting[name] - 20)
            rows = table.iloc[begun : night + 1]
            if name == "B" and night >= WITHDRAWN:
                rows = rows[rows.index != WITHDRAWN - 9]
            delivered.append(rows)
            waiting[name] = night + 1
            if night % 11 != 7:
                forecasts.append(tonight(table, night, random, "nightly"))
            if night % 31 == 30:
                # Forecasts of the past, written late.
                forecasts += [tonight(table, night - back, random, "catchup") for back in (3, 12)]
        replaced = ("B",) if night == WITHDRAWN else ()
        if replaced:
            rows = tables["B"].iloc[: night + 1]
            delivered = [part for part in delivered if part["ticker"].iloc[0] != "B"]
            delivered.append(rows[rows.index != WITHDRAWN - 9])
        store(warehouse, pd.concat(delivered), replaced)
        if forecasts:
            append_forecasts(warehouse, pd.concat(forecasts), code_version="0", run_id="run", moment=MOMENT)
        scored += refresh_rolling_metrics(warehouse, WINDOWS)
        if night in CHECKED:
            pd.testing.assert_frame_equal(
                warehouse.metrics(), scored_again(warehouse, tmp_path), check_exact=True
            )
    reasons = warehouse.connection.execute("SELECT DISTINCT reason FROM price_revisions").fetchall()
    assert {row[0] for row in reasons} == {"restatement", "dividend", "withdrawn"}
    assert late > 15
    # Most nights score one session only; without the restatements it would be each row once.
    assert len(warehouse.metrics()) > 1500
    assert scored < 5 * len(warehouse.metrics())


def test_other_windows_score_everything_again_and_leave_none_of_the_old(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    table = price_frame("A", DAYS[:40], 4)
    warehouse = Unsaved(tmp_path)
    store(warehouse, table)
    rows = [tonight(table, place, random, "backtest") for place in range(5, 40)]
    append_forecasts(warehouse, pd.concat(rows), code_version="0", run_id="run", moment=MOMENT)
    assert refresh_rolling_metrics(warehouse, (5, 10)) == 34 * 4 * 2
    assert refresh_rolling_metrics(warehouse, (5, 10)) == 0
    assert refresh_rolling_metrics(warehouse, (7,)) == 34 * 4
    assert set(warehouse.metrics()["window_sessions"]) == {7}
    windows = warehouse.connection.execute("SELECT DISTINCT window_sessions FROM leaderboard").fetchall()
    assert windows == [(7,)]


def test_halts_give_the_bits_of_scoring_everything_at_once(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    table = price_frame("A", DAYS, 4)
    warehouse = Unsaved(tmp_path)
    late: dict[int, list[str]] = {}
    begun = HALTED.start - 10
    for night in [begun, *range(begun + 1, HALTED.start), *range(HALTED.stop, REPAIRED + 3)]:
        gone = {*HALTED} if night >= REPAIRED else {*HALTED, *PAUSED}
        known = table.iloc[: night + 1]
        store(warehouse, known[~known.index.isin(gone)])
        if night not in PAUSED:
            rows = tonight(table, night, random, "nightly")
            append_forecasts(warehouse, rows, code_version="0", run_id="run", moment=MOMENT)
        refresh_rolling_metrics(warehouse, WINDOWS)
        late[night] = warehouse.late_sessions()
        if night in {HALTED.stop, PAUSED.stop, REPAIRED, REPAIRED + 2}:
            pd.testing.assert_frame_equal(
                warehouse.metrics(), scored_again(warehouse, tmp_path), check_exact=True
            )
    after_halt, after_pause = (str(DAYS[nights.stop]) for nights in (HALTED, PAUSED))
    assert late[HALTED.stop] == [after_halt]
    assert late[PAUSED.stop] == [after_halt, after_pause]
    # The vendor has repaired the pause: the true prices take the place of the late ones.
    assert late[REPAIRED] == [after_halt]
