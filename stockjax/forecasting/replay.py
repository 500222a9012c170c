"""Walking forward through past sessions as the nightly run would have."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd

from stockjax.features import History
from stockjax.forecasting.gate import admitted
from stockjax.forecasting.knowledge import Knowledge
from stockjax.forecasting.plan import Origin
from stockjax.forecasting.rows import forecast_rows
from stockjax.forecasting.training import could_learn, train_base_model, train_tickers, with_sessions
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


def sessions_between(history: History, first: date, last: date, needed: int) -> dict[str, set[date]]:
    """For each ticker, its sessions from `first` to `last`, without those before the `needed`-th."""
    found: dict[str, set[date]] = {}
    for row, ticker in enumerate(history.tickers):
        sessions = history.sessions[row, needed - 1 : history.lengths[row]]
        inside = (sessions >= np.datetime64(first, "D")) & (sessions <= np.datetime64(last, "D"))
        found[ticker] = set(sessions[inside].tolist())
    return found


def replay(
    history: History,
    wanted: Mapping[str, set[date]],
    exchanges: Mapping[str, Exchange],
    settings: Settings,
    ticker_every: int,
    done: Mapping[str, set[date]] | None = None,
) -> Iterator[Stretch]:
    """Forecast past sessions, each from what was known at its close.

    The base is trained every `retrain.base_every` sessions and the tickers every
    `ticker_every`; between trainings the models stay as they are. Each base begins a
    new line of ticker models, so that a replay that was cut off goes on at the last base
    with the same bits.

    Parameters
    ----------
    wanted
        By ticker, the sessions to forecast from.
    exchanges
        By ticker, its calendar.
    ticker_every
        Sessions between two trainings of a ticker.
    done
        By ticker, those of them that have been forecast from already.

    """
    sessions = sorted(set().union(*wanted.values())) if wanted else []
    missing = {ticker: days - (done or {}).get(ticker, set()) for ticker, days in wanted.items()}
    for period in _parts(sessions, settings.retrain.base_every):
        yield from _replay_period(history, period, missing, exchanges, settings, ticker_every)


def _replay_period(
    history: History,
    period: list[date],
    missing: Mapping[str, set[date]],
    exchanges: Mapping[str, Exchange],
    settings: Settings,
    ticker_every: int,
) -> Iterator[Stretch]:
    """The sessions of one base, from its training to the last that is missing."""
    open_days = {ticker: days & set(period) for ticker, days in missing.items()}
    last = max((day for days in open_days.values() for day in days), default=date.min)
    base: Model | None = None
    champions: dict[str, Model] = {}
    for some in _parts([day for day in period if day <= last], ticker_every):
        knowledge = Knowledge.at(history, some[0])
        fresh: list[Model] = []
        if base is None or could_learn(base, knowledge, settings.training):
            base = train_base_model(knowledge, settings.training, settings.seed, settings.worker_count)
            fresh.append(base)
        wanted = [ticker for ticker, days in open_days.items() if days and max(days) >= some[0]]
        long_enough = with_sessions(knowledge, wanted, settings.history.training_sessions)
        trained, failures = train_tickers(knowledge, long_enough, base, champions, settings)
        champions |= admitted(trained)
        fresh.extend(trained)
        rows = _forecast(history, some, open_days, base, champions, exchanges, settings)
        yield Stretch(some, fresh, rows, failures)


def _parts(sessions: list[date], size: int) -> Iterator[list[date]]:
    for start in range(0, len(sessions), size):
        yield sessions[start : start + size]


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
