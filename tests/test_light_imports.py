"""Importing the library, or asking the warehouse, loads neither JAX nor Prefect."""

import subprocess
import sys
from pathlib import Path

import pytest

from stockjax.warehouse import Warehouse

HEAVY = {"jax", "jaxlib", "flax", "optax", "prefect", "yfinance", "optuna", "matplotlib"}
QUERY = "from stockjax.cli.main import main\nmain(['sql', 'SELECT 1', '--warehouse', sys.argv[1]])"


@pytest.mark.parametrize("code", ["import stockjax", "import stockjax.cli.main", QUERY])
def test_no_heavy_library_is_loaded(code: str, tmp_path: Path) -> None:
    Warehouse(tmp_path).migrate()
    program = f"import sys, atexit\natexit.register(lambda: print('loaded', *sys.modules))\n{code}"
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    loaded = done.stdout.splitlines()[-1].split()
    assert loaded[0] == "loaded"
    assert set(loaded) & HEAVY == set()
    if sys.platform == "linux" and code == "import stockjax.cli.main":
        assert "resource" not in loaded, "a module of POSIX alone is imported before it is needed"
