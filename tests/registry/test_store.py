import hashlib
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from stockjax.registry import Champions, Model, load_champions, save_models
from stockjax.warehouse import Warehouse
from tests.synthetic import assert_same_bits, random_parameters, some_model

MOMENT = datetime(2013, 3, 1, 22, 0, tzinfo=UTC)
TONIGHT = date(2013, 3, 1)


def save(warehouse: Warehouse, *models: Model, batch: str = "batch") -> None:
    save_models(warehouse, models, batch=batch, run_id="run", moment=MOMENT)


def table(warehouse: Warehouse, columns: str = "model_id, status") -> list[Any]:
    with warehouse.read() as connection:
        return connection.execute(f"SELECT {columns} FROM models ORDER BY model_id").fetchall()


def statuses(warehouse: Warehouse) -> dict[str, str]:
    return dict(table(warehouse))


def test_champions_come_back_whole(warehouse: Warehouse) -> None:
    base, apple, other = some_model(None, 1), some_model("AAPL", 2), some_model("IBM", 3)
    save(warehouse, base, apple, other)
    found = load_champions(warehouse, ["AAPL", "MSFT"], TONIGHT)
    assert found.problems == {}
    assert list(found.tickers) == ["AAPL"]
    for saved, loaded in ((base, found.base), (apple, found.tickers["AAPL"])):
        assert loaded is not None
        assert_same_bits(loaded.parameters, saved.parameters)
        assert replace(loaded, parameters={}) == replace(saved, parameters={})
        assert loaded.model_id == saved.model_id


def test_a_row_says_all_there_is_to_know(warehouse: Warehouse) -> None:
    base, apple = some_model(None, 1), some_model("AAPL", 2)
    save(warehouse, base, apple, batch="2013-03-01-run-tickers")
    columns = (
        "model_id, ticker, role, status, trained_through, trained_at, validation_loss, champion_loss, "
        "path, sha256, hyperparameters, seed, data_hash, code_version, parent_id, run_id"
    )
    rows = {row[0]: row for row in table(warehouse, columns)}
    for model in (base, apple):
        path = f"models/2013-03-01-run-tickers/{model.model_id}.safetensors"
        content = (warehouse.folder / path).read_bytes()
        row = rows[model.model_id]
        assert json.loads(row[10]) == model.hyperparameters
        assert row[:10] + row[11:] == (
            model.model_id,
            model.ticker,
            model.role,
            "champion",
            model.trained_through,
            MOMENT.replace(tzinfo=None),
            model.validation_loss,
            model.champion_loss,
            path,
            hashlib.sha256(content).hexdigest(),
            model.seed,
            model.data_hash,
            model.code_version,
            model.parent_id,
            "run",
        )


def test_a_batch_of_bases_alone_has_no_ticker_and_no_parent(warehouse: Warehouse) -> None:
    save(warehouse, some_model(None, 1))
    assert table(warehouse, "ticker, parent_id, champion_loss") == [(None, None, None)]


def test_no_models_leave_no_trace(warehouse: Warehouse) -> None:
    save(warehouse)
    assert table(warehouse) == []
    assert not (warehouse.models / "batch").exists()
    assert load_champions(warehouse, ["AAPL"], TONIGHT) == Champions(None)


