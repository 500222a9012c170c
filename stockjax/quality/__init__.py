"""The gate between a source and the warehouse."""

from stockjax.quality.gate import Checked, check

__all__ = ["Checked", "check"]
