"""Who wins a comparison, and that both sides meet on sessions that neither was fitted to."""

from dataclasses import replace
from datetime import date

import jax
import numpy as np
import pytest

from stockjax.forecasting.asof import AsOfData
from stockjax.forecasting.promotion_gate import (
    PairedComparison,
    compare_bases,
    compare_losses,
    compare_tickers,
    judged,
)
from stockjax.registry import Model
from stockjax.training.adapter import fit_adapter, predict_past
from stockjax.training.gate_holdout import GATE_SESSIONS, gate_losses
from tests.support.synthetic import SMALL, random_parameters, some_model, universe

NAN, INF = np.nan, np.inf
TONIGHT = date(2013, 2, 22)


@pytest.fixture(scope="module")
def asof() -> AsOfData:
    return AsOfData.at(universe({"A": 420, "B": 340, "C": 40}), TONIGHT)


def test_losses_are_paired_by_day() -> None:
    comparison = compare_losses(np.array([1.0, 2.0, 5.0, 7.0]), np.array([2.0, 2.0, 3.0, NAN]))
    assert comparison is not None
    assert (comparison.challenger, comparison.champion, comparison.days) == (8 / 3, 7 / 3, 3)
    # Differences -1, 0 and 2: variance 7/3.
    assert comparison.error == pytest.approx(np.sqrt(7 / 3 / 3))
    assert compare_losses(np.array([1.0]), np.array([NAN])) is None


@pytest.mark.parametrize(
    ("challenger", "champion", "lost"),
    [
        (1.02, 1.0, False),
        (1.0201, 1.0, True),
        (0.5, 1.0, False),
        (INF, 1.0, True),
        (NAN, 1.0, True),
        (1.0, INF, False),
        (INF, INF, True),
    ],
)
def test_a_challenger_may_be_worse_by_the_tolerance_and_no_more(
    challenger: float, champion: float, lost: bool
) -> None:
    assert PairedComparison(challenger, champion, 63, 0.01).lost(0.02 + 1e-12) is lost


def test_a_loser_is_rejected_with_both_losses_on_record() -> None:
    model = some_model("A", 1)
    worse, better = PairedComparison(1.5, 1.0, 63, 0.1), PairedComparison(0.9, 1.0, 63, 0.1)
    loser, winner = (judged(model, comparison, 0.02) for comparison in (worse, better))
    assert (loser.status, loser.validation_loss, loser.champion_loss) == ("rejected", 1.5, 1.0)
    assert (winner.status, winner.validation_loss, winner.champion_loss) == ("champion", 0.9, 1.0)
    assert judged(model, None, 0.02) is model
    assert loser.model_id == model.model_id


def with_network(model: Model, seed: int, spread: float = 0.3) -> Model:
    return replace(model, parameters={**model.parameters, "network": random_parameters(seed, spread=spread)})


def test_the_correction_of_a_ticker_is_fitted_again_without_the_days_of_the_comparison(
    asof: AsOfData,
) -> None:
    assert SMALL.hidden == 4
    one, other = with_network(some_model("B", 1), 1), with_network(some_model("B", 2), 2)
    comparison = compare_tickers(one, other, asof)
    assert comparison is not None
    expected, length = [], int(asof.history.lengths[1])
    for model in (one, other):
        network, adapter = model.parameters["network"], model.parameters["adapter"]
        center, spread = adapter["center"], adapter["spread"]
        weights = fit_adapter(predict_past(network, asof.features, 1, length - GATE_SESSIONS), center, spread)
        losses = gate_losses(network, center, spread, weights, asof.features, 1, length)
        expected.append(np.nanmean(losses))
    assert (comparison.challenger, comparison.champion) == pytest.approx(tuple(expected))
    assert comparison.days == GATE_SESSIONS - 1
    # Whatever weights a model has: the last sessions have shaped them.
    spoilt = {**one.parameters["adapter"], "weights": one.parameters["adapter"]["weights"] + 1}
    again = compare_tickers(replace(one, parameters={**one.parameters, "adapter": spoilt}), other, asof)
    assert again == comparison


def test_a_base_speaks_for_a_ticker_that_has_no_champion(asof: AsOfData) -> None:
    model, base = with_network(some_model("A", 1), 1), with_network(some_model(None, 2), 2)
    comparison = compare_tickers(model, base, asof)
    assert comparison is not None
    adapter = base.parameters["adapter"]
    losses = gate_losses(
        base.parameters["network"],
        adapter["center"],
        adapter["spread"],
        adapter["weights"],
        asof.features,
        0,
        int(asof.history.lengths[0]),
    )
    assert comparison.champion == pytest.approx(np.nanmean(losses))


def with_twin(seed: int) -> Model:
    """A base whose holdout network is the first of its networks, and which itself is another."""
    base = with_network(some_model(None, seed), seed)
    holdout = jax.tree.map(lambda leaf: leaf[:1], base.parameters["network"])
    base = with_network(base, seed + 10)
    return replace(base, parameters={**base.parameters, "twin": holdout})


def alone(base: Model) -> Model:
    """What a base is judged by."""
    return replace(base, parameters={**base.parameters, "network": base.parameters["twin"]})


def test_a_base_without_a_holdout_network_meets_no_one(asof: AsOfData) -> None:
    without = with_network(some_model(None, 1), 1)
    assert compare_bases(without, with_twin(2), asof) is None
    assert compare_bases(with_twin(2), without, asof) is None


def test_a_day_of_bases_is_the_mean_over_its_tickers(asof: AsOfData) -> None:
    one, other = with_twin(1), with_twin(2)
    comparison = compare_bases(one, other, asof)
    assert comparison is not None
    # A and B trade on the same days; C has too few to be asked.
    assert comparison.days == GATE_SESSIONS - 1
    singles = [
        np.mean(
            [compare_tickers(replace(alone(model), ticker=name), other, asof).challenger for name in "AB"]
        )  # type: ignore[union-attr]
        for model in (one, other)
    ]
    assert (comparison.challenger, comparison.champion) == pytest.approx(tuple(singles))
    assert compare_bases(one, one, asof).error == 0  # type: ignore[union-attr]


def test_a_base_of_tickers_that_are_all_too_young_meets_no_one() -> None:
    young = AsOfData.at(universe({"A": 60}), TONIGHT)
    assert compare_bases(with_twin(1), with_twin(2), young) is None
