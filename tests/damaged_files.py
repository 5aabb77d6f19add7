# SPDX-License-Identifier: BSD-3-Clause
"""Files that are refused, each with what the message says: of the test and of the page's table.

Three ways to get one: bytes of a file changed, which its SHA-256 or its canonical form shows;
contents written with a digest that fits, which only judging them shows; and files of the schemas
before 4, which have no digest.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save, save_file

import deltarule as dr
from deltarule.files import canonical, container

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Damage:
    """What was done to a good file, how, and a pattern of the message."""

    what: str
    damage: Callable[[Path], None]
    message: str


def whole(path: Path) -> bytes:
    """A good file of the network [4, 5, 3]."""
    dr.MLP([4, 5, 3], seed=0).save(path)
    return path.read_bytes()


def raw(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Change the bytes."""

    def damage(path: Path) -> None:
        path.write_bytes(change(whole(path)))

    return damage


def crafted(
    change: Callable[[dict[str, Any], Arrays], object], digest: bool = True
) -> Callable[[Path], None]:
    """Change the contents, and write them with a digest that fits."""

    def damage(path: Path) -> None:
        whole(path)
        crafted_like(path, change, digest)

    return damage


def crafted_like(
    path: Path, change: Callable[[dict[str, Any], Arrays], object], digest: bool = True
) -> None:
    """Change the contents of the file that is there, and give it a digest that fits."""
    contents = container.read(path)
    manifest = {
        "format": "deltarule", "kind": contents.kind, "sections": contents.sections,
        **contents.versions,
    }  # fmt: skip
    tensors = dict(contents.tensors)
    change(manifest, tensors)
    arrays = canonical.ordered(tensors)
    manifest["sha256"] = canonical.digest(manifest, arrays) if digest else "0" * 64
    data = b"".join(a.tobytes() for a in arrays.values())
    path.write_bytes(canonical.header(manifest, arrays) + data)


def manifest(**changes: Any) -> Callable[[Path], None]:
    return crafted(lambda manifest, tensors: manifest.update(changes))


def architecture(**changes: Any) -> Callable[[Path], None]:
    return crafted(lambda manifest, tensors: manifest["sections"]["architecture"].update(changes))


def tensor(name: str, value: np.ndarray) -> Callable[[Path], None]:
    return crafted(lambda manifest, tensors: tensors.__setitem__(name, value))


def old(**changes: str) -> Callable[[Path], None]:
    """A file of schema 3 with other texts in its metadata."""

    def damage(path: Path) -> None:
        whole(path)
        contents = container.read(path)
        metadata = {
            "format": "deltarule", "schema": "3", "numerics_contract": "1",
            "architecture": json.dumps(contents.sections["architecture"]), **changes,
        }  # fmt: skip
        save_file({name: a.copy() for name, a in contents.tensors.items()}, path, metadata)

    return damage


def header_of(values: Any, tail: bytes = b"") -> bytes:
    written = json.dumps(values).encode()
    return len(written).to_bytes(8, "little") + written + tail


def one_tensor(tail: bytes = bytes(4), **entry: Any) -> Callable[[Path], None]:
    """A file of schema 3 whose one tensor says what it likes of itself."""
    described = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4], **entry}
    metadata = {"format": "deltarule", "schema": "3", "numerics_contract": "1", "architecture": ""}
    return raw(lambda _: header_of({"__metadata__": metadata, "W.0": described}, tail))


def spaced(found: bytes) -> bytes:
    """The same header with eight spaces more: JSON says the same."""
    length = int.from_bytes(found[:8], "little")
    return (
        (length + 8).to_bytes(8, "little") + found[8 : 8 + length] + b" " * 8 + found[8 + length :]
    )


def reordered(found: bytes) -> bytes:
    """The same contents as safetensors itself writes them."""
    length = int.from_bytes(found[:8], "little")
    values = json.loads(found[8 : 8 + length])
    metadata = values.pop("__metadata__")
    data = found[8 + length :]
    return save({
        name: np.frombuffer(data[slice(*entry["data_offsets"])], np.float32).reshape(entry["shape"])
        for name, entry in values.items()
    }, metadata)  # fmt: skip


