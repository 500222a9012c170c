import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from stockjax.features import FEATURE_NAMES
from stockjax.model.network import mean_freedom
from stockjax.training.adapter import fit_adapter, look_back, standardisation
from stockjax.training.base import train_base
from stockjax.training.predict import predict
from stockjax.training.programs import compilations
from stockjax.training.ticker import retrain_ticker
from stockjax.training.warm_up import compile_programs
from stockjax.training.windows import context
from tests.synthetic import SMALL, learnable_features

SCRIPT = """
import sys
from pathlib import Path
import jax
from stockjax.training.programs import compilations, use_compilation_cache
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
        told = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(folder)], capture_output=True, text=True, check=True
        )
        programs = {path.name: path.read_bytes() for path in folder.iterdir() if path.name.endswith("-cache")}
        return told.stdout.strip(), programs

    first, kept = process()
    second, same = process()
    assert kept
    assert kept == same
    assert first == second
    assert int(first) >= 1


def test_after_the_warm_up_a_night_compiles_nothing(tmp_path: Path) -> None:
    from stockjax.settings import load_settings

    # What other tests have compiled must not stand in for what the warm-up forgets.
    jax.clear_caches()
    compile_programs(SMALL, load_settings().cache)
    before = compilations()
    features, lengths = learnable_features(3, 400), np.array([400, 380, 330])
    base = train_base(features, lengths, SMALL, seed=0)
    trained = [
        retrain_ticker(base.parameters, base.parameters, features, row, int(length), SMALL, row)
        for row, length in enumerate(lengths)
    ]
    stacked = jax.tree.map(
        lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *(one.parameters for one in trained)
    )
    found = predict(stacked, context(features, np.arange(3), lengths - 1))
    assert found.location.shape == (3, SMALL.seeds)
    center, spread = standardisation(features, lengths)
    for row, length in enumerate(lengths):
        seen = look_back(base.parameters, features, row, int(length))
        assert len(seen.residuals) >= length - 2
        weights = fit_adapter(trained[row].parameters, center, spread, features, row, int(length))
        assert weights.shape == (1 + len(FEATURE_NAMES),)
    assert mean_freedom(base.parameters) > 2
    assert features.inputs.shape[-1] == len(FEATURE_NAMES)
    assert compilations() == before
