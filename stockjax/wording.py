"""Words for numbers in messages."""


def counted(number: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "ticker"), counted(3, "ticker")
    ('1 ticker', '3 tickers')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"
