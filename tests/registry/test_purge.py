"""Deleting model files that are no longer needed."""

import os
import time
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from stockjax.registry import Model, load_champions, purge, save_models
from stockjax.registry.purge import purge_models
from stockjax.warehouse import Warehouse
from tests.support.synthetic import assert_same_bits, some_model
from tests.support.warehouse_rows import fetch

NOW = datetime(2013, 6, 3, 22, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=91)
TONIGHT = date(2013, 6, 3)
DAYS = 90


def keep(warehouse: Warehouse, *models: Model, batch: str, moment: datetime = LONG_AGO) -> None:
    """Models trained at a moment; their files are a month old."""
    save_models(warehouse, models, batch=batch, run_id="run", moment=moment)
    age(warehouse.models.glob(f"{batch}/*"))


def age(paths: Iterable[Path], days: float = 30) -> None:
    for path in paths:
        moment = time.time() - days * 24 * 3600
        os.utime(path, (moment, moment))


def generations(warehouse: Warehouse) -> tuple[Model, Model]:
    """A ticker's model that was retired by the next, both long ago."""
    first, second = some_model("AAPL", 1), some_model("AAPL", 2, trained_through=date(2013, 3, 1))
    keep(warehouse, first, batch="first")
    keep(warehouse, second, batch="second")
    return first, second


def files(warehouse: Warehouse) -> list[str]:
    return sorted(path.relative_to(warehouse.models).as_posix() for path in warehouse.models.rglob("*"))


def purged(warehouse: Warehouse) -> dict[str, Any]:
    return dict(fetch(warehouse, "SELECT model_id, purged_at FROM models ORDER BY ALL"))


def test_a_file_of_a_retired_model_goes_and_its_row_stays(warehouse: Warehouse) -> None:
    first, second = generations(warehouse)
    rows = fetch(warehouse, "SELECT * EXCLUDE purged_at FROM models ORDER BY ALL")
    assert purge_models(warehouse, DAYS, NOW) == 1
    assert files(warehouse) == ["second", f"second/{second.model_id}.safetensors"]
    assert purged(warehouse) == {first.model_id: NOW.replace(tzinfo=None), second.model_id: None}
    assert fetch(warehouse, "SELECT * EXCLUDE purged_at FROM models ORDER BY ALL") == rows
    assert purge_models(warehouse, DAYS, NOW + timedelta(days=1)) == 0
    assert purged(warehouse)[first.model_id] == NOW.replace(tzinfo=None)


def test_a_champion_never_goes_however_old_it_is(warehouse: Warehouse) -> None:
    keep(warehouse, some_model(None, 1), some_model("AAPL", 2), batch="old")
    before = files(warehouse)
    assert purge_models(warehouse, 1, NOW + timedelta(days=10_000)) == 0
    assert files(warehouse) == before
    found = load_champions(warehouse, ["AAPL"], TONIGHT)
    assert found.problems == {}
    assert (found.base is not None, list(found.tickers)) == (True, ["AAPL"])


def test_a_model_goes_on_the_day_that_the_settings_say(warehouse: Warehouse) -> None:
    first, _ = generations(warehouse)
    assert purge_models(warehouse, DAYS, LONG_AGO + timedelta(days=DAYS)) == 0
    assert purged(warehouse)[first.model_id] is None
    assert purge_models(warehouse, DAYS, LONG_AGO + timedelta(days=DAYS, seconds=1)) == 1


def test_a_model_that_was_deleted_is_active_at_no_session(warehouse: Warehouse) -> None:
    first, second = generations(warehouse)
    past = first.trained_through
    assert load_champions(warehouse, ["AAPL"], past).tickers["AAPL"].model_id == first.model_id
    purge_models(warehouse, DAYS, NOW)
    assert load_champions(warehouse, ["AAPL"], past).tickers == {}
    assert load_champions(warehouse, ["AAPL"], past).problems == {}
    assert load_champions(warehouse, ["AAPL"], TONIGHT).tickers["AAPL"].model_id == second.model_id


@pytest.mark.parametrize("status", ["retired", "rejected", "challenger"])
def test_all_who_are_not_active_go(warehouse: Warehouse, status: str) -> None:
    keep(warehouse, some_model("AAPL", 1, status=status), batch="other")
    assert purge_models(warehouse, DAYS, NOW) == 1
    assert files(warehouse) == []


def test_models_of_a_backtest_go_too(warehouse: Warehouse) -> None:
    keep(warehouse, some_model("AAPL", 1, status="retired", replayed=True), batch="replay")
    assert purge_models(warehouse, DAYS, NOW) == 1


def test_a_file_without_a_row_goes_when_it_is_a_day_old(warehouse: Warehouse) -> None:
    champion = some_model("AAPL", 1)
    keep(warehouse, champion, batch="kept")
    # Of a run that was killed before its rows were written, and of one that was killed while it wrote.
    for name in ("orphaned", ".unfinished.unfinished"):
        folder = warehouse.models / name
        folder.mkdir()
        (folder / "base-0123456789abcdef.safetensors").write_bytes(b"half a file")
    orphans = list(warehouse.models.glob("*/base-0123456789abcdef.safetensors"))
    assert purge_models(warehouse, DAYS, NOW) == 0, "another run may be about to write their rows"
    age(orphans, days=0.9)
    assert purge_models(warehouse, DAYS, NOW) == 0
    age(orphans, days=1.1)
    assert purge_models(warehouse, DAYS, NOW) == 2
    assert files(warehouse) == ["kept", f"kept/{champion.model_id}.safetensors"]


