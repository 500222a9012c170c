"""How far off the forecasts were, always beside doing nothing."""

from stockjax.scoring.rolling import METRIC_WINDOWS, refresh_rolling_metrics

__all__ = ["METRIC_WINDOWS", "refresh_rolling_metrics"]
