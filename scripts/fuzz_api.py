# SPDX-License-Identifier: BSD-3-Clause
"""Calls the public interface with arrays and arguments of every kind, for as long as one likes.

Arrays are drawn by dtype, shape, strides and values: NaN, infinities, subnormal and huge numbers,
mixed orders, no rows, no axes, objects, masked arrays, subclasses, read-only and unaligned memory,
other byte orders. A call must return, or refuse what it was given with a TypeError or ValueError;
FloatingPointError is a training's that diverges. What an accepted call returns is compared with the
same numbers in the plainest array, bit for bit, and the network must go on working. Half of the
time (scripts/fuzz_kernels.py) the kernels of all instruction sets and the literal reference train
the same network on numbers that may well be strange: every bit must agree, what is refused must be
what NumPy says has to be, and where one diverges the other does. The calls are here and in
scripts/fuzz_calls.py, what they are given is drawn in scripts/fuzz_draws.py.

A call that has not come back after a minute, or that ends the process, shows its seed: each case
has one of its own.

usage: python scripts/fuzz_api.py [SECONDS [SEED]]       python scripts/fuzz_api.py --case SEED
"""

from __future__ import annotations

import contextlib
import faulthandler
import random
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter

import fuzz_kernels
import numpy as np
from fuzz_calls import MORE, Call
from fuzz_draws import (
    ODD,
    array,
    few,
    laid_out,
    network,
    odd,
    plain,
    same,
    shape_of,
    targets,
    values,
)

import deltarule as dr
from deltarule import losses

Refused = (TypeError, ValueError, FileNotFoundError)  # the last where a name may be a file's
HANGS = 60  # seconds
A_WORKER = 20000  # cases at most


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
        odd(draw, None), odd(draw, *losses.TABLE),
        dtype=odd(draw, "float32", "f8"), seed=odd(draw, 0), l2=odd(draw, 0.0, 0.1),
        l1=odd(draw, 0.0, 0.1), reduction=odd(draw, "mean", "sum"),
        input_shift=odd(draw, None, 1.0), input_scale=odd(draw, None, 2.0),
        init=odd(draw, None, "he_normal", "glorot_uniform"),
    )  # fmt: skip
    mlp.predict(np.zeros((3, mlp.layers[0])))
    mlp.w = array(draw, mlp.n_weights) if draw.random() < 0.3 else np.zeros(mlp.n_weights)
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
        dr.find_learning_rate(mlp, X, Y, n_steps=few(odd(draw, 20, 25)), seed=0)
    elif which == 3:
        mlps = [dr.MLP([m, 3, 1], seed=k) for k in range(2)]
        dr.fit_many(mlps, X, Y, n_jobs=odd(draw, 1, 2), epochs=draw.choice((1, 1, 1, 0, "x")))
        dr.Ensemble(mlps).predict(X)
    elif which == 4:
        blocks = [(X, Y), (array(draw, n, m), Y), draw.choice(ODD)][: draw.randint(1, 3)]
        dr.MLP([m, 3, 1], seed=0).fit(blocks, epochs=1, shuffle=odd(draw, False, True), seed=0)
    else:
        dr.Perceptron(odd(draw, m)).fit(X, draw.choice((Y, np.arange(n) % 2)))


CALLS: dict[str, Call] = {
    "predicts": predicts, "writes": writes, "differentiates": differentiates, "fits": fits,
    "builds": builds, "other_models": other_models, **MORE,
}  # fmt: skip


def run(call: Call, draw: random.Random) -> object:
    """Call it, without the warnings that strange numbers give."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return call(draw)


def case(seed: int) -> str:
    """Run one; return what came of it, or raise what should not have come."""
    draw = random.Random(seed)
    name = "kernels" if draw.random() < 0.5 else draw.choice([*CALLS])
    try:
        said = run(fuzz_kernels.kernels_agree if name == "kernels" else CALLS[name], draw)
    except Refused as error:
        if not f"{error}":
            raise AssertionError("a refusal that says nothing") from error
        said = "refused"
    except FloatingPointError:
        said = "diverges"
    return f"{name}: {said or 'done'}"


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


def asked(arguments: list[str]) -> int:
    """What the command line says; cases may write files, by names of theirs."""
    if arguments[:1] not in (["--worker"], ["--case"]):
        return main(*map(float, arguments))
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        if arguments[0] == "--worker":
            return worker(float(arguments[1]), int(arguments[2]))
        print(case(int(arguments[1])))
    return 0


if __name__ == "__main__":
    sys.exit(asked(sys.argv[1:]))
