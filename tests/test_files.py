# SPDX-License-Identifier: BSD-3-Clause
"""Files: what is saved is loaded bit for bit, and what does not hold together is refused."""

import hashlib
import json
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damaged_files import DAMAGES, Damage, header_of
from safetensors import safe_open

import deltarule as dr
from deltarule.files import container, read_history

FIXTURES = Path(__file__).parent / "fixtures"

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
    assert [*metadata] == ["deltarule"]
    manifest = json.loads(metadata["deltarule"])
    assert (manifest["format"], manifest["kind"]) == ("deltarule", "model")
    assert (manifest["schema"], manifest["numerics_contract"]) == (4, 1)
    assert manifest["sections"]["architecture"]["layers"] == [4, 5, 3]
    whole = (tmp_path / "net").read_bytes()
    zeros = whole.replace(manifest["sha256"].encode(), b"0" * 64)
    assert hashlib.sha256(zeros).hexdigest() == manifest["sha256"]


def test_files_of_the_first_schema_are_read() -> None:
    """Written before there was an l1: the same network, with l1 = 0, and the same bits."""
    mlp = dr.load(FIXTURES / "schema_1.safetensors")
    expected = dr.MLP([3, 4, 2], "tanh", loss="cross_entropy", seed=5, l2=0.25,
                      input_shift=[1, 2, 3], input_scale=0.5)  # fmt: skip
    assert mlp.architecture == expected.architecture
    assert mlp.architecture.l1 == 0
    assert mlp.w.tobytes() == expected.w.tobytes()
    assert mlp.predict(np.eye(3))[:, 0].tolist() == [
        0.8625999689102173, 0.7832319736480713, 0.6862156391143799,
    ]  # fmt: skip
    assert mlp.loss(np.eye(3), np.array([0, 1, 0])) == 1.5729646608233452


def test_files_of_the_second_schema_are_read() -> None:
    """Written with an l1, before activations had parameters."""
    mlp = dr.load(FIXTURES / "schema_2.safetensors")
    expected = dr.MLP([3, 4, 2], ["tanh"], loss="cross_entropy", seed=6, l2=0.25, l1=0.125,
                      input_shift=[1, 2, 3], input_scale=0.5)  # fmt: skip
    assert mlp.architecture == expected.architecture
    assert mlp.w.tobytes() == expected.w.tobytes()


def test_files_of_the_third_schema_are_read() -> None:
    """Written before there was a digest, with what units learn."""
    mlp = dr.load(FIXTURES / "schema_3.safetensors")
    expected = dr.MLP([3, 4, 5, 2], ["prelu(slope=0.3)", "leaky_relu(slope=0.2)"],
                      loss="huber(delta=0.5)", seed=7, dtype="float64")  # fmt: skip
    assert mlp.architecture == expected.architecture
    assert mlp.w.tobytes() == expected.w.tobytes()


def test_files_of_the_fourth_schema_are_read() -> None:
    """The history with them."""
    path = FIXTURES / "schema_4.safetensors"
    mlp, history = dr.load(path), read_history(path)
    assert history is not None
    expected = dr.MLP([3, 4, 2], "prelu(slope=0.3)", seed=8)
    X, Y = np.eye(3), np.eye(3)[:, :2]
    again = expected.fit(X, Y, dr.SGD(0.1), epochs=3, seed=9, validation=(X, Y))
    assert mlp.architecture == expected.architecture
    assert mlp.w.tobytes() == expected.w.tobytes()
    assert (history.loss, history.eta) == (again.loss, again.eta)


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


def test_a_history_beside_the_network(tmp_path: Path) -> None:
    path, mlp = tmp_path / "net", dr.MLP([3, 2], seed=0)
    mlp.save(path)
    assert read_history(path) is None
    X, Y = np.eye(3), np.eye(3)[:, :2]
    told: dict[str, Any] = {"record": "gradient_norm", "metrics": "r2", "validation": (X, Y)}
    history = mlp.fit(X, Y, dr.SGD(1e-3), epochs=4, stopping=dr.EarlyStopping(), **told)
    history.validation_loss[-1] = float("inf")  # which fit records
    mlp.save(path, history)
    assert read_history(path) == history
    mlp.save(path, dr.History())
    assert read_history(path) == dr.History()
    with pytest.raises(TypeError, match=r"^history: 3 of type int; expected a History or None"):
        mlp.save(path, 3)  # type: ignore[arg-type]


