"""Trained networks: what is known of them, and the files that hold them."""

from stockjax.registry.model import Model, Status
from stockjax.registry.purge import purge_models
from stockjax.registry.store import (
    Champions,
    load_challenger,
    load_champions,
    load_model,
    save_models,
    settle_challenger,
)

__all__ = [
    "Champions",
    "Model",
    "Status",
    "load_challenger",
    "load_champions",
    "load_model",
    "purge_models",
    "save_models",
    "settle_challenger",
]
