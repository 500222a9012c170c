"""The cadence of reports, and the next of them."""

from datetime import date, timedelta

import pytest

from stockjax.events.cadence import USUAL_GAP, Accuracy, is_regular, project, usual_gap

QUARTERS = [date(2012, 1, 24), date(2012, 4, 24), date(2012, 7, 24), date(2012, 10, 25)]


def test_the_usual_gap_is_the_median_of_the_last_ones() -> None:
    assert usual_gap([]) == usual_gap(QUARTERS[:2]) == USUAL_GAP
    assert usual_gap(QUARTERS).days == 91
    halves = [date(2010, 3, 1) + timedelta(days=182 * number) for number in range(6)]
    assert usual_gap([*QUARTERS[:0], *halves]).days == 182


@pytest.mark.parametrize(
    ("days", "regular"),
    [(0, False), (10, False), (40, False), (63, False), (64, True), (91, True), (180, True)],
)
def test_a_report_too_soon_after_the_last_one_breaks_the_cadence(days: int, *, regular: bool) -> None:
    assert is_regular(QUARTERS[-1] + timedelta(days=days), QUARTERS) == regular


def test_the_first_report_is_regular_for_nothing_says_otherwise() -> None:
    assert is_regular(date(2012, 1, 24), [])


def test_the_next_report_is_expected_a_year_less_a_day_after_that_of_a_year_before() -> None:
    found = project(QUARTERS, Accuracy())
    assert found is not None
    assert (found.day, found.by_year) == (date(2013, 1, 22), True)
    # The same weekday.
    assert found.day.weekday() == QUARTERS[0].weekday()


def test_without_a_year_of_reports_it_is_expected_a_usual_gap_later() -> None:
    found = project(QUARTERS[:2], Accuracy())
    assert found is not None
    assert (found.day, found.by_year) == (date(2012, 7, 24), False)
    assert project(QUARTERS[:1], Accuracy()) is None
    assert project([], Accuracy()) is None


def judged(*hits: bool) -> float:
    """How exact the next projection is taken to be after such ones."""
    accuracy = Accuracy()
    for hit in hits:
        accuracy.add(hit=hit)
    found = project(QUARTERS, accuracy)
    assert found is not None
    return found.exact


def test_the_hits_of_a_ticker_tell_how_exact_its_projections_are() -> None:
    assert judged() == 0.49
    assert judged(True) == pytest.approx((0.49 * 3 + 1) / 4)
    assert judged(False) == pytest.approx(0.49 * 3 / 4)
    assert judged(True, True) == pytest.approx((0.49 * 3 + 1.7) / 4.7)
    assert judged(*[False] * 30) == pytest.approx(0.49 * 3 / (3 + 1 / 0.3), rel=1e-3)


def test_the_last_projections_count_more_than_those_before() -> None:
    assert judged(False, False, True) > judged(True, False, False) > judged(False, False, False)


def test_a_company_that_reports_twice_a_year_is_expected_twice_a_year() -> None:
    halves = [date(2011, 3, 1), date(2011, 8, 30), date(2012, 2, 28)]
    found = project(halves, Accuracy())
    assert found is not None
    assert found.day == date(2011, 8, 30) + timedelta(days=364)
