# SPDX-License-Identifier: BSD-3-Clause
"""The oracle as a network that trains: its loop, its state, its interface, its refusals."""

import copy
import pickle

import numpy as np
import pytest
from tolerances import assert_within, gamma

from deltarule import oracle
from deltarule.initialisers import initial_weights
from deltarule.optimizers import SGD, Adam

XOR = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
PARITY = np.array([0, 1, 1, 0])
OPTIMIZERS = [SGD(0.1), SGD(0.1, momentum=0.9), Adam(0.01)]


def regression(n=11, seed=0, **options):
    rng = np.random.default_rng(seed)
    mlp = oracle.MLP([3, 5, 2], "tanh", dtype="float64", seed=seed, **options)
    return mlp, rng.normal(size=(n, 3)), rng.normal(size=(n, 2))


def with_one(array, row, value):
    changed = array.copy()
    changed[row, 1] = value
    return changed


@pytest.mark.parametrize(
    ("output", "loss", "layers"),
    [
        ("logistic", "binary_cross_entropy", [2, 8, 1]),
        ("softmax", "cross_entropy", [2, 8, 2]),
        ("logistic", "half_squared_error", [2, 8, 1]),
        ("tanh", "half_squared_error", [2, 8, 1]),
    ],
)
def test_learns_xor(output, loss, layers):
    mlp = oracle.MLP(layers, "tanh", output, loss, seed=1)
    history = mlp.fit(
        XOR, PARITY, optimizer=Adam(0.03), batch_size=None, epochs=400, validation=(XOR, PARITY)
    )
    predicted = mlp.predict(XOR).argmax(axis=1) if layers[-1] == 2 else mlp.predict(XOR)[:, 0]
    assert np.array_equal(predicted > 0.5, PARITY)
    assert history.validation_loss[-1] < history.loss[0] / 10
    assert len(history) == len(history.loss) == len(history.seconds) == 400
    assert all(speed > 0 for speed in history.samples_per_second)
    if output != "tanh":
        assert np.array_equal(mlp.predict_labels(XOR), PARITY)
        assert mlp.evaluate(XOR, PARITY, "accuracy") == 1.0


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("batch_size", [1, 4, 11, 50, None])
def test_epoch_is_its_batches_one_by_one(optimizer, batch_size):
    mlp, X, Y = regression(l2=0.01)
    other = copy.deepcopy(mlp)
    order = np.array([3, 3, 0, 10, 7, 1, 2])  # repeats, not all rows, a short last batch
    loss = oracle.Trainer(mlp, optimizer, batch_size).epoch(X, Y, order)

    steps, total, size = oracle.Trainer(other, optimizer, None), 0.0, batch_size or len(order)
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        total += len(rows) * other.loss(X[rows], Y[rows])  # before the update
        steps.epoch(X[rows], Y[rows])
    assert loss == total / len(order)
    assert np.array_equal(mlp.w, other.w)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_batch_gradient_is_a_sum_over_samples(reduction):
    mlp, X, Y = regression(reduction=reduction, l2=0.5)
    trace = mlp.forward(X)
    back = mlp.backward(trace, Y)
    S = len(X) if reduction == "mean" else 1
    for k, W in enumerate(mlp.W):
        # delta and dX know nothing of S and l2: they belong to a sample.
        terms = np.array([
            np.outer(delta, [*o, 1.0])
            for delta, o in zip(back.delta[k + 1], trace.o[k], strict=True)
        ])  # fmt: skip
        decay = 0.5 * W * ([1.0] * (W.shape[1] - 1) + [0.0])
        magnitude = np.sum(np.abs(terms), axis=0) / S + np.abs(decay)
        assert_within(back.dW[k], -terms.sum(axis=0) / S + decay, gamma(len(X) + 4) * magnitude)


