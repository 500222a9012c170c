"""Every failure that a user can see: one sentence that says what to do."""

from collections.abc import Mapping


class StockjaxError(Exception):
    """The work failed; the command ends with exit code 1."""

    exit_code = 1


class UsageError(StockjaxError):
    """The request was wrong; the command ends with exit code 2."""

    exit_code = 2


class ClusterError(StockjaxError):
    """The machines that were to train are out of reach, or have another release."""


class SettingsError(UsageError):
    """A setting has an unknown name or a value that is not allowed."""


class SourceError(StockjaxError):
    """A price source could not deliver."""

    worth_retrying = False


class UnknownTickerError(SourceError):
    """The source does not know the ticker."""


class InvalidDataError(SourceError):
    """The source answered with something that is not a price table."""


class HistoryMismatchError(SourceError):
    """The source gives a history that does not continue the stored one."""


class CalendarError(SourceError):
    """An exchange's calendar is not known, cannot be built, or ends before the session that is needed."""


class TruncatedResponseError(InvalidDataError):
    """The answer was cut off on its way, or is no data at all; the next one may be whole."""

    worth_retrying = True


class RateLimitedError(SourceError):
    """The vendor asked us to slow down, and the time set aside for waiting is spent."""

    worth_retrying = True


class SourceUnavailableError(SourceError):
    """The vendor failed, refused the connection or broke it off."""

    worth_retrying = True


class ConnectionFailedError(SourceUnavailableError):
    """There is no connection to the vendor at all."""


class SourceTimeoutError(SourceError):
    """The vendor did not answer in time."""

    worth_retrying = True


class WarehouseBusyError(StockjaxError):
    """Another process held the warehouse for longer than we may wait."""


class RunInProgressError(StockjaxError):
    """Another run of the same flow is at work on this warehouse."""


class WarehouseTooNewError(StockjaxError):
    """The warehouse was written by a newer version of stockjax."""


class WarehouseTooOldError(StockjaxError):
    """The warehouse lacks tables that this release reads; a run makes them."""


class WarehouseDamagedError(StockjaxError):
    """A file of the warehouse is gone, damaged, or of another moment than the others."""


class SnapshotMissingError(StockjaxError):
    """No run has published a readable copy of the warehouse yet."""


class QueryRejectedError(UsageError):
    """A SQL statement was not a single read-only query."""


class QueryFailedError(StockjaxError):
    """A SQL query failed, or ran past its limits."""


class RunFailedError(StockjaxError):
    """Too few tickers were forecast; `summary` says what became of the night."""

    def __init__(self, message: str, summary: Mapping[str, object]) -> None:
        super().__init__(message)
        self.summary = dict(summary)


class ModelFileError(StockjaxError):
    """A model file is missing, damaged, or of another shape than its record says."""


class NotReproducibleError(StockjaxError):
    """What a forecast was made from is not all on record, or not there any more."""


class NothingToForecastError(StockjaxError):
    """No ticker of the universe could be forecast."""


class NothingToTuneError(StockjaxError):
    """No ticker has history enough for a search over the past."""


class FeatureError(StockjaxError):
    """A feature of another package failed, has a wrong shape, or uses later sessions."""


class TrainingFailedError(StockjaxError):
    """Training ended without a usable network."""


class StudyCorruptError(StockjaxError):
    """The file of the searches is damaged, or of another release."""
