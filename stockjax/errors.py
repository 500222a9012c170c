"""Every failure a user can meet, each one sentence that says what to do."""


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


class NotFound(SourceError):
    """The source does not know the ticker."""


class Malformed(SourceError):
    """The source answered with something that is not a price table."""


class WarehouseBusy(StockjaxError):
    """Another process held the warehouse for longer than we may wait."""


class WarehouseTooNew(StockjaxError):
    """The warehouse was written by a newer version of stockjax."""


class SnapshotMissing(StockjaxError):
    """No run has published a readable copy of the warehouse yet."""


class StatementRefused(UsageError):
    """A SQL statement was not a single read-only query."""


class StatementStopped(StockjaxError):
    """A SQL query failed, or ran past its limits."""


class ModelFileError(StockjaxError):
    """A model file is missing, damaged, or of another shape than its record says."""


class NothingToForecast(StockjaxError):
    """No ticker of the universe could be forecast."""
