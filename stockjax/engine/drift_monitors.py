"""The monitors of drift of one line of models: what they observe at a session, and where they stand then."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockjax.drift import COVERAGE, INPUT, SCALE, Monitor, Observations, Steps, Streams, advance
from stockjax.drift.input_statistics import (
    REFERENCE_SESSIONS,
    ending_together,
    recent,
    surprise_bets,
    watched_inputs,
)
from stockjax.drift.monitors import coverage_bets, scale_bets
from stockjax.features import PricePanel
from stockjax.settings import AlertSettings, DriftSettings

LOOKBACK = timedelta(days=370)
"""Older outcomes and alarms do not count: a monitor begins with the year before its first session."""

MIN_DAY_SHARE = 0.8
"""Share of a day's forecasts whose outcomes make it an observation of the universe."""

PENDING_COLUMNS = (
    *("ticker", "as_of", "target", "basis_close", "predicted_return", "scale"),
    *("q05", "q25", "q75", "q95", "of_ticker", "of_universe"),
)

_NOTHING_SEEN = pd.DataFrame({"ticker": [], "session": [], "of_ticker": [], "of_universe": []}).astype(
    {"ticker": "object", "session": "datetime64[s]", "of_ticker": bool, "of_universe": bool}
)
_STATE_COLUMNS = ("scope", "ticker", "monitor", "as_of", "last_session", "seen", "step", "wealth")
_INPUT_WARM_UP = 126
# What EWMA volatility, a mere floor here, and the longest mean need to have begun.
_INPUT_ROOM = 84
# As deep as the outcomes of another exchange may be behind.
_INPUT_AGAIN = 5
# More sessions than LOOKBACK holds days, so that the basis of every pending forecast is among them.
_OUTCOME_SESSIONS = LOOKBACK.days + 30


def no_states() -> pd.DataFrame:
    """The states of monitors that have observed nothing."""
    return pd.DataFrame({name: pd.Series(dtype=object) for name in _STATE_COLUMNS})


def no_pending() -> pd.DataFrame:
    """Forecasts that wait for an outcome: none."""
    return pd.DataFrame({name: pd.Series(dtype=object) for name in PENDING_COLUMNS})


@dataclass(frozen=True)
class Monitors:
    """Where the monitors of drift stand after a session.

    Attributes
    ----------
    states
        A row per monitor, scope and ticker, with the columns of the table `drift_state`.
    pending
        Forecasts of `lstm` whose outcome has not been observed yet, columns `PENDING_COLUMNS`;
        `of_ticker` and `of_universe` say which of the two has not observed it.
    alarms
        By ticker ('' for the universe), the session of the last alarm of coverage or scale.

    """

    states: pd.DataFrame = field(default_factory=no_states)
    pending: pd.DataFrame = field(default_factory=no_pending)
    alarms: Mapping[str, date] = field(default_factory=dict)


@dataclass(frozen=True)
class MonitorUpdate:
    """What a session has changed: rows of `drift`, and the rows of `drift_state` that moved."""

    rows: pd.DataFrame = field(default_factory=pd.DataFrame)
    states: pd.DataFrame = field(default_factory=pd.DataFrame)


def update_monitors(
    monitors: Monitors,
    prices: PricePanel,
    usable: PricePanel,
    as_of: date,
    drift: DriftSettings,
    band: AlertSettings,
    *,
    watch_inputs: bool = True,
) -> tuple[Monitors, MonitorUpdate]:
    """Observe what has become known up to the close of `as_of`; nothing is observed twice.

    A session of the past, after which the monitors have gone on, adds nothing: its evidence is on record.

    Parameters
    ----------
    prices
        Prices of all tickers up to `as_of`, for the outcomes.
    usable
        Those of the tickers that can be forecast from it, for the inputs.

    """
    if not drift.watch:
        return monitors, MonitorUpdate()
    outcomes = _outcomes(monitors.pending, prices, as_of)
    watched = [COVERAGE, SCALE, INPUT] if watch_inputs else [COVERAGE, SCALE]
    rows, moved = [], []
    for monitor in watched:
        known = _Known(monitors.states[monitors.states["monitor"] == monitor.name])
        seen = _inputs(usable, known) if monitor is INPUT else _judged(outcomes, monitor, band)
        seen = known.drop_already_seen(seen, as_of)
        for scope, table in (("ticker", seen[seen["of_ticker"]]), ("universe", _by_day(seen))):
            if len(table):
                added, state = _advance(monitor, scope, table, known.of(scope), drift, band)
                rows.append(added)
                moved.append(state)
    if not rows:
        return monitors, MonitorUpdate()
    update = MonitorUpdate(pd.concat(rows, ignore_index=True), pd.concat(moved, ignore_index=True))
    observed = _observed(monitors.pending, outcomes, as_of)
    alarms = {**monitors.alarms, **_alarms(update.rows, as_of)}
    recent_alarms = {name: day for name, day in alarms.items() if day >= as_of - LOOKBACK}
    return Monitors(_replaced(monitors.states, update.states, as_of), observed, recent_alarms), update