def test_what_the_container_cannot_hold(tmp_path: Path) -> None:
    path, ones = tmp_path / "file", np.ones(3)
    bad: list[tuple[Any, type[Exception], str]] = [
        (("recipe", {}, {}), ValueError, "^kind: 'recipe'; expected one of"),
        (("model", {}, {"a b": ones}), ValueError, "^tensors: 'a b'; expected a name"),
        (("model", {}, {"__metadata__": ones}), ValueError, "^tensors: '__metadata__'"),
        (("model", {}, {"x": ones.astype("f2")}), ValueError, "^x: an array of float16; expected"),
        (("model", {"x": float("nan")}, {}), ValueError, "JSON compliant"),
        (("model", {"x": ones}, {}), TypeError, "not JSON serializable"),
    ]
    for given, kind, message in bad:
        with pytest.raises(kind, match=message):
            container.write(path, *given)
    assert not path.exists()
    tensors = {
        "f": ones[::2], "e": np.ones((0, 4), np.float32), "b": np.array([True]),
        "i": np.arange(-2, 3), "u": np.array([2**64 - 1], np.uint64), "s": np.array(2.5),
        "big": ones.astype(">f8"), "F": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    }  # fmt: skip
    container.write(path, "model", {"x": ["ä", 1, 1.5, None, True]}, tensors)
    contents = container.read(path)
    assert contents.sections == {"x": ["ä", 1, 1.5, None, True]}
    for name, a in tensors.items():
        np.testing.assert_array_equal(contents.tensors[name], a)
        assert contents.tensors[name].shape == a.shape
        assert not contents.tensors[name].flags.writeable
    container.write(path, "model", {"x": 1}, {})
    assert container.read(path).tensors == {}


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
        assert stat.S_IMODE(path.stat().st_mode) == 0o604
        os.umask(0)
        mlp.save(tmp_path / "of all")
    finally:
        os.umask(umask)
    assert stat.S_IMODE((tmp_path / "of all").stat().st_mode) == 0o666


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


@pytest.mark.parametrize("case", DAMAGES, ids=[case.what for case in DAMAGES])
def test_what_does_not_hold_together_is_refused(case: Damage, tmp_path: Path) -> None:
    path = tmp_path / "net"
    case.damage(path)
    with pytest.raises(dr.FileFormatError, match=f"^path: .*(?:{case.message})") as caught:
        dr.load(path)
    assert isinstance(caught.value, ValueError)
    assert len(str(caught.value)) < 1000


def test_every_byte_that_changes_is_refused(tmp_path: Path) -> None:
    """Each byte of a file takes another value; and the file ends too early."""
    path = tmp_path / "net"
    mlp = dr.MLP([2, 2, 1], seed=0)
    mlp.save(path)
    original = path.read_bytes()
    for at, change in enumerate(np.random.default_rng(0).integers(1, 256, len(original))):
        mutated = bytearray(original)
        mutated[at] ^= change
        path.write_bytes(mutated)
        with pytest.raises(dr.FileFormatError, match=r"^path: "):
            dr.load(path)
    for length in range(0, len(original), 7):
        path.write_bytes(original[:length])
        with pytest.raises(dr.FileFormatError, match=r"^path: "):
            dr.load(path)
    path.write_bytes(original)
    assert dr.load(path).w.tobytes() == mlp.w.tobytes()


@pytest.mark.parametrize(
    "text", ["elu" + " " * 10**6 + "x", " " * 10**6 + "(", "elu(" * 250_000, "1" * 10**6 + " x"]
)
def test_a_long_text_takes_no_long_time(text: str, tmp_path: Path) -> None:
    """Time is linear in it: a pattern that tries every way to divide the spaces would not end."""
    path = tmp_path / "net"
    dr.MLP([2, 2, 1]).save(path)
    held = container.read(path)
    held.sections["architecture"]["activations"] = [text]
    container.write(path, "model", held.sections, held.tensors)
    with pytest.raises(dr.FileFormatError, match="architecture is not valid"):
        dr.load(path)


LOADERS = (dr.load, dr.Trainer.load, dr.Ensemble.load, read_history)


@pytest.mark.parametrize("load", LOADERS, ids=lambda load: load.__qualname__)
@pytest.mark.parametrize(
    "shape", [[2**64 - 1, 0], [0, 2**63 - 1], [0, 2**62, 2], [2**60, 0], [1] * 65, [0] * 70]
)
@pytest.mark.parametrize("metadata", [{}, {"deltarule": "{}"}], ids=["old", "new"])
def test_shapes_that_numpy_has_not(
    load: Any, shape: list[int], metadata: dict[str, str], tmp_path: Path
) -> None:
    size = 8 * (0 not in shape)
    entry = {"dtype": "F64", "shape": shape, "data_offsets": [0, size]}
    old = {"format": "deltarule", "schema": "3", "numerics_contract": "1", "architecture": "{}"}
    values = {"__metadata__": metadata or old, "W.0": entry}
    (tmp_path / "net").write_bytes(header_of(values, bytes(size)))
    with pytest.raises(dr.FileFormatError, match=r"its W\.0 is of the shape \[.*\]; expected"):
        load(tmp_path / "net")
