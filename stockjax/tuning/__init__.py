"""The search for better settings of training, inside the past that a session knew.

Configurations are compared with the settings in force, day by day, on the same stretches of
the past; whatever wins is kept as a challenger and changes no forecast.
"""

from stockjax.tuning.decision import Verdict, judge, keep_winner
from stockjax.tuning.search import Progress, Search
from stockjax.tuning.search_spec import Problem, pose
from stockjax.tuning.study_storage import open_study
from stockjax.tuning.trials import Tried, all_tried, trials_table

__all__ = [
    "Problem",
    "Progress",
    "Search",
    "Tried",
    "Verdict",
    "all_tried",
    "judge",
    "keep_winner",
    "open_study",
    "pose",
    "trials_table",
]
