# SPDX-License-Identifier: BSD-3-Clause
"""Every real array is taken as it is: the bits are those of the converted, contiguous array."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deltarule as dr

N, INPUTS, OUTPUTS = 23, 5, 3


def whole() -> np.ndarray:
    """Whole numbers, 0 ... 9, which every dtype holds."""
    return np.random.default_rng(0).integers(0, 10, (N, INPUTS)).astype(np.float64)


def fractions() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(N, INPUTS))


def unaligned(a: np.ndarray) -> np.ndarray:
    memory = np.zeros(a.nbytes + 1, np.uint8)
    b = memory[1:].view(a.dtype).reshape(a.shape)
    b[...] = a
    assert not b.flags.aligned or a.itemsize == 1
    return b


def read_only(a: np.ndarray) -> np.ndarray:
    b = a.copy()
    b.flags.writeable = False
    return b


def strided(a: np.ndarray) -> np.ndarray:
    wide = np.full((2 * len(a), 3 * a.shape[1]), 7, a.dtype)
    wide[::2, ::3] = a
    return wide[::2, ::3]


def field(a: np.ndarray) -> np.ndarray:
    """A column of packed records: odd strides, no alignment."""
    records = np.zeros(a.shape, [("flag", "i1"), ("value", a.dtype)])
    records["value"] = a
    return records["value"]


LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "contiguous": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "strided": strided,
    "reversed": lambda a: np.ascontiguousarray(a[::-1, ::-1])[::-1, ::-1],
    "read-only": read_only,
    "byte-swapped": lambda a: a.astype(a.dtype.newbyteorder()),
    "unaligned": unaligned,
    "field": field,
    "broadcast": lambda a: np.broadcast_to(a[:1], a.shape),
}

DTYPES = ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "q", "Q", "f2", "f4", "f8", "g"]


class Results:
    """Everything a network computes from X, as bytes."""

    def __init__(self, X: Any, Y: Any, dtype: str, **options: Any) -> None:
        mlp = dr.MLP([INPUTS, 7, OUTPUTS], dtype=dtype, seed=0, **options)
        trace = mlp.forward(X)
        back = mlp.backward(trace, Y)
        computed = [mlp.predict(X), *trace.o, *back.delta[1:], back.gradient, back.dX,
                    mlp.gradient(X, Y), np.float64(mlp.loss(X, Y))]  # fmt: skip
        dr.Trainer(mlp, batch_size=4).epoch(X, Y, order=[5, 1, 5, 0, 22, 7])
        mlp.fit(X, Y, batch_size=6, epochs=2, seed=0)
        self.bytes = [a.tobytes() for a in (*computed, mlp.w)]


def check(given: Any, plain: np.ndarray, dtype: str) -> None:
    Y = np.linspace(0, 1, N * OUTPUTS).reshape(N, OUTPUTS)
    expected = Results(np.ascontiguousarray(plain, dtype), Y, dtype)
    assert Results(given, Y, dtype).bytes == expected.bytes


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("given", DTYPES)
def test_dtypes_and_layouts_of_X(given: str, layout: str, dtype: str) -> None:
    a = LAYOUTS[layout](whole().astype(given))
    check(a, a.astype(dtype), dtype)


@pytest.mark.parametrize("given", ["f2", ">f2", "f4", ">f4", "f8", ">f8"])
def test_fractions_are_rounded_once(given: str, dtype: str) -> None:
    a = fractions().astype(given)
    check(a, a.astype(dtype), dtype)


def test_integers_are_rounded_once(isa: str, dtype: str) -> None:
    """2^53 + 1 and the like lie between two numbers of either dtype."""
    for row in (np.array([2**53 + 1, 2**24 + 1, -(2**62) - 1, 16777217, 3]),
                np.array([2**64 - 1, 2**63 + 1, 2**53 + 3, 33554433, 0], np.uint64),
                np.array([2**32 - 1, 2**31 + 1, 2**24 + 3, 33554433, 0], np.uint32)):  # fmt: skip
        for width in (5, 20, 67):
            a = np.resize(row, (3, width))
            mlp = dr.MLP([width, 1], dtype=dtype, seed=0)
            assert mlp.forward(a).o[0].tobytes() == a.astype(dtype).tobytes()


def test_subnormal_and_extreme_halves(dtype: str) -> None:
    a = np.array([[2.0**-24, 2.0**-14, 65504, -(2.0**-24), 1 / 3]], np.float16)
    mlp = dr.MLP([INPUTS, 1], dtype=dtype, seed=0)
    assert mlp.forward(a).o[0].tobytes() == a.astype(dtype).tobytes()


# Around the vector, the panel and the blocks of rows that a gather takes at a time.
WIDTHS = [1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 48, 64, 65, 100]
ROWS = [1, 3, 4, 5, 31, 32, 33, 70]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("given", DTYPES)
def test_every_width_and_count_of_rows(given: str, layout: str, isa: str, dtype: str) -> None:
    rng = np.random.default_rng(0)
    for width in WIDTHS:
        shift, scale = rng.normal(size=(2, width)).astype(dtype)
        plain = dr.MLP([width, 1], dtype=dtype, seed=0)
        standard = dr.MLP([width, 1], dtype=dtype, seed=0, input_shift=shift, input_scale=scale)
        for rows in ROWS:
            a = rng.integers(0, 100, (rows, width)).astype(given)
            if a.dtype.kind in "fi":
                a = -a
            X = LAYOUTS[layout](a)
            converted = X.astype(dtype)
            assert plain.forward(X).o[0].tobytes() == converted.tobytes()
            expected = ((converted - shift) * scale).tobytes()
            assert standard.forward(X).o[0].tobytes() == expected


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "broadcast"])
@pytest.mark.parametrize("given", ["u1", "f2", "f4", "f8", ">f4", "i8"])
def test_shuffled_rows_of_every_layout(given: str, layout: str, isa: str, dtype: str) -> None:
    rng = np.random.default_rng(0)
    plain = rng.integers(0, 3, (70, 83)).astype(given)
    X, Y = LAYOUTS[layout](plain), rng.integers(0, 2, 70)
    order = rng.integers(0, 70, 150)
    weights = []
    for data in (X, plain.astype(dtype)):
        mlp = dr.MLP([83, 2], dtype=dtype, loss="cross_entropy", seed=0)
        dr.Trainer(mlp, batch_size=67).epoch(data, Y, order=order)
        weights.append(mlp.w.tobytes())
    assert weights[0] == weights[1]


@pytest.mark.parametrize("layout", ["contiguous", "Fortran", "strided", "byte-swapped"])
@pytest.mark.parametrize("given", ["f2", "f4", "f8"])
def test_the_first_bad_row_is_named(given: str, layout: str, isa: str, dtype: str) -> None:
    """Whichever column holds it, and though a later row is bad in an earlier column."""
    for width in (1, 7, 16, 33, 70):
        mlp = dr.MLP([width, 1], dtype=dtype, seed=0)
        for row, column in ((0, 0), (3, width - 1), (32, width // 2), (64, width - 1)):
            for value in (np.nan, np.inf, -np.inf):
                a = np.full((70, width), 0.5, given)
                a[row, column] = value
                a[row + 2, 0] = np.nan
                with pytest.raises(ValueError, match=rf"^X: row {row}\b"):
                    mlp.predict(LAYOUTS[layout](a))


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("row", [0, 149, 150, 299])
def test_every_call_names_the_first_bad_row(row: int, n_threads: int, dtype: str) -> None:
    """The very first, one that begins a thread's share, the last; whatever is bad behind it."""
    plain = np.zeros((300, INPUTS))
    bad = plain.copy()
    bad[row:, -1] = np.nan
    mlp = dr.MLP([INPUTS, 4, INPUTS], dtype=dtype, seed=0)
    before, trace, trainer = mlp.w, mlp.forward(plain), dr.Trainer(mlp, n_threads=n_threads)
    calls: list[tuple[str, Callable[..., Any], tuple[Any, ...]]] = [
        ("X", mlp.predict, (bad, n_threads)),
        ("X", mlp.forward, (bad, n_threads)),
        ("Y", mlp.backward, (trace, bad, n_threads)),
        ("X", trainer.epoch, (bad, bad)),
        ("Y", trainer.epoch, (plain, bad)),
    ]
    for call in (mlp.loss, mlp.gradient):
        calls += [("X", call, (bad, bad, n_threads)), ("Y", call, (plain, bad, n_threads))]
    for name, call, arguments in calls:
        with pytest.raises(ValueError, match=rf"^{name}: row {row}\b"):
            call(*arguments)
    assert mlp.w.tobytes() == before.tobytes()


