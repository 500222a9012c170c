"""Importing large libraries in less time."""

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def importing() -> Generator[None]:
    """Look for no garbage until the end of the block.

    Libraries make a million objects that stay, and the collector would look through them again and again:
    a fifth of the time that their imports take.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
