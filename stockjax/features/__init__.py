"""Causal features: what is known at the close of a session, and nothing later."""

from stockjax.features.build import FEATURE_NAMES, Features, build_features, feature_names
from stockjax.features.known_prices import PointInTimePrices
from stockjax.features.price_panel import PricePanel

__all__ = ["FEATURE_NAMES", "Features", "PointInTimePrices", "PricePanel", "build_features", "feature_names"]
