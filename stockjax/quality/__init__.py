"""The gate between a source and the warehouse."""

from stockjax.quality.checks import CHECKS, QualityCheck
from stockjax.quality.gate import Checked, check

__all__ = ["CHECKS", "Checked", "QualityCheck", "check"]
