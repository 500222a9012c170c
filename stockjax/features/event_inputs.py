"""Inputs from announcements: what is known, at each session, of the one that follows."""

from dataclasses import dataclass

import numpy as np

from stockjax.features.known_events import KnownEvents, Numbers
from stockjax.features.price_panel import Array, PricePanel
from stockjax.sessions import Exchange

EVENT_FEATURES = ("report_probability", "report_reaction", "since_report", "until_report")

EVENT_UNITS = (4.0, 4.0, 2.0, 2.0)
"""What the columns of `EVENT_FEATURES` are multiplied by: they are 0 on nearly all sessions, and a network
learns little from them in its few steps unless they are large elsewhere (docs/forecaster.md)."""

USUAL_REACTION, PRIOR_REACTIONS = 2.5, 5.0
"""Absolute return on reactions, in units of volatility, that a ticker without any is taken to have, and how
many of its own count as much: 2.46 and 5.0 for 581 reports of 51 US tickers, from 2012 to August 2015."""

LARGEST_REACTION = 8.0

# How far a projected day was missed, in sessions, where it was: shares of 240 misses of 52 US tickers, from
# 2012 to August 2015. The rest is farther away. Reports are late more often than early, and by a week.
_MISSES = {
    **{-6: 0.02, -5: 0.02, -4: 0.04, -3: 0.02, -2: 0.04, -1: 0.14},
    **{1: 0.21, 2: 0.09, 3: 0.10, 4: 0.09, 5: 0.12, 6: 0.02, 7: 0.01},
}
# Share of such misses that are as far, and in the same direction, as the miss of the report before: the most
# likely one for 133 of those pairs.
_REPEATED = 0.15
_SMALLEST_LEFT = 0.01
_SMALLEST_ORDINARY = 0.01
_SINCE_DECAY = 0.94
_UNTIL_SESSIONS = 5.0


@dataclass(frozen=True, eq=False)
class ExpectedReports:
    """What is known, at each session of N tickers, of the report to come.

    Attributes
    ----------
    numbers
        (N, T) the number of each session in the calendar of its ticker's exchange; -1 to the right.
    probability
        (N, T) that the session after reacts to a report.
    nearness
        (N, T) how near the next report is: 1 on the session before it, 0 far from it.

    """

    numbers: Numbers
    probability: Array
    nearness: Array

    @property
    def ordinary(self) -> Array:
        """(N, T) how much the return of each session says of ordinary sessions, in (0, 1].

        It is the probability, known the session before, that the session reacts to no report.
        """
        share = np.ones(self.probability.shape)
        share[:, 1:] = np.maximum(1 - self.probability[:, :-1], _SMALLEST_ORDINARY)
        return share


def expected_reports(history: PricePanel, events: KnownEvents) -> ExpectedReports | None:
    """What is known of the reports to come; None where nothing is known of any of the tickers.

    Parameters
    ----------
    events
        Of the same tickers in the same order. A notice reaches no session before it was known.

    """
    if not len(events.row):
        return None
    numbers = session_numbers(history)
    return ExpectedReports(numbers, *_expected(numbers, events))


def event_columns(
    history: PricePanel, scaled: Array, events: KnownEvents, expected: ExpectedReports | None
) -> list[Array]:
    """The columns `EVENT_FEATURES`, (N, T) each, 0 where nothing is known.

    Parameters
    ----------
    scaled
        (N, T) returns over the volatility of the session itself.
    events
        Of the same tickers in the same order.
    expected
        What `expected_reports` found.

    """
    if expected is None:
        return [np.zeros(history.sessions.shape) for _ in EVENT_FEATURES]
    probability = expected.probability
    usual, since = _reactions(history, expected.numbers, scaled, events)
    columns = (probability, probability * np.log(usual / USUAL_REACTION), since, expected.nearness)
    return [unit * column for unit, column in zip(EVENT_UNITS, columns, strict=True)]


def session_numbers(history: PricePanel) -> Numbers:
    """(N, T) the number of each session in the calendar of its ticker's exchange; -1 to the right."""
    numbers = np.full(history.sessions.shape, -1, dtype=np.int64)
    for code in dict.fromkeys(history.markets):
        rows = np.array([market == code for market in history.markets])
        days = history.sessions[rows]
        found = np.searchsorted(Exchange(code).every_session, days)
        numbers[rows] = np.where(history.valid[rows], found, -1)
    return numbers


