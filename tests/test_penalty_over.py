# SPDX-License-Identifier: BSD-3-Clause
"""penalty_over="batch" (G7): gamma(w) divided by S, as scikit-learn's alpha."""

import copy
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damaged_files import crafted_like
from numpy.typing import NDArray
from tolerances import assert_within, gamma, trajectory_bound
from trainings import TRAININGS, Training

import deltarule as dr
from deltarule import _core, oracle
from deltarule.files import container
from deltarule.oracle import literal

Array = NDArray[Any]

# Every path of a step: single rows, short last batches, chunks, blocks of the batch; l1, sums.
OVER_THE_BATCH = [
    replace(training, options={"l2": 0.3, **training.options, "penalty_over": "batch"})
    for training in TRAININGS
    if training.options.keys() & {"l2", "l1"} or training.batch_size in (1, 1100)
] + [
    replace(TRAININGS[0], optimizer=dr.Adam(0.01, clip_norm=0.1, max_norm=1.0, weight_decay=0.1),
            options={"l2": 2.0, "penalty_over": "batch"}),
    replace(TRAININGS[3], options={"l1": 0.1, "reduction": "sum", "penalty_over": "batch"}),
]  # fmt: skip
over_the_batch = pytest.mark.parametrize("training", OVER_THE_BATCH, ids=lambda t: t.name)


