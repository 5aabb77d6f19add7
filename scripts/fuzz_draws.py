# SPDX-License-Identifier: BSD-3-Clause
"""What scripts/fuzz_api.py draws: arrays of every kind, arguments, networks, targets."""

from __future__ import annotations

import random
import warnings
from typing import Any

import numpy as np

import deltarule as dr
from deltarule import losses

DTYPES = [
    "f4", "f8", "f4", "f8", "f2", "g", "i8", "i4", "u1", "u8", "?", ">f4", ">f8", ">i2", "c8", "O",
    "U3", "S2", "M8[s]", "m8[s]", "i4,f4",
]  # fmt: skip
STRANGE = [
    0.0, -0.0, 1.0, -1.0, 0.5, 1e-45, -1e-40, 5e-324, 1e38, -3e38, 1e39, 1e300, 1e308, np.nan,
    np.inf, -np.inf, 1e-38, 2.0**24 + 1, 1 / 3,
]  # fmt: skip


class Mine(np.ndarray):
    """A subclass without a meaning of its own."""


class Duck:
    """Neither an array nor a sequence, but it can be made into one."""

    def __init__(self, a: Any) -> None:
        self.a = a

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        """Return it."""
        return self.a


def values(draw: random.Random, shape: tuple[int, ...], dtype: str) -> Any:
    """Numbers, some of them strange."""
    rng = np.random.default_rng(draw.getrandbits(32))
    a = np.asarray(rng.normal(size=shape) * draw.choice((1, 1, 1, 1, 10, 1e-42, 1e30)))
    if draw.random() < 0.15 and a.size:
        for _ in range(draw.choice((1, 3, a.size))):
            a.reshape(-1)[draw.randrange(a.size)] = draw.choice(STRANGE)
    if dtype == "O":
        made = np.asarray(a.astype(object))
        if made.size and draw.random() < 0.5:
            made.reshape(-1)[0] = draw.choice((None, "1", 1j, [], 10**400, 3, True, np.float32(1)))
        return made
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return a.astype(dtype)
        except (ValueError, TypeError):
            return np.zeros(shape, dtype)


def laid_out(draw: random.Random, a: Any) -> Any:
    """Return the same values in other memory, or as something else."""
    how = draw.randrange(16)
    if how == 0:
        return np.asfortranarray(a)
    if how == 1 and a.ndim:
        wide = np.zeros((*a.shape[:-1], 2 * a.shape[-1]), a.dtype)
        wide[..., ::2] = a
        return wide[..., ::2]
    if how == 2 and a.ndim:
        return np.ascontiguousarray(a[::-1])[::-1]
    if how == 3:
        raw = np.zeros(a.nbytes + 1, "u1")[1:]
        if a.dtype.hasobject:
            return a
        made = np.frombuffer(raw.data, a.dtype, a.size).reshape(a.shape)
        made[...] = a
        return made
    if how == 4:
        made = a.copy()
        made.flags.writeable = False
        return made
    if how == 5:
        return a.view(Mine)
    if how == 6:
        return np.ma.masked_array(a, np.zeros(a.shape, bool) if a.dtype.names is None else False)
    if how == 7 and a.size and a.dtype.names is None:
        mask = np.zeros(a.shape, bool)
        mask.reshape(-1)[draw.randrange(a.size)] = True
        return np.ma.masked_array(a, mask)
    if how == 8:
        return a.tolist()
    if how == 9:
        return Duck(a)
    if how == 10 and a.ndim == 2:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asmatrix(a) if a.dtype.names is None else a
    if how == 11 and a.ndim and len(a):
        return np.broadcast_to(a[:1], a.shape)
    return a


def shape_of(draw: random.Random, right: tuple[int, ...]) -> tuple[int, ...]:
    """The right shape more often than not."""
    if draw.random() < 0.92:
        return right
    n = right[0] if right else 1
    return draw.choice(((), (0,), (n,), (0, *right[1:]), (n, 0), (n, 1), (1, *right), (n + 1, 2)))


