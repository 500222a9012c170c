"""Causal features: what is known at the close of a session, and nothing later."""

from stockjax.features.build import FEATURE_NAMES, Features, build_features, feature_names, inputs_id
from stockjax.features.implied_volatility import ImpliedVolatility
from stockjax.features.known_events import KnownEvents
from stockjax.features.known_prices import PointInTimePrices
from stockjax.features.market_context import NO_CONTEXT, MarketContext
from stockjax.features.price_panel import PricePanel

__all__ = [
    "FEATURE_NAMES",
    "NO_CONTEXT",
    "Features",
    "ImpliedVolatility",
    "KnownEvents",
    "MarketContext",
    "PointInTimePrices",
    "PricePanel",
    "build_features",
    "feature_names",
    "inputs_id",
]
