"""Writing notices in the order in which they became known, each from nothing that came later."""

from bisect import insort
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

import numpy as np

from stockjax.events.announcement import Announcement, Status
from stockjax.events.cadence import Accuracy, project
from stockjax.events.drafts import SAME_ANNOUNCEMENT, SAME_DAY_OF_SOURCES, Draft, TickerNotices, drafts
from stockjax.events.notice import Notice, fingerprint
from stockjax.events.reaction import (
    NO_REACTIONS,
    Reactions,
    after_close_probability,
    discounted,
    evidence_of_late_reaction,
)

ESTIMATE_IS_EXACT = 0.5
"""Probability that a date is the day which its source calls an estimate; assumed, not measured."""

_REPORTS_SEEN = 14
_FACT = 4.0


def new_notices(
    announcements: Iterable[Announcement], run: TickerNotices, reactions: Reactions = NO_REACTIONS
) -> list[Notice]:
    """The notices that a run adds, of announcements of one ticker and one kind.

    What is written is never revised. No notice uses what was not known when it counts as known: neither later
    announcements, nor later returns.

    Parameters
    ----------
    reactions
        How much the ticker moved and was traded.

    Returns
    -------
    In the order in which they became known, those that are known by `as_of`.

    """
    writer = _Writer(run, reactions)
    for draft in drafts(announcements, run):
        writer.write(draft)
    return writer.added


@dataclass
class _Open:
    """An announcement that is still to come."""

    newest: Notice
    projected: date | None


@dataclass
class _Writer:
    """Keeps what is known of one ticker while time passes."""

    run: TickerNotices
    reactions: Reactions
    added: list[Notice] = field(default_factory=list)
    _open: dict[str, _Open] = field(default_factory=dict)
    _reported: dict[date, Notice] = field(default_factory=dict)
    _regular: list[date] = field(default_factory=list)
    _evidence: float = 0.0
    _pending: list[tuple[int, float]] = field(default_factory=list)
    _accuracy: Accuracy = field(default_factory=Accuracy)

    def __post_init__(self) -> None:
        self._every = self.run.exchange.every_session
        self._projected = {
            notice.known_from: notice for notice in self.run.stored if notice.status == "projected"
        }

    def write(self, draft: Draft) -> None:
        """Write one notice, or take note of it if it is stored, and what follows from it."""
        self._pass_time(draft.known_from)
        expected = self._expected(draft)
        notice = draft.stored or self._notice(draft, expected)
        if draft.stored is None:
            self.added.append(notice)
        if draft.status == "reported":
            self._report(draft, notice, expected)
        elif draft.status == "withdrawn":
            self._open.pop(notice.announcement_id, None)
        else:
            self._open[notice.announcement_id] = _Open(notice, expected.projected if expected else None)

    def _expected(self, draft: Draft) -> _Open | None:
        """The announcement that a notice is about; a report out of cadence is one of its own."""
        if draft.stored:
            return self._open.get(draft.stored.announcement_id)
        day = draft.said.day
        if draft.status == "reported" and day in self._reported:
            return _Open(self._reported[day], None)
        in_cadence = draft.regular or draft.status != "reported"
        near = [
            each
            for each in self._open.values()
            if each.newest.day == day
            or (
                in_cadence
                and abs(each.newest.day - day) <= SAME_ANNOUNCEMENT
                and not _is_another(each.newest, draft)
            )
        ]
        return min(near, key=lambda each: abs(each.newest.day - day), default=None)

    def _notice(self, draft: Draft, expected: _Open | None) -> Notice:
        said = draft.said
        exact = ESTIMATE_IS_EXACT if draft.status == "estimated" else 1.0
        return self._made(
            said, draft.status, exact, expected.newest if expected else None, draft.known_at, draft.known_from
        )

    def _made(
        self,
        said: Announcement,
        status: Status,
        exact: float,
        before: Notice | None,
        known_at: datetime,
        known_from: date,
    ) -> Notice:
        place = int(self._every.searchsorted(np.datetime64(said.day, "D")))
        late = after_close_probability(said.timing, self._evidence, reliable=said.timing_is_reliable)
        if self._every[place].item() != said.day:
            # Not a session: the next one reacts, whatever the time of day.
            late = 0.0
        own = fingerprint(said.ticker, said.kind, said.day, status, known_from)
        return Notice(
            announcement_id=before.announcement_id if before else own,
            ticker=said.ticker,
            kind=said.kind,
            day=said.day,
            timing=said.timing,
            reaction=self._every[place + (late > 0.5)].item(),
            after_close=late,
            exact=exact,
            status=status,
            known_at=known_at,
            known_from=known_from,
            source=said.source,
            supersedes=before.notice_id if before else None,
        )

    def _report(self, draft: Draft, notice: Notice, expected: _Open | None) -> None:
        """An announcement was made: learn from it, and project the next one; from a correction, nothing."""
        day = draft.said.day
        corrects = day in self._reported
        self._reported[day] = notice
        self._open.pop(notice.announcement_id, None)
        if corrects or not draft.regular:
            return
        if expected and expected.projected:
            self._accuracy.add(hit=expected.projected == day)
        # Whatever was expected before this one has not come.
        self._open = {key: each for key, each in self._open.items() if each.newest.day > day}
        newest = not self._regular or day > self._regular[-1]
        insort(self._regular, day)
        self._learn(draft.said)
        if newest:
            self._project(draft, notice)

    def _learn(self, said: Announcement) -> None:
        place = int(self._every.searchsorted(np.datetime64(said.day, "D")))
        if said.timing != "unknown" and said.timing_is_reliable:
            evidence = _FACT if said.timing == "after" else -_FACT
        else:
            evidence = evidence_of_late_reaction(self.reactions, place)
        self._pending.append((place + 1, evidence))

    def _pass_time(self, session: date) -> None:
        """Count the evidence of reports whose two sessions have closed by a session."""
        now = int(self._every.searchsorted(np.datetime64(session, "D")))
        for _, evidence in (each for each in self._pending if each[0] <= now):
            self._evidence = discounted(self._evidence) + evidence
        self._pending = [each for each in self._pending if each[0] > now]

    def _project(self, draft: Draft, notice: Notice) -> None:
        projection = project(self._regular[-_REPORTS_SEEN:], self._accuracy)
        if projection is None or any(each.newest.day > notice.day for each in self._open.values()):
            return
        written = self._projected.get(draft.known_from)
        if written is None:
            said = Announcement(notice.ticker, projection.day, "cadence", notice.kind)
            if int(self._every.searchsorted(np.datetime64(said.day, "D"))) >= len(self._every) - 1:
                return
            written = self._made(said, "projected", projection.exact, None, draft.known_at, draft.known_from)
            self.added.append(written)
        self._open[written.announcement_id] = _Open(written, written.day if projection.by_year else None)


def _is_another(expected: Notice, draft: Draft) -> bool:
    """Whether a date to come is certainly not that of a notice of another day.

    So it is if it was named after the report was made, or by the same source at the same moment, days apart.
    """
    day = draft.said.day
    if draft.status == "reported":
        return expected.day > day and expected.known_from > day
    together = (expected.source, expected.known_at) == (draft.said.source, draft.known_at)
    return together and abs(expected.day - day) > SAME_DAY_OF_SOURCES
