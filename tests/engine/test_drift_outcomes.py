"""Forecasts that wait for their outcome, and what becomes of them when it arrives."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stockjax.engine.drift_outcomes import (
    LOOKBACK,
    PENDING_COLUMNS,
    arrived_outcomes,
    no_pending,
    pending_forecasts,
    still_pending,
    with_pending,
)
from stockjax.features import PricePanel

AS_OF, TARGET = date(2013, 2, 28), date(2013, 3, 1)
CLOSE = 100.0


def forecast_row(ticker: str = "A", **changes: Any) -> dict[str, Any]:
    usual = {
        "ticker": ticker,
        "model": "lstm",
        "as_of": pd.Timestamp(AS_OF),
        "target": pd.Timestamp(TARGET),
        "basis_close": CLOSE,
        "predicted_return": 0.01,
        "scale": 0.02,
        "q05": 90.0,
        "q25": 95.0,
        "q75": 105.0,
        "q95": 110.0,
    }
    return usual | changes


def pending(*rows: dict[str, Any]) -> pd.DataFrame:
    return pending_forecasts(pd.DataFrame(list(rows)))


def prices(**closes: float) -> PricePanel:
    """Each ticker at 100 on the session of the forecast, and at its close on the target."""
    days = np.array([AS_OF, TARGET], dtype="datetime64[D]")
    ticker = np.repeat(np.array(list(closes), dtype=object), 2)
    close = np.array([value for last in closes.values() for value in (CLOSE, last)])
    columns = dict.fromkeys(("open", "high", "low", "close", "adj_close"), close)
    return PricePanel.from_columns(
        {"ticker": ticker, "session": np.tile(days, len(closes)), "volume": close, **columns}, list(closes)
    )


def outcome(close: float, **changes: Any) -> pd.Series:
    return arrived_outcomes(pending(forecast_row(**changes)), prices(A=close), TARGET).iloc[0]


def test_only_forecasts_of_the_network_wait_for_both_monitors() -> None:
    rows = pending(forecast_row("A"), forecast_row("B", model="har"))
    assert rows["ticker"].tolist() == ["A"]
    assert rows["of_ticker"].tolist() == rows["of_universe"].tolist() == [True]
    assert tuple(rows.columns) == PENDING_COLUMNS
    both = with_pending(rows, pd.DataFrame([forecast_row("C")]))
    assert both["ticker"].tolist() == ["A", "C"]
    assert len(with_pending(no_pending(), pd.DataFrame())) == 0


def test_the_residual_is_the_return_less_the_predicted_one_in_scales() -> None:
    assert outcome(110.0)["residual"] == pytest.approx((np.log(1.1) - 0.01) / 0.02)


@pytest.mark.parametrize(
    ("close", "inside_50", "inside_90"),
    [
        (89.9, False, False),
        (90.0, False, True),
        (94.9, False, True),
        (95.0, True, True),
        (100.0, True, True),
        (105.0, True, True),
        (105.1, False, True),
        (110.0, False, True),
        (110.1, False, False),
    ],
)
def test_an_interval_holds_its_ends(close: float, inside_50: bool, inside_90: bool) -> None:
    found = outcome(close)
    assert (found["inside_50"], found["inside_90"]) == (inside_50, inside_90)


def test_an_outcome_counts_up_to_the_lookback() -> None:
    waiting = pending(forecast_row())
    assert len(arrived_outcomes(waiting, prices(A=101.0), TARGET + LOOKBACK)) == 1
    assert len(arrived_outcomes(waiting, prices(A=101.0), TARGET + LOOKBACK + timedelta(days=1))) == 0
    assert len(arrived_outcomes(waiting, prices(A=101.0), AS_OF)) == 0


def test_a_ticker_without_a_price_goes_on_waiting() -> None:
    waiting = pending(forecast_row("A"), forecast_row("B"))
    arrived = arrived_outcomes(waiting, prices(A=101.0), TARGET)
    assert arrived["ticker"].tolist() == ["A"]
    # Half of the day is no observation of the universe yet.
    assert arrived["of_universe"].tolist() == [False]
    left = still_pending(waiting, arrived, TARGET)
    assert left[["ticker", "of_ticker", "of_universe"]].to_numpy().tolist() == [
        ["A", False, True],
        ["B", True, True],
    ]
    assert len(still_pending(waiting, arrived, TARGET + LOOKBACK)) == 2
    assert len(still_pending(waiting, arrived, TARGET + LOOKBACK + timedelta(days=1))) == 0


def test_four_of_five_outcomes_are_an_observation_of_the_universe() -> None:
    waiting = pending(*(forecast_row(name) for name in "ABCDE"))
    four = arrived_outcomes(waiting, prices(A=101.0, B=101.0, C=101.0, D=101.0), TARGET)
    assert four["of_universe"].tolist() == [True] * 4
    three = arrived_outcomes(waiting, prices(A=101.0, B=101.0, C=101.0), TARGET)
    assert three["of_universe"].tolist() == [False] * 3
    left = still_pending(waiting, four, TARGET)
    assert left[["ticker", "of_ticker", "of_universe"]].to_numpy().tolist() == [["E", True, False]]


def test_an_unknown_ticker_and_no_prices_at_all_have_no_outcome() -> None:
    assert len(arrived_outcomes(pending(forecast_row("Z")), prices(A=101.0), TARGET)) == 0
    empty = PricePanel.from_columns(
        {
            name: np.zeros(0, dtype=kind)
            for name, kind in (
                ("ticker", object),
                ("session", "datetime64[D]"),
                *((each, float) for each in ("open", "high", "low", "close", "adj_close", "volume")),
            )
        },
        ["A"],
    )
    assert len(arrived_outcomes(pending(forecast_row("A")), empty, TARGET)) == 0
