"""False alarms and delays of the monitors of drift: simulated, on real prices, and the time of a night."""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from scipy.stats import t as student

sys.path.insert(0, str(Path(__file__).parents[1]))

from stockjax.drift import COVERAGE, INPUT, MONITORS, SCALE, Monitor, Observations, Steps, Streams, advance
from stockjax.drift.input_statistics import surprise_bets
from stockjax.drift.monitors import coverage_bets, scale_bets
from stockjax.engine import update_monitors
from stockjax.features import PointInTimePrices, PricePanel
from stockjax.forecasting.ledger_rows import MODELS
from stockjax.nightly.run_writer import read_monitors_at
from stockjax.sessions import exchange
from stockjax.settings import Settings, load_settings
from stockjax.warehouse import Warehouse
from stockjax.warehouse.drift_tables import append_drift
from stockjax.warehouse.ledger import append_forecasts, read_table
from stockjax.warehouse.prices import read_known_prices

FREEDOM, BURN_IN, SHIFT_AT = 4.0, 600, 300
YEAR = 252
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
# Standard deviation 1.
UNIT = float(np.sqrt((FREEDOM - 2) / FREEDOM))
INNER, OUTER = UNIT * student.ppf(0.75, FREEDOM), UNIT * student.ppf(0.95, FREEDOM)
Numbers = np.ndarray


def residuals(tickers: int, days: int, random: np.random.Generator) -> Numbers:
    """Standardised residuals with t(4) tails; a third of their variance is the market's."""
    shared, own = random.normal(size=(1, days)), random.normal(size=(tickers, days))
    mixing = np.sqrt(random.chisquare(FREEDOM, size=(tickers, days)) / FREEDOM)
    return UNIT * (np.sqrt(1 / 3) * shared + np.sqrt(2 / 3) * own) / mixing


def misfit(tickers: int, days: int, largest: float, random: np.random.Generator) -> Numbers:
    """By how much the scale is off: common waves of volatility, up to a factor either way."""
    common = np.cumsum(0.15 * random.normal(size=(1, days)), axis=1)
    return largest ** np.sin(common + random.uniform(0, 1, size=(tickers, 1)))


def inputs(tickers: int, days: int, random: np.random.Generator) -> Numbers:
    """Log variance, or volume: a slow and a fast autoregression and heavy-tailed noise, partly shared."""
    values = np.zeros((tickers, days))
    slow, fast = np.zeros(tickers), np.zeros(tickers)
    noise = random.standard_t(5, size=(3, tickers, days)) + random.standard_t(5, size=(3, 1, days))
    for day in range(days):
        slow = 0.99 * slow + 0.07 * noise[0, :, day]
        fast = 0.8 * fast + 0.2 * noise[1, :, day]
        values[:, day] = slow + fast + 0.4 * noise[2, :, day]
    return values


def bets(monitor: Monitor, sizes: Numbers) -> Numbers:
    """What a monitor of forecasts sees in residuals, (tickers, days, bets)."""
    flat = np.abs(sizes).ravel()
    inside_50, inside_90 = flat < INNER, flat < OUTER
    paid = (
        coverage_bets(inside_90, 0.87, 0.93)
        if monitor is COVERAGE
        else scale_bets(flat, inside_50, inside_90)
    )
    return paid.reshape(*sizes.shape, -1)


def input_bets(values: Sequence[Numbers]) -> Numbers:
    """The same of inputs, month by month with the references of then, from BURN_IN on."""
    days = values[0].shape[1]
    found = []
    for start in range(BURN_IN, days, 21):
        end = min(start + 21, days)
        found.append(np.concatenate([surprise_bets(each[:, :end], end - start) for each in values], axis=2))
    return np.concatenate(found, axis=1)


def watched(paid: Numbers, settings: Settings) -> tuple[Steps, Steps]:
    """Tickers, and the universe that is their mean; alarms of shape (tickers, days) and (1, days)."""
    return tuple(_steps(each, settings) for each in (paid, paid.mean(axis=0, keepdims=True)))  # type: ignore[return-value]


