"""Where the pages are, and how each is written as a whole.

`reports/<session>/` has a session's pages, the series that they load and the chart library, so that
a folder can be copied or sent as it is. The library is the same file in all of them, by a hard link.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path

import plotly
from filelock import FileLock
from plotly.offline.offline import get_plotlyjs

from stockjax.warehouse import Warehouse

PAGE = "index.html"
SEARCH_PAGE = "tuning.html"
"""Pages in a session's folder: the night's, and that of a search as of it."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_SERIES = "series-"


def report_folder(warehouse: Warehouse, as_of: date) -> Path:
    """The folder of a session's pages, made if it is not there."""
    folder = warehouse.reports / as_of.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def chart_library(warehouse: Warehouse, as_of: date) -> str:
    """The name of the chart library, which is in the folder of a session's pages."""
    name = f"plotly-{plotly.__version__}.min.js"
    shared, own = warehouse.reports / name, report_folder(warehouse, as_of) / name
    with FileLock(warehouse.reports / ".lock"):
        if not shared.exists():
            write_whole(shared, get_plotlyjs())
        if not own.exists():
            try:
                os.link(shared, own)
            except OSError:  # a file system without links
                write_whole(own, shared.read_text(encoding="utf-8"))
    return name


def publish(warehouse: Warehouse, as_of: date, series: Iterable[str], render: Callable[[str], str]) -> Path:
    """Put a night's page and its series in place, so that a reader never sees halves of two reports.

    The series come first, in a folder that is named after what is in it; then the page that names
    it, in one step; then those of the page before go.

    Parameters
    ----------
    series
        The texts of its files, which are named 0.js, 1.js and so on.
    render
        Makes the page's text from the name of that folder.

    """
    folder = report_folder(warehouse, as_of)
    files = [text.encode() for text in series]
    digest = hashlib.sha256(b"".join(files)).hexdigest()
    name = f"{_SERIES}{digest[:12]}"
    with FileLock(warehouse.reports / ".lock"):
        if not (folder / name).exists():
            unfinished = folder / f".{name}.unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            for number, content in enumerate(files):
                (unfinished / f"{number}.js").write_bytes(content)
            unfinished.rename(folder / name)
        write_whole(folder / PAGE, render(name))
        for old in folder.iterdir():
            if old.is_dir() and old.name.lstrip(".").startswith(_SERIES) and old.name != name:
                shutil.rmtree(old)
    return folder / PAGE


def purge_reports(warehouse: Warehouse, before: date) -> int:
    """Delete the reports of sessions before a date; returns how many. Each can be written again."""
    if not warehouse.reports.is_dir():
        return 0
    old = [
        folder
        for folder in warehouse.reports.iterdir()
        if _DAY.fullmatch(folder.name) and folder.name < before.isoformat()
    ]
    for folder in old:
        shutil.rmtree(folder)
    return len(old)


def write_whole(path: Path, text: str) -> None:
    """Put a page in place in one step."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
