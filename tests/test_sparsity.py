# SPDX-License-Identifier: BSD-3-Clause
"""A penalty on a hidden layer's outputs, (41) to (45): its gradient, its bits, its effect."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from test_oracle import KINK_MARGIN, assert_is_derivative
from tolerances import assert_within, gamma

import deltarule as dr
from deltarule import _core, oracle
from deltarule.digits import load_digits
from deltarule.oracle import literal, sparsity
from deltarule.sparsity import Sparsity

Array = NDArray[Any]

# layers, activation, penalty, batch size, rows: odd shapes, batches of one row, short last ones,
# several blocks of rows, and (1300 rows) several chunks of a batch.
CASES = [
    ([9, 5, 9], "logistic", Sparsity(1, "kl", 0.3, 0.1), 16, 50),
    ([9, 40, 3, 7], "logistic", Sparsity(2, "kl", 2.0, 0.02), 7, 40),
    ([9, 40, 37, 7], ["tanh", "logistic"], Sparsity(2, "kl", 0.5, 0.3), None, 1300),
    ([30, 70, 30], "logistic", Sparsity(1, "kl", 0.5, 0.05), 600, 700),
    ([4, 3, 2, 4], "logistic", Sparsity(1, "kl", 0.1, 0.5), 1, 20),
    ([9, 5, 9], "relu", Sparsity(1, "l1", 0.3), 16, 50),
    ([9, 40, 3, 7], "tanh", Sparsity(2, "l1", 0.01), 7, 40),
    ([9, 40, 37, 7], ["tanh", "identity"], Sparsity(2, "l1", 0.05), None, 1300),
    ([30, 70, 30], ["logistic"], Sparsity(1, "l1", 0.2), 600, 700),
    ([6, 34, 5], "softmax", Sparsity(1, "l1", 0.2), 10, 30),
    ([4, 3, 2, 4], "relu", Sparsity(1, "l1", 0.1), 1, 20),
]  # fmt: skip
cases = pytest.mark.parametrize(
    ("layers", "activation", "penalty", "batch_size", "rows"),
    CASES,
    ids=lambda value: f"{value.kind}{value.layer}" if isinstance(value, Sparsity) else None,
)
reductions = pytest.mark.parametrize("reduction", ["mean", "sum"])


def data(layers: list[int], rows: int, dtype: str) -> tuple[Array, Array]:
    rng = np.random.default_rng(2)
    X = rng.standard_normal((rows, layers[0])).astype(dtype)
    return X, rng.random((rows, layers[-1])).astype(dtype)


def total_loss(mlp: dr.MLP | oracle.MLP, X: Array, Y: Array, penalty: Sparsity) -> float:
    """The definition, word by word."""
    o = mlp.forward(X).o[penalty.layer]
    n = len(X)
    S = n if mlp.architecture.reduction == "mean" else 1
    if penalty.kind == "l1":
        P = penalty.weight / S * sum(abs(v) for v in o.ravel())
    else:
        rho, means = penalty.target, o.mean(axis=0)
        kl = rho * np.log(rho / means) + (1 - rho) * np.log((1 - rho) / (1 - means))
        P = penalty.weight * n / S * kl.sum()
    return mlp.loss(X, Y) + float(P)


@reductions
@cases
def test_every_bit_is_the_literal_reference_s(
    layers: list[int], activation: Any, penalty: Sparsity, batch_size: int | None, rows: int,
    reduction: str, dtype: str,
) -> None:  # fmt: skip
    """Weights and losses of whole trainings: any instruction set, any number of threads."""
    X, Y = data(layers, rows, dtype)
    start = dr.MLP(layers, activation, dtype=dtype, seed=1, reduction=reduction, l2=1e-3)
    rule = dr.SGD(0.05 if reduction == "mean" else 1e-4, momentum=0.5)
    reference = literal.MLP(start.architecture, start.w, dtype)
    loops = literal.Trainer(reference, rule, batch_size, penalty)
    order = np.random.default_rng(3).permutation(rows)
    expected = [loops.epoch(X, Y, order) for _ in range(2)]
    before = _core.isa()
    try:
        for isa in _core.available_isas():
            _core.select_isa(isa)
            for n_threads in (1, 2, 3):
                mlp = copy.deepcopy(start)
                trainer = dr.Trainer(mlp, rule, batch_size, n_threads, sparsity=penalty)
                assert [trainer.epoch(X, Y, order) for _ in range(2)] == expected
                assert mlp.w.tobytes() == np.asarray(reference.w).tobytes()
    finally:
        _core.select_isa(before)


@reductions
@cases
def test_training_follows_the_oracle(
    layers: list[int], activation: Any, penalty: Sparsity, batch_size: int | None, rows: int,
    reduction: str,
) -> None:  # fmt: skip
    """In float64 both sides differ by rounding alone, which so few steps hardly amplify."""
    X, Y = data(layers, rows, "float64")
    mlp = dr.MLP(layers, activation, dtype="float64", seed=1, reduction=reduction)
    twin = oracle.MLP.from_architecture(mlp.architecture, mlp.w)
    rule = dr.SGD(0.05 if reduction == "mean" else 1e-4)
    trainer = dr.Trainer(mlp, rule, batch_size, sparsity=penalty)
    expected = oracle.Trainer(twin, rule, batch_size, sparsity=penalty)
    steps = 2 * -(-rows // (batch_size or rows))
    for _ in range(2):
        loss = expected.epoch(X, Y)
        assert_within(trainer.epoch(X, Y), loss, gamma(100 * rows * steps) * loss)
    assert_within(mlp.w, twin.w, gamma(100 * rows * steps) * np.max(np.abs(twin.w)))


@reductions
@pytest.mark.parametrize(
    ("layers", "activation", "penalty"),
    [
        ([3, 4, 2], "logistic", Sparsity(1, "kl", 0.7, 0.2)),
        ([3, 4, 3, 2], ["logistic", "tanh"], Sparsity(1, "kl", 0.7, 0.2)),
        ([3, 4, 3, 2], ["tanh", "logistic"], Sparsity(2, "kl", 2.0, 0.6)),
        ([3, 4, 2], "logistic", Sparsity(1, "l1", 0.4)),
        ([3, 4, 3, 2], "tanh", Sparsity(2, "l1", 0.4)),
        ([3, 4, 3, 2], ["identity", "tanh"], Sparsity(1, "l1", 0.4)),
        ([3, 4, 2], "softmax", Sparsity(1, "l1", 0.4)),
    ],
    ids=str,
)
def test_penalised_gradient_is_the_difference_quotient(
    layers: list[int], activation: Any, penalty: Sparsity, reduction: str
) -> None:
    """One step of gradient descent with eta = 1 shows the gradient, natively and in the oracle."""
    mlp = dr.MLP(layers, activation, dtype="float64", reduction=reduction, l2=0.1)
    for seed in range(100):  # |o| has a kink at 0
        rng = np.random.default_rng(seed)
        mlp.w = w = rng.normal(0, 0.8, mlp.n_weights)
        X, Y = rng.standard_normal((5, layers[0])), rng.standard_normal((5, layers[-1]))
        o = mlp.forward(X).o[penalty.layer]
        if np.all(o > 0) or np.min(np.abs(o)) > KINK_MARGIN:
            break
    else:
        raise AssertionError("no seed keeps o away from the kink")
    total = total_loss(mlp, X, Y, penalty)
    for network, trainer in (
        (mlp, dr.Trainer),
        (oracle.MLP.from_architecture(mlp.architecture, w), oracle.Trainer),
    ):
        loss = trainer(network, dr.SGD(1.0), None, sparsity=penalty).epoch(X, Y)  # type: ignore[operator]
        assert_within(loss, total, gamma(1000) * total)
        gradient = w - network.w

        def loss_at(v: Array, network: Any = network) -> float:
            network.w = v
            return total_loss(network, X, Y, penalty)

        assert_is_derivative(gradient, loss_at, w, gamma(10 * mlp.n_weights) * total)


@reductions
def test_kl_by_hand(reduction: str) -> None:
    """x = 1, 3 and weights 0: o = 1/2, rho_hat = 1/2, so with rho = 1/4 and beta = 1/2 the pull is
    1/2 (1/4 - 1/2) / (1/4) = -1/2 and delta = f' u = -1/8; dW = -(1/S) sum delta [x, 1]."""
    mlp = dr.MLP([1, 1, 1], "logistic", dtype="float64", reduction=reduction)
    mlp.w = np.zeros(4)
    trainer = dr.Trainer(mlp, dr.SGD(1.0), None, sparsity=Sparsity(1, "kl", 0.5, 0.25))
    loss = trainer.epoch([[1.0], [3.0]], [[0.0], [0.0]])
    times = 1 if reduction == "mean" else 2
    P = times * 0.5 * (0.25 * np.log(0.5) + 0.75 * np.log(1.5))
    assert_within(loss, P, gamma(8) * P)
    assert mlp.w.tolist() == [times * -0.25, times * -0.125, 0, 0]


