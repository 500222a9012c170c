"""Warehouses after one, two and three nights without a fault, made once."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from stockjax.ingest import ingest
from stockjax.sources.yahoo import source
from stockjax.warehouse.readers_copy import ReadersCopy
from tests.support.ingest_runs import NIGHT_1, NIGHT_2, NIGHT_3, listings, spend
from tests.support.yahoo_server import YahooServer


@pytest.fixture(scope="package")
def faultless(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """The warehouse after so many nights; not to be written to, and read by `values_once`."""
    folder = tmp_path_factory.mktemp("faultless")
    made: dict[int, Path] = {}
    with YahooServer(listings()) as yahoo:
        for number, day in enumerate((NIGHT_1, NIGHT_2, NIGHT_3), start=1):
            yahoo.set_today(day)
            spend(yahoo, folder / "now", day)
            made[number] = shutil.copytree(
                folder / "now", folder / f"night-{number}", ignore=shutil.ignore_patterns("snapshot*")
            )
    return made


@pytest.fixture
def yahoo() -> Iterator[YahooServer]:
    """The vendor on the second night."""
    with YahooServer(listings()) as server:
        server.set_today(NIGHT_2)
        yield server


@pytest.fixture
def folder(faultless: dict[int, Path], tmp_path: Path) -> Path:
    """The warehouse after the first night."""
    return shutil.copytree(faultless[1], tmp_path / "warehouse")


@pytest.fixture(autouse=True)
def _no_copies_for_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    # No one reads them here, and every write makes one.
    monkeypatch.setattr(ReadersCopy, "renew", lambda copy: None)


@pytest.fixture(autouse=True)
def _no_ticker_is_due_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "FULL_EVERY", 10**12)


@pytest.fixture(autouse=True)
def _retries_come_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "_FIRST_WAIT", 0.01)
