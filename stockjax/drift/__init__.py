"""Whether forecasts and inputs have left what they were trusted for: arrays in, arrays out.

Every observation of a monitor is first turned into bets: numbers of at least 0 whose mean, given
the past, is at most 1 while all is well. `detector` gathers them into evidence, and says from
how much on it is an alarm.
"""

from stockjax.drift.monitors import COVERAGE, INPUT, MONITORS, SCALE, Monitor
from stockjax.drift.streams import Observations, Steps, Streams, advance

__all__ = [
    "COVERAGE",
    "INPUT",
    "MONITORS",
    "SCALE",
    "Monitor",
    "Observations",
    "Steps",
    "Streams",
    "advance",
]