@reductions
def test_l1_by_hand(reduction: str) -> None:
    """x = 1, -1, 3 through W = 1 and relu: o = 1, 0, 3; the pull is -beta, and 0 where o is 0."""
    mlp = dr.MLP([1, 1, 1], "relu", dtype="float64", reduction=reduction)
    mlp.w = np.array([1.0, 0, 0, 0])
    trainer = dr.Trainer(mlp, dr.SGD(1.0), 3, sparsity=Sparsity(1, "l1", 0.75))
    S = 3 if reduction == "mean" else 1
    assert trainer.epoch([[1.0], [-1.0], [3.0]], [[0.0], [0.0], [0.0]]) == 3.0 / S
    assert mlp.w.tolist() == [1 - 3.0 / S, -1.5 / S, 0, 0]


def test_l1_pulls_no_zero() -> None:
    """x = -2, 0, 0 through W = 1 and no activation: o = -2, 0, 0, and only -2 is drawn up."""
    mlp = dr.MLP([1, 1, 1], "identity", dtype="float64", reduction="sum")
    mlp.w = np.array([1.0, 0, 0, 0])
    trainer = dr.Trainer(mlp, dr.SGD(1.0), 3, sparsity=Sparsity(1, "l1", 0.75))
    assert trainer.epoch([[-2.0], [0.0], [0.0]], [[0.0], [0.0], [0.0]]) == 1.5
    assert mlp.w.tolist() == [1 - 1.5, 0.75, 0, 0]


