"""Scoring the variants on the same forecasts, and the table of it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata
from walk import Array, Mask

from stockjax.baselines.empirical_quantiles import trailing_windows
from stockjax.distribution import LEVELS, pinball
from stockjax.features import Features, PricePanel
from stockjax.features.volatility import exponential_mean, log_returns
from stockjax.scoring.skill import Skill, skill_over_days

JUMP = 4.0
"""Volatilities of an earnings-like jump."""

JUMP_VOLUME = 2.0
"""Its volume, over what was usual."""

SESSIONS_AFTER = 5
_YEAR = 250
_VOLUME_HALF_LIFE = 20.0


@dataclass(frozen=True)
class Questions:
    """What the forecasts were about, each (n,).

    Attributes
    ----------
    returns
        The next session's log return, which was forecast.
    days
        Sessions that were forecast from.
    tercile
        0 to 2: where the session's EWMA volatility lies among those of the same ticker's forecasts.
        Later returns have a say in it: exact quantiles cover too little below and too much above.
    known_tercile
        0 to 2: where it lies among those of the year before, which the session knew.
    after_jump
        Whether the target is one of the sessions after an earnings-like jump.

    """

    returns: Array
    days: npt.NDArray[np.datetime64]
    tercile: npt.NDArray[np.int64]
    known_tercile: npt.NDArray[np.int64]
    after_jump: Mask


def questions(
    history: PricePanel, features: Features, rows: npt.NDArray[np.int64], positions: npt.NDArray[np.int64]
) -> Questions:
    """Look up what came of the forecasts from the given places."""
    volatility = features.volatility[rows, positions]
    tercile = np.zeros(len(rows), dtype=np.int64)
    for row in np.unique(rows):
        own = np.flatnonzero(rows == row)
        tercile[own] = 3 * (rankdata(volatility[own], method="ordinal") - 1) // len(own)
    return Questions(
        log_returns(history)[rows, positions + 1],
        history.sessions[rows, positions],
        tercile,
        _known_terciles(features.volatility, rows, positions),
        after_jumps(history, features)[rows, positions],
    )


def _known_terciles(
    volatility: Array, rows: npt.NDArray[np.int64], positions: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    past = trailing_windows(volatility, rows, positions, _YEAR)
    lower = (past < volatility[rows, positions][:, None]).sum(axis=1)
    share = lower / (~np.isnan(past)).sum(axis=1)
    thirds: npt.NDArray[np.int64] = np.minimum((3 * share).astype(np.int64), 2)
    return thirds


def after_jumps(history: PricePanel, features: Features) -> Mask:
    """(tickers, sessions) from a jump on: its session and those before SESSIONS_AFTER have passed."""
    moves = np.zeros(history.close.shape)
    moves[:, 1:] = np.abs(np.nan_to_num(log_returns(history)[:, 1:] / features.volatility[:, :-1]))
    log_volume = np.log(np.where(history.volume > 0, history.volume, np.nan))
    usual = exponential_mean(log_volume, 0.5 ** (1 / _VOLUME_HALF_LIFE))
    extra = np.full(history.close.shape, -np.inf)
    extra[:, 1:] = np.nan_to_num(log_volume[:, 1:] - usual[:, :-1], nan=-np.inf)
    jump = (moves > JUMP) & (extra >= np.log(JUMP_VOLUME))
    after: Mask = jump.copy()
    for distance in range(1, SESSIONS_AFTER):
        after[:, distance:] |= jump[:, :-distance]
    return after


@dataclass(frozen=True)
class Scores:
    """How one variant did; coverage is of the 90% interval, skills are in pinball."""

    pinball: float
    skill: Skill
    compare_losses: Skill
    coverage: float
    coverage_by_tercile: tuple[float, ...]
    coverage_by_known_tercile: tuple[float, ...]
    coverage_after_jumps: float
    rmse_ratio: float


def score(quantiles: Array, asked: Questions, benchmark: Array, default: Array) -> Scores:
    """Score the quantiles of one variant against those of the benchmark and of the default, (n, 5)."""
    loss = pinball(quantiles, asked.returns)
    inside = (asked.returns >= quantiles[:, 0]) & (asked.returns <= quantiles[:, -1])
    error = asked.returns - quantiles[:, len(LEVELS) // 2]
    return Scores(
        pinball=float(loss.mean()),
        skill=skill_over_days(loss, pinball(benchmark, asked.returns), asked.days),
        compare_losses=skill_over_days(loss, pinball(default, asked.returns), asked.days),
        coverage=float(inside.mean()),
        coverage_by_tercile=_by_third(inside, asked.tercile),
        coverage_by_known_tercile=_by_third(inside, asked.known_tercile),
        coverage_after_jumps=float(inside[asked.after_jump].mean()),
        rmse_ratio=float(np.sqrt((error**2).mean() / (asked.returns**2).mean())),
    )


def _by_third(inside: Mask, tercile: npt.NDArray[np.int64]) -> tuple[float, ...]:
    return tuple(float(inside[tercile == third].mean()) for third in range(3))


def as_table(scores: Mapping[str, Scores]) -> str:
    """The scores in Markdown, one line per variant."""
    headings = (
        "variant",
        "pinball, bps",
        "skill vs har, %",
        "vs default, %",
        "90% covers",
        "low / middle / high volatility",
        "the same by the year before",
        "after jumps",
        "RMSE ratio",
    )
    lines = [_line(headings), _line(["---"] + ["---:"] * (len(headings) - 1))]
    lines += [_line([name, *_cells(one)]) for name, one in scores.items()]
    return "\n".join(lines)


def _cells(one: Scores) -> list[str]:
    return [
        f"{1e4 * one.pinball:.2f}",
        percent(one.skill),
        percent(one.compare_losses),
        f"{one.coverage:.3f}",
        _thirds(one.coverage_by_tercile),
        _thirds(one.coverage_by_known_tercile),
        f"{one.coverage_after_jumps:.3f}",
        f"{one.rmse_ratio:.4f}",
    ]


def _thirds(coverage: tuple[float, ...]) -> str:
    return " / ".join(f"{part:.3f}" for part in coverage)


def percent(skill: Skill) -> str:
    """A skill and its interval, in %."""
    return f"{100 * skill.value:+.2f} [{100 * skill.low:+.2f}, {100 * skill.high:+.2f}]"


def _line(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
