"""The steps of a nightly run, which the tasks of the flows call.

A run may be killed after any step and started again: every step asks the warehouse what is there
already and does only the rest.
"""

from stockjax.nightly.result import RunResult, run_result
from stockjax.nightly.run import Run, begin_run, close_run, plan_run
from stockjax.nightly.universe import Universe

__all__ = ["Run", "RunResult", "Universe", "begin_run", "close_run", "plan_run", "run_result"]
