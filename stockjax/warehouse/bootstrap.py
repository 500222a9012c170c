"""The draws of the bootstrap over days, for what is not in the database."""

from functools import lru_cache

import duckdb
import numpy as np
import numpy.typing as npt

from stockjax.warehouse.migrations import view_script
from stockjax.warehouse.statements import statement


@lru_cache(maxsize=8)
def drawn_days(count: int) -> npt.NDArray[np.int64]:
    """Which of `count` days each draw has, 0 for the newest: (1000, count), as the leaderboard draws them."""
    with duckdb.connect() as connection:
        connection.execute(view_script("bootstrap"))
        found = connection.execute(statement("drawn_days"), {"days": count}).fetchnumpy()
    return np.asarray(found["day"], dtype=np.int64).reshape(-1, count)
