"""Live daily prices from Yahoo, through yfinance."""

from stockjax.sources.yahoo.source import YahooSource

__all__ = ["YahooSource"]
