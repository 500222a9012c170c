"""Which exchange a ticker trades on, and who says so."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from stockjax.errors import CalendarError, SourceError
from stockjax.sessions import Exchange, exchange, usable_exchanges
from stockjax.settings import Settings

Authority = Literal["settings", "vendor", "default"]


@dataclass(frozen=True)
class Listing:
    """A ticker's exchange, and whose word it is.

    Attributes
    ----------
    exchange
        The exchange; another one where its calendar cannot be used.
    fault
        Why that is so.
    named
        The code of the exchange that was named then.

    """

    exchange: Exchange
    exchange_source: Authority
    fault: CalendarError | None = None
    named: str = ""

    @property
    def code(self) -> str:
        """The code of the exchange that was named, whether or not its calendar can be used."""
        return self.named or self.exchange.code


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


def with_usable_calendars(
    listed: Mapping[str, Listing], check: Callable[[Exchange], object]
) -> dict[str, Listing]:
    """The same listings; where a calendar cannot be used, with one that can and the fault.

    Parameters
    ----------
    check
        Raises `CalendarError` if the calendar of an exchange does not know what a run asks it.

    Raises
    ------
    CalendarError
        None can be used.

    """
    usable, faults = usable_exchanges((listing.exchange for listing in listed.values()), check)
    return {
        ticker: replace(
            listing, exchange=usable[0], fault=faults[listing.exchange], named=listing.exchange.code
        )
        if listing.exchange in faults
        else listing
        for ticker, listing in listed.items()
    }


def without_calendars(
    listed: Mapping[str, Listing], zones: Mapping[str, str], name: str
) -> dict[str, Listing]:
    """The same listings; with the fault where no calendar is known for the zone, and the settings name none.

    Parameters
    ----------
    zones
        By ticker: the zone that the source says it is traded in.
    name
        The source.

    """
    found = dict(listed)
    for ticker, zone in zones.items():
        listing = found.get(ticker)
        if listing and listing.exchange_source == "default" and not listing.exchange.is_in(zone):
            fault = CalendarError(
                f"{name} has '{ticker}' in {zone}, for which no calendar is known; name one in exchanges, or "
                "remove the ticker"
            )
            found[ticker] = replace(listing, fault=fault)
    return found


def calendar_faults(listed: Mapping[str, Listing]) -> dict[str, SourceError]:
    """By ticker, why its calendar cannot be used."""
    return {ticker: listing.fault for ticker, listing in listed.items() if listing.fault}
