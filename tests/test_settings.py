import os
import re
from pathlib import Path
from typing import Any

import pytest

from stockjax.errors import SettingsError
from stockjax.settings import load_settings, setting_names
from stockjax.settings.renamed import RENAMED, RenamedSettingWarning


def write_toml(text: str) -> None:
    Path("stockjax.toml").write_text(text, encoding="utf-8")


def refusal(**flags: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(**flags)
    message = str(caught.value)
    assert "\n" not in message
    assert caught.value.exit_code == 2
    return message


def test_nothing_configured_means_the_sample_and_the_documented_defaults() -> None:
    settings = load_settings()
    assert settings.source == "sample"
    assert settings.warehouse == Path("warehouse")
    assert settings.path is None
    assert settings.tickers == ()
    assert settings.exchange == "XNYS"
    assert (settings.history.forecast_sessions, settings.retrain.ticker_every) == (64, 1)


def test_each_layer_overrides_the_one_below_it(monkeypatch: pytest.MonkeyPatch) -> None:
    write_toml("seed = 1\nworkers = 1\nlock_timeout = 1.0\n")
    monkeypatch.setenv("STOCKJAX_WORKERS", "2")
    monkeypatch.setenv("STOCKJAX_LOCK_TIMEOUT", "2")
    settings = load_settings(lock_timeout=3.0)
    assert (settings.seed, settings.workers, settings.lock_timeout) == (1, 2, 3.0)


def test_sections_are_merged_key_by_key(monkeypatch: pytest.MonkeyPatch) -> None:
    write_toml("[retrain]\nbase_every = 10\nticker_every = 3\n[training]\nhidden = 8\n")
    monkeypatch.setenv("STOCKJAX_RETRAIN__BASE_EVERY", "20")
    settings = load_settings()
    assert (settings.retrain.base_every, settings.retrain.ticker_every) == (20, 3)
    assert settings.training.hidden == 8
    assert settings.training.seeds == 3


def test_a_flag_of_none_leaves_the_file_active() -> None:
    write_toml('source = "files"\npath = "prices"\n')
    settings = load_settings(source=None, path=None, tickers=None)
    assert (settings.source, settings.path) == ("files", Path("prices"))


def test_the_settings_file_can_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_toml("seed = 1\n")
    other = tmp_path / "other.toml"
    other.write_text("seed = 2\n", encoding="utf-8")
    monkeypatch.setenv("STOCKJAX_CONFIG", str(other))
    assert load_settings().seed == 2


def test_a_settings_file_that_is_named_and_missing_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOCKJAX_CONFIG", "nowhere.toml")
    assert "nowhere.toml" in refusal()


@pytest.mark.parametrize(
    ("toml", "name", "suggestion"),
    [
        ("sede = 1", "'sede'", "'seed'"),
        ("warehuose = 'x'", "'warehuose'", "'warehouse'"),
        ("[retrain]\nbase_evry = 1", "'retrain.base_evry'", "'retrain.base_every'"),
        ("[training]\nhiden = 1", "'training.hiden'", "'training.hidden'"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_known_one(toml: str, name: str, suggestion: str) -> None:
    write_toml(toml)
    message = refusal()
    assert name in message
    assert f"did you mean {suggestion}?" in message
    assert "stockjax.toml" in message


def test_an_unknown_section_is_named_with_what_is_allowed() -> None:
    write_toml("[zebra]\nstripes = 1\n")
    message = refusal()
    assert "'zebra'" in message
    assert "retrain" in message, "sections are allowed names too"


@pytest.mark.parametrize(
    ("variable", "suggestion"),
    [
        ("STOCKJAX_WAREHOSE", "STOCKJAX_WAREHOUSE"),
        ("STOCKJAX_RETRAIN__BASE_EVRY", "STOCKJAX_RETRAIN__BASE_EVERY"),
        ("STOCKJAX_RETRAIN_BASE_EVERY", "STOCKJAX_RETRAIN__BASE_EVERY"),
        ("stockjax_sede", "STOCKJAX_SEED"),
    ],
)
def test_an_unknown_variable_is_named_with_the_nearest_known_one(
    monkeypatch: pytest.MonkeyPatch, variable: str, suggestion: str
) -> None:
    monkeypatch.setenv(variable, "1")
    message = refusal()
    assert variable in message
    assert f"did you mean {suggestion}?" in message


def test_a_variable_of_another_program_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOCKJAXER_SEDE", "1")
    monkeypatch.setenv("SEED", "99")
    assert load_settings().seed == 0


@pytest.mark.parametrize(
    ("toml", "name"),
    [
        ("seed = -1", "seed"),
        ("seed = 1.5", "seed"),
        ("seed = 'many'", "seed"),
        ("source = 'bloomberg'", "source"),
        ("lock_timeout = 0", "lock_timeout"),
        ("lock_timeout = nan", "lock_timeout"),
        ("tickers = 5", "tickers"),
        ("tickers = [1]", "tickers.0"),
        ("retrain = 3", "retrain"),
        ("[history]\nforecast_sessions = 29", "history.forecast_sessions"),
        ("[training]\nlearning_rate = 0", "training.learning_rate"),
        ("[training]\nhidden = 257", "training.hidden"),
    ],
)
def test_a_wrong_value_in_the_file_is_named(toml: str, name: str) -> None:
    write_toml(toml)
    assert f"'{name}'" in refusal()


@pytest.mark.parametrize(
    ("variable", "value", "name"),
    [
        ("STOCKJAX_SEED", "x", "seed"),
        ("STOCKJAX_SEED", "", "seed"),
        ("STOCKJAX_LOCK_TIMEOUT", "-1", "lock_timeout"),
        ("STOCKJAX_WARMUP__SESSIONS", "-1", "warmup.sessions"),
        ("STOCKJAX_RETRAIN", '{"base_evry": 1}', "retrain.base_evry"),
    ],
)
def test_a_wrong_value_in_the_environment_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, name: str
) -> None:
    monkeypatch.setenv(variable, value)
    assert name in refusal()


def test_every_wrong_value_is_named_at_once() -> None:
    write_toml("seed = -1\nworkers = -1\n")
    message = refusal()
    assert "'seed'" in message
    assert "'workers'" in message


@pytest.mark.parametrize("text", [b"seed ==", b'source = "\xe9"', b"[retrain"])
def test_a_file_that_is_not_toml_is_named(text: bytes) -> None:
    Path("stockjax.toml").write_bytes(text)
    assert "stockjax.toml" in refusal()


def test_the_source_files_needs_a_path() -> None:
    message = refusal(source="files")
    assert "'path'" in message
    assert "--path" in message
    assert "{" not in message, "the sentence must not quote the whole input back"
    assert load_settings(source="files", path=Path("prices")).path == Path("prices")


def test_settings_cannot_be_changed_afterwards() -> None:
    settings = load_settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.seed = 5  # type: ignore[misc]


def test_all_cores_work_unless_reported_otherwise() -> None:
    assert load_settings().worker_count == os.cpu_count()
    assert load_settings(workers=3).worker_count == 3


def test_setting_names_are_dotted_and_complete() -> None:
    names = list(setting_names())
    assert {"warehouse", "source", "path", "retrain.base_every", "training.weight_decay"} <= set(names)
    assert "retrain" not in names
    assert len(names) == len(set(names))


def test_tickers_may_be_one_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOCKJAX_TICKERS", "AAPL,BRK-B MSFT")
    assert load_settings().tickers == ("AAPL", "BRK-B", "MSFT")


def test_tickers_that_may_start_again_may_be_one_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOCKJAX_HISTORY__ACCEPT", "META, BRK-B")
    assert load_settings().history.accept == ("META", "BRK-B")
    monkeypatch.delenv("STOCKJAX_HISTORY__ACCEPT")
    write_toml('[history]\naccept = ["META"]\n')
    assert load_settings().history.accept == ("META",)


def test_tickers_of_the_base_may_be_one_text(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().base.tickers == ()
    monkeypatch.setenv("STOCKJAX_BASE__TICKERS", "AAPL,BRK-B MSFT")
    assert load_settings().base.tickers == ("AAPL", "BRK-B", "MSFT")
    monkeypatch.setenv("STOCKJAX_BASE__TICKERS", "*")
    monkeypatch.setenv("STOCKJAX_BASE__TICKERS_FILE", "list.csv")
    assert (load_settings().base.tickers, load_settings().base.tickers_file) == (("*",), Path("list.csv"))
    monkeypatch.delenv("STOCKJAX_BASE__TICKERS")
    write_toml('[base]\ntickers = ["KO"]\nuniverse = "sp500"\n')
    assert (load_settings().base.tickers, load_settings().base.universe) == (("KO",), "sp500")


def test_how_often_a_backtest_trains_tickers_does_not_depend_on_what_a_file_spells_out() -> None:
    assert load_settings().backtest_ticker_every == 21
    write_toml("[retrain]\nticker_every = 1\n")
    assert load_settings().backtest_ticker_every == 21
    write_toml("[retrain]\nticker_every = 30\n")
    assert load_settings().backtest_ticker_every == 30
    write_toml("[retrain]\nticker_every = 30\n[backtest]\nticker_every = 5\n")
    assert load_settings().backtest_ticker_every == 5


@pytest.mark.parametrize("mode", ["adapter", "full", "own"])
def test_a_mode_of_training_may_be_chosen(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    assert load_settings().training.mode == "full"
    monkeypatch.setenv("STOCKJAX_TRAINING__MODE", mode)
    assert load_settings().training.mode == mode


def test_single_tickers_may_trade_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    write_toml('exchange = "XTKS"\n[exchanges]\n"7203.T" = "XTKS"\n"BTC-USD" = "24/7"\n')
    assert load_settings().exchanges == {"7203.T": "XTKS", "BTC-USD": "24/7"}
    monkeypatch.setenv("STOCKJAX_EXCHANGES", '{"VOD.L": "XLON"}')
    assert load_settings().exchanges["VOD.L"] == "XLON"


@pytest.mark.parametrize(
    ("toml", "name"),
    [
        ('universe = "nikkei"', "universe"),
        ("[yahoo]\nworkers = 0", "yahoo.workers"),
        ("[yahoo]\nrequests_per_second = -1", "yahoo.requests_per_second"),
        ("[yahoo]\nbase_url = 'yahoo.com'", "yahoo.base_url"),
        ("[catch_up]\nsessions = -1", "catch_up.sessions"),
        ("[history]\nstale_sessions = 0", "history.stale_sessions"),
        ("[history]\ndelisted_sessions = 0", "history.delisted_sessions"),
        ("[exchanges]\nA = 1", "exchanges.A"),
        ('[base]\nuniverse = "nikkei"', "base.universe"),
        ("[base]\ntickers = 5", "base.tickers"),
        ('[training]\nmode = "half"', "training.mode"),
        ("[training]\nown_steps = 3", "training.own_steps"),
    ],
)
def test_a_wrong_value_of_ingest_is_named(toml: str, name: str) -> None:
    write_toml(toml)
    assert f"'{name}'" in refusal()


@pytest.mark.parametrize(("old", "new"), list(RENAMED.items()))
@pytest.mark.parametrize("place", ["file", "environment"])
def test_an_old_name_is_accepted_with_a_warning_that_names_the_new_one(
    monkeypatch: pytest.MonkeyPatch, place: str, old: str, new: str
) -> None:
    value = "wait" if new == "run.if_running" else 0.25 if new == "run.max_missing_share" else 33
    section, _, name = old.partition(".")
    if place == "file":
        write_toml(f"[{section}]\n{name} = {value!r}\n")
    else:
        monkeypatch.setenv(f"STOCKJAX_{section}__{name}".upper(), str(value))
    with pytest.warns(RenamedSettingWarning) as caught:
        settings = load_settings()
    section, _, name = new.partition(".")
    assert getattr(getattr(settings, section), name) == value
    (warning,) = caught
    assert (new if place == "file" else new.replace(".", "__").upper()) in str(warning.message)


@pytest.mark.parametrize("place", ["file", "environment", "both"])
def test_two_values_under_the_old_and_the_new_name_are_refused(
    monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    if place == "file":
        write_toml("[replay]\nsessions = 3\n[warmup]\nsessions = 4\n")
    elif place == "environment":
        monkeypatch.setenv("STOCKJAX_REPLAY__SESSIONS", "3")
        monkeypatch.setenv("STOCKJAX_WARMUP__SESSIONS", "4")
    else:
        write_toml("[replay]\nsessions = 3\n")
        monkeypatch.setenv("STOCKJAX_WARMUP__SESSIONS", "4")
    message = refusal()
    assert "old name" in message
    assert "remove the old one" in message


def test_a_whole_section_under_its_old_name_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOCKJAX_REPLAY", '{"sessions": 7}')
    with pytest.warns(RenamedSettingWarning, match="STOCKJAX_WARMUP"):
        assert load_settings().warmup.sessions == 7


@pytest.mark.parametrize("name", ["warehouse", "path", "cache", "tickers_file"])
def test_a_path_may_begin_at_home_or_with_a_variable(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.setenv("DISK", "/data")
    assert getattr(load_settings(**{name: "~/stocks"}), name) == Path("/home/ann/stocks")
    assert getattr(load_settings(**{name: Path("$DISK/stocks")}), name) == Path("/data/stocks")
    assert getattr(load_settings(**{name: "a$b/~c"}), name) == Path("a$b/~c")


def test_paths_of_sections_and_of_the_environment_are_expanded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.setenv("STOCKJAX_WAREHOUSE", "~/stocks")
    settings = load_settings(export={"folder": "~/out"}, base={"tickers_file": "~/base.txt"})
    assert settings.warehouse == Path("/home/ann/stocks")
    assert (settings.export.folder, settings.base.tickers_file) == (
        Path("/home/ann/out"),
        Path("/home/ann/base.txt"),
    )


def test_an_empty_path_is_refused_wherever_it_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="'warehouse': a path must not be empty"):
        load_settings(warehouse="")
    monkeypatch.setenv("STOCKJAX_WAREHOUSE", "")
    with pytest.raises(SettingsError, match="'warehouse': a path must not be empty"):
        load_settings()


def test_a_settings_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    Path("stockjax.toml").write_bytes(b"\xef\xbb\xbfseed = 7\n")
    assert load_settings().seed == 7


@pytest.mark.parametrize(
    ("value", "expected"), [("", {}), ("^VXN", {"XNYS": "^VXN"}), ('{"XLON": "^VFTSE"}', {"XLON": "^VFTSE"})]
)
def test_the_index_of_implied_volatility_is_one_a_table_or_none(
    monkeypatch: pytest.MonkeyPatch, value: str, expected: dict[str, str]
) -> None:
    monkeypatch.setenv("STOCKJAX_CONTEXT__IMPLIED_VOLATILITY", value)
    assert load_settings().context.implied_volatility == expected


def test_sources_of_announcements_are_named_in_one_text_and_none_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert load_settings().events.sources is None
    monkeypatch.setenv("STOCKJAX_EVENTS__SOURCES", "sec, yahoo")
    assert load_settings().events.sources == ("sec", "yahoo")
    monkeypatch.setenv("STOCKJAX_EVENTS__SOURCES", "")
    assert load_settings().events.sources == ()


@pytest.mark.parametrize(
    ("events", "sentence"),
    [
        ({"sources": ("files",)}, "needs events.path"),
        ({"sources": ("bloomberg",)}, "events.sources"),
        ({"contact": "no address"}, "events.contact"),
        ({"history": "known"}, "events.history"),
        ({"notice": -1}, "events.notice"),
    ],
)
def test_what_makes_no_sense_of_announcements_is_refused(events: dict[str, object], sentence: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(sentence)):
        load_settings(events=events)
