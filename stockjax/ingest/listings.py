"""Which exchange a ticker trades on, and who says so."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from stockjax.sessions import Exchange, exchange
from stockjax.settings import Settings

Authority = Literal["settings", "vendor", "default"]


@dataclass(frozen=True)
class Listing:
    """A ticker's exchange, and whose word it is."""

    exchange: Exchange
    exchange_source: Authority


def listings(tickers: Iterable[str], settings: Settings, by_vendor: Mapping[str, str]) -> dict[str, Listing]:
    """The exchange of every ticker: the settings' word, else the vendor's, else the default.

    Parameters
    ----------
    by_vendor
        Calendar codes from a vendor, of tonight or of an earlier night.

    Raises
    ------
    UsageError
        The settings name an exchange that does not exist.

    """
    default = Listing(exchange(settings.exchange), "default")
    found = {}
    for ticker in tickers:
        if ticker in settings.exchanges:
            found[ticker] = Listing(exchange(settings.exchanges[ticker]), "settings")
        elif ticker in by_vendor:
            found[ticker] = Listing(Exchange(by_vendor[ticker]), "vendor")
        else:
            found[ticker] = default
    return found
