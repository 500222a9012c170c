"""Retrained models that must earn their place, and nights whose models cannot be read."""

import hashlib
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from safetensors.numpy import load, save

from stockjax.engine import training_step as step_module
from stockjax.features import FEATURE_NAMES, Features, inputs_id
from stockjax.forecasting import training
from stockjax.registry import Model, load_champions, save_models
from stockjax.reproduce import ledger_rows, reproduce
from stockjax.settings import TrainingSettings, load_settings
from stockjax.training.gate_holdout import GATE_SESSIONS
from stockjax.training.ticker_model import retrain_ticker
from stockjax.warehouse import Warehouse
from tests.support.model_files import own_file
from tests.support.runs import SMALL, RunDriver, forecast_all, worse
from tests.support.synthetic import NEW_YORK, price_frame

DAYS = NEW_YORK.sessions(date(2011, 9, 1), date(2013, 3, 1))
TICKERS = ("A", "B", "C")
NUMBERS = "SELECT ticker, as_of, model, model_id, q05, q50, q95, scale FROM forecasts ORDER BY ALL"
WIDE: Any = {"base_tolerance": 1.0, "ticker_tolerance": 1.0}


class Nights:
    """Nights at the last sessions of a file, without Prefect."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines: list[str] = []

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(self.folder / "warehouse", lock_timeout=5)

    def write_prices(self) -> None:
        table = pd.concat([price_frame(ticker, DAYS, seed) for seed, ticker in enumerate(TICKERS)])
        table.rename(columns={"session": "date"}).to_csv(self.folder / "prices.csv", index=False)

    def night(self, at: int, catch_up: int = 5, **retrain: Any) -> str:
        """A night at the close of a session, counted from the end; returns its message."""
        settings = load_settings(
            source="files",
            path=self.folder / "prices.csv",
            warehouse=self.folder / "warehouse",
            training=SMALL,
            warmup={"sessions": 0},
            history={"training_sessions": 320},
            retrain=retrain,
            catch_up={"sessions": catch_up},
            workers=1,
        )
        night = RunDriver(settings, DAYS[at].item(), self.lines.append)
        night.open()
        ingested = night.ingest()
        universe = night.resolve_universe(ingested)
        results = forecast_all(night, universe)
        outcome = night.result(universe, ingested, results, self.folder / "page.html")
        night.close("completed", {})
        assert outcome.forecast == len(TICKERS)
        return outcome.message

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.warehouse.read() as connection:
            return connection.execute(sql).fetchall()

    def networks(self, at: int) -> dict[str, tuple[str | None, str | None]]:
        """By ticker, which model has forecast from a session, and in whose place."""
        sql = (
            f"SELECT ticker, model_id, fallback FROM forecasts WHERE as_of = '{DAYS[at]}' AND model = 'lstm'"
        )
        return {ticker: (model, fallback) for ticker, model, fallback in self.rows(sql)}

    def renew_hash(self, model_id: str) -> None:
        """As if a file that is there had been written so."""
        sha256 = hashlib.sha256(self.file_of(model_id).read_bytes()).hexdigest()
        with self.warehouse.write() as connection:
            connection.execute("UPDATE models SET sha256 = ? WHERE model_id = ?", [sha256, model_id])

    def champions(self) -> dict[str | None, str]:
        return dict(self.rows("SELECT ticker, model_id FROM champions"))

    def file_of(self, model_id: str) -> Path:
        return own_file(self.warehouse, model_id)

    def assert_rows_come_out_again(self, at: int) -> None:
        for ticker in TICKERS:
            for row in ledger_rows(self.warehouse, ticker, DAYS[at].item()):
                again = reproduce(self.warehouse, row)
                assert again.same, (ticker, row["model"], again.differing, again.causes)


@pytest.fixture(scope="module")
def _first(tmp_path_factory: pytest.TempPathFactory) -> Nights:
    nights = Nights(tmp_path_factory.mktemp("first"))
    nights.write_prices()
    nights.night(-5, **WIDE)
    return nights


@pytest.fixture
def nights(_first: Nights, tmp_path: Path) -> Nights:
    """One night, after which every ticker has a champion of its own."""
    shutil.copytree(_first.folder, tmp_path / "own")
    return Nights(tmp_path / "own")


def harmful(start: Any, base: Any, features: Features, row: int, length: int, *rest: Any) -> Any:
    """A training with a hundred times the learning rate, which early stopping alone would stop.

    So what it learns from and is stopped by is spoilt too; what a comparison looks at is not.
    """
    settings, seed = rest
    wild = settings.model_copy(update={"ticker_learning_rate": 100 * settings.ticker_learning_rate})
    labels = features.labels.copy()
    labels[:, : length - GATE_SESSIONS] *= 20
    return retrain_ticker(start, base, replace(features, labels=labels), row, length, wild, seed)


def test_a_harmful_retrain_is_rejected_and_the_champion_goes_on(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = nights.champions()
    monkeypatch.setattr(training, "retrain_ticker", harmful)
    assert nights.night(-4).endswith("; 3 new models rejected")
    assert nights.networks(-4) == {ticker: (before[ticker], None) for ticker in TICKERS}
    assert nights.champions() == before
    rejected = nights.rows(
        "SELECT ticker, validation_loss - champion_loss FROM models WHERE status = 'rejected' ORDER BY ticker"
    )
    assert [ticker for ticker, _ in rejected] == list(TICKERS)
    assert min(difference for _, difference in rejected) > load_settings().retrain.ticker_tolerance
    assert any("3 new models rejected, their champions stay: A (" in line for line in nights.lines)
    changes = nights.rows("SELECT ticker, previous, cause FROM model_changes WHERE status = 'rejected'")
    assert sorted(changes) == [(ticker, None, "trained") for ticker in TICKERS]
    # An honest one takes over on the next night.
    monkeypatch.undo()
    nights.night(-3, **WIDE)
    after = nights.champions()
    assert all(after[ticker] != before[ticker] for ticker in TICKERS)
    assert nights.networks(-3) == {ticker: (after[ticker], None) for ticker in TICKERS}


def test_the_same_night_again_judges_the_same_and_writes_nothing_twice(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "retrain_ticker", harmful)
    nights.night(-4)
    tables = ("forecasts", "models", "model_changes")
    kept = {name: nights.rows(f"FROM {name} ORDER BY ALL") for name in tables}
    nights.night(-4)
    assert {name: nights.rows(f"FROM {name} ORDER BY ALL") for name in tables} == kept
    numbers = nights.rows(NUMBERS)
    # Cut off after its models were kept, it ends with the same forecasts.
    with nights.warehouse.write() as connection:
        connection.execute("DELETE FROM forecasts WHERE as_of = ?", [DAYS[-4].item()])
    nights.night(-4)
    assert nights.rows(NUMBERS) == numbers
    assert len(nights.rows("FROM models")) == len(kept["models"])


def test_a_worse_base_is_rejected_and_tried_again_after_a_while(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    (base,) = (name for ticker, name in nights.champions().items() if ticker is None)
    train, trained = step_module.train_base_model, []

    def spoilt(*arguments: Any) -> Model:
        model = train(*arguments)
        trained.append(model.model_id)
        return worse(model)

    monkeypatch.setattr(step_module, "train_base_model", spoilt)
    nights.night(-4, base_every=1, **WIDE)
    assert nights.champions()[None] == base
    lines = nights.rows(f"SELECT status, champion_loss IS NULL FROM models WHERE model_id = '{trained[0]}'")
    assert lines == [("rejected", False)]
    nights.night(-3, base_every=1, **WIDE)
    assert len(trained) == 1
    nights.night(-2, base_every=1, base_retry=2, **WIDE)
    assert len(trained) == 2


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[random.Random(6).randrange(len(content) // 2, len(content))] ^= 1
    path.write_bytes(content)


def other_shapes(path: Path) -> None:
    arrays = load(path.read_bytes())
    path.write_bytes(save({name: value[..., :1] for name, value in arrays.items()}))


def newer_version(path: Path) -> None:
    arrays = load(path.read_bytes())
    path.write_bytes(save({**arrays, "attention/kernel": next(iter(arrays.values()))}))


HARMS: dict[str, tuple[Callable[[Path], Any], bool, str]] = {
    "missing": (Path.unlink, False, "cannot be read"),
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:-100]), False, "sha256"),
    "one bit flipped": (flip_a_bit, False, "sha256"),
    "of another architecture": (other_shapes, True, "of shape"),
    "of a newer version": (newer_version, True, "attention"),
}


@pytest.mark.parametrize("harm", HARMS)
def test_a_model_file_that_is_not_whole_is_named_and_the_base_forecasts(nights: Nights, harm: str) -> None:
    spoil, known, lines = HARMS[harm]
    before = nights.champions()
    file = nights.file_of(before["B"])
    spoil(file)
    if known:
        nights.renew_hash(before["B"])
    message = nights.night(-4, **WIDE)
    assert message.startswith("3 of 3 tickers forecast")
    assert f"B: the model file '{before['B']}.safetensors'" in message
    assert lines in message
    assert message.endswith("forecast from the base")
    networks = nights.networks(-4)
    assert networks["B"] == (before[None], "base")
    assert networks["A"] == (nights.champions()["A"], None)
    if harm == "one bit flipped":
        nights.assert_rows_come_out_again(-4)
        # What was trained meanwhile takes over.
        assert "B" not in nights.night(-3, **WIDE)
        assert nights.networks(-3)["B"] == (nights.champions()["B"], None)


def test_a_base_that_is_not_whole_is_trained_again(nights: Nights) -> None:
    base = nights.champions()[None]
    flip_a_bit(nights.file_of(base))
    message = nights.night(-4, **WIDE)
    assert f"base: the model file '{base}.safetensors' is damaged" in message
    assert nights.champions()[None] != base
    assert {fallback for _, fallback in nights.networks(-4).values()} == {None}


def test_without_any_model_har_speaks_and_the_row_says_so(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Model:
        raise RuntimeError("no memory")

    before = nights.champions()
    for name in (None, "A"):
        nights.file_of(before[name]).unlink()
    monkeypatch.setattr(step_module, "train_base_model", fail)
    message = nights.night(-4)
    assert "base: training failed (no memory), tickers without a model are forecast by har" in message
    assert nights.networks(-4) == {
        "A": (None, "har"),
        "B": (before["B"], None),
        "C": (before["C"], None),
    }
    lines = "SELECT model, q05, q50, q95, scale FROM forecasts WHERE ticker = 'A' AND as_of = '{}'"
    found = {model: numbers for model, *numbers in nights.rows(lines.format(DAYS[-4]))}
    assert found["lstm"] == found["har"]
    nights.assert_rows_come_out_again(-4)


def test_a_champion_that_is_too_old_is_skipped(nights: Nights) -> None:
    before = nights.champions()
    message = nights.night(-1, catch_up=0, ticker_every=2, ticker_expiry=3, **WIDE)
    assert f"A: its model {before['A']} is 4 sessions old and skipped, forecast from the base" in message
    assert nights.networks(-1) == dict.fromkeys(TICKERS, (before[None], "base"))
    nights.assert_rows_come_out_again(-1)


def test_a_base_that_is_too_old_is_trained_again(nights: Nights) -> None:
    before = nights.champions()
    message = nights.night(-1, catch_up=0, base_every=2, base_expiry=3, **WIDE)
    assert f"base: the base {before[None]} is 4 sessions old and skipped" in message
    assert nights.champions()[None] != before[None]


def test_a_fresh_start_leaves_the_champion_behind(nights: Nights) -> None:
    nights.night(-4, start="fresh", **WIDE)
    after = nights.champions()
    parents = dict(nights.rows("SELECT model_id, parent_id FROM models"))
    assert {parents[after[ticker]] for ticker in TICKERS} == {after[None]}


def kept_challenger(nights: Nights, *, good: bool) -> Model:
    """What a search has kept: another base, that does well or not."""
    champion = load_champions(nights.warehouse, TICKERS, DAYS[-5].item()).base
    assert champion is not None
    if not good:
        champion = worse(champion)
    lines = {**TrainingSettings(**SMALL).model_dump(), "ticker_steps": 8, "features": len(FEATURE_NAMES)}
    lines["inputs"] = inputs_id()
    challenger = replace(
        champion,
        hyperparameters={**lines, "stopped_at": 50, "search": {"study": "study-1"}},
        status="challenger",
        champion_loss=None,
    )
    moment = datetime(2013, 3, 1, tzinfo=UTC)
    save_models(nights.warehouse, [challenger], batch="tune", run_id="run-tune", moment=moment)
    return challenger


def test_the_winner_of_a_search_is_compared_with_the_active_base_and_its_recipe_goes_on(
    nights: Nights,
) -> None:
    challenger = kept_challenger(nights, good=True)
    nights.night(-4, **WIDE)
    assert nights.champions()[None] == challenger.model_id
    assert any(f"challenger {challenger.model_id}, loss" in line for line in nights.lines)
    changes = nights.rows(
        "SELECT previous, status, cause, changed_by FROM model_changes "
        f"WHERE model_id = '{challenger.model_id}' ORDER BY change"
    )
    assert changes[-1] == ("challenger", "champion", "promote", None)
    lines = nights.rows(
        "SELECT DISTINCT hyperparameters->>'ticker_steps' FROM models "
        f"WHERE role = 'ticker' AND trained_through = '{DAYS[-4]}'"
    )
    assert lines == [("8",)]
    # The next base is trained by the same recipe, and says whose it is.
    nights.night(-3, base_every=1, **WIDE)
    nights.night(-2, base_every=1, **WIDE)
    lines = nights.rows(
        "SELECT hyperparameters->>'searched', hyperparameters->>'ticker_steps' FROM models "
        f"WHERE model_id = '{nights.champions()[None]}'"
    )
    assert lines == [("study-1", "8")]


def test_a_winner_of_a_search_that_does_worse_is_rejected(nights: Nights) -> None:
    before, challenger = nights.champions()[None], kept_challenger(nights, good=False)
    nights.night(-4)
    assert nights.champions()[None] == before
    lines = nights.rows(
        "SELECT status, validation_loss > champion_loss + 0.01 FROM models "
        f"WHERE model_id = '{challenger.model_id}'"
    )
    assert lines == [("rejected", True)]
    # It is judged once.
    lines = len(nights.lines)
    nights.night(-3)
    assert not any("challenger" in line for line in nights.lines[lines:])


def test_a_challenger_that_cannot_be_read_is_named(nights: Nights) -> None:
    challenger = kept_challenger(nights, good=True)
    flip_a_bit(nights.file_of(challenger.model_id))
    assert f"challenger: the model file '{challenger.model_id}" in nights.night(-4)
