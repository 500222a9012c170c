"""Carrying the evidence of many streams forward, day by day."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stockjax.drift.detector import STAKES, alarm_levels, evidence, grow

Array = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Streams:
    """Where n streams of one monitor stand.

    Attributes
    ----------
    wealth
        (n, K * len(STAKES)) evidence of every stake.
    seen
        (n,) observations since the stream started, or restarted after an alarm.
    steps
        (n,) observations in all.

    """

    wealth: Array
    seen: Numbers
    steps: Numbers

    @classmethod
    def fresh(cls, count: int, bets: int) -> "Streams":
        """Streams that have seen nothing yet."""
        nothing = np.zeros(count, dtype=np.int64)
        return cls(np.zeros((count, bets * len(STAKES))), nothing, nothing.copy())


@dataclass(frozen=True)
class Observations:
    """m observations, in any order.

    Attributes
    ----------
    stream
        (m,) row of the stream that each belongs to; once a day at most.
    day
        (m,) its session.
    payoffs
        (m, K) what the bets pay on it.

    """

    stream: Numbers
    day: npt.NDArray[np.datetime64]
    payoffs: Array


@dataclass(frozen=True)
class Steps:
    """What came of each observation, in their order.

    Attributes
    ----------
    evidence, level
        (m,) evidence after it, and the evidence that would be an alarm.
    alarm
        (m,) whether it was one.
    seen, step
        (m,) number of the observation since the last alarm, and in all.
    leading
        (m,) the bet with most evidence.

    """

    evidence: Array
    level: Array
    alarm: npt.NDArray[np.bool_]
    seen: Numbers
    step: Numbers
    leading: Numbers


def advance(
    streams: Streams, observed: Observations, *, average_run_length: float, fewest: int
) -> tuple[Streams, Steps]:
    """Process observations day by day; a stream restarts after an alarm.

    Streams that have an observation on the same day are judged together.

    Parameters
    ----------
    average_run_length
        Days that shall pass on average before the first false alarm of any of them.
    fewest
        Observations that a stream must have seen since it began before it may be in alarm.

    """
    wealth, seen, steps = streams.wealth.copy(), streams.seen.copy(), streams.steps.copy()
    count = len(observed.stream)
    found = Steps(
        np.zeros(count),
        np.zeros(count),
        np.zeros(count, dtype=np.bool_),
        np.zeros(count, dtype=np.int64),
        np.zeros(count, dtype=np.int64),
        np.zeros(count, dtype=np.int64),
    )
    order = np.argsort(observed.day, kind="stable")
    _, begins = np.unique(observed.day[order], return_index=True)
    for places in np.split(order, begins[1:]) if count else []:
        here = observed.stream[places]
        wealth[here] = grow(wealth[here], observed.payoffs[places])
        seen[here] += 1
        steps[here] += 1
        found.evidence[places] = evidence(wealth[here])
        levels, alarm = alarm_levels(found.evidence[places], seen[here] >= fewest, average_run_length)
        found.level[places], found.alarm[places] = levels, alarm
        found.seen[places], found.step[places] = seen[here], steps[here]
        by_bet = wealth[here].reshape(len(here), -1, len(STAKES)).sum(axis=2)
        found.leading[places] = by_bet.argmax(axis=1)
        wealth[here[alarm]] = 0.0
        seen[here[alarm]] = 0
    return Streams(wealth, seen, steps), found
