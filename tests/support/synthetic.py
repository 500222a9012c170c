"""Made-up universes and models that several test files share."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from stockjax.engine import Policy, State
from stockjax.engine.due_sessions import SessionReader
from stockjax.engine.walk_forward import Chunk, walk_forward
from stockjax.features import FEATURE_NAMES, Features, PointInTimePrices, PricePanel, inputs_id
from stockjax.model.network import initial_parameters
from stockjax.registry import Model
from stockjax.sessions import Exchange
from stockjax.settings import Settings, TrainingSettings
from stockjax.sources import Delivery, Request, Source

NEW_YORK = Exchange("XNYS")
SMALL = TrainingSettings(hidden=4, seeds=2, base_steps=50)
NOTHING_REFUSED = pd.DataFrame(
    {name: pd.Series(dtype=str) for name in ("ticker", "reason", "severity", "row")}
).assign(session=pd.Series(dtype="datetime64[s]"))
PRICES = ("open", "high", "low", "close", "adj_close")


def delivered(source: Source, tickers: Iterable[str], last: date) -> Delivery:
    """What a recorded source has of tickers of New York, all of it in the one part that it delivers."""
    (delivery,) = source.fetch([Request(ticker, NEW_YORK) for ticker in tickers], last)
    return delivery


def price_frame(ticker: str, days: np.ndarray, seed: int, volatility: float = 0.02) -> pd.DataFrame:
    """A random walk with clustered volatility, with all columns that a source delivers."""
    random = np.random.default_rng([seed, len(days)])
    size = len(days)
    scale = volatility * np.exp(0.5 * np.sin(np.arange(size) / 9.0 + seed))
    close = 50.0 * np.exp(np.cumsum(scale * random.standard_t(5, size)))
    opened = np.concatenate([close[:1], close[:-1]]) * np.exp(0.3 * scale * random.normal(size=size))
    high = np.maximum(opened, close) * np.exp(scale * random.random(size))
    low = np.minimum(opened, close) * np.exp(-scale * random.random(size))
    return pd.DataFrame(
        {
            "ticker": ticker,
            "session": days.astype("datetime64[s]"),
            "open": opened,
            "high": high,
            "low": low,
            "close": close,
            "adj_close": close * 0.9,
            "volume": np.round(1e6 * np.exp(0.4 * random.normal(size=size))),
            "dividend": 0.0,
            "split": 1.0,
        }
    )


def history_of(frames: list[pd.DataFrame], tickers: list[str] | None = None) -> PricePanel:
    """Frames of prices as arrays."""
    table = pd.concat(frames).sort_values(["ticker", "session"])
    columns: dict[str, Any] = {name: table[name].to_numpy() for name in table.columns}
    columns["ticker"] = columns["ticker"].astype(object)
    return PricePanel.from_columns(columns, tickers or sorted(table["ticker"].unique()))


def universe(lengths: dict[str, int], seed: int = 0, last: date = date(2013, 3, 1)) -> PricePanel:
    """Tickers of different lengths that all end at the same session; the second misses one day."""
    days = NEW_YORK.sessions(date(2003, 1, 2), last)
    frames = []
    for number, (ticker, length) in enumerate(lengths.items()):
        own = days[-length:]
        if number == 1:
            own = np.delete(own, length // 2)
        frames.append(price_frame(ticker, own, seed + number))
    return history_of(frames)


def scrambled_after(history: PricePanel, last: date, seed: int) -> PricePanel:
    """The same history up to `last`, and nonsense in every field after it."""
    random = np.random.default_rng(seed)
    later = history.sessions > np.datetime64(last, "D")
    fields = {}
    for name in (*PRICES, "volume"):
        values = getattr(history, name).copy()
        nonsense = random.permutation(values[later]) * np.exp(random.normal(0, 2, later.sum()))
        values[later] = nonsense
        fields[name] = values
    return replace(history, **fields)


def random_parameters(seed: int, settings: TrainingSettings = SMALL, spread: float = 0.3) -> dict[str, Any]:
    """Parameters of no particular network, stacked over seeds, in the shape that training returns."""
    random = np.random.default_rng(seed)

    def stacked(tree: dict[str, Any]) -> dict[str, Any]:
        return {
            name: stacked(value)
            if isinstance(value, dict)
            else random.normal(0, spread, (settings.seeds, *value.shape)).astype(np.float32)
            for name, value in tree.items()
        }

    return stacked(initial_parameters(len(FEATURE_NAMES), settings.hidden, 0))


def whole_parameters(seed: int, settings: TrainingSettings = SMALL) -> dict[str, Any]:
    """What `Model.parameters` consists of, all of it of no particular network."""
    random, count = np.random.default_rng([seed, 1]), len(FEATURE_NAMES)
    return {
        "network": random_parameters(seed, settings),
        "adapter": {
            "weights": random.normal(0, 0.05, 1 + count).astype(np.float32),
            "center": random.normal(0, 0.5, count).astype(np.float32),
            "spread": (0.5 + random.random(count)).astype(np.float32),
        },
        "residuals": np.cumsum(0.2 + random.random(5)) - 2.0,
    }


def some_model(ticker: str | None, seed: int = 0, **changes: Any) -> Model:
    """A model of a ticker, or a base, with random parameters."""
    model = Model(
        role="base" if ticker is None else "ticker",
        ticker=ticker,
        trained_through=date(2013, 2, 28),
        parameters=whole_parameters(seed),
        hyperparameters={"hidden": SMALL.hidden, "stopped_at": 50, "inputs": inputs_id()},
        validation_loss=1.25,
        champion_loss=None if ticker is None else 1.5,
        seed=seed,
        data_hash="0123456789abcdef",
        code_version="0.1.0+0123456789ab",
        parent_id=None if ticker is None else "base-0123456789abcdef",
    )
    return replace(model, **changes)


def learnable_features(rows: int, sessions: int, seed: int = 0, scale: float = 1.0) -> Features:
    """Inputs whose first column says how wide the next label is spread."""
    random = np.random.default_rng(seed)
    inputs = random.normal(size=(rows, sessions, len(FEATURE_NAMES))).astype(np.float32)
    labels = scale * np.exp(0.9 * inputs[..., 0]) * random.normal(size=(rows, sessions))
    labels[:, 0] = labels[:, -1] = np.nan
    return Features(inputs, labels.astype(np.float32), np.ones((rows, sessions)))


def assert_same_bits(one: Any, other: Any) -> None:
    """Trees of arrays that agree in structure, type and every bit."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one:
            assert_same_bits(one[name], other[name])
    else:
        first, second = np.asarray(one), np.asarray(other)
        assert first.shape == second.shape
        assert first.dtype == second.dtype
        assert first.tobytes() == second.tobytes()


