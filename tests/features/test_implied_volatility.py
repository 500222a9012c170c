"""Inputs from the index of implied volatility."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from stockjax.features import FEATURE_NAMES, ImpliedVolatility, MarketContext, PricePanel, build_features
from stockjax.features.implied_volatility import IMPLIED_FEATURES
from stockjax.sessions import Exchange

NYSE = Exchange("XNYS")
EVERY = NYSE.every_session
PLACES = [FEATURE_NAMES.index(name) for name in IMPLIED_FEATURES]


@pytest.fixture(scope="module")
def history(sample_history: PricePanel) -> PricePanel:
    return replace(sample_history.cut(date(2001, 6, 29)), markets=("XNYS",) * len(sample_history.tickers))


def closes(first: str = "2000-01-03", last: str = "2001-06-29") -> pd.DataFrame:
    days = EVERY[(np.datetime64(first) <= EVERY) & (np.datetime64(last) >= EVERY)]
    random = np.random.default_rng(4)
    values = 20 * np.exp(np.cumsum(random.normal(0, 0.05, len(days))))
    return pd.DataFrame({"session": days, "close": values, "known_from": np.datetime64("2001-06-29")})


def inputs(history: PricePanel, table: pd.DataFrame, most: int = 30) -> np.ndarray:
    index = ImpliedVolatility.from_closes(table, NYSE)
    found = build_features(history, (), MarketContext(implied={"XNYS": index}, most_tickers=most))
    return np.asarray(found.inputs[..., PLACES])


def test_the_index_is_set_against_the_volatilities_of_the_ticker_and_of_its_market(
    history: PricePanel,
) -> None:
    table = closes()
    found = inputs(history, table)
    features = build_features(history)
    close = dict(
        zip(table["session"].to_numpy().astype("datetime64[D]").tolist(), table["close"], strict=True)
    )
    days = history.sessions[0].tolist()
    logs = np.where(history.valid, np.log(features.volatility), np.nan)
    market = np.array([np.nan, *np.nanmean(logs[:, 1:], axis=0)])
    for at in range(1, len(days), 37):
        daily = np.log(close[days[at]] / 100 / np.sqrt(252))
        own = np.log(features.volatility[0, at])
        change = np.log(
            close[days[at]] / close[EVERY[EVERY.searchsorted(np.datetime64(days[at])) - 1].item()]
        )
        assert found[0, at] == pytest.approx([daily - own, daily - market[at], change / 0.1], abs=1e-5)


def test_no_input_depends_on_later_closes(history: PricePanel) -> None:
    table = closes()
    cut = table["session"] <= pd.Timestamp("2000-11-15")
    before = history.sessions <= np.datetime64("2000-11-15")
    one, other = inputs(history, table), inputs(history, table[cut])
    np.testing.assert_array_equal(one[before], other[before])
    assert (one != other).any()


def test_a_close_that_came_late_is_known_from_then_on(history: PricePanel) -> None:
    table = closes()
    table["known_from"] = table["session"].max() - pd.Timedelta(days=400)
    late = table["session"] == pd.Timestamp("2001-03-01")
    table.loc[late, "known_from"] = pd.Timestamp("2001-03-05")
    one, other = (
        inputs(history, table),
        inputs(history, closes().assign(known_from=table["known_from"].min())),
    )
    differing = np.unique(history.sessions[(one != other).any(axis=2)]).astype(str).tolist()
    assert "2001-03-01" in differing
    assert set(differing) <= {"2001-03-01", "2001-03-02", "2001-03-05"}


def test_an_index_that_stopped_says_nothing_more(history: PricePanel) -> None:
    found = inputs(history, closes(last="2000-12-01"))
    days = history.sessions[0]
    assert found[0, days == np.datetime64("2000-12-08")].any()
    assert not found[:, days >= np.datetime64("2000-12-11")].any()


def test_broad_markets_and_other_markets_do_without(history: PricePanel) -> None:
    count = len(history.tickers)
    assert inputs(history, closes(), most=count + 1).any()
    assert not inputs(history, closes(), most=count).any()
    assert not inputs(replace(history, markets=("XTKS",) * count), closes()).any()
    assert not inputs(history, closes().iloc[:0]).any()
