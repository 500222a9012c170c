"""Walking forward through past sessions as the nightly run would have."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd

from stockjax.features import History
from stockjax.forecasting.plan import Origin
from stockjax.forecasting.rows import forecast_rows
from stockjax.forecasting.training import (
    Knowledge,
    can_train_base,
    train_base_model,
    train_tickers,
    with_sessions,
)
from stockjax.registry import Model
from stockjax.sessions import Exchange
from stockjax.settings import Settings


@dataclass(frozen=True)
class Stretch:
    """A part of a replay: models trained before its first session, forecasts from each.

    Attributes
    ----------
    failures
        By ticker, why its training failed; it is forecast from the model before.

    """

    sessions: list[date]
    models: list[Model]
    rows: pd.DataFrame
    failures: dict[str, Exception] = field(default_factory=dict)


def missing_sessions(
    history: History,
    complete: Mapping[str, set[date]],
    before: Mapping[str, date],
    count: int,
    needed: int,
    after: Mapping[str, date] | None = None,
) -> dict[str, set[date]]:
    """For each ticker, which of its last `count` sessions have no forecast yet.

    Its first sessions are left out, up to the `needed` ones that a forecast takes.

    Parameters
    ----------
    complete
        By ticker, the sessions that have been forecast from.
    before
        By ticker, the session that ends the search; it is not among those found.
    after
        By ticker, the session that begins it; all sessions of a ticker that is not there are left out.

    """
    missing: dict[str, set[date]] = {}
    for row, ticker in enumerate(history.tickers):
        sessions = history.sessions[row, : history.lengths[row]]
        past = sessions[sessions < np.datetime64(before[ticker], "D")]
        recent = set(past[max(len(past) - count, needed - 1) :].tolist())
        if after is not None:
            recent = {day for day in recent if ticker in after and day > after[ticker]}
        missing[ticker] = recent - complete.get(ticker, set())
    return missing


def replay(
    history: History,
    missing: Mapping[str, set[date]],
    exchanges: Mapping[str, Exchange],
    settings: Settings,
) -> Iterator[Stretch]:
    """Forecast past sessions, each from what was known at its close.

    The base is trained every `retrain.base_every` sessions and the tickers every
    `replay.ticker_every`; between trainings the models stay as they are. Sessions at which no
    ticker had history enough for a base are passed over.

    Parameters
    ----------
    missing
        By ticker, the sessions to forecast from.
    exchanges
        By ticker, its calendar.

    """
    sessions = sorted(set().union(*missing.values())) if missing else []
    base: Model | None = None
    champions: dict[str, Model] = {}
    since_base = settings.retrain.base_every
    for start in range(0, len(sessions), settings.replay.ticker_every):
        some = sessions[start : start + settings.replay.ticker_every]
        knowledge = Knowledge.at(history, some[0])
        if not can_train_base(knowledge):
            continue
        fresh: list[Model] = []
        if base is None or since_base >= settings.retrain.base_every:
            base = train_base_model(knowledge, settings.training, settings.seed, settings.worker_count)
            since_base = 0
            fresh.append(base)
        wanted = [ticker for ticker, days in missing.items() if not days.isdisjoint(some)]
        long_enough = with_sessions(knowledge, wanted, settings.history.training_sessions)
        trained, failures = train_tickers(knowledge, long_enough, base, champions, settings)
        champions = {**champions, **{str(model.ticker): model for model in trained}}
        fresh.extend(trained)
        rows = _forecast(history, some, missing, base, champions, exchanges, settings)
        since_base += len(some)
        yield Stretch(some, fresh, rows, failures)


def _forecast(
    history: History,
    sessions: list[date],
    missing: Mapping[str, set[date]],
    base: Model,
    champions: Mapping[str, Model],
    exchanges: Mapping[str, Exchange],
    settings: Settings,
) -> pd.DataFrame:
    """Forecasts from each of the sessions, of tickers with history enough by then.

    Inputs at a session never depend on later ones (tests hold them to it, bit for bit), so
    one table of features up to the last of the sessions serves them all.
    """
    knowledge = Knowledge.at(history, sessions[-1])
    places = []
    for session in sessions:
        for row, position in enumerate(knowledge.history.position(session)):
            if position >= 0 and session in missing.get(history.tickers[row], ()):
                places.append((row, int(position)))
    rows, positions = np.array(places, dtype=np.int64).reshape(-1, 2).T
    if not len(rows):
        return pd.DataFrame()
    models = [champions.get(history.tickers[row], base) for row in rows]
    origins: dict[str, Origin] = dict.fromkeys(history.tickers, "backtest")
    return forecast_rows(knowledge.history, knowledge.features, rows, positions, models, exchanges, origins)
