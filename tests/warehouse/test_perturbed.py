"""Copies of the prices: the same up to a session, something else after it."""

import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stockjax.errors import SnapshotMissingError
from stockjax.features import PointInTimePrices, PricePanel
from stockjax.warehouse import Warehouse
from stockjax.warehouse.perturbed import PERTURBATIONS, Perturbation, perturbed_copy
from stockjax.warehouse.prices import read_known_prices
from tests.support.warehouse_rows import contents, store

AS_OF = date(2012, 11, 30)
TICKERS = ("AAPL", "FB", "GOOG", "IBM", "MSFT")
PRICES = ["open", "high", "low", "close", "adj_close", "volume"]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, sample_prices: pd.DataFrame) -> Warehouse:
    warehouse = Warehouse(tmp_path_factory.mktemp("original") / "warehouse")
    warehouse.migrate()
    recent = sample_prices["session"] >= pd.Timestamp("2012-06-01")
    store(warehouse, sample_prices[recent].reset_index(drop=True))
    with warehouse.write() as connection:
        connection.execute(
            "INSERT INTO listings BY NAME SELECT 'IBM' AS ticker, 'XNYS' AS exchange, 'yahoo' AS source, "
            "'run-1' AS run_id, TIMESTAMP '2013-03-01 22:00' AS learnt_at"
        )
    return warehouse


def prices_of(warehouse: Warehouse) -> pd.DataFrame:
    with warehouse.read() as connection:
        return connection.execute("FROM prices ORDER BY ticker, session").df()


@pytest.fixture(scope="module")
def lines(original: Warehouse) -> Iterator[dict[Perturbation, pd.DataFrame]]:
    """The prices of every copy."""
    found = {}
    for alteration in PERTURBATIONS:
        with perturbed_copy(original, alteration, AS_OF) as copy:
            found[alteration] = prices_of(copy)
    yield found


