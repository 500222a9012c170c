"""Price files as users have them: each is read as it says, or refused in the sentence that is expected.

The files are the sample's prices in the formats of vendors, tools and people; `index.tsv` says which rows and
which message are expected of each.
"""

import csv
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stockjax.errors import StockjaxError
from stockjax.sessions import exchange
from stockjax.sources.files import FilesSource, Reading

FILES = Path(__file__).parent / "field_files"
ROUNDED = 2e-3
"""Files round closes of some ten dollars to cents, and volumes to tens of thousands."""


@dataclass(frozen=True)
class Case:
    """A line of `index.tsv`: what is saved as what, how it is read, and what is expected.

    A file that names no ticker is one of the ticker that it is called, `ticker` in the table.
    """

    case: str
    saved_as: str
    name: str
    path: str
    exchange: str
    outcome: str
    message: str
    differs: str
    ticker: str


def cases() -> list[Case]:
    """All lines of `index.tsv`."""
    with (FILES / "index.tsv").open(encoding="utf-8", newline="") as lines:
        return [Case(**row) for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)]


def source_of(case: Case, folder: Path) -> FilesSource:
    """The source of a case, its files under the names that they had."""
    saved = FILES / case.saved_as
    if case.name:
        shutil.copyfile(saved, folder / case.name)
    else:
        with tarfile.open(saved) as archive:
            archive.extractall(folder, filter="data")
    calendar = exchange(case.exchange)
    return FilesSource(folder / case.path, Reading(lambda ticker: calendar))


def differing(case: Case, read: pd.DataFrame) -> str:
    """What differs from the expected rows, in the words of `index.tsv`; empty if nothing does."""
    expected = pd.read_csv(
        FILES / f"{case.case}.expected.csv.gz", dtype={"ticker": str}, parse_dates=["session"]
    )
    if case.ticker:
        expected["ticker"] = case.ticker
    bars = read.dropna(subset=["ticker", "session", "open", "high", "low", "close"])
    bars = bars.drop_duplicates(["ticker", "session"])
    both = expected.merge(bars, "outer", ["ticker", "session"], suffixes=("_expected", ""), indicator=True)
    places = both["_merge"].value_counts()
    found = [f"{places['left_only']} row"] if places["left_only"] else []
    found += [f"{places['right_only']} more rows"] if places["right_only"] else []
    both = both[both["_merge"] == "both"]
    if not np.allclose(both["close"], both["close_expected"], rtol=ROUNDED):
        found.append("close")
    ratios = (both["adj_close"] / both["adj_close_expected"]).groupby(both["ticker"])
    if (ratios.max() / ratios.min() - 1 > 2 * ROUNDED).any():
        found.append("adj_close")
    known = both[both["volume_expected"].notna()]
    if not np.allclose(known["volume"], known["volume_expected"], rtol=ROUNDED):
        found.append("volume")
    return " ".join(found)


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.case)
def test_a_file_of_the_field_is_read_right_or_refused_by_name(case: Case, tmp_path: Path) -> None:
    source = source_of(case, tmp_path)
    if case.outcome == "refused":
        with pytest.raises(StockjaxError) as refusal:
            source.load()
        assert str(refusal.value) == case.message
        return
    delivery = source.load()
    assert differing(case, delivery.prices) == case.differs
    files = [remark for report in source.report.files for remark in report.remarks]
    if case.outcome == "message":
        assert case.message in (*files, *delivery.remarks)


def test_most_of_them_are_read_right() -> None:
    outcomes = [case.outcome for case in cases()]
    assert len(outcomes) == 161
    assert outcomes.count("right") >= 148
