"""One night, step by step: what the flow's tasks call, each step a sentence.

A night may be cut off after any step and begun again: every step asks the warehouse what is
there already and does only the rest.
"""

from stockjax.nightly.night import Night
from stockjax.nightly.result import Outcome
from stockjax.nightly.universe import Universe

__all__ = ["Night", "Outcome", "Universe"]