def weights(n: int) -> Array:
    s: Array = np.random.default_rng(5).choice([0.0, 0.0, 1.0, 2.0, 0.3, 7.7], n)
    s[n // 2] = 1.5
    return s


@over_the_batch
@pytest.mark.parametrize("weighted", [False, True])
def test_every_bit_is_the_literal_reference_s(
    training: Training, dtype: str, weighted: bool
) -> None:
    X, Y = training.data(dtype)
    s = weights(len(X)) if weighted else None
    start = training.network(dtype)
    reference = literal.MLP(start.architecture, start.w, dtype)
    loops = literal.Trainer(reference, training.optimizer, training.batch_size)
    expected = [loops.epoch(X, Y, order, s) for order in training.orders()]
    before = _core.isa()
    try:
        for isa in _core.available_isas():
            _core.select_isa(isa)
            for n_threads in (1, 2, 3):
                trainer = dr.Trainer(
                    training.network(dtype), training.optimizer, training.batch_size, n_threads
                )
                losses = [trainer.epoch(X, Y, order, s) for order in training.orders()]
                assert losses == expected
                assert trainer.mlp.w.tobytes() == np.asarray(reference.w).tobytes()
    finally:
        _core.select_isa(before)


@over_the_batch
@pytest.mark.parametrize("weighted", [False, True])
def test_one_gradient(training: Training, dtype: str, weighted: bool) -> None:
    mlp = training.network(dtype)
    X, Y = training.data(dtype)
    s = weights(len(X)) if weighted else None
    back = mlp.backward(mlp.forward(X), Y, sample_weight=s)
    reference = literal.MLP(mlp.architecture, mlp.w, dtype)
    expected = reference.backward(reference.forward(X), Y, None, s)
    for n_threads in (1, 3):
        gradient = mlp.gradient(X, Y, n_threads, s)
        assert gradient.tobytes() == back.gradient.tobytes() == expected.gradient.tobytes()
        assert mlp.loss(X, Y, n_threads, s) == back.loss == expected.loss
        assert reference.loss(X, Y, s) == expected.loss


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_by_hand(reduction: str, dtype: str) -> None:
    """One weight of 2, targets 0, rows of 1: L_i = 2, and the weights of the batch are 4."""
    X, Y, s = np.ones((3, 1)), np.zeros((3, 1)), [1.0, 0.0, 3.0]
    options: dict[str, Any] = {"l2": 0.5, "l1": 2.0, "reduction": reduction, "dtype": dtype}
    S = 4 if reduction == "mean" else 1
    for network, trains in ((dr.MLP, dr.Trainer), (oracle.MLP, oracle.Trainer)):
        mlp = network([1, 1], penalty_over="batch", **options)
        mlp.w = [2.0, 0.0]
        penalty = 0.5 * 0.5 * 4 + 2.0 * 2
        assert mlp.loss(X, Y, sample_weight=s) == (4 * 2 + penalty) / S
        gradient = [(4 * 2 + 0.5 * 2 + 2.0) / S, 4 * 2 / S]
        assert mlp.gradient(X, Y, sample_weight=s).tolist() == gradient
        # The third row alone: a batch of weight 3.
        one = 3 if reduction == "mean" else 1
        trains(mlp, dr.SGD(1.0), 1).epoch(X, Y, [2], s)
        assert mlp.w.tolist() == [2 - (3 * 2 + 0.5 * 2 + 2.0) / one, -3 * 2 / one]


def test_what_it_does_not_change(dtype: str) -> None:
    """The default by its name, and sums, whose S is 1: no bit."""
    training = replace(TRAININGS[0], options={"l2": 0.1})
    X, Y = training.data(dtype)
    for options in ({}, {"reduction": "sum"}):
        ends = []
        for over in ({}, {"penalty_over": "loss"}, {"penalty_over": "batch"}):
            mlp = replace(training, options={"l2": 0.1, **options, **over}).network(dtype)
            losses = [dr.Trainer(mlp, batch_size=40).epoch(X, Y)]
            ends.append((mlp.w.tobytes(), losses))
        assert ends[0] == ends[1]
        assert (ends[0] == ends[2]) == bool(options)


@pytest.mark.parametrize("weighted", [False, True])
def test_oracle_bounds_it_and_difference_quotients_agree(dtype: str, weighted: bool) -> None:
    rng = np.random.default_rng(1)
    X, Y = rng.normal(size=(30, 5)), rng.random((30, 3))
    s = weights(30) if weighted else None
    mlp = dr.MLP([5, 7, 3], "tanh", dtype=dtype, seed=0, l2=4.0, l1=0.5, penalty_over="batch")
    found = dr.compare(mlp, X, Y, sample_weight=s)
    assert found, found
    assert dr.check_gradient(mlp, X, Y, sample_weight=s).ok
    peer = oracle.MLP.from_architecture(mlp.architecture, mlp.w)
    assert dr.check_gradient(peer, X, Y, sample_weight=s).ok
    off = np.abs(mlp.gradient(X, Y, sample_weight=s) - peer.gradient(X, Y, sample_weight=s))
    assert off.max() <= gamma(100, dtype) * np.abs(mlp.w).max() * 40


def test_minimum_of_least_squares() -> None:
    """gamma(w) over n rows is l2 / n of the mean: the closed form's."""
    pytest.importorskip("scipy")
    rng = np.random.default_rng(4)
    X = rng.normal(size=(50, 4))
    Y = X @ rng.normal(size=(4, 1)) + 1
    mlp = dr.MLP([4, 1], dtype="float64", seed=0, l2=5.0, penalty_over="batch")
    found = dr.minimize(mlp, X, Y, "L-BFGS-B", tol=1e-9)
    known = dr.linear_regression(X, Y, l2=5.0 / 50)
    A = np.hstack([X, np.ones((50, 1))])
    least = np.linalg.eigvalsh(A.T @ A / 50 + 0.1 * np.diag([1] * 4 + [0]))[0]
    bound = np.linalg.norm(found.gradient) / least + gamma(1000) * np.abs(found.w).max() / least
    assert np.linalg.norm(mlp.w - known.W.ravel()) <= bound


def test_files(tmp_path: Path) -> None:
    """A network over the batch comes back so; the others' files know nothing of it."""
    for over in ("loss", "batch"):
        mlp = dr.MLP([4, 3, 2], seed=0, l2=0.5, penalty_over=over)
        mlp.save(tmp_path / over)
        trainer = dr.Trainer(mlp)
        trainer.save(tmp_path / "trainer")
        section = container.read(tmp_path / over, ["model"]).sections["architecture"]
        assert ("penalty_over" in section) == (over == "batch")
        for again in (
            dr.load(tmp_path / over),
            dr.Trainer.load(tmp_path / "trainer").mlp,
            pickle.loads(pickle.dumps(mlp)),
            copy.deepcopy(mlp),
        ):
            assert again.architecture == mlp.architecture
    assert "penalty_over='batch'" in repr(mlp)
    assert eval(repr(mlp), {"MLP": dr.MLP}).architecture == mlp.architecture
    assert str(mlp.summary()).endswith("half_squared_error, mean, l2 0.5 over the batch")


def test_a_checkpoint_of_the_other_is_refused(tmp_path: Path) -> None:
    X, Y = np.ones((6, 2)), np.ones((6, 1))
    file = tmp_path / "checkpoint"
    mlp = dr.MLP([2, 1], seed=0, l2=0.5, penalty_over="batch")
    mlp.fit(X, Y, epochs=2, seed=0, checkpoint=file)
    other = dr.MLP([2, 1], seed=0, l2=0.5)
    with pytest.raises(ValueError, match="architecture"):
        other.fit(X, Y, epochs=4, seed=0, resume=file)
    mlp.fit(X, Y, epochs=4, seed=0, resume=file)


@pytest.mark.parametrize("written", ["loss", "rows", 1, None])
def test_other_words_in_a_file(tmp_path: Path, written: Any) -> None:
    """The default is not written, so a file that has it is none of ours."""
    file = tmp_path / "model"
    dr.MLP([2, 1], seed=0).save(file)
    crafted_like(
        file, lambda parts, _: parts["sections"]["architecture"].update(penalty_over=written)
    )
    with pytest.raises(dr.FileFormatError, match="architecture"):
        dr.load(file)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("outputs", [1, 3])
def test_scikit_learn_s_steps(weighted: bool, outputs: int) -> None:
    """Its weights and its loss_curve_, by the losses of the steps; the last batch is short."""
    pytest.importorskip("sklearn", minversion="1.7")  # its weights of rows
    from sklearn.neural_network import MLPRegressor

    rng = np.random.default_rng(2)
    X, Y = rng.normal(size=(50, 4)), rng.normal(size=(50, outputs))
    s = np.where(rng.random(50) < 0.2, 0.0, 1 + rng.random(50)) if weighted else None
    peer = MLPRegressor(
        hidden_layer_sizes=(6,), activation="tanh", solver="sgd", alpha=3.0, batch_size=16,
        learning_rate_init=0.1, max_iter=1, shuffle=False, momentum=0.0,
        warm_start=True, random_state=0,
    )  # fmt: skip
    given = (X, Y if outputs > 1 else Y[:, 0])
    with pytest.warns(match="Maximum iterations"):  # after every fit
        start = copy.deepcopy(peer).set_params(learning_rate_init=1e-300).fit(*given)
    mlp = dr.MLP([4, 6, outputs], "tanh", dtype="float64", l2=3.0, penalty_over="batch")
    mlp.W = in_rows(start)
    trainer, rows = dr.Trainer(mlp, dr.SGD(0.1), 16), np.array([16, 16, 16, 2])
    losses, largest = [], 0.0
    for _ in range(5):
        with pytest.warns(match="Maximum iterations"):
            peer.fit(*given, sample_weight=s)
        of_steps = np.empty((4, 2))
        trainer.epoch(X, Y, sample_weight=s, step_losses=of_steps)
        L, penalty = of_steps.T
        losses.append(np.sum(rows * ((L - penalty) / outputs + penalty)) / 50)
        largest = max(largest, np.abs(mlp.w).max())
    bound = trajectory_bound(20, 10 * max(largest, 1), 4)
    expected = np.concatenate([W.ravel() for W in in_rows(peer)])
    assert_within(mlp.w, expected, bound)
    assert_within(losses, peer.loss_curve_, bound * max(1, max(losses)) * 10)


def in_rows(peer: Any) -> list[Array]:
    """scikit-learn's weights as W[k], bias last."""
    return [
        np.column_stack([coef.T, bias])
        for coef, bias in zip(peer.coefs_, peer.intercepts_, strict=True)
    ]
