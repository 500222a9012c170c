from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from stockjax.sources.yahoo.revisions import TOLERANCE, history_changed

Change = Callable[[pd.DataFrame], pd.DataFrame]


def bars(count: int, first: date = date(2024, 3, 4)) -> pd.DataFrame:
    """Bars of successive days without a dividend or split."""
    return pd.DataFrame(
        {
            "session": pd.to_datetime([first + timedelta(days=n) for n in range(count)]).astype(
                "datetime64[s]"
            ),
            "close": [100.0 + n for n in range(count)],
            "adj_close": [90.0 + n for n in range(count)],
            "dividend": 0.0,
            "split": 1.0,
        }
    )


def change(column: str, at: int, value: float) -> Change:
    return lambda frame: frame.assign(**{column: frame[column].mask(frame.index == at, value)})


def scale(column: str, factor: float) -> Change:
    return lambda frame: frame.assign(**{column: frame[column] * factor})


def drop(at: int) -> Change:
    return lambda frame: frame.drop(index=at)


def hole(at: int) -> Change:
    return lambda frame: change("close", at, np.nan)(change("adj_close", at, np.nan)(frame))


# Five bars are stored; the vendor tells of them and of one more.
@pytest.mark.parametrize(
    ("spoil", "moved"),
    [
        pytest.param(lambda frame: frame, False, id="nothing"),
        pytest.param(scale("adj_close", 1 + 0.5 * TOLERANCE), False, id="noise of the adjusted close"),
        pytest.param(scale("close", 1 - 0.5 * TOLERANCE), False, id="noise of the close"),
        pytest.param(scale("adj_close", 1 - 2 * TOLERANCE), True, id="other adjusted closes"),
        pytest.param(scale("close", 1 + 2 * TOLERANCE), True, id="other closes"),
        pytest.param(change("adj_close", 0, 89.0), True, id="one adjusted close, the oldest"),
        pytest.param(change("close", 4, 105.0), True, id="one close, the newest stored"),
        pytest.param(change("close", 5, 300.0), False, id="a large move in the new session"),
        pytest.param(drop(0), True, id="no longer the first stored session"),
        pytest.param(drop(2), True, id="no longer a session in the middle"),
        pytest.param(drop(4), True, id="no longer the last stored session"),
        pytest.param(drop(5), False, id="nothing new"),
        pytest.param(change("dividend", 5, 0.2), True, id="a dividend in the new session"),
        pytest.param(change("dividend", 3, 0.2), True, id="a dividend in a stored session"),
        pytest.param(change("split", 5, 2.0), True, id="a split in the new session"),
        pytest.param(change("split", 3, 0.1), True, id="a reverse split in a stored session"),
        pytest.param(hole(2), False, id="a hole in a stored session"),
        pytest.param(hole(5), False, id="a hole in the new session"),
    ],
)
def test_what_makes_the_whole_history_needed(spoil: Change, moved: bool) -> None:
    assert history_changed(bars(5), spoil(bars(6))) is moved


def test_a_dividend_that_is_stored_already_is_no_news() -> None:
    known, fetched = bars(5), bars(6)
    for frame in (known, fetched):
        frame.loc[3, "dividend"], frame.loc[1, "split"] = 0.2, 2.0
    assert not history_changed(known, fetched)


def test_a_dividend_that_is_taken_back_is_news() -> None:
    known = bars(5)
    known.loc[3, "dividend"] = 0.2
    assert history_changed(known, bars(6))


def test_stored_rows_that_do_not_tell_of_actions_count_as_without() -> None:
    known = bars(5)
    known[["dividend", "split"]] = np.nan
    assert not history_changed(known, bars(6))


def test_a_session_that_was_refused_once_may_come_later() -> None:
    assert not history_changed(bars(5).drop(index=2), bars(6))
