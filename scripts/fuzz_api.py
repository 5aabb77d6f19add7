# SPDX-License-Identifier: BSD-3-Clause
"""Calls the public interface with arrays and arguments of every kind, for as long as one likes.

Arrays are drawn by dtype, shape, strides and values: NaN, infinities, subnormal and huge numbers,
mixed orders, no rows, no axes, objects, masked arrays, subclasses, read-only and unaligned memory,
other byte orders. A call must return, or refuse what it was given with a TypeError or ValueError;
FloatingPointError is a training's that diverges. What an accepted call returns is compared with the
same numbers in the plainest array, bit for bit, and the network must go on working. Half of the
time the kernels of all instruction sets and the literal reference train the same network on
numbers that may well be strange, and every bit must agree.

A call that has not come back after a minute, or that ends the process, shows its seed: each case
has one of its own.

usage: python scripts/fuzz_api.py [SECONDS [SEED]]       python scripts/fuzz_api.py --case SEED
"""

from __future__ import annotations

import faulthandler
import random
import subprocess
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

import deltarule as dr
from deltarule import _core, losses

Refused = (TypeError, ValueError)
HANGS = 60  # seconds
A_WORKER = 20000  # cases at most

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
    None, 0, -1, 1, 2, 3, 7, 1.5, -0.5, 0.0, 1e-320, 1e39, 2**63, 10**30, True, False, "x", "", [],
    {}, (), np.nan, np.inf, np.float32(0.1), np.int8(3), np.array(2), np.array([1, 2]), object(),
]  # fmt: skip


def odd(draw: random.Random, *usual: Any) -> Any:
    """A usual value, or any other."""
    return draw.choice(usual) if draw.random() < 0.93 else draw.choice(ODD)


def odd_steps(draw: random.Random) -> Any:
    """Few, for so many are made."""
    return draw.choice((10, 10, 10, 3, 0, -1, "x", 2.5))


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
    """Anything that may be meant as targets, labels among them."""
    if draw.random() < 0.3:
        labels = np.random.default_rng(draw.getrandbits(32)).integers(0, mlp.layers[-1], n)
        if draw.random() < 0.2:
            labels[draw.randrange(n)] = draw.choice((-1, 99, 2**62))
        return laid_out(draw, labels)
    return array(draw, n, mlp.architecture.n_targets)


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


def predicts(draw: random.Random) -> None:
    """A prediction of the same numbers, however they lie in memory, has the same bits."""
    mlp, n = network(draw), draw.randint(1, 70)
    X = array(draw, n, mlp.layers[0])
    y_hat = mlp.predict(X, n_threads=odd(draw, None, 1, 2))
    same(mlp.predict(plain(X, mlp.dtype)), y_hat)


def writes(draw: random.Random) -> None:
    """Into memory of the caller's, or not at all."""
    mlp, n = network(draw), draw.randint(1, 9)
    out = laid_out(draw, np.zeros(shape_of(draw, (n, mlp.layers[-1])), mlp.dtype))
    X = values(draw, (n, mlp.layers[0]), "f4")
    if mlp.predict(X, out=out) is not out:
        raise AssertionError("another array")


def differentiates(draw: random.Random) -> None:
    """Loss, gradient, forward and backward."""
    mlp, n = network(draw), draw.randint(1, 40)
    X, Y = array(draw, n, mlp.layers[0]), targets(draw, mlp, n)
    weights = array(draw, n) if draw.random() < 0.3 else None
    loss, gradient = mlp.loss_and_gradient(X, Y, odd(draw, None, 1), weights)
    same(np.float64(mlp.loss(X, Y, None, weights)), np.float64(loss))
    trace = mlp.forward(X)
    back = mlp.backward(trace, Y, sample_weight=weights)
    same(back.gradient, gradient)


