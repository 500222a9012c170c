"""Walks through the past, written down as they go, so that one that is cut off goes on with the same bits."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from stockjax.code_version import code_version
from stockjax.engine import Policy, State
from stockjax.engine.walk_forward import Chunk, walk_forward
from stockjax.forecasting.ledger_rows import MODELS
from stockjax.forecasting.provenance import forecast_inputs
from stockjax.nightly.run_writer import RunWriter
from stockjax.nightly.state_file import load_state, save_state
from stockjax.nightly.universe import Universe

CHUNK_SESSIONS = 21
"""Sessions that are written down together."""


@dataclass(frozen=True)
class Walk:
    """What is to be walked through.

    Attributes
    ----------
    wanted
        By ticker, the sessions to forecast from.
    done
        By ticker, those among them that were forecast from already.
    kind
        backtest or replay: walks of one kind do not go on where one of the other was cut off.

    """

    policy: Policy
    wanted: Mapping[str, set[date]]
    done: Mapping[str, set[date]]
    kind: str

    @property
    def missing(self) -> dict[date, list[str]]:
        """By session, the tickers to forecast from it."""
        found: dict[date, list[str]] = {}
        for ticker, days in self.wanted.items():
            for day in days - self.done.get(ticker, set()):
                found.setdefault(day, []).append(ticker)
        return {day: found[day] for day in sorted(found)}

    def line(self, universe: Universe) -> str:
        """The name of the line of models: 16 hex digits over all that a state depends on but the prices."""
        policy: dict[str, Any] = {
            name: value for name, value in asdict(self.policy).items() if name != "workers"
        }
        identity = [self.kind, policy, sorted(self.wanted), list(universe.prices.tickers), code_version()]
        text = json.dumps(identity, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Written:
    """A part of a walk that was written down.

    Attributes
    ----------
    written
        Rows that are new in the ledger.
    sessions_done
        Forecasts of a ticker from a session.

    """

    chunk: Chunk
    written: int

    @property
    def sessions_done(self) -> int:
        """Pairs of a ticker and a session that this part forecast."""
        return len(self.chunk.forecasts) // len(MODELS)


def walk(store: RunWriter, universe: Universe, wanted: Walk, name: date) -> Iterator[Written]:
    """Walk through the sessions that are missing and write down each part.

    Sessions in one piece are one line of models. It begins with the state that an earlier walk of the same
    line has left before it, else with none.

    Parameters
    ----------
    name
        Names the files of the models.

    """
    line = wanted.line(universe)
    inputs = forecast_inputs(
        universe.history,
        universe.read_at,
        universe.forecast_sessions,
        context=universe.context_rules,
    )
    for sessions in _blocks(wanted):
        state = load_state(store.warehouse, line, min(sessions)) or State()
        for chunk in walk_forward(
            universe.prices, universe.reader, sessions, wanted.policy, state, CHUNK_SESSIONS
        ):
            store.backtest_models(chunk.models, f"{name}-{wanted.kind}-{chunk.sessions[0]}", state)
            state = chunk.state
            written = store.forecasts(chunk.forecasts, inputs) if len(chunk.forecasts) else 0
            if chunk.complete:
                save_state(store.warehouse, line, max(chunk.sessions), chunk.state, store.run_id)
            store.warehouse.publish_if_cheap()
            yield Written(chunk, written)


def _blocks(wanted: Walk) -> list[dict[date, list[str]]]:
    """The missing sessions, apart where sessions between them are done."""
    missing = wanted.missing
    every = sorted(set().union(*wanted.wanted.values())) if wanted.wanted else []
    blocks: list[dict[date, list[str]]] = []
    follows = False
    for day in every:
        if day not in missing:
            follows = False
            continue
        if not follows:
            blocks.append({})
        blocks[-1][day] = missing[day]
        follows = True
    return blocks