def array(draw: random.Random, *right: int) -> Any:
    """Anything that may be meant as an array of this shape."""
    if draw.random() < 0.02:
        return draw.choice((None, "X", 3, 2.5, [], {}, object(), iter([1]), [[1], [2, 3]], b"ab"))
    dtype = draw.choice(DTYPES) if draw.random() < 0.3 else draw.choice(("f4", "f8"))
    return laid_out(draw, values(draw, shape_of(draw, right), dtype))


ODD: list[Any] = [
    None, 0, -1, 1, 2, 3, 7, 1.5, -0.5, 0.0, 1e-320, 1e39, 2**63, 10**30, 10**400, True, False,
    "x", "", [], {}, (), np.nan, np.inf, np.float32(0.1), np.int8(3), np.array(2),
    np.array([1, 2]), object(),
]  # fmt: skip


def odd(draw: random.Random, *usual: Any) -> Any:
    """A usual value, or any other."""
    return draw.choice(usual) if draw.random() < 0.93 else draw.choice(ODD)


def few(n: Any) -> Any:
    """So many times, or as many as a minute is enough for."""
    return min(n, 1000) if isinstance(n, int) else n


def network(draw: random.Random) -> dr.MLP:
    """A small one."""
    outputs, name = draw.randint(1, 4), draw.choice([*losses.TABLE])
    layers = [draw.randint(1, 5), *[draw.randint(1, 40) for _ in range(draw.randint(0, 2))]]
    for loss in (name, "half_squared_error"):
        try:
            return dr.MLP(
                [*layers, outputs], draw.choice(("tanh", "relu", "prelu", "gelu", "softplus")),
                loss=loss, dtype=draw.choice(("float32", "float64")), seed=draw.randrange(9),
                l2=draw.choice((0.0, 0.01)),
            )  # fmt: skip
        except ValueError:
            continue
    raise AssertionError


def targets(draw: random.Random, mlp: dr.MLP, n: int) -> Any:
    """Anything that may be meant as targets, more often than not such as the loss takes."""
    row = mlp.architecture.chosen_loss
    if mlp.architecture.takes_labels and draw.random() < 0.5:
        labels = np.random.default_rng(draw.getrandbits(32)).integers(0, mlp.layers[-1], n)
        if draw.random() < 0.1:
            labels[draw.randrange(n)] = draw.choice((-1, 99, 2**62))
        return laid_out(draw, labels)
    if draw.random() < 0.15:
        return array(draw, n, mlp.architecture.n_targets)
    return laid_out(draw, fitting(draw, row.targets, (n, mlp.architecture.n_targets), mlp.dtype))


def fitting(draw: random.Random, kind: str, shape: tuple[int, ...], dtype: str) -> Any:
    """Targets that a loss of this kind takes (deltarule.losses.KINDS), ends and extremes too."""
    rng = np.random.default_rng(draw.getrandbits(32))
    if kind == "finite":
        size = draw.choice((1, 1, 1, 10, 1e-42, 1e15))
        return (rng.normal(size=shape) * size).astype(dtype)
    if kind == "sign":
        return rng.choice((-1.0, 1.0), shape).astype(dtype)
    y = rng.random(shape) if kind == "probability" else rng.exponential(size=shape)
    if kind == "positive":
        return np.maximum(y * draw.choice((1, 1, 1e-20, 1e15)), 1e-38).astype(dtype)
    for special in (0.0, 1.0, 1e-45, 1e-310):
        y[rng.random(shape) < 0.1] = special
    return y.astype(dtype)


def plain(X: Any, dtype: str) -> Any:
    """The numbers of an accepted X in the plainest array."""
    if isinstance(X, np.ma.MaskedArray):
        X = X.data
    a = np.asarray(X.a if isinstance(X, Duck) else X)
    if a.dtype.kind == "O":
        a = a.astype(np.int64 if all(isinstance(x, int) for x in a.flat) else np.float64)
    if a.dtype.kind == "f" and a.dtype.itemsize > 8:
        a = a.astype(np.float64)
    with np.errstate(all="ignore"):
        return np.array(a, dtype, order="C", subok=False)


def same(one: Any, other: Any) -> None:
    """Refuse arrays that differ in a bit."""
    if one.shape != other.shape or one.tobytes() != other.tobytes():
        raise AssertionError("other bits")
