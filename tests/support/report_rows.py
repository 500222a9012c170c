"""A ledger that has been kept for a while, as pages and tables are made of."""

from datetime import UTC, date, datetime

import numpy as np
import pandas as pd

from stockjax.forecasting.ticker_states import TickerState, states_table
from stockjax.scoring import refresh_rolling_metrics
from stockjax.warehouse import Warehouse
from stockjax.warehouse.ledger import append_forecasts
from stockjax.warehouse.prices import store_prices
from stockjax.warehouse.records import replace_tickers
from tests.support.synthetic import NEW_YORK, NOTHING_REFUSED, price_frame

MOMENT = datetime(2013, 3, 1, 22, tzinfo=UTC)
TONIGHT = date(2013, 3, 1)
DAYS = NEW_YORK.sessions(date(2011, 9, 1), TONIGHT)
HOSTILE = ("<script>alert(1)</script>", "../../x", "</script><img src=x onerror=alert(2)>", "a'b\"c&d")
LEVELS = {"q05": -1.6, "q25": -0.6, "q50": 0.0, "q75": 0.6, "q95": 1.6}
MEMORY = {"lstm": 12, "random_walk": 120, "ewma": 40, "har": 20}
"""How many sessions each model judges the scale by."""


def forecasts_of(frames: list[pd.DataFrame], last: int) -> pd.DataFrame:
    """What all models say of tickers of the same days from each of the last ones; the newest is tonight's."""
    closes = np.stack([frame["close"].to_numpy() for frame in frames])
    moves = pd.DataFrame(np.log(closes).T).diff()
    as_of = frames[0]["session"].to_numpy()[-last:]
    target = NEW_YORK.sessions_after(as_of.astype("datetime64[D]")).astype("datetime64[s]")
    basis = closes[:, -last:].ravel()
    parts = []
    for number, (model, memory) in enumerate(MEMORY.items()):
        scale = moves.rolling(memory, min_periods=2).std().fillna(0.02).to_numpy()[-last:].T.ravel()
        center = np.zeros(last) if model == "random_walk" else 0.001 * np.sin(np.arange(last) + number)
        center = np.tile(center, len(frames))
        parts.append(
            pd.DataFrame(
                {
                    "ticker": np.repeat([frame["ticker"].iloc[0] for frame in frames], last),
                    "as_of": np.tile(as_of, len(frames)),
                    "target": np.tile(target, len(frames)),
                    "model": model,
                    "model_id": "ticker-0" if model == "lstm" else None,
                    "origin": np.tile(
                        np.where(np.arange(last) == last - 1, "nightly", "backtest"), len(frames)
                    ),
                    "basis_close": basis,
                    "predicted_close": basis * np.exp(center),
                    "predicted_return": center,
                    "scale": scale,
                    **{name: basis * np.exp(center + at * scale) for name, at in LEVELS.items()},
                    "data_hash": "0" * 16,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def fill(warehouse: Warehouse, tickers: tuple[str, ...], replayed: int = 80) -> None:
    """Prices, replayed forecasts that are scored, tonight's forecasts, and a ticker that failed."""
    days = DAYS[-max(replayed + 2, 140) :]
    frames = [price_frame(ticker, days, number) for number, ticker in enumerate(tickers)]
    store_prices(warehouse, pd.concat(frames), NOTHING_REFUSED, source="files", run_id="run", moment=MOMENT)
    rows = forecasts_of(frames, replayed + 1)
    append_forecasts(warehouse, rows, code_version="0", run_id="run", moment=MOMENT)
    failed = TickerState("GONE<b>", "failed", "no <i>such</i> ticker & nothing else", None, None, 0, None)
    states = states_table([failed]).assign(exchange="XNYS", exchange_from="default", source="files")
    replace_tickers(warehouse, states, run_id="run", moment=MOMENT)
    refresh_rolling_metrics(warehouse)
