"""Prices from files: a reader that recognises what vendors write, or refuses it by name."""

from stockjax.sources.files.folder import FilesSource
from stockjax.sources.files.price_file import Reading, read_price_file

__all__ = ["FilesSource", "Reading", "read_price_file"]
