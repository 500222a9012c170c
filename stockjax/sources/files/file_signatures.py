"""Files that are no tables of prices, recognised by their first bytes."""

import re

_PACKED = "unpack it"
_TABLE = "save its table as CSV or Parquet"
_SIGNATURES = (
    (b"\xfd7zXZ\x00", "a file that xz has packed", _PACKED),
    (b"\x28\xb5\x2f\xfd", "a file that Zstandard has packed", _PACKED),
    (b"\x04\x22\x4d\x18", "a file that LZ4 has packed", _PACKED),
    (b"\x1f\x9d", "a file that compress has packed", _PACKED),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _PACKED),
    (b"Rar!\x1a", "a RAR archive", _PACKED),
    (b"%PDF-", "a PDF document", _TABLE),
    (b"\x89PNG", "a picture", "give a table of prices"),
    (b"\xff\xd8\xff", "a picture", "give a table of prices"),
    (b"GIF8", "a picture", "give a table of prices"),
    (b"\x89HDF\r\n", "an HDF5 file", _TABLE),
    (b"SQLite format 3\x00", "a database of SQLite", _TABLE),
    (b"ARROW1\x00", "a Feather file", _TABLE),
    (b"FEA1", "a Feather file", _TABLE),
    (b"Obj\x01", "an Avro file", _TABLE),
    (b"\x93NUMPY", "an array of NumPy", _TABLE),
    (b"MATLAB 5.0 MAT-file", "a file of MATLAB", _TABLE),
    (b"RDX", "a file of R", _TABLE),
    (b"X\n\x00\x00", "a file of R", _TABLE),
    *((bytes((0x80, protocol)), "a pickle, which could run code", _TABLE) for protocol in range(2, 6)),
)
_TAR, _TAR_AT = b"ustar", 257
_PAGE = re.compile(rb"\s*<(?:!doctype html|html|head|body|table|div|script|style|meta)\b", re.IGNORECASE)
_XML = re.compile(rb"\s*<\?xml\b", re.IGNORECASE)
_START = 2048


def what_else_it_is(content: bytes) -> str:
    """What a file is, if not a table, and what to do with it; empty if its first bytes tell nothing.

    Example
    -------
    >>> what_else_it_is(b"%PDF-1.7 ...")
    'it is a PDF document, not a table; save its table as CSV or Parquet'
    >>> what_else_it_is(b"Date,Close")
    ''

    """
    start = content[:_START].removeprefix(b"\xef\xbb\xbf")
    what, advice = next(
        ((what, advice) for signature, what, advice in _SIGNATURES if start.startswith(signature)), ("", "")
    )
    if start[_TAR_AT:].startswith(_TAR):
        what, advice = "a tar archive", _PACKED
    elif _PAGE.match(start) or (start.lstrip().startswith(b"<") and b"<html" in start.lower()):
        what, advice = "a web page", "download the table itself"
    elif _XML.match(start):
        what, advice = "an XML document", _TABLE
    return f"it is {what}, not a table; {advice}" if what else ""
