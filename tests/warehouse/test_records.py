import json
from datetime import UTC, date, timedelta
from typing import Any

import pandas as pd

from stockjax.warehouse import Warehouse
from stockjax.warehouse.prices import store_prices
from stockjax.warehouse.records import (
    finish_run,
    insert_models,
    read_champions,
    read_listings,
    replace_tickers,
    start_run,
)
from tests.support.warehouse_rows import MOMENT, NOTHING_REFUSED, closes, fetch

STORED = MOMENT.astimezone(UTC).replace(tzinfo=None)


def begin(warehouse: Warehouse, run_id: str, flow_run_id: str | None = None, flow: str = "forecast") -> None:
    start_run(
        warehouse,
        run_id=run_id,
        flow_run_id=flow_run_id,
        flow=flow,
        as_of=date(2013, 3, 1),
        moment=MOMENT,
        code_version="code-1",
    )


def state(ticker: str, word: str, **others: Any) -> dict[str, Any]:
    return {
        "ticker": ticker,
        "exchange": "XNYS",
        "state": word,
        "reason": None,
        "first_session": pd.Timestamp("2012-05-18"),
        "last_session": pd.Timestamp("2013-03-01"),
        "sessions": 196,
        "sessions_behind": 0,
        "exchange_from": "default",
        "source": "sample",
    } | others


def model(model_id: str, through: str, status: str = "champion", **others: Any) -> dict[str, Any]:
    return {
        "model_id": model_id,
        "ticker": "A",
        "role": "ticker",
        "status": status,
        "trained_through": pd.Timestamp(through),
        "validation_loss": 0.5,
        "champion_loss": 0.6,
        "path": f"models/{model_id}.safetensors",
        "sha256": "0" * 64,
        "slice_sha256": None,
        "hyperparameters": json.dumps({"hidden": 16}),
        "seed": 7,
        "data_hash": "data-1",
        "code_version": "code-1",
        "parent_id": "base-1",
        "replayed": False,
    } | others


def add(warehouse: Warehouse, *models: dict[str, Any], run_id: str = "run-1") -> None:
    fresh = pd.DataFrame(list(models)).astype({"slice_sha256": "str"})
    insert_models(warehouse, fresh, run_id=run_id, moment=MOMENT)


def statuses(warehouse: Warehouse) -> dict[str, str]:
    return dict(fetch(warehouse, "SELECT model_id, status FROM models"))


def test_a_run_is_on_record_from_its_start(warehouse: Warehouse) -> None:
    begin(warehouse, "run-1", flow_run_id="flow-9")
    assert fetch(warehouse, "FROM runs") == [
        ("run-1", "flow-9", "forecast", date(2013, 3, 1), STORED, None, "running", None, "code-1", None)
    ]


def test_a_run_that_never_ended_has_crashed_once_the_next_of_its_flow_begins(warehouse: Warehouse) -> None:
    begin(warehouse, "run-1")
    begin(warehouse, "run-2", flow="backtest")
    begin(warehouse, "run-3")
    rows = fetch(warehouse, "SELECT run_id, status, finished_at FROM runs ORDER BY run_id")
    assert rows == [("run-1", "crashed", STORED), ("run-2", "running", None), ("run-3", "running", None)]


def test_finishing_a_run_says_how_it_ended_and_touches_no_other(warehouse: Warehouse) -> None:
    begin(warehouse, "run-1", flow="backtest")
    begin(warehouse, "run-2")
    counts = {"asked": 5, "failures": {"M&M": 'has "no" prices'}}
    finish_run(
        warehouse,
        run_id="run-2",
        status="completed",
        as_of=date(2013, 3, 4),
        counts=counts,
        moment=MOMENT + timedelta(minutes=5),
    )
    rows = fetch(warehouse, "SELECT run_id, status, as_of, finished_at, counts FROM runs ORDER BY run_id")
    assert rows[0] == ("run-1", "running", date(2013, 3, 1), None, None)
    # What a run is about may turn out to be another session, once all exchanges are known.
    assert rows[1][:4] == ("run-2", "completed", date(2013, 3, 4), STORED + timedelta(minutes=5))
    assert json.loads(rows[1][4]) == counts


