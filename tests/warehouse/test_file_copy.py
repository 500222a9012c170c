import os
from pathlib import Path

import pytest

from stockjax.warehouse.file_copy import copy_file

CONTENT = bytes(range(256)) * 5_000


def refuse(*_: object) -> int:
    raise OSError(18, "Invalid cross-device link")


@pytest.mark.parametrize("call", ["as it is", "refused", "cut short", "missing"])
def test_a_copy_has_the_content_whatever_the_file_system_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(CONTENT)
    target.write_bytes(b"an older and longer one" * 100_000)
    if call == "refused":
        monkeypatch.setattr(os, "copy_file_range", refuse, raising=False)
    if call == "cut short":
        answers = iter([1_000, 0])

        def cut_short(read: int, written: int, count: int) -> int:
            copied = next(answers)
            os.write(written, os.read(read, copied))
            return copied

        monkeypatch.setattr(os, "copy_file_range", cut_short, raising=False)
    if call == "missing":
        monkeypatch.delattr(os, "copy_file_range", raising=False)
    copy_file(source, target)
    assert target.read_bytes() == CONTENT


def test_an_empty_file_is_copied(tmp_path: Path) -> None:
    (tmp_path / "source").touch()
    copy_file(tmp_path / "source", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b""
