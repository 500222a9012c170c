import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stockjax.forecasting.ledger_rows import MODELS
from stockjax.model import network
from stockjax.settings import TrainingMode, load_settings
from stockjax.training import warm_up
from stockjax.training.base_model import untrained
from stockjax.training.compilation import compilations
from stockjax.training.warm_up import compile_programs, compiled_in_background
from tests.support.synthetic import NEW_YORK, SMALL, universe, walked

SCRIPT = """
import sys
from pathlib import Path
import jax
from stockjax.training.compilation import compilations, use_compilation_cache
use_compilation_cache(Path(sys.argv[1]))
jax.jit(lambda x: x * 3 + 1)(2.0).block_until_ready()
print(compilations())
"""


def test_every_new_program_is_counted_once() -> None:
    @jax.jit
    def program(x: jax.Array) -> jax.Array:
        return jnp.sin(x) * 1234567.0

    numbers, more = np.ones(3, np.float32), np.ones(4, np.float32)
    before = compilations()
    program(numbers)
    assert compilations() == before + 1
    program(numbers + 1)
    assert compilations() == before + 1
    program(more)
    assert compilations() == before + 2


def test_programs_are_kept_for_the_next_process(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "cache"

    def process() -> tuple[str, dict[str, bytes]]:
        lines = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(folder)], capture_output=True, text=True, check=True
        )
        programs = {path.name: path.read_bytes() for path in folder.iterdir() if path.name.endswith("-cache")}
        return lines.stdout.strip(), programs

    first, kept = process()
    second, same = process()
    assert kept
    assert kept == same
    assert first == second
    assert int(first) >= 1


@pytest.mark.parametrize("mode", get_args(TrainingMode))
def test_after_the_warm_up_nothing_is_compiled_in_any_mode(mode: TrainingMode) -> None:
    settings = load_settings(
        training={**SMALL.model_dump(), "mode": mode}, history={"training_sessions": 320}, workers=1
    )
    # What other tests have compiled or made must not stand in for what the warm-up forgets.
    jax.clear_caches()
    untrained.cache_clear()
    network._drawn.cache_clear()
    compile_programs(settings.training, settings.cache)
    before = compilations()
    history = universe({"A": 400, "B": 360, "C": 80})
    wanted = {
        ticker: set(NEW_YORK.sessions(date(2013, 2, 27), date(2013, 3, 1)).tolist()) for ticker in "ABC"
    }
    parts = walked(history, wanted, settings)
    trained = [[model.ticker for model in part.models] for part in parts]
    assert trained == [[None, "A", "B"], ["A", "B"]]
    assert sum(len(part.forecasts) for part in parts) == 3 * 3 * len(MODELS)
    assert compilations() == before


def test_programs_are_compiled_while_something_else_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who needs them waits; where the block ends early, the one at work is the last."""
    begun: list[int] = []
    free = threading.Event()

    def programs(_: object) -> Iterator[None]:
        for number in range(3):
            begun.append(number)
            if number:
                free.wait(60)
            yield

    monkeypatch.setattr(warm_up, "_programs", programs)
    with compiled_in_background(SMALL, tmp_path) as wait_until_compiled:
        free.set()
        wait_until_compiled()
        assert begun == [0, 1, 2]
    begun.clear()
    free.clear()
    with compiled_in_background(SMALL, tmp_path):
        while len(begun) < 2:
            time.sleep(0.001)
        threading.Timer(0.2, free.set).start()
    assert begun == [0, 1]


def test_what_keeps_programs_from_being_compiled_is_raised_where_they_are_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> Iterator[None]:
        yield
        raise MemoryError("no room for a program")

    monkeypatch.setattr(warm_up, "_programs", broken)
    with compiled_in_background(SMALL, tmp_path) as wait_until_compiled, pytest.raises(MemoryError):
        wait_until_compiled()
