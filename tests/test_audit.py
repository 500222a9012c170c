"""The leak audit: it finds nothing in the project's own way, and every leak that is put in."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from stockjax.audit import LATER_SESSIONS, Audited, ForecastFn, audit, auditable
from stockjax.cli.main import main
from stockjax.engine import due_sessions as engine_sessions
from stockjax.engine.due_sessions import SessionReader
from stockjax.errors import NothingToForecastError, SnapshotMissingError
from stockjax.events import Announcement, TickerNotices, new_notices, notices_table
from stockjax.events.announcement import end_of_day
from stockjax.events.notice_writer import _Writer
from stockjax.features import (
    NO_CONTEXT,
    Features,
    KnownEvents,
    MarketContext,
    PointInTimePrices,
    PricePanel,
    build_features,
)
from stockjax.forecasting.ledger_rows import MODELS
from stockjax.nightly import Universe
from stockjax.settings import Settings, load_settings
from stockjax.warehouse import Warehouse
from stockjax.warehouse.event_tables import store_events
from stockjax.warehouse.perturbed import PERTURBATIONS, Perturbation
from tests.support.runs import SMALL
from tests.support.synthetic import NEW_YORK
from tests.support.warehouse_rows import append, closes, forecast, store

AS_OF = date(2013, 2, 1)
SEEN = datetime(2013, 3, 1, 22, tzinfo=UTC)
NO_CHECKS = pd.DataFrame({"ticker": pd.Series(dtype=str), "source": pd.Series(dtype=str)}).assign(
    as_of=pd.Series(dtype="datetime64[s]"), content=pd.Series(dtype=str)
)
TICKERS = ["FB", "IBM"]
SPOILT: list[Perturbation] = ["cut", "corrupted", "shuffled"]
ALTERED: list[Perturbation] = [*SPOILT, "ended", "begun", "disproved", "restated"]


def brief(warehouse: Warehouse) -> Settings:
    """Settings with which IBM has a network of its own, and FB too little history for one."""
    return load_settings(
        warehouse=warehouse.folder, training=SMALL, workers=1, history={"training_sessions": 320}
    )


def announced() -> pd.DataFrame:
    """Reports of both tickers, with one right after the audited session that no one could know ahead."""
    days = {
        "FB": [date(2012, 7, 26), date(2012, 10, 23), date(2013, 1, 30), date(2013, 5, 1)],
        "IBM": [*(date(2012, month, 17) for month in (1, 4, 7, 10)), date(2013, 1, 22), date(2013, 2, 4)],
    }
    last = date(2013, 6, 28)
    run = TickerNotices(NEW_YORK, 5, last, end_of_day(last, NEW_YORK))
    found = [
        new_notices([Announcement(ticker, day, "files") for day in of], run) for ticker, of in days.items()
    ]
    return notices_table([notice for some in found for notice in some])


@pytest.fixture(scope="module")
def priced(tmp_path_factory: pytest.TempPathFactory, sample_prices: pd.DataFrame) -> Warehouse:
    """The newest prices of two tickers of the sample, which no test changes."""
    warehouse = Warehouse(tmp_path_factory.mktemp("priced") / "warehouse")
    warehouse.migrate()
    recent = sample_prices["session"] >= pd.Timestamp("2011-06-01")
    chosen = sample_prices[sample_prices["ticker"].isin(TICKERS) & recent]
    store(warehouse, chosen.reset_index(drop=True))
    store_events(warehouse, announced(), NO_CHECKS, run_id="a", moment=SEEN)
    # What the command line finds in the ledger to audit.
    after = str(NEW_YORK.next_session(AS_OF))
    append(warehouse, *(forecast(str(AS_OF), after, ticker=ticker) for ticker in TICKERS))
    return warehouse


def changed(audited: list[Audited]) -> dict[tuple[str, str], dict[str, set[str]]]:
    """By ticker and model, and by alteration: the columns that changed, if any did."""
    return {
        (one.ticker, one.model): {name: set(columns) for name, columns in one.changed.items() if columns}
        for one in audited
    }


def test_no_bit_of_a_forecast_depends_on_what_came_later(priced: Warehouse) -> None:
    lines: list[Perturbation] = []
    audited = audit(priced, AS_OF, TICKERS, brief(priced), progress=lines.append)
    assert lines == list(PERTURBATIONS) == ["unchanged", *ALTERED]
    assert changed(audited) == {(ticker, model): {} for ticker in TICKERS for model in MODELS}
    for one in audited:
        assert one.changed.keys() == set(ALTERED)
        assert one.as_of == AS_OF
        assert not one.leaks


def over_all_sessions(
    history: PricePanel, extra: Sequence[str] = (), context: MarketContext = NO_CONTEXT
) -> Features:
    """The features, standardised by mean and spread of the whole series."""
    features = build_features(history, extra, context)
    known = features.inputs[history.valid]
    scaled = (features.inputs - known.mean(axis=0)) / (known.std(axis=0) + 0.01)
    return replace(features, inputs=scaled.astype(np.float32))


Rule = Callable[[npt.NDArray[np.float64], int], float | None]


def momentum(adjusted: npt.NDArray[np.float64], at: int) -> float:
    return float(np.log(adjusted[at] / adjusted[at - 1]))


def standardised_momentum(adjusted: npt.NDArray[np.float64], at: int) -> float:
    returns = np.diff(np.log(adjusted))
    return float((momentum(adjusted, at) - returns.mean()) / returns.std())


def next_close(adjusted: npt.NDArray[np.float64], at: int) -> float:
    return momentum(adjusted, at + 1) if at + 1 < len(adjusted) else float("nan")


def sign_of_what_comes(adjusted: npt.NDArray[np.float64], at: int) -> float:
    return 0.0 if at + 1 < len(adjusted) else -0.0


def highest_to_come(adjusted: npt.NDArray[np.float64], at: int) -> float:
    return float(adjusted[at + 1 :].max(initial=0.0))


def only_where_something_comes(adjusted: npt.NDArray[np.float64], at: int) -> float | None:
    return float("nan") if at + 1 < len(adjusted) else None


def never(adjusted: npt.NDArray[np.float64], at: int) -> float:
    return float("nan")


def forecaster(*rules: Rule) -> ForecastFn:
    """Models that are shown all closes of a ticker, and the place of the session among them."""

    def forecasts(universe: Universe, wanted: Mapping[date, list[str]], settings: Settings) -> pd.DataFrame:
        rows: list[dict[str, Any]] = []
        history = universe.prices.ever
        for day, tickers in wanted.items():
            for ticker in tickers:
                row = history.tickers.index(ticker)
                adjusted = history.adj_close[row, : history.lengths[row]]
                at = int(history.position(day)[row])
                for rule in rules:
                    predicted = rule(adjusted, at)
                    if predicted is not None:
                        keys = {"ticker": ticker, "as_of": pd.Timestamp(day), "model": rule.__name__}
                        values = {"basis_close": adjusted[at], "predicted_return": predicted}
                        rows.append({**keys, **values, "data_hash": history.fingerprints(row, [at])[0]})
        return pd.DataFrame(rows)

    return forecasts


def ended_too(ticker: str, columns: dict[str, set[str]]) -> dict[str, set[str]]:
    """With `ended` where the ticker is one of those that are made to end: to it, that is a cut."""
    ends = duckdb.execute("SELECT hash(?) % 2", [ticker]).fetchall() == [(1,)]
    return columns | {"ended": columns["cut"]} if ends and "cut" in columns else columns


def test_a_leak_is_named_with_its_columns_and_with_what_brought_it_out(priced: Warehouse) -> None:
    column = {"predicted_return"}
    expected: dict[Rule, dict[str, set[str]]] = {
        momentum: {},
        never: {},
        standardised_momentum: dict.fromkeys(SPOILT, column),
        next_close: dict.fromkeys(SPOILT, column),
        sign_of_what_comes: {"cut": column},
        highest_to_come: {"cut": column, "corrupted": column},
        only_where_something_comes: {"cut": {"as_of", "basis_close", "data_hash", *column}},
    }
    audited = audit(priced, AS_OF, TICKERS, brief(priced), forecaster(*expected))
    assert changed(audited) == {
        (ticker, rule.__name__): ended_too(ticker, columns)
        for ticker in TICKERS
        for rule, columns in expected.items()
    }
    assert {one.model for one in audited if not one.leaks} == {"momentum", "never"}


def only_where_nothing_comes(adjusted: npt.NDArray[np.float64], at: int) -> float | None:
    return None if at + 1 < len(adjusted) else 0.0


def test_a_forecast_that_is_only_there_without_the_later_prices_is_a_leak(priced: Warehouse) -> None:
    audited = audit(priced, AS_OF, ["IBM"], brief(priced), forecaster(momentum, only_where_nothing_comes))
    columns = {"as_of", "basis_close", "data_hash", "predicted_return"}
    assert changed(audited) == {
        ("IBM", "momentum"): {},
        ("IBM", "only_where_nothing_comes"): ended_too("IBM", {"cut": columns}),
    }


def test_the_sessions_after_the_audited_one_are_forecast_with_it(priced: Warehouse) -> None:
    """So that what one table of features tells of several sessions at once is audited too."""
    shown: list[Mapping[date, list[str]]] = []
    plain = forecaster(momentum)

    def noting(universe: Universe, wanted: Mapping[date, list[str]], settings: Settings) -> pd.DataFrame:
        shown.append(wanted)
        there = set(universe.prices.tickers)
        assert there >= set(TICKERS), "all tickers with prices are there to learn from"
        return plain(universe, wanted, settings)

    audited = audit(priced, AS_OF, ["FB"], brief(priced), noting)
    assert [one.ticker for one in audited] == ["FB"]
    days = NEW_YORK.sessions(AS_OF, date(2013, 2, 28)).tolist()[: 1 + LATER_SESSIONS]
    whole = {day: ["FB"] for day in days}
    ended = {AS_OF: ["FB"]} if "ended" in ended_too("FB", {"cut": set()}) else whole
    assert dict(zip(PERTURBATIONS, shown, strict=True)) == {
        **dict.fromkeys(PERTURBATIONS, whole),
        "cut": {AS_OF: ["FB"]},
        "ended": ended,
    }


usable = SessionReader.usable


def still_there(
    self: SessionReader, session: date, known: date | None = None
) -> tuple[PricePanel, PricePanel]:
    history, found = usable(self, session, known)
    last = self._prices.latest.last_sessions()
    there = [ticker for ticker in found.tickers if last.get(ticker) == self._newest_completed[ticker]]
    return history, found.only(there)


def all_that_are_there(
    self: SessionReader, session: date, known: date | None = None
) -> tuple[PricePanel, PricePanel]:
    history = self._prices.at(session, known)
    return history, history


def prices_of_today(self: PointInTimePrices, session: date, known: date | None = None) -> PricePanel:
    return self.latest.cut(session)


from_notices = KnownEvents.from_notices


def known_for_ever(notices: pd.DataFrame, *rest: Any) -> KnownEvents:
    return from_notices(notices.assign(known_from=notices["known_from"].min()), *rest)


def told_by_later_returns(self: _Writer, session: date) -> None:
    self._evidence = float(np.nansum(self.reactions.returns + self.reactions.volumes) % 7 - 3.5)


@pytest.mark.parametrize(
    ("place", "name", "fault", "alterations"),
    [
        (engine_sessions, "build_features", over_all_sessions, SPOILT),
        (Features, "cut", lambda self, lengths: self, SPOILT),
        # The universe of today instead of that of the session: its survivors.
        (SessionReader, "usable", still_there, ["ended"]),
        # Tickers that have not begun yet count in the market of the day.
        (SessionReader, "usable", all_that_are_there, ["begun"]),
        # The prices of today instead of those of the session.
        (PointInTimePrices, "at", prices_of_today, ["restated", "disproved"]),
        # The day of an announcement before it was known.
        (KnownEvents, "from_notices", known_for_ever, ["cut", "corrupted"]),
        # The time of day of a report by returns that came after it.
        (_Writer, "_pass_time", told_by_later_returns, SPOILT),
    ],
    ids=[
        *("inputs standardised by the whole series", "models trained on the uncut history"),
        *("survivors", "later tickers", "restated prices and what checks know of the next bar"),
        *("a date before it was known", "a timing by later returns"),
    ],
)
def test_the_command_line_finds_a_fault_in_the_path_of_a_night(
    priced: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    place: Any,
    name: str,
    fault: Callable[..., Any],
    alterations: list[Perturbation],
) -> None:
    monkeypatch.setattr(place, name, fault)
    # Each alteration is a training: the others are those of the test without a fault.
    monkeypatch.setattr("stockjax.audit.PERTURBATIONS", ("unchanged", *alterations))
    monkeypatch.setenv("STOCKJAX_WAREHOUSE", str(priced.folder))
    monkeypatch.setenv("STOCKJAX_WORKERS", "1")
    monkeypatch.setenv("STOCKJAX_HISTORY__TRAINING_SESSIONS", "320")
    for key, value in SMALL.items():
        monkeypatch.setenv(f"STOCKJAX_TRAINING__{key.upper()}", str(value))
    with pytest.raises(SystemExit) as ended:
        main(["audit", "--sessions", "1"])
    assert ended.value.code == 1
    lines = " ".join(capsys.readouterr().out.split())
    assert [name for name in alterations if f"changed when {name}" not in lines] == []
    # Baselines have neither inputs nor trained models.
    models = set(re.findall(rf"(?:FB|IBM) {AS_OF} (\w+):", lines))
    assert "lstm" in models
    assert models == {"lstm"} or alterations != SPOILT


class TestAuditable:
    DAYS = NEW_YORK.sessions(date(2013, 2, 1), date(2013, 2, 22)).tolist()

    @pytest.fixture
    def ledger(self, warehouse: Warehouse) -> Warehouse:
        """Prices of fifteen sessions; A was forecast from each, B from the first seven."""
        assert len(self.DAYS) == 15
        for ticker, count in (("A", 15), ("B", 7)):
            store(warehouse, closes(ticker, {str(day): 10.0 for day in self.DAYS}))
            rows = [
                forecast(str(day), str(NEW_YORK.next_session(day)), model, ticker=ticker)
                for day in self.DAYS[:count]
                for model in ("lstm", "ewma")
            ]
            append(warehouse, *rows)
        return warehouse

    @pytest.mark.parametrize(
        ("sessions", "places"),
        [(1, [0]), (2, [0, 13]), (3, [0, 6, 13]), (5, [0, 3, 6, 10, 13]), (99, [*range(14)])],
    )
    def test_sessions_are_spread_evenly_from_the_first_to_the_last_with_later_prices(
        self, ledger: Warehouse, sessions: int, places: list[int]
    ) -> None:
        found = auditable(ledger, [], sessions)
        assert found == {self.DAYS[at]: ["A", "B"] if at < 7 else ["A"] for at in places}
        assert list(found) == sorted(found)

    def test_only_the_tickers_that_are_asked_for_are_audited(self, ledger: Warehouse) -> None:
        assert auditable(ledger, ["B"], 3) == {self.DAYS[at]: ["B"] for at in (0, 3, 6)}
        assert auditable(ledger, ["B", "A"], 1) == {self.DAYS[0]: ["A", "B"]}

    def test_a_forecast_of_the_newest_session_cannot_be_audited(self, warehouse: Warehouse) -> None:
        store(warehouse, closes("A", {"2013-02-28": 10.0, "2013-03-01": 11.0}))
        append(warehouse, forecast("2013-03-01", "2013-03-04"))
        with pytest.raises(
            NothingToForecastError, match="no forecast in the ledger has prices after"
        ) as refused:
            auditable(warehouse, [], 3)
        assert "\n" not in str(refused.value)
        # What came to another ticker later could have leaked into nothing of this one.
        store(warehouse, closes("B", {"2013-03-01": 10.0, "2013-03-04": 11.0}))
        with pytest.raises(NothingToForecastError):
            auditable(warehouse, [], 3)

    def test_a_ticker_that_was_never_forecast_cannot_be_audited(self, ledger: Warehouse) -> None:
        with pytest.raises(NothingToForecastError):
            auditable(ledger, ["Z"], 3)

    def test_a_session_whose_price_was_taken_back_cannot_be_audited(self, ledger: Warehouse) -> None:
        """A bar that was disproved leaves the prices; the forecast made from it stays."""
        with ledger.write() as connection:
            connection.execute(
                "DELETE FROM prices WHERE ticker = 'A' AND session = $day", {"day": self.DAYS[0]}
            )
        assert auditable(ledger, [], 1) == {self.DAYS[0]: ["B"]}
        assert auditable(ledger, ["A"], 1) == {self.DAYS[1]: ["A"]}

    def test_a_folder_without_a_warehouse_is_reported_so(self, tmp_path: Path) -> None:
        with pytest.raises(SnapshotMissingError, match="there is no warehouse in"):
            auditable(Warehouse(tmp_path), [], 3)
