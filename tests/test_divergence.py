# SPDX-License-Identifier: BSD-3-Clause
"""A training that diverges, or meets a bad row, under every loss and optimizer and with callbacks:
it says where, and weights and optimizer state are those of the last finished epoch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule import _validate, losses

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 4))
RULES: list[Any] = [
    dr.SGD(1e30), dr.SGD(1e30, momentum=0.9), dr.SGD(1e30, momentum=0.9, nesterov=True),
    dr.AdaGrad(1e30), dr.RMSProp(1e30), dr.Adam(1e30), dr.AdamW(1e30), dr.NAdam(1e30),
    dr.Lion(1e30), dr.Adam(1e30, amsgrad=True), dr.Adadelta(1e30), dr.Rprop(1e30, most=1e38),
]  # fmt: skip


class Everywhere:
    """A callback at every place."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def on_fit_begin(self, run: Any) -> None:
        self.seen.append("begin")

    def on_batch_end(self, run: Any) -> None:
        assert np.isfinite(run.batch_loss)

    def on_epoch_end(self, run: Any) -> None:
        assert np.isfinite(run.mlp.w).all()

    def on_fit_end(self, run: Any) -> None:
        self.seen.append("end")


def diverges(mlp: dr.MLP, targets: Any, rule: Any, stream: bool = False, **told: Any) -> None:
    """It does so in some epoch, whose number is told; the weights are those before it."""
    before = mlp.w.copy()
    blocks = [(X[:40], targets[:40]), (X[40:], targets[40:])]
    given: Any = (blocks, None) if stream else (X, targets)
    size = None if rule.full_batch else 16
    with pytest.raises(FloatingPointError, match=r"not finite|is nan|infinite") as caught:
        mlp.fit(*given, rule, size, 60, seed=0, shuffle=False, **told)
    history = caught.value.history  # type: ignore[attr-defined]
    assert f"in epoch {len(history) + 1}, step" in str(caught.value)
    assert np.isfinite(mlp.w).all()
    twin = dr.MLP.from_architecture(mlp.architecture, before)
    if len(history):
        twin.fit(X, targets, rule, size, len(history), seed=0, shuffle=False)
    assert mlp.w.tobytes() == twin.w.tobytes()
    # One step an epoch: the last finished epoch is the one that went too far.
    assert rule.full_batch or np.isfinite(mlp.predict(X)).all()


def targets_of(mlp: dr.MLP) -> Any:
    """Some that the loss takes."""
    if mlp.architecture.takes_labels:
        return RNG.integers(0, mlp.layers[-1], 64)
    signs = np.sign(RNG.normal(size=(64, mlp.architecture.n_targets)))
    return signs if "hinge" in mlp.architecture.loss else np.abs(signs)


@pytest.mark.parametrize("paths", ["alone", "callbacks", "stream"])
@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_every_optimizer(rule: Any, paths: str, dtype: str) -> None:
    if rule.full_batch and paths == "stream":
        pytest.skip("a stream has minibatches")
    if dtype == "float64":
        most = {"most": 1e308} if rule.full_batch else {}
        rule = type(rule)(**(vars(rule) | {"eta": 1e300} | most))
    mlp = dr.MLP([4, 8, 2], "relu", dtype=dtype, seed=0)
    callback = Everywhere()
    Y = X[:, :2]
    told = {"callbacks": callback} if paths == "callbacks" else {}
    diverges(mlp, Y, rule, paths == "stream", **told)
    assert callback.seen == (["begin", "end"] if told else [])


@pytest.mark.parametrize("loss", losses.TABLE)
def test_every_loss(loss: str) -> None:
    """Either the loss overflows or a weight does; with bounded slopes the rate sees to that."""
    text = {"quantile": "quantile(0.5)"}.get(loss, loss)
    mlp = dr.MLP([4, 8, 2], "relu", loss=text, seed=0)
    diverges(mlp, targets_of(mlp), dr.SGD(3e38, momentum=0.9))


