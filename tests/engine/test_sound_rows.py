"""Which rows of forecasts may go into the ledger."""

from typing import Any

import pandas as pd
import pytest

from stockjax.engine.session_forecasts import sound_rows

ROW = {
    "model": "lstm",
    "basis_close": 10.0,
    "predicted_close": 10.0,
    "predicted_return": 0.0,
    "scale": 0.01,
    "q05": 9.0,
    "q25": 9.5,
    "q50": 10.0,
    "q75": 10.5,
    "q95": 11.0,
}


def is_sound(**changes: Any) -> bool:
    return bool(sound_rows(pd.DataFrame([ROW | changes]))[0])


def test_finite_positive_prices_in_order_are_sound() -> None:
    assert is_sound()
    assert is_sound(model="har")


@pytest.mark.parametrize(
    "name", ["predicted_close", "predicted_return", "scale", "q05", "q50", "basis_close"]
)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_not(name: str, value: float) -> None:
    assert not is_sound(**{name: value})


@pytest.mark.parametrize(("price", "sound"), [(0.0, False), (-0.5, False), (0.5, True)])
def test_the_lowest_quantile_is_above_zero(price: float, sound: bool) -> None:
    assert is_sound(q05=price) == sound


@pytest.mark.parametrize(("price", "sound"), [(0.0, False), (0.5, True)])
def test_so_is_the_close_that_it_is_forecast_from(price: float, sound: bool) -> None:
    assert is_sound(basis_close=price) == sound


def test_quantiles_of_the_network_ascend_and_those_of_a_baseline_may_be_equal() -> None:
    assert not is_sound(q25=9.0)
    assert is_sound(q25=9.0, model="har")
    assert not is_sound(q25=8.9)
    assert not is_sound(q25=8.9, model="har")
