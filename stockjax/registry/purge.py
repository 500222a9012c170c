"""Letting go of model files that nobody needs any more."""

import time
from datetime import datetime, timedelta
from pathlib import Path

from stockjax.warehouse import Warehouse
from stockjax.warehouse.records import kept_model_files, purge_model_rows

# A run that is at work may have files on disk whose rows it has not written yet.
_YOUNG_SECONDS = 24 * 3600


def purge_models(warehouse: Warehouse, days: int, moment: datetime) -> int:
    """Delete the files of models that are not in force and older than `days`; their rows stay.

    Rows are marked before files go: cut off in between, the next purge deletes the rest, and
    with it what killed runs have left. No file of a kept row is ever touched.

    Returns
    -------
    How many files were deleted.

    """
    purge_model_rows(warehouse, before=moment - timedelta(days=days), moment=moment)
    kept = {warehouse.folder / path for path in kept_model_files(warehouse)}
    deleted = 0
    # Hidden folders are those that a run is still filling.
    for path in sorted(warehouse.models.glob("[!.]*/*.safetensors")):
        if path not in kept and time.time() - path.stat().st_mtime > _YOUNG_SECONDS:
            path.unlink(missing_ok=True)
            deleted += 1
    for folder in sorted(warehouse.models.glob("[!.]*"), reverse=True):
        _remove_if_empty(folder)
    return deleted


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