def flipped(found: bytes) -> bytes:
    """One bit of one weight."""
    return found[:-1] + bytes([found[-1] ^ 1])


DAMAGES = [
    # Not a file of ours at all.
    Damage("empty", raw(lambda _: b""), "it has 0 bytes; expected a safetensors file"),
    Damage("a text", raw(lambda _: b"layers = [4, 5, 3]\n"), "a header of .* bytes follows"),
    Damage("a pickle", raw(lambda _: b"\x80\x04\x95" + bytes(40)), "its header is no JSON|follows"),
    Damage("half of it", raw(lambda found: found[: len(found) // 2]), "follows, in a file of"),
    Damage("the last byte missing", raw(lambda found: found[:-1]), "it is no safetensors file"),
    Damage("one byte more", raw(lambda found: found + b"\0"), "it is no safetensors file"),
    Damage("a header of 2**63 bytes", raw(lambda found: (2**63).to_bytes(8, "little") + found[8:]),
           "a header of 9223372036854775808 bytes follows"),
    Damage("a header of deep brackets", raw(lambda _: (10**5).to_bytes(8, "little") + b"[" * 10**5),
           "its header is no JSON"),
    Damage("a header that is a list", raw(lambda _: header_of([])), "its header holds no metadata"),
    Damage("another program's file", raw(lambda _: save({"x": np.zeros(3)}, {"format": "pt"})),
           "format is 'pt'; expected 'deltarule'"),
    Damage("no metadata", raw(lambda _: save({"x": np.zeros(3)})), "format is None"),
    # Sizes that lie.
    Damage("a shape of 2**40 x 2**40", one_tensor(shape=[2**40, 2**40]), "no safetensors file"),
    Damage("a negative size", one_tensor(shape=[-1]), "no safetensors file"),
    Damage("offsets beyond the end", one_tensor(data_offsets=[0, 2**62]), "no safetensors file"),
    Damage("offsets the wrong way round", one_tensor(data_offsets=[4, 0]), "no safetensors file"),
    Damage("rows without numbers, 2**63 of them",
           one_tensor(shape=[2**63, 0], data_offsets=[0, 0], tail=b""),
           r"its W\.0 is of the shape"),
    Damage("65 dimensions", one_tensor(shape=[1] * 65), r"its W\.0 is of the shape \[1, 1, .*\]"),
    Damage("a dtype of its own", one_tensor(dtype="F31"), "no safetensors file"),
    Damage("halves", one_tensor(dtype="F16", shape=[2]), r"its W\.0 is of F16; expected"),
    # Changed bytes that safetensors itself does not mind.
    Damage("one bit of a weight", raw(flipped), "its SHA-256 is .*; expected .*: it was changed"),
    Damage("one letter of the architecture", raw(lambda found: found.replace(b"relu", b"selu")),
           "its SHA-256 is"),
    Damage("l2 0.0 as 0e0", raw(lambda found: found.replace(b'"l2\\":0.0', b'"l2\\":0e0')),
           "its header is not as deltarule writes it"),
    Damage("eight spaces", raw(spaced), "its header is not as deltarule writes it"),
    Damage("keys in another order", raw(reordered), "its header is not as deltarule writes it"),
    Damage("a digest of zeros", crafted(lambda manifest, tensors: None, digest=False),
           "its SHA-256 is .*; expected 000"),
    # Contents that do not hold together, with a digest that fits.
    Damage("another format", manifest(format="gamma"), "its manifest is none of 'deltarule'"),
    Damage("schema 5", manifest(schema=5), "schema version is 5; expected 4 at most.*newer"),
    Damage("schema 3 in a manifest", manifest(schema=3), "its manifest has"),
    Damage("schema 'four'", manifest(schema="four"), "schema version is 'four'; expected a number"),
    Damage("schema true", manifest(schema=True), "schema version is True; expected a number"),
    Damage("numerics contract 7", manifest(numerics_contract=7),
           "numerics_contract version is 7; .*newer deltarule"),
    Damage("a key more", manifest(flavour="sweet"), "its manifest has .*'flavour'"),
    Damage("a kind of its own", manifest(kind="recipe"), "its kind is 'recipe'; expected one of"),
    Damage("a kind that is a list", manifest(kind=[]), r"its kind is \[\]; expected one of"),
    Damage("an ensemble", manifest(kind="ensemble"),
           "it holds an ensemble, for dr.Ensemble.load; expected a network"),
    Damage("sections that are a list", manifest(sections=[]), "its sections are"),
    Damage("no sections", manifest(sections={}), "its architecture has NoneType"),
    Damage("an architecture with a key more", architecture(flavour="sweet"),
           "its architecture has .*'flavour'"),
    Damage("a negative width", architecture(layers=[4, -5, 3]), r"not valid: layers\[1\]: -5"),
    Damage("layers as a text", architecture(layers="4-5-3"), "architecture is not valid: layers"),
    Damage("2**60 weights", architecture(layers=[2**30, 2**30, 3]), "not valid: layers.*bytes"),
    Damage("wider than its tensors", architecture(layers=[2**28, 5, 3]),
           r"W\.0 has shape \(5, 5\) of float32; expected \(5, 268435457\)"),
    Damage("a layer more", architecture(layers=[4, 5, 5, 3]), "not valid: activations: 2 names"),
    Damage("a layer less", architecture(layers=[4, 3], activations=["relu"]),
           r"tensors are \['W.0', 'W.1'\]; expected"),
    Damage("an unknown activation", architecture(activations=["relu", "argmax"]),
           r"not valid: activations\[1\]: 'argmax'"),
    Damage("an unknown loss", architecture(loss="mse"), "not valid: loss: 'mse'"),
    Damage("another dtype", architecture(dtype="float64"),
           r"W\.0 has shape \(5, 5\) of float32; expected .* of float64"),
    Damage("l2 as a text", architecture(l2="much"), "not valid: l2: 'much'"),
    Damage("one shift for four features", architecture(input_shift=[1.0]), "valid: input_shift"),
    Damage("a scale of 0", architecture(input_scale=0), "not valid: input_scale: 0 at feature 0"),
    Damage("a tensor more", tensor("W.2", np.zeros(3)), "tensors are .*'W.2'"),
    Damage("a strange tensor", tensor("V.0", np.zeros(3)), "tensors have .*'V.0'"),
    Damage("a tensor missing", crafted(lambda manifest, tensors: tensors.pop("W.1")),
           r"tensors are \['W.0'\]; expected"),
    Damage("a tensor too small", tensor("W.1", np.zeros((3, 5), np.float32)),
           r"W\.1 has shape \(3, 5\)"),
    Damage("a weight that is nan", tensor("W.0", np.full((5, 5), np.nan, np.float32)),
           r"W\.0 holds nan or infinity"),
    # Before schema 4.
    Damage("schema 3 says 4", old(schema="4"), "schema version is 4; expected 3 at most"),
    Damage("schema 3 says 1", old(schema="1"), "architecture has 'l1', which schema 1"),
    Damage("schema 3 says 0", old(schema="0"), "schema version is '0'; expected a number"),
    Damage("schema 3 says 9 ... 9", old(schema="9" * 5000), "schema version is '9"),
    Damage("schema 3, contract 7", old(numerics_contract="7"), "version is 7; .*newer deltarule"),
    Damage("schema 3, no JSON", old(architecture="{"), "architecture is no JSON"),
    Damage("schema 3, brackets", old(architecture="[" * 100_000), "architecture is no JSON"),
    Damage("schema 3, a list", old(architecture="[]"), "architecture has list; expected"),
    Damage("schema 3, nothing", old(architecture="{}"), r"architecture has \[\]; expected"),
]  # fmt: skip
