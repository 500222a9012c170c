"""Fixtures of all tests; strictness on: a rank promotion raises, as every warning does."""

import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import jax
import pandas as pd
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling, Scheduling

from stockjax.features import PricePanel
from stockjax.settings import TrainingSettings, load_settings
from stockjax.sources import PRICE_COLUMNS
from stockjax.sources.sample import SampleSource
from stockjax.training import base_model, warm_up
from stockjax.training.compilation import use_compilation_cache
from stockjax.warehouse import Warehouse
from tests.support.empty_database import LEFT_OUT, EmptyDatabase
from tests.support.synthetic import delivered

jax.config.update("jax_numpy_rank_promotion", "raise")

# What is imported and collected stays: the collector need not visit millions of objects so often.
# Frozen they would be out of Hypothesis's sight, which asks who refers to a random generator.
gc.set_threshold(50_000, 50, 100)

if jax.__version_info__ < (0, 11):
    # The older of two code generators, which later releases lack: tests compile many programs and run each
    # briefly, and its programs compile twice as fast and run a fifth slower.
    flags = "--xla_cpu_use_fusion_emitters=false --xla_backend_optimization_level=1"
    os.environ.setdefault("XLA_FLAGS", flags)

# Every client, of this process and of those it starts, reads the certificates of all authorities, which takes
# 25 ms. Tests need none: this one, whose key is gone, stands for all.
os.environ["SSL_CERT_FILE"] = str(Path(__file__).parent / "fixtures" / "loopback.pem")

_MEMORY = Path("/dev/shm")
_ROOM = 4 * 2**30
"""Bytes that a run of the tests may need there: a quarter is the most that one has left."""

if "PYTEST_DEBUG_TEMPROOT" not in os.environ and _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM:
    # Hundreds of databases are written, and each write waits for the disk.
    os.environ["PYTEST_DEBUG_TEMPROOT"] = str(_MEMORY)

ONE_SERVER = ("tests/e2e/unattended/", "tests/flows/")
"""Folders whose files share a Prefect server, which every process would start for itself."""

FIRST = ("tests/e2e/unattended/", "tests/test_architecture.py", "tests/e2e/")
"""What takes long in one piece, so that no one waits for it in the end."""


SMALL_BATCH = 16
"""Windows of a step of a base's training: hundreds of tests train one, and few look at what it has learnt."""
WHOLE_BATCHES = ("tests/training/", "tests/docs/")
_BATCH = base_model.BATCH

SLOW = (
    *("tests/nightly/", "tests/tuning/", "tests/ingest/", "tests/test_audit.py", "tests/test_extensions.py"),
    *("tests/engine/test_walk_forward.py", "tests/engine/test_finite.py", "tests/scoring/test_exact.py"),
    *(
        "tests/scoring/test_rolling.py",
        "tests/registry/test_activation.py",
        "tests/forecasting/test_training.py",
    ),
    *("tests/cli/test_main.py", "tests/cli/test_models.py", "tests/test_architecture.py"),
    *(f"tests/training/test_{name}.py" for name in ("base_model", "compilation", "gate_holdout")),
    *(f"tests/reporting/test_{name}.py" for name in ("ticker_view", "report")),
    *(f"tests/warehouse/test_{name}.py" for name in ("clustering", "perturbed", "earlier_release")),
)
"""Tests of whole runs, trainings and pages, and of the types of all code: `make test-fast` skips them."""


class _ByFileOrServer(LoadScopeScheduling):
    """Files of tests go to whichever process is free, those that share a server together."""

    def _split_scope(self, nodeid: str) -> str:
        together = (folder for folder in ONE_SERVER if nodeid.startswith(folder))
        return next(together, nodeid.split("::", 1)[0])


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    return _ByFileOrServer(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.nodeid.startswith(SLOW):
            item.add_marker("slow")
    places = {prefix: place for place, prefix in enumerate(FIRST)}

    def place(item: pytest.Item) -> int:
        return next((places[prefix] for prefix in FIRST if item.nodeid.startswith(prefix)), len(FIRST))

    items.sort(key=place)


_empty = EmptyDatabase()


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        _empty.install(patch)
        try:
            return (yield)
        finally:
            _empty.close()


def pytest_runtest_setup(item: pytest.Item) -> None:
    _empty.make()
    _empty.active = not item.nodeid.startswith(LEFT_OUT)
    batch = _BATCH if item.nodeid.startswith(WHOLE_BATCHES) else SMALL_BATCH
    base_model.BATCH = warm_up.BATCH = batch


@pytest.fixture(scope="session", autouse=True)
def compiled_programs() -> Path:
    """The folder in which compiled programs are kept."""
    folder = load_settings().cache
    use_compilation_cache(folder)
    return folder


@pytest.fixture(autouse=True)
def _no_settings_from_outside(
    compiled_programs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in list(os.environ):
        if name.upper().startswith("STOCKJAX_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("STOCKJAX_CACHE", str(compiled_programs))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """A warehouse with all its tables and nothing in them: a copy, for migrations take a while."""
    shutil.copytree(_empty.folder, tmp_path / "warehouse")
    return Warehouse(tmp_path / "warehouse", lock_timeout=5)


@pytest.fixture(scope="session")
def sample_prices() -> pd.DataFrame:
    """All the prices of the embedded sample; the gate takes them without `raw` too."""
    source = SampleSource()
    last = source.last_session()
    assert last is not None
    return delivered(source, source.universe(), last).prices[list(PRICE_COLUMNS)]


@pytest.fixture(scope="session")
def sample_history(sample_prices: pd.DataFrame) -> PricePanel:
    """The sample as arrays."""
    ordered = sample_prices.sort_values(["ticker", "session"])
    columns = {name: ordered[name].to_numpy() for name in ordered.columns}
    columns["ticker"] = columns["ticker"].astype(object)
    return PricePanel.from_columns(columns, sorted(ordered["ticker"].unique()))


@pytest.fixture(scope="session")
def training() -> TrainingSettings:
    """Settings that train briefly."""
    return TrainingSettings(base_steps=100)
