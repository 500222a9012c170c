"""What computes the numbers: bits are the same where all of this is."""

import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path

_LIBRARIES = ("numpy", "scipy", "pandas", "jax", "jaxlib", "flax", "duckdb")
_PROCESSOR = Path("/proc/cpuinfo")


@cache
def environment() -> dict[str, str]:
    """Versions by name, the kind of machine, and the processor where the system tells it."""
    return {
        "python": platform.python_version(),
        **{name: version(name) for name in _LIBRARIES},
        "machine": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
    }


def _processor() -> str:
    try:
        lines = _PROCESSOR.read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
