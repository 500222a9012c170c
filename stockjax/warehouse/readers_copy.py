"""The copy of the database that readers open, and when it is renewed."""

import math
import time
from pathlib import Path

from stockjax.warehouse.file_copy import copy_file

_CHEAP = 20
# A copy that takes less shares its blocks with the original, or is small.
_SHARED_SECONDS = 0.1
_LARGE = 64 * 1024 * 1024
_SELDOM_SECONDS = 600.0


class ReadersCopy:
    """A copy of the closed database, which readers open without waiting for the writer.

    Parameters
    ----------
    database
        The writer's file.
    place
        The path of the copy.

    Attributes
    ----------
    behind
        Whether something was committed here since the last renewal.
    held_back
        Whether it is renewed on demand alone: a run has many commits in each step.

    """

    behind: bool = False
    held_back: bool = False

    def __init__(self, database: Path, place: Path) -> None:
        self.place = place
        self._database = database
        self._renewed_at = -math.inf
        self._seconds: float | None = None

    def hold_back(self) -> None:
        """From now on, renew it on demand alone."""
        self.held_back = True
        self._renewed_at = time.monotonic()

    def is_cheap(self) -> bool:
        """Whether a renewal would cost little now.

        Of the time since the last one it takes a twentieth at most; a large file, whose blocks the file
        system does not share, is copied every ten minutes at most.
        """
        known = self._seconds or 0.0
        wait = _CHEAP * known
        shared = self._seconds is not None and known <= _SHARED_SECONDS
        if not shared and self._database.stat().st_size > _LARGE:
            wait = max(wait, _SELDOM_SECONDS)
        return time.monotonic() - self._renewed_at >= wait

    def renew(self) -> None:
        """Copy the closed database."""
        before = time.monotonic()
        replace_with_copy(self._database, self.place)
        self._renewed_at = time.monotonic()
        self._seconds = self._renewed_at - before
        self.behind = False


def replace_with_copy(database: Path, place: Path) -> None:
    """Copy a closed database to a new file in the folder of `place` and move that there in one step."""
    # A link to a share is written through.
    place = place.resolve()
    fresh = place.with_name(f".{place.name}.new")
    copy_file(database, fresh)
    fresh.replace(place)