def test_fit_shuffles_by_its_seed_and_starts_afresh():
    mlp, X, Y = regression()
    by_hand = copy.deepcopy(mlp)
    history = mlp.fit(X, Y, optimizer=SGD(0.1, 0.9), batch_size=4, epochs=3, seed=7)
    rng, trainer = np.random.default_rng(7), oracle.Trainer(by_hand, SGD(0.1, 0.9), 4)
    losses = [trainer.epoch(X, Y, rng.permutation(len(X))) for _ in range(3)]
    assert history.loss == losses
    assert np.array_equal(mlp.w, by_hand.w)
    assert trainer.n_epochs == 3
    assert trainer.state["steps"] == 9
    mlp.fit(X, Y, optimizer=SGD(0.1, 0.9), batch_size=4, epochs=1, shuffle=False)
    oracle.Trainer(by_hand, SGD(0.1, 0.9), 4).epoch(X, Y)
    assert np.array_equal(mlp.w, by_hand.w)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_divergence_keeps_the_last_epoch(optimizer):
    mlp, X, Y = regression()
    trainer = oracle.Trainer(mlp, optimizer, 4)
    trainer.epoch(X, Y)
    w, state = mlp.w.copy(), trainer.state
    huge = with_one(Y, 9, 1e200)  # its square overflows, in step 3
    with pytest.raises(FloatingPointError, match=r"epoch 2, step 3; .* those after epoch 1"):
        trainer.epoch(X, huge)
    assert np.array_equal(mlp.w, w)
    assert trainer.n_epochs == 1
    for key, value in trainer.state.items():
        assert np.array_equal(value, state[key])
    assert np.isfinite(trainer.epoch(X, Y))  # and trains on


def test_state_of_the_optimizers():
    mlp, X, Y = regression()
    trainer = oracle.Trainer(mlp, Adam(), 4)
    trainer.epoch(X, Y)
    state = trainer.state
    assert state["beta_1_power"] == 0.9 * 0.9 * 0.9
    assert [slot.shape for slot in state["slots"]] == [(mlp.n_weights,)] * 2
    state["slots"][0][:] = 0
    assert trainer.state["slots"][0].any()  # it was a copy
    momentum = oracle.Trainer(mlp, SGD(0.1, 0.5), None)
    gradient = mlp.gradient(X, Y)
    momentum.epoch(X, Y)
    assert np.array_equal(momentum.state["slots"][0], gradient)
    assert oracle.Trainer(mlp, SGD()).state["slots"] == []


def test_weights_are_read_only_live_views():
    mlp, X, Y = regression()
    w, W = mlp.w, mlp.W
    for array in (w, *W):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    assert [matrix.shape for matrix in W] == [(5, 4), (2, 6)]
    assert np.array_equal(np.concatenate([m.ravel() for m in W]), w)
    before = w.copy()
    mlp.fit(X, Y, epochs=1)
    assert not np.array_equal(w, before)
    assert np.array_equal(mlp.W[1], W[1])
    mlp.W = [m * 2 for m in W]
    mlp.w = np.ones(mlp.n_weights, np.float32)
    assert np.array_equal(W[0], np.ones((5, 4)))


def test_initial_weights_are_those_of_the_dtype():
    mlp = oracle.MLP([4, 3, 2], seed=5)
    drawn = initial_weights(mlp.architecture, 5)
    assert drawn.dtype == np.float32
    assert mlp.w.dtype == np.float64
    assert np.array_equal(mlp.w, drawn)
    twin = oracle.MLP.from_architecture(mlp.architecture, drawn)
    assert np.array_equal(twin.w, mlp.w)


def test_copies_are_networks_of_their_own():
    mlp, X, Y = regression(input_shift=1.0, input_scale=[1.0, 2.0, 3.0])
    for clone in (copy.deepcopy(mlp), pickle.loads(pickle.dumps(mlp)), copy.copy(mlp)):
        assert np.array_equal(clone.predict(X), mlp.predict(X))
        clone.w = np.zeros(mlp.n_weights)
        assert mlp.w.any()
    trainer = oracle.Trainer(mlp, Adam(), 4)
    trainer.epoch(X, Y)
    for twin in (copy.deepcopy(trainer), pickle.loads(pickle.dumps(trainer))):
        twin.epoch(X, Y)
    trainer.epoch(X, Y)
    assert np.array_equal(twin.mlp.w, mlp.w)


