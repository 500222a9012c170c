"""One session of the workflow, without input or output: what is due, training, promotion, forecasts.

Nights, caught-up sessions, backtests, the search and the audit all call `step`. They differ in the
`State` that they begin from and in named values of the `Policy`.
"""

from stockjax.engine.decisions import Decisions
from stockjax.engine.drift_monitors import Monitors, MonitorUpdate, update_monitors
from stockjax.engine.policy import Policy
from stockjax.engine.session_data import SessionData
from stockjax.engine.session_step import StepResult, step
from stockjax.engine.state import State
from stockjax.engine.training_step import train_in_threads, train_models

__all__ = [
    "Decisions",
    "MonitorUpdate",
    "Monitors",
    "Policy",
    "SessionData",
    "State",
    "StepResult",
    "step",
    "train_in_threads",
    "train_models",
    "update_monitors",
]
