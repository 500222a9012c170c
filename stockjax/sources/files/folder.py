"""A file or a folder of files as a source: what each holds, joined, and what could not be read by name."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from stockjax.errors import InvalidDataError, SourceError, UsageError
from stockjax.sources.files.bars import numbered_days, refuse_long_bars
from stockjax.sources.files.containers import SUFFIXES
from stockjax.sources.files.delivery_cache import DeliveryCache, fingerprint_of
from stockjax.sources.files.file_report import FileReport, FolderReport
from stockjax.sources.files.headings import NoPricesError
from stockjax.sources.files.overlaps import Part, merge
from stockjax.sources.files.price_file import Reading, read_tables
from stockjax.sources.protocol import DELIVERED_COLUMNS, Delivery, no_prices
from stockjax.sources.recorded import RecordedSource, today
from stockjax.wording import together

_MANY_USES = (".txt", ".dat", ".asc", ".prn", ".json", ".jsonl", ".ndjson")
"""Endings of files that may be about anything: without a price they are not read, rather than refused."""
_FAR = 366
_FEW, _LONG_BEFORE = 2, 20


@dataclass
class _Collected:
    parts: list[Part] = field(default_factory=list)
    reports: list[FileReport] = field(default_factory=list)
    failures: dict[str, SourceError] = field(default_factory=dict)


class FilesSource(RecordedSource):
    """A file, or every price file of a folder and those below; its "now" is the last date in them."""

    name = "files"

    def __init__(
        self, path: Path, reading: Reading | None = None, cache: DeliveryCache | None = None
    ) -> None:
        self.path = path
        self._reading = reading or Reading()
        self._cache = cache
        self.report = FolderReport()

    @property
    def where(self) -> str:
        """The path."""
        return f"'{self.path}'"

    def load(self) -> Delivery:
        """Read all files; one that cannot be read stops no other.

        Raises
        ------
        InvalidDataError
            None of them can be read.
        UsageError
            There is none.

        """
        delivery = self.deliver()
        if delivery.prices.empty:
            reasons = together(delivery.failures) or [f"{self.where} holds no prices; give another --path"]
            raise InvalidDataError("; ".join(reasons))
        return delivery

    def deliver(self) -> Delivery:
        """What the files hold, also where that is nothing, and why those that are refused are.

        Raises
        ------
        UsageError
            There is no file.

        """
        found, unread = price_files(self.path)
        if self._cache is None:
            return self._read(found, unread)
        fingerprint = fingerprint_of(found, unread, self._reading.settings)
        if known := self._cache.get(fingerprint):
            delivery, self.report = known
            return delivery
        delivery = self._read(found, unread)
        self._cache.put(fingerprint, delivery, self.report)
        return delivery

    def _read(self, found: Sequence[tuple[Path, str]], unread: list[str]) -> Delivery:
        collected = _Collected()
        for path, name in found:
            try:
                for table in read_tables(path, name, self._reading):
                    collected.parts += table.parts
                    collected.reports.append(table.report)
            except NoPricesError as error:
                if name.lower().endswith(_MANY_USES) and len(found) > 1:
                    unread.append(name)
                else:
                    collected.failures[name] = error
            except InvalidDataError as error:
                collected.failures[name] = error
        if not collected.parts:
            self.report = FolderReport(unread=tuple(unread))
            return Delivery(no_prices(), collected.failures)
        prices, remarks = _one_spelling(collected.parts)
        merged = merge(prices)
        refused = {**merged.refused, **refuse_long_bars(merged.prices)}
        kept = merged.prices
        if refused:
            kept = kept[~kept["ticker"].isin(list(refused))]
        kept, held = _held(kept)
        self.report = FolderReport(
            tuple(collected.reports), (*remarks, *merged.remarks, *held), tuple(unread)
        )
        rows = kept[list(DELIVERED_COLUMNS)].reset_index(drop=True)
        return Delivery(rows, {**collected.failures, **refused}, remarks=self._remarks())

    def _remarks(self) -> tuple[str, ...]:
        """What a run logs of the files: what holds for several, and what is guessed of one."""
        own = [f"{each.name}: {guess}" for each in self.report.files for guess in each.guesses]
        return (*self.report.remarks, *self.report.unread_text, *own)


def price_files(path: Path) -> tuple[list[tuple[Path, str]], list[str]]:
    """The files of a path that may hold prices, each with its name below the path, and the others' names.

    Raises
    ------
    UsageError
        The path does not exist, or holds no such file.

    """
    if not path.exists():
        raise UsageError(f"'{path}' does not exist; give --path a file or folder of prices")
    if path.is_file():
        return [(path, path.name)], []
    found: list[tuple[Path, str]] = []
    unread: list[str] = []
    for each in _walk(path):
        name = str(each.relative_to(path).as_posix())
        if path.name.lower().endswith(".parquet"):
            name = f"{path.name}/{name}"
        (found.append((each, name)) if name.lower().endswith(SUFFIXES) else unread.append(name))
    if not found:
        other = f" (it holds {unread[0]!r}, which is none)" if unread else ""
        raise UsageError(
            f"'{path}' holds no {', '.join(SUFFIXES[:6])} … file{other}; "
            "give --path a file or folder of prices"
        )
    return found, unread


def _walk(folder: Path) -> Iterator[Path]:
    """Files below a folder by their names, without hidden ones and links that lead out of it."""
    inside = folder.resolve()
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "_")))
        for name in sorted(names):
            path = Path(place) / name
            if name.startswith((".", "_")) or not path.is_file():
                continue
            if path.resolve().is_relative_to(inside):
                yield path


def _one_spelling(parts: Sequence[Part]) -> tuple[list[Part], list[str]]:
    """Tickers that differ in case alone are one: the one in capitals."""
    spelled: dict[str, set[str]] = {}
    for part in parts:
        for ticker in part.prices["ticker"].dropna().unique():
            spelled.setdefault(str(ticker).upper(), set()).add(str(ticker))
    renamed = {
        each: upper for upper, found in spelled.items() if len(found) > 1 for each in found if each != upper
    }
    if not renamed:
        return list(parts), []
    remarks = [f"'{old}' is read as '{new}'" for old, new in sorted(renamed.items())]
    return [
        Part(part.name, part.prices.assign(ticker=part.prices["ticker"].replace(renamed))) for part in parts
    ], remarks


def _held(prices: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Without the dates of one or two last rows of a history that come more than a year after the others."""
    names, ticker, day = numbered_days(prices[prices["session"] <= today()])
    far = np.flatnonzero((ticker[1:] == ticker[:-1]) & (np.diff(day).astype(int) > _FAR)) + 1
    before = far - np.searchsorted(ticker, ticker[far], side="left")
    left = np.searchsorted(ticker, ticker[far], side="right") - 1 - far
    far = far[(left < _FEW) & (before > _LONG_BEFORE)]
    if not len(far):
        return prices, []
    jumps = pd.Series(day[far].astype("datetime64[s]"), index=names[ticker[far]])
    first = jumps.groupby(level=0).min()
    limit = prices["ticker"].map(first)
    late = limit.notna() & (prices["session"] >= limit) & (prices["session"] <= today())
    held = prices.copy()
    written = prices.loc[late, "session"].dt.strftime("%Y-%m-%d")
    held.loc[late, "raw"] = '{"session": "' + written + '"}'
    held.loc[late, "session"] = pd.NaT
    return held, [
        f"{ticker}: the row of {day:%Y-%m-%d} is held, more than a year after the one before it"
        for ticker, day in first.items()
    ]
