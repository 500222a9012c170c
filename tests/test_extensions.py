"""A package with a source and a feature of its own: installed, used by a night, explained, refused."""

import json
import math
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stockjax.errors import FeatureError, SettingsError
from stockjax.features import FEATURE_NAMES, PricePanel, build_features
from stockjax.features.extra import load_feature
from stockjax.reproduce import ledger_rows, reproduce
from stockjax.settings import load_settings
from stockjax.sources import open_source
from stockjax.sources.sample import SampleSource
from tests.support.documents import blocks
from tests.support.runs import SMALL, RunDriver, all_steps
from tests.support.warehouse_rows import fetch

PRICES = ("open", "high", "low", "close", "adj_close", "volume")
PACKAGE = Path(__file__).parent / "example_package"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    uv = Path(sys.executable).with_name("uv")
    options = ["--quiet", "--offline", "--no-deps", "--no-build-isolation", "--target", str(folder)]
    command = [uv, "pip", "install", *options, "--python", sys.executable, str(PACKAGE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def package(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(installed))
    load_feature.cache_clear()


@pytest.fixture(scope="module")
def prices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("prices") / "bars.json"
    sample = SampleSource().load().prices
    recent = sample[sample["ticker"].isin(["IBM", "MSFT"]) & (sample["session"] >= "2010-01-01")]
    bars = recent.assign(date=recent["session"].dt.strftime("%Y-%m-%d"))
    columns = ["date", "open", "high", "low", "close", "volume"]
    text = {str(name): part[columns].to_dict("records") for name, part in bars.groupby("ticker")}
    path.write_text(json.dumps(text), encoding="utf-8")
    return path


def night(folder: Path, prices: Path, as_of: date | None = None, **training: Any) -> RunDriver:
    settings = load_settings(
        source="example",
        path=prices,
        warehouse=folder,
        warmup={"sessions": 0},
        training=SMALL | training,
        workers=1,
    )
    driver = RunDriver(settings, as_of)
    driver.open()
    *_, result = all_steps(driver)
    driver.close("completed", result.summary())
    assert result.message.startswith("2 of 2 tickers forecast"), result.message
    return driver


def features_of_models(driver: RunDriver) -> dict[str, tuple[int, list[str]]]:
    rows = fetch(
        driver.warehouse,
        """SELECT coalesce(ticker, 'base'), (hyperparameters ->> 'features')::INTEGER,
               hyperparameters -> 'extra_features'
           FROM models WHERE trained_through = (SELECT max(trained_through) FROM models)""",
    )
    return {name: (count, json.loads(extra)) for name, count, extra in rows}


@pytest.fixture(scope="module")
def history() -> PricePanel:
    sample = SampleSource().load().prices
    recent = sample[sample["ticker"].isin(["IBM", "MSFT"]) & (sample["session"] >= "2012-01-01")]
    columns = {name: recent[name].to_numpy() for name in ("ticker", "session", *PRICES)}
    return PricePanel.from_columns(columns, ["IBM", "MSFT"])


@pytest.mark.usefixtures("package")
def test_a_night_uses_the_source_and_the_feature_and_can_be_explained(tmp_path: Path, prices: Path) -> None:
    driver = night(tmp_path, prices, extra_features=("volume_trend",))
    count = len(FEATURE_NAMES) + 1
    assert features_of_models(driver) == dict.fromkeys(("base", "IBM", "MSFT"), (count, ["volume_trend"]))
    for row in ledger_rows(driver.warehouse, "IBM", driver.plan.as_of):
        again = reproduce(driver.warehouse, row)
        assert (again.differing, again.causes) == ((), ())
        if row["model"] == "lstm" and again.seen:
            assert "volume_trend" in again.seen.contributions()[0]


@pytest.mark.usefixtures("package")
def test_another_choice_of_features_trains_all_models_again(tmp_path: Path, prices: Path) -> None:
    night(tmp_path, prices, date(2013, 2, 27), extra_features=("volume_trend",))
    driver = night(tmp_path, prices, date(2013, 2, 28))
    assert features_of_models(driver) == dict.fromkeys(("base", "IBM", "MSFT"), (len(FEATURE_NAMES), []))


@pytest.mark.usefixtures("package")
def test_volume_trend(history: PricePanel) -> None:
    feature = load_feature("volume_trend")
    column = feature(history)
    for row, length in enumerate(history.lengths):
        volume = history.volume[row]
        slow = [math.log(volume[at] / volume[at - 5]) for at in range(5, length)]
        np.testing.assert_allclose(column[row, :length], [math.nan] * 5 + slow)
    for session in history.sessions[0, ::40]:
        earlier = history.cut(session.item())
        np.testing.assert_array_equal(
            feature(earlier)[earlier.valid], column[:, : earlier.close.shape[1]][earlier.valid]
        )


def test_the_feature_of_the_recipe(history: PricePanel, monkeypatch: pytest.MonkeyPatch) -> None:
    (recipe,) = [block.text for block in blocks("python") if "def month_range" in block.text]
    names: dict[str, Any] = {}
    exec(recipe, names)
    monkeypatch.setattr("stockjax.features.extra.load_feature", lambda name: names[name])
    inputs = build_features(history, ("month_range",)).inputs[..., -1]
    close = history.adj_close[0]
    for at in (20, 21, 150):
        expected = math.log(max(close[at - 20 : at + 1]) / min(close[at - 20 : at + 1]))
        assert inputs[0, at] == pytest.approx(expected)
    assert not inputs[:, :20].any()


@pytest.mark.usefixtures("package")
def test_a_feature_that_uses_later_sessions_is_refused(history: PricePanel) -> None:
    with pytest.raises(FeatureError, match="'tomorrow' changes when later sessions are removed"):
        build_features(history, ("tomorrow",))
    assert build_features(history, ("volume_trend",)).inputs.shape[-1] == len(FEATURE_NAMES) + 1


@pytest.mark.usefixtures("package")
def test_a_feature_that_fails_or_has_another_shape_is_named(
    history: PricePanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    for broken, message in (
        (lambda panel: panel.close[0], "has the shape"),
        (lambda panel: 1 / 0, "ZeroDivisionError"),
    ):
        monkeypatch.setattr("stockjax.features.extra.load_feature", lambda name, f=broken: f)
        with pytest.raises(FeatureError, match=f"the feature 'volume_trend' .*{message}"):
            build_features(history, ("volume_trend",))


def test_what_no_package_offers_is_refused_by_name() -> None:
    with pytest.raises(SettingsError, match=r"'nothing'.*offered"):
        load_feature("nothing")
    with pytest.raises(SettingsError, match=r"'source'.*sample, files, yahoo"):
        load_settings(source="nothing")


@pytest.mark.usefixtures("package")
def test_a_source_that_cannot_be_opened_says_why() -> None:
    with pytest.raises(SettingsError, match=r"'example' cannot be opened .*needs the setting 'path'"):
        open_source(load_settings(source="example"))


@pytest.mark.usefixtures("package")
def test_an_unknown_ticker_of_the_source_stops_no_other(tmp_path: Path, prices: Path) -> None:
    settings = load_settings(
        source="example", path=prices, warehouse=tmp_path, tickers=("IBM", "NONE"), training=SMALL
    )
    driver = RunDriver(settings)
    driver.open()
    ingested = driver.ingest()
    driver.release()
    assert list(ingested.failures) == ["NONE"]
    assert fetch(driver.warehouse, "SELECT DISTINCT ticker FROM prices") == [("IBM",)]
