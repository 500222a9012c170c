"""Deleting model files that are no longer needed."""

import time
from datetime import datetime, timedelta
from pathlib import Path

from stockjax.warehouse import Warehouse
from stockjax.warehouse.records import kept_model_files, purge_model_rows

# A run that is at work may have files on disk whose rows it has not written yet.
_YOUNG_SECONDS = 24 * 3600


def purge_models(warehouse: Warehouse, days: int, moment: datetime) -> int:
    """Delete the files of inactive models that are older than `days`; their rows stay.

    Rows are marked before files go: cut off in between, the next purge deletes the rest, and
    with it what killed runs have left. No file of a kept row is ever touched.

    Returns
    -------
    How many files were deleted.

    """
    purge_model_rows(warehouse, before=moment - timedelta(days=days), moment=moment)
    kept = {warehouse.folder / path for path in kept_model_files(warehouse)}
    gone = [
        path for path in sorted(warehouse.models.rglob("*.safetensors")) if path not in kept and _is_old(path)
    ]
    for path in gone:
        path.unlink(missing_ok=True)
    emptied = {path.parent for path in gone}
    for folder in sorted(warehouse.models.glob("*"), reverse=True):
        # A run may be about to fill a folder that is young and empty.
        if (folder in emptied or _is_old(folder)) and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    return len(gone)


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > _YOUNG_SECONDS
    except FileNotFoundError:
        # Another run has just put the folder that it had filled in its place.
        return False
