import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution

from stockjax.settings import TrainingSettings
from stockjax.tuning.space import Space


@pytest.mark.parametrize(
    ("mode", "searched"),
    [
        ("full", {"learning_rate", "weight_decay", "hidden", "ticker_learning_rate", "ticker_steps"}),
        ("adapter", {"learning_rate", "weight_decay", "hidden"}),
        ("own", {"learning_rate", "weight_decay", "hidden", "own_steps"}),
    ],
)
def test_only_what_the_mode_uses_is_searched(mode: str, searched: set[str]) -> None:
    space = Space(TrainingSettings(mode=mode))  # type: ignore[arg-type]
    assert set(space.distributions) == searched
    assert space.training(space.start) == space.current
    assert space.changes(space.start) == "the current settings"


def test_the_settings_active_lie_inside_however_odd_they_are() -> None:
    space = Space(TrainingSettings(hidden=5, learning_rate=0.5, weight_decay=0.001, ticker_steps=60))
    hidden, rate, decay, steps = (
        space.distributions[name] for name in ("hidden", "learning_rate", "weight_decay", "ticker_steps")
    )
    assert isinstance(hidden, CategoricalDistribution)
    assert hidden.choices == (5, 8, 16, 32)
    assert isinstance(steps, CategoricalDistribution)
    assert steps.choices == (8, 20, 40, 60)
    assert isinstance(rate, FloatDistribution)
    assert (rate.high, rate.log) == (0.5, True)
    assert isinstance(decay, FloatDistribution)
    assert (decay.low, decay.log) == (0.001, True)


def test_a_decay_of_zero_has_no_logarithm_and_stays() -> None:
    space = Space(TrainingSettings(weight_decay=0.0))
    assert "weight_decay" not in space.distributions
    assert space.training({"hidden": 8}).weight_decay == 0.0


def test_rates_are_reported_to_three_digits_but_for_those_active() -> None:
    space = Space(TrainingSettings(weight_decay=0.123456))
    other = space.training({"learning_rate": 0.00123456, "weight_decay": 0.123456, "hidden": 8})
    assert (other.learning_rate, other.weight_decay, other.hidden) == (0.00123, 0.123456, 8)
    assert other.ticker_steps == space.current.ticker_steps
    lines = space.changes({"learning_rate": 0.00123456, "weight_decay": 0.123456, "hidden": 8})
    assert lines == "learning rate 0.00123, hidden 8"
