# SPDX-License-Identifier: BSD-3-Clause
"""Further calls of scripts/fuzz_api.py: each a function of a draw, in tables."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
from fuzz_draws import ODD, array, few, network, odd, plain, same, targets

import deltarule as dr
from deltarule.autoencoder import corrupt
from deltarule.perceptron import mistake_bound
from deltarule.streams import ArrayFiles
from deltarule.table import TableModel

Call = Callable[[random.Random], object]


def chosen(calls: dict[str, Call]) -> Call:
    """One of a table's calls, drawn; where it is refused, its name is not told."""

    def call(draw: random.Random) -> None:
        calls[draw.choice([*calls])](draw)

    return call


def rows(draw: random.Random, *columns: int) -> list[Any]:
    """Arrays of so many columns each (0: no axis for them), of one number of rows."""
    n = draw.randint(1, 30)
    return [mostly(draw, n, m) if m else mostly(draw, n) for m in columns]


def mostly(draw: random.Random, *shape: int) -> Any:
    """An array of this shape, seldom one of any kind."""
    if draw.random() < 0.2:
        return array(draw, *shape)
    return np.random.default_rng(draw.getrandbits(32)).normal(size=shape).astype(odd_type(draw))


def odd_type(draw: random.Random) -> str:
    """Of numbers."""
    return draw.choice(("f4", "f8", "f8", "i4"))


def finite(mlp: Any) -> None:
    """Whatever happened, it works on."""
    if not np.isfinite(mlp.w).all():
        raise AssertionError("weights that are not finite")
    mlp.predict(np.zeros((1, mlp.layers[0])))


def of_tools(draw: random.Random) -> None:
    """What takes a network, X and Y: it stays the same but for `minimize`; results are finite."""
    mlp, n = network(draw), draw.randint(1, 9)
    X, Y = array(draw, n, mlp.layers[0]), targets(draw, mlp, n)
    weights = odd(draw, None, array(draw, n))
    before, name = mlp.w.tobytes(), draw.choice([*TOOLS])
    try:
        TOOLS[name](draw, mlp, X, Y, weights)
    finally:
        if name not in ("minimize", "unit_variance") and mlp.w.tobytes() != before:
            raise AssertionError(f"{name}: other weights")
        finite(mlp)


def jacobian(draw: random.Random, mlp: dr.MLP, X: Any, *_: Any) -> None:
    """The same of the plainest array."""
    wrt = odd(draw, "X", "X", 1)
    given = dr.jacobian(mlp, X, wrt)
    same(dr.jacobian(mlp, plain(X, mlp.dtype), wrt), given)


def compared(draw: random.Random, mlp: dr.MLP, X: Any, Y: Any, s: Any) -> None:
    """Native, literal and oracle agree on whatever is accepted."""
    if not all(q.equal for q in dr.compare(mlp, X, Y, odd(draw, None, 1, 2), s).quantities):
        raise AssertionError("not the bits of the literal loops")


TOOLS: dict[str, Callable[..., object]] = {
    "jacobian": jacobian,
    "check_gradient": lambda d, mlp, X, Y, s: dr.check_gradient(
        mlp, X, Y, odd(d, 9, None), odd(d, 0), sample_weight=s
    ),
    "compare": compared,
    "minimize": lambda d, mlp, X, Y, s: dr.minimize(
        mlp, X, Y, odd(d, "L-BFGS-B", "CG"), odd(d, 3), odd(d, 1e-5), sample_weight=s,
        class_weight=odd(d, None, None, "balanced"),
    ),
    "unit_variance": lambda d, mlp, X, Y, s: dr.unit_variance(mlp, X),
    "evaluate": lambda d, mlp, X, Y, s: mlp.evaluate(
        X, Y, odd(d, "loss", "accuracy", "r2", "mean_absolute_error"), sample_weight=s
    ),
    "predict_labels": lambda d, mlp, X, Y, s: mlp.predict_labels(X),
    "backward": lambda d, mlp, X, Y, s: mlp.backward(
        odd(d, mlp.forward(np.zeros((3, mlp.layers[0])))), Y
    ),
    "ensemble": lambda d, mlp, X, Y, s: ensemble(d, mlp, X, Y, s),
}  # fmt: skip


