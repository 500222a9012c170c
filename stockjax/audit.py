"""The leak audit: does a forecast of the past change when what came after it does?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd

from stockjax.engine import Policy, State
from stockjax.engine.walk_forward import walk_forward
from stockjax.errors import NothingToForecastError
from stockjax.events import Announcement, notices_from_table, notices_table
from stockjax.forecasting.ledger_rows import bitwise_differences
from stockjax.forecasting.missing_forecasts import sessions_between
from stockjax.forecasting.plan import recorded_plan
from stockjax.ingest import Ingested
from stockjax.ingest.altered_events import Alteration, altered_notices
from stockjax.ingest.listings import listings
from stockjax.ingest.stored_context import read_market_context
from stockjax.nightly.universe import Universe, resolve_universe
from stockjax.settings import Settings
from stockjax.sources.events import EventRequest
from stockjax.sources.events.event_file import EventFile
from stockjax.warehouse import Warehouse
from stockjax.warehouse.event_tables import read_events, replace_events
from stockjax.warehouse.ledger import read_table
from stockjax.warehouse.perturbed import PERTURBATIONS, Perturbation, perturbed_copy
from stockjax.warehouse.records import read_listings

LATER_SESSIONS = 5
"""Sessions forecast together with the audited one, as a backtest does."""

_KEYS = ["ticker", "model"]

ForecastFn = Callable[[Universe, Mapping[date, list[str]], Settings], pd.DataFrame]
"""From what a run finds in the warehouse and, by session, the tickers wanted, to rows of the ledger."""


@dataclass(frozen=True)
class Audited:
    """What became of one forecast.

    Attributes
    ----------
    changed
        By alteration, the columns that came out with other bits; empty if none did.

    """

    ticker: str
    as_of: date
    model: str
    changed: Mapping[Perturbation, tuple[str, ...]]

    @property
    def leaks(self) -> bool:
        """Whether anything that came later has changed a single bit of it."""
        return any(self.changed.values())


def auditable(warehouse: Warehouse, tickers: Sequence[str], sessions: int) -> dict[date, list[str]]:
    """Sessions, spread evenly over the ledger, and the tickers that were forecast from each.

    Raises
    ------
    SnapshotMissingError
        No run has written to this warehouse yet.
    NothingToForecastError
        No forecast in the ledger has later prices that could have leaked into it.

    """
    rows = read_table(warehouse, "auditable_forecasts", tickers=list(tickers))
    if rows.empty:
        raise NothingToForecastError(
            "no forecast in the ledger has prices after its session yet; run stockjax run on another night, "
            "or stockjax backtest"
        )
    by_session: dict[date, list[str]] = {}
    for day, ticker in zip(rows["as_of"].dt.date, rows["ticker"], strict=True):
        by_session.setdefault(day, []).append(ticker)
    days = list(by_session)
    places = np.unique(np.linspace(0, len(days) - 1, min(sessions, len(days))).round().astype(int))
    return {days[place]: by_session[days[place]] for place in places}


def own_forecasts(universe: Universe, wanted: Mapping[date, list[str]], settings: Settings) -> pd.DataFrame:
    """The step of every night: train at the first of the sessions, forecast from all of them."""
    policy = Policy.of_backtest(settings, LATER_SESSIONS + 1)
    parts = walk_forward(universe.prices, universe.reader, dict(wanted), policy, State())
    tables = [part.forecasts for part in parts]
    if not tables:
        return pd.DataFrame({name: pd.Series(dtype="datetime64[s]") for name in ("ticker", "as_of", "model")})
    return pd.concat(tables, ignore_index=True)


def audit(
    warehouse: Warehouse,
    as_of: date,
    tickers: Sequence[str],
    settings: Settings,
    forecaster: ForecastFn = own_forecasts,
    progress: Callable[[Perturbation], None] = lambda alteration: None,
) -> list[Audited]:
    """Train and forecast again from a session, with the later prices unchanged and perturbed.

    The models are trained at the session, on all prices of the warehouse, and the sessions
    after it are forecast in the same breath, so that a leak on any way from SQL to the ledger
    shows: in reading, in the choice of tickers, in the features, in training, in the forecast.

    Parameters
    ----------
    forecaster
        What is audited.
    progress
        Called after each alteration.

    Returns
    -------
    One for each forecast of any model from `as_of`.

    Raises
    ------
    NothingToForecastError
        A ticker can no longer be forecast from the session.

    """
    found: dict[Perturbation, pd.DataFrame] = {}
    for alteration in PERTURBATIONS:
        found[alteration] = _forecasts(warehouse, alteration, as_of, tickers, settings, forecaster)
        progress(alteration)
    reference = found.pop("unchanged")
    lost = sorted(set(tickers) - set(reference.index.get_level_values("ticker")))
    if lost:
        raise NothingToForecastError(
            f"the audit cannot forecast {', '.join(lost)} from {as_of}, as the ledger has it; report this"
        )
    everyone = reference.index
    for rows in found.values():
        everyone = everyone.union(rows.index)
    changed = {alteration: _differences(reference, rows, everyone) for alteration, rows in found.items()}
    return [
        Audited(ticker, as_of, model, {alteration: columns[row] for alteration, columns in changed.items()})
        for row, (ticker, model) in enumerate(everyone)
    ]


def _forecasts(
    warehouse: Warehouse,
    alteration: Perturbation,
    as_of: date,
    tickers: Sequence[str],
    settings: Settings,
    forecaster: ForecastFn,
) -> pd.DataFrame:
    """The forecasts from `as_of`, by ticker and model, where the later prices are altered."""
    with perturbed_copy(warehouse, alteration, as_of) as copy:
        everyone = read_table(copy, "price_tickers")
        names = everyone["ticker"].tolist()
        listed = listings(names, settings, read_listings(copy, names))
        plan = recorded_plan(tickers, names, settings.exchange, everyone["last_session"].max().date())
        universe = resolve_universe(copy, plan, Ingested(listed), settings)
        universe = _with_altered_events(copy, universe, alteration, as_of, settings)
    sessions = sessions_between(
        universe.prices.ever.only(tickers), as_of, date.max, settings.history.forecast_sessions
    )
    wanted: dict[date, list[str]] = {}
    for ticker, days in sessions.items():
        for day in sorted(days)[: 1 + LATER_SESSIONS]:
            wanted.setdefault(day, []).append(ticker)
    rows = forecaster(universe, wanted, settings)
    return rows[rows["as_of"] == pd.Timestamp(as_of)].set_index(_KEYS).sort_index()


def _with_altered_events(
    copy: Warehouse, universe: Universe, alteration: Perturbation, as_of: date, settings: Settings
) -> Universe:
    """Derive the announcements of the copy again, those that became known later cut or corrupted."""
    exchanges = {
        ticker: listing.exchange for ticker, listing in universe.listings.items() if not listing.fault
    }
    given: tuple[Announcement, ...] = ()
    if settings.events.path:
        requests = [EventRequest(ticker, exchange) for ticker, exchange in exchanges.items()]
        (delivery,) = EventFile(settings.events.path).fetch(requests)
        given = delivery.announcements
    of_events: Alteration = alteration if alteration in ("cut", "corrupted") else "none"
    notices = altered_notices(
        notices_from_table(read_events(copy, exchanges)),
        given,
        _closes_and_volumes(universe, as_of),
        exchanges,
        settings.events.notice,
        as_of,
        of_events,
    )
    replace_events(copy, notices_table(notices), moment=datetime.now(UTC))
    last = max(market.as_of for market in universe.markets.values())
    tickers, rules = universe.prices.tickers, universe.context_rules
    return replace(universe, context=read_market_context(copy, tickers, universe.exchanges, rules, last))


def _closes_and_volumes(universe: Universe, as_of: date) -> pd.DataFrame:
    """Columns ticker, session, adj_close and volume: up to a session as known then, later ones as now."""
    tables = []
    for panel, later in ((universe.prices.at(as_of), False), (universe.prices.latest, True)):
        chosen = panel.valid & ((panel.sessions > np.datetime64(as_of, "D")) == later)
        rows = np.nonzero(chosen)[0]
        tables.append(
            pd.DataFrame(
                {
                    "ticker": [panel.tickers[row] for row in rows],
                    "session": panel.sessions[chosen],
                    "adj_close": panel.adj_close[chosen],
                    "volume": panel.volume[chosen],
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def _differences(reference: pd.DataFrame, rows: pd.DataFrame, everyone: pd.Index) -> list[tuple[str, ...]]:
    """For each forecast, the columns whose bits differ; all of them if only one of the two has it."""
    one_sided = everyone.isin(reference.index) != everyone.isin(rows.index)
    before, after = reference.reindex(everyone), rows.reindex(everyone)
    differing = {
        name: one_sided | bitwise_differences(before[name], after[name]) for name in reference.columns
    }
    table = pd.DataFrame(differing)
    return [tuple(table.columns[row]) for row in table.to_numpy()]
