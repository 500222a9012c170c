"""Causal features: what is known at the close of a session, and nothing later."""

from stockjax.features.build import FEATURE_NAMES, Features, build_features
from stockjax.features.known_prices import KnownPrices
from stockjax.features.price_panel import History

__all__ = ["FEATURE_NAMES", "Features", "History", "KnownPrices", "build_features"]
