"""The tables of a file, by its first bytes: text, gzip, bzip2, zip, spreadsheets, JSON and Parquet."""

import bz2
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd
import pyarrow
import pyarrow.parquet
import python_calamine

from stockjax.errors import InvalidDataError
from stockjax.sources.files.file_signatures import what_else_it_is
from stockjax.sources.files.json_tables import table_of_json
from stockjax.sources.files.known_formats import ticker_of_file
from stockjax.sources.files.text_cells import LONGEST_LINE as _LONGEST_LINE
from stockjax.sources.files.text_cells import read_text_cells, refuse_long_line

SUFFIXES = (
    ".csv", ".tsv", ".txt", ".asc", ".prn", ".dat", ".json", ".jsonl", ".ndjson", ".parquet", ".pq",
    ".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".gz", ".bz2", ".zip",
)  # fmt: skip
"""Endings of files that may hold prices."""

_UNPACKED = 256 * 1024 * 1024
"""Bytes that a packed file may have when it is unpacked."""
_LARGEST = 4 * _UNPACKED
"""Bytes that a text may have."""
_MOST_CELLS, _TEXT = 320_000_000, 7
"""Cells that a Parquet file may have: 3,000 tickers of 20 years fit. A text counts as so many more."""
_MOST_MEMBERS = 20_000
_GZIP, _ZIP, _PARQUET, _OLD_EXCEL = b"\x1f\x8b", b"PK\x03\x04", b"PAR1", b"\xd0\xcf\x11\xe0"
_PACKED = (_GZIP, b"BZh", _ZIP, _PARQUET, _OLD_EXCEL)
_BZIP2 = re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")
_SPREADSHEETS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")


@dataclass(frozen=True)
class Sheet:
    """A table of a file, its cells not yet understood.

    Attributes
    ----------
    name
        What messages call it.
    ticker
        The ticker that it is about where nothing in it says otherwise.
    cells
        Text or typed values, columns numbered from 0.
    headings
        For each column its headings from the top; None where they are among the cells.

    """

    name: str
    ticker: str
    cells: pd.DataFrame
    headings: tuple[tuple[str, ...], ...] | None = None


def sheets_of(path: Path, name: str) -> Iterator[Sheet]:
    """The tables of a file.

    Parameters
    ----------
    name
        What messages call the file.

    Raises
    ------
    InvalidDataError
        It is damaged, or unpacks to more than 256 MiB.

    """
    keys = _hive_keys(PurePosixPath(name))
    try:
        with path.open("rb") as opened:
            start = opened.read(8)
        if start.startswith(_PARQUET):
            yield _of_parquet(path, name, keys)
            return
        _refuse_large(path, start)
        yield from _of_bytes(path.read_bytes(), name, keys)
    # zipfile raises RuntimeError where a password is needed or a method of packing is not known.
    except (
        *(OSError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile, ValueError),
        pyarrow.ArrowException,
    ) as error:
        if isinstance(error, InvalidDataError):
            raise
        why = " ".join(str(error).split())[:200]
        raise InvalidDataError(
            f"it is damaged, or not what its name says ({why}); replace or remove it"
        ) from error


def _refuse_large(path: Path, start: bytes) -> None:
    """Refuse what would fill the memory before it is read."""
    size = path.stat().st_size
    in_memory = start.startswith((b"{", b"[", *_PACKED))
    if size > _UNPACKED // 4 and not in_memory:
        with path.open("rb") as opened:
            while block := opened.read(_LONGEST_LINE):
                refuse_long_line(block)
    if size > (_UNPACKED if in_memory else _LARGEST):
        raise InvalidDataError(f"it has {size / 2**20:,.0f} MiB; split it by ticker or year")


def _of_bytes(content: bytes, name: str, keys: Mapping[str, str]) -> Iterator[Sheet]:
    ticker = keys.get("ticker") or keys.get("symbol") or ticker_of_file(_stem(name))
    if content.startswith(_GZIP):
        yield from _of_bytes(
            _unpacked(gzip.GzipFile(fileobj=io.BytesIO(content))), name.removesuffix(".gz"), keys
        )
    elif _BZIP2.match(content):
        unpacked = _unpacked(bz2.BZ2File(io.BytesIO(content)))
        yield from _of_bytes(unpacked, name.removesuffix(".bz2"), keys)
    elif content.startswith((_ZIP, _OLD_EXCEL)) and (
        name.lower().endswith(_SPREADSHEETS) or content.startswith(_OLD_EXCEL) or _is_spreadsheet(content)
    ):
        yield from _of_spreadsheet(content, name, ticker)
    elif content.startswith(_ZIP):
        yield from _of_zip(content, name)
    elif content.startswith(_PARQUET):
        yield _of_parquet(io.BytesIO(content), name, keys)
    elif content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        found = table_of_json(content)
        yield Sheet(name, found.ticker or ticker, found.cells, found.headings)
    elif other := what_else_it_is(content):
        raise InvalidDataError(other)
    else:
        yield Sheet(name, ticker, read_text_cells(content))


def _unpacked(stream: Any) -> bytes:
    content = bytearray()
    while block := stream.read(_LONGEST_LINE):
        content += block
        if len(content) > _UNPACKED:
            raise InvalidDataError("it unpacks to more than 256 MiB; unpack it, and check what it holds")
    return bytes(content)


