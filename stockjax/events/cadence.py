"""The cadence of a ticker's reports, judged by earlier ones only: which are regular, when the next is due."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from statistics import median

USUAL_GAP = timedelta(days=91)
"""Days between two reports of a ticker of which no more is known."""

SMALLEST_GAP = 0.7
"""Share of the usual gap below which a report breaks the cadence."""

_YEAR = timedelta(days=364)
# Of projections from the report of a year ago 49% hit the day (a study of 120 US tickers), from the usual gap
# alone 34% (52 US tickers to August 2015). So many hits or misses of a ticker's own count as much as that,
# each of them 0.7 of the one after it: of 497 projections, 64% hit after a hit and 43% after a miss.
_EXACT_BY_YEAR, _EXACT_BY_GAP, _PRIOR_PROJECTIONS = 0.49, 0.34, 3
_EARLIER_COUNTS = 0.7
_GAPS_SEEN = 8


@dataclass(frozen=True)
class Projection:
    """When the next report is expected.

    Attributes
    ----------
    exact
        Probability that it is that very day.
    by_year
        Whether it follows from the report of a year before.

    """

    day: date
    exact: float
    by_year: bool


def usual_gap(regular: Sequence[date]) -> timedelta:
    """The median distance of a ticker's last regular reports; a quarter where there are too few.

    Example
    -------
    >>> usual_gap([date(2012, 1, 24), date(2012, 7, 24), date(2013, 1, 23)]).days
    182

    """
    last = list(regular[-_GAPS_SEEN - 1 :])
    gaps = [(later - earlier).days for earlier, later in pairwise(last)]
    return timedelta(days=int(median(gaps))) if len(gaps) >= 2 else USUAL_GAP


def is_regular(day: date, regular: Sequence[date]) -> bool:
    """Whether a report keeps the cadence: it does not come too soon after the last regular one.

    Parameters
    ----------
    regular
        The ticker's earlier regular reports, ascending.

    Example
    -------
    >>> is_regular(date(2013, 4, 23), [date(2013, 1, 23)]), is_regular(date(2013, 2, 14), [date(2013, 1, 23)])
    (True, False)

    """
    return not regular or (day - regular[-1]) >= SMALLEST_GAP * usual_gap(regular)


@dataclass
class Accuracy:
    """How often projections of a ticker by the year were exact, the last ones more than earlier ones.

    Example
    -------
    >>> seen = Accuracy()
    >>> for day in (True, True, False):
    ...     seen.add(hit=day)
    >>> round(seen.hits, 2), round(seen.misses, 2), round(seen.exact, 2)
    (1.19, 1.0, 0.51)

    """

    hits: float = 0.0
    misses: float = 0.0

    def add(self, *, hit: bool) -> None:
        """Count one projection after the others."""
        self.hits = _EARLIER_COUNTS * self.hits + hit
        self.misses = _EARLIER_COUNTS * self.misses + (not hit)

    @property
    def exact(self) -> float:
        """The probability that the next one is exact."""
        return (_EXACT_BY_YEAR * _PRIOR_PROJECTIONS + self.hits) / (
            _PRIOR_PROJECTIONS + self.hits + self.misses
        )


def project(regular: Sequence[date], accuracy: Accuracy) -> Projection | None:
    """When the report after the last one is expected; None where a ticker has fewer than two.

    It is expected 364 days after the report of a year before, which keeps the weekday; without one, a usual
    gap after the last.

    Parameters
    ----------
    regular
        The ticker's regular reports so far, ascending.
    accuracy
        Of the ticker's earlier projections by the year.

    Example
    -------
    >>> year = [date(2012, 1, 24), date(2012, 4, 24), date(2012, 7, 24), date(2012, 10, 25)]
    >>> project(year, Accuracy())
    Projection(day=datetime.date(2013, 1, 22), exact=0.49, by_year=True)

    """
    if len(regular) < 2:
        return None
    gap = usual_gap(regular)
    expected = regular[-1] + gap
    by_year = [day + _YEAR for day in regular[:-1] if abs(day + _YEAR - expected) <= gap / 3]
    if not by_year:
        return Projection(expected, _EXACT_BY_GAP, by_year=False)
    return Projection(min(by_year, key=lambda day: abs(day - expected)), accuracy.exact, by_year=True)