def test_rows_so_wide_that_they_come_in_pieces(dtype: str) -> None:
    """More numbers than lie between two looks for Ctrl-C: 256 rows of a chunk in two pieces."""
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(256, 9000)).astype(dtype), rng.normal(size=(256, 1)).astype(dtype)
    mlp = dr.MLP([9000, 1], dtype=dtype, seed=0)
    assert mlp.forward(X, 1).o[0].tobytes() == X.tobytes()
    order = rng.permutation(256)
    other = dr.MLP([9000, 1], dtype=dtype, seed=0)
    dr.Trainer(mlp, n_threads=1).epoch(X, Y, order=order)
    dr.Trainer(other, n_threads=1).epoch(X[order], Y[order])
    assert mlp.w.tobytes() == other.w.tobytes()


def test_every_half(isa: str, dtype: str) -> None:
    every = np.arange(2**16, dtype=np.uint16).view(np.float16)
    a = every[np.isfinite(every)].reshape(-1, 64)
    assert (
        dr.MLP([64, 1], dtype=dtype, seed=0).forward(a).o[0].tobytes() == a.astype(dtype).tobytes()
    )


def test_padding_between_rows_is_not_read(dtype: str) -> None:
    """Columns of a wider array: what lies beside them may be anything."""
    for width in (1, 5, 15, 16, 17, 31, 33, 50):
        wide = np.full((40, width + 40), np.nan, dtype)
        wide[:, :width] = 0.25
        o = dr.MLP([width, 1], dtype=dtype, seed=0).forward(wide[:, :width]).o[0]
        assert o.tobytes() == np.full((40, width), 0.25, dtype).tobytes()