def test_oracle_s_penalties_by_hand() -> None:
    o = np.array([[0.5, 0.125], [0.25, 0.5]])
    assert sparsity.mean_outputs(o).tolist() == [0.375, 0.3125]
    assert sparsity.l1_penalty(o, 2.0, 2.0) == 1.375
    half = np.full((3, 2), 0.5)
    assert sparsity.kl_penalty(half, 2.0, 0.5, 3.0, 1e-16) == 0.0
    assert (sparsity.pull(Sparsity(1, "kl", 2.0, 0.25), half, 1e-16) == -2.0).all()
    signs = np.array([[-3.0, 0.0, 0.5]])
    assert sparsity.pull(Sparsity(1, "l1", 2.0), signs, 1e-16).tolist() == [[2.0, 0.0, -2.0]]
    assert sparsity.penalty(Sparsity(1, "l1", 2.0), signs, 1.0, 1e-16) == 7.0
    assert sparsity.penalty(Sparsity(1, "kl", 1.0, 0.5), half, 1.0, 1e-16) == 0.0


def test_saturated_codes_stay_finite(dtype: str) -> None:
    """Means that round to 0 and 1 are clipped as probabilities are, (35)."""
    mlp = dr.MLP([1, 2, 1], "logistic", dtype=dtype)
    mlp.w = np.array([1000.0, 0, -1000.0, 0, 1, 1, 0])
    trainer = dr.Trainer(mlp, dr.SGD(1e-3), None, sparsity=Sparsity(1, "kl", 1.0, 0.5))
    eps = float(np.finfo(dtype).eps)
    each = 0.5 * np.log(0.5 / eps) + 0.5 * np.log(0.5 / (1 - eps))
    assert trainer.epoch(np.ones((4, 1)), np.ones((4, 1))) == pytest.approx(2 * each, rel=1e-3)
    assert np.isfinite(mlp.w).all()


