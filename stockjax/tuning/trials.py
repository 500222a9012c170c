"""What came of the configurations that were tried, as the study remembers it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import optuna
import pandas as pd
from optuna.trial import FrozenTrial, TrialState

from stockjax.scoring.skill import Skill, skill_over_days
from stockjax.tuning.folds import Array, Fold
from stockjax.tuning.study_storage import CURRENT, REASON, finished_trials

# What trials remember, by the names of Optuna's user text.
SUMS = "sums_of_fold_{}"
SKILL = "skill"
CHANGES = "changes"
FOLDS = "folds"
LOSS = "loss"

TrialOutcome = Literal["completed", "pruned", "failed"]
_OUTCOMES: Mapping[TrialState, TrialOutcome] = {
    TrialState.COMPLETE: "completed",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}


@dataclass(frozen=True)
class TrialResult:
    """A configuration that was tried.

    Attributes
    ----------
    number
        Its place in the study.
    current
        Whether it is the current settings.
    changes
        What differs from them, for people.
    values
        By setting, what was tried.
    folds
        Folds that it was scored on; a pruned one has not seen all.
    loss
        Mean pinball loss over them, in basis points; None if it failed at once.
    skill
        1 - loss / loss of the current settings, day by day on the same folds, with the 95%
        interval of a bootstrap over days.
    reason
        Why it failed.

    """

    number: int
    current: bool
    changes: str
    values: Mapping[str, float]
    outcome: TrialOutcome
    folds: int
    loss: float | None
    skill: Skill | None
    reason: str | None

    @property
    def line(self) -> str:
        """The same for people."""
        text = f"trial {self.number}, {self.changes}: "
        if self.outcome == "failed":
            return f"{text}failed, {self.reason}"
        text += f"{self.loss:.2f} bps"
        if self.skill and not self.current:
            text += f", {percent(self.skill)} against the current settings"
        return text if self.outcome == "completed" else f"{text}, pruned after {self.folds} fold(s)"


def percent(skill: Skill) -> str:
    """A skill and its interval, in %."""
    return f"{100 * skill.value:.2f}% [{100 * skill.low:.2f}, {100 * skill.high:.2f}]"


def trial_result(trial: FrozenTrial) -> TrialResult:
    """What a trial that has ended says of itself."""
    attributes: Mapping[str, Any] = trial.user_attrs
    return TrialResult(
        number=trial.number,
        current=CURRENT in attributes,
        changes=attributes[CHANGES],
        values=trial.params,
        outcome=_OUTCOMES[trial.state],
        folds=attributes.get(FOLDS, 0),
        loss=attributes.get(LOSS),
        skill=Skill(*attributes[SKILL]) if SKILL in attributes else None,
        reason=attributes.get(REASON),
    )


def trial_results(study: optuna.Study) -> list[TrialResult]:
    """Everything that has ended, in the order of the study."""
    return [trial_result(trial) for trial in finished_trials(study)]


def paired_skill(own: Sequence[Array], current: Sequence[Array], folds: Sequence[Fold]) -> Skill:
    """How much better one configuration is than another, on the folds that `own` has been through.

    Parameters
    ----------
    own, current
        For each fold its losses, added up over the tickers of each session.

    """
    seen = len(own)
    days = np.concatenate([fold.sessions for fold in folds[:seen]])
    return skill_over_days(np.concatenate(own), np.concatenate(current[:seen]), days)


def mean_loss(sums: Sequence[Array], folds: Sequence[Fold]) -> float:
    """Mean over all the forecasts of the folds that were gone through."""
    counts = sum(int(fold.counts.sum()) for fold in folds[: len(sums)])
    return float(sum(part.sum() for part in sums) / counts)


def trials_table(found: Sequence[TrialResult]) -> pd.DataFrame:
    """One row per configuration, those that were scored whole first, the best of them on top.

    Returns
    -------
    Columns number, current, changes, outcome, folds, loss (basis points), skill, low, high, reason
    and one for each setting that was searched.

    """
    rows = [
        {
            "number": one.number,
            "current": one.current,
            "changes": one.changes,
            "outcome": one.outcome,
            "folds": one.folds,
            "loss": one.loss,
            "skill": one.skill.value if one.skill else None,
            "low": one.skill.low if one.skill else None,
            "high": one.skill.high if one.skill else None,
            "reason": one.reason,
            **one.values,
        }
        for one in found
    ]
    table = pd.DataFrame(rows).astype(dict.fromkeys(("loss", "skill", "low", "high"), float))
    return table.sort_values(["folds", "skill", "number"], ascending=[False, False, True], ignore_index=True)


def fold_sums(trial: FrozenTrial, folds: int) -> list[Array]:
    """For each fold the losses of a trial, added up over the tickers of each session."""
    return [np.array(trial.user_attrs[SUMS.format(number)]) for number in range(folds)]
