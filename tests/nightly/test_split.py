"""A split and a dividend between two nights change units, and nothing that is scored."""

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stockjax.warehouse import Warehouse
from tests.support.runs import settings_for, whole_night
from tests.support.yahoo_payload import made_up_listing
from tests.support.yahoo_server import YahooServer

FIRST, NIGHTS = date(2025, 5, 1), [date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4)]
SPLIT, DIVIDEND = NIGHTS[1], NIGHTS[2]


def nights(folder: Path, splits: dict[date, float], dividends: dict[date, float]) -> Warehouse:
    with YahooServer() as server:
        for number, ticker in enumerate(("AAA", "BBB")):
            server.listings[ticker] = made_up_listing(number, FIRST, NIGHTS[-1])
        listing = server.listings["AAA"]
        listing.dividends.update(dividends)
        # The same company in other shares: as traded, prices fall and volume grows on that day.
        for day, ratio in splits.items():
            later = listing.prices["session"] >= pd.Timestamp(day)
            listing.prices.loc[later, ["open", "high", "low", "close"]] /= ratio
            listing.prices.loc[later, "volume"] *= ratio
            listing.splits[day] = ratio
        for night in NIGHTS:
            server.set_today(night)
            made, *_ = whole_night(settings_for(server, folder, "AAA", "BBB"), night)
    return made.warehouse


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return nights(tmp_path_factory.mktemp("plain"), {}, {DIVIDEND: 0.5})


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return nights(tmp_path_factory.mktemp("split"), {SPLIT: 4.0}, {DIVIDEND: 0.5 / 4})


def frame(warehouse: Warehouse, sql: str, **parameters: Any) -> pd.DataFrame:
    with warehouse.read() as connection:
        return connection.execute(sql, parameters).df()


@pytest.fixture
def scored(plain: Warehouse, split: Warehouse) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    sql = "FROM scored_forecasts ORDER BY ticker, as_of, model"
    yield frame(plain, sql), frame(split, sql)


def test_every_forecast_but_tonights_is_scored(scored: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    for table in scored:
        assert table.groupby("ticker").size().to_dict() == {"AAA": 8, "BBB": 8}
        assert (table["origin"] == "nightly").all()


@pytest.mark.parametrize("column", ["return_error", "actual_return", "pinball", "predicted_return"])
def test_errors_are_those_of_the_unsplit_share(
    scored: tuple[pd.DataFrame, pd.DataFrame], column: str
) -> None:
    plain, split = scored
    np.testing.assert_allclose(split[column], plain[column], atol=1e-6)


def test_prices_of_the_ledger_stay_in_the_units_of_their_night(
    scored: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    plain, split = (table[(table["ticker"] == "AAA") & (table["model"] == "har")] for table in scored)
    before, after = plain["basis_close"].to_numpy() / split["basis_close"].to_numpy()
    assert before == pytest.approx(1.0)
    assert after == pytest.approx(4.0)


def test_each_restatement_is_kept_with_its_reason(split: Warehouse) -> None:
    found = frame(
        split, "SELECT reason, count(*) AS n, max(session) AS last FROM price_revisions GROUP BY 1 ORDER BY 1"
    )
    assert list(found["reason"]) == ["dividend", "split"]
    stored = frame(split, "SELECT count(*) AS n FROM prices WHERE ticker = 'AAA'")["n"].item()
    assert list(found["n"]) == [stored - 1, stored - 2]
    assert list(found["last"].dt.date) == [NIGHTS[1], NIGHTS[0]]


def test_the_prices_known_on_each_night_can_be_rebuilt(split: Warehouse) -> None:
    # A run stores what it fetched before it writes its forecasts.
    moments: list[datetime] = list(
        frame(split, "SELECT min(created_at) AS at FROM forecasts GROUP BY as_of ORDER BY as_of")["at"]
    )
    for night, moment in zip(NIGHTS, moments, strict=True):
        known = frame(
            split,
            "SELECT close, adj_close FROM prices_as_of($moment) WHERE ticker = 'AAA' ORDER BY session",
            moment=moment,
        )
        basis = frame(
            split,
            "SELECT any_value(basis_close) AS close FROM forecasts WHERE ticker = 'AAA' AND as_of = $night",
            night=night,
        )
        assert known["close"].iloc[-1] == basis["close"].item()
        assert len(known) == len(
            frame(split, "FROM prices WHERE ticker = 'AAA' AND session <= $night", night=night)
        )
    first = frame(
        split,
        "SELECT close FROM prices_as_of($moment) WHERE ticker = 'AAA' ORDER BY session",
        moment=moments[0],
    )
    now = frame(split, "SELECT close FROM prices WHERE ticker = 'AAA' ORDER BY session")
    np.testing.assert_allclose(first["close"], 4 * now["close"].iloc[: len(first)], rtol=1e-6)
