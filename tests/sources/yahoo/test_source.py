import itertools
import socket
import time
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from stockjax.errors import (
    ConnectionFailedError,
    InvalidDataError,
    RateLimitedError,
    SourceError,
    SourceTimeoutError,
    SourceUnavailableError,
    TruncatedResponseError,
    UnknownTickerError,
)
from stockjax.sources.yahoo import YahooSource, source
from tests.support.yahoo_faults import (
    Fault,
    as_usual,
    empty_body,
    forever,
    hang,
    html,
    reset,
    status,
    truncated_json,
    unequal_lengths,
    will_be_right_back,
)
from tests.support.yahoo_payload import made_up_listing
from tests.support.yahoo_prices import FIRST, LAST, fetch, request, settings, source_of
from tests.support.yahoo_server import YahooServer

MANY = [f"T{number}" for number in range(20)]


@pytest.fixture
def many(yahoo: YahooServer) -> list[str]:
    """Twenty more tickers, with a month of bars."""
    for seed, ticker in enumerate(MANY):
        yahoo.listings[ticker] = made_up_listing(seed, date(2024, 4, 8), LAST)
    return MANY


def test_it_is_live_and_has_no_universe_of_its_own(yahoo: YahooServer, tmp_path: Path) -> None:
    vendor = source_of(yahoo)
    assert (vendor.name, vendor.universe(), vendor.last_session()) == ("yahoo", (), None)


def test_a_delivery_tells_prices_failures_and_exchanges(yahoo: YahooServer, tmp_path: Path) -> None:
    yahoo.listings["7203.T"] = made_up_listing(9, FIRST, LAST, "XTKS")
    yahoo.listings["ODD"] = made_up_listing(9, FIRST, LAST, time_zone="Africa/Lagos")
    (part,) = fetch(source_of(yahoo), ["AAA", "7203.T", "ODD", "NONE"])
    assert set(part.prices["ticker"]) == part.full_history == {"AAA", "7203.T", "ODD"}
    assert part.exchanges == {"AAA": "XNYS", "7203.T": "XTKS"}
    assert set(part.failures) == {"NONE"}
    assert isinstance(part.failures["NONE"], UnknownTickerError)
    assert "'NONE'" in str(part.failures["NONE"])
    assert "check the symbol" in str(part.failures["NONE"])
    assert part.zones == {"ODD": "Africa/Lagos"}


@pytest.mark.parametrize(
    ("ticker", "hint"), [("BRK.B", True), ("BF/B", True), ("VOD.L", False), ("AB", False)]
)
def test_a_class_of_shares_gets_a_hint_at_how_the_vendor_writes_it(
    yahoo: YahooServer, ticker: str, hint: bool
) -> None:
    (part,) = fetch(source_of(yahoo), [ticker])
    assert (f"Yahoo writes {ticker[:-2]}-B" in str(part.failures[ticker])) == hint


def test_tickers_of_which_only_news_came_are_not_whole(yahoo: YahooServer, tmp_path: Path) -> None:
    vendor = source_of(yahoo)
    yahoo.set_today(date(2024, 5, 9))
    ((first,), last) = (fetch(vendor, ["AAA"]), LAST)
    yahoo.set_today(last)
    (part,) = vendor.fetch([request("AAA", first.prices.tail(12)), request("BBB")], last)
    assert part.full_history == {"BBB"}
    assert (part.prices["ticker"] == "AAA").sum() == 13


def test_what_lies_after_the_last_session_is_left_out(yahoo: YahooServer, tmp_path: Path) -> None:
    (part,) = fetch(source_of(yahoo), ["AAA", "BBB"], last=date(2024, 3, 28))
    assert part.prices.groupby("ticker")["session"].max().dt.date.to_dict() == {
        "AAA": date(2024, 3, 28),
        "BBB": date(2024, 3, 28),
    }