def _steps(paid: Numbers, settings: Settings) -> Steps:
    streams, days, count = paid.shape
    calendar = np.arange(days).astype("datetime64[D]")
    observed = Observations(
        np.repeat(np.arange(streams), days), np.tile(calendar, streams), paid.reshape(-1, count)
    )
    fewest = settings.drift.min_observations
    return advance(
        Streams.fresh(streams, count),
        observed,
        average_run_length=settings.drift.average_run_length,
        fewest=fewest,
    )[1]


def false_alarms(universes: int, tickers: int, days: int, settings: Settings) -> Iterator[tuple[str, ...]]:
    """Rows of a table: alarms where nothing is wrong, or as much as is tolerated."""
    nulls: dict[str, tuple[tuple[Monitor, ...], Callable[[np.random.Generator], Numbers]]] = {
        "forecasts right": ((COVERAGE, SCALE), lambda r: residuals(tickers, days, r)),
        "scale off by up to 10%, in waves": (
            (COVERAGE, SCALE),
            lambda r: residuals(tickers, days, r) * misfit(tickers, days, 1.1, r),
        ),
        "scale 10% too small, always": ((COVERAGE, SCALE), lambda r: 1.1 * residuals(tickers, days, r)),
        "inputs that cluster": ((INPUT,), lambda r: inputs(tickers, days + BURN_IN, r)),
    }
    for name, (monitors, draw) in nulls.items():
        counts = {monitor: np.zeros(2) for monitor in monitors}
        for seed in range(universes):
            random = np.random.default_rng(seed)
            drawn = draw(random)
            for monitor in monitors:
                paid = input_bets([drawn, draw(random)]) if monitor is INPUT else bets(monitor, drawn)
                counts[monitor] += [steps.alarm.sum() for steps in watched(paid, settings)]
        for monitor, (own, shared) in counts.items():
            years = universes * days / YEAR
            rates = f"{own / years:.3f}", f"{shared / years:.3f}"
            yield name, monitor.name, f"{years:.0f}", f"{own:.0f}", rates[0], f"{shared:.0f}", rates[1]


def delays(universes: int, tickers: int, settings: Settings) -> Iterator[tuple[str, ...]]:
    """Rows of a table: sessions from a shift to its alarm."""
    days = SHIFT_AT + 2 * YEAR
    shifts = {"scale x 1.5": 1.5, "scale x 1.25": 1.25, "scale x 2": 2.0, "scale / 1.5": 1 / 1.5}
    # 90% intervals that hold 80%.
    shifts["coverage 90% to 80%"] = OUTER / (UNIT * float(student.ppf(0.9, FREEDOM)))
    for name, factor in shifts.items():
        for monitor in (COVERAGE, SCALE):
            alone, among, all_of_them = [], [], []
            for seed in range(universes):
                drawn = residuals(tickers, days, np.random.default_rng(1000 + seed))
                one = drawn.copy()
                one[0, SHIFT_AT:] *= factor
                every = drawn.copy()
                every[:, SHIFT_AT:] *= factor
                among.append(_delay(_steps(bets(monitor, one), settings), 0, days))
                alone.append(_delay(_steps(bets(monitor, one[:1]), settings), 0, days))
                shared = bets(monitor, every).mean(axis=0, keepdims=True)
                all_of_them.append(_delay(_steps(shared, settings), 0, days))
            yield name, monitor.name, _days_text(alone), _days_text(among), _days_text(all_of_them)
    yield from _input_delays(universes, tickers, settings)


