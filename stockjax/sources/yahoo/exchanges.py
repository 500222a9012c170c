"""Which trading calendar a symbol of Yahoo's follows, from what Yahoo says of it."""

from collections.abc import Mapping

_BY_KIND = {"CRYPTOCURRENCY": "24/7", "CURRENCY": "24/5", "FUTURE": "us_futures"}
# One main exchange for each zone: the smaller ones keep the same holidays.
_BY_TIME_ZONE = {
    "Africa/Johannesburg": "XJSE",
    "America/Argentina/Buenos_Aires": "XBUE",
    "America/Bogota": "XBOG",
    "America/Chicago": "XNYS",
    "America/Lima": "XLIM",
    "America/Mexico_City": "XMEX",
    "America/New_York": "XNYS",
    "America/Santiago": "XSGO",
    "America/Sao_Paulo": "BVMF",
    "America/Toronto": "XTSE",
    "Asia/Bangkok": "XBKK",
    "Asia/Hong_Kong": "XHKG",
    "Asia/Jakarta": "XIDX",
    "Asia/Jerusalem": "XTAE",
    "Asia/Karachi": "XKAR",
    "Asia/Kolkata": "XBOM",
    "Asia/Kuala_Lumpur": "XKLS",
    "Asia/Manila": "XPHS",
    "Asia/Nicosia": "XCYS",
    "Asia/Riyadh": "XSAU",
    "Asia/Seoul": "XKRX",
    "Asia/Shanghai": "XSHG",
    "Asia/Singapore": "XSES",
    "Asia/Taipei": "XTAI",
    "Asia/Tokyo": "XTKS",
    "Atlantic/Bermuda": "XBDA",
    "Atlantic/Reykjavik": "XICE",
    "Australia/Sydney": "XASX",
    "Europe/Amsterdam": "XAMS",
    "Europe/Athens": "ASEX",
    "Europe/Belgrade": "XBEL",
    "Europe/Berlin": "XETR",
    "Europe/Bratislava": "XBRA",
    "Europe/Brussels": "XBRU",
    "Europe/Bucharest": "XBSE",
    "Europe/Budapest": "XBUD",
    "Europe/Copenhagen": "XCSE",
    "Europe/Dublin": "XDUB",
    "Europe/Helsinki": "XHEL",
    "Europe/Istanbul": "XIST",
    "Europe/Lisbon": "XLIS",
    "Europe/Ljubljana": "XLJU",
    "Europe/London": "XLON",
    "Europe/Luxembourg": "XLUX",
    "Europe/Madrid": "XMAD",
    "Europe/Moscow": "XMOS",
    "Europe/Oslo": "XOSL",
    "Europe/Paris": "XPAR",
    "Europe/Prague": "XPRA",
    "Europe/Riga": "XRIS",
    "Europe/Rome": "XMIL",
    "Europe/Stockholm": "XSTO",
    "Europe/Tallinn": "XTAL",
    "Europe/Vienna": "XWBO",
    "Europe/Vilnius": "XLIT",
    "Europe/Warsaw": "XWAR",
    "Europe/Zagreb": "XZAG",
    "Europe/Zurich": "XSWX",
    "Pacific/Auckland": "XNZE",
}
# Zones with two names: Yahoo has written both of some.
_SAME_ZONES = {
    "Asia/Calcutta": "Asia/Kolkata",
    "Asia/Tel_Aviv": "Asia/Jerusalem",
    "Europe/Nicosia": "Asia/Nicosia",
}


def calendar_code(metadata: Mapping[str, object]) -> str | None:
    """The calendar of a symbol, by ISO 10383 code; None if Yahoo's word does not settle it.

    Parameters
    ----------
    metadata
        `Ticker.history_metadata` of yfinance.

    """
    by_kind = _BY_KIND.get(str(metadata.get("instrumentType")))
    zone = str(metadata.get("exchangeTimezoneName"))
    return by_kind or _BY_TIME_ZONE.get(_SAME_ZONES.get(zone, zone))


def zone_without_calendar(metadata: Mapping[str, object]) -> str | None:
    """The time zone of a symbol that no calendar is known for; None if one is, or if Yahoo names no zone."""
    zone = metadata.get("exchangeTimezoneName")
    return str(zone) if zone and calendar_code(metadata) is None else None
