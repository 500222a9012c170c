"""How compiled programs are kept between processes, and how many there are."""

import os
import threading
from pathlib import Path

import jax

from stockjax.errors import UsageError

_COMPILATION_EVENT = "/jax/core/compile/backend_compile_duration"

_compilations = 0
_lock = threading.Lock()


GPU_GROUP = 128
"""Tickers that a GPU trains at once: their parameters, states and windows are some 200 MB."""


def use_compilation_cache(folder: Path) -> None:
    """Keep compiled programs in `folder`, however small and quickly compiled they are.

    Raises
    ------
    UsageError
        JAX has no device.

    """
    check_device()
    folder.mkdir(parents=True, exist_ok=True)
    options = {
        "jax_compilation_cache_dir": str(folder.resolve()),
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    for name, value in options.items():
        jax.config.update(name, value)  # type: ignore[no-untyped-call]


def check_device() -> None:
    """Refuse to go on without a device that JAX can use.

    Raises
    ------
    UsageError
        The one that is asked for is not there.

    """
    try:
        jax.devices()
    except Exception as error:
        # JAX raises what its back ends raise: RuntimeError, or AssertionError without a word.
        asked = os.environ.get("JAX_PLATFORMS") or "any device"
        why = " ".join(str(error).split())[:150] or type(error).__name__
        raise UsageError(
            f"JAX cannot use '{asked}' on this machine ({why}); unset JAX_PLATFORMS, or install a JAX for it"
        ) from error


def tickers_per_program() -> int:
    """How many tickers are trained as one batched program: on a CPU one by one is faster."""
    return 1 if jax.default_backend() == "cpu" else GPU_GROUP


def compilations() -> int:
    """How many programs this process has compiled or loaded from the cache."""
    return _compilations


def _count(event: str, duration_secs: float, **_: str | int) -> None:
    global _compilations  # noqa: PLW0603  a counter of the process
    del duration_secs
    if event == _COMPILATION_EVENT:
        with _lock:
            _compilations += 1


jax.monitoring.register_event_duration_secs_listener(_count)