def test_young_files_of_old_models_stay_for_a_day(warehouse: Warehouse) -> None:
    first, _ = generations(warehouse)
    age(warehouse.models.glob("first/*"), days=0)
    assert purge_models(warehouse, DAYS, NOW) == 0
    assert purged(warehouse)[first.model_id] is not None
    age(warehouse.models.glob("first/*"))
    assert purge_models(warehouse, DAYS, NOW) == 1


def test_a_purge_that_is_cut_off_between_rows_and_files_is_completed_by_the_next(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = generations(warehouse)
    with monkeypatch.context() as patch:

        def cut(*_: object) -> list[str]:
            raise KeyboardInterrupt

        patch.setattr(purge, "kept_model_files", cut)
        with pytest.raises(KeyboardInterrupt):
            purge_models(warehouse, DAYS, NOW)
    assert purged(warehouse)[first.model_id] is not None
    assert f"first/{first.model_id}.safetensors" in files(warehouse)
    # Its file is there still, and is no champion any more.
    assert load_champions(warehouse, ["AAPL"], first.trained_through).tickers == {}
    assert purge_models(warehouse, DAYS, NOW) == 1
    assert files(warehouse) == ["second", f"second/{second.model_id}.safetensors"]


def test_champions_move_out_of_a_file_of_which_others_go(warehouse: Warehouse) -> None:
    models = [some_model(ticker, seed) for seed, ticker in enumerate(["AAPL", "IBM", "MSFT"])]
    keep(warehouse, *models, batch="night")
    keep(warehouse, some_model("AAPL", 9, trained_through=date(2013, 3, 1)), batch="next")
    note = warehouse.models / "night" / "note.txt"
    note.write_text("kept", encoding="utf-8")
    age([note])
    assert purge_models(warehouse, DAYS, NOW) == 1
    assert note.exists()
    assert "night/stack-0.safetensors" not in files(warehouse)
    found = load_champions(warehouse, ["AAPL", "IBM", "MSFT"], TONIGHT)
    assert found.problems == {}
    for model in models[1:]:
        assert_same_bits(found.tickers[str(model.ticker)].parameters, model.parameters)
    before = files(warehouse)
    assert purge_models(warehouse, DAYS, NOW + timedelta(days=1)) == 0
    assert files(warehouse) == before


def test_a_move_that_is_cut_off_loses_no_model(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    models = [some_model(ticker, seed) for seed, ticker in enumerate(["AAPL", "IBM"])]
    keep(warehouse, *models, batch="night")
    keep(warehouse, some_model("AAPL", 9, trained_through=date(2013, 3, 1)), batch="next")
    with monkeypatch.context() as patch:

        def cut(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(purge, "move_models", cut)
        with pytest.raises(KeyboardInterrupt):
            purge_models(warehouse, DAYS, NOW)
    assert load_champions(warehouse, ["IBM"], TONIGHT).problems == {}
    assert purge_models(warehouse, DAYS, NOW + timedelta(days=1)) == 1
    found = load_champions(warehouse, ["IBM"], TONIGHT)
    assert_same_bits(found.tickers["IBM"].parameters, models[1].parameters)


def test_a_damaged_model_stays_where_it_is_and_keeps_no_other(warehouse: Warehouse) -> None:
    models = [some_model(ticker, seed) for seed, ticker in enumerate(["AAPL", "IBM", "MSFT"])]
    keep(warehouse, *models, batch="night")
    keep(warehouse, some_model("AAPL", 9, trained_through=date(2013, 3, 1)), batch="next")
    path = warehouse.models / "night" / "stack-0.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    age([path])
    assert purge_models(warehouse, DAYS, NOW) == 0
    found = load_champions(warehouse, ["IBM", "MSFT"], TONIGHT)
    assert (list(found.tickers), list(found.problems)) == (["IBM"], ["MSFT"])


def test_a_model_that_is_made_again_is_kept_again(warehouse: Warehouse) -> None:
    # It was trained for a replay, and comes into force on a night that is asked for later.
    model = some_model("AAPL", 1, status="retired", replayed=True)
    keep(warehouse, model, batch="replay")
    assert purge_models(warehouse, DAYS, NOW) == 1
    keep(warehouse, some_model("AAPL", 1), batch="night", moment=NOW)
    assert purged(warehouse) == {model.model_id: None}
    assert purge_models(warehouse, DAYS, NOW + timedelta(days=1)) == 0
    assert list(load_champions(warehouse, ["AAPL"], TONIGHT).tickers) == ["AAPL"]


def test_files_that_another_run_moves_meanwhile_are_no_mistake(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    generations(warehouse)
    unfinished = warehouse.models / ".night.unfinished"
    unfinished.mkdir()
    (unfinished / "base-0123456789abcdef.safetensors").write_bytes(b"whole")
    found = sorted(warehouse.models.rglob("*.safetensors"))
    # Between looking and letting go, a backtest has put its files in place.
    unfinished.rename(warehouse.models / "night")
    monkeypatch.setattr(Path, "rglob", lambda *_: iter(found))
    assert purge_models(warehouse, DAYS, NOW) == 1


def test_a_folder_that_another_run_is_about_to_fill_stays(warehouse: Warehouse) -> None:
    generations(warehouse)
    (warehouse.models / ".night.unfinished").mkdir()
    purge_models(warehouse, DAYS, NOW)
    assert ".night.unfinished" in files(warehouse)


def test_a_warehouse_without_models_has_none_to_deleted(warehouse: Warehouse) -> None:
    assert not warehouse.models.exists()
    assert purge_models(warehouse, DAYS, NOW) == 0
