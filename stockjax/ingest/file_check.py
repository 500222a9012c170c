"""Files of prices, read and checked as a run would, without a warehouse."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from stockjax.errors import InvalidDataError, SourceError, UsageError
from stockjax.ingest.ingest_warnings import of_another_calendar
from stockjax.ingest.listings import calendar_faults, listings, with_usable_calendars
from stockjax.quality import Checked, check
from stockjax.settings import Settings
from stockjax.sources import PRICE_COLUMNS, no_prices
from stockjax.sources.files.file_report import FolderReport
from stockjax.sources.open import files_source

_SHOWN = 200
"""Characters of a row in a message."""


@dataclass(frozen=True)
class FileCheck:
    """What a run would read from files.

    Attributes
    ----------
    report
        What came of each file.
    accepted
        The rows that would be stored, columns `PRICE_COLUMNS`, by ticker and session.
    failures
        Why a file or a ticker is refused, by its name.
    noted
        For each check how many rows it would reject, repair or flag.
    warnings
        By ticker, what is odd about its rows.

    """

    report: FolderReport
    accepted: pd.DataFrame
    failures: Mapping[str, SourceError]
    noted: Mapping[str, int]
    warnings: Mapping[str, str]


def check_files(settings: Settings) -> FileCheck:
    """Read and check what the settings' path holds; files that cannot be read are among the failures.

    Raises
    ------
    UsageError
        The path does not exist, or holds no file of prices.

    """
    if settings.path is None:
        raise UsageError("there is no path to check; give a file or a folder of prices")
    source = files_source(settings, settings.path)
    delivery = source.deliver()
    last = source.last_session() if delivery.prices["session"].notna().any() else None
    listed = listings(sorted(delivery.prices["ticker"].dropna().unique()), settings, {})
    if last:
        listed = with_usable_calendars(listed, lambda each: each.last_session_on_or_before(last))
    faults = calendar_faults(listed)
    prices = delivery.prices[~delivery.prices["ticker"].isin(faults)].reset_index(drop=True)
    exchanges = {ticker: listing.exchange for ticker, listing in listed.items()}
    closed = (
        {each.code: each.last_session_on_or_before(last) for each in set(exchanges.values())} if last else {}
    )
    checked = check(prices, exchanges, closed, no_prices()[list(PRICE_COLUMNS)])
    accepted = checked.accepted[list(PRICE_COLUMNS)].sort_values(["ticker", "session"], ignore_index=True)
    return FileCheck(
        source.report,
        accepted,
        {**delivery.failures, **faults, **_wholly_refused(checked)},
        checked.summary,
        of_another_calendar(prices, checked.quarantined, listed),
    )


def _wholly_refused(checked: Checked) -> dict[str, SourceError]:
    """Why each ticker is refused that has rows, none of which would be stored."""
    rejected = checked.quarantined[checked.quarantined["severity"] == "reject"]
    rejected = rejected[~rejected["ticker"].isin(checked.accepted["ticker"].unique())]
    return {
        str(ticker): InvalidDataError(
            f"every row of '{ticker}' is refused, the first of them for {rows['reason'].iloc[0]}: "
            f"{rows['row'].iloc[0][:_SHOWN]}"
        )
        for ticker, rows in rejected.groupby("ticker", sort=True)
    }
