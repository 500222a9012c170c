"""Every check of the gate by name: what it means, and what becomes of the row."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["reject", "flag", "repair"]
"""reject: kept out of `prices`. repair: stored repaired. flag: stored as delivered, and reported."""


@dataclass(frozen=True)
class QualityCheck:
    """One thing that can be wrong with a row.

    Attributes
    ----------
    name
        The reason that `quarantine` gives.
    severity
        What becomes of the row.
    meaning
        What is wrong, in one sentence.
    repair
        The repair, for checks that repair a row; None for the others.

    """

    name: str
    severity: Severity
    meaning: str
    repair: str | None = None


CHECKS = (
    QualityCheck("no_ticker", "reject", "The row names no ticker, or one without a known exchange."),
    QualityCheck("no_date", "reject", "The row has no date that can be read."),
    QualityCheck("missing_price", "reject", "Open, high, low, close or adjusted close is missing."),
    QualityCheck("not_finite", "reject", "A number is infinite."),
    QualityCheck("missing_action", "reject", "It is not known whether there was a dividend or a split."),
    QualityCheck("not_positive", "reject", "A price is zero or negative."),
    QualityCheck("negative_volume", "reject", "The volume is negative."),
    QualityCheck("high_below_low", "reject", "High is below low, and exchanging them does not help."),
    QualityCheck("close_outside_range", "reject", "The close is above the high or below the low."),
    QualityCheck(
        "open_outside_range", "reject", "The open is above the high or below the low by more than 5%."
    ),
    QualityCheck("not_a_session", "reject", "The ticker's exchange did not trade on that day."),
    QualityCheck("future_date", "reject", "The session lies after today's date in UTC."),
    QualityCheck("not_closed", "reject", "The session has not closed yet, so its bar is unfinished."),
    QualityCheck(
        "impossible_spike",
        "reject",
        "The price moved by a factor of 3 or more and came back within 15% on the next session, "
        "without a dividend or split: an error of unit or decimal point.",
    ),
    QualityCheck("duplicate", "reject", "A good row of that ticker and session came before it."),
    QualityCheck(
        "high_low_exchanged",
        "repair",
        "High is below low, and open and close lie between them.",
        "High and low are exchanged.",
    ),
    QualityCheck(
        "range_widened",
        "repair",
        "The open is above the high or below the low by at most 5%, and the close is not.",
        "The high is raised, or the low is lowered, to the open.",
    ),
    QualityCheck(
        "spike_and_reversal",
        "flag",
        "The log return is 0.25 or more in size and the next one takes it back to within a fifth, "
        "without a dividend or split.",
    ),
    QualityCheck(
        "unadjusted_split",
        "flag",
        "Close and adjusted close move by the same usual split ratio, and no split is on record.",
    ),
    QualityCheck(
        "adjusted_close_jump",
        "flag",
        "Without a dividend or split, the adjusted close has a log return of 0.35 or more in size, "
        "or jumps against the close by more than 20%.",
    ),
    QualityCheck("flat_run", "flag", "It is the tenth session in succession with exactly the same close."),
    QualityCheck(
        "zero_volume", "flag", "Nothing was traded, although the ticker's usual volume is not zero."
    ),
    QualityCheck(
        "missing_volume", "flag", "The volume is missing or unreadable, although the ticker usually has one."
    ),
    QualityCheck("missing_sessions", "flag", "The exchange traded between this row and the one before it."),
)
"""In order of weight: a row is rejected for the first of its faults."""

CONTINUITY_CHECKS = (
    QualityCheck(
        "another_history",
        "reject",
        "The ticker's daily returns are not those that are stored: the symbol is another "
        "company's now. Nothing of the delivery is stored until history.accept names the ticker.",
    ),
    QualityCheck(
        "shrunk_history",
        "reject",
        "The source no longer has most of what is stored of the ticker. Nothing of the delivery "
        "is stored until history.accept names the ticker.",
    ),
    QualityCheck(
        "other_units",
        "reject",
        "A part of a history that is adjusted otherwise than the stored rows before it. Deliver "
        "all of it, or the last 504 sessions at least.",
    ),
)
"""What is held against a ticker's whole delivery, not against a row."""

CHECK_BY_NAME = {check.name: check for check in CHECKS}
