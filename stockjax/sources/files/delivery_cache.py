"""What a folder delivered, kept under a fingerprint of its files, of the settings and of the reader."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import date
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow
import pyarrow.parquet

from stockjax.errors import CalendarError, InvalidDataError, SourceError
from stockjax.sources.files.file_report import FileReport, FolderReport
from stockjax.sources.protocol import DELIVERED_COLUMNS, PRICE_COLUMNS, Delivery
from stockjax.sources.recorded import today

_KEPT = 4
"""Folders whose deliveries are kept, those that were used last."""
_METADATA = b"stockjax"
_ERRORS: dict[str, type[SourceError]] = {"CalendarError": CalendarError}
_BLOCK = 2**20
_NUMBERS = list(PRICE_COLUMNS[2:])


class DeliveryCache:
    """Deliveries of folders, as Parquet files.

    Parameters
    ----------
    folder
        Where they are; made when it is needed, and safe to delete.

    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, fingerprint: str) -> tuple[Delivery, FolderReport] | None:
        """What was delivered under a fingerprint; None if that is not known, or cannot be read."""
        path = self._path(fingerprint)
        try:
            table = pyarrow.parquet.read_table(path)
            said = json.loads(table.schema.metadata[_METADATA])
            path.touch()
            prices = table.to_pandas().astype({"ticker": str, "session": "datetime64[s]", "raw": object})
            return _delivery(prices, said), _report(said["report"])
        except (OSError, pyarrow.ArrowException, KeyError, TypeError, ValueError):
            # A damaged file is written again.
            return None

    def put(self, fingerprint: str, delivery: Delivery, report: FolderReport) -> None:
        """Keep a delivery, unless it has dates of the future, which will be judged otherwise later."""
        if (delivery.prices["session"] > today()).any():
            return
        said = {
            "failures": {name: [type(why).__name__, str(why)] for name, why in delivery.failures.items()},
            "remarks": delivery.remarks,
            "report": asdict(report),
        }
        table = pyarrow.Table.from_pandas(delivery.prices, preserve_index=False)
        table = table.replace_schema_metadata(
            {**(table.schema.metadata or {}), _METADATA: json.dumps(said, default=str).encode()}
        )
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._path(fingerprint)
            fresh = path.with_suffix(".new")
            # Prices rarely repeat: a dictionary of them is larger than they are.
            pyarrow.parquet.write_table(
                table, fresh, compression="zstd", use_dictionary=["ticker"], use_byte_stream_split=_NUMBERS
            )
            fresh.replace(path)
            for old in sorted(self._folder.glob("*.parquet"), key=lambda each: -each.stat().st_mtime)[_KEPT:]:
                old.unlink()
        except OSError:
            # A cache that cannot be written costs time and nothing else.
            return

    def _path(self, fingerprint: str) -> Path:
        return self._folder / f"{fingerprint}.parquet"


def fingerprint_of(files: Iterable[tuple[Path, str]], unread: Iterable[str], settings: str) -> str:
    """A fingerprint of files by name and content, of the settings they are read with, and of the reader."""
    digest = hashlib.sha256(f"{_reader()} {settings}".encode())
    for path, name in files:
        digest.update(json.dumps([name, _content(path)]).encode())
    digest.update(json.dumps(list(unread)).encode())
    return digest.hexdigest()


def _content(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as opened:
            while block := opened.read(_BLOCK):
                digest.update(block)
    except OSError as error:
        return str(error)
    return digest.hexdigest()


@cache
def _reader() -> str:
    """A fingerprint of the code and of the libraries that read files."""
    own = [path for path in sorted(Path(__file__).parent.iterdir()) if path.suffix in (".py", ".toml")]
    libraries = ("pandas", "pyarrow", "python-calamine", "charset-normalizer", "exchange-calendars")
    return " ".join([*map(_content, own), *map(version, libraries)])


def _delivery(prices: pd.DataFrame, said: dict[str, Any]) -> Delivery:
    failures = {
        name: _ERRORS.get(kind, InvalidDataError)(message)
        for name, (kind, message) in said["failures"].items()
    }
    return Delivery(prices[list(DELIVERED_COLUMNS)], failures, remarks=tuple(said["remarks"]))


def _report(said: dict[str, Any]) -> FolderReport:
    def day(text: str | None) -> date | None:
        return date.fromisoformat(text) if text else None

    def report(each: dict[str, Any]) -> FileReport:
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in each.items()
        }
        return FileReport(**(fields | {"first": day(each["first"]), "last": day(each["last"])}))

    files = tuple(map(report, said["files"]))
    return FolderReport(files, tuple(said["remarks"]), tuple(said["unread"]))
