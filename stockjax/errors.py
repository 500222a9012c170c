"""Every failure a user can meet, each one sentence that says what to do."""

from collections.abc import Mapping


class StockjaxError(Exception):
    """The work failed; the command ends with exit code 1."""

    exit_code = 1


class UsageError(StockjaxError):
    """The request was wrong; the command ends with exit code 2."""

    exit_code = 2


class SettingsError(UsageError):
    """A setting has an unknown name or a value that is not allowed."""


class SourceError(StockjaxError):
    """A price source could not deliver."""

    worth_retrying = False


class NotFound(SourceError):
    """The source does not know the ticker."""


class Malformed(SourceError):
    """The source answered with something that is not a price table."""


class HistoryRefused(SourceError):
    """The source gives a history that does not continue the stored one."""


class Garbled(Malformed):
    """The answer was cut off on its way, or is no data at all; the next one may be whole."""

    worth_retrying = True


class RateLimited(SourceError):
    """The vendor asked us to slow down, and the time set aside for waiting is spent."""

    worth_retrying = True


class VendorDown(SourceError):
    """The vendor failed, refused the connection or broke it off."""

    worth_retrying = True


class Unreachable(VendorDown):
    """There is no connection to the vendor at all."""


class Timeout(SourceError):
    """The vendor did not answer in time."""

    worth_retrying = True


class WarehouseBusy(StockjaxError):
    """Another process held the warehouse for longer than we may wait."""


class AnotherRun(StockjaxError):
    """Another run of the same flow is at work on this warehouse."""


class WarehouseTooNew(StockjaxError):
    """The warehouse was written by a newer version of stockjax."""


class WarehouseTooOld(StockjaxError):
    """The warehouse lacks tables that this release reads; a run makes them."""


class SnapshotMissing(StockjaxError):
    """No run has published a readable copy of the warehouse yet."""


class StatementRefused(UsageError):
    """A SQL statement was not a single read-only query."""


class StatementStopped(StockjaxError):
    """A SQL query failed, or ran past its limits."""


class NightFailed(StockjaxError):
    """Too few tickers were forecast; `summary` says what became of the night."""

    def __init__(self, message: str, summary: Mapping[str, object]) -> None:
        super().__init__(message)
        self.summary = dict(summary)


class ModelFileError(StockjaxError):
    """A model file is missing, damaged, or of another shape than its record says."""


class NotReproducible(StockjaxError):
    """What a forecast was made from is not all on record, or not there any more."""


class NothingToForecast(StockjaxError):
    """No ticker of the universe could be forecast."""


class NothingToTune(StockjaxError):
    """No ticker has history enough for a search over the past."""


class TrainingFailed(StockjaxError):
    """Training ended without a usable network."""


class SearchUnreadable(StockjaxError):
    """The file of the searches is damaged, or of another release."""
