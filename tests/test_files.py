# SPDX-License-Identifier: BSD-3-Clause
"""Files: what is saved is loaded bit for bit, and what does not hold together is refused."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

import deltarule as dr

NETWORKS: list[dict[str, Any]] = [
    {"layers": [4, 5, 3]},
    {"layers": [4, 1], "loss": "binary_cross_entropy", "dtype": "float64"},
    {"layers": [4, 2, 3, 3], "activation": ["relu", "tanh"], "loss": "cross_entropy", "l2": 0.1},
    {"layers": [4, 2, 3], "activation": "threshold", "loss": "squared_error", "l1": 0.3},
    {
        "layers": [4, 5, 2],
        "reduction": "sum",
        "input_shift": [0.1, 2, 3, 1e-30],
        "input_scale": 3.3,
    },
]


@pytest.mark.parametrize("options", NETWORKS, ids=str)
def test_round_trip(options: dict[str, Any], tmp_path: Path) -> None:
    mlp = dr.MLP(**options, seed=0)
    X = np.random.default_rng(0).normal(size=(9, 4))
    for path in (tmp_path / "net.safetensors", str(tmp_path / "text")):
        mlp.save(path)
        twin = dr.load(path)
        assert twin.architecture == mlp.architecture
        assert twin.w.tobytes() == mlp.w.tobytes()
        assert twin.predict(X).tobytes() == mlp.predict(X).tobytes()


def test_what_stands_in_the_file(tmp_path: Path) -> None:
    mlp = dr.MLP([4, 5, 3], seed=0)
    mlp.save(tmp_path / "net")
    with safe_open(tmp_path / "net", framework="numpy") as file:
        metadata = file.metadata()
        np.testing.assert_array_equal(file.get_tensor("W.1"), mlp.W[1])
    assert metadata["format"] == "deltarule"
    assert (metadata["schema"], metadata["numerics_contract"]) == ("3", "1")
    assert json.loads(metadata["architecture"])["layers"] == [4, 5, 3]


def test_files_of_the_first_schema_are_read() -> None:
    """Written before there was an l1: the same network, with l1 = 0, and the same bits."""
    mlp = dr.load(Path(__file__).parent / "data" / "schema_1.safetensors")
    expected = dr.MLP([3, 4, 2], "tanh", loss="cross_entropy", seed=5, l2=0.25,
                      input_shift=[1, 2, 3], input_scale=0.5)  # fmt: skip
    assert mlp.architecture == expected.architecture
    assert mlp.architecture.l1 == 0
    assert mlp.w.tobytes() == expected.w.tobytes()
    assert mlp.predict(np.eye(3))[:, 0].tolist() == [
        0.8625999689102173, 0.7832319736480713, 0.6862156391143799,
    ]  # fmt: skip
    assert mlp.loss(np.eye(3), np.array([0, 1, 0])) == 1.5729646608233452


def test_save_replaces(tmp_path: Path) -> None:
    first, second = dr.MLP([4, 5, 3], seed=0), dr.MLP([2, 1], seed=0)
    first.save(tmp_path / "net")
    second.save(tmp_path / "net")
    assert dr.load(tmp_path / "net").layers == (2, 1)


def test_missing_files_and_directories(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        dr.load(tmp_path / "none")
    with pytest.raises(OSError, match="cannot be written"):
        dr.MLP([2, 1]).save(tmp_path / "none" / "net")
    for path in (3, None):
        with pytest.raises(TypeError, match=rf"^path: {path} of type"):
            dr.load(path)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=rf"^path: {path} of type"):
            dr.MLP([2, 1]).save(path)  # type: ignore[arg-type]


def test_what_is_no_regular_file_is_left_alone(tmp_path: Path) -> None:
    directory, fifo, link = tmp_path / "directory", tmp_path / "fifo", tmp_path / "link"
    directory.mkdir()
    os.mkfifo(fifo)
    link.symlink_to(fifo)
    before = sorted(tmp_path.iterdir())
    for path in (directory, fifo, link, Path("/dev/null")):
        with pytest.raises(OSError, match=f"^path: '.*{path.name}' .* expected a regular file"):
            dr.MLP([2, 1]).save(path)
        with pytest.raises(OSError, match=f"^path: '.*{path.name}' .* expected a regular file"):
            dr.load(path)
    assert sorted(tmp_path.iterdir()) == before
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_a_symlink_stays_one(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    link = tmp_path / "net"
    link.symlink_to("models/net")  # which is not there yet
    for layers in ((4, 3), (2, 1)):
        dr.MLP(layers, seed=0).save(link)
        assert link.is_symlink()
        assert dr.load(link).layers == dr.load(tmp_path / "models" / "net").layers == layers
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["net"]


def test_permissions(tmp_path: Path) -> None:
    path, mlp = tmp_path / "net", dr.MLP([2, 1])
    umask = os.umask(0o027)
    try:
        mlp.save(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o604)
        mlp.save(path)
    finally:
        os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


def test_paths_of_bytes(tmp_path: Path) -> None:
    path = bytes(tmp_path / "net")
    dr.MLP([2, 1]).save(path)
    assert dr.load(path).layers == (2, 1)


def test_the_oracle_is_saved_in_its_dtype(dtype: str, tmp_path: Path) -> None:
    mlp = dr.oracle.MLP([4, 5, 3], dtype=dtype, seed=0)
    mlp.save(tmp_path / "net")
    twin = dr.load(tmp_path / "net")
    assert (twin.architecture, twin.w.dtype) == (mlp.architecture, dtype)
    assert np.array_equal(twin.w, mlp.w)
    mlp.w = np.full(mlp.n_weights, 1e300)
    if dtype == "float32":
        with pytest.raises(ValueError, match=r"^w: .* infinity as float32"):
            mlp.save(tmp_path / "net")
        assert np.array_equal(dr.load(tmp_path / "net").w, twin.w)


Change = Callable[[dict[str, str], dict[str, np.ndarray]], object]


def architecture(**changes: Any) -> Change:
    def change(metadata: dict[str, str], tensors: dict[str, np.ndarray]) -> None:
        values = json.loads(metadata["architecture"])
        metadata["architecture"] = json.dumps({**values, **changes})

    return change


def text(name: str, value: str) -> Change:
    return lambda metadata, tensors: metadata.__setitem__(name, value)


def tensor(name: str, value: np.ndarray) -> Change:
    return lambda metadata, tensors: tensors.__setitem__(name, value)


DAMAGES: list[tuple[Change, str]] = [
    (text("format", "pt"), "format is 'pt'; expected 'deltarule'"),
    (lambda metadata, tensors: metadata.clear(), "format is None"),
    (text("schema", "4"), "schema version is 4; expected 3 at most.*newer deltarule"),
    (text("schema", "1"), "architecture has .*'l1'.*; expected"),
    (text("numerics_contract", "7"), "numerics_contract version is 7; .*newer deltarule"),
    (text("schema", "one"), "schema version is 'one'; expected a number"),
    (text("schema", "0"), "schema version is '0'"),
    (text("schema", "9" * 5000), "schema version"),
    (lambda metadata, tensors: metadata.pop("schema"), "schema version is ''"),
    (text("architecture", "{"), "architecture is no JSON"),
    (text("architecture", "[" * 100_000), "architecture is no JSON"),
    (text("architecture", "[]"), "architecture has list; expected"),
    (text("architecture", "{}"), r"architecture has \[\]; expected"),
    (architecture(flavour="sweet"), "architecture has .*'flavour'"),
    (architecture(layers=[4, -5, 3]), r"architecture is not valid: layers\[1\]: -5"),
    (architecture(layers="4-5-3"), "architecture is not valid: layers"),
    (architecture(layers=[2**30, 2**30, 3]), "architecture is not valid: layers.*bytes"),
    (architecture(layers=[2**28, 5, 3]),
     r"W\.0 has shape \(5, 5\) of float32; expected \(5, 268435457\)"),
    (architecture(layers=[4, 5, 5, 3]), "not valid: activations: 2 names; expected 3"),
    (architecture(layers=[4, 3], activations=["relu"]), r"tensors are \['W.0', 'W.1'\]; expected"),
    (architecture(activations=["relu", "argmax"]), r"not valid: activations\[1\]: 'argmax'"),
    (architecture(loss="mse"), "not valid: loss: 'mse'"),
    (architecture(dtype="float64"), r"W\.0 has shape \(5, 5\) of float32; expected .* of float64"),
    (architecture(l2=float("nan")), "not valid: l2: nan"),
    (architecture(input_shift=[1.0]), "not valid: input_shift"),
    (architecture(input_scale=0), "not valid: input_scale: 0 at feature 0"),
    (tensor("W.2", np.zeros(3)), "tensors are .*'W.2'"),
    (lambda metadata, tensors: tensors.pop("W.1"), r"tensors are \['W.0'\]; expected"),
    (tensor("W.1", np.zeros((3, 5), np.float32)), r"W\.1 has shape \(3, 5\)"),
    (tensor("W.1", np.zeros((3, 6), np.float16)), r"W\.1 has .* of float16"),
    (tensor("W.0", np.full((5, 5), np.nan, np.float32)), r"W\.0 holds nan or infinity"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message"), DAMAGES, ids=[message for _, message in DAMAGES])
def test_what_does_not_hold_together_is_refused(
    change: Change, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "net"
    dr.MLP([4, 5, 3], seed=0).save(path)
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in ("W.0", "W.1")}
    change(metadata, tensors)
    save_file(tensors, path, metadata)
    with pytest.raises(ValueError, match=f"^path: .*{message}") as caught:
        dr.load(path)
    assert len(str(caught.value)) < 1000


def test_mutated_bytes_never_crash(tmp_path: Path) -> None:
    """A ValueError or, where only a weight's bits changed, another network."""
    path = tmp_path / "net"
    dr.MLP([4, 5, 3], seed=0).save(path)
    original = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(500):
        mutated = bytearray(original)
        mutated[rng.integers(len(mutated))] ^= 1 << rng.integers(8)
        path.write_bytes(mutated)
        try:
            dr.load(path)
        except ValueError:
            refused += 1
    assert refused > 200
    for length in range(0, len(original), 7):
        path.write_bytes(original[:length])
        with pytest.raises(ValueError, match=r"^path: "):
            dr.load(path)