def _of_zip(content: bytes, name: str) -> Iterator[Sheet]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        for member in members:
            if member.filename.startswith("/") or ".." in PurePosixPath(member.filename).parts:
                raise InvalidDataError(f"its member '{member.filename}' lies outside; unpack it elsewhere")
        members = [member for member in members if not _is_hidden(member.filename)]
        if not members:
            raise InvalidDataError("it holds no file; fill or remove it")
        if len(members) > _MOST_MEMBERS:
            raise InvalidDataError(f"it holds {len(members)} files; unpack it")
        read = 0
        for member in members:
            with archive.open(member) as stream:
                unpacked = _unpacked(stream)
            read += len(unpacked)
            if read > 4 * _UNPACKED:
                raise InvalidDataError("it unpacks to more than 1 GiB; unpack it, and check what it holds")
            if unpacked.startswith(_ZIP) and not _is_spreadsheet(unpacked):
                raise InvalidDataError(f"it holds another archive, '{member.filename}'; unpack it")
            # One member is what the archive is named after; of several each is named by itself.
            inner = member.filename if len(members) > 1 else PurePosixPath(name).name
            for sheet in _of_bytes(unpacked, inner, {}):
                yield Sheet(f"{name}/{member.filename}", sheet.ticker, sheet.cells, sheet.headings)


def _is_spreadsheet(content: bytes) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return False
    return "[Content_Types].xml" in names or "content.xml" in names


def _of_spreadsheet(content: bytes, name: str, ticker: str) -> Iterator[Sheet]:
    if content.startswith(_ZIP):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(member.file_size for member in archive.infolist()) > _UNPACKED:
                raise InvalidDataError("it unpacks to more than 256 MiB; save it as CSV")
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        tables = {title: book.get_sheet_by_name(title).to_python() for title in book.sheet_names}
    except python_calamine.CalamineError as error:
        raise InvalidDataError(f"it is no readable spreadsheet ({error}); save it again") from error
    filled = {
        title: table
        for title, table in tables.items()
        if any(any(cell != "" for cell in row) for row in table)
    }
    if not filled:
        raise InvalidDataError("it has no cell with a value; fill or remove it")
    for title, table in filled.items():
        cells = pd.DataFrame([[_as_text(cell) for cell in row] for row in table]).fillna("")
        one = len(filled) == 1
        yield Sheet(name if one else f"{name}/{title}", ticker if one else ticker_of_file(title), cells)


def _as_text(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def _of_parquet(source: Any, name: str, keys: Mapping[str, str]) -> Sheet:
    opened = pyarrow.parquet.ParquetFile(source)
    texts = sum(not pyarrow.types.is_primitive(column.type) for column in opened.schema_arrow)
    rows = opened.metadata.num_rows
    if rows * (len(opened.schema_arrow) + _TEXT * texts) > _MOST_CELLS:
        raise InvalidDataError(f"it has {rows:,} rows, more than fit into memory; split it by ticker or year")
    # Each column of the first table goes as soon as it is in the second: there is no room for both.
    frame = opened.read().to_pandas(split_blocks=True, self_destruct=True)
    index = frame.index
    if not (isinstance(index, pd.RangeIndex) and index.name is None):
        # Levels of the index are columns; one without a name that only counts rows is none.
        for place in range(index.nlevels):
            values = index.get_level_values(place)
            counts = values.name is None and pd.api.types.is_integer_dtype(values.dtype)
            if not counts:
                heading = ("", *[""] * (frame.columns.nlevels - 1)) if values.name is None else values.name
                frame.insert(min(place, frame.shape[1]), heading, values, allow_duplicates=True)
    headings = [
        tuple(map(str, levels)) if isinstance(levels, tuple) else (str(levels),) for levels in frame.columns
    ]
    if frame.columns.nlevels > 1:
        headings = [levels if len(levels) > 1 else (*levels, "") for levels in headings]
    cells = frame.reset_index(drop=True).set_axis(range(frame.shape[1]), axis="columns")
    for key, value in keys.items():
        if key.lower() not in {level.lower() for levels in headings for level in levels}:
            cells[cells.shape[1]] = value
            headings.append((key, *[""] * (len(headings[0]) - 1)))
    for place in cells:
        if isinstance(cells[place].dtype, pd.CategoricalDtype):
            cells[place] = cells[place].astype(object)
    return Sheet(name, ticker_of_file(_stem(name)), cells, tuple(headings))


def _hive_keys(path: PurePosixPath) -> dict[str, str]:
    """Keys and values of folders such as `ticker=AAPL`, as Hive and Spark write them."""
    pairs = (part.partition("=") for part in path.parts[:-1])
    return {key: value for key, sign, value in pairs if sign and key}


def _stem(name: str) -> str:
    """The name of a file without its folders and endings; of a part of a folder of Parquet the folder's."""
    path = PurePosixPath(name)
    if path.name.lower().startswith("part-") and path.parent.name.lower().endswith(".parquet"):
        path = path.parent
    stem = path.name
    while (suffix := PurePosixPath(stem).suffix.lower()) in SUFFIXES:
        stem = stem[: -len(suffix)]
    return stem or path.name


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "_")) for part in PurePosixPath(name).parts)
