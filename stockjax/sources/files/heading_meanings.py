"""What one heading of a column means, and whether a word in it names a ticker or describes the numbers."""

import re
from functools import lru_cache

from stockjax.sources.files.known_formats import (
    NUMBERS,
    is_adjusted_close,
    meanings,
    plain,
    without_repetition,
    words,
)

_BRACKETED = re.compile(r"[(\[{](.*)[)\]}]")
_VOLUME_OF = re.compile(r"volume [a-z]{2,5}")
_TUPLE = re.compile(r"\(\s*'([^']*)'\s*,\s*'([^']*)'\s*\)")
_JOINED = re.compile(r"^(?P<first>.+?)[._ |/-](?P<last>[^._ |/-]+(?: close)?|[(\[{][^)\]}]*[)\]}])$")


@lru_cache(maxsize=4096)
def meaning_of(heading: str) -> str:
    """The meaning of a heading in the table of headings; empty if it has none.

    Example
    -------
    >>> [meaning_of(text) for text in ("<CLOSE>", "Adj Close**", "Volume (shares)", "Volume (000s)")]
    ['close', 'adj_close', 'volume', '']

    """
    text = plain(without_repetition(heading))
    for meaning, headings in meanings().items():
        if text in headings:
            return meaning
    if _VOLUME_OF.fullmatch(text) or _is_volume_in_shares(heading):
        return "volume"
    return "adj_close" if is_adjusted_close(text) else ""


def _is_volume_in_shares(heading: str) -> bool:
    rest, bracket, unit = heading.strip().rstrip(")]").rpartition("(" if "(" in heading else "[")
    return bool(bracket) and plain(unit) in words("shares") and plain(rest) in meanings()["volume"]


@lru_cache(maxsize=4096)
def ticker_and_meaning(heading: str) -> tuple[str, str] | tuple[()]:
    """The ticker, or what describes the numbers, and the meaning of a heading that names both.

    Example
    -------
    >>> [ticker_and_meaning(text) for text in ("AAPL.Close", "('Close', 'AAPL')", "Close (USD)")]
    [('AAPL', 'close'), ('AAPL', 'close'), ('(USD)', 'close')]

    """
    if found := _TUPLE.fullmatch(heading.strip()):
        pairs = [(found[1], found[2]), (found[2], found[1])]
    elif found := _JOINED.fullmatch(heading.strip()):
        first, last = found["first"], found["last"]
        pairs = [(last, first), (first, last)]
    else:
        return ()
    for price, label in pairs:
        meaning = meaning_of(price)
        if meaning in NUMBERS and plain(price) not in ("c", "o", "h", "l", "v") and label.strip():
            return label.strip(), meaning
    return ()


def named_ticker(heading: str, label: str, *, alone: bool) -> str:
    """The ticker that a word of a heading names; empty where the word describes the numbers.

    Parameters
    ----------
    label
        The word next to that for the price.
    alone
        Whether all prices of the table have the same one: a currency without brackets is a ticker where
        there are several.

    Example
    -------
    >>> [named_ticker(f"Close {label}", label, alone=True) for label in ("AAPL", "(AAPL)", "SHARE", "share")]
    ['AAPL', 'AAPL', 'SHARE', '']
    >>> [named_ticker(f"Close {label}", label, alone=True) for label in ("(USD)", "USD", "[in cents]", "Adj")]
    ['', '', '', '']
    >>> named_ticker("Close EUR", "EUR", alone=False)
    'EUR'

    """
    found = _BRACKETED.fullmatch(label)
    text = found[1].strip() if found else label
    word = plain(text).removeprefix("in ")
    if not word or (word in words("currencies") and (alone or found)) or (word in words("units") and found):
        return ""
    # Capitals among other letters are a ticker, whatever they spell.
    if word in words("descriptions") | words("shares") and (heading.isupper() or not text.isupper()):
        return ""
    return "" if found and text != text.upper() else text


def is_number_of(meaning: str, label: str) -> bool:
    """Whether a column with this description holds what its heading says, as it is: `Volume (000s)` does not.

    Example
    -------
    >>> is_number_of("close", "(USD)"), is_number_of("volume", "(shares)"), is_number_of("volume", "(000s)")
    (True, True, False)

    """
    return meaning != "volume" or plain(label) in words("shares")
