import hashlib
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest

from stockjax.registry import Champions, Model, load_champions, save_models
from stockjax.warehouse import Warehouse
from tests.support.model_files import own_file
from tests.support.synthetic import assert_same_bits, random_parameters, some_model

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
        path = "models/2013-03-01-run-tickers/stack-0.safetensors"
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
def test_a_damaged_file_is_named_and_skipped(warehouse: Warehouse, harm: str) -> None:
    base, apple, other = some_model(None, 1), some_model("AAPL", 2), some_model("IBM", 3)
    save(warehouse, base, apple, other)
    path = own_file(warehouse, apple.model_id)
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
    own_file(warehouse, base.model_id).write_bytes(b"")
    found = load_champions(warehouse, ["AAPL"], TONIGHT)
    assert found.base is None
    assert list(found.problems) == [""]
    assert list(found.tickers) == ["AAPL"]


@pytest.mark.parametrize("change", ["bare", "less", "more"])
def test_a_file_of_another_release_is_named_and_skipped(warehouse: Warehouse, change: str) -> None:
    base, apple, other = some_model(None, 1), some_model("AAPL", 2), some_model("IBM", 3)
    parts = apple.parameters
    foreign = {
        "bare": parts["network"],
        "less": {name: part for name, part in parts.items() if name != "residuals"},
        "more": {**parts, "extra": parts["residuals"]},
    }
    save(warehouse, base, replace(apple, parameters=foreign[change]), other)
    found = load_champions(warehouse, ["AAPL", "IBM"], TONIGHT)
    assert found.base is not None
    assert list(found.tickers) == ["IBM"]
    assert list(found.problems) == ["AAPL"]
    lines = {"bare": "lacks adapter/center, ", "less": "lacks residuals", "more": "has extra"}[change]
    assert found.problems["AAPL"].startswith(
        f"the model file '{apple.model_id}.safetensors' is of another release of stockjax: it {lines}"
    )


def test_an_array_of_another_shape_or_type_is_named(warehouse: Warehouse) -> None:
    models = [some_model(ticker, seed) for seed, ticker in enumerate(("AAPL", "IBM", "MSFT"))]
    network, adapter = models[0].parameters["network"], models[1].parameters["adapter"]
    smaller = {**network, "head": {**network["head"], "kernel": network["head"]["kernel"][:, :2]}}
    finer = {**adapter, "center": adapter["center"].astype(np.float64)}
    changed = [
        replace(models[0], parameters={**models[0].parameters, "network": smaller}),
        replace(models[1], parameters={**models[1].parameters, "adapter": finer}),
        models[2],
    ]
    save(warehouse, *changed)
    found = load_champions(warehouse, ["AAPL", "IBM", "MSFT"], TONIGHT)
    assert list(found.tickers) == ["MSFT"]
    assert (
        "network/head/kernel is float32 of shape (2, 2, 2), not float32 of shape (2, 4, 2)"
        in found.problems["AAPL"]
    )
    assert "adapter/center is float64 of shape" in found.problems["IBM"]


def test_a_base_of_another_release_gives_way_to_a_new_one(warehouse: Warehouse) -> None:
    base = some_model(None, 1)
    save(warehouse, replace(base, parameters=base.parameters["network"]))
    found = load_champions(warehouse, ["AAPL"], TONIGHT)
    assert found.base is None
    assert list(found.problems) == [""]
    save(warehouse, some_model(None, 2, trained_through=TONIGHT), batch="next")
    found = load_champions(warehouse, ["AAPL"], TONIGHT)
    assert found.base is not None
    assert found.problems == {}


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


def february(day: int) -> date:
    return date(2013, 2, day)


def active(warehouse: Warehouse, day: int) -> tuple[str | None, str | None]:
    """The names of the base and of Apple's model at the close of a day of February."""
    found = load_champions(warehouse, ["AAPL"], february(day))
    assert found.problems == {}
    own = found.tickers.get("AAPL")
    return found.base and found.base.model_id, own and own.model_id


