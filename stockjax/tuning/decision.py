"""Whether anything that was tried is better than the settings in force, and keeping it if so."""

from dataclasses import dataclass, replace
from datetime import date

import optuna

from stockjax.forecasting.asof import Knowledge
from stockjax.forecasting.training import train_base_model
from stockjax.nightly import Night, Universe
from stockjax.registry import Model
from stockjax.tuning.search_spec import Problem
from stockjax.tuning.study_storage import open_study
from stockjax.tuning.trials import Tried, all_tried, percent
from stockjax.warehouse.records import has_model

_CHALLENGER = "challenger"


@dataclass(frozen=True)
class Verdict:
    """How a search ended.

    Attributes
    ----------
    asked
        Configurations that the settings ask for.
    tried
        Those that were tried, the settings in force among them.
    best
        The best of the others that were scored on every fold; None if there is none.
    challenger
        The model that was trained with it and kept; None if the settings in force stay.

    """

    as_of: date
    asked: int
    tried: list[Tried]
    best: Tried | None
    challenger: str | None = None

    @property
    def in_force(self) -> Tried:
        """How the settings in force did."""
        return next(one for one in self.tried if one.in_force)

    @property
    def winner(self) -> Tried | None:
        """The best of the others, if the whole interval of its skill lies above 0.

        That it was picked among many speaks against it, and no interval of one configuration
        knows that: a challenger has yet to prove itself on sessions that no search has seen.
        """
        skill = self.best.skill if self.best else None
        return self.best if skill and skill.low > 0 else None

    @property
    def message(self) -> str:
        """One sentence for the run's end state."""
        told = f"{self._counted}: "
        if self.winner and self.winner.skill:
            told += f"{self.winner.changes} beat the settings in force by {percent(self.winner.skill)}"
            told += f"; kept as challenger {self.challenger}" if self.challenger else ""
        else:
            told += f"the settings in force stay, {self.in_force.loss:.1f} bps"
            if self.best and self.best.skill:
                told += f"; the best other, {self.best.changes}, {percent(self.best.skill)}, may be chance"
        if len(self.tried) < self.asked:
            told += f"; time was up after {len(self.tried)} of {self.asked}, run it again to go on"
        return told

    @property
    def _counted(self) -> str:
        count = len(self.tried)
        ended = {name: sum(one.outcome == name for one in self.tried) for name in ("pruned", "failed")}
        aside = ", ".join(f"{number} {name}" for name, number in ended.items() if number)
        return f"{count} trial{'s' if count > 1 else ''}" + (f" ({aside})" if aside else "")

    def summary(self) -> dict[str, object]:
        """The same in plain values, for the run's row and for whoever started it."""
        skill = self.best.skill if self.best else None
        return {
            "as_of": str(self.as_of),
            "trials": len(self.tried),
            "pruned": sum(one.outcome == "pruned" for one in self.tried),
            "failed": sum(one.outcome == "failed" for one in self.tried),
            "loss_in_force": self.in_force.loss,
            "best": self.best.changes if self.best else None,
            "skill": [skill.value, skill.low, skill.high] if skill else None,
            "challenger": self.challenger,
        }


def judge(study: optuna.Study, problem: Problem) -> Verdict:
    """Compare what was tried with the settings in force; that must have been tried by now."""
    found = all_tried(study)
    rivals = [one for one in found if one.outcome == "completed" and not one.in_force]
    best = min(rivals, key=lambda one: (one.loss, one.number), default=None)
    return Verdict(problem.as_of, problem.settings.tune.trials, found, best)


def keep_winner(night: Night, universe: Universe, problem: Problem) -> Verdict:
    """Train the winner, if there is one, on all that the session knew, and keep it as a challenger.

    A challenger is never in force. It is trained once: a search that is complete keeps it no
    second time.
    """
    with open_study(night.warehouse.folder, problem.name) as study:
        verdict = judge(study, problem)
        if not verdict.winner:
            return verdict
        kept = study.user_attrs.get(_CHALLENGER, {})
        if kept.get("trial") == verdict.winner.number and has_model(night.warehouse, kept["model_id"]):
            return replace(verdict, challenger=kept["model_id"])
        model = _challenger(universe, problem, verdict.winner, len(verdict.tried))
        night.store.models([model], f"{problem.as_of}-tune", status="challenger")
        study.set_user_attr(_CHALLENGER, {"trial": verdict.winner.number, "model_id": model.model_id})
        night.say(f"base trained with {verdict.winner.changes}, kept as challenger {model.model_id}")
        return replace(verdict, challenger=model.model_id)


def _challenger(universe: Universe, problem: Problem, winner: Tried, count: int) -> Model:
    """A base with the winner's settings; what the search found stands beside them."""
    settings = problem.settings
    usable = universe.reader.usable(problem.as_of, problem.as_of)[1]
    knowledge = Knowledge.of(usable, problem.as_of)
    training = problem.space.training(winner.values)
    model = train_base_model(knowledge, training, settings.seed, settings.worker_count)
    skill = winner.skill
    found = {
        "study": problem.name,
        "trials": count,
        "seeds": settings.tune.seeds,
        "folds": settings.tune.folds,
        "fold_sessions": settings.tune.fold_sessions,
        "loss": winner.loss,
        "skill": [skill.value, skill.low, skill.high] if skill else None,
    }
    return replace(model, hyperparameters={**model.hyperparameters, "search": found})
