"""The forecasts of a session, none of which is anything but numbers in order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockjax.features import PricePanel
from stockjax.forecasting.asof import AsOfData
from stockjax.forecasting.ledger_rows import forecast_rows
from stockjax.forecasting.plan import Origin
from stockjax.forecasting.training import with_min_history
from stockjax.registry import Model
from stockjax.sessions import Exchange

_PRICES = ["q05", "q25", "q50", "q75", "q95"]
_NUMBERS = [*_PRICES, "basis_close", "predicted_close", "predicted_return", "scale"]


@dataclass(frozen=True)
class SessionForecasts:
    """Rows of the ledger from one session.

    Attributes
    ----------
    fallbacks
        By ticker, what forecasts instead of its own model: base or har.
    problems
        By ticker, why a forecast was refused.

    """

    rows: pd.DataFrame
    fallbacks: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)


def forecast_session(
    asof: AsOfData,
    due: Sequence[str],
    models: Mapping[str, Model | None],
    base: Model | None,
    exchanges: Mapping[str, Exchange],
    origins: Mapping[str, Origin],
    training_sessions: int,
) -> SessionForecasts:
    """Forecast with every model; a network whose forecast is no number gives way to the base, then to `har`.

    Parameters
    ----------
    due
        Tickers to forecast, all of them in `asof`, whose last session is the newest there.
    models
        By ticker, the network that forecasts it; None for none.
    training_sessions
        History that a model of its own needs: without one, a ticker has a fallback from then on.

    """
    if not due:
        return SessionForecasts(pd.DataFrame())
    history = asof.history
    row_of = {ticker: row for row, ticker in enumerate(history.tickers)}
    own = set(with_min_history(asof, due, training_sessions))
    used, problems = dict(models), {}
    while True:
        fallbacks = _fallbacks(used, due, own)
        rows_of_due = np.array([row_of[ticker] for ticker in due], dtype=np.int64)
        rows = forecast_rows(
            history,
            asof.features,
            rows_of_due,
            history.lengths[rows_of_due] - 1,
            [used[ticker] for ticker in due],
            exchanges,
            origins,
            fallbacks,
        )
        sound = sound_rows(rows)
        unsound = rows.loc[~sound & (rows["model"] == "lstm"), "ticker"]
        again = {ticker: model for ticker in unsound if (model := used[ticker]) is not None}
        if not again:
            break
        for ticker, model in again.items():
            problems[ticker] = f"the forecast of its model {model.model_id} is not finite and ascending"
            used[ticker] = base if model.role == "ticker" else None
    for ticker, name in rows.loc[~sound, ["ticker", "model"]].itertuples(index=False):
        problems[ticker] = f"the forecast of {name} is not finite and ascending, and was not written"
    return SessionForecasts(rows[sound].reset_index(drop=True), fallbacks, problems)


def forecast_quiet_sessions(
    asof: AsOfData,
    due: Mapping[date, Sequence[str]],
    models: Mapping[str, Model | None],
    exchanges: Mapping[str, Exchange],
    origins: Mapping[str, Origin],
    training_sessions: int,
) -> pd.DataFrame | None:
    """Forecasts from several sessions whose models are the same; None if any of them is unsound.

    Inputs and baselines at a session do not depend on later ones, so that prices up to the last of the
    sessions serve them all, bit for bit.

    Parameters
    ----------
    due
        By session, the tickers to forecast from it.

    """
    history = asof.history
    row_of = {ticker: row for row, ticker in enumerate(history.tickers)}
    long_enough = [set(_long_enough(history, day, training_sessions)) for day in due]
    places = {day: history.position(day) for day in due}
    wanted = [
        (row_of[ticker], int(places[day][row_of[ticker]])) for day, names in due.items() for ticker in names
    ]
    rows, positions = np.array(wanted, dtype=np.int64).T
    names = list(dict.fromkeys(history.tickers[row] for row in rows))
    own = long_enough[-1]
    if any(own & set(names) != each & set(names) for each in long_enough):
        return None
    used = [models[history.tickers[row]] for row in rows]
    fallbacks = _fallbacks(models, names, own)
    table = forecast_rows(history, asof.features, rows, positions, used, exchanges, origins, fallbacks)
    return table if sound_rows(table).all() else None


def _long_enough(history: PricePanel, session: date, count: int) -> list[str]:
    lengths = history.lengths_at(session)
    return [ticker for ticker, length in zip(history.tickers, lengths, strict=True) if length >= count]


def sound_rows(rows: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which rows (n,) of the ledger are finite numbers in order.

    Quantiles are positive; those of `lstm` ascend strictly, those of a baseline need not, for the price
    of a ticker may never have changed.
    """
    numbers = rows[_NUMBERS].to_numpy(dtype=np.float64)
    with np.errstate(invalid="ignore"):
        rises = np.diff(rows[_PRICES].to_numpy(dtype=np.float64), axis=1)
        positive = (rows[[*_PRICES, "basis_close"]].to_numpy(dtype=np.float64) > 0).all(axis=1)
    strictly = (rows["model"] == "lstm").to_numpy()
    ascending = np.where(strictly, (rises > 0).all(axis=1), (rises >= 0).all(axis=1))
    found: npt.NDArray[np.bool_] = np.isfinite(numbers).all(axis=1) & positive & ascending
    return found


def _fallbacks(models: Mapping[str, Model | None], due: Sequence[str], own: set[str]) -> dict[str, str]:
    """What forecasts instead of a ticker's own model, where history is long enough for one."""
    found = {}
    for ticker in due:
        model = models[ticker]
        if model is None:
            found[ticker] = "har"
        elif model.role == "base" and ticker in own:
            found[ticker] = "base"
    return found
