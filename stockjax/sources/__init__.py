"""Where prices come from. Each source yields frames with the same columns."""

from stockjax.sources.base import PRICE_COLUMNS, Delivery, Source
from stockjax.sources.open import open_source

__all__ = ["PRICE_COLUMNS", "Delivery", "Source", "open_source"]
