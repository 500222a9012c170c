"""The gate between a source and the warehouse."""

from stockjax.quality.check import Checked, check
from stockjax.quality.row_checks import CHECKS, QualityCheck

__all__ = ["CHECKS", "Checked", "QualityCheck", "check"]
