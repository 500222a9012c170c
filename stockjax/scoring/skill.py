"""How much better than a benchmark, and how sure that is."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockjax.warehouse import Warehouse
from stockjax.warehouse.bootstrap import drawn_days
from stockjax.warehouse.ledger import read_table

_LOW, _HIGH = 0.025, 0.975
_BENCHMARKS = ("har", "ewma")
KINDS_OF_DAY = ("reaction", "day of the announcement", "session after it", "other", "tickers with dates")
"""What the target of a forecast is to an announcement, in the order of tables."""
_MEANS = {
    "pinball": "pinball",
    "crps": "crps",
    "winkler_90": "winkler_90",
    "width_90": "width_90",
    "mape": "relative_error",
    "direction": "right_direction",
    "coverage_50": "inside_50",
    "coverage_90": "inside_90",
}


@dataclass(frozen=True)
class Skill:
    """1 - loss / loss of the benchmark, with a 95% interval; above 0 is better."""

    value: float
    low: float
    high: float


def skill_over_days(
    loss: npt.NDArray[np.float64],
    benchmark: npt.NDArray[np.float64],
    days: npt.NDArray[np.datetime64],
) -> Skill:
    """Skill of the same forecasts, with the percentile interval of a bootstrap over days.

    Whole days are drawn, because tickers move together: a day is one observation. Cameron,
    Gelbach and Miller, Bootstrap-Based Improvements for Inference with Clustered Errors,
    Review of Economics and Statistics 90 (2008), pairs cluster bootstrap. The draws are those of
    the view `leaderboard`, so that the same losses have the same interval everywhere.

    Parameters
    ----------
    loss, benchmark
        (n,) losses of two models on the same forecasts.
    days
        (n,) the session of each.

    """
    distinct, place = np.unique(days, return_inverse=True)
    own = np.bincount(place, weights=loss, minlength=len(distinct))
    other = np.bincount(place, weights=benchmark, minlength=len(distinct))
    drawn = len(distinct) - 1 - drawn_days(len(distinct))
    ratios = 1 - own[drawn].sum(axis=1) / other[drawn].sum(axis=1)
    low, high = np.quantile(ratios, [_LOW, _HIGH])
    return Skill(float(1 - own.sum() / other.sum()), float(low), float(high))


def backtest_scores(
    warehouse: Warehouse, first: date, last: date, tickers: list[str] | None = None
) -> pd.DataFrame:
    """Every model over the scored backtest forecasts from `first` to `last`, one row each.

    Only forecasts that all models made are scored.

    Returns
    -------
    Index model; columns n, days; pinball, crps, winkler_90, width_90, rmse and mae, all of the
    log return; mape of the close; direction, the share of signs that were right; skill_har
    and skill_ewma (pinball) with _low and _high; rmse_ratio and mae_ratio to the random walk;
    coverage_50 and coverage_90, the latter also over each tercile of the ticker's own volatility.

    """
    rows = read_table(warehouse, "backtest_scores", first=first, last=last, tickers=tickers or [])
    if rows.empty:
        return pd.DataFrame()
    by_model = {str(model): part.reset_index(drop=True) for model, part in rows.groupby("model")}
    return pd.DataFrame.from_dict(
        {model: _scores(part, by_model) for model, part in by_model.items()}, orient="index"
    ).sort_values("pinball")


def scores_by_day(
    warehouse: Warehouse, first: date, last: date, tickers: list[str] | None = None
) -> pd.DataFrame:
    """The network's backtest forecasts and HAR's by what their target is to an announcement.

    Returns
    -------
    One row per kind of day and model, of lstm and har: kind_of_day, model, n, coverage_50, coverage_90, and
    the pinball skill of lstm to har with its interval: skill, low, high. `reaction`, `other`, and, where the
    time of day is not known, `day of the announcement` and `session after it`; `tickers with dates` are all
    sessions of these. Empty where no announcement is known.

    """
    rows = read_table(warehouse, "backtest_by_day", first=first, last=last, tickers=tickers or [])
    rows = rows[rows["model"].isin(["lstm", "har"])]
    if not rows["dated"].any():
        return pd.DataFrame()
    dated = rows[rows["dated"] & rows["kind_of_day"].isin(["reaction", "other"])]
    rows = pd.concat([rows, dated.assign(kind_of_day="tickers with dates")], ignore_index=True)
    found = []
    for kind in dict.fromkeys(KINDS_OF_DAY):
        for model in ("lstm", "har"):
            some = rows[(rows["kind_of_day"] == kind) & (rows["model"] == model)]
            if some.empty:
                continue
            losses = some["pinball"].to_numpy(), some["benchmark"].to_numpy()
            skill = skill_over_days(*losses, some["session"].to_numpy())
            found.append(
                {
                    "kind_of_day": kind,
                    "model": model,
                    "n": len(some),
                    "coverage_50": some["inside_50"].mean(),
                    "coverage_90": some["inside_90"].mean(),
                    "skill": skill.value,
                    "low": skill.low,
                    "high": skill.high,
                }
            )
    return pd.DataFrame(found)


def _scores(own: pd.DataFrame, by_model: dict[str, pd.DataFrame]) -> dict[str, float]:
    days = own["session"].to_numpy()
    walk = _point_errors(by_model["random_walk"])
    errors = _point_errors(own)
    scores = {
        "n": float(len(own)),
        "days": float(own["session"].nunique()),
        **{name: own[column].mean() for name, column in _MEANS.items()},
        **errors,
        "rmse_ratio": errors["rmse"] / walk["rmse"],
        "mae_ratio": errors["mae"] / walk["mae"],
    }
    for tercile, name in ((1, "low"), (2, "middle"), (3, "high")):
        scores[f"coverage_90_{name}"] = own.loc[own["tercile"] == tercile, "inside_90"].mean()
    for name in _BENCHMARKS:
        skill = skill_over_days(own["pinball"].to_numpy(), by_model[name]["pinball"].to_numpy(), days)
        scores[f"skill_{name}"] = skill.value
        scores[f"skill_{name}_low"], scores[f"skill_{name}_high"] = skill.low, skill.high
    return scores


def _point_errors(rows: pd.DataFrame) -> dict[str, float]:
    errors = rows["return_error"]
    return {"rmse": float(np.sqrt((errors**2).mean())), "mae": float(errors.abs().mean())}