def test_other_containers(tmp_path: Path, dtype: str) -> None:
    plain = whole()
    check(plain.tolist(), plain, dtype)
    check(tuple(map(tuple, plain)), plain, dtype)
    check(plain.astype(object), plain, dtype)
    check(plain.view(np.matrix), plain, dtype)
    check(np.ma.masked_array(plain), plain, dtype)
    memmap = np.memmap(tmp_path / "X", np.float64, "w+", shape=plain.shape)
    memmap[:] = plain
    check(memmap, plain, dtype)

    class Foreign:
        def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
            return plain

    check(Foreign(), plain, dtype)


def test_data_frames(dtype: str) -> None:
    pandas = pytest.importorskip("pandas")
    plain = whole()
    frame = pandas.DataFrame(plain)
    check(frame, plain, dtype)
    frame[0] = frame[0].astype(int)
    frame[1] = frame[1].astype("Int64")
    frame[2] = frame[2] > 4
    plain[:, 2] = plain[:, 2] > 4
    check(frame, plain, dtype)
    labels = pandas.Series(np.arange(N) % OUTPUTS)
    mlp = dr.MLP([INPUTS, OUTPUTS], loss="cross_entropy", seed=0)
    assert mlp.loss(frame, labels) == mlp.loss(plain, labels.to_numpy())
    frame[1] = frame[1].where(frame[1] > 3, pandas.NA)
    with pytest.raises(TypeError, match=r"^X: objects; expected real numbers .*NAType"):
        mlp.predict(frame)


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "broadcast"])
@pytest.mark.parametrize("given", DTYPES)
def test_dtypes_and_layouts_of_Y(given: str, layout: str, dtype: str) -> None:
    X = fractions()
    plain = (whole()[:, :OUTPUTS] > 4).astype(given)
    Y = LAYOUTS[layout](plain)
    for options in ({}, {"loss": "binary_cross_entropy"}, {"loss": "cross_entropy"}):
        expected = Results(X, np.ascontiguousarray(plain, dtype), dtype, **options)
        assert Results(X, Y, dtype, **options).bytes == expected.bytes


@pytest.mark.parametrize("layout", ["contiguous", "strided", "byte-swapped", "unaligned", "field"])
@pytest.mark.parametrize("given", [code for code in DTYPES if code not in ("f2", "f4", "f8", "g")])
def test_dtypes_and_layouts_of_labels(given: str, layout: str, dtype: str) -> None:
    X = fractions()
    plain = (np.arange(N) % (2 if given == "?" else OUTPUTS)).astype(given)
    labels = LAYOUTS[layout](plain[:, None])[:, 0]
    expected = Results(X, plain.astype(np.int64), dtype, loss="cross_entropy")
    assert Results(X, labels, dtype, loss="cross_entropy").bytes == expected.bytes
    assert Results(X, plain.tolist(), dtype, loss="cross_entropy").bytes == expected.bytes


def test_the_data_are_not_changed() -> None:
    X, Y = fractions(), np.arange(N) % OUTPUTS
    before = X.tobytes(), Y.tobytes()
    Results(X, Y, "float32", loss="cross_entropy", input_shift=1.0, input_scale=2.0)
    assert (X.tobytes(), Y.tobytes()) == before


def test_exact_arrays_are_not_validated(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hot call pays nothing: _validate.py is not asked."""
    from deltarule import _validate

    X, Y = fractions(), np.arange(N) % OUTPUTS
    mlp = dr.MLP([INPUTS, OUTPUTS], loss="cross_entropy", seed=0)
    trainer = dr.Trainer(mlp)

    def array(*_: Any) -> None:
        raise AssertionError("validated")

    monkeypatch.setattr(_validate, "array", array)
    mlp.predict(X)
    mlp.predict(X.T.copy().T, out=np.empty((N, OUTPUTS), np.float32))
    mlp.loss(X, Y)
    mlp.gradient(X, Y)
    mlp.backward(mlp.forward(X), Y)
    trainer.epoch(X, Y, order=np.arange(N))
    with pytest.raises(AssertionError, match="validated"):
        mlp.predict(X.tolist())


class Foreign:
    """As an array that lies on another device: no one may have it."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        raise RuntimeError("it lies elsewhere")


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("X", lambda mlp, given: mlp.predict(given)),
        ("w", lambda mlp, given: setattr(mlp, "w", given)),
        (r"W\[0\]", lambda mlp, given: setattr(mlp, "W", [given])),
        ("order", lambda mlp, given: dr.Trainer(mlp).epoch(np.eye(3), np.eye(3), given)),
        ("input_shift", lambda mlp, given: dr.MLP([3, 3], input_shift=given)),
        ("init", lambda mlp, given: dr.MLP([3, 3], init=given)),
    ],
)
def test_what_a_foreign_array_raises_is_a_type_error(name: str, call: Any) -> None:
    with pytest.raises(TypeError, match=rf"^{name}: .*Foreign.*\(it lies elsewhere\)"):
        call(dr.MLP([3, 3], seed=0), Foreign())