def test_at_a_past_session_the_models_of_that_time_are_active(warehouse: Warehouse) -> None:
    bases = [some_model(None, day, trained_through=february(day)) for day in (4, 11, 20)]
    own = [some_model("AAPL", day, trained_through=february(day)) for day in (5, 12, 21)]
    for number, pair in enumerate(zip(bases, own, strict=True)):
        save(warehouse, *pair, batch=f"night-{number}")
    first, second, third = (model.model_id for model in bases)
    one, two, three = (model.model_id for model in own)
    assert statuses(warehouse) == {
        first: "retired",
        second: "retired",
        third: "champion",
        one: "retired",
        two: "retired",
        three: "champion",
    }
    expected = {
        3: (None, None),
        4: (first, None),
        5: (first, one),
        10: (first, one),
        11: (second, one),
        12: (second, two),
        19: (second, two),
        20: (third, two),
        21: (third, three),
        28: (third, three),
    }
    assert {day: active(warehouse, day) for day in expected} == expected


def test_a_model_that_was_trained_for_a_backtest_never_was_active(warehouse: Warehouse) -> None:
    base, own = (
        some_model(ticker, 1, trained_through=february(4), hyperparameters={"hidden": 4})
        for ticker in (None, "AAPL")
    )
    save(warehouse, base, own)
    replayed = [
        replace(model, trained_through=february(day), status="retired", replayed=True)
        for model in (base, own)
        for day in (6, 8)
    ]
    save(warehouse, *replayed, batch="replay")
    later = [replace(model, trained_through=february(12)) for model in (base, own)]
    save(warehouse, *later, batch="later")
    for day in (4, 7, 11):
        assert active(warehouse, day) == (base.model_id, own.model_id)
    assert active(warehouse, 12) == tuple(model.model_id for model in later)
    assert active(warehouse, 3) == (None, None)


@pytest.mark.parametrize("status", ["challenger", "rejected"])
def test_a_model_that_never_took_over_is_not_active_at_a_past_session(
    warehouse: Warehouse, status: Any
) -> None:
    first, newest = (some_model(None, day, trained_through=february(day)) for day in (4, 20))
    save(warehouse, first)
    save(warehouse, some_model(None, 3, trained_through=february(10), status=status), batch="other")
    save(warehouse, newest, batch="newest")
    assert active(warehouse, 15)[0] == first.model_id


def test_of_two_models_of_one_past_session_the_later_made_was_active(warehouse: Warehouse) -> None:
    for number, hour in enumerate((20, 22, 21)):
        moment = MOMENT.replace(hour=hour)
        model = some_model(None, number, trained_through=february(4))
        save_models(warehouse, [model], batch=f"batch-{number}", run_id="run", moment=moment)
    save(warehouse, some_model(None, 9, trained_through=february(20)), batch="newest")
    assert active(warehouse, 10)[0] == some_model(None, 1, trained_through=february(4)).model_id


def test_a_model_of_a_backtest_becomes_active_when_a_night_makes_it_again(warehouse: Warehouse) -> None:
    """The same inputs, seed and code give the same name, whatever it was first made for."""
    base = some_model(None, 1)
    save(warehouse, replace(base, status="retired", replayed=True), batch="backtest")
    save(warehouse, base, batch="night")
    assert table(warehouse, "model_id, status, replayed") == [(base.model_id, "champion", False)]
    found = load_champions(warehouse, [], TONIGHT)
    assert found.base is not None
    assert found.base.model_id == base.model_id


def test_a_champion_stays_active_when_a_backtest_makes_it_again(warehouse: Warehouse) -> None:
    base = some_model(None, 1)
    save(warehouse, base, batch="night")
    save(warehouse, replace(base, status="retired", replayed=True), batch="backtest")
    assert table(warehouse, "model_id, status, replayed") == [(base.model_id, "champion", False)]
    found = load_champions(warehouse, [], TONIGHT)
    assert found.base is not None
    assert_same_bits(found.base.parameters, base.parameters)


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


def test_a_challenger_retires_no_one_and_is_never_active(warehouse: Warehouse) -> None:
    newer = some_model(None, 2, trained_through=TONIGHT, status="challenger")
    save(warehouse, newer, batch="search")
    assert load_champions(warehouse, ["AAPL"], TONIGHT) == Champions(None)
    base = some_model(None, 1)
    save(warehouse, base, batch="night")
    save(warehouse, some_model(None, 3, trained_through=TONIGHT, status="challenger"), batch="next")
    assert sorted(statuses(warehouse).values()) == ["challenger", "challenger", "champion"]
    found = load_champions(warehouse, ["AAPL"], TONIGHT)
    assert found.base is not None
    assert found.base.model_id == base.model_id
