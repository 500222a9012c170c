"""Files that are made to do harm, or that no table is: each is refused in one sentence, and soon."""

import gzip
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from stockjax.errors import StockjaxError
from stockjax.sources.files import FilesSource, containers

HEADINGS = "Date,Open,High,Low,Close,Volume\n"
ROW = "2013-03-01,1,2,0.5,1.5,100\n"
MEBIBYTE = 2**20
MOST_MEMORY = 512 * MEBIBYTE
PRICES = {name: [1.0] for name in ("open", "high", "low", "close")}


def packed_zeros(path: Path) -> None:
    """A zip of 300 MiB of zeros in a file of 300 KiB."""
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("AAPL.csv", "w", force_zip64=True) as member,
    ):
        for _ in range(300):
            member.write(b"0" * MEBIBYTE)


def gzipped_lines(path: Path) -> None:
    with gzip.open(path, "wb", compresslevel=1) as packed:
        for _ in range(300):
            packed.write(b"\n" * MEBIBYTE)


def endless_line(path: Path) -> None:
    """A line of 2 GiB; the file system stores none of its zeros."""
    with path.open("wb") as written:
        written.write(HEADINGS.encode())
        written.truncate(2048 * MEBIBYTE)


def large_json(path: Path) -> None:
    with path.open("wb") as written:
        written.write(b"[")
        written.truncate(300 * MEBIBYTE)


def many_rows(path: Path) -> None:
    """Ten million rows of text in a Parquet file of a few hundred KiB."""
    text = pd.Series(["2013-03-01" * 10] * 500_000)
    frame = pd.DataFrame(dict.fromkeys(("date", *PRICES), text))
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame)
    with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
        for _ in range(20):
            writer.write_table(table)


HEAVY: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "zip bomb": ("AAPL.zip", packed_zeros, "it unpacks to more than 256 MiB"),
    "gzip bomb": ("AAPL.csv.gz", gzipped_lines, "it unpacks to more than 256 MiB"),
    "endless line": ("AAPL.csv", endless_line, "it has a line of more than a mebibyte"),
    "large json": ("AAPL.json", large_json, "it has 300 MiB; split it"),
    "many rows": ("AAPL.parquet", many_rows, "it has 10,000,000 rows, more than fit into memory"),
}


def text(content: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(content, encoding="utf-8") and None


def member(name: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, HEADINGS + ROW)

    return write


def many_members(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(20_001):
            archive.writestr(f"{number}.csv", "")


def footer(at: int, value: bytes) -> Callable[[Path], None]:
    """A Parquet file whose last bytes say something else."""

    def write(path: Path) -> None:
        pd.DataFrame({"date": ["2013-03-01"], **PRICES}).to_parquet(path)
        content = bytearray(path.read_bytes())
        content[at : at + len(value)] = value
        path.write_bytes(content)

    return write


LIGHT: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "formulas": (
        "A.csv",
        text(HEADINGS + "2013-03-01,=1+1,=cmd|'/c calc'!A0,@SUM(1),-1+2,1\n" * 3),
        "'=1+1' in",
    ),
    "NUL bytes": ("A.csv", text(HEADINGS + "2013-03-01,1,\x002,0.5,1.5,100\n"), "it has NUL characters"),
    "nested json": ("A.json", text("[" * 100_000 + "]" * 100_000), "it is nested too deeply"),
    "endless number": ("A.json", text('{"a":' + "1" * 5_000_000 + "}"), "it is no JSON"),
    "open quotation": ("A.csv", text(HEADINGS + ROW * 1000 + '"' + ROW * 1000), "a quotation mark is opened"),
    "member outside": ("A.zip", member("../../A.csv"), "its member '../../A.csv' lies outside"),
    "member of the root": ("A.zip", member("/etc/A.csv"), "lies outside"),
    "empty archive": ("A.zip", lambda path: zipfile.ZipFile(path, "w").close(), "A.zip"),
    "many members": ("A.zip", many_members, "it holds 20001 files"),
    "lying footer": (
        "A.parquet",
        footer(-8, (10**9).to_bytes(4, "little")),
        "smaller than the size reported",
    ),
    "negative footer": ("A.parquet", footer(-8, b"\xff\xff\xff\xff"), "it is damaged"),
    "spoilt footer": ("A.parquet", footer(-500, b"\xff" * 480), "it is damaged"),
}


def sentence_about(path: Path) -> str:
    with pytest.raises(StockjaxError) as refusal:
        FilesSource(path).load()
    sentence = str(refusal.value)
    assert "\n" not in sentence
    assert len(sentence) < 500
    assert f"'{path.name}'" in sentence
    return sentence


@pytest.mark.parametrize(("name", "write", "why"), LIGHT.values(), ids=LIGHT)
def test_a_file_that_no_table_is_is_refused_in_one_sentence(
    tmp_path: Path, name: str, write: Callable[[Path], None], why: str
) -> None:
    write(tmp_path / name)
    assert why in sentence_about(tmp_path / name)


MEASURE = """
import json, resource, sys
from pathlib import Path
from stockjax.sources.files import FilesSource
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before = peak()
found = {}
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        found[path.name] = str(len(FilesSource(path).load().prices))
    except Exception as error:
        found[path.name] = str(error)
print(json.dumps([peak() - before, found]))
"""


def test_files_that_would_fill_the_memory_are_refused_before_they_do(tmp_path: Path) -> None:
    for name, write, _ in HEAVY.values():
        write(tmp_path / name)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, tmp_path], capture_output=True, text=True, check=True, timeout=120
    )
    memory, sentences = json.loads(done.stdout)
    for name, _, why in HEAVY.values():
        assert why in sentences[name]
    assert memory < MOST_MEMORY


def test_ten_thousand_columns_are_read(tmp_path: Path) -> None:
    cells = ",".join("1" * 10_000)
    names = ",".join(f"c{number}" for number in range(10_000))
    (tmp_path / "A.csv").write_text(f"{HEADINGS.strip()},{names}\n{ROW.strip()},{cells}\n" * 1)
    assert FilesSource(tmp_path / "A.csv").load().prices["close"].tolist() == [1.5]


def test_what_leads_out_of_a_folder_or_is_no_file_is_not_read(tmp_path: Path) -> None:
    folder = tmp_path / "prices"
    folder.mkdir()
    (folder / "A.csv").write_text(HEADINGS + ROW)
    (tmp_path / "B.csv").write_text(HEADINGS + ROW)
    (folder / "B.csv").symlink_to(tmp_path / "B.csv")
    os.mkfifo(folder / "C.csv")
    assert FilesSource(folder).load().prices["ticker"].unique().tolist() == ["A"]


def test_a_file_of_three_thousand_tickers_and_twenty_years_is_none_of_these() -> None:
    rows, columns = 3_000 * 20 * 252, 9
    assert rows * (columns + containers._TEXT) < containers._MOST_CELLS
