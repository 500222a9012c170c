import numpy as np
import pandas as pd
import pytest

from stockjax.ingest.stored_again import stored_again

KEPT = 2
FIRST = np.datetime64("2013-01-01", "s")
COLUMNS = ("open", "close", "dividend")


def rows(ticker: str, first: int, last: int) -> pd.DataFrame:
    """Rows of days `first` to `last` (excluded): prices are the number of the day, dividends unknown."""
    days = np.arange(first, last)
    return pd.DataFrame(
        {
            "ticker": ticker,
            "session": FIRST + days * np.timedelta64(86400, "s"),
            "open": days + 0.5,
            "close": days.astype(float),
            "dividend": np.nan,
        }
    )


def held(*tables: pd.DataFrame) -> dict[str, np.ndarray]:
    """What is stored: the tables of tickers by their number."""
    joined = pd.concat([table.assign(number=number) for number, table in enumerate(tables)])
    return {name: joined[name].to_numpy() for name in ("number", "session", *COLUMNS)}


def test_all_but_the_last_stored_rows_say_nothing_new_where_all_came_again() -> None:
    nothing_new, again = stored_again(rows("A", 0, 9), ["A"], held(rows("A", 0, 8)), KEPT)
    assert again == {"A"}
    assert nothing_new.tolist() == [True] * 6 + [False] * 3


def test_each_ticker_is_judged_by_itself_in_any_order_of_rows() -> None:
    delivered = pd.concat([rows("B", 0, 6), rows("new", 0, 4), rows("A", 0, 5)]).sample(
        frac=1, random_state=3
    )
    delivered.loc[(delivered["ticker"] == "B") & (delivered["close"] == 1), "open"] = 9.0
    nothing_new, again = stored_again(delivered, ["A", "B"], held(rows("A", 0, 5), rows("B", 0, 6)), KEPT)
    assert again == {"A"}
    assert sorted(delivered.loc[nothing_new, "close"]) == [0.0, 1.0, 2.0]
    assert set(delivered.loc[nothing_new, "ticker"]) == {"A"}


def changed(table: pd.DataFrame, name: str, value: object) -> pd.DataFrame:
    return table.assign(**{name: [value, *table[name].iloc[1:]]})


@pytest.mark.parametrize(
    "delivered",
    [
        changed(rows("A", 0, 9), "close", 0.25),
        changed(rows("A", 0, 9), "dividend", 0.0),
        changed(rows("A", 0, 9), "open", np.nan),
        changed(rows("A", 0, 9), "session", pd.Timestamp("2012-12-30")),
        changed(rows("A", 0, 9), "session", pd.NaT),
        rows("A", 1, 9),
        rows("A", 0, 7),
        pd.concat([rows("A", 0, 9), rows("A", 3, 4)]),
        pd.concat([rows("A", -1, 9)]),
    ],
    ids=["value", "unknown before", "unknown now", "day", "no day", "first", "last", "twice", "earlier"],
)
def test_one_row_that_differs_makes_news_of_all(delivered: pd.DataFrame) -> None:
    nothing_new, again = stored_again(delivered.reset_index(drop=True), ["A"], held(rows("A", 0, 8)), KEPT)
    assert again == set()
    assert not nothing_new.any()


def test_rows_without_a_ticker_and_tickers_without_rows_are_news() -> None:
    delivered = rows("A", 0, 4).assign(ticker=["A", None, "A", "A"])
    nothing_new, again = stored_again(delivered, ["A", "B"], held(rows("A", 0, 4)), KEPT)
    assert (again, nothing_new.any()) == (set(), False)
    empty = {name: column[:0] for name, column in held(rows("A", 0, 1)).items()}
    nothing_new, again = stored_again(delivered, ["A"], empty, KEPT)
    assert (again, nothing_new.any()) == (set(), False)
