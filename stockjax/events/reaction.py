"""Which session reacts to an announcement, where its time of day is not known.

A ticker hardly ever changes the time of day at which it reports, so that the returns of its earlier reports
tell: a report before the open moves that session, one after the close the next.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from stockjax.events.announcement import Timing

REACTION_MEAN, ORDINARY_MEAN = 2.6, 0.8
"""Mean absolute return, in units of volatility, of a session that reacts and of any other."""

LARGEST = 8.0
HALF_LIFE = 12
"""Reports after which the evidence of one counts half."""

_CERTAIN = {"before": 0.0, "during": 0.0, "after": 1.0}
# What a timing that may be wrong is worth against the evidence of returns, in log odds.
_DOUBTFUL = 4.0
_MOST = 8.0


@dataclass(frozen=True)
class Reactions:
    """Absolute returns of one ticker by the number of their session, in units of the volatility before.

    Attributes
    ----------
    numbers
        (n,) numbers of the sessions in the calendar, ascending.
    sizes
        (n,) absolute return over the EWMA volatility of the session before.

    """

    numbers: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.float64]
    _by_number: Mapping[int, float] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the sizes, which are asked for one by one."""
        known = ~np.isnan(self.sizes)
        pairs = zip(self.numbers[known].tolist(), self.sizes[known].tolist(), strict=True)
        object.__setattr__(self, "_by_number", dict(pairs))

    def size(self, number: int) -> float | None:
        """The absolute return of a session; None if there is none."""
        return self._by_number.get(number)


NO_REACTIONS = Reactions(np.zeros(0, dtype=np.int64), np.zeros(0))


def evidence_of_late_reaction(reactions: Reactions, number: int) -> float:
    """Log odds, from the returns of a report's day and the next session, that the next one reacted.

    Absolute returns are taken as exponential, with the larger mean on the session that reacts: the log
    likelihood ratio is then their difference times the difference of the rates.

    Parameters
    ----------
    number
        The session of the day of the report.

    Example
    -------
    >>> moves = Reactions(np.array([10, 11]), np.array([0.5, 4.5]))
    >>> round(evidence_of_late_reaction(moves, 10), 2)
    3.46

    """
    same, following = reactions.size(number), reactions.size(number + 1)
    if same is None or following is None:
        return 0.0
    return (min(following, LARGEST) - min(same, LARGEST)) * (1 / ORDINARY_MEAN - 1 / REACTION_MEAN)


def discounted(evidence: float, *, reports: int = 1) -> float:
    """Evidence after so many further reports: a ticker may change its habit."""
    return float(evidence * 0.5 ** (reports / HALF_LIFE))


def after_close_probability(timing: Timing, evidence: float, *, reliable: bool = True) -> float:
    """Probability that the session after the day of the report reacts.

    Parameters
    ----------
    timing
        What the source says of the time of day.
    evidence
        Log odds from earlier reports of the ticker.
    reliable
        Whether the timing is a fact; otherwise earlier reactions may contradict it.

    Example
    -------
    >>> after_close_probability("after", -3.0), after_close_probability("unknown", 0.0)
    (1.0, 0.5)

    """
    certain = _CERTAIN.get(timing)
    if certain is not None and reliable:
        return certain
    said = 0.0 if certain is None else (_DOUBTFUL if certain else -_DOUBTFUL)
    odds = said + max(-_MOST, min(_MOST, evidence))
    return 1.0 / (1.0 + math.exp(-odds))