def known_prices(history: PricePanel, known_from: date | None = None) -> PointInTimePrices:
    """The prices of a history as one delivery brought them; by default at its last session."""
    valid = history.valid
    since = known_from or max(history.last_sessions().values())
    count = int(valid.sum())
    columns: dict[str, Any] = {name: getattr(history, name)[valid] for name in (*PRICES, "volume")}
    columns |= {
        "ticker": np.repeat(np.array(history.tickers, dtype=object), history.lengths),
        "session": history.sessions[valid],
        "known_from": np.full(count, np.datetime64(since, "D")),
        "known_until": np.full(count, np.datetime64("NaT", "D")),
        "disproved_at_once": np.zeros(count, dtype=bool),
    }
    return PointInTimePrices.from_columns(columns, history.tickers, history.markets)


def reader_of(prices: PointInTimePrices, forecast_sessions: int = 64) -> SessionReader:
    """What was known at each session of tickers of New York."""
    exchanges = dict.fromkeys(prices.tickers, NEW_YORK)
    newest = prices.latest.sessions[prices.latest.valid].max().item()
    return SessionReader(prices, exchanges, dict.fromkeys(prices.tickers, newest), forecast_sessions)


def walked(
    history: PricePanel | PointInTimePrices,
    wanted: Mapping[str, Iterable[date]],
    settings: Settings,
    ticker_every: int = 2,
    chunk_sessions: int = 2,
    state: State | None = None,
    **policy: Any,
) -> list[Chunk]:
    """A walk through the wanted sessions of each ticker, beginning from nothing unless a state is given."""
    prices = history if isinstance(history, PointInTimePrices) else known_prices(history)
    by_session: dict[date, list[str]] = {}
    for ticker, days in wanted.items():
        for day in days:
            by_session.setdefault(day, []).append(ticker)
    chosen = replace(Policy.of_backtest(settings, ticker_every), **policy)
    reader = reader_of(prices, settings.history.forecast_sessions)
    return list(walk_forward(prices, reader, by_session, chosen, state or State(), chunk_sessions))
