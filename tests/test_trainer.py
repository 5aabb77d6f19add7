# SPDX-License-Identifier: BSD-3-Clause
"""The training loop: each update against the oracle's formula, chunks of a batch, a model that is
read while it is trained, and the threads it takes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from tolerances import assert_within, unit_roundoff
from trainings import TRAININGS, Training

import deltarule as dr
from deltarule.oracle import literal
from deltarule.oracle import optimizers as oracle

RULES = [dr.SGD(0.05), dr.SGD(0.05, momentum=0.9), dr.Adam(0.01)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kernel)
@pytest.mark.parametrize("training", TRAININGS[:8], ids=lambda training: training.name)
def test_each_update_is_the_oracle_s(
    training: Training, rule: dr.SGD | dr.Adam, isa: str, dtype: str
) -> None:
    """One full-batch step at a time, from the native gradient and state: equations (29) to (31).

    Bounds, u the unit roundoffs of both sides: sgd and momentum round w, v, eta and mu once each;
    Adam's step goes through ten operations on rounded constants, w through one.
    """
    u = unit_roundoff(dtype) + unit_roundoff("float64")
    mlp = training.network(dtype)
    X, Y = training.data(dtype)
    trainer = dr.Trainer(mlp, rule, batch_size=None)
    for _ in range(4):
        w, g = mlp.w.astype(float), mlp.gradient(X, Y).astype(float)
        slots = [slot.astype(float) for slot in trainer.state["slots"]]
        trainer.epoch(X, Y)
        state = trainer.state
        if rule.kernel == "sgd":
            new = oracle.sgd(w, g, rule.eta)
            assert_within(mlp.w, new, u * np.abs(new) + 3 * u * rule.eta * np.abs(g))
        elif isinstance(rule, dr.SGD):
            new, v = oracle.momentum(w, g, *slots, rule.eta, rule.momentum)
            v_error = u * np.abs(v) + 3 * u * np.abs(rule.momentum * slots[0])
            assert_within(state["slots"][0], v, v_error)
            step_error = 3 * u * rule.eta * np.abs(v) + 2 * rule.eta * v_error
            assert_within(mlp.w, new, u * np.abs(new) + step_error)
        else:
            powers = state["beta_1_power"], state["beta_2_power"]
            new, m, v = oracle.adam(
                w, g, *slots, rule.eta, rule.beta_1, rule.beta_2, rule.eps, *powers
            )
            # m may cancel: its error is measured by what was added up.
            m_error = 4 * u * (rule.beta_1 * np.abs(slots[0]) + (1 - rule.beta_1) * np.abs(g))
            tiny = float(np.finfo(dtype).smallest_subnormal)
            assert_within(state["slots"][0], m, m_error + tiny)
            assert_within(state["slots"][1], v, 8 * u * v + 4 * tiny)
            root = np.sqrt(v / (1 - powers[1])) + rule.eps
            step_error = 16 * u * np.abs(w - new) + 2 * rule.eta / (1 - powers[0]) * m_error / root
            # Where v underflows, its error may be all of it: then the step is at most its size.
            lost = np.where(v < 2**10 * float(np.finfo(dtype).tiny), 2 * np.abs(w - new), 0)
            assert_within(mlp.w, new, 2 * u * np.abs(new) + step_error + lost)


@pytest.mark.parametrize("output", ["identity", "tanh", "softmax", "relu"])
def test_squared_error_is_half_of_it_at_twice_the_rate(output: str, isa: str, dtype: str) -> None:
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(50, 7)), rng.normal(size=(50, 3))
    halved, whole = (
        dr.MLP([7, 9, 3], "tanh", output, loss, dtype=dtype, seed=0)
        for loss in ("half_squared_error", "squared_error")
    )
    assert whole.loss(X, Y) == 2 * halved.loss(X, Y)
    assert np.array_equal(whole.gradient(X, Y), 2 * halved.gradient(X, Y))
    for _ in range(3):
        twice = dr.Trainer(halved, dr.SGD(0.25), 16).epoch(X, Y)
        assert dr.Trainer(whole, dr.SGD(0.125), 16).epoch(X, Y) == 2 * twice
        assert np.array_equal(whole.w, halved.w)


@pytest.mark.parametrize("rows", [1, 5, 300])
@pytest.mark.parametrize("units", [3, 33])
def test_l1_pulls_weights_by_their_sign_alone(units: int, rows: int, isa: str, dtype: str) -> None:
    """Against the same gradient without it: every path of a step, biases and zeros left alone."""
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(rows, 70)), rng.normal(size=(rows, units))
    plain = dr.MLP([70, units], dtype=dtype, seed=0)
    w = np.array(plain.w)
    w[::7] = 0
    plain.w = w
    for l2 in (0.0, 0.25):
        options = {"output": "identity", "dtype": dtype, "l2": l2}
        without, penalised = (
            dr.MLP([70, units], **options, l1=l1) for l1 in (0.0, 0.125)
        )  # fmt: skip
        without.w = penalised.w = w
        sign = np.sign(penalised.W[0])
        sign[:, -1] = 0
        expected = without.gradient(X, Y) + np.dtype(dtype).type(0.125) * sign.ravel()
        assert penalised.gradient(X, Y).tobytes() == expected.tobytes()
        reference = literal.MLP(penalised.architecture, w)
        assert reference.gradient(X, Y).tobytes() == expected.tobytes()
        assert reference.loss(X, Y) == penalised.loss(X, Y)
        trainer = dr.Trainer(penalised, dr.SGD(0.5), None)
        trainer.epoch(X, Y)
        assert_within(
            penalised.w, w - expected / 2, unit_roundoff(dtype) * (np.abs(w) + np.abs(expected))
        )


def test_l1_leaves_a_sparse_network() -> None:
    """Of 40 features 3 matter: the others' weights end within a step of 0, unlike under l2."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(300, 40))
    Y = X[:, :3] @ [2.0, -3.0, 1.0] + rng.normal(0, 0.5, 300)
    eta, small = 0.01, {}
    for name in ("l1", "l2"):
        mlp = dr.MLP([40, 1], dtype="float64", seed=0, **{name: 0.2})
        mlp.fit(X, Y, dr.SGD(eta), batch_size=None, epochs=2000)
        small[name] = np.abs(mlp.W[0][0, :-1]) <= 2 * eta * 0.2  # |g| < l1 at 0
    assert small["l1"].tolist() == [False] * 3 + [True] * 37
    assert small["l2"].sum() < 10


