import math
from dataclasses import astuple
from datetime import date

import numpy as np
import pytest

from stockjax.scoring.skill import backtest_scores, skill_over_days
from stockjax.warehouse import Warehouse
from stockjax.warehouse.bootstrap import drawn_days
from tests.support.warehouse_rows import append, closes, forecast, store

DAYS = np.array(["2013-03-01", "2013-03-01", "2013-03-04", "2013-03-05"], dtype="datetime64[D]")


def test_skill_is_one_less_the_ratio_of_the_losses() -> None:
    skill = skill_over_days(np.array([1.0, 2.0, 1.0, 1.0]), np.array([2.0, 2.0, 4.0, 2.0]), DAYS)
    assert skill.value == pytest.approx(0.5)
    assert skill.low <= skill.value <= skill.high


def test_its_interval_is_that_of_whole_days_drawn_again() -> None:
    own, other = np.array([1.0, 2.0, 1.0, 1.0]), np.array([2.0, 2.0, 4.0, 2.0])
    # Days have losses (3, 1, 1) and (4, 4, 2): all 27 ways to draw three of them.
    ways = [
        1 - sum((3, 1, 1)[i] for i in drawn) / sum((4, 4, 2)[i] for i in drawn)
        for drawn in np.ndindex(3, 3, 3)
    ]
    skill = skill_over_days(own, other, DAYS)
    assert skill.low >= min(ways)
    assert skill.high <= max(ways)
    assert skill.low < 0.5 < skill.high
    expected = np.quantile(ways, [0.025, 0.975])
    assert (skill.low, skill.high) == pytest.approx(tuple(expected), abs=0.08)


def test_a_model_next_to_itself_has_no_skill_at_all() -> None:
    losses = np.random.default_rng(0).random(50)
    skill = skill_over_days(losses, losses, np.arange(50).astype("datetime64[D]"))
    assert (skill.value, skill.low, skill.high) == (0.0, 0.0, 0.0)


def test_forecasts_of_one_day_are_one_observation() -> None:
    random = np.random.default_rng(1)
    own, other = random.random(300), np.ones(300)
    alone = skill_over_days(own, other, np.arange(300).astype("datetime64[D]"))
    # The same losses ten times on each day are no more evidence than once.
    repeated = skill_over_days(
        np.repeat(own, 10), np.ones(3000), np.repeat(np.arange(300), 10).astype("datetime64[D]")
    )
    assert astuple(repeated) == pytest.approx(astuple(alone))
    assert drawn_days(300).shape == (1000, 300)


