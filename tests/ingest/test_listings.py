import pytest

from stockjax.errors import UsageError
from stockjax.ingest.listings import Listing, listings
from stockjax.sessions import Exchange
from stockjax.settings import load_settings


def test_the_settings_word_comes_before_the_vendors_and_that_before_the_default() -> None:
    settings = load_settings(exchange="XLON", exchanges={"A": "XTKS"})
    assert listings(["A", "B", "C"], settings, {"A": "XNYS", "B": "24/7"}) == {
        "A": Listing(Exchange("XTKS"), "settings"),
        "B": Listing(Exchange("24/7"), "vendor"),
        "C": Listing(Exchange("XLON"), "default"),
    }


def test_tickers_keep_their_order_and_no_one_else_is_listed() -> None:
    settings = load_settings(exchanges={"Z": "XTKS"})
    assert list(listings(["C", "A", "B"], settings, {"Y": "XLON"})) == ["C", "A", "B"]


@pytest.mark.parametrize("flags", [{"exchange": "NOWHERE"}, {"exchanges": {"A": "NOWHERE"}}])
def test_an_exchange_that_does_not_exist_is_a_wrong_setting(flags: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="NOWHERE"):
        listings(["A"], load_settings(**flags), {})
