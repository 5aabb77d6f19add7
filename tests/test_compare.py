# SPDX-License-Identifier: BSD-3-Clause
"""`compare`: it holds for every network of the native core, and finds what is planted."""

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.bounds import Bounds

PAIRS = [
    *(("half_squared_error", name) for name in ("identity", "logistic", "tanh", "relu", "softmax")),
    *(("squared_error", name) for name in ("identity", "logistic", "tanh", "relu", "softmax")),
    *(("binary_cross_entropy", name) for name in ("logistic", "softmax")),
    ("cross_entropy", "softmax"),
]


def data(n: int, layers: list[int], scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n)
    X = scale * rng.normal(size=(n, layers[0]))
    return X, rng.dirichlet(np.ones(layers[-1]), n)


@pytest.mark.parametrize(("loss", "output"), PAIRS, ids="-".join)
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu", "softmax"])
def test_every_activation_and_loss(activation: str, loss: str, output: str, dtype: str) -> None:
    layers = [7, 19, 5, 4]
    for scale, reduction, l2, l1 in (
        (1.0, "mean", 0.0, 0.0), (30.0, "sum", 0.01, 0.0), (1.0, "mean", 0.01, 0.1)
    ):  # fmt: skip
        mlp = dr.MLP(
            layers, activation, output, loss, dtype, seed=0, l2=l2, reduction=reduction, l1=l1
        )
        mlp.w = mlp.w * scale
        found = dr.compare(mlp, *data(29, layers))
        assert found, found


@pytest.mark.parametrize(
    ("n", "width"), [(1, 600), (255, 256), (256, 257), (257, 255), (520, 3), (520, 513)]
)
def test_blocks(n: int, width: int, dtype: str) -> None:
    layers = [width, width, 3]
    mlp = dr.MLP(layers, "tanh", loss="cross_entropy", dtype=dtype, seed=0)
    found = dr.compare(mlp, *data(n, layers))
    assert found, found


def test_labels_and_standardised_inputs(dtype: str) -> None:
    X, Y = data(40, [6, 5])
    mlp = dr.MLP([6, 9, 5], "relu", loss="cross_entropy", dtype=dtype, seed=0,
                 input_shift=[1, 2, 3, 4, 5, 0.1], input_scale=0.3)  # fmt: skip
    for targets in (np.argmax(Y, axis=1), np.eye(5)[np.argmax(Y, axis=1)], Y):
        found = dr.compare(mlp, X.astype(np.float16), targets)
        assert found, found


def test_one_output(dtype: str) -> None:
    X, _ = data(40, [6, 1])
    for loss, Y in product(("half_squared_error", "binary_cross_entropy"), (X[:, 0] > 0,)):
        mlp = dr.MLP([6, 9, 1], "tanh", loss=loss, dtype=dtype, seed=0)
        assert dr.compare(mlp, X, Y)


@pytest.mark.parametrize("scale", [1e-30, 1e-38, 1e-45, 1e3, 1e18, 1e30, 1e38])
@pytest.mark.parametrize("activation", ["logistic", "tanh", "relu", "softmax"])
def test_underflow_and_overflow(activation: str, scale: float) -> None:
    layers = [5, 6, 4, 3]
    for loss in ("half_squared_error", "cross_entropy"):
        mlp = dr.MLP(layers, activation, loss=loss, seed=0)
        X, Y = data(12, layers)
        found = dr.compare(mlp, X * scale, Y)
        assert found, found


def test_trained_networks(dtype: str) -> None:
    X, Y = data(100, [8, 5], scale=3.0)
    mlp = dr.MLP([8, 32, 16, 5], "relu", loss="cross_entropy", dtype=dtype, seed=0)
    mlp.fit(X, Y, dr.Adam(0.01), epochs=20, seed=0)
    assert dr.compare(mlp, X, Y)


