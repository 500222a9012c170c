"""Prices written in random forms are read as they were written, or refused; `make soak` draws more."""

import os
from pathlib import Path

import numpy as np
import pandas as pd

from stockjax.errors import StockjaxError
from stockjax.sources.files import FilesSource
from tests.support.price_file_writer import NUMBERS, Written, write_drawn

DRAWN = int(os.environ.get("DRAWN") or 100)
READ = 0.85
"""Share of the files that has to be read; the rest may be refused."""


def difference(written: Written, read: pd.DataFrame) -> str:
    """What is not as it was written; empty if all is."""
    keys = ["ticker", "session"]
    expected = written.rows.sort_values(keys, ignore_index=True)
    found = read.sort_values(keys, ignore_index=True)
    if len(found) != len(expected) or not (found[keys].astype(str) == expected[keys].astype(str)).all(
        axis=None
    ):
        return f"{len(found)} rows of {sorted(found['ticker'].unique())}, not {len(expected)}"
    wrong = [
        name
        for name in NUMBERS
        if not np.allclose(found[name].astype(float), expected[name].astype(float), rtol=1e-9, equal_nan=True)
    ]
    return f"other values of {', '.join(wrong)}" if wrong else ""


def test_files_of_random_forms_are_read_as_written_or_refused(
    sample_prices: pd.DataFrame, tmp_path: Path
) -> None:
    refused, different = [], []
    for seed in range(DRAWN):
        folder = tmp_path / str(seed)
        folder.mkdir()
        written = write_drawn(sample_prices, folder, seed)
        try:
            read = FilesSource(written.path).load().prices
        except StockjaxError as error:
            refused.append(f"{written.drawn}: {error}")
            continue
        if found := difference(written, read):
            different.append(f"{written.drawn}: {found}")
    assert different == []
    assert len(refused) <= (1 - READ) * DRAWN, refused
