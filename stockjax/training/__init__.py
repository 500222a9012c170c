"""Fitting the network: a base for all tickers, then each ticker from there."""