def test_predict_writes_into_out():
    mlp, X, _ = regression()
    out = np.empty((len(X), 2))
    assert mlp.predict(X, out=out) is out
    assert np.array_equal(out, mlp.predict(X, n_threads=2))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m, X, Y: m.loss(X, Y[:3]), ValueError, "as many rows"),
        (lambda m, X, Y: m.loss(X[:, :2], Y), ValueError, r"X: .*expected \(n, 3\)"),
        (lambda m, X, Y: m.loss(with_one(X, 2, np.nan), Y), ValueError, "X: row 2"),
        (lambda m, X, Y: m.loss(X, with_one(Y, 4, np.inf)), ValueError, "Y: row 4"),
        (lambda m, X, Y: m.loss(X.astype(str), Y), TypeError, "X: "),
        (lambda m, X, Y: m.fit(X, Y, optimizer="adam"), TypeError, "optimizer: "),
        (lambda m, X, Y: m.fit(X, Y, batch_size=0), ValueError, "batch_size: 0"),
        (lambda m, X, Y: m.fit(X, Y, epochs=-1), ValueError, "epochs: -1"),
        (lambda m, X, Y: m.fit(X, Y, seed=-1), ValueError, "seed: -1"),
        (lambda m, X, Y: m.fit(X, Y, validation=X), TypeError, "validation: "),
        (lambda m, X, Y: oracle.Trainer(m).epoch(X, Y, [0, 11]), ValueError, "11 at position 1"),
        (lambda m, X, Y: oracle.Trainer(m).epoch(X, Y, [-1]), ValueError, "-1 at position 0"),
        (lambda m, X, Y: oracle.Trainer(m).epoch(X, Y, []), ValueError, "not empty"),
        (lambda m, X, Y: oracle.Trainer("mlp"), TypeError, "mlp: "),
        (lambda m, X, Y: m.evaluate(X, Y, "f1"), ValueError, "metric: 'f1'"),
        (lambda m, X, Y: m.backward(m.forward(X), Y[:2]), ValueError, "Y: 2 rows"),
        (lambda m, X, Y: setattr(m, "w", np.zeros(3)), ValueError, "w: "),
        (lambda m, X, Y: setattr(m, "w", np.full(32, np.nan)), ValueError, "w: "),
        (lambda m, X, Y: setattr(m, "W", [np.zeros((5, 4))]), ValueError, "W: "),
    ],
)
def test_bad_calls_change_nothing(call, error, message):
    mlp, X, Y = regression()
    w = mlp.w.copy()
    with pytest.raises(error, match=message):
        call(mlp, X, Y)
    assert np.array_equal(mlp.w, w)


@pytest.mark.parametrize(
    ("loss", "Y", "message"),
    [
        ("cross_entropy", np.array([0, 2]), r"Y: row 1 holds label 2; expected 0 ... 1"),
        ("cross_entropy", np.array([-1, 0]), r"Y: row 0 holds label -1; expected 0 ... 1"),
        ("cross_entropy", np.array([[0.5, 0.5], [1.5, 0]]), "Y: row 1 holds a value outside"),
        ("binary_cross_entropy", np.array([[0.5, -0.1], [1, 0]]), "Y: row 0 holds a value outside"),
    ],
)
def test_bad_targets(loss, Y, message):
    mlp = oracle.MLP([3, 2], loss=loss, seed=0)
    with pytest.raises(ValueError, match=message):
        mlp.loss(np.zeros((2, 3)), Y)


def test_predict_labels_needs_classes():
    with pytest.raises(ValueError, match="one identity output"):
        oracle.MLP([3, 1]).predict_labels(np.zeros((1, 3)))
