"""Making rows of the ledger again from what is on record, bit for bit."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date
from typing import Any

import numpy as np
import pandas as pd

from stockjax.code_version import code_version
from stockjax.engine.due_sessions import DueSession, SessionReader
from stockjax.environment import environment
from stockjax.errors import ModelFileError, NotReproducibleError, UsageError
from stockjax.features import (
    NO_CONTEXT,
    MarketContext,
    PointInTimePrices,
    PricePanel,
    feature_names,
    inputs_id,
)
from stockjax.forecasting.asof import AsOfData
from stockjax.forecasting.ledger_rows import bitwise_differences, forecast_rows
from stockjax.forecasting.provenance import fingerprints
from stockjax.ingest.stored_context import read_market_context
from stockjax.registry import Model, load_model
from stockjax.sessions import Exchange
from stockjax.training.attribution import log_scale_contributions
from stockjax.training.windows import inference_windows
from stockjax.warehouse import Warehouse
from stockjax.warehouse.ledger import read_table
from stockjax.warehouse.model_history import read_rows
from stockjax.warehouse.prices import known_prices_at

TOLERANCE = 1e-4
"""By how much of its scale a forecast may differ that was computed on another type of processor."""

QUANTILES = ("q05", "q25", "q50", "q75", "q95")

_NAMED = 3
"""Tickers that are named where prices differ; they are counted to the last."""


@dataclass(frozen=True)
class ForecastContext:
    """What a forecast was made from.

    Attributes
    ----------
    asof
        The prices of all tickers that its market features sum up, cut at its session.
    row, position
        Where its ticker and its session are in them.
    model
        The network, for those of one.

    """

    asof: AsOfData
    row: int
    position: int
    model: Model | None

    def contributions(self) -> tuple[dict[str, float], float]:
        """What each feature added to the log-scale of the network, by name, and what it began with."""
        if self.model is None:
            return {}, 0.0
        features = self.asof.features
        place = np.array([self.row]), np.array([self.position])
        window, today = inference_windows(features, *place)[0], features.inputs[self.row, self.position]
        found, start = log_scale_contributions(self.model.parameters, window, today)
        return dict(zip(feature_names(_extra_features(self.model)), found.tolist(), strict=True)), start


@dataclass(frozen=True)
class Reproduction:
    """What became of making a row of the ledger again.

    Attributes
    ----------
    row
        The row as it stands in the ledger, with the record of what it was made from.
    differing
        Columns that came out with other bits, on another processor by more than `TOLERANCE` of the scale;
        all of them where nothing came out.
    causes
        What is not as it was when the row was written. Some of it may do no harm.
    seen
        What it was made from; None where that is lost.

    """

    row: Mapping[str, Any]
    differing: tuple[str, ...]
    causes: tuple[str, ...]
    seen: ForecastContext | None
    other_processor: bool = False

    @property
    def same(self) -> bool:
        """Whether every number came out again."""
        return not self.differing


def ledger_rows(
    warehouse: Warehouse, ticker: str, day: date, *, by_target: bool = False
) -> list[dict[str, Any]]:
    """The forecasts of a ticker from a session, or for one, with the record of their inputs.

    Raises
    ------
    SnapshotMissingError, WarehouseTooOldError
        No run has written to this warehouse yet, or none of this release.
    UsageError
        The ledger has none; the sentence says what it has.

    """
    warehouse.check_current()
    found = read_table(warehouse, "explained_forecasts", ticker=ticker, day=day, by_target=by_target)
    if len(found):
        return [{str(name): value for name, value in row.items()} for row in found.to_dict("records")]
    days = read_rows(warehouse, "forecast_days", ticker=ticker)[0]
    if not days["n"]:
        raise UsageError(f"the ledger has no forecast of '{ticker}'; stockjax status shows the tickers")
    raise UsageError(
        f"the ledger has no forecast of '{ticker}' {'for' if by_target else 'from'} {day}; "
        f"it has some from sessions between {days['first']} and {days['last']}"
        f"{'' if by_target else ' (--target asks by the session that is forecast)'}"
    )


def reproduce(warehouse: Warehouse, row: Mapping[str, Any]) -> Reproduction:
    """Forecast again what a row of `ledger_rows` forecast, and compare every bit.

    The prices are those that the warehouse knew when the run read them, of all tickers that it
    had at hand; the network is the one that the row names. Nothing is written.
    """
    causes = _other_surroundings(row)
    try:
        with warehouse.hold_committed():
            prices = _prices(warehouse, row)
            causes += _other_prices(prices, row)
            model = _model(warehouse, row["model_id"]) if isinstance(row["model_id"], str) else None
            context = _context(warehouse, row)
        seen = _seen(prices, row, model, context)
    except (NotReproducibleError, ModelFileError) as error:
        return Reproduction(row, _columns(row), (str(error), *causes), None)
    again = {str(name): value for name, value in _again(seen, row).iloc[0].items()}
    elsewhere = _on_other_processor(row)
    differing = tuple(
        name
        for name in _columns(row)
        if bitwise_differences(pd.Series([row[name]]), pd.Series([again[name]])).any()
        and not (elsewhere and _close_enough(name, row, again))
    )
    return Reproduction(row, differing, tuple(causes), seen, elsewhere)


def _on_other_processor(row: Mapping[str, Any]) -> bool:
    """Whether the row was computed on a processor of another type, whose last bits may differ."""
    then, now = _environment_then(row), environment()
    return bool(then) and any(then.get(name) != now.get(name) for name in ("machine", "processor"))


def _close_enough(name: str, row: Mapping[str, Any], again: Mapping[str, Any]) -> bool:
    """Whether a number is within `TOLERANCE` of the scale of the forecast, in the unit of its column."""
    unit = {"predicted_return": 1.0, "scale": 1.0}
    unit |= dict.fromkeys(("predicted_close", *QUANTILES), float(row["basis_close"]))
    if name not in unit:
        return False
    return bool(abs(again[name] - row[name]) <= TOLERANCE * row["scale"] * unit[name])


_COMPUTED = (
    *("ticker", "as_of", "target", "model", "model_id", "origin", "basis_close", "predicted_close"),
    *("predicted_return", "scale", *QUANTILES, "data_hash"),
)


def _columns(row: Mapping[str, Any]) -> tuple[str, ...]:
    """What of a row is made from prices and a model; the rest says when and by what."""
    return tuple(name for name in _COMPUTED if name in row)


def _prices(warehouse: Warehouse, row: Mapping[str, Any]) -> PointInTimePrices:
    if pd.isna(row["read_at"]):
        raise NotReproducibleError(
            f"the run {row['run_id'][:8]} kept no record of the prices that it read: its release did not yet"
        )
    tickers, exchanges = list(row["tickers"]), list(row["exchanges"])
    moment = row["read_at"].to_pydatetime().replace(tzinfo=UTC)
    parts = known_prices_at(warehouse, tickers, row["through"].date(), moment)
    prices = PointInTimePrices.from_parts(parts, tickers, exchanges)
    if not prices.ever.lengths.any():
        raise NotReproducibleError("the warehouse has none of the prices any more that the run read")
    return prices


def _known(prices: PointInTimePrices, row: Mapping[str, Any]) -> DueSession:
    """The session of a row, and that of the run whose prices it was made from."""
    as_of, ticker = row["as_of"].date(), str(row["ticker"])
    return DueSession(max(prices.known_at(ticker, as_of), as_of), as_of, (ticker,))


def _of_session(prices: PointInTimePrices, row: Mapping[str, Any]) -> PricePanel:
    """The prices of the tickers that the session could use.

    The record of a night has these alone, that of a backtest all tickers; an earlier release used them all.
    """
    due = _known(prices, row)
    if not row["replayed"] or pd.isna(row["forecast_sessions"]):
        return prices.at(due.session, due.known)
    newest = dict.fromkeys(prices.tickers, row["through"].date())
    exchanges = {ticker: Exchange(code) for ticker, code in zip(prices.tickers, prices.markets, strict=True)}
    reader = SessionReader(prices, exchanges, newest, int(row["forecast_sessions"]))
    return reader.usable(due.session, due.known)[1]


def _other_prices(prices: PointInTimePrices, row: Mapping[str, Any]) -> list[str]:
    """Whose prices up to the run are not those that it read."""
    due = _known(prices, row)
    read = prices.latest if row["replayed"] else prices.at(due.session, due.known)
    compared = zip(read.tickers, fingerprints(read), row["fingerprints"], strict=True)
    other = [ticker for ticker, one, before in compared if one != before]
    if not other:
        return []
    more = f" and {len(other) - _NAMED} more" if len(other) > _NAMED else ""
    return [f"the prices of {', '.join(other[:_NAMED])}{more} are not on record as the run read them"]


def _other_surroundings(row: Mapping[str, Any]) -> list[str]:
    """What computes now and did not then."""
    causes = []
    if row["code_version"] != code_version():
        causes.append(f"the code was {row['code_version']} and is {code_version()}")
    then, now = _environment_then(row), environment()
    if not then:
        causes.append("the run did not record what it computed with")
    causes += [
        f"{name} was {value} and is {now.get(name, 'not known')}"
        for name, value in then.items()
        if value != now.get(name)
    ]
    return causes


def _environment_then(row: Mapping[str, Any]) -> dict[str, str]:
    """What the run computed with; nothing where its release did not record that."""
    return json.loads(row["environment"]) if isinstance(row["environment"], str) else {}


def _model(warehouse: Warehouse, model_id: str) -> Model:
    rows = read_rows(warehouse, "models_by_id", model_ids=[model_id])
    if not rows:
        raise NotReproducibleError(f"the model '{model_id}' is not on record")
    found = rows[0]
    if found["purged_at"]:
        raise NotReproducibleError(
            f"the file of the model '{model_id}' was deleted on {found['purged_at']:%Y-%m-%d}; "
            "retention.models says how long they are kept"
        )
    return load_model(warehouse, found)


def _context(warehouse: Warehouse, row: Mapping[str, Any]) -> MarketContext:
    """The announcements and indices that the run had read."""
    if not isinstance(row["context"], str):
        return NO_CONTEXT
    tickers, codes = list(row["tickers"]), list(row["exchanges"])
    exchanges = {ticker: Exchange(code) for ticker, code in zip(tickers, codes, strict=True)}
    moment = row["read_at"].to_pydatetime().replace(tzinfo=UTC)
    rules = json.loads(row["context"])
    return read_market_context(warehouse, tickers, exchanges, rules, row["through"].date(), moment)


def _seen(
    prices: PointInTimePrices, row: Mapping[str, Any], model: Model | None, context: MarketContext
) -> ForecastContext:
    as_of = row["as_of"].date()
    history = _of_session(prices, row)
    if row["ticker"] not in history.tickers:
        raise NotReproducibleError(
            f"the price of {row['ticker']} on {as_of} is not on record as the run read it"
        )
    asof = AsOfData.of(history, as_of, _extra_features(model), context)
    if model and model.hyperparameters.get("inputs") != inputs_id(_extra_features(model)):
        raise NotReproducibleError(
            f"the model '{model.model_id}' has other inputs than this release: "
            f"reproduce it with stockjax {row['code_version']}"
        )
    own = history.tickers.index(row["ticker"]) if row["ticker"] in history.tickers else -1
    position = int(asof.history.position(as_of)[own]) if own >= 0 else -1
    if position < 0:
        raise NotReproducibleError(
            f"the price of {row['ticker']} on {as_of} is not on record as the run read it"
        )
    return ForecastContext(asof, own, position, model)


def _extra_features(model: Model | None) -> tuple[str, ...]:
    return tuple(model.hyperparameters.get("extra_features", ())) if model else ()


def _again(seen: ForecastContext, row: Mapping[str, Any]) -> pd.DataFrame:
    """The row again."""
    history = seen.asof.history
    ticker = row["ticker"]
    rows = forecast_rows(
        history,
        seen.asof.features,
        np.array([seen.row]),
        np.array([seen.position]),
        [seen.model] if row["model"] == "lstm" else None,
        {ticker: Exchange(history.markets[seen.row])},
        {ticker: row["origin"]},
    )
    wanted: pd.DataFrame = rows[rows["model"] == row["model"]]
    return wanted