@pytest.mark.parametrize("workers", [1, 4])
def test_every_ticker_is_in_one_part(
    yahoo: YahooServer, many: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    monkeypatch.setattr(source, "PART_TICKERS", 6)
    yahoo.faults("T3", forever(status(404)))
    parts = fetch(source_of(yahoo, workers=workers), [*many, "NONE"])
    found = [{*part.prices["ticker"], *part.failures} for part in parts]
    assert Counter(itertools.chain(*found)) == Counter([*many, "NONE"])
    assert all(len(tickers) >= 6 for tickers in found[:-1])
    assert len(found) > 1
    assert {name for part in parts for name in part.failures} == {"T3", "NONE"}


def test_a_part_does_not_wait_for_slow_tickers_for_long(
    yahoo: YahooServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "PART_SECONDS", 0.1)
    yahoo.faults("BBB", hang(1))
    parts = fetch(source_of(yahoo), ["AAA", "BBB"])
    assert [set(part.prices["ticker"]) for part in parts] == [{"AAA"}, {"BBB"}]


def test_asking_for_nothing_brings_nothing(yahoo: YahooServer, tmp_path: Path) -> None:
    assert fetch(source_of(yahoo), []) == []
    assert yahoo.requests == []


@pytest.mark.parametrize(
    ("faults", "failure", "requests"),
    [
        ((status(500), status(503), as_usual()), None, 3),
        ((reset(), as_usual()), None, 2),
        ((truncated_json(), empty_body(), as_usual()), None, 3),
        ((hang(30), as_usual()), None, 2),
        ((forever(status(500)),), SourceUnavailableError, 3),
        ((forever(reset()),), SourceUnavailableError, 3),
        ((forever(will_be_right_back()),), SourceUnavailableError, 3),
        ((forever(hang(30)),), SourceTimeoutError, 3),
        ((forever(html()),), TruncatedResponseError, 3),
        ((forever(status(404)),), UnknownTickerError, 1),
        ((forever(unequal_lengths()),), InvalidDataError, 1),
        ((forever(status(400)),), InvalidDataError, 1),
    ],
    ids=lambda value: ", ".join(fault.name for fault in value) if isinstance(value, tuple) else None,
)
def test_what_may_help_is_tried_again(
    yahoo: YahooServer,
    tmp_path: Path,
    faults: tuple[Fault, ...],
    failure: type[SourceError] | None,
    requests: int,
) -> None:
    yahoo.faults("AAA", *faults)
    patience = 0.4 if any(fault.name.startswith("hang") for fault in faults) else 5
    (part,) = fetch(source_of(yahoo, retries=2, timeout=patience), ["AAA"])
    assert {ticker: type(error) for ticker, error in part.failures.items()} == (
        {"AAA": failure} if failure else {}
    )
    assert part.full_history == (frozenset() if failure else {"AAA"})
    assert yahoo.chart_requests("AAA") == requests


def test_without_retries_each_is_asked_once(yahoo: YahooServer, tmp_path: Path) -> None:
    yahoo.faults("AAA", status(500))
    (part,) = fetch(source_of(yahoo, retries=0), ["AAA"])
    assert set(part.failures) == {"AAA"}
    assert yahoo.chart_requests() == 1


def test_the_waits_between_retries_double(
    yahoo: YahooServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "_FIRST_WAIT", 0.1)
    yahoo.faults("AAA", status(500), status(500), as_usual())
    fetch(source_of(yahoo), ["AAA"])
    first, second, third = (seen.at for seen in yahoo.requests if seen.ticker)
    assert second - first >= 0.1
    assert third - second >= 0.2


def test_no_one_listening_fails_by_name() -> None:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        base_url = f"http://127.0.0.1:{place.getsockname()[1]}"
        (part,) = fetch(YahooSource(settings(base_url, retries=1)), ["AAA", "BBB"])
    assert {ticker: type(error) for ticker, error in part.failures.items()} == {
        "AAA": ConnectionFailedError,
        "BBB": ConnectionFailedError,
    }


def test_one_refusal_is_waited_out(yahoo: YahooServer, tmp_path: Path) -> None:
    yahoo.faults("AAA", status(429), as_usual())
    # Refusals are no attempts: they have a budget of their own.
    (part,) = fetch(source_of(yahoo, retries=0), ["AAA"])
    assert part.full_history == {"AAA"}
    first, second = (seen.at for seen in yahoo.requests if seen.ticker)
    assert second - first >= 0.049


def test_what_came_before_the_budget_was_spent_is_delivered(
    yahoo: YahooServer, many: list[str], tmp_path: Path
) -> None:
    yahoo.faults("CCC", forever(status(429)))
    begun = time.monotonic()
    parts = fetch(source_of(yahoo, workers=1), ["AAA", "BBB", "CCC", "DDD", *many])
    assert time.monotonic() - begun < 5
    assert {ticker for part in parts for ticker in part.full_history} == {"AAA", "BBB"}
    failures = {ticker: error for part in parts for ticker, error in part.failures.items()}
    assert set(failures) == {"CCC", "DDD", *many}
    for ticker, error in failures.items():
        assert isinstance(error, RateLimitedError)
        assert f"'{ticker}'" in str(error)
        assert "yahoo.requests_per_second" in str(error)
    assert yahoo.chart_requests("CCC") == 4
    assert yahoo.chart_requests() == 6


def test_a_new_fetch_has_a_new_budget(yahoo: YahooServer, tmp_path: Path) -> None:
    vendor = source_of(yahoo)
    yahoo.faults("AAA", forever(status(429)))
    fetch(vendor, ["AAA"])
    yahoo.faults("AAA")
    (part,) = fetch(vendor, ["AAA"])
    assert part.full_history == {"AAA"}


def test_the_rate_is_kept_by_all_workers_together(
    yahoo: YahooServer, many: list[str], tmp_path: Path
) -> None:
    begun = time.monotonic()
    fetch(source_of(yahoo, requests_per_second=20, workers=4), many)
    asked = sorted(seen.at - begun for seen in yahoo.requests if seen.ticker)
    assert len(asked) == 20
    # Some may be late, none early.
    assert all(moment > number / 20 - 0.002 for number, moment in enumerate(asked))


def test_workers_ask_at_the_same_time(yahoo: YahooServer, many: list[str], tmp_path: Path) -> None:
    fetch(source_of(yahoo), ["AAA"])
    for ticker in many[:4]:
        yahoo.faults(ticker, hang(0.5))
    fetch(source_of(yahoo, workers=4), many[:4])
    asked = [seen.at for seen in yahoo.requests if seen.ticker in many]
    assert max(asked) - min(asked) < 0.5


def test_when_nothing_can_be_had_each_is_asked_once(
    yahoo: YahooServer, many: list[str], tmp_path: Path
) -> None:
    for ticker in many:
        yahoo.faults(ticker, forever(status(503)))
    parts = fetch(source_of(yahoo, workers=1, retries=1), many)
    assert {name for part in parts for name in part.failures} == set(many)
    assert [yahoo.chart_requests(ticker) for ticker in many] == [2] * 10 + [1] * 10


def test_one_answer_brings_the_retries_back(yahoo: YahooServer, many: list[str], tmp_path: Path) -> None:
    for ticker in many:
        yahoo.faults(ticker, forever(status(503)))
    yahoo.faults("T12")
    fetch(source_of(yahoo, workers=1, retries=1), many)
    assert [yahoo.chart_requests(ticker) for ticker in many] == [2] * 10 + [1] * 3 + [2] * 7


def test_unknown_symbols_in_a_row_do_not_end_the_retries(yahoo: YahooServer, tmp_path: Path) -> None:
    vendor = source_of(yahoo, workers=1, retries=1)
    yahoo.faults("AAA", status(500), as_usual())
    parts = fetch(vendor, [*(f"NO{number}" for number in range(12)), "AAA"])
    assert {ticker for part in parts for ticker in part.full_history} == {"AAA"}


@pytest.mark.parametrize("busy_with", ["requests", "a pause", "retries"])
def test_who_stops_listening_does_not_wait_for_the_workers(
    yahoo: YahooServer,
    many: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    busy_with: str,
) -> None:
    monkeypatch.setattr(source, "PART_TICKERS", 1)
    monkeypatch.setattr(source, "_FIRST_WAIT", 3)
    fault = {"requests": hang(30), "a pause": status(429), "retries": status(500)}[busy_with]
    for ticker in many[4:]:
        yahoo.faults(ticker, forever(fault))
    vendor = source_of(yahoo, timeout=0.5, pause=30, pause_budget=30, retries=1)
    parts = vendor.fetch([request(ticker) for ticker in many], LAST)
    assert next(parts).full_history
    give_up = time.monotonic() + 5
    while not yahoo.chart_requests("T4") and time.monotonic() < give_up:
        time.sleep(0.01)
    time.sleep(0.1)
    begun = time.monotonic()
    parts.close()  # type: ignore[attr-defined]
    assert time.monotonic() - begun < 1.5
    asked = yahoo.chart_requests()
    time.sleep(0.1)
    assert 4 < yahoo.chart_requests() == asked < len(many)
