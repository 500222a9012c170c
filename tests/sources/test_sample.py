import hashlib
from datetime import date
from importlib.resources import files

import pandas as pd
import pytest

from stockjax.errors import SourceError, UnknownTickerError
from stockjax.quality import check
from stockjax.settings import load_settings
from stockjax.sources import DELIVERED_COLUMNS, open_source
from stockjax.sources.sample import SampleSource
from tests.support.synthetic import NEW_YORK, delivered

DATA_SHA256 = "5abadf99b2d394f920120a27de6f0df129859d71d4cfb0bf661bcc99446ab1fd"
LAST = date(2013, 3, 1)


@pytest.fixture(scope="module")
def sample() -> SampleSource:
    return SampleSource()


def test_the_recorded_file_is_the_one_that_was_published() -> None:
    packed = (files("stockjax.sources") / "data" / "us5_2000_2013.csv.gz").read_bytes()
    assert hashlib.sha256(packed).hexdigest() == DATA_SHA256


def test_it_is_the_source_where_nothing_is_configured() -> None:
    assert isinstance(open_source(load_settings()), SampleSource)


def test_it_offers_five_tickers_up_to_its_last_session(sample: SampleSource) -> None:
    assert sample.universe() == ("AAPL", "FB", "GOOG", "IBM", "MSFT")
    assert sample.last_session() == LAST


def test_every_row_is_delivered(sample: SampleSource) -> None:
    delivery = delivered(sample, sample.universe(), LAST)
    prices = delivery.prices
    assert len(prices) == 12154
    assert tuple(prices.columns) == DELIVERED_COLUMNS
    assert prices["session"].dtype == "datetime64[s]"
    counts = prices["ticker"].value_counts().to_dict()
    assert counts == {"AAPL": 3270, "FB": 196, "GOOG": 2148, "IBM": 3270, "MSFT": 3270}
    assert prices["session"].min() == pd.Timestamp("2000-03-01")
    assert prices["raw"].isna().all(), "the columns tell all that the file has"
    assert not delivery.failures
    assert not delivery.full_history
    assert not delivery.exchanges


def test_values_are_those_of_the_file(sample_prices: pd.DataFrame) -> None:
    first = sample_prices[
        (sample_prices["ticker"] == "AAPL") & (sample_prices["session"] == pd.Timestamp("2000-03-01"))
    ]
    assert first.iloc[0].to_dict() == {
        "ticker": "AAPL",
        "session": pd.Timestamp("2000-03-01"),
        "open": 118.56,
        "high": 132.06,
        "low": 118.5,
        "close": 130.31,
        "adj_close": 4.186662803811,
        "volume": 9616100.0,
        "dividend": 0.0,
        "split": 1.0,
    }


def test_nearly_all_of_it_passes_the_gate(sample_prices: pd.DataFrame) -> None:
    exchanges = dict.fromkeys(sample_prices["ticker"], NEW_YORK)
    checked = check(sample_prices, exchanges, {NEW_YORK.code: LAST})
    assert len(checked.accepted) + checked.rejected == 12154
    assert len(checked.accepted) > 12100


def test_nothing_after_the_day_asked_for_is_delivered(sample: SampleSource) -> None:
    delivery = delivered(sample, ["AAPL", "FB"], date(2012, 10, 30))
    assert delivery.prices["session"].max() == pd.Timestamp("2012-10-26")
    assert not delivery.failures


def test_an_unknown_ticker_fails_alone(sample: SampleSource) -> None:
    delivery = delivered(sample, ["IBM", "NOPE", "aapl", "IBM"], LAST)
    assert set(delivery.prices["ticker"]) == {"IBM"}
    assert len(delivery.prices) == 3270
    assert set(delivery.failures) == {"NOPE", "aapl"}
    for ticker, failure in delivery.failures.items():
        assert isinstance(failure, UnknownTickerError)
        assert isinstance(failure, SourceError)
        assert f"'{ticker}'" in str(failure)


def test_a_ticker_that_was_not_listed_yet_is_not_found(sample: SampleSource) -> None:
    delivery = delivered(sample, ["FB", "MSFT"], date(2012, 5, 17))
    assert set(delivery.failures) == {"FB"}
    assert set(delivery.prices["ticker"]) == {"MSFT"}


def test_all_unknown_is_an_empty_table_of_the_usual_shape(sample: SampleSource) -> None:
    delivery = delivered(sample, ["NOPE"], LAST)
    assert delivery.prices.empty
    assert tuple(delivery.prices.columns) == DELIVERED_COLUMNS


def test_what_was_delivered_can_be_changed_without_changing_the_source() -> None:
    source = SampleSource()
    prices = delivered(source, ["IBM"], LAST).prices
    prices["close"] = 0.0
    assert (delivered(source, ["IBM"], LAST).prices["close"] > 0).all()