def test_means_of_the_code_come_to_the_target() -> None:
    """On the digits: with KL every unit is on for about the share rho of them, without for half."""
    X = load_digits()[0]
    means = {}
    for weight in (0.0, 3.0):
        mlp = dr.MLP([64, 25, 64], "logistic", output="logistic", seed=0)
        trainer = dr.Trainer(mlp, dr.Adam(0.01), 100, sparsity=Sparsity(1, "kl", weight, 0.05))
        losses = [trainer.epoch(X, X) for _ in range(30)]
        assert losses[-1] < losses[0]
        means[weight] = mlp.forward(X).o[1].mean(axis=0)
    assert np.abs(means[3.0] - 0.05).max() < 0.02
    assert means[0.0].mean() > 0.2


def test_l1_makes_a_relu_code_sparse() -> None:
    X = load_digits()[0]
    on = {}
    for weight in (0.0, 0.3):
        mlp = dr.MLP([64, 25, 64], "relu", seed=0)
        trainer = dr.Trainer(mlp, dr.Adam(0.01), 100, sparsity=Sparsity(1, "l1", weight))
        for _ in range(30):
            trainer.epoch(X, X)
        on[weight] = np.mean(mlp.forward(X).o[1] > 0)
    assert on[0.3] < on[0.0] / 2


@pytest.mark.parametrize("kind", ["kl", "l1"])
def test_weight_zero_is_no_penalty(kind: str, dtype: str) -> None:
    X, Y = data([5, 40, 3], 600, dtype)
    plain = dr.MLP([5, 40, 3], "logistic", dtype=dtype, seed=0)
    mlp = copy.deepcopy(plain)
    loss = dr.Trainer(plain, batch_size=290).epoch(X, Y)
    trainer = dr.Trainer(mlp, batch_size=290, sparsity=Sparsity(1, kind, 0.0))
    assert trainer.epoch(X, Y) == loss
    assert mlp.w.tobytes() == plain.w.tobytes()


@pytest.mark.parametrize("kind", ["kl", "l1"])
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))])
def test_copies_keep_the_penalty(kind: str, copied: Any) -> None:
    X, Y = data([5, 4, 3], 50, "float32")
    trainer = dr.Trainer(dr.MLP([5, 4, 3], "logistic", seed=0), sparsity=Sparsity(1, kind, 0.3))
    trainer.epoch(X, Y)
    twin = copied(trainer)
    assert twin.sparsity == trainer.sparsity == Sparsity(1, kind, 0.3)
    assert twin.epoch(X, Y) == trainer.epoch(X, Y)
    assert twin.mlp.w.tobytes() == trainer.mlp.w.tobytes()


def test_a_pickle_from_before_has_no_penalty() -> None:
    state = dr.Trainer(dr.MLP([2, 3, 1])).__getstate__()
    del state["sparsity"]
    trainer = dr.Trainer.__new__(dr.Trainer)
    trainer.__setstate__(state)
    assert trainer.sparsity is None


def test_repr_names_the_penalty() -> None:
    mlp, twin = dr.MLP([2, 3, 1], "tanh"), oracle.MLP([2, 3, 1], "tanh")
    penalty = Sparsity(1, "l1", 0.5)
    for trainer in (dr.Trainer(mlp, sparsity=penalty), oracle.Trainer(twin, sparsity=penalty)):
        assert repr(trainer).endswith(f", sparsity={penalty!r})")
    assert "sparsity" not in repr(dr.Trainer(mlp))


