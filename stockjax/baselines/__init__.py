"""The models to beat: random walk, EWMA and HAR."""

from stockjax.baselines.models import BASELINES, baseline_forecasts

__all__ = ["BASELINES", "baseline_forecasts"]
