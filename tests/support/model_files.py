"""Parameter files as tests want them."""

from pathlib import Path

import pandas as pd

from stockjax.registry.model_files import ModelStack, write_files
from stockjax.warehouse import Warehouse
from stockjax.warehouse.records import move_models
from tests.support.warehouse_rows import fetch


def own_file(warehouse: Warehouse, model_id: str) -> Path:
    """The file of a model, which is moved out of a file of several, as earlier releases kept it."""
    asked = "SELECT path, slice_sha256 FROM models WHERE model_id = ?"
    ((path, slice_sha256),) = fetch(warehouse, asked, model_id)
    if slice_sha256 is None:
        return warehouse.folder / path
    parameters = ModelStack(warehouse.folder / path).read(model_id, slice_sha256)
    folder = warehouse.models / f"own-{model_id}"
    written = write_files(folder, {model_id: parameters})[model_id]
    moved = folder / written.name
    row = (model_id, moved.relative_to(warehouse.folder).as_posix(), written.sha256, None)
    columns = ["model_id", "path", "sha256", "slice_sha256"]
    move_models(warehouse, pd.DataFrame([row], columns=columns).astype({"slice_sha256": "str"}))
    return moved