def pending_forecasts(rows: pd.DataFrame) -> pd.DataFrame:
    """The forecasts of `lstm` among rows of the ledger, as forecasts that wait for an outcome."""
    own = rows[rows["model"] == "lstm"]
    return own.assign(of_ticker=True, of_universe=True)[list(PENDING_COLUMNS)].reset_index(drop=True)


def with_pending(pending: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """The waiting forecasts, and those of `lstm` among new rows of the ledger."""
    fresh = pending_forecasts(rows) if len(rows) else no_pending()
    waiting = [table for table in (pending, fresh) if len(table)]
    return pd.concat(waiting, ignore_index=True) if waiting else no_pending()


def _alarms(rows: pd.DataFrame, as_of: date) -> dict[str, date]:
    raised = rows[rows["alarm"].astype(bool) & (rows["monitor"] != INPUT.name)]
    return {("" if pd.isna(ticker) else str(ticker)): as_of for ticker in raised["ticker"]}


def _replaced(states: pd.DataFrame, moved: pd.DataFrame, as_of: date) -> pd.DataFrame:
    key = ["monitor", "scope", "ticker"]
    fresh = moved.assign(as_of=pd.Timestamp(as_of))[list(_STATE_COLUMNS)]
    if not len(states):
        return fresh
    names = [pd.MultiIndex.from_frame(table[key].fillna("").astype(str)) for table in (states, fresh)]
    return pd.concat([states[~names[0].isin(names[1])], fresh], ignore_index=True)


def _observed(pending: pd.DataFrame, outcomes: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """The forecasts that still wait, and who waits for them."""
    if not len(pending):
        return pending
    by_ticker = pd.Series(False, index=pending.index)
    by_ticker[outcomes.index] = True
    days = outcomes.loc[outcomes["of_universe"], "target"].unique()
    left = pending.assign(
        of_ticker=pending["of_ticker"].astype(bool) & ~by_ticker,
        of_universe=pending["of_universe"].astype(bool) & ~pending["target"].isin(days),
    )
    young = left["target"] >= pd.Timestamp(as_of - LOOKBACK)
    return left[young & (left["of_ticker"] | left["of_universe"])].reset_index(drop=True)


def _outcomes(pending: pd.DataFrame, prices: PricePanel, as_of: date) -> pd.DataFrame:
    """The pending forecasts whose target has a price by now, with their residuals; ordered by session.

    The index is that of `pending`. Columns ticker, session, target, residual, inside_50, inside_90,
    of_ticker and of_universe: whether the ticker's monitors, or the universe's, observe it now.
    """
    due = pending[
        (pending["target"] <= pd.Timestamp(as_of)) & (pending["target"] >= pd.Timestamp(as_of - LOOKBACK))
    ]
    if not len(due):
        empty = {name: pd.Series(dtype="datetime64[s]") for name in ("session", "target")}
        numbers = {"residual": pd.Series(dtype=float)}
        flags = {
            name: pd.Series(dtype=bool) for name in ("inside_50", "inside_90", "of_ticker", "of_universe")
        }
        return pd.DataFrame({"ticker": pd.Series(dtype=object), **empty, **numbers, **flags})
    basis, actual = _adjusted_closes(recent(prices, _OUTCOME_SESSIONS), due)
    values = {name: due[name].to_numpy(dtype=np.float64) for name in PENDING_COLUMNS[3:10]}
    with np.errstate(invalid="ignore", divide="ignore"):
        returned = np.log(actual / basis)
        low, first, third, high = (
            np.log(values[name] / values["basis_close"]) for name in ("q05", "q25", "q75", "q95")
        )
        residual = (returned - values["predicted_return"]) / values["scale"]
    found = pd.DataFrame(
        {
            "ticker": due["ticker"].to_numpy(),
            "session": due["target"].to_numpy(),
            "target": due["target"].to_numpy(),
            "residual": residual,
            "inside_50": (returned >= first) & (returned <= third),
            "inside_90": (returned >= low) & (returned <= high),
            "of_ticker": due["of_ticker"].to_numpy(dtype=bool),
            "of_universe": due["of_universe"].to_numpy(dtype=bool),
        },
        index=due.index,
    )
    arrived = np.isfinite(returned)
    promised = found.groupby("target")["ticker"].transform("size")
    there = pd.Series(arrived, index=found.index).groupby(found["target"]).transform("sum")
    found["of_universe"] &= there >= MIN_DAY_SHARE * promised
    found = found[arrived & (found["of_ticker"] | found["of_universe"])]
    return found.sort_values(["session", "ticker"], kind="stable")


def _adjusted_closes(
    prices: PricePanel, due: pd.DataFrame
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Adjusted closes of each forecast's session and of its target, (n,) each; NaN where there is none."""
    row_of = {ticker: row for row, ticker in enumerate(prices.tickers)}
    rows = np.array([row_of.get(ticker, -1) for ticker in due["ticker"]], dtype=np.int64)
    valid = prices.valid
    number = np.arange(len(prices.tickers))[:, None] * 1_000_000 + prices.sessions.astype(
        "datetime64[D]"
    ).astype(np.int64)
    keys, closes = number[valid], prices.adj_close[valid]

    def close_on(days: pd.Series) -> npt.NDArray[np.float64]:
        wanted = rows * 1_000_000 + days.to_numpy().astype("datetime64[D]").astype(np.int64)
        place = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
        if not len(keys):
            return np.full(len(days), np.nan)
        found: npt.NDArray[np.float64] = np.where(
            (rows >= 0) & (keys[place] == wanted), closes[place], np.nan
        )
        return found

    return close_on(due["as_of"]), close_on(due["target"])


@dataclass(frozen=True)
class _Known:
    """The stored states of a monitor."""

    table: pd.DataFrame

    def of(self, scope: str) -> pd.DataFrame:
        return self.table[self.table["scope"] == scope]

    def drop_already_seen(self, seen: pd.DataFrame, as_of: date) -> pd.DataFrame:
        """Leave out those that a later night has moved already."""
        ahead = self.table[self.table["as_of"] > pd.Timestamp(as_of)]
        own = seen["of_ticker"] & ~seen["ticker"].isin(ahead["ticker"].dropna())
        shared = seen["of_universe"] & ("universe" not in set(ahead["scope"]))
        return seen.assign(of_ticker=own, of_universe=shared)

    def last_sessions(self, scope: str) -> dict[str | None, np.datetime64]:
        table = self.of(scope)
        names = table["ticker"] if scope == "ticker" else [None] * len(table)
        return dict(zip(names, table["last_session"].to_numpy().astype("datetime64[D]"), strict=True))


def _judged(outcomes: pd.DataFrame, monitor: Monitor, limits: AlertSettings) -> pd.DataFrame:
    """What a monitor of forecasts sees in outcomes: ticker, session, observation and a column per bet."""
    inside_90 = outcomes["inside_90"].to_numpy(dtype=np.bool_)
    residuals = outcomes["residual"].to_numpy(dtype=np.float64)
    if monitor is COVERAGE:
        bets = coverage_bets(inside_90, limits.coverage_low, limits.coverage_high)
        seen = inside_90.astype(np.float64)
    else:
        bets = scale_bets(residuals, outcomes["inside_50"].to_numpy(dtype=np.bool_), inside_90)
        # Squared, so that the mean over tickers is one of squares.
        seen = residuals**2
    return _with_bets(outcomes[["ticker", "session", "of_ticker", "of_universe"]], monitor, seen, bets)


def _inputs(history: PricePanel, known: _Known) -> pd.DataFrame:
    """The same of a monitor of inputs, from the prices of the tickers."""
    last = known.last_sessions("ticker")
    newest = np.array([last.get(ticker, np.datetime64("NaT", "D")) for ticker in history.tickers])
    newest = newest.astype("datetime64[D]")
    # No comparison with NaT holds: to a ticker that begins all is fresh.
    fresh = history.lengths - (history.sessions <= newest[:, None]).sum(axis=1)
    fresh = np.minimum(fresh, _INPUT_WARM_UP)
    counts = np.where(fresh > _INPUT_AGAIN, _INPUT_WARM_UP, _INPUT_AGAIN)
    history = recent(history, REFERENCE_SESSIONS + int(counts.max(initial=0)) + _INPUT_ROOM)
    counts = np.minimum(counts, np.maximum(history.lengths - 1, 0))
    fresh_from = history.lengths - fresh
    if not counts.any():
        return _with_bets(_NOTHING_SEEN, INPUT, np.zeros(0), np.zeros((0, len(INPUT.bets))))
    series = [ending_together(each, history.lengths) for each in watched_inputs(history)]
    rows, columns, payoffs = [], [], []
    for count in np.unique(counts[counts > 0]):
        here = np.flatnonzero(counts == count)
        paid = np.concatenate([surprise_bets(each[here], count) for each in series], axis=2)
        rows.append(np.repeat(here, count))
        columns.append((history.lengths[here, None] - count + np.arange(count)).ravel())
        payoffs.append(paid.reshape(-1, paid.shape[2]))
    row, column, paid = np.concatenate(rows), np.concatenate(columns), np.concatenate(payoffs)
    days = history.sessions[row, column]
    universe = known.last_sessions("universe").get(None)
    found = pd.DataFrame(
        {
            "ticker": np.array(history.tickers, dtype=object)[row],
            "session": days.astype("datetime64[s]"),
            "of_ticker": column >= fresh_from[row],
            "of_universe": True if universe is None else days > universe,
        }
    )
    arrived = found.groupby("session")["ticker"].transform("size")
    found["of_universe"] &= arrived >= MIN_DAY_SHARE * (history.lengths > 1).sum()
    return _with_bets(found, INPUT, paid.mean(axis=1), paid)


def _with_bets(
    found: pd.DataFrame, monitor: Monitor, seen: npt.NDArray[np.float64], bets: npt.NDArray[np.float64]
) -> pd.DataFrame:
    paid = dict(zip(monitor.bets, bets.T, strict=True))
    return found.assign(observation=seen, tickers=1, **paid)


def _by_day(seen: pd.DataFrame) -> pd.DataFrame:
    """One observation a day, the mean over its tickers: of a day they are not independent."""
    shared = seen[seen["of_universe"]]
    means = shared.drop(columns=["ticker", "tickers", "of_ticker", "of_universe"]).groupby("session").mean()
    return means.assign(tickers=shared.groupby("session").size(), ticker=None).reset_index()


def _advance(
    monitor: Monitor,
    scope: str,
    seen: pd.DataFrame,
    known: pd.DataFrame,
    drift: DriftSettings,
    band: AlertSettings,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows and the states that new observations make."""
    names, stream = np.unique(seen["ticker"].fillna("").to_numpy(dtype=object), return_inverse=True)
    place = pd.Index(known["ticker"].fillna("")).get_indexer(pd.Index(names))
    streams = _restored(place, known, len(monitor.bets))
    observed = Observations(
        stream, seen["session"].to_numpy().astype("datetime64[D]"), seen[list(monitor.bets)].to_numpy()
    )
    fewest = drift.min_observations
    streams, steps = advance(streams, observed, average_run_length=drift.average_run_length, fewest=fewest)
    newest = seen["session"].groupby(stream).max().to_numpy()
    before = known["last_session"].to_numpy()[place] if len(known) else newest
    tickers = None if scope == "universe" else names
    state = pd.DataFrame(
        {
            "scope": scope,
            "ticker": pd.Series(tickers, index=range(len(names)), dtype="str"),
            "monitor": monitor.name,
            "last_session": np.where(place >= 0, np.fmax(newest, before.astype(newest.dtype)), newest),
            "seen": streams.seen,
            "step": streams.steps,
            "wealth": list(streams.wealth),
        }
    )
    return _rows(monitor, scope, seen, steps), state


def _restored(place: npt.NDArray[np.int64], known: pd.DataFrame, bets: int) -> Streams:
    """The streams as they were left, by their rows in `known`; fresh ones where there is none."""
    streams = Streams.fresh(len(place), bets)
    found = np.flatnonzero(place >= 0)
    if len(found):
        stored = {name: known[name].to_numpy()[place[found]] for name in ("wealth", "seen", "step")}
        streams.wealth[found] = np.stack(list(stored["wealth"]))
        streams.seen[found], streams.steps[found] = stored["seen"], stored["step"]
    return streams


def _rows(monitor: Monitor, scope: str, seen: pd.DataFrame, steps: Steps) -> pd.DataFrame:
    observation = seen["observation"].to_numpy()
    return pd.DataFrame(
        {
            "scope": scope,
            "ticker": seen["ticker"].astype("str") if scope == "ticker" else pd.Series(dtype="str"),
            "monitor": monitor.name,
            "session": seen["session"],
            "tickers": seen["tickers"],
            "observation": np.sqrt(observation) if monitor is SCALE else observation,
            "evidence": steps.evidence,
            "threshold": steps.level,
            "alarm": steps.alarm,
            "direction": np.array(monitor.bets)[steps.leading],
            "seen": steps.seen,
            "step": steps.step,
        }
    )
