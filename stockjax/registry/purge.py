"""Deleting model files that are no longer needed."""

import time
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from stockjax.errors import ModelFileError
from stockjax.registry.model_files import OpenStacks, write_files
from stockjax.warehouse import Warehouse
from stockjax.warehouse.records import (
    half_purged_files,
    kept_model_files,
    move_models,
    purge_model_rows,
)

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
    _move_out_of_half_purged_files(warehouse, moment)
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


def _move_out_of_half_purged_files(warehouse: Warehouse, moment: datetime) -> None:
    """Give models that are kept a file of their own, so that the files of those that are not can go.

    Their rows point at the old files until the new one is whole.
    """
    stacks = OpenStacks(warehouse.folder)
    kept: dict[str, dict[str, Any]] = {}
    for row in half_purged_files(warehouse):
        if not _is_old(warehouse.folder / row["path"]):
            continue
        # A model that cannot be read stays where it is, and is named when it is asked for.
        with suppress(ModelFileError):
            kept[row["model_id"]] = stacks.read(row["path"], row["model_id"], row["slice_sha256"])
    if not kept:
        return
    folder = warehouse.models / f"kept-{moment:%Y%m%dT%H%M%S}"
    written = write_files(folder, kept)
    relative = folder.relative_to(warehouse.folder)
    rows = [
        (name, (relative / each.name).as_posix(), each.sha256, each.slice_sha256)
        for name, each in written.items()
    ]
    columns = ["model_id", "path", "sha256", "slice_sha256"]
    move_models(warehouse, pd.DataFrame(rows, columns=columns).astype({"slice_sha256": "str"}))


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > _YOUNG_SECONDS
    except FileNotFoundError:
        # Another run has just put the folder that it had filled in its place.
        return False
