# SPDX-License-Identifier: BSD-3-Clause
"""The numerics contract, clause by clause: one definition of every number."""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trainings import TRAININGS, Training, fingerprint, momentum, trained

import deltarule as dr
from deltarule import _core, losses
from deltarule.oracle import literal

named = pytest.mark.parametrize("training", TRAININGS, ids=lambda training: training.name)


@named
def test_threads_and_instruction_sets_change_no_bit(training: Training, dtype: str) -> None:
    """Clauses 1 and 4: weights and losses after whole trainings, on every combination."""
    hashes = {
        (isa, n_threads): fingerprint(*trained(training, dtype, isa, n_threads))
        for isa in _core.available_isas()
        for n_threads in (1, 2, 3, 5)
    }
    assert len(set(hashes.values())) == 1, hashes


def test_blocks_of_the_batch_in_several_groups() -> None:
    """Clauses 1 and 3: totals that meet more than once in a step, however rows are split."""
    training = Training(
        (200, 256, 8), "relu", "identity", "half_squared_error", momentum, None, 4500
    )
    hashes = {
        n: fingerprint(*trained(training, "float32", _core.isa(), n)) for n in (1, 2, 3, 4, 5, 16)
    }
    assert len(set(hashes.values())) == 1, hashes


@named
def test_literal_reference_reproduces_training(training: Training, dtype: str) -> None:
    """Clause 5: plain loops over d, j, i give the weights and losses of the kernels."""
    mlp, losses = trained(training, dtype, _core.isa(), 2)
    start = training.network(dtype)
    reference = literal.MLP(start.architecture, start.w, dtype)
    trainer = literal.Trainer(reference, training.optimizer, training.batch_size)
    X, Y = training.data(dtype)
    literal_losses = [trainer.epoch(X, Y, order) for order in training.orders()]
    assert literal_losses == losses
    assert np.asarray(reference.w).tobytes() == mlp.w.tobytes()


@named
def test_prediction_by_rows_and_at_once(training: Training, dtype: str, isa: str) -> None:
    """Clause 2: a row's prediction has the same bits alone, in any split, and among all."""
    mlp = training.network(dtype)
    X, _ = training.data(dtype)
    at_once = mlp.predict(X)
    alone = np.vstack([mlp.predict(X[i : i + 1]) for i in range(len(X))])
    cuts = np.split(X, [1, 4, 17, 60 % len(X)][: len(X)])
    split = np.vstack([mlp.predict(part, n_threads=3) for part in cuts if len(part)])
    assert at_once.tobytes() == alone.tobytes() == mlp.forward(X).y_hat.tobytes()
    if len(split) == len(X):
        assert at_once.tobytes() == split.tobytes()


@named
def test_micro_batches_keep_the_gradient(training: Training, dtype: str) -> None:
    """Clause 3: trace, streamed gradient and literal reference agree on every bit."""
    mlp = training.network(dtype)
    X, Y = training.data(dtype)
    back = mlp.backward(mlp.forward(X), Y)
    reference = literal.MLP(mlp.architecture, mlp.w, dtype)
    expected = reference.backward(reference.forward(X), Y)
    for n_threads in (1, 3):
        gradient = mlp.gradient(X, Y, n_threads=n_threads)
        assert (
            gradient.tobytes() == back.gradient.tobytes() == np.asarray(expected.gradient).tobytes()
        )
    assert mlp.loss(X, Y) == back.loss == expected.loss


