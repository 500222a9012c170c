"""What came of fetching prices, and how a part of it adds up."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pandas as pd

from stockjax.errors import SourceError
from stockjax.ingest.listings import Listing
from stockjax.warehouse.prices import Stored


@dataclass(frozen=True)
class Ingested:
    """What came of fetching.

    Attributes
    ----------
    listings
        The exchange of every ticker, as it is known after the vendor has spoken.
    failures
        Why, for every ticker (or file) without a delivery or with one that was refused.
    skipped
        Tickers that were up to date before.
    read, stored, rejected
        Rows delivered, new in `prices`, and kept out of it.
    restated, checks
        Rows replaced, by reason; rows noted in `quarantine`, by check.
    zones
        Time zones of tickers that no calendar is known for.
    warnings
        By ticker, what is odd about prices that were stored; by source, why announcements are missing.
    notices
        Notices of announcements that were written.

    """

    listings: Mapping[str, Listing]
    failures: Mapping[str, Exception] = field(default_factory=dict)
    skipped: int = 0
    read: int = 0
    stored: int = 0
    rejected: int = 0
    restated: Mapping[str, int] = field(default_factory=dict)
    checks: Mapping[str, int] = field(default_factory=dict)
    zones: Mapping[str, str] = field(default_factory=dict)
    warnings: Mapping[str, str] = field(default_factory=dict)
    notices: int = 0

    @property
    def unchanged(self) -> int:
        """Rows delivered that were stored already, as they are."""
        return self.read - self.stored - self.rejected

    def summary(self) -> dict[str, object]:
        """The figures for the run's row."""
        return {
            "up_to_date": self.skipped,
            "rows_read": self.read,
            "rows_stored": self.stored,
            "rows_unchanged": self.unchanged,
            "rows_rejected": self.rejected,
            "restated": dict(self.restated),
            "checks": dict(self.checks),
            "notices": self.notices,
        }


def with_part(
    done: Ingested,
    read: int,
    stored: Stored,
    quarantined: pd.DataFrame,
    failures: Mapping[str, SourceError],
) -> Ingested:
    """What came of fetching so far, with the rows read of a delivery and what was stored of them."""
    noted = Counter(quarantined["reason"])
    return replace(
        done,
        failures={**done.failures, **failures},
        read=done.read + read,
        stored=done.stored + stored.new,
        rejected=done.rejected + int((quarantined["severity"] == "reject").sum()),
        restated=dict(Counter(done.restated) + Counter(stored.restated)),
        checks=dict(sorted((Counter(done.checks) + noted).items())),
    )