def _expected(numbers: Numbers, events: KnownEvents) -> tuple[Array, Array]:
    """The probability that the next session reacts, and how near the next announcement is, (N, T) each."""
    first = int(numbers[numbers >= 0].min(initial=0))
    width = int(numbers.max(initial=0)) - first + 3
    shape = (len(events.tickers), width)
    probability, nearness = np.zeros(shape), np.zeros(shape)

    def add(row: Numbers, target: Numbers, mass: Array, known: Numbers, until: Numbers) -> None:
        column = target - first
        session = target - 1
        inside = (column >= 0) & (column < width) & (session >= known) & (session < until)
        np.add.at(probability, (row[inside], column[inside]), mass[inside])

    to_come = ~events.withdrawn
    for offset, mass in ((0, 1 - events.after_close), (1, events.after_close)):
        firm = to_come & (events.exact >= 1)
        add(*_of(events, firm, offset), (mass * events.exact)[firm], events.known[firm], events.until[firm])
    spread = to_come & (events.exact < 1)
    for offset, hazard in _hazards(events.exact[spread], events.missed[spread]).items():
        mass = hazard * (1 - events.after_close[spread])
        add(*_of(events, spread, offset), mass, events.known[spread], events.until[spread])
    ahead = to_come & ~events.reported
    for distance in range(int(4 * _UNTIL_SESSIONS)):
        row, target = _of(events, ahead, -distance)
        column, session = target - first, target - 1
        inside = (column >= 0) & (column < width)
        inside &= (session >= events.known[ahead]) & (session < events.until[ahead])
        value = events.exact[ahead][inside] * np.exp(-distance / _UNTIL_SESSIONS)
        np.maximum.at(nearness, (row[inside], column[inside]), value)
    place = np.where(numbers >= 0, numbers + 1 - first, 0)
    rows = np.arange(len(numbers))[:, None]
    held = numbers >= 0
    likely = np.where(held, np.minimum(probability[rows, place], 1.0), 0.0)
    return likely, np.where(held, nearness[rows, place], 0.0)


def _of(events: KnownEvents, chosen: np.ndarray, offset: int) -> tuple[Numbers, Numbers]:
    return events.row[chosen], events.day[chosen] + offset


def _hazards(exact: Array, missed: Numbers) -> dict[int, Array]:
    """By sessions from the projected day, the probability of a report then if there was none before, (n,)."""
    left = np.ones_like(exact)
    repeated = np.where(np.isin(missed, list(_MISSES)), _REPEATED, 0.0)
    found = {}
    for offset in range(min(_MISSES), max(_MISSES) + 1):
        if offset == 0:
            share = exact
        else:
            share = (1 - exact) * ((1 - repeated) * _MISSES[offset] + repeated * (missed == offset))
        found[offset] = share / np.maximum(left, _SMALLEST_LEFT)
        left = left - share
    return found


def _reactions(
    history: PricePanel, numbers: Numbers, scaled: Array, events: KnownEvents
) -> tuple[Array, Array]:
    """A ticker's usual absolute return on reactions so far, and how recent the last one is, (N, T) each."""
    total, count = np.zeros(numbers.shape), np.zeros(numbers.shape)
    last = np.full(numbers.shape, -1, dtype=np.int64)
    size = np.zeros(numbers.shape)
    size[:, 1:] = np.minimum(np.abs(np.nan_to_num(scaled[:, 1:])), LARGEST_REACTION)
    width = numbers.shape[1]
    for row in np.unique(events.row[events.reported]):
        mine = events.reported & (events.row == row)
        own = numbers[row, : history.lengths[row]]
        day, late, known = events.day[mine], events.after_close[mine], events.known[mine]
        # Where the time of day is not known, the larger move of the two sessions was the reaction.
        first, final = day + (late == 1), day + (late > 0)
        seen = np.searchsorted(own, np.maximum(final, known))
        traded = np.isin(first, own) & np.isin(final, own) & (seen < width)
        moved = size[row, np.searchsorted(own, np.stack([first, final])[:, traded])].max(axis=0)
        np.add.at(total[row], seen[traded], moved)
        np.add.at(count[row], seen[traded], 1.0)
        reaction = events.reaction[mine]
        seen = np.searchsorted(own, np.maximum(reaction, known))
        traded = np.isin(reaction, own) & (seen < width)
        np.maximum.at(last[row], seen[traded], reaction[traded])
    total, count = total.cumsum(axis=1), count.cumsum(axis=1)
    last = np.maximum.accumulate(last, axis=1)
    usual = (total + PRIOR_REACTIONS * USUAL_REACTION) / (count + PRIOR_REACTIONS)
    since = np.where(last >= 0, _SINCE_DECAY ** np.maximum(numbers - last, 0), 0.0)
    return usual, since