class TestScores:
    @pytest.fixture
    def filled(self, warehouse: Warehouse) -> Warehouse:
        days = ["2013-02-26", "2013-02-27", "2013-02-28", "2013-03-01"]
        for ticker in ("A", "B"):
            store(warehouse, closes(ticker, dict(zip(days, (100.0, 110.0, 99.0, 108.9), strict=True))))
        rows = [
            forecast(
                as_of,
                target,
                model,
                ticker=ticker,
                origin="backtest",
                basis_close=basis,
                predicted_return=said,
            )
            for ticker in ("A", "B")
            for as_of, target, basis in zip(days, days[1:], (100.0, 110.0, 99.0), strict=False)
            for model, said in (("lstm", 0.01), ("random_walk", 0.0), ("ewma", 0.0), ("har", 0.02))
        ]
        append(warehouse, *rows)
        return warehouse

    def test_every_model_has_a_row_over_the_same_forecasts(self, filled: Warehouse) -> None:
        scores = backtest_scores(filled, date(2013, 2, 26), date(2013, 2, 28))
        assert sorted(scores.index) == ["ewma", "har", "lstm", "random_walk"]
        assert set(scores["n"]) == {6.0}
        assert set(scores["days"]) == {3.0}

    def test_ratios_are_those_of_returns_by_hand(self, filled: Warehouse) -> None:
        scores = backtest_scores(filled, date(2013, 2, 26), date(2013, 2, 28))
        returns = [math.log(1.1), math.log(0.9), math.log(1.1)]
        walk = math.sqrt(sum(r**2 for r in returns))
        lstm = math.sqrt(sum((r - 0.01) ** 2 for r in returns))
        assert scores.loc["lstm", "rmse_ratio"] == pytest.approx(lstm / walk)
        assert scores.loc["lstm", "mae_ratio"] == pytest.approx(
            sum(abs(r - 0.01) for r in returns) / sum(abs(r) for r in returns)
        )
        assert scores.loc["random_walk", ["rmse_ratio", "mae_ratio"]].tolist() == [1.0, 1.0]
        assert scores.loc["har", "skill_har"] == 0.0
        assert scores.loc["lstm", "width_90"] == pytest.approx(0.1)
        assert scores.loc["lstm", "coverage_90"] == 0.0

    def test_points_and_intervals_are_scored_by_hand(self, filled: Warehouse) -> None:
        scores = backtest_scores(filled, date(2013, 2, 26), date(2013, 2, 28))
        # A tenth up, a tenth down, a tenth up: both tickers, so that two of three signs are up.
        up, down = math.log(1.1), math.log(0.9)
        for model, said in (("lstm", 0.01), ("har", 0.02), ("random_walk", 0.0)):
            row, missed = scores.loc[model], [up - said, down - said, up - said]
            assert row["mae"] == pytest.approx(sum(abs(one) for one in missed) / 3)
            assert row["rmse"] == pytest.approx(math.sqrt(sum(one**2 for one in missed) / 3))
            mape = [abs(1 - math.exp(said - outcome)) for outcome in (up, down, up)]
            assert row["mape"] == pytest.approx(sum(mape) / 3)
            # Every close lies beyond the 5% on either side of the median.
            assert row["winkler_90"] == pytest.approx(0.1 + 20 * sum(abs(one) - 0.05 for one in missed) / 3)
            assert row["width_90"] == pytest.approx(0.1)
            losses = [
                max(level * (one - offset), (level - 1) * (one - offset))
                for one in missed
                for level, offset in zip(
                    (0.05, 0.25, 0.5, 0.75, 0.95), (-0.05, -0.01, 0, 0.01, 0.05), strict=True
                )
            ]
            assert row["pinball"] == pytest.approx(sum(losses) / 15)
            assert row["crps"] == pytest.approx(2 * sum(losses) / 15)
        direction = scores["direction"].to_dict()
        assert direction["lstm"] == direction["har"] == pytest.approx(2 / 3)
        # Who says that nothing will move is neither right nor wrong about the sign.
        assert math.isnan(direction["random_walk"])
        assert set(scores.dtypes) == {np.dtype(float)}

    def test_coverage_is_told_apart_by_the_tickers_own_volatility(self, warehouse: Warehouse) -> None:
        days = [
            "2013-02-20",
            "2013-02-21",
            "2013-02-22",
            "2013-02-25",
            "2013-02-26",
            "2013-02-27",
            "2013-02-28",
        ]
        # Up by a hundredth stays within 5%, up by a tenth does not.
        inside, scales = [True, False, False, False, True, True], [0.01, 0.011, 0.02, 0.021, 0.03, 0.031]
        close = [100.0]
        for within in inside:
            close.append(close[-1] * (1.01 if within else 1.1))
        store(warehouse, closes("A", dict(zip(days, close, strict=True))))
        places = range(len(inside))
        append(
            warehouse,
            *(
                forecast(
                    days[place],
                    days[place + 1],
                    model,
                    origin="backtest",
                    basis_close=close[place],
                    scale=scales[place],
                )
                for place in places
                for model in ("lstm", "random_walk", "ewma", "har")
            ),
        )
        scores = backtest_scores(warehouse, date(2013, 2, 20), date(2013, 2, 28))
        names = [f"coverage_90_{name}" for name in ("low", "middle", "high")]
        assert scores.loc["lstm", names].tolist() == [0.5, 0.0, 1.0]

    def test_a_close_that_did_not_move_has_no_direction(self, filled: Warehouse) -> None:
        store(filled, closes("C", {"2013-02-27": 100.0, "2013-02-28": 100.0, "2013-03-01": 90.0}))
        rows = [
            forecast(*days, model, ticker="C", origin="backtest", predicted_return=-0.01)
            for days in (("2013-02-27", "2013-02-28"), ("2013-02-28", "2013-03-01"))
            for model in ("lstm", "random_walk", "ewma", "har")
        ]
        append(filled, *rows)
        scores = backtest_scores(filled, date(2013, 2, 26), date(2013, 2, 28), ["C"])
        assert set(scores["n"]) == {2.0}
        assert set(scores["direction"]) == {1.0}

    def test_only_the_range_and_the_tickers_asked_for_are_scored(self, filled: Warehouse) -> None:
        scores = backtest_scores(filled, date(2013, 2, 27), date(2013, 2, 28), ["B"])
        assert set(scores["n"]) == {2.0}

    def test_forecasts_that_a_model_lacks_are_scored_of_none(self, filled: Warehouse) -> None:
        append(filled, forecast("2013-02-25", "2013-02-26", ticker="A", origin="backtest"))
        scores = backtest_scores(filled, date(2013, 2, 1), date(2013, 2, 28))
        assert set(scores["n"]) == {6.0}

    def test_nothing_scored_is_an_empty_table(self, warehouse: Warehouse) -> None:
        assert backtest_scores(warehouse, date(2013, 2, 1), date(2013, 2, 28)).empty
