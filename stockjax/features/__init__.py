"""Causal features: what is known at the close of a session, and nothing later."""

from stockjax.features.history import History
from stockjax.features.inputs import FEATURE_NAMES, Features, build_features
from stockjax.features.known_prices import KnownPrices

__all__ = ["FEATURE_NAMES", "Features", "History", "KnownPrices", "build_features"]