def parts(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows up to the session, and those after it."""
    known = table["session"] <= pd.Timestamp(AS_OF)
    return table[known].reset_index(drop=True), table[~known].reset_index(drop=True)


def test_up_to_the_session_every_copy_is_the_original_bit_for_bit(
    original: Warehouse, lines: dict[Perturbation, pd.DataFrame]
) -> None:
    known, later = parts(prices_of(original))
    assert len(known) > 5 * 100
    assert len(later) > 5 * 50
    for alteration, table in lines.items():
        if alteration not in {"disproved", "restated"}:
            pd.testing.assert_frame_equal(parts(table)[0], known, check_exact=True)


@pytest.mark.parametrize("alteration", PERTURBATIONS)
def test_what_was_known_at_the_session_is_the_same_in_every_copy(
    original: Warehouse, alteration: Perturbation
) -> None:
    def known(warehouse: Warehouse) -> PricePanel:
        parts, _ = read_known_prices(warehouse, TICKERS, date.max)
        return PointInTimePrices.from_parts(parts, TICKERS).at(AS_OF)

    before = known(original)
    with perturbed_copy(original, alteration, AS_OF) as copy:
        after = known(copy)
    assert after.last_sessions() == dict.fromkeys(TICKERS, AS_OF)
    for name in ("sessions", "lengths", *PRICES):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name), strict=True)


def test_what_is_known_now_is_another_thing(lines: dict[Perturbation, pd.DataFrame]) -> None:
    known = parts(lines["unchanged"])[0]
    restated, disproved = parts(lines["restated"])[0], parts(lines["disproved"])[0]
    assert (restated["close"] / known["close"]).between(2, 2.7).all()
    assert (restated["close"] / known["close"]).round(6).nunique() == 7
    assert set(known["session"]) - set(disproved["session"]) == {pd.Timestamp(AS_OF)}
    ended, begun = (parts(lines[name])[1] for name in ("ended", "begun"))
    assert 0 < ended["ticker"].nunique() < len(TICKERS)
    assert begun["ticker"].nunique() == 2 * len(TICKERS)


def test_an_unchanged_copy_has_the_later_prices_and_a_cut_one_has_none(
    original: Warehouse, lines: dict[Perturbation, pd.DataFrame]
) -> None:
    pd.testing.assert_frame_equal(lines["unchanged"], prices_of(original), check_exact=True)
    assert parts(lines["cut"])[1].empty


def test_corrupted_prices_are_all_different_and_still_prices(lines: dict[Perturbation, pd.DataFrame]) -> None:
    later, corrupted = (parts(lines[name])[1] for name in ("unchanged", "corrupted"))
    others = [name for name in later if name not in PRICES]
    pd.testing.assert_frame_equal(corrupted[others], later[others], check_exact=True)
    for name in PRICES:
        ratio = corrupted[name] / later[name]
        assert (ratio != 1).all(), name
        assert ratio.between(0.5, 2).all(), name
        # Each row by a number of its own, and not only by a few different ones.
        assert ratio.round(9).nunique() > 0.7 * len(ratio), name
    for name in ("open", "low", "close"):
        assert (corrupted["high"] >= corrupted[name]).all()
    for name in ("open", "high", "close"):
        assert (corrupted["low"] <= corrupted[name]).all()


def test_no_price_stays_the_same_when_many_are_corrupted(warehouse: Warehouse) -> None:
    days = pd.bdate_range("2000-01-03", "2012-12-31")
    plain = pd.DataFrame(dict.fromkeys(PRICES, 100.0), index=range(len(days)))
    store(warehouse, plain.assign(ticker="A", session=days.astype("datetime64[s]"), dividend=0.0, split=1.0))
    with perturbed_copy(warehouse, "corrupted", date(1999, 12, 31)) as copy:
        corrupted = prices_of(copy)
    assert len(corrupted) == len(days)
    assert {name: int((corrupted[name] == 100).sum()) for name in PRICES} == dict.fromkeys(PRICES, 0)


def test_shuffled_rows_are_those_of_each_ticker_on_other_days(
    lines: dict[Perturbation, pd.DataFrame],
) -> None:
    later, shuffled = (parts(lines[name])[1] for name in ("unchanged", "shuffled"))
    assert shuffled[["ticker", "session"]].equals(later[["ticker", "session"]])
    for ticker, rows in later.groupby("ticker"):
        other = shuffled[shuffled["ticker"] == ticker]
        as_rows = [sorted(map(tuple, table[PRICES].to_numpy())) for table in (rows, other)]
        assert as_rows[0] == as_rows[1]
        moved = (rows["close"].to_numpy() != other["close"].to_numpy()).mean()
        assert moved > 0.9, ticker


def test_no_two_tickers_are_shuffled_alike(lines: dict[Perturbation, pd.DataFrame]) -> None:
    later, shuffled = (parts(lines[name])[1] for name in ("unchanged", "shuffled"))
    orders = []
    for ticker in ("IBM", "MSFT"):
        place = {close: at for at, close in enumerate(later.loc[later["ticker"] == ticker, "adj_close"])}
        orders.append([place[close] for close in shuffled.loc[shuffled["ticker"] == ticker, "adj_close"]])
    assert orders[0] != orders[1]


@pytest.mark.parametrize("alteration", PERTURBATIONS)
def test_a_copy_knows_the_exchanges_and_no_forecast_and_is_gone_afterwards(
    original: Warehouse, alteration: Perturbation
) -> None:
    before = contents(original)
    with perturbed_copy(original, alteration, AS_OF) as copy:
        folder = copy.folder
        assert folder.parent == Path(tempfile.gettempdir())
        assert copy.database.exists()
        assert copy.snapshot.exists(), "readers of the copy have it too"
        found = contents(copy)
        again = [row for row in found["listings"] if not row[0].endswith(".LATER")]
        assert again == before["listings"]
        assert found["forecasts"] == []
    assert not folder.exists()
    assert contents(original) == before


def test_a_copy_is_gone_after_a_failure_too(original: Warehouse) -> None:
    with pytest.raises(RuntimeError, match="power cut"), perturbed_copy(original, "cut", AS_OF) as copy:
        raise RuntimeError("power cut")
    assert not copy.folder.exists()


def test_a_folder_without_a_warehouse_has_no_copy_and_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "temporary"
    own.mkdir()
    # Other tests make copies in the folder that all share.
    monkeypatch.setattr(tempfile, "tempdir", str(own))
    with pytest.raises(SnapshotMissingError), perturbed_copy(Warehouse(tmp_path / "nowhere"), "cut", AS_OF):
        pass
    assert list(own.iterdir()) == []
    assert not (tmp_path / "nowhere").exists()
