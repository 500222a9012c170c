"""Trained networks: what is known of them, and the files that hold them."""

from stockjax.registry.model import Model, Status
from stockjax.registry.model_store import (
    Champions,
    load_challenger,
    load_champions,
    load_model,
    record_comparison,
    save_models,
)
from stockjax.registry.purge import purge_models

__all__ = [
    "Champions",
    "Model",
    "Status",
    "load_challenger",
    "load_champions",
    "load_model",
    "purge_models",
    "record_comparison",
    "save_models",
]