@pytest.mark.parametrize("rows", [700, 1500])
def test_a_bad_row_leaves_everything(rows: int) -> None:
    X, Y = data([5, 40, 3], rows, "float32")
    X[rows - 3, 2] = np.nan
    mlp = dr.MLP([5, 40, 3], "logistic", seed=0)
    w = mlp.w.copy()
    trainer = dr.Trainer(mlp, batch_size=None, n_threads=2, sparsity=Sparsity(1, "kl"))
    with pytest.raises(ValueError, match=rf"X: .*row {rows - 3}"):
        trainer.epoch(X, Y)
    assert mlp.w.tobytes() == w.tobytes()
    assert np.isfinite(trainer.epoch(X[:600], Y[:600]))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"layer": 0}, ValueError, "layer: 0; expected an integer >= 1"),
        ({"layer": 1.0}, TypeError, "layer: 1.0 of type float; expected an integer >= 1"),
        ({"kind": "l2"}, ValueError, "kind: 'l2'; expected 'kl' or 'l1'"),
        ({"kind": 1}, TypeError, "kind: 1 of type int; expected 'kl' or 'l1'"),
        ({"weight": -0.1}, ValueError, "weight: -0.1; expected a finite number >= 0"),
        ({"weight": np.inf}, ValueError, "weight: inf; expected a finite number >= 0"),
        ({"weight": "1"}, TypeError, "weight: '1' of type str; expected a finite number >= 0"),
        ({"target": 0.0}, ValueError, "target: 0.0; expected a number > 0 and < 1"),
        ({"target": 1}, ValueError, "target: 1; expected a number > 0 and < 1"),
    ],
)
def test_bad_penalties(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as raised:
        Sparsity(**{"layer": 1, **arguments})
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("layers", "activation", "penalty", "error", "message"),
    [
        ([2, 3, 1], "logistic", "kl", TypeError, "sparsity: 'kl' of type str; expected a Sparsity"),
        ([2, 3, 1], "logistic", Sparsity(2), ValueError, "layer 2; expected 1 ... 1, a hidden"),
        ([2, 1], (), Sparsity(1), ValueError, "layer 1; expected a network with a hidden layer"),
        ([2, 3, 1], "tanh", Sparsity(1), ValueError, "'kl' on layer 1, of activation 'tanh'; exp"),
        ([2, 3, 2, 1], ["logistic", "relu"], Sparsity(2), ValueError, "expected 'logistic', as KL"),
        ([2, 3, 1], "logistic", Sparsity(1, "kl", 1e300), ValueError, "weight inf, target 0.05"),
        ([2, 3, 1], "logistic", Sparsity(1, "kl", 1, 1e-60), ValueError, "target 0.0 as float32"),
        ([2, 3, 1], "logistic", Sparsity(1, "kl", 1, 1 - 1e-12), ValueError, "target 1.0 as float"),
    ],
)  # fmt: skip
def test_penalties_that_do_not_go_with_the_network(
    layers: list[int], activation: Any, penalty: Any, error: type[Exception], message: str
) -> None:
    for network, trainer in ((dr.MLP, dr.Trainer), (oracle.MLP, oracle.Trainer)):
        with pytest.raises(error) as raised:
            trainer(network(layers, activation), sparsity=penalty)  # type: ignore[operator]
        assert str(raised.value).startswith("sparsity: ")
        assert message in str(raised.value)


@pytest.mark.parametrize("layer", [-1, 2])
def test_a_layer_that_is_not_hidden_below_python(layer: int) -> None:
    network = dr.MLP([2, 3, 1], seed=0)._network
    with pytest.raises(ValueError, match=f"^sparsity: layer {layer} is not hidden"):
        _core.Trainer(network, "sgd", {"eta": 0.1}, 0, 0, (layer, "l1", 1.0, 0.0))
