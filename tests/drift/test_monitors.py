"""What the bets pay."""

import numpy as np
import pytest
from scipy.stats import norm, t

from stockjax.drift.monitors import coverage_bets, scale_bets


def test_coverage_pays_for_misses_on_the_one_side_and_for_hits_on_the_other() -> None:
    found = coverage_bets(np.array([True, False]), 0.8, 0.95)
    assert found == pytest.approx(np.array([[0.0, 1 / 0.95], [5.0, 0.0]]))


@pytest.mark.parametrize("chance", [0.87, 0.9, 0.93])
def test_coverage_within_its_band_pays_at_most_one_on_average(chance: float) -> None:
    inside, outside = coverage_bets(np.array([True, False]), 0.87, 0.93)
    mean = chance * inside + (1 - chance) * outside
    assert (mean <= 1 + 1e-12).all()


def test_large_residuals_pay_their_square_up_to_three_scales() -> None:
    found = scale_bets(np.array([0.0, 1.1, -2.2, 3.0, -50.0]), np.ones(5, bool), np.ones(5, bool))[:, 0]
    assert found == pytest.approx([0.0, 1.0, 4.0, 9 / 1.21, 9 / 1.21])


@pytest.mark.parametrize(("bet", "factor", "tolerated"), [(1, 1 / 1.5, 1 / 1.1), (2, 1.5, 1.1)])
def test_the_place_of_a_close_pays_by_its_chances(bet: int, factor: float, tolerated: float) -> None:
    inside_50, inside_90 = np.array([True, False, False]), np.array([True, True, False])
    found = scale_bets(np.zeros(3), inside_50, inside_90)[:, bet]
    off, edge = ([2 * norm.cdf(s * reach) - 1 for reach in (0.67449, 1.644854)] for s in (factor, tolerated))
    by_hand = [
        off[0] / edge[0],
        (off[1] - off[0]) / (edge[1] - edge[0]),
        (1 - off[1]) / (1 - edge[1]),
    ]
    assert found == pytest.approx(by_hand, rel=1e-5)
    assert sorted(found, reverse=factor > 1) == pytest.approx(found)
    # At the edge of what is tolerated nothing is given away, and well-made intervals pay less.
    assert edge[0] * found[0] + (edge[1] - edge[0]) * found[1] + (1 - edge[1]) * found[2] == pytest.approx(1)
    assert 0.5 * found[0] + 0.4 * found[1] + 0.1 * found[2] < 1


@pytest.mark.parametrize("freedom", [2.5, 4.0, 1e6])
def test_a_scale_within_its_tolerance_pays_at_most_one_whatever_the_tail(freedom: float) -> None:
    grid = (np.arange(200_000) + 0.5) / 200_000
    unit = t.ppf(grid, freedom) / np.sqrt(freedom / (freedom - 2))
    inside = np.ones(len(unit), bool)
    assert scale_bets(1.1 * unit, inside, inside)[:, 0].mean() <= 1
    assert scale_bets(1.6 * unit, inside, inside)[:, 0].mean() > scale_bets(unit, inside, inside)[:, 0].mean()