class Planted(dr.MLP):
    """A network one of whose native values is off by a share of the quantity's largest."""

    where: tuple[str, int] = ("net", 1)
    share = 1e-4

    def _off(self, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
        changed = arrays[self.where[1]].copy()
        changed.flat[-1] += self.share * np.abs(changed).max()
        return (*arrays[: self.where[1]], changed, *arrays[self.where[1] + 1 :])

    def forward(self, *arguments: Any) -> dr.Trace:
        trace = super().forward(*arguments)
        if self.where[0] in ("net", "o"):
            trace = replace(trace, **{self.where[0]: self._off(getattr(trace, self.where[0]))})
        return trace

    def backward(self, *arguments: Any) -> dr.Backward:
        back = super().backward(*arguments)
        if self.where[0] in ("delta", "dW"):
            back = replace(back, **{self.where[0]: self._off(getattr(back, self.where[0]))})
        elif self.where[0] == "dX":
            back = replace(back, dX=self._off((back.dX,))[0])
        elif self.where[0] == "loss":
            back = replace(back, loss=back.loss * (1 + self.share))
        return back


@pytest.mark.parametrize(
    "where",
    [
        *product(("net", "o", "delta"), (1, 2, 3)),
        *product(("dW",), range(3)),
        ("dX", 0),
        ("loss", 0),
    ],
    ids=str,
)
def test_a_planted_error_is_found(where: tuple[str, int], dtype: str) -> None:
    layers = [7, 8, 6, 4]
    mlp = Planted(layers, "tanh", loss="cross_entropy", dtype=dtype, seed=0)
    mlp.where = where
    name = where[0] if where[0] in ("dX", "loss") else f"{where[0]}[{where[1]}]"
    X, Y = data(20, layers)
    found = dr.compare(mlp, X, Y)
    assert not found
    share = {q.name: q.share for q in found.quantities}
    assert share[name] > 1, found
    assert "FAILS" in str(found)
    # One unit in the last place breaks no bound, yet the bits tell.
    mlp.share = float(np.finfo(dtype).eps)
    equal = {q.name: q.equal for q in dr.compare(mlp, X, Y).quantities}
    assert not equal[name]


def test_nan_on_one_side_fails() -> None:
    layers = [7, 8, 6, 4]
    mlp = Planted(layers, "tanh", loss="cross_entropy", seed=0)
    mlp.share = np.nan
    found = dr.compare(mlp, *data(20, layers))
    assert next(q for q in found.quantities if q.name == "net[1]").share == np.inf


def test_bounds_are_not_vacuous() -> None:
    """They stay within small multiples of the machine epsilon, for values of ordinary size."""
    for dtype in ("float32", "float64"):
        eps, bounds = np.finfo(dtype).eps, Bounds(dtype)
        one = np.ones((3, 10))
        W = np.ones((4, 11))
        assert np.max(bounds.net(one, W)) < 24 * 11 * eps
        net = np.linspace(-3, 3, 12).reshape(3, 4)
        for name in ("logistic", "tanh"):
            assert np.max(bounds.activation(name, net, np.tanh(net))) < 4 * eps
        assert np.max(bounds.activation("softmax", net, net)) < 20 * eps
        assert not np.any(bounds.activation("relu", net, net))


def test_the_table() -> None:
    X, Y = data(12, [4, 3])
    mlp = dr.MLP([4, 5, 3], loss="cross_entropy", seed=0)
    found = dr.compare(mlp, X, Y)
    lines = repr(found).splitlines()
    assert lines[0].split() == ["shape", "deviation", "of", "its", "bound", "literal"]
    assert [line.split()[0] for line in lines[1:-1]] == [
        "o[0]", "net[1]", "o[1]", "net[2]", "o[2]", "delta[2]", "delta[1]",
        "dW[0]", "dW[1]", "dX", "loss",
    ]  # fmt: skip
    assert lines[1].split()[1:4] == ["12", "x", "4"]
    assert all("equal" in line for line in lines[1:-1])
    assert lines[-1] == "all hold"
    assert bool(found) is True
