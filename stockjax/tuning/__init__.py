"""The search for better settings of training, inside the past that a session knew.

Configurations are compared with the current settings, day by day, on the same stretches of
the past; whatever wins is kept as a challenger and changes no forecast.
"""

from stockjax.tuning.decision import SearchDecision, decide, keep_winner
from stockjax.tuning.search import Search, SearchProgress
from stockjax.tuning.search_spec import SearchSpec, build_search_spec
from stockjax.tuning.study_storage import open_study
from stockjax.tuning.trials import TrialResult, trial_results, trials_table

__all__ = [
    "Search",
    "SearchDecision",
    "SearchProgress",
    "SearchSpec",
    "TrialResult",
    "build_search_spec",
    "decide",
    "keep_winner",
    "open_study",
    "trial_results",
    "trials_table",
]