def test_chunks_of_a_batch_change_no_bit() -> None:
    """5000 rows at once stream through in chunks; the sums equal those of the literal loops."""
    from deltarule.oracle import literal

    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((5000, 6)).astype("f4"), rng.standard_normal((5000, 2)).astype("f4")
    mlp = dr.MLP([6, 5, 2], "tanh", seed=0)
    reference = literal.MLP(mlp.architecture, mlp.w, "float32")
    trainer = dr.Trainer(mlp, dr.SGD(0.1), None, n_threads=2)
    expected = literal.Trainer(reference, dr.SGD(0.1), None)
    for _ in range(2):
        assert trainer.epoch(X, Y) == expected.epoch(X, Y)
    assert mlp.w.tobytes() == np.asarray(reference.w).tobytes()


def test_a_prediction_beside_a_training_is_of_a_whole_epoch() -> None:
    """Never a torn w: each prediction has the bits of some finished epoch's weights."""
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((64, 20)), rng.standard_normal((64, 3))
    mlp = dr.MLP([20, 150, 3], seed=0)
    epochs = 60
    twin = dr.MLP([20, 150, 3], seed=0)
    trainer = dr.Trainer(twin, batch_size=16)
    whole = {twin.predict(X).tobytes()}
    for _ in range(epochs):
        trainer.epoch(X, Y)
        whole.add(twin.predict(X).tobytes())
    assert len(whole) == epochs + 1

    live = dr.Trainer(mlp, batch_size=16)
    thread = threading.Thread(target=lambda: [live.epoch(X, Y) for _ in range(epochs)])
    seen = set()
    thread.start()
    while thread.is_alive():
        seen.add(mlp.predict(X).tobytes())
    thread.join()
    assert seen <= whole
    assert mlp.w.tobytes() == twin.w.tobytes()


def threads_of(environment: dict[str, str], cores: int | None = None) -> int:
    """The default number of threads in a process of its own."""
    code = "import deltarule; print(deltarule.info().threads)"
    if cores is not None:
        some = sorted(os.sched_getaffinity(0))[:cores]
        code = f"import os; os.sched_setaffinity(0, {some}); {code}"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=clean | environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="needs CPU affinity")
def test_default_threads() -> None:
    """As many as cores may be used, or as OMP_NUM_THREADS says."""
    assert 1 <= threads_of({}) <= len(os.sched_getaffinity(0))
    assert threads_of({}, cores=1) == 1
    assert threads_of({"OMP_NUM_THREADS": "1"}) == 1
    assert threads_of({"OMP_NUM_THREADS": "3"}) == 3


def test_layers_wider_and_deeper_than_any_tile() -> None:
    """A shape with every remainder at once learns, with the same bits at any thread count."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((333, 77)).astype("f4")
    Y = np.tanh(X @ rng.standard_normal((77, 35)).astype("f4") / 9)
    losses = []
    for n_threads in (1, 2, 7):
        mlp = dr.MLP([77, 129, 1, 65, 35], "tanh", seed=0)
        trainer = dr.Trainer(mlp, dr.Adam(1e-3), 50, n_threads)
        losses.append(tuple(trainer.epoch(X, Y) for _ in range(3)))
    assert losses[0] == losses[1] == losses[2]
    assert losses[0][2] < losses[0][0]