def network_strategy() -> st.SearchStrategy[Training]:
    """Any small network with any pair of output and loss, optimizer and batch size."""
    size = st.one_of(st.integers(1, 20), st.sampled_from([31, 32, 33, 48, 65]))
    hidden = st.lists(size, max_size=3)
    pair = st.sampled_from(
        [("softmax", "cross_entropy"), ("logistic", "binary_cross_entropy"),
         ("softmax", "binary_cross_entropy"), ("identity", "half_squared_error"),
         ("tanh", "half_squared_error"), ("relu", "half_squared_error"),
         ("logistic", "half_squared_error"), ("softmax", "half_squared_error"),
         ("relu", "squared_error"), ("softmax", "squared_error"), ("tanh", "absolute"),
         ("identity", "huber(0.5)"), ("identity", "quantile(0.2)"), ("softmax", "log_cosh"),
         ("exponential", "poisson"), ("exponential", "gamma"), ("exponential", "tweedie"),
         ("identity", "hinge"), ("identity", "squared_hinge"), ("logistic", "focal"),
         ("softmax", "focal(0.7)"), ("softmax", "kl_divergence"), ("gaussian", "gaussian_nll"),
         ("softmax", "cross_entropy(0.3)"), ("logistic", "binary_cross_entropy(0.3)")]
    )  # fmt: skip
    names = st.sampled_from(["identity", "logistic", "tanh", "relu", "softmax"])

    @st.composite
    def build(draw: st.DrawFn) -> Training:
        inner = draw(hidden)
        output, loss = draw(pair)
        last = max(2, draw(size)) if output == "softmax" else draw(size)
        layers = (draw(size), *inner, 2 * last if output == "gaussian" else last)
        activation = tuple(
            draw(names) if h > 1 else draw(names.filter(lambda f: f != "softmax")) for h in inner
        )
        rule = draw(st.sampled_from([dr.SGD(0.003), dr.SGD(0.003, momentum=0.5), dr.Adam(0.01)]))
        batch_size = draw(st.one_of(st.none(), st.integers(1, 20)))
        labels = losses.read(loss).takes_labels(layers[-1]) and draw(st.booleans())
        options = {
            "l2": draw(st.sampled_from([0.0, 0.01])),
            "l1": draw(st.sampled_from([0.0, 0.0, 0.01])),
            "reduction": draw(st.sampled_from(["mean", "sum"])),
        }
        rows = draw(st.integers(1, 30))
        return Training(layers, activation, output, loss, rule, batch_size, rows, labels, options)

    return build()


@settings(max_examples=60)
@given(training=network_strategy(), dtype=st.sampled_from(["float32", "float64"]), pick=st.data())
def test_any_network_equals_its_literal_reference(
    training: Training, dtype: str, pick: st.DataObject
) -> None:
    isa = pick.draw(st.sampled_from(_core.available_isas()))
    mlp, losses = trained(training, dtype, isa, pick.draw(st.integers(1, 3)))
    start = training.network(dtype)
    reference = literal.MLP(start.architecture, start.w, dtype)
    trainer = literal.Trainer(reference, training.optimizer, training.batch_size)
    X, Y = training.data(dtype)
    assert [trainer.epoch(X, Y, order) for order in training.orders()] == losses
    assert np.asarray(reference.w).tobytes() == mlp.w.tobytes()


def test_environment_override_takes_effect() -> None:
    """DELTARULE_ISA chooses the set before the first call; an unknown name is an error."""

    def isa_of(name: str) -> subprocess.CompletedProcess[str]:
        code = "import deltarule; print(deltarule.info().instruction_set)"
        environment = {**os.environ, "DELTARULE_ISA": name}
        command = [sys.executable, "-c", code]
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    for name in _core.available_isas():
        assert isa_of(name).stdout.strip() == name
    refused = isa_of("sse9")
    assert refused.returncode != 0
    assert "DELTARULE_ISA: got 'sse9'" in refused.stderr


@contextmanager
def rounding_up_and_flushing() -> Iterator[None]:
    """The calling thread rounds up and flushes subnormals, as foreign code may leave it."""
    libm = ctypes.CDLL("libm.so.6")
    saved, foreign = (ctypes.c_uint32 * 8)(), (ctypes.c_uint32 * 8)()
    libm.fegetenv(saved)
    libm.fegetenv(foreign)
    foreign[7] |= 0x8000 | 0x4000 | 0x0040  # MXCSR: flush to zero, round up, denormals are zero
    libm.fesetenv(foreign)
    try:
        yield
    finally:
        libm.fesetenv(saved)


@pytest.mark.skipif(
    (platform.machine(), platform.libc_ver()[0]) != ("x86_64", "glibc"),
    reason="sets the MXCSR register where glibc's fenv_t has it",
)
@pytest.mark.parametrize("training", TRAININGS[:4], ids=lambda training: training.name)
def test_floating_point_modes_of_the_caller(training: Training, dtype: str) -> None:
    """Foreign modes change no bit, and the caller finds its own again."""
    X, Y = training.data(dtype)

    def results(trainer: dr.Trainer) -> tuple[object, ...]:
        loss = trainer.epoch(X, Y)
        mlp = trainer.mlp
        return (
            loss,
            mlp.w.tobytes(),
            mlp.loss(X, Y),
            mlp.gradient(X, Y).tobytes(),
            mlp.predict(X).tobytes(),
        )

    trainers = [dr.Trainer(training.network(dtype), training.optimizer, 16, 2) for _ in range(2)]
    expected = results(trainers[0])
    tiny = np.full(1, np.finfo(dtype).smallest_subnormal)
    with rounding_up_and_flushing():
        assert (tiny + 0)[0] == 0, "the mode is not set: this test proves nothing"
        assert results(trainers[1]) == expected
        assert (tiny + 0)[0] == 0, "the caller's mode is gone"
    assert (tiny + 0)[0] > 0
