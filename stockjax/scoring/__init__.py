"""Errors of the forecasts, always compared with a benchmark."""

from stockjax.scoring.rolling import METRIC_WINDOWS, refresh_rolling_metrics

__all__ = ["METRIC_WINDOWS", "refresh_rolling_metrics"]