def fits(draw: random.Random) -> None:
    """A fit with arguments of every kind; whatever happens, the weights stay finite."""
    mlp, n = network(draw), draw.randint(1, 40)
    X, Y = array(draw, n, mlp.layers[0]), targets(draw, mlp, n)
    rules = [dr.SGD(1e-3), dr.Adam(), dr.RMSProp(1e-3), dr.Lion(1e-3), dr.NAdam(), dr.SGD(1e30)]
    chosen = {
        "optimizer": odd(draw, None, *rules), "batch_size": odd(draw, None, 1, 8, 100),
        "epochs": draw.choice((1, 2, 3, 0, -1, 1.5, "x", True, np.int64(2))),
        "shuffle": odd(draw, True, False), "seed": odd(draw, 0, 1, np.random.default_rng(0)),
        "n_threads": odd(draw, None, 1, 2), "validation": odd(draw, None, 0.2, (X, Y)),
        "stop_tol": odd(draw, None, 1e-3), "record": odd(draw, None, "saturation"),
        "average": odd(draw, None, dr.EMA(0.9)), "dropout": odd(draw, 0.1, 0.0),
        "noise": odd(draw, 0.1, 0.0), "metrics": odd(draw, (), "mean_squared_error"),
        "class_weight": odd(draw, None, "balanced"), "max_seconds": odd(draw, None, 5.0),
        "sample_weight": array(draw, n), "stopping": odd(draw, None, dr.EarlyStopping()),
        "callbacks": odd(draw, (), [object()]), "every": odd(draw, 1), "checkpoint": None,
    }  # fmt: skip
    told = {name: chosen[name] for name in draw.sample([*chosen], draw.randint(0, 5))}
    told.setdefault("epochs", 2)
    try:
        mlp.fit(X, Y, **told)
    finally:
        if not np.isfinite(mlp.w).all():
            raise AssertionError("weights that are not finite")
        mlp.predict(np.zeros((1, mlp.layers[0])))


def builds(draw: random.Random) -> None:
    """Networks and rules out of strange arguments."""
    layers = [odd(draw, 1, 3, 5, 33) for _ in range(draw.randint(1, 4))]
    if draw.random() < 0.1:
        layers = draw.choice(ODD)
    elif draw.random() < 0.9:
        layers = [int(draw.choice((1, 3, 5, 33))) for _ in range(draw.randint(2, 4))]
    mlp = dr.MLP(
        layers, odd(draw, "tanh", "relu", ["elu"], "elu(alpha=2)", "prelu"),
        odd(draw, None, None, None, "identity", "softmax"), odd(draw, None, None, *losses.TABLE),
        dtype=odd(draw, "float32", "f8"), seed=odd(draw, 0), l2=odd(draw, 0.0, 0.1),
        l1=odd(draw, 0.0, 0.1), reduction=odd(draw, "mean", "sum"),
        input_shift=odd(draw, None, 1.0), input_scale=odd(draw, None, 2.0),
        init=odd(draw, None, "he_normal", "glorot_uniform(gain=2)"),
    )  # fmt: skip
    mlp.predict(np.zeros((3, mlp.layers[0])))
    mlp.w = array(draw, mlp.n_weights)
    rule = draw.choice((dr.SGD, dr.Adam, dr.AdamW, dr.RMSProp, dr.AdaGrad, dr.Lion, dr.Rprop))
    dr.Trainer(mlp, rule(odd(draw, 0.1, 1e-3)), odd(draw, 8, None), odd(draw, None, 1))


def other_models(draw: random.Random) -> None:
    """Regression, radial units, the perceptron, a search for a rate, several at once, streams."""
    n, m = draw.randint(1, 30), draw.randint(1, 4)
    X, Y, which = array(draw, n, m), array(draw, n, draw.choice((1, 2))), draw.randrange(6)
    if which == 0:
        dr.linear_regression(X, Y, l2=odd(draw, 0.0, 0.1)).predict(X)
    elif which == 1:
        radial = dr.RBFNetwork(odd(draw, 1, 3), width=odd(draw, None, 1.0), seed=0)
        radial.fit(X, Y)
        radial.predict(X)
    elif which == 2:
        mlp = dr.MLP([m, 3, 1], seed=0)
        dr.find_learning_rate(mlp, X, Y, n_steps=odd_steps(draw), seed=0)
    elif which == 3:
        mlps = [dr.MLP([m, 3, 1], seed=k) for k in range(2)]
        dr.fit_many(mlps, X, Y, n_jobs=odd(draw, 1, 2), epochs=draw.choice((1, 1, 1, 0, "x")))
        dr.Ensemble(mlps).predict(X)
    elif which == 4:
        blocks = [(X, Y), (array(draw, n, m), Y), draw.choice(ODD)][: draw.randint(1, 3)]
        dr.MLP([m, 3, 1], seed=0).fit(blocks, epochs=1, shuffle=odd(draw, False, True), seed=0)
    else:
        dr.Perceptron(odd(draw, m)).fit(X, draw.choice((Y, np.sign(np.arange(n) - n / 2 + 0.1))))


