"""Whether a trial is better than the current settings, and storing its base if so."""

from dataclasses import dataclass, replace
from datetime import date

import optuna

from stockjax.forecasting.asof import AsOfData
from stockjax.forecasting.training import train_base_model
from stockjax.nightly import Run, Universe
from stockjax.registry import Model
from stockjax.tuning.search_spec import SearchSpec
from stockjax.tuning.study_storage import open_study
from stockjax.tuning.trials import TrialResult, percent, trial_results
from stockjax.warehouse.records import has_model
from stockjax.wording import counted

_CHALLENGER = "challenger"


@dataclass(frozen=True)
class SearchDecision:
    """How a search ended.

    Attributes
    ----------
    asked
        Configurations that the settings ask for.
    trials
        The trials, that of the current settings among them.
    best
        The best of the others that were scored on every fold; None if there is none.
    challenger
        The stored model that was trained with it; None if the current settings stay.

    """

    as_of: date
    asked: int
    trials: list[TrialResult]
    best: TrialResult | None
    challenger: str | None = None

    @property
    def current(self) -> TrialResult:
        """The trial of the current settings."""
        return next(one for one in self.trials if one.current)

    @property
    def winner(self) -> TrialResult | None:
        """The best of the others, if the whole interval of its skill lies above 0.

        It was picked among many, which the interval of one configuration does not account for: a
        challenger is compared with the champion on sessions that no search has used.
        """
        skill = self.best.skill if self.best else None
        return self.best if skill and skill.low > 0 else None

    @property
    def message(self) -> str:
        """One sentence for the run's end state."""
        text = f"{self._counted}: "
        if self.winner and self.winner.skill:
            text += f"{self.winner.changes} beat the current settings by {percent(self.winner.skill)}"
            text += f"; kept as challenger {self.challenger}" if self.challenger else ""
        else:
            text += f"the current settings stay, {self.current.loss:.1f} bps"
            if self.best and self.best.skill:
                text += f"; the best other, {self.best.changes}, {percent(self.best.skill)}, may be chance"
        if len(self.trials) < self.asked:
            text += f"; time was up after {len(self.trials)} of {self.asked}, run it again to go on"
        return text

    @property
    def _counted(self) -> str:
        count = len(self.trials)
        ended = {name: sum(one.outcome == name for one in self.trials) for name in ("pruned", "failed")}
        aside = ", ".join(f"{number} {name}" for name, number in ended.items() if number)
        return counted(count, "trial") + (f" ({aside})" if aside else "")

    def summary(self) -> dict[str, object]:
        """The counts as plain values, for the row of `runs` and for the caller."""
        skill = self.best.skill if self.best else None
        return {
            "as_of": str(self.as_of),
            "trials": len(self.trials),
            "pruned": sum(one.outcome == "pruned" for one in self.trials),
            "failed": sum(one.outcome == "failed" for one in self.trials),
            "loss_in_force": self.current.loss,
            "best": self.best.changes if self.best else None,
            "skill": [skill.value, skill.low, skill.high] if skill else None,
            "challenger": self.challenger,
        }


def decide(study: optuna.Study, spec: SearchSpec) -> SearchDecision:
    """Compare what was tried with the current settings; that must have been tried by now."""
    found = trial_results(study)
    rivals = [one for one in found if one.outcome == "completed" and not one.current]
    best = min(rivals, key=lambda one: (one.loss, one.number), default=None)
    return SearchDecision(spec.as_of, spec.settings.tune.trials, found, best)


def keep_winner(run: Run, universe: Universe, spec: SearchSpec) -> SearchDecision:
    """Train the winner, if there is one, on all that the session knew, and keep it as a challenger.

    A challenger never forecasts. It is trained once: a complete search does not store it again.
    """
    with open_study(run.warehouse.folder, spec.name) as study:
        decision = decide(study, spec)
        if not decision.winner:
            return decision
        kept = study.user_attrs.get(_CHALLENGER, {})
        if kept.get("trial") == decision.winner.number and has_model(run.warehouse, kept["model_id"]):
            return replace(decision, challenger=kept["model_id"])
        model = _challenger(universe, spec, decision.winner, len(decision.trials))
        run.writer.models([model], f"{spec.as_of}-tune", status="challenger")
        study.set_user_attr(_CHALLENGER, {"trial": decision.winner.number, "model_id": model.model_id})
        run.log(f"base trained with {decision.winner.changes}, kept as challenger {model.model_id}")
        return replace(decision, challenger=model.model_id)


def _challenger(universe: Universe, spec: SearchSpec, winner: TrialResult, count: int) -> Model:
    """A base with the winner's settings, and the result of the search."""
    settings = spec.settings
    usable = universe.reader.usable(spec.as_of, spec.as_of)[1]
    asof = AsOfData.of(usable, spec.as_of, settings.training.extra_features, universe.context)
    training = spec.space.training(winner.values)
    model = train_base_model(asof, training, settings.seed, settings.worker_count)
    skill = winner.skill
    found = {
        "study": spec.name,
        "trials": count,
        "seeds": settings.tune.seeds,
        "folds": settings.tune.folds,
        "fold_sessions": settings.tune.fold_sessions,
        "loss": winner.loss,
        "skill": [skill.value, skill.low, skill.high] if skill else None,
    }
    return replace(model, hyperparameters={**model.hyperparameters, "search": found})
