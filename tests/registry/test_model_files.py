import hashlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stockjax.errors import ModelFileError
from stockjax.registry import model_files
from stockjax.registry.model_files import ModelStack, WrittenModel, read_file, write_files
from tests.support.synthetic import assert_same_bits, random_parameters


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, str, dict[str, Any]]:
    parameters = random_parameters(3)
    written = write_files(tmp_path / "models" / "batch", {"one": parameters})["one"]
    assert written.slice_sha256 is None
    return tmp_path / "models" / "batch" / written.name, written.sha256, parameters


def test_parameters_come_back_bit_for_bit(written: tuple[Path, str, dict[str, Any]]) -> None:
    path, sha256, parameters = written
    assert_same_bits(read_file(path, sha256), parameters)


def test_odd_numbers_come_back_too(tmp_path: Path) -> None:
    odd = np.array([np.nan, np.inf, -np.inf, -0.0, 1e-45, 3.4e38], dtype=np.float32)
    # A view with strides: what is written is its values, not its memory.
    tree = {"a": {"b": {"c": odd}, "strided": np.arange(12, dtype=np.float32).reshape(3, 4).T}}
    hashes = write_files(tmp_path / "batch", {"m": tree})
    found = read_file(tmp_path / "batch" / "m.safetensors", hashes["m"].sha256)
    assert found["a"]["b"]["c"].tobytes() == odd.tobytes()
    np.testing.assert_array_equal(found["a"]["strided"], tree["a"]["strided"])


def test_the_hash_is_that_of_the_file(written: tuple[Path, str, dict[str, Any]]) -> None:
    path, sha256, _ = written
    assert sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_same_parameters_make_the_same_file(tmp_path: Path) -> None:
    one, other = (write_files(tmp_path / name, {"m": random_parameters(1)}) for name in ("a", "b"))
    assert one == other
    assert write_files(tmp_path / "c", {"m": random_parameters(2)}) != one


@pytest.mark.parametrize("place", [0, 8, 400, -1])
def test_a_flipped_bit_is_noticed(written: tuple[Path, str, dict[str, Any]], place: int) -> None:
    path, sha256, _ = written
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=r"'one\.safetensors' is damaged"):
        read_file(path, sha256)


@pytest.mark.parametrize("kept", [0, 7, 100, -1])
def test_a_truncated_file_is_noticed(written: tuple[Path, str, dict[str, Any]], kept: int) -> None:
    path, sha256, _ = written
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ModelFileError, match="damaged"):
        read_file(path, sha256)


def test_a_missing_file_is_named(written: tuple[Path, str, dict[str, Any]]) -> None:
    path, sha256, _ = written
    path.unlink()
    with pytest.raises(ModelFileError, match=r"'one\.safetensors' cannot be read"):
        read_file(path, sha256)


@pytest.mark.parametrize("content", [b"", b"not a model", b"\xff" * 64])
def test_what_is_no_safetensors_file_is_refused_even_with_the_right_hash(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="no safetensors file"):
        read_file(path, hashlib.sha256(content).hexdigest())


def test_a_batch_that_is_cut_off_is_never_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "models" / "batch"

    def power_cut() -> None:
        assert not folder.exists()
        raise KeyboardInterrupt

    monkeypatch.setattr(model_files.os, "sync", power_cut)
    with pytest.raises(KeyboardInterrupt):
        write_files(folder, {"m": random_parameters(1)})
    assert not folder.exists()
    assert list(folder.parent.glob("[!.]*")) == []
    monkeypatch.undo()
    hashes = write_files(folder, {"other": random_parameters(2)})
    assert [path.name for path in folder.parent.iterdir()] == ["batch"]
    assert [path.name for path in folder.iterdir()] == ["other.safetensors"]
    assert_same_bits(read_file(folder / "other.safetensors", hashes["other"].sha256), random_parameters(2))


@pytest.fixture
def stack(tmp_path: Path) -> tuple[Path, dict[str, WrittenModel]]:
    """Three tickers, and a base that has an array more."""
    models = {name: random_parameters(seed) for seed, name in enumerate("ABC")}
    base = {**random_parameters(9), "holdout": np.ones((2, 2), np.float32)}
    written = write_files(tmp_path / "batch", {**models, "base": base})
    return tmp_path / "batch", written


def test_models_of_one_structure_share_a_file(stack: tuple[Path, dict[str, WrittenModel]]) -> None:
    folder, written = stack
    assert sorted(path.name for path in folder.iterdir()) == ["base.safetensors", "stack-0.safetensors"]
    assert {written[name].name for name in "ABC"} == {"stack-0.safetensors"}
    content = (folder / "stack-0.safetensors").read_bytes()
    assert {written[name].sha256 for name in "ABC"} == {hashlib.sha256(content).hexdigest()}
    assert len({written[name].slice_sha256 for name in "ABC"}) == 3
    opened = ModelStack(folder / "stack-0.safetensors")
    for seed, name in enumerate("ABC"):
        assert_same_bits(opened.read(name, str(written[name].slice_sha256)), random_parameters(seed))


def test_the_hash_of_a_slice_is_that_of_a_file_of_its_own(
    tmp_path: Path, stack: tuple[Path, dict[str, WrittenModel]]
) -> None:
    alone = write_files(tmp_path / "alone", {"B": random_parameters(1)})["B"]
    assert stack[1]["B"].slice_sha256 == alone.sha256


def test_a_flipped_bit_in_a_shared_file_harms_one_model(stack: tuple[Path, dict[str, WrittenModel]]) -> None:
    folder, written = stack
    path = folder / "stack-0.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    opened = ModelStack(path)
    sound = []
    for name in "ABC":
        with suppress(ModelFileError):
            opened.read(name, str(written[name].slice_sha256))
            sound.append(name)
    assert sound == ["A", "B"]
    with pytest.raises(ModelFileError, match="the sha256 of 'C' in it is not the recorded one"):
        opened.read("C", str(written["C"].slice_sha256))


@pytest.mark.parametrize("kept", [0, 7, 100, -1])
def test_a_truncated_shared_file_is_noticed(stack: tuple[Path, dict[str, WrittenModel]], kept: int) -> None:
    path = stack[0] / "stack-0.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ModelFileError, match=r"'stack-0\.safetensors' is damaged"):
        ModelStack(path)


def test_a_file_of_one_model_is_no_shared_one(stack: tuple[Path, dict[str, WrittenModel]]) -> None:
    with pytest.raises(ModelFileError, match=r"'base\.safetensors' is damaged"):
        ModelStack(stack[0] / "base.safetensors")
    with pytest.raises(ModelFileError, match=r"'gone\.safetensors' cannot be read"):
        ModelStack(stack[0] / "gone.safetensors")
