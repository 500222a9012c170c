"""The models to beat: random walk, EWMA and HAR."""

from stockjax.baselines.benchmarks import BASELINES, baseline_forecasts

__all__ = ["BASELINES", "baseline_forecasts"]