def test_states_replace_what_was_said_of_the_same_tickers_only(warehouse: Warehouse) -> None:
    replace_tickers(
        warehouse, pd.DataFrame([state("A", "active"), state("B", "active")]), run_id="run-1", moment=MOMENT
    )
    unknown = state("C", "failed", reason="no prices", first_session=None, last_session=None, sessions=0)
    fresh = pd.DataFrame([state("B", "stale", reason="nothing since Friday"), unknown])
    replace_tickers(warehouse, fresh, run_id="run-2", moment=MOMENT + timedelta(days=1))
    found = fetch(
        warehouse, "SELECT ticker, state, reason, last_session, run_id FROM tickers ORDER BY ticker"
    )
    assert found == [
        ("A", "active", None, date(2013, 3, 1), "run-1"),
        ("B", "stale", "nothing since Friday", date(2013, 3, 1), "run-2"),
        ("C", "failed", "no prices", None, "run-2"),
    ]


def test_listings_are_what_a_vendor_said_last_of_the_tickers_asked_for(warehouse: Warehouse) -> None:
    def lines(run_id: str, **exchanges: str) -> None:
        store_prices(
            warehouse,
            closes("A", {"2013-03-01": 10.0}),
            NOTHING_REFUSED,
            source="test",
            run_id=run_id,
            moment=MOMENT,
            exchanges=exchanges,
        )

    lines("run-1", A="XNYS", B="XTKS", C="XLON")
    lines("run-2", B="XTKS", C="XPAR")
    assert read_listings(warehouse, ["C", "B", "NONE"]) == {"B": "XTKS", "C": "XPAR"}
    assert fetch(warehouse, "SELECT ticker, run_id FROM listings ORDER BY 1") == [
        ("A", "run-1"),
        ("B", "run-1"),
        ("C", "run-2"),
    ]


def test_a_new_champion_retires_the_one_before_it(warehouse: Warehouse) -> None:
    add(warehouse, model("a1", "2013-02-28"), model("b1", "2013-02-28", ticker="B"))
    add(warehouse, model("a2", "2013-03-01"), run_id="run-2")
    assert statuses(warehouse) == {"a1": "retired", "a2": "champion", "b1": "champion"}
    assert fetch(
        warehouse, "SELECT run_id, trained_at, hyperparameters->>'hidden' FROM models WHERE model_id = 'a2'"
    ) == [("run-2", STORED, "16")]


def test_the_base_and_the_tickers_have_champions_of_their_own(warehouse: Warehouse) -> None:
    add(warehouse, model("a1", "2013-02-28"), model("base-1", "2013-02-28", role="base", ticker=None))
    add(warehouse, model("base-2", "2013-03-01", role="base", ticker=None, parent_id=None))
    assert statuses(warehouse) == {"a1": "champion", "base-1": "retired", "base-2": "champion"}


def test_a_rejected_challenger_changes_nothing(warehouse: Warehouse) -> None:
    add(warehouse, model("a1", "2013-02-28"))
    add(warehouse, model("a2", "2013-03-01", status="rejected"))
    assert statuses(warehouse) == {"a1": "champion", "a2": "rejected"}


def test_a_champion_trained_on_the_past_does_not_take_over(warehouse: Warehouse) -> None:
    add(warehouse, model("a2", "2013-03-01"))
    add(warehouse, model("a1", "2013-02-28"))
    assert statuses(warehouse) == {"a2": "champion", "a1": "retired"}


def test_adding_the_same_models_again_changes_nothing(warehouse: Warehouse) -> None:
    add(warehouse, model("a1", "2013-02-28"))
    add(warehouse, model("a1", "2013-02-28", validation_loss=0.1), run_id="run-2")
    assert fetch(warehouse, "SELECT status, validation_loss, run_id FROM models") == [
        ("champion", 0.5, "run-1")
    ]


def test_champions_are_those_of_the_tickers_and_the_base_that_had_seen_nothing_later(
    warehouse: Warehouse,
) -> None:
    add(
        warehouse,
        model("base-1", "2013-02-01", role="base", ticker=None, parent_id=None, validation_loss=None),
        model("a1", "2013-02-28"),
        model("b1", "2013-02-28", ticker="B"),
        model("c1", "2013-02-28", ticker="C"),
        model("d1", "2013-03-04", ticker="D"),
    )
    found = {row["model_id"]: row for row in read_champions(warehouse, ["A", "B", "D"], date(2013, 3, 1))}
    assert set(found) == {"base-1", "a1", "b1"}
    assert found["base-1"]["ticker"] is None
    assert found["base-1"]["validation_loss"] is None
    assert found["a1"]["trained_through"] == date(2013, 2, 28)
    assert json.loads(found["a1"]["hyperparameters"]) == {"hidden": 16}
