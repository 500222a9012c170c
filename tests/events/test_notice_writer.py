"""What becomes known of announcements, and when."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stockjax.events import (
    Announcement,
    Notice,
    Reactions,
    TickerNotices,
    new_notices,
    notices_from_table,
    notices_table,
)
from stockjax.events.announcement import end_of_day
from stockjax.events.reaction import NO_REACTIONS
from stockjax.sessions import Exchange

NYSE = Exchange("XNYS")
EVERY = NYSE.every_session
QUARTERS = [date(2012, 1, 24), date(2012, 4, 24), date(2012, 7, 24), date(2012, 10, 25), date(2013, 1, 23)]


def session(day: date, shift: int = 0) -> date:
    found: date = EVERY[int(EVERY.searchsorted(np.datetime64(day, "D"))) + shift].item()
    return found


def said_of(*days: date, **changes: object) -> list[Announcement]:
    return [replace(Announcement("AAPL", day, "files"), **changes) for day in days]  # type: ignore[arg-type]


def run_at(as_of: date, **changes: object) -> TickerNotices:
    made = TickerNotices(NYSE, 5, as_of, end_of_day(as_of, NYSE))
    return replace(made, **changes)  # type: ignore[arg-type]


def moves(of_day: float, after: float, days: Sequence[date] = QUARTERS) -> Reactions:
    """So large returns on the days of reports and on the sessions after them, and 0.5 on all others."""
    sizes = np.full(len(EVERY), 0.5)
    places = EVERY.searchsorted(np.array(days, dtype="datetime64[D]"))
    sizes[places], sizes[places + 1] = of_day, after
    return Reactions(np.arange(len(EVERY)), sizes, np.full(len(EVERY), np.nan))


def brief(notices: Sequence[Notice]) -> list[tuple[str, date, date]]:
    return [(each.status, each.day, each.known_from) for each in notices]


def test_a_regular_announcement_of_the_past_is_assumed_known_five_sessions_ahead() -> None:
    found = new_notices(said_of(*QUARTERS), run_at(date(2013, 3, 1)))
    assumed = [each for each in found if each.status == "assumed"]
    assert [(each.day, each.known_from) for each in assumed] == [(day, session(day, -5)) for day in QUARTERS]
    reported = [each for each in found if each.status == "reported"]
    assert [(each.day, each.known_from) for each in reported] == [(day, day) for day in QUARTERS]
    assert [each.supersedes for each in reported] == [each.notice_id for each in assumed]


def test_what_is_not_known_by_the_session_of_the_run_is_not_written() -> None:
    found = new_notices(said_of(*QUARTERS), run_at(session(QUARTERS[-1], -6)))
    assert max(each.day for each in found if each.status != "projected") == QUARTERS[-2]
    later = new_notices(said_of(*QUARTERS), run_at(session(QUARTERS[-1], -5)))
    assert ("assumed", QUARTERS[-1], session(QUARTERS[-1], -5)) in brief(later)
    assert ("reported", QUARTERS[-1], QUARTERS[-1]) not in brief(later)


def test_an_announcement_out_of_cadence_is_never_known_ahead() -> None:
    odd = date(2012, 8, 10)
    found = new_notices(said_of(*QUARTERS, odd), run_at(date(2013, 3, 1)))
    assert [each for each in brief(found) if each[1] == odd] == [("reported", odd, odd)]
    # It is an announcement of its own: the one that was expected is still to come.
    others = {each.announcement_id for each in found if each.day != odd}
    assert {each.announcement_id for each in found if each.day == odd}.isdisjoint(others)
    assert [each for each in brief(found) if each[1] != odd] == brief(
        new_notices(said_of(*QUARTERS), run_at(date(2013, 3, 1)))
    )


def test_each_report_projects_the_next_one() -> None:
    found = [
        each
        for each in new_notices(said_of(*QUARTERS), run_at(date(2013, 3, 1)))
        if each.status == "projected"
    ]
    assert brief(found) == [
        ("projected", date(2012, 7, 24), date(2012, 4, 24)),
        ("projected", date(2012, 10, 23), date(2012, 7, 24)),
        ("projected", date(2013, 1, 22), date(2012, 10, 25)),
        ("projected", date(2013, 4, 23), date(2013, 1, 23)),
    ]
    assert all(each.exact < 1 for each in found)


def test_a_projection_and_what_came_of_it_are_notices_of_one_announcement() -> None:
    found = new_notices(said_of(*QUARTERS), run_at(date(2013, 3, 1)))
    of_january = [each for each in found if each.day in {date(2013, 1, 22), date(2013, 1, 23)}]
    assert [each.status for each in of_january] == ["projected", "assumed", "reported"]
    assert len({each.announcement_id for each in of_january}) == 1
    assert [each.supersedes for each in of_january[1:]] == [each.notice_id for each in of_january[:2]]


def test_earlier_reactions_tell_the_session_that_reacts() -> None:
    run = run_at(date(2013, 3, 1))
    early = new_notices(said_of(*QUARTERS), run, moves(4.0, 1.0))
    late = new_notices(said_of(*QUARTERS), run, moves(1.0, 4.0))
    unknown = new_notices(said_of(*QUARTERS), run, NO_REACTIONS)
    for found, shift in ((early, 0), (late, 1), (unknown, 0)):
        last = next(each for each in found if each.status == "assumed" and each.day == QUARTERS[-1])
        assert last.reaction == session(QUARTERS[-1], shift)
    # The first report has nothing before it, whatever its own returns are.
    assert {found[0].after_close for found in (early, late, unknown)} == {0.5}


def test_a_timing_that_is_known_settles_it() -> None:
    run = run_at(date(2013, 3, 1))
    for timing, shift in (("before", 0), ("during", 0), ("after", 1)):
        found = new_notices(said_of(*QUARTERS, timing=timing), run, moves(4.0, 1.0))
        assert {(each.reaction, each.after_close) for each in found if each.status == "reported"} == {
            (session(day, shift), float(shift)) for day in QUARTERS
        }


def test_after_the_close_of_a_day_without_a_session_the_next_session_reacts() -> None:
    saturday = date(2013, 1, 26)
    found = new_notices(said_of(saturday, timing="after"), run_at(date(2013, 3, 1)))
    assert {each.reaction for each in found} == {date(2013, 1, 28)}


def test_what_a_file_says_was_known_is_believed() -> None:
    known = datetime(2013, 1, 2, 15, tzinfo=UTC)
    found = new_notices(said_of(QUARTERS[-1], known_at=known), run_at(date(2013, 3, 1)))
    assert brief(found)[0] == ("scheduled", QUARTERS[-1], date(2013, 1, 2))
    # Known only afterwards: nothing of it is ahead.
    late = new_notices(
        said_of(QUARTERS[-1], known_at=datetime(2013, 2, 1, tzinfo=UTC)), run_at(date(2013, 3, 1))
    )
    assert brief(late) == [("reported", QUARTERS[-1], date(2013, 1, 31))]


def test_done_again_it_adds_nothing() -> None:
    run = run_at(date(2013, 3, 1))
    first = new_notices(said_of(*QUARTERS), run, moves(1.0, 4.0))
    again = replace(run, stored=first, checked_through=run.as_of)
    assert new_notices(said_of(*QUARTERS), again, moves(4.0, 1.0)) == []
    # Twice in the file is once.
    assert new_notices(said_of(*QUARTERS, *QUARTERS), run, moves(1.0, 4.0)) == first


def test_night_after_night_gives_what_one_night_gives() -> None:
    stored: list[Notice] = []
    checked = None
    for as_of in (
        date(2012, 5, 1),
        date(2012, 10, 22),
        date(2012, 10, 25),
        date(2013, 1, 16),
        date(2013, 3, 1),
    ):
        run = run_at(as_of, stored=tuple(stored), checked_through=checked)
        stored += new_notices(said_of(*QUARTERS), run, moves(1.0, 4.0))
        checked = as_of
    assert stored == new_notices(said_of(*QUARTERS), run_at(date(2013, 3, 1)), moves(1.0, 4.0))


def test_a_past_date_that_appears_late_is_known_from_then_on() -> None:
    first = new_notices(said_of(*QUARTERS[:3], QUARTERS[4]), run_at(date(2013, 3, 1)))
    run = run_at(date(2013, 3, 4), stored=tuple(first), checked_through=date(2013, 3, 1))
    added = new_notices(said_of(*QUARTERS), run)
    assert [each for each in brief(added) if each[0] == "reported"] == [
        ("reported", QUARTERS[3], date(2013, 3, 4))
    ]
    assert not [each for each in added if each.status == "assumed"]


def test_a_live_source_is_believed_since_it_was_seen() -> None:
    as_of, coming = date(2013, 1, 4), QUARTERS[-1]
    first = run_at(as_of, live=True)
    found = new_notices(said_of(*QUARTERS), first)
    assert brief(found)[-1] == ("scheduled", coming, as_of)
    assert ("assumed", QUARTERS[0], session(QUARTERS[0], -5)) in brief(found)
    later = run_at(date(2013, 1, 24), live=True, stored=tuple(found), checked_through=as_of)
    added = new_notices(said_of(*QUARTERS), later)
    assert [each[:2] for each in brief(added)] == [("reported", coming), ("projected", date(2013, 4, 23))]
    assert {each.known_from for each in added} == {date(2013, 1, 24)}


def test_a_date_that_a_live_source_moves_supersedes_the_one_before_also_back_again() -> None:
    stored: list[Notice] = []
    days = [date(2013, 1, 23), date(2013, 1, 29), date(2013, 1, 23)]
    for number, day in enumerate(days):
        as_of = session(date(2013, 1, 7), number)
        run = run_at(as_of, live=True, stored=tuple(stored), checked_through=session(as_of, -1))
        stored += new_notices(said_of(day), run)
        # The same answer again is no news.
        assert new_notices(said_of(day), replace(run, stored=tuple(stored))) == []
    assert [each.day for each in stored] == days
    assert [each.supersedes for each in stored] == [None, stored[0].notice_id, stored[1].notice_id]


def test_a_date_that_a_live_source_takes_back_is_withdrawn_once() -> None:
    as_of = date(2013, 1, 4)
    first = new_notices(said_of(QUARTERS[-1]), run_at(as_of, live=True))
    run = run_at(date(2013, 1, 7), live=True, stored=tuple(first), checked_through=as_of)
    added = new_notices([], run)
    assert brief(added) == [("withdrawn", QUARTERS[-1], date(2013, 1, 7))]
    later = replace(run, as_of=date(2013, 1, 8), stored=(*first, *added), checked_through=date(2013, 1, 7))
    assert new_notices([], later) == []


def test_a_report_that_is_said_again_in_other_words_is_the_same_announcement() -> None:
    run = run_at(date(2013, 3, 1))
    first = new_notices(said_of(*QUARTERS, timing="before"), run)
    later = replace(run, as_of=date(2013, 3, 4), stored=tuple(first), checked_through=run.as_of)
    corrected = [*said_of(*QUARTERS[:-1], timing="before"), *said_of(QUARTERS[-1], timing="after")]
    added = new_notices(corrected, later)
    assert brief(added) == [("reported", QUARTERS[-1], date(2013, 3, 4))]
    (before,) = [each for each in first if (each.status, each.day) == ("reported", QUARTERS[-1])]
    assert (added[0].announcement_id, added[0].supersedes) == (before.announcement_id, before.notice_id)
    # A row without a time of day takes none back.
    stored = (*first, *added)
    assert new_notices(said_of(*QUARTERS), replace(later, stored=stored)) == []
    back = replace(later, as_of=date(2013, 3, 5), stored=stored, checked_through=later.as_of)
    assert brief(new_notices(said_of(*QUARTERS, timing="before"), back)) == [
        ("reported", QUARTERS[-1], date(2013, 3, 5))
    ]


def test_a_date_that_was_named_after_a_report_is_not_that_of_the_report() -> None:
    coming = Announcement("AAPL", date(2013, 3, 4), "file", known_at=datetime(2013, 2, 20, 15, tzinfo=UTC))
    first = new_notices([*said_of(*QUARTERS[:-1]), coming], run_at(date(2013, 2, 28)))
    run = run_at(date(2013, 3, 1), stored=tuple(first), checked_through=date(2013, 2, 28))
    added = new_notices([*said_of(*QUARTERS), coming], run)
    (report,) = [each for each in added if each.day == QUARTERS[-1]]
    (expected,) = [each for each in first if each.day == coming.day]
    assert report.status == "reported"
    assert report.announcement_id != expected.announcement_id


def test_dates_that_are_named_together_are_announcements_of_their_own() -> None:
    known = datetime(2013, 2, 20, 15, tzinfo=UTC)
    days = [date(2013, 3, 11), date(2013, 4, 10), date(2013, 5, 10)]
    found = new_notices(said_of(*days, known_at=known), run_at(date(2013, 3, 1)))
    assert [(each.day, each.supersedes) for each in found] == [(day, None) for day in days]
    assert len({each.announcement_id for each in found}) == 3


def test_of_two_sources_that_differ_by_a_day_the_first_is_believed() -> None:
    said = [
        Announcement("AAPL", QUARTERS[-1], "sec"),
        Announcement("AAPL", QUARTERS[-1] - timedelta(1), "yahoo"),
    ]
    found = new_notices(said, run_at(date(2013, 3, 1)))
    assert {(each.source, each.day) for each in found} == {("sec", QUARTERS[-1])}


def test_an_estimate_that_nothing_confirmed_is_no_report() -> None:
    found = new_notices(said_of(QUARTERS[-1], estimated=True), run_at(date(2013, 3, 1), live=True))
    assert found == []
    ahead = new_notices(said_of(QUARTERS[-1], estimated=True), run_at(date(2013, 1, 4), live=True))
    assert [(each.status, each.exact) for each in ahead] == [("estimated", 0.5)]


def test_beyond_the_calendar_nothing_is_placed() -> None:
    assert new_notices(said_of(NYSE.last_known + timedelta(days=3)), run_at(date(2013, 3, 1))) == []


def test_ten_announcements_in_a_week_are_one_that_is_regular() -> None:
    week = [date(2013, 1, 21) + timedelta(days=number) for number in range(10)]
    found = new_notices(said_of(*week), run_at(date(2013, 3, 1)))
    assert [each.day for each in found if each.status == "assumed"] == week[:1]
    assert {each.day for each in found if each.status == "reported"} == set(week)


def test_a_table_of_notices_gives_them_back() -> None:
    found = new_notices(said_of(*QUARTERS), run_at(date(2013, 3, 1)), moves(1.0, 4.0))
    assert list(notices_from_table(notices_table(found))) == found


@settings(deadline=None, max_examples=60)
@given(
    gaps=st.lists(st.integers(1, 130), min_size=2, max_size=14),
    cut=st.integers(0, 600),
    seed=st.integers(0, 2**31),
)
def test_no_notice_depends_on_what_came_later(gaps: list[int], cut: int, seed: int) -> None:
    """Neither on later announcements nor on later returns."""
    random = np.random.default_rng(seed)
    days = [date(2010, 1, 12) + timedelta(days=sum(gaps[: number + 1])) for number in range(len(gaps))]
    last = session(date(2010, 3, 1), cut)
    sizes = random.exponential(1.0, len(EVERY))
    other = np.where(np.arange(len(EVERY)) > EVERY.searchsorted(np.datetime64(last, "D")), 9 - sizes, sizes)
    whole, changed = (Reactions(np.arange(len(EVERY)), each, each / 4) for each in (sizes, other))
    run = run_at(date(2016, 1, 4))
    found = [each for each in new_notices(said_of(*days), run, whole) if each.known_from <= last]
    # Later ones are gone; of one that was known ahead, only the day was known.
    known = {each.day for each in found if each.status != "projected"}
    cut_short = new_notices(said_of(*(day for day in days if day in known)), run, changed)
    assert [each for each in cut_short if each.known_from <= last] == found