@pytest.mark.parametrize("harm", ["flip", "cut", "remove"])
def test_a_damaged_file_is_named_and_passed_over(warehouse: Warehouse, harm: str) -> None:
    base, apple, other = some_model(None, 1), some_model("AAPL", 2), some_model("IBM", 3)
    save(warehouse, base, apple, other)
    path = warehouse.models / "batch" / f"{apple.model_id}.safetensors"
    content = bytearray(path.read_bytes())
    if harm == "remove":
        path.unlink()
    else:
        content[len(content) // 2] ^= 4
        path.write_bytes(content if harm == "flip" else content[:-5])
    found = load_champions(warehouse, ["AAPL", "IBM"], TONIGHT)
    assert list(found.tickers) == ["IBM"]
    assert found.base is not None
    assert list(found.problems) == ["AAPL"]
    assert f"{apple.model_id}.safetensors" in found.problems["AAPL"]


def test_a_damaged_base_is_named_and_the_tickers_stay(warehouse: Warehouse) -> None:
    base, apple = some_model(None, 1), some_model("AAPL", 2)
    save(warehouse, base, apple)
    (warehouse.models / "batch" / f"{base.model_id}.safetensors").write_bytes(b"")
    found = load_champions(warehouse, ["AAPL"], TONIGHT)
    assert found.base is None
    assert list(found.problems) == [""]
    assert list(found.tickers) == ["AAPL"]


def test_a_newer_champion_retires_the_older_of_its_ticker_only(warehouse: Warehouse) -> None:
    base, apple, other = some_model(None, 1), some_model("AAPL", 2), some_model("IBM", 3)
    save(warehouse, base, apple, other)
    newer = some_model("AAPL", 4, trained_through=date(2013, 3, 1))
    save(warehouse, newer, batch="next")
    assert statuses(warehouse) == {
        base.model_id: "champion",
        apple.model_id: "retired",
        other.model_id: "champion",
        newer.model_id: "champion",
    }
    found = load_champions(warehouse, ["AAPL", "IBM"], TONIGHT)
    assert found.tickers["AAPL"].model_id == newer.model_id


def test_a_newer_base_retires_the_older_base(warehouse: Warehouse) -> None:
    old, new, apple = some_model(None, 1), some_model(None, 2), some_model("AAPL", 3)
    save(warehouse, old, apple)
    save(warehouse, new, batch="next")
    assert statuses(warehouse) == {
        old.model_id: "retired",
        new.model_id: "champion",
        apple.model_id: "champion",
    }


def test_a_model_that_saw_less_never_takes_over(warehouse: Warehouse) -> None:
    newer = some_model("AAPL", 1, trained_through=date(2013, 2, 20))
    older = some_model("AAPL", 2, trained_through=date(2013, 2, 10))
    save(warehouse, newer)
    save(warehouse, older, batch="next")
    assert statuses(warehouse) == {newer.model_id: "champion", older.model_id: "retired"}
    found = load_champions(warehouse, ["AAPL"], TONIGHT)
    assert found.tickers["AAPL"].model_id == newer.model_id


def test_a_champion_that_has_seen_the_future_is_not_loaded(warehouse: Warehouse) -> None:
    save(warehouse, some_model(None, 1, trained_through=date(2013, 2, 20)), some_model("AAPL", 2))
    found = load_champions(warehouse, ["AAPL"], date(2013, 2, 27))
    assert found.tickers == {}
    assert found.base is not None
    assert load_champions(warehouse, ["AAPL"], date(2013, 2, 19)).base is None


@pytest.mark.parametrize("status", ["challenger", "retired", "rejected"])
def test_what_is_no_champion_neither_retires_nor_is_loaded(warehouse: Warehouse, status: Any) -> None:
    champion = some_model("AAPL", 1)
    other = some_model("AAPL", 2, status=status, trained_through=date(2013, 3, 1))
    save(warehouse, champion)
    save(warehouse, other, batch="next")
    assert statuses(warehouse) == {champion.model_id: "champion", other.model_id: status}
    assert load_champions(warehouse, ["AAPL"], TONIGHT).tickers["AAPL"].model_id == champion.model_id


def test_saving_a_model_twice_keeps_one_row_and_its_file(warehouse: Warehouse) -> None:
    apple = some_model("AAPL", 1)
    save(warehouse, apple)
    save(warehouse, apple, batch="again")
    assert statuses(warehouse) == {apple.model_id: "champion"}
    found = load_champions(warehouse, ["AAPL"], TONIGHT)
    assert_same_bits(found.tickers["AAPL"].parameters, apple.parameters)


def test_a_damaged_champion_that_is_trained_again_is_whole_again(warehouse: Warehouse) -> None:
    """The same inputs, seed and code give the same name: its row must not keep the broken file."""
    base = some_model(None, 1)
    save(warehouse, base)
    (warehouse.models / "batch" / f"{base.model_id}.safetensors").write_bytes(b"damaged")
    assert load_champions(warehouse, [], TONIGHT).base is None
    save(warehouse, base, batch="again")
    found = load_champions(warehouse, [], TONIGHT)
    assert found.problems == {}
    assert found.base is not None
    assert_same_bits(found.base.parameters, base.parameters)


CHANGES: list[dict[str, Any]] = [
    {"role": "base"},
    {"ticker": "IBM"},
    {"trained_through": date(2013, 3, 1)},
    {"hyperparameters": {"hidden": 4, "stopped_at": 100}},
    {"seed": 1},
    {"data_hash": "0123456789abcdee"},
    {"code_version": "0.1.0+0123456789ac"},
    {"parent_id": "base-0123456789abcdee"},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_the_name_of_a_model_depends_on_each_ingredient(change: dict[str, Any]) -> None:
    model = some_model("AAPL", 0)
    assert replace(model, **change).model_id != model.model_id


def test_the_name_of_a_model_does_not_depend_on_what_came_out() -> None:
    model = some_model("AAPL", 0)
    same = replace(model, validation_loss=9.0, champion_loss=8.0, status="retired")
    turned = replace(same, hyperparameters=dict(reversed(model.hyperparameters.items())))
    assert turned.model_id == model.model_id
    assert replace(model, parameters=random_parameters(9)).model_id == model.model_id
    assert model.model_id.startswith("ticker-")
    assert len(model.model_id) == len("ticker-") + 16
    assert some_model(None).model_id.startswith("base-")
