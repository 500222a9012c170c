"""How a run of the nightly flow ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from stockjax.engine import StepResult
from stockjax.forecasting.ledger_rows import MODELS
from stockjax.ingest import Ingested
from stockjax.ingest.ingest_warnings import exchanges_without_prices
from stockjax.nightly.drift_alarms import alarm_lines
from stockjax.nightly.run import Run
from stockjax.nightly.universe import Universe
from stockjax.warehouse.ledger import complete_forecasts
from stockjax.warehouse.records import rejected_models
from stockjax.wording import counted

MAX_REASONS = 20
"""Failures in the message of the run's end state; the row of `runs` and `stockjax status` have all."""


@dataclass(frozen=True)
class RunResult:
    """What a run of the nightly flow did.

    Attributes
    ----------
    targets
        The sessions that were forecast, one for each date on which an exchange trades next.
    tickers
        The tickers that the run was to forecast.
    forecast
        Tickers with a forecast.
    caught_up
        Missed sessions whose forecasts were written.
    excused
        Tickers that are delisted or whose history is too short.
    failures
        By ticker or file, why a forecast is missing or is not made as usual.
    ingested
        The counts of ingest.
    remark
        Why there was nothing to do; None if there was.
    drift
        The drift alarms of the session.
    rejected
        New models that failed the promotion gate.
    decisions
        For each of tonight's sessions, how many models were trained, promoted, rejected or kept.

    """

    as_of: date
    targets: tuple[date, ...]
    tickers: frozenset[str]
    forecast: int
    caught_up: int
    excused: int
    failures: Mapping[str, str]
    ingested: Mapping[str, object]
    remark: str | None
    report: Path
    drift: tuple[str, ...] = ()
    rejected: int = 0
    decisions: tuple[str, ...] = ()

    def failed(self, share: float) -> bool:
        """Whether no ticker was forecast, or more than a share of them was not.

        Tickers that are delisted or too short to be forecast do not count.
        """
        wanted = len(self.tickers) - self.excused
        return self.forecast == 0 or wanted - self.forecast > share * wanted

    @property
    def message(self) -> str:
        """One sentence for the run's end state."""
        targets = " and ".join(str(target) for target in self.targets)
        text = f"{self.forecast} of {len(self.tickers)} tickers forecast for {targets}"
        if self.caught_up:
            text += f"; {self.caught_up} missed session(s) caught up"
        if self.remark:
            text += f"; {self.remark}"
        if self.rejected:
            text += f"; {counted(self.rejected, 'new model')} rejected"
        if self.drift:
            text += f"; {len(self.drift)} alarm(s) of drift"
        reasons = [
            # A file's sentence names the file.
            why if f"'{name}'" in why and name not in self.tickers else f"{name}: {why}"
            for name, why in sorted(self.failures.items())
        ]
        if len(reasons) > MAX_REASONS:
            rest = len(reasons) - MAX_REASONS
            reasons = [*reasons[:MAX_REASONS], f"and {counted(rest, 'more ticker')}, see stockjax status"]
        return "; ".join([text, *reasons])

    def summary(self) -> dict[str, object]:
        """The counts as plain values, for the row of `runs` and for the caller."""
        return {
            "as_of": str(self.as_of),
            "asked": len(self.tickers),
            "forecast": self.forecast,
            "caught_up": self.caught_up,
            "failures": dict(self.failures),
            "ingest": dict(self.ingested),
            "rejected": self.rejected,
            "drift": list(self.drift),
            "decisions": list(self.decisions),
            "report": str(self.report),
        }


def run_result(
    run: Run, universe: Universe, ingested: Ingested, results: Sequence[StepResult], report: Path
) -> RunResult:
    """Count what a run did.

    Parameters
    ----------
    results
        What was made of tonight's sessions, without those that were caught up.

    """
    plan = run.plan
    markets = {ticker: universe.markets[ticker] for ticker in universe.chosen}
    first = min(market.as_of for market in markets.values())
    with run.warehouse.keep_open():
        complete = complete_forecasts(run.warehouse, plan.tickers, first, plan.as_of, len(MODELS))
        drift = alarm_lines(run.warehouse, plan.as_of, plan.tickers)
        rejected = rejected_models(run.warehouse, plan.as_of)
    excused = [state for state in universe.states if state.state in {"delisted", "too_short"}]
    without = {
        state.ticker: str(state.reason) if state.state == "active" else f"{state.state}, {state.reason}"
        for state in universe.states
        if not state.can_forecast and state.ticker in markets
    }
    of_files = {name: str(why) for name, why in ingested.failures.items() if name not in universe.markets}
    warnings = {**_without_prices(run, universe), **ingested.warnings}
    problems = {name: why for result in results for name, why in result.decisions.problems.items()}
    return RunResult(
        as_of=plan.as_of,
        targets=tuple(sorted({market.target for market in markets.values()})),
        tickers=frozenset(markets),
        forecast=sum(market.as_of in complete.get(ticker, set()) for ticker, market in markets.items()),
        caught_up=len(universe.due_catch_up),
        excused=sum(state.ticker in markets for state in excused),
        failures={**of_files, **warnings, **without, **problems},
        ingested=ingested.summary(),
        remark=None if without else _holiday(run, universe),
        drift=drift,
        rejected=rejected,
        report=report,
        decisions=tuple(result.decisions.summary() for result in results),
    )


def _without_prices(run: Run, universe: Universe) -> dict[str, str]:
    """The exchanges of which a live run has no price of the last session."""
    if not run.plan.is_live:
        return {}
    trading = [state for state in universe.states if state.state in {"active", "stale", "too_short"}]
    return exchanges_without_prices(
        {
            state.ticker: (
                universe.markets[state.ticker].exchange,
                universe.markets[state.ticker].as_of,
                state.last_session,
            )
            for state in trading
        }
    )


def _holiday(run: Run, universe: Universe) -> str | None:
    """Why a live run found nothing new, if its exchanges did not trade today."""
    plan = run.plan
    if not plan.is_live or universe.due or universe.due_catch_up:
        return None
    exchanges = {universe.markets[ticker].exchange for ticker in plan.tickers}
    days = {each: plan.started_at.astimezone(ZoneInfo(each.time_zone)).date() for each in exchanges}
    closed = [f"{day} is no session of {each.code}" for each, day in days.items() if not each.is_session(day)]
    if len(closed) < len(exchanges):
        return None
    return ", ".join(sorted(closed)) + ": nothing to do"