def ensemble(draw: random.Random, mlp: dr.MLP, X: Any, Y: Any, weights: Any) -> None:
    """One network twice predicts as it does, but where the sum of both overflows."""
    twin = dr.MLP.from_architecture(mlp.architecture, mlp.w)
    both = dr.Ensemble(odd(draw, [mlp, twin]))
    y_hat = mlp.predict(X)
    if np.isfinite(2 * y_hat.astype(np.float64)).all():
        same(y_hat, both.predict(X))
    both.loss(X, Y, sample_weight=weights)
    both.evaluate(X, Y, odd(draw, "loss", "accuracy"), sample_weight=weights)


def of_trainers(draw: random.Random) -> None:
    """An epoch in an order, with its steps' losses; in parts: the weights stay finite."""
    mlp, n = network(draw), draw.randint(1, 12)
    X, Y, weights = mostly(draw, n, mlp.layers[0]), targets(draw, mlp, n), np.ones(n)
    order = draw.choice((None, None, np.arange(n)[::-1], np.zeros(n, int)))
    if draw.random() < 0.2:
        order, weights = array(draw, n), array(draw, n)
    trainer = dr.Trainer(mlp, odd(draw, dr.SGD(1e-3), dr.Adam()), odd(draw, 4, 4, 4, None, 1))
    try:
        if draw.random() < 0.5:
            steps = odd(draw, None, None, np.zeros((-(-n // 4), 2)))
            trainer.epoch(X, Y, order, odd(draw, None, weights), steps)
        else:
            parts = 2 if n % 4 == 0 and trainer.batch_size else 1  # short batches come last
            with trainer.in_parts(odd(draw, parts * n, None), odd(draw, True, False)) as epoch:
                for _ in range(parts):
                    epoch.part(X, Y, order, odd(draw, None, weights))
    except RuntimeError as error:
        if f"{error}" != "part: the one before ended with a short batch; no more may follow":
            raise
    else:
        trainer.observe(odd(draw, 1.0))
    finally:
        finite(mlp)


def autoencoder(draw: random.Random) -> Any:
    """A small one."""
    m = draw.randint(1, 4)
    return dr.Autoencoder([m, 2, m], seed=0, sparsity=draw.choice((None, "l1"))), m


def fits_autoencoder(draw: random.Random) -> None:
    """And codes, and decodes."""
    coder, m = autoencoder(draw)
    X, s = rows(draw, m, 0)
    s = np.abs(s) if isinstance(s, np.ndarray) and s.dtype.kind == "f" else s
    try:
        coder.fit(
            X, epochs=odd(draw, 1), noise=odd(draw, 0.0, 0.1), masking=odd(draw, 0.0, 0.1),
            batch_size=odd(draw, 4, None), validation=odd(draw, None, 0.3, X), seed=odd(draw, 0),
            sample_weight=odd(draw, None, s),
        )  # fmt: skip
        same(coder.decode(coder.encode(X)), coder.reconstruct(X))
        coder.loss(X, sample_weight=odd(draw, None, s))
    finally:
        same(np.float64(True), np.float64(np.isfinite(coder.mlp.w).all()))


AUTOENCODERS: dict[str, Call] = {
    "fit": fits_autoencoder,
    "decode": lambda d: autoencoder(d)[0].decode(array(d, d.randint(1, 9), 2)),
    "build": lambda d: dr.Autoencoder(
        odd(d, [3, 2, 3]), odd(d, None, 1), odd(d, "relu"), beta=odd(d, 1.0), rho=odd(d, 0.05),
        sparsity=odd(d, "kl", None),
    ),
    "corrupt": lambda d: corrupt(array(d, 5, 3), odd(d, 0.1), odd(d, 0.1), odd(d, 0)),
}  # fmt: skip

ESTIMATORS = ("MLPClassifier", "MLPRegressor", "MLPAutoencoder", "LogisticRegressionGD",
              "PerceptronClassifier")  # fmt: skip


def estimates(draw: random.Random) -> None:
    """fit, predict, partial_fit, score; a parameter that may be anything."""
    model, n = getattr(dr, draw.choice(ESTIMATORS))(max_iter=odd(draw, 1, 2)), draw.randint(2, 20)
    if draw.random() < 0.2:
        model.set_params(**{draw.choice([*model.get_params()]): draw.choice(ODD)})
    model.set_params(max_iter=few(model.max_iter))
    X, some = mostly(draw, n, 3), mostly(draw, 3, 3)
    y = draw.choice((np.arange(n) % 2, np.arange(n) % 2, np.arange(n) % 3, array(draw, n),
                     array(draw, n, 2)))  # fmt: skip
    model.fit(X, y)
    if isinstance(model, dr.MLPAutoencoder):
        model.transform(some)
        model.score(some)
        return
    same(model.predict(X), model.predict(X))
    model.predict(some)
    model.score(X, y)
    if hasattr(model, "partial_fit"):
        model.partial_fit(mostly(draw, n, 3), y)


def box(draw: random.Random) -> Any:
    """An interval."""
    return odd(draw, (0, 1), (-3, 2), [[0, 1], [0, 2]], array(draw, 2), array(draw, 2, 2))


def polygon(draw: random.Random) -> Any:
    """Corners, of any size."""
    v = draw.choice(
        (array(draw, draw.randint(3, 6), 2), np.array([[0, 0], [4, 0], [4, 3], [2, 1]]))
    )
    if isinstance(v, np.ndarray) and v.dtype.kind in "if":
        v = v * draw.choice((1, 1, 1, 1e-30, 1e-156, 1e156, 1e30, 1e-170))
    return v


CONSTRUCT: dict[str, Call] = {
    "approximate": lambda d: dr.construct.approximate(np.sin, box(d), odd(d, 5)),
    "pulse": lambda d: dr.construct.pulse(odd(d, 0.1), odd(d, 0.5), odd(d, 1.0)),
    "pulses": lambda d: dr.construct.pulses(array(d, 3), array(d, 2)),
    "polygon": lambda d: dr.construct.polygon(polygon(d), odd(d, "float64", "float32")),
    "polygons": lambda d: dr.construct.polygons([polygon(d) for _ in range(d.choice((1, 2)))]),
    "parity": lambda d: dr.construct.parity(odd(d, 3), odd(d, "tree", "dnf", "one_layer")),
    "half_planes": lambda d: dr.construct.half_planes(array(d, 2, 2), array(d, 2)),
    "cells": lambda d: dr.construct.cells(
        array(d, 2, 3), odd(d, [[1, -1]], [[1, 0], [-1, 1]], array(d, 1, 2))
    ),
    "checkerboard": lambda d: dr.construct.checkerboard(
        odd(d, [0.0, 1.0, 2.0], array(d, 3)), odd(d, [0.0, 1.0], array(d, 2))
    ),
    "boolean": lambda d: dr.construct.boolean(
        odd(d, "a&b", "a|", "((", "a" * 5, "!a^b|c", [0, 1, 1, 0], array(d, 4)),
        form=odd(d, "dnf", "cnf", "layers"),
    ),
    "gate": lambda d: dr.construct.gate(array(d, 2), odd(d, 0.1)),
    "all_of": lambda d: dr.construct.all_of(odd(d, 3), odd(d, (), [0], [7])),
    "any_of": lambda d: dr.construct.any_of(odd(d, 3), odd(d, (), [0], [7])),
    "at_least": lambda d: dr.construct.at_least(odd(d, 2), odd(d, 3)),
    "majority": lambda d: dr.construct.majority(odd(d, 3)),
    "all_inputs": lambda d: dr.construct.all_inputs(odd(d, 3)),
    "collapse": lambda d: dr.construct.collapse(odd(d, dr.MLP([2, 3, 1], "identity", seed=0))),
    "one_hidden_layer": lambda d: dr.construct.one_hidden_layer(
        lambda x, y: x * x + y * y < 1, odd(d, [[-1, 1], [-1, 1]], box(d)), odd(d, 4), odd(d, 3)
    ),
}  # fmt: skip


def of_streams(draw: random.Random) -> None:
    """Arrays cut into blocks: the weights are those of a fit to the whole."""
    n, several = draw.randint(1, 20), draw.random() < 0.3
    X, Y, s = mostly(draw, n, 2), mostly(draw, n, 1), mostly(draw, n)
    weights = odd(draw, None, np.ones(n), s)
    X, Y = odd(draw, X), odd(draw, Y)
    given: list[Any] = [[a, a] if several and a is not None else a for a in (X, Y, weights)]
    stream = ArrayFiles(given[0], given[1], given[2], odd(draw, None, 2))
    told: dict[str, Any] = {"epochs": 1, "batch_size": odd(draw, 3, 50), "shuffle": False}
    mlp, whole = dr.MLP([2, 1], seed=0), dr.MLP([2, 1], seed=0)
    try:
        mlp.fit(stream, seed=0, **told)
    finally:
        finite(mlp)
    twice = [None if a is None else np.concatenate([a] * (1 + several)) for a in (X, Y, weights)]
    whole.fit(twice[0], twice[1], sample_weight=twice[2], seed=0, **told)
    same(mlp.w, whole.w)


def of_tables(draw: random.Random) -> None:
    """A table by names of columns, some of them strange."""
    n = draw.randint(4, 40)
    words = np.random.default_rng(draw.getrandbits(32)).choice(["x", "y", "", "1"], n)
    table: dict[str, Any] = {
        "a": mostly(draw, n),
        "b": draw.choice((words, words.tolist(), mostly(draw, n))),
        "y": draw.choice((np.arange(n) % 2, words, mostly(draw, n), np.arange(n) / 7)),
    }
    model = TableModel.fit(
        odd(draw, table), odd(draw, "y", "y", "y", "b"), hidden=odd(draw, (2,)), seed=odd(draw, 0),
        epochs=odd(draw, 1),
    )  # fmt: skip
    given = odd(draw, {**table, "a": mostly(draw, n)}, {"a": table["a"], "b": table["b"]}, table)
    model.predict(given, odd(draw, False, True))
    model.evaluate(given)


def of_perceptrons(draw: random.Random) -> None:
    """A perceptron, and the bound of its mistakes."""
    n = draw.randint(1, 30)
    X, d, W = mostly(draw, n, 2), odd(draw, np.arange(n) % 2, array(draw, n)), array(draw, 1, 3)
    perceptron = dr.Perceptron(odd(draw, 2), odd(draw, 1), odd(draw, None, None, W))
    perceptron.fit(X, d, odd(draw, 9), odd(draw, 1.0))
    same(perceptron.predict(X), perceptron.predict(X))
    if draw.random() < 0.2:
        mistake_bound(X, d, odd(draw, array(draw, 3)))


def two(draw: random.Random) -> Any:
    """A usual value, or more often another one than elsewhere."""
    return lambda *usual: draw.choice(ODD) if draw.random() < 0.3 else draw.choice(usual)


DECLARED: dict[str, Call] = {
    "linear": lambda d: (lambda X, Y: dr.linear_regression(X, Y, odd(d, 0.0, 0.1)).predict(X))(
        *rows(d, 2, 1)
    ),
    "logistic": lambda d: (
        lambda X, y: dr.logistic_regression(
            X, odd(d, y, np.arange(len(X)) % 2), odd(d, None, 0.1), odd(d, 3), odd(d, False, True)
        ).predict_labels(X)
    )(*rows(d, 2, 0)),
    "radial": lambda d: (
        lambda X, Y: dr.RBFNetwork(
            odd(d, 1, 2), odd(d, "kmeans", "random"), odd(d, None, 1.0), l2=odd(d, 0.0),
            seed=odd(d, 0),
        ).fit(X, Y, odd(d, None, dr.SGD(1e-3)), odd(d, 4), odd(d, 1))
    )(*rows(d, 2, 1)),
    "cosine": lambda d: dr.schedules.Cosine(two(d)(0.1), two(d)(0.01), over=two(d)(3)),
    "plateau": lambda d: dr.schedules.Plateau(two(d)(0.1), two(d)(0.5), two(d)(3)),
    "warm_up": lambda d: dr.schedules.WarmUp(two(d)(0.1), over=two(d)(2)),
    "average": lambda d: d.choice((dr.EMA, dr.SWA))(two(d)(0.9, 1)),
    "dropout": lambda d: dr.Dropout(two(d)(0.1, (0.1, 0.2))),
    "stopping": lambda d: dr.EarlyStopping(two(d)("loss"), patience=two(d)(3)),
    "sparsity": lambda d: dr.Sparsity(two(d)(1), two(d)("kl"), two(d)(0.1), two(d)(0.1)),
    "each": lambda d: dr.each(two(d)([1])),
    "rules": lambda d: d.choice((dr.SGD, dr.Adam, dr.AdamW, dr.NAdam, dr.RMSProp, dr.AdaGrad,
                                 dr.Adadelta, dr.Lion, dr.Rprop))(two(d)(0.1), two(d)(0.9)),
    "ntk": lambda d: dr.ntk_factors(odd(d, network(d))),
}  # fmt: skip


MORE: dict[str, Call] = {
    "tools": of_tools,
    "trainers": of_trainers,
    "autoencoders": chosen(AUTOENCODERS),
    "estimators": estimates,
    "construct": chosen(CONSTRUCT),
    "streams": of_streams,
    "tables": of_tables,
    "perceptrons": of_perceptrons,
    "declared": chosen(DECLARED),
}
