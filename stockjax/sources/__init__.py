"""Where prices come from. Each source yields frames with the same columns."""

from stockjax.sources.open import open_source
from stockjax.sources.protocol import DELIVERED_COLUMNS, PRICE_COLUMNS, Delivery, Request, Source, no_prices

__all__ = ["DELIVERED_COLUMNS", "PRICE_COLUMNS", "Delivery", "Request", "Source", "no_prices", "open_source"]
