"""Inputs from announcements: session by session what a slow loop finds."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from stockjax.events import Announcement, Notice, Reactions, TickerNotices, new_notices, notices_table
from stockjax.events.announcement import end_of_day
from stockjax.features import FEATURE_NAMES, KnownEvents, MarketContext, PricePanel, build_features
from stockjax.features.calendar_inputs import days_to_target, early_close
from stockjax.features.event_inputs import EVENT_FEATURES, EVENT_UNITS, event_columns, expected_reports
from stockjax.features.volatility import absolute_moves, ewma_volatility, log_returns, volume_surprise
from stockjax.sessions import Exchange

NYSE = Exchange("XNYS")
EVERY = NYSE.every_session
REPORTS = {
    "AAPL": [date(2004, 1, 14) + timedelta(days=91 * number) for number in range(12)],
    "MSFT": [date(2004, 1, 22) + timedelta(days=91 * number + number % 3) for number in range(12)],
}


def place(day: date) -> int:
    return int(EVERY.searchsorted(np.datetime64(day, "D")))


@pytest.fixture(scope="module")
def history(sample_history: PricePanel) -> PricePanel:
    named = replace(sample_history, markets=("XNYS",) * len(sample_history.tickers))
    return named.cut(date(2006, 12, 29))


@pytest.fixture(scope="module")
def notices(history: PricePanel) -> list[Notice]:
    found = []
    for ticker, days in REPORTS.items():
        row = history.tickers.index(ticker)
        length = history.lengths[row]
        moves = Reactions(
            EVERY.searchsorted(history.sessions[row, :length]),
            absolute_moves(history.adj_close[row, :length]),
            volume_surprise(history.volume[row : row + 1, :length])[0],
        )
        run = TickerNotices(NYSE, 5, date(2006, 12, 29), end_of_day(date(2006, 12, 29), NYSE))
        found += new_notices([Announcement(ticker, day, "files") for day in days], run, moves)
    return found


def columns(history: PricePanel, notices: list[Notice], mode: str = "assumed") -> dict[str, np.ndarray]:
    exchanges = dict.fromkeys(history.tickers, NYSE)
    events = KnownEvents.from_notices(notices_table(notices), history.tickers, exchanges, mode)
    returns = log_returns(history)
    scaled = np.full(returns.shape, np.nan)
    scaled[:, 1:] = returns[:, 1:] / ewma_volatility(returns)[:, :-1]
    found = event_columns(history, scaled, events, expected_reports(history, events))
    return {
        name: column / unit for name, column, unit in zip(EVENT_FEATURES, found, EVENT_UNITS, strict=True)
    }


def newest(notices: list[Notice], as_of: date) -> list[Notice]:
    """The newest notice of each announcement that a session could use."""
    known: dict[str, Notice] = {}
    for notice in notices:
        if notice.known_from <= as_of:
            known[notice.announcement_id] = notice
    return list(known.values())


def candidates(report: Notice) -> list[int]:
    """The sessions that may have reacted: two where the time of day is not known."""
    first, final = place(report.day) + (report.after_close == 1), place(report.day) + (report.after_close > 0)
    return list(range(first, final + 1))


@pytest.mark.parametrize("mode", ["assumed", "projected"])
def test_what_is_known_at_each_session_is_what_its_newest_notices_say(
    history: PricePanel, notices: list[Notice], mode: str
) -> None:
    used = [each for each in notices if mode == "assumed" or each.status in {"projected", "reported"}]
    found = columns(history, notices, mode)
    row = history.tickers.index("MSFT")
    sizes = absolute_moves(history.adj_close[row, : history.lengths[row]])
    for at in range(1000, int(history.lengths[row])):
        as_of = history.sessions[row, at].item()
        known = newest([each for each in used if each.ticker == "MSFT"], as_of)
        target = place(as_of) + 1
        firm = sum(
            (1 - each.after_close) * (place(each.day) == target)
            + each.after_close * (place(each.day) + 1 == target)
            for each in known
            if each.exact == 1
        )
        spread = [each for each in known if each.exact < 1 and abs(place(each.day) - target) <= 7]
        probability = found["report_probability"][row, at]
        if spread:
            assert probability >= firm - 1e-9
        else:
            assert probability == pytest.approx(min(firm, 1.0))
        past = [each for each in known if each.status == "reported" and place(each.reaction) <= place(as_of)]
        if past:
            since = place(as_of) - max(place(each.reaction) for each in past)
            assert found["since_report"][row, at] == pytest.approx(0.94**since)
            ago = [[place(as_of) - each for each in candidates(one)] for one in past]
            on = [min(max(sizes[at - each] for each in both), 8.0) for both in ago if min(both) >= 0]
            usual = (sum(on) + 12.5) / (len(on) + 5)
            assert found["report_reaction"][row, at] == pytest.approx(
                probability * np.log(usual / 2.5), abs=1e-9
            )
        else:
            assert found["since_report"][row, at] == 0


def test_a_scheduled_report_is_certain_on_its_reaction_alone(history: PricePanel) -> None:
    known = end_of_day(date(2006, 3, 1), NYSE)
    said = [
        Announcement("IBM", date(2006, 3, 15), "files", timing=timing, known_at=known)
        for timing in ("before", "after")
    ]
    row = history.tickers.index("IBM")
    for announcement, shift in zip(said, (0, 1), strict=True):
        run = TickerNotices(NYSE, 5, date(2006, 12, 29), known)
        found = columns(history, new_notices([announcement], run))["report_probability"][row]
        at = int(np.searchsorted(history.sessions[row], np.datetime64("2006-03-15"))) + shift - 1
        assert found[at] == 1
        assert np.count_nonzero(found) == 1


def test_where_the_time_of_day_is_known_the_session_that_reacts_tells_how_large_reactions_are(
    history: PricePanel,
) -> None:
    row = history.tickers.index("IBM")
    sizes = absolute_moves(history.adj_close[row, : history.lengths[row]])
    days = [date(2005, 3, 15), date(2005, 6, 14)]
    for timing, shift in (("before", 0), ("after", 1)):
        said = [Announcement("IBM", day, "files", timing=timing) for day in days]
        run = TickerNotices(NYSE, 5, date(2006, 12, 29), end_of_day(date(2006, 12, 29), NYSE))
        found = columns(history, new_notices(said, run))["report_reaction"][row]
        first, second = (
            int(np.searchsorted(history.sessions[row], np.datetime64(day))) + shift for day in days
        )
        usual = (min(sizes[first], 8.0) + 12.5) / 6
        assert found[second - 1] == pytest.approx(np.log(usual / 2.5), abs=1e-9)


def test_a_reaction_that_was_expected_does_not_move_the_volatility(history: PricePanel) -> None:
    """It counts a hundredth, one that may come on two sessions half on each, any other session in full."""
    row = history.tickers.index("IBM")
    at = int(np.searchsorted(history.sessions[row], np.datetime64("2006-03-15")))
    returns = log_returns(history)
    known = end_of_day(date(2006, 3, 1), NYSE)
    for timing, counted in (("before", {at: 0.01}), ("unknown", {at: 0.5, at + 1: 0.5})):
        said = Announcement("IBM", date(2006, 3, 15), "files", timing=timing, known_at=known)
        notices = new_notices([said], TickerNotices(NYSE, 5, date(2006, 12, 29), known))
        exchanges = dict.fromkeys(history.tickers, NYSE)
        events = KnownEvents.from_notices(notices_table(notices), history.tickers, exchanges)
        counts = np.ones(returns.shape)
        for column, share in counted.items():
            counts[row, column] = share
        found = build_features(history, context=MarketContext(events, {})).volatility
        np.testing.assert_array_equal(found, ewma_volatility(returns, counts=counts))
        assert (found[row] != ewma_volatility(returns)[row]).any()


def test_a_notice_reaches_no_session_before_it_was_known(history: PricePanel, notices: list[Notice]) -> None:
    cut = date(2005, 9, 6)
    before = columns(history, [each for each in notices if each.known_from <= cut])
    after = columns(history, notices)
    seen = history.sessions <= np.datetime64(cut, "D")
    for name in EVENT_FEATURES:
        np.testing.assert_array_equal(before[name][seen], after[name][seen])
        assert (before[name] != after[name]).any()


def test_a_projected_report_that_has_not_come_becomes_more_likely_and_then_less(history: PricePanel) -> None:
    """The probability of the next session given that there was none before: of a hazard."""
    days = REPORTS["AAPL"][:8]
    found = new_notices(
        [Announcement("AAPL", day, "files") for day in days],
        TickerNotices(NYSE, 5, date(2006, 12, 29), end_of_day(date(2006, 12, 29), NYSE)),
    )
    expected = [each for each in found if each.status == "projected"][-1]
    row = history.tickers.index("AAPL")
    at = int(np.searchsorted(history.sessions[row], np.datetime64(expected.day, "D"))) - 1
    likely = columns(history, found)["report_probability"][row]
    assert likely[at] > likely[at - 1] > 0
    assert likely[at - 20] == likely[at + 20] == 0
    assert likely[at] > likely[at + 1] > 0


def test_tickers_without_announcements_have_none(history: PricePanel, notices: list[Notice]) -> None:
    found = columns(history, notices)
    for row, ticker in enumerate(history.tickers):
        assert found["report_probability"][row].any() == (ticker in REPORTS)


def test_a_miss_makes_another_one_as_far_more_likely(history: PricePanel) -> None:
    year = [date(2004, 1, 14) + timedelta(days=91 * number) for number in range(4)]
    last = year[0] + timedelta(days=364)
    run = TickerNotices(NYSE, 5, date(2006, 12, 29), end_of_day(date(2006, 12, 29), NYSE))

    def reports(ticker: str, days_late: int) -> list[Notice]:
        days = [*year, last + timedelta(days=days_late)]
        return new_notices([Announcement(ticker, day, "files") for day in days], run)

    # On its day, a week late, a day early: each of the habit of its own ticker.
    notices = reports("AAPL", 0) + reports("IBM", 7) + reports("MSFT", -1)
    exchanges = dict.fromkeys(history.tickers, NYSE)
    events = KnownEvents.from_notices(notices_table(notices), history.tickers, exchanges)
    missed = {}
    for ticker in ("AAPL", "IBM", "MSFT"):
        own = np.flatnonzero((events.row == history.tickers.index(ticker)) & (events.exact < 1))
        assert not events.missed[own[:-1]].any()
        missed[ticker] = int(events.missed[own[-1]])
    assert missed == {"AAPL": 0, "IBM": 4, "MSFT": -1}
    likely, without = (
        expected_reports(history, each)
        for each in (events, replace(events, missed=np.zeros_like(events.missed)))
    )
    assert likely is not None
    assert without is not None
    row = history.tickers.index("IBM")
    due = int(np.searchsorted(history.sessions[row], np.datetime64(year[1] + timedelta(days=364))))
    gain = likely.probability[row] - without.probability[row]
    # Of the half of a report that does not come on its day, the session before a week late is the likeliest.
    assert gain[due + 3] > 0.05
    assert (gain[due : due + 3] < 0).all()
    row = history.tickers.index("AAPL")
    np.testing.assert_array_equal(likely.probability[row], without.probability[row])


def test_a_withdrawn_report_is_not_expected(history: PricePanel) -> None:
    as_of, day = date(2006, 3, 1), date(2006, 3, 15)
    run = TickerNotices(NYSE, 5, as_of, end_of_day(as_of, NYSE), live=True)
    first = new_notices([Announcement("IBM", day, "yahoo")], run)
    later = replace(run, as_of=date(2006, 3, 8), stored=tuple(first), checked_through=as_of)
    row = history.tickers.index("IBM")
    assert columns(history, first)["report_probability"][row].any()
    assert not columns(history, [*first, *new_notices([], later)])["report_probability"][row].any()


def test_an_early_close_and_a_long_weekend_are_seen_the_session_before(history: PricePanel) -> None:
    early, days = early_close(history), days_to_target(history)
    row = history.tickers.index("IBM")

    def at(day: str) -> int:
        return int(np.searchsorted(history.sessions[row], np.datetime64(day)))

    # The day after Thanksgiving 2006 closed at 13:00.
    assert early[row, at("2006-11-22")] == 1
    assert early[row, at("2006-11-24")] == early[row, at("2006-11-21")] == 0
    assert days[row, at("2006-11-22")] == pytest.approx(1 / 3)
    assert days[row, at("2006-11-24")] == pytest.approx(2 / 3)
    assert days[row, at("2006-11-21")] == 0


def test_inputs_of_a_shorter_history_are_those_of_a_longer_one(
    history: PricePanel, notices: list[Notice]
) -> None:
    events = KnownEvents.from_notices(
        notices_table(notices), history.tickers, dict.fromkeys(history.tickers, NYSE)
    )
    context = MarketContext(events=events)
    shorter = history.cut(date(2006, 1, 13))
    one, other = build_features(history, (), context), build_features(shorter, (), context)
    assert one.cut(shorter.lengths).inputs.tobytes() == other.inputs.tobytes()
    seen = shorter.valid
    np.testing.assert_array_equal(one.cut(shorter.lengths).volatility[seen], other.volatility[seen])
    assert one.inputs[..., FEATURE_NAMES.index("report_probability")].any()


def test_other_tickers_get_the_notices_of_their_names(history: PricePanel, notices: list[Notice]) -> None:
    events = KnownEvents.from_notices(
        notices_table(notices), history.tickers, dict.fromkeys(history.tickers, NYSE)
    )
    swapped = events.only(("MSFT", "AAPL", "none of them"))
    assert swapped.tickers == ("MSFT", "AAPL", "none of them")
    for row, ticker in enumerate(("MSFT", "AAPL")):
        before = events.day[events.row == history.tickers.index(ticker)]
        np.testing.assert_array_equal(swapped.day[swapped.row == row], before)
    assert not (swapped.row == 2).any()