def kernels_agree(draw: random.Random) -> None:
    """All instruction sets and the literal reference train the same network: no bit differs."""
    from deltarule.oracle import literal

    start, n, loss = network(draw), draw.randint(1, 40), None
    X = values(draw, (n, start.layers[0]), start.dtype)
    Y = values(draw, (n, start.architecture.n_targets), start.dtype)
    rule = draw.choice((dr.SGD(0.1), dr.SGD(0.1, momentum=0.9), dr.Adam(), dr.RMSProp(), dr.Lion()))
    batch, results, before = draw.choice((None, 1, 7)), {}, _core.isa()
    try:
        for isa in _core.available_isas():
            _core.select_isa(isa)
            for threads in (1, 2):
                mlp = dr.MLP.from_architecture(start.architecture, start.w)
                trainer = dr.Trainer(mlp, rule, batch, threads)
                try:
                    found: Any = [trainer.epoch(X, Y) for _ in range(2)]
                except (FloatingPointError, ValueError) as error:
                    found = f"{error}"
                y_hat = mlp.predict(np.nan_to_num(X, posinf=1, neginf=-1)).tobytes()
                results[isa, threads] = repr(found), mlp.w.tobytes(), y_hat
            loss = found
    finally:
        _core.select_isa(before)
    if len(set(results.values())) != 1:
        raise AssertionError(f"{start!r}, {rule}, {batch}: sets or threads differ")
    if isinstance(loss, list):
        reference = literal.MLP(start.architecture, start.w, start.dtype)
        plain_loops = literal.Trainer(reference, rule, batch)
        order = np.arange(n)
        if [plain_loops.epoch(X, Y, order) for _ in range(2)] != loss:
            raise AssertionError(f"{start!r}, {rule}, {batch}: another loss than the literal")
        if np.asarray(reference.w).tobytes() != next(iter(results.values()))[1]:
            raise AssertionError(f"{start!r}, {rule}, {batch}: other weights than the literal")


def same(one: Any, other: Any) -> None:
    """Refuse arrays that differ in a bit."""
    if one.shape != other.shape or one.tobytes() != other.tobytes():
        raise AssertionError("other bits")


CALLS: list[Callable[[random.Random], None]] = [
    predicts, writes, differentiates, fits, builds, other_models,
]  # fmt: skip


def case(seed: int) -> str:
    """Run one; return what came of it, or raise what should not have come."""
    draw = random.Random(seed)
    call = kernels_agree if draw.random() < 0.5 else draw.choice(CALLS)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            call(draw)
        except Refused as error:
            if not f"{error}":
                raise AssertionError("a refusal that says nothing") from error
            return f"{call.__name__}: refused"
        except FloatingPointError:
            return f"{call.__name__}: diverges"
    return f"{call.__name__}: done"


def worker(seconds: float, first: int) -> int:
    """Run cases; print each seed before, so that the last line tells which one ended it."""
    end, seen, seed = time.perf_counter() + seconds, Counter[str](), first
    faulthandler.enable()
    while time.perf_counter() < end and seed < first + A_WORKER:
        faulthandler.dump_traceback_later(HANGS, exit=True)
        print(f"case {seed}", flush=True)
        try:
            seen[case(seed)] += 1
        except Exception as error:
            print(f"WRONG {seed}: {type(error).__name__}: {error}", flush=True)
        seed += 1
    faulthandler.cancel_dump_traceback_later()
    print(f"END {dict(seen)!r}")
    return 0


def main(seconds: float = 600.0, seed: float = 0) -> int:
    """Start workers until the time is over; print a summary."""
    begin, seen, wrong, first = time.perf_counter(), Counter[str](), list[str](), int(seed) * 10**7
    while (left := seconds - (time.perf_counter() - begin)) > 0.5:
        command = [sys.executable, __file__, "--worker", str(left), str(first)]
        done = subprocess.run(command, capture_output=True, text=True)
        lines = done.stdout.splitlines()
        wrong += [line for line in lines if line.startswith("WRONG")]
        if not lines or not lines[-1].startswith("END"):
            wrong.append(f"{(lines or ['?'])[-1]} ENDED IT: {done.stderr[-600:]}")
        else:
            seen.update(eval(lines[-1][4:]))
        cases = [line for line in lines if line.startswith("case")]
        if not cases:
            break
        first = int(cases[-1].split()[1]) + 1
    for what, count in sorted(seen.items()):
        print(f"{what:26} {count}")
    for line in wrong[:30]:
        print(line)
    took = time.perf_counter() - begin
    print(f"{sum(seen.values())} cases in {took:.0f} s: {len(wrong)} crash, hang, differ or worse")
    return int(bool(wrong) or not seen)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        sys.exit(worker(float(sys.argv[2]), int(sys.argv[3])))
    if sys.argv[1:2] == ["--case"]:
        print(case(int(sys.argv[2])))
    else:
        sys.exit(main(*map(float, sys.argv[1:])))
