"""Forecasts as rows of the ledger."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockjax.baselines import BASELINES, baseline_forecasts
from stockjax.distribution import ReturnForecast
from stockjax.features import Features, PricePanel
from stockjax.forecasting.lstm import lstm_forecast
from stockjax.forecasting.plan import Origin
from stockjax.registry import Model
from stockjax.sessions import Exchange

MODELS = ("lstm", *BASELINES)
"""Every run forecasts with all of these."""


def forecast_rows(
    history: PricePanel,
    features: Features,
    rows: npt.NDArray[np.int64],
    positions: npt.NDArray[np.int64],
    models: Sequence[Model | None] | None,
    exchanges: Mapping[str, Exchange],
    origins: Mapping[str, Origin],
    fallbacks: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Forecasts of all models from the given sessions, ready for the ledger.

    Parameters
    ----------
    rows, positions
        (n,) ticker row and session column that each forecast is made from.
    models
        The active network for each of the n, None where there is none: `har` forecasts instead;
        None alone to have the baselines alone.
    exchanges, origins
        By ticker: the calendar that has the target, and when the forecast is made.
    fallbacks
        By ticker: what forecasts in the place of its own network, 'base' or 'har'.

    Returns
    -------
    A row for each of the n and each model, with the columns of `forecasts` from `ticker` to `data_hash`,
    and `fallback`.

    """
    forecasts = baseline_forecasts(history, rows, positions)
    if models is not None:
        forecasts = {"lstm": _networks(features, rows, positions, models, forecasts["har"]), **forecasts}
    as_of = history.sessions[rows, positions]
    tickers = [history.tickers[row] for row in rows]
    targets = _targets(as_of, [exchanges[ticker] for ticker in tickers])
    count, others = len(forecasts), [None] * (len(tickers) * len(BASELINES))
    named = [model.model_id if model else None for model in models or ()]
    instead = [(fallbacks or {}).get(ticker) for ticker in tickers] if models is not None else []
    close = np.tile(history.close[rows, positions], count)
    quantiles = np.concatenate([forecast.quantiles for forecast in forecasts.values()])
    # What is too large for a number is refused by name later.
    with np.errstate(over="ignore", invalid="ignore"):
        prices = close[:, None] * np.exp(quantiles)
    return pd.DataFrame(
        {
            "ticker": pd.Series(tickers * count, dtype="str"),
            "as_of": np.tile(as_of.astype("datetime64[s]"), count),
            "target": np.tile(targets.astype("datetime64[s]"), count),
            "origin": pd.Series([origins[ticker] for ticker in tickers] * count, dtype="str"),
            "basis_close": close,
            "data_hash": pd.Series(_fingerprints(history, rows, positions) * count, dtype="str"),
            "model": pd.Series([name for name in forecasts for _ in tickers], dtype="str"),
            "model_id": pd.Series([*named, *others], dtype="str"),
            "fallback": pd.Series([*instead, *others], dtype="str"),
            "predicted_close": prices[:, 2],
            "predicted_return": quantiles[:, 2],
            "scale": np.concatenate([forecast.scale for forecast in forecasts.values()]),
            **{name: prices[:, place] for place, name in enumerate(("q05", "q25", "q50", "q75", "q95"))},
        }
    )


def _networks(
    features: Features,
    rows: npt.NDArray[np.int64],
    positions: npt.NDArray[np.int64],
    models: Sequence[Model | None],
    har: ReturnForecast,
) -> ReturnForecast:
    """What the networks say; what `har` says where there is none."""
    places = np.array([at for at, model in enumerate(models) if model], dtype=np.int64)
    there = [model for model in models if model]
    quantiles, scale = har.quantiles.copy(), har.scale.copy()
    if there:
        said = lstm_forecast(features, rows[places], positions[places], there)
        quantiles[places], scale[places] = said.quantiles, said.scale
    return ReturnForecast(quantiles, scale)


def bitwise_differences(one: pd.Series, other: pd.Series) -> npt.NDArray[np.bool_]:
    """Where two columns of such rows differ in a single bit; what is missing in both is the same.

    Example
    -------
    >>> bitwise_differences(pd.Series([1.0, 2.0]), pd.Series([1.0, 2.5])).tolist()
    [False, True]

    """
    left, right = one.to_numpy(), other.to_numpy()
    if left.dtype.kind == "f":
        return np.not_equal(left.view(np.int64), right.astype(left.dtype).view(np.int64))
    pairs = zip(left, right, strict=True)
    return np.array([not (a == b or (pd.isna(a) and pd.isna(b))) for a, b in pairs], dtype=bool)


def _targets(as_of: npt.NDArray[np.datetime64], exchanges: Sequence[Exchange]) -> npt.NDArray[np.datetime64]:
    """The session after each, on its own exchange."""
    codes = np.array([exchange.code for exchange in exchanges], dtype=str)
    targets = as_of.copy()
    for exchange in dict.fromkeys(exchanges):
        here = codes == exchange.code
        targets[here] = exchange.sessions_after(as_of[here])
    return targets


def _fingerprints(
    history: PricePanel, rows: npt.NDArray[np.int64], positions: npt.NDArray[np.int64]
) -> list[str]:
    """The data hash of each forecast, reading every price once."""
    found: dict[tuple[int, int], str] = {}
    for row in np.unique(rows):
        wanted = np.unique(positions[rows == row])
        prints = history.fingerprints(int(row), wanted.tolist())
        found.update({(int(row), int(at)): text for at, text in zip(wanted, prints, strict=True)})
    return [found[int(row), int(at)] for row, at in zip(rows, positions, strict=True)]
