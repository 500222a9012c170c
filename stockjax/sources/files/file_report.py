"""What came of a file: what it was recognised as, what it holds, and what of it is not used."""

from dataclasses import dataclass
from datetime import date

from stockjax.wording import names_text


@dataclass(frozen=True)
class FileReport:
    """What was read from one table of a file.

    Attributes
    ----------
    name
        The file, below the folder that was read.
    format
        The known format, or how a table without one was read.
    tickers
        The tickers with rows.
    rows
        Rows that were read, with those that a check may still reject.
    first, last
        The first and the last session; None where no row has a date.
    adjustment
        Where its adjusted closes come from.
    remarks
        How it was read, and what was not used, one phrase each.
    guesses
        Those of them that a run has to say aloud.

    """

    name: str
    format: str
    tickers: tuple[str, ...]
    rows: int
    first: date | None
    last: date | None
    adjustment: str
    remarks: tuple[str, ...] = ()
    guesses: tuple[str, ...] = ()


@dataclass(frozen=True)
class FolderReport:
    """What came of a folder.

    Attributes
    ----------
    files
        What was read from each file.
    remarks
        What holds for several files: rows that differ, tickers in two spellings, rows that were held.
    unread
        Files that are no price files by their ending, below the folder.

    """

    files: tuple[FileReport, ...] = ()
    remarks: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def unread_text(self) -> tuple[str, ...]:
        """A sentence on the files that were not read, if there are any."""
        named = f"not read, for their names end otherwise: {names_text(self.unread)}"
        return (named,) if self.unread else ()