def _input_delays(universes: int, tickers: int, settings: Settings) -> Iterator[tuple[str, ...]]:
    days = SHIFT_AT + YEAR
    # Log volume in other units, and innovations of a wilder kind, in standard deviations of the series.
    kinds: dict[str, Callable[[Numbers], Numbers]] = {
        "volume in hundreds": lambda later: later - np.log(100),
        "volume stuck at one value": lambda later: np.full_like(later, later[0]),
        "twice as unsteady": lambda later: later[0] + 2 * (later - later[0]),
    }
    for name, change in kinds.items():
        alone, among, shared = [], [], []
        for seed in range(max(universes // 4, 1)):
            random = np.random.default_rng(2000 + seed)
            both = [inputs(tickers, BURN_IN + days, random) for _ in range(2)]
            for rows in (slice(0, 1), slice(0, tickers)):
                changed = both[1].copy()
                at = BURN_IN + SHIFT_AT
                changed[rows, at:] = np.apply_along_axis(change, 1, changed[rows, at:])
                paid = input_bets([both[0], changed])
                if rows.stop == 1:
                    among.append(_delay(_steps(paid, settings), 0, days))
                    alone.append(_delay(_steps(paid[:1], settings), 0, days))
                else:
                    shared.append(_delay(_steps(paid.mean(axis=0, keepdims=True), settings), 0, days))
        yield name, "input", _days_text(alone), _days_text(among), _days_text(shared)


def _delay(steps: Steps, stream: int, days: int) -> float:
    """Sessions from the shift to the first alarm of a stream after it; infinite if there was none."""
    later = np.flatnonzero(steps.alarm.reshape(-1, days)[stream, SHIFT_AT:])
    return float(later[0] + 1) if len(later) else np.inf


def _days_text(found: list[float]) -> str:
    """Median and 90% quantile, and how many were found."""
    middle, late = np.quantile(found, [0.5, 0.9], method="higher")
    return f"{middle:.0f} / {late:.0f} ({np.isfinite(found).mean():.0%})"


def on_prices(source: Path, settings: Settings) -> Iterator[tuple[str, ...]]:
    """Rows of a table: alarms of the monitors over the backtest forecasts of a warehouse."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("stockjax.duckdb", "snapshot.duckdb"):
            shutil.copy(source / name, folder)
        warehouse = Warehouse(Path(folder))
        warehouse.migrate()
        scored = read_table(warehouse, "backtest_scores", first=date.min, last=date.max, tickers=[])
        days = sorted(pd.to_datetime(scored["target"]).dt.date.unique())
        tickers = sorted(scored["ticker"].unique())
        parts, _ = read_known_prices(warehouse, tickers, days[-1])
        history = PointInTimePrices.from_parts(parts, tickers).latest
        for at in [*range(60, len(days) - 1, 60), len(days) - 1]:
            watch(warehouse, history.cut(days[at]), days[at], settings, "bench")
        with warehouse.read() as connection:
            rows = connection.sql("FROM drift").df()
    for (monitor, scope), part in rows.groupby(["monitor", "scope"]):
        years = part["session"].nunique() / YEAR
        when = ", ".join(f"{day:%Y-%m-%d}" for day in part.loc[part["alarm"], "session"].sort_values()[:8])
        yield monitor, scope, str(len(part)), f"{years:.1f}", str(part["alarm"].sum()), when


def watch(warehouse: Warehouse, history: PricePanel, as_of: date, settings: Settings, run_id: str) -> None:
    """What a night observes, written down."""
    monitors = read_monitors_at(warehouse, as_of, settings)
    _, update = update_monitors(monitors, history, history, as_of, settings.drift, settings.alerts)
    if len(update.rows):
        append_drift(warehouse, update.rows, update.states, as_of=as_of, run_id=run_id)


def night(tickers: int, settings: Settings) -> tuple[float, float]:
    """Seconds of the monitors' first night, with a quarter to warm up on, and of the next one."""
    days = exchange("XNYS").sessions(date(2021, 1, 4), date(2024, 6, 28))
    names = [f"S{number:04d}" for number in range(tickers)]
    random = np.random.default_rng(0)
    moves = 0.02 * residuals(tickers, len(days), random)
    close = 50 * np.exp(np.cumsum(moves, axis=1))
    volume = 1e6 * np.exp(inputs(tickers, len(days), random))
    with tempfile.TemporaryDirectory() as folder:
        warehouse = Warehouse(Path(folder))
        warehouse.migrate()
        long = {
            "ticker": np.repeat(names, len(days)),
            "session": np.tile(days.astype("datetime64[s]"), tickers),
        }
        flat = {name: close.ravel() * factor for name, factor in _SHAPE.items()}
        prices = pd.DataFrame({**long, **flat, "volume": volume.ravel()})
        with warehouse.write() as connection:
            connection.register("made", prices)
            connection.execute(_STORE)
        ledger = _forecasts(prices, days, len(days) - 64)
        append_forecasts(
            warehouse, ledger, code_version="bench", run_id="bench", moment=pd.Timestamp.now("UTC")
        )
        columns = {name: prices[name].to_numpy() for name in prices.columns}
        history = PricePanel.from_columns({**columns, "ticker": columns["ticker"].astype(object)}, names)
        took = []
        for session in (days[-2].item(), days[-1].item()):
            known = history.cut(session)
            begun = time.perf_counter()
            watch(warehouse, known, session, settings, "bench")
            took.append(time.perf_counter() - begun)
    return took[0], took[1]


_SHAPE = {"open": 1.0, "high": 1.01, "low": 0.99, "close": 1.0, "adj_close": 1.0}
_STORE = """INSERT INTO prices BY NAME
    SELECT made.*, 0.0 AS dividend, 1.0 AS split, 'bench' AS source, now()::TIMESTAMP AS fetched_at,
        'bench' AS run_id
    FROM made"""


def _forecasts(prices: pd.DataFrame, days: Numbers, first: int) -> pd.DataFrame:
    """Forecasts of all models from each session but the last ones."""
    following = pd.Series(days[1:].astype("datetime64[s]"), index=days[:-1].astype("datetime64[s]"))
    rows = prices[prices["session"].between(days[first], days[-2])]
    shared = pd.DataFrame(
        {
            "ticker": rows["ticker"],
            "as_of": rows["session"],
            "target": rows["session"].map(following),
            "model_id": None,
            "origin": "nightly",
            "basis_close": rows["close"],
            "predicted_close": rows["close"],
            "predicted_return": 0.0,
            "scale": 0.02,
            "data_hash": "bench",
        }
    )
    reach = 0.02 * UNIT * student.ppf(LEVELS, FREEDOM)
    for name, offset in zip(("q05", "q25", "q50", "q75", "q95"), reach, strict=True):
        shared[name] = shared["basis_close"] * np.exp(offset)
    return pd.concat([shared.assign(model=model) for model in MODELS], ignore_index=True)


def show(console: Console, title: str, columns: Sequence[str], rows: Iterator[tuple[str, ...]]) -> None:
    """A table whose first two columns are names."""
    table = Table(title=title)
    for number, name in enumerate(columns):
        table.add_column(name, justify="left" if number < 2 else "right")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--universes", type=int, default=20, help="simulated universes of each kind")
    parser.add_argument("--tickers", type=int, default=100, help="tickers in each")
    parser.add_argument("--years", type=int, default=5, help="years without a shift of each")
    parser.add_argument("--warehouse", type=Path, help="one with backtest forecasts, to be watched")
    asked = parser.parse_args()
    console, settings = Console(width=130), load_settings()
    if asked.warehouse:
        columns = ("monitor", "scope", "observations", "years", "alarms", "the first of them")
        show(console, str(asked.warehouse), columns, on_prices(asked.warehouse, settings))
    first, following = night(3000, settings)
    console.print(f"3,000 tickers: {first:.2f} s on the first night, {following:.2f} s on the next")
    kinds = len(MONITORS)
    length = f"{settings.drift.average_run_length:g} sessions to a false alarm"
    console.print(f"{kinds} monitors, {length}, {asked.tickers} tickers")
    columns = ("without drift", "monitor", "years", "tickers: alarms", "a year", "universe: alarms", "a year")
    rows = false_alarms(asked.universes, asked.tickers, asked.years * YEAR, settings)
    show(console, "False alarms", columns, rows)
    columns = ("shift", "monitor", "one ticker alone", f"one of {asked.tickers}", "all: the universe")
    title = "Sessions to the alarm: median / 90% quantile (share found within two years; inputs: one)"
    show(console, title, columns, delays(2 * asked.universes, asked.tickers, settings))


if __name__ == "__main__":
    main()
