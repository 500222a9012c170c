"""`stockjax show`."""

from pathlib import Path

import pytest

from stockjax.warehouse import Warehouse
from tests.cli.test_main import ended, one_sentence
from tests.support.report_rows import fill


def test_a_ticker_is_shown_or_drawn_into_a_file(
    warehouse: Warehouse, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(warehouse, ("AAPL",), replayed=3)
    place = ["--warehouse", str(warehouse.folder)]
    assert ended(["show", "AAPL", *place]) == 0
    assert "The last forecasts of lstm and what happened" in capsys.readouterr().out
    picture = tmp_path / "aapl.png"
    assert ended(["show", "AAPL", "--picture", str(picture), *place]) == 0
    assert capsys.readouterr().out.replace("\n", "") == str(picture)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_picture_that_cannot_be_written_is_wrong_usage(
    warehouse: Warehouse, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(warehouse, ("AAPL",), replayed=0)
    asked = ["show", "AAPL", "--picture", str(tmp_path / "no" / "folder.png")]
    assert ended([*asked, "--warehouse", str(warehouse.folder)]) == 2
    assert "name another file" in one_sentence(capsys)