@pytest.mark.parametrize("row", [0, 37, 63])
@pytest.mark.parametrize("loss", losses.TABLE)
def test_a_bad_row_under_every_loss(loss: str, row: int) -> None:
    text = {"quantile": "quantile(0.5)"}.get(loss, loss)
    mlp = dr.MLP([4, 8, 2], "relu", loss=text, seed=0)
    before, bad, Y = mlp.w.tobytes(), X.copy(), targets_of(mlp)
    bad[row, 2] = np.nan
    with pytest.raises(ValueError, match=f"^X: row {row} holds nan"):
        mlp.fit(bad, Y, epochs=2, seed=0)
    blocks = [(bad[:40], Y[:40]), (bad[40:], Y[40:])]
    with pytest.raises(ValueError, match=rf"X: row {row % 40} .*|block {row // 40}") as caught:
        mlp.fit(blocks, epochs=2, seed=0, shuffle=False)
    told = " ".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
    assert f"block {row // 40}" in told
    assert f"row {row % 40}" in told
    assert mlp.w.tobytes() == before


PAIRS, CLASSES = X[:, :2], np.arange(64) % 3
ONES, ONE_SHORT = np.ones(64), np.arange(64) != 20


def with_bad(a: np.ndarray, value: float) -> np.ndarray:
    changed = a.copy()
    changed[37] = value
    return changed


def net(loss: str = "half_squared_error", outputs: int = 2) -> dr.MLP:
    return dr.MLP([4, outputs], loss=loss, seed=0)


# What takes rows out of what it is given, with bad X, Y, weights or labels.
SUBSETS: dict[str, Any] = {
    "fit, a fraction": lambda bad, Y, s, k: net().fit(
        bad, Y, validation=0.3, seed=k, sample_weight=s
    ),
    "Autoencoder": lambda bad, Y, s, k: dr.Autoencoder([4, 2, 4], seed=0).fit(
        bad, validation=0.3, seed=k, sample_weight=s
    ),
    "fit_many": lambda bad, Y, s, k: dr.fit_many(
        [net(), net()], bad, Y, validation=0.3, seed=k, sample_weight=s
    ),
    "evaluate": lambda bad, Y, s, k: net().evaluate(bad, Y, "r2", sample_weight=s),
    "Ensemble": lambda bad, Y, s, k: dr.Ensemble([net()]).evaluate(bad, Y, "r2", sample_weight=s),
    "oracle": lambda bad, Y, s, k: dr.oracle.MLP([4, 2], seed=0).evaluate(
        bad, Y, "r2", sample_weight=s
    ),
    "gradient": lambda bad, Y, s, k: dr.check_gradient(net(), bad, Y, sample_weight=s),
    "compare": lambda bad, Y, s, k: dr.compare(net(), bad, Y, sample_weight=s),
}


@pytest.mark.parametrize("name", SUBSETS)
def test_a_bad_row_is_named_as_the_caller_counts(name: str, monkeypatch: Any) -> None:
    """Where some are taken first, too, whichever these are; without weight a row may be bad."""
    monkeypatch.setattr(_validate, "ENTRIES", 40)  # 11 rows at a time
    call, weights = SUBSETS[name], np.where(ONE_SHORT, ONES, 0)
    for seed in range(3):
        with pytest.raises(ValueError, match=r"^X: row 37 holds nan or infinity"):
            call(with_bad(X, np.nan), PAIRS, weights, seed)
        with pytest.raises(ValueError, match=r"^sample_weight: row 37 holds -1.0; expected"):
            call(X, PAIRS, with_bad(weights, -1.0), seed)
        if name != "Autoencoder":
            with pytest.raises(ValueError, match=r"^Y: row 37 holds nan or infinity"):
                call(X, with_bad(PAIRS, np.inf), weights, seed)
    call(with_bad(X, np.nan), with_bad(PAIRS, np.nan), with_bad(weights, 0.0), 0)


@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 2.0}])
def test_a_bad_label_is_named_as_the_caller_counts(class_weight: Any) -> None:
    mlp = net("cross_entropy", 3)
    told: dict[str, Any] = {"validation": 0.3, "class_weight": class_weight}
    for seed in range(3):
        with pytest.raises(ValueError, match=r"^Y: row 37 holds label 9; expected 0 ... 2"):
            mlp.fit(X, with_bad(CLASSES, 9), seed=seed, **told)
        if class_weight is not None:
            with pytest.raises(ValueError, match=r"^class_weight: row 37 of Y is"):
                mlp.fit(X, with_bad(np.eye(3)[CLASSES], 1), seed=seed, **told)
    with pytest.raises(ValueError, match=r"^Y: row 37 holds label 9; expected 0 ... 2"):
        mlp.evaluate(X, with_bad(CLASSES, 9), "accuracy", sample_weight=np.where(ONE_SHORT, 1, 0))
