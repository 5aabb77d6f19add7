# SPDX-License-Identifier: BSD-3-Clause
"""Autoencoders: two halves of one network, PCA as their limit, noise, the penalty on the code."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from example import load, run
from hypothesis import given
from hypothesis import strategies as st
from tolerances import assert_within, gamma

import deltarule as dr
from deltarule.autoencoder import Autoencoder, corrupt
from deltarule.mlp import MLP
from deltarule.sparsity import Sparsity


@pytest.fixture(scope="module")
def shown() -> ModuleType:
    return load("autoencoder")


@pytest.fixture(scope="module")
def result() -> dict[str, float]:
    return run("autoencoder")[0]


def table(n: int = 40, m: int = 6) -> np.ndarray:
    return np.random.default_rng(0).uniform(size=(n, m)).astype(np.float32)


def squared_error(X: np.ndarray, x_hat: np.ndarray) -> float:
    return float(np.sum((X.astype(np.float64) - x_hat) ** 2))


def pca_error(X: np.ndarray, k: int) -> float:
    """The squares of the singular values that k directions leave out."""
    centred = X.astype(np.float64) - X.mean(axis=0, dtype=np.float64)
    return float(np.sum(np.linalg.svd(centred, compute_uv=False)[k:] ** 2))


@pytest.mark.parametrize("layers", [[6, 3, 6], [6, 5, 2, 5, 6], [6, 4, 3, 2, 5, 6]])
def test_the_halves_are_the_whole(layers: list[int], dtype: str) -> None:
    X, code = table(), len(layers) // 2
    autoencoder = Autoencoder(layers, code, activation="tanh", dtype=dtype, seed=1)
    autoencoder.fit(X, epochs=2, seed=0)
    trace = autoencoder.mlp.forward(X)
    o = autoencoder.encode(X)
    assert o.tobytes() == trace.o[code].tobytes()
    assert autoencoder.decode(o).tobytes() == autoencoder.reconstruct(X).tobytes()
    assert autoencoder.reconstruct(X).tobytes() == trace.y_hat.tobytes()
    assert autoencoder.encoder.layers == tuple(layers[: code + 1])
    assert autoencoder.decoder.layers == tuple(layers[code:])
    assert autoencoder.loss(X) == autoencoder.mlp.loss(X, X)


@pytest.mark.parametrize("activation", ["prelu", "blend(gelu, 0.5)", ["tanh", "prelu", "blend"]])
def test_the_halves_take_what_units_learned(activation: Any, dtype: str) -> None:
    X, layers = table(), [6, 5, 2, 5, 6]
    autoencoder = Autoencoder(layers, None, activation, "prelu(0.4)", dtype=dtype, seed=1)
    start = [a.copy() for a in autoencoder.mlp.alpha if a is not None]
    autoencoder.fit(X, epochs=3, seed=0)
    learned = [a for a in autoencoder.mlp.alpha if a is not None]
    assert all(np.any(a != b) for a, b in zip(start, learned, strict=True))
    code = autoencoder.encode(X)
    assert code.tobytes() == autoencoder.mlp.forward(X).o[2].tobytes()
    assert autoencoder.decode(code).tobytes() == autoencoder.reconstruct(X).tobytes()
    halves = [*autoencoder.encoder.alpha, *autoencoder.decoder.alpha]
    for half, whole in zip(halves, autoencoder.mlp.alpha, strict=True):
        assert (half is None) == (whole is None)
        assert half is None or half.tobytes() == whole.tobytes()


@pytest.mark.parametrize("sparsity", [None, "kl", "l1"])
@pytest.mark.parametrize("noise", [0.0, 0.25])
def test_sample_weights(noise: float, sparsity: str | None) -> None:
    """Those of the network underneath: a row of weight 0 is left out, and of validation as well."""
    X = table()
    s = np.random.default_rng(1).choice([0.0, 1.0, 2.5], len(X))
    autoencoder = Autoencoder([6, 3, 6], activation="logistic", sparsity=sparsity, seed=1)
    twin = MLP.from_architecture(autoencoder.mlp.architecture, autoencoder.mlp.w)
    assert autoencoder.loss(X, None, s) == twin.loss(X, X, None, s) != autoencoder.loss(X)
    history = autoencoder.fit(
        X, epochs=2, seed=3, noise=noise, sample_weight=s, validation=(X, X, s[::-1])
    )
    penalty = None if sparsity is None else Sparsity(1, sparsity, weight=1.0, target=0.05)
    trainer, rng, losses = dr.Trainer(twin, None, 32, None, penalty), np.random.default_rng(3), []
    for _ in range(2):
        order = rng.permutation(len(X))
        fed = corrupt(X, noise, 0.0, rng) if noise else X
        losses.append(trainer.epoch(fed, X, order, s))
    assert history.loss == losses
    assert autoencoder.mlp.w.tobytes() == twin.w.tobytes()
    assert history.validation_loss[-1] == twin.loss(X, X, None, s[::-1])
    with pytest.raises(ValueError, match=r"sample_weight: row 3 holds -1\.0"):
        autoencoder.fit(X, sample_weight=np.where(np.arange(len(X)) == 3, -1.0, 1.0))


def test_the_halves_are_copies() -> None:
    autoencoder, X = Autoencoder([6, 3, 6], activation="tanh", seed=1), table()
    encoder, before = autoencoder.encoder, autoencoder.encode(X)
    encoder.w = np.zeros(encoder.n_weights)
    assert np.array_equal(autoencoder.encode(X), before)
    autoencoder.fit(X, epochs=1, seed=0)
    assert not np.array_equal(autoencoder.encode(X), before)  # the encoder of now, not of then


def test_the_encoder_standardises_as_the_network_does() -> None:
    X = table()
    mlp = dr.MLP([6, 3, 6], activation="tanh", seed=0, input_shift=0.5, input_scale=[1.0, 2] * 3)
    autoencoder = Autoencoder.from_mlp(mlp)
    assert autoencoder.encode(X).tobytes() == mlp.forward(X).o[1].tobytes()
    assert autoencoder.decode(autoencoder.encode(X)).tobytes() == mlp.predict(X).tobytes()


def test_without_noise_it_is_the_networks_own_fit() -> None:
    X, autoencoder = table(), Autoencoder([6, 3, 6], seed=1)
    mlp = dr.MLP([6, 3, 6], seed=1)
    history = autoencoder.fit(X, dr.SGD(0.1), batch_size=7, epochs=3, seed=5, validation=X[:9])
    own = mlp.fit(X, X, dr.SGD(0.1), batch_size=7, epochs=3, seed=5, validation=(X[:9], X[:9]))
    assert autoencoder.mlp.w.tobytes() == mlp.w.tobytes()
    assert (history.loss, history.validation_loss) == (own.loss, own.validation_loss)


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_it_stops_and_records_as_the_networks_own_fit_does(noise: float) -> None:
    X, autoencoder = table(), Autoencoder([6, 3, 6], seed=1)
    options: dict[str, Any] = {"optimizer": dr.SGD(0.1), "batch_size": None, "seed": 5}
    long = Autoencoder([6, 3, 6], seed=1).fit(X, epochs=60, noise=noise, **options).loss
    changes = np.abs(np.diff(long))
    stop_tol = float(np.quantile(changes, 0.2))
    cut = int(np.argmax(changes <= stop_tol)) + 2
    history = autoencoder.fit(
        X, epochs=60, noise=noise, stop_tol=stop_tol, record=("saturation", "gradient_norm"),
        **options,
    )  # fmt: skip
    assert history.loss == long[:cut]
    assert history.stopped_by == "stop_tol"
    assert len(history.saturated) == len(history.gradient_norm) == cut
    dW = autoencoder.mlp.architecture.views(autoencoder.mlp.gradient(X, X))  # of the clean X
    expected = [float(np.linalg.norm(matrix.astype(np.float64))) for matrix in dW]
    assert_within(history.gradient_norm[-1], expected, gamma(1000))


def test_noise_is_fresh_every_epoch_and_targets_are_clean() -> None:
    X, autoencoder = table(), Autoencoder([6, 3, 6], seed=1)
    noisy = corrupt(X[:9], 0.2, seed=3)
    history = autoencoder.fit(
        X, dr.SGD(0.1), 7, epochs=3, seed=5, noise=0.3, masking=0.2, validation=(noisy, X[:9])
    )
    mlp, rng = dr.MLP([6, 3, 6], seed=1), np.random.default_rng(5)
    trainer, losses = dr.Trainer(mlp, dr.SGD(0.1), batch_size=7), []
    for _ in range(3):
        order = rng.permutation(len(X))
        given = X + np.float32(0.3) * rng.standard_normal(X.shape, np.float32)
        given *= rng.random(X.shape, np.float32) >= 0.2
        losses.append(trainer.epoch(given, X, order))
    assert autoencoder.mlp.w.tobytes() == mlp.w.tobytes()
    assert history.loss == losses
    assert history.validation_loss[-1] == mlp.loss(noisy, X[:9])


def test_corrupt() -> None:
    X = np.ones((500, 200))
    before = X.copy()
    for share in (0.1, 0.5):
        lost = corrupt(X, masking=share, seed=0) == 0
        # Six standard deviations of a binomial share.
        assert abs(lost.mean() - share) <= 6 * np.sqrt(share * (1 - share) / X.size)
        assert lost.any(axis=1).all()
        assert lost.any(axis=0).all()
    noise = corrupt(X, noise=0.3, seed=0) - X
    assert abs(noise.mean()) <= 6 * 0.3 / np.sqrt(X.size)
    assert abs(noise.std() / 0.3 - 1) <= 6 / np.sqrt(2 * X.size)
    assert np.array_equal(X, before)
    assert np.array_equal(corrupt(X), X)
    assert corrupt(X.astype(np.float32), 0.1).dtype == np.float32
    assert corrupt([[1, 0], [0, 1]], 0.1).dtype == np.float64
    assert np.array_equal(corrupt(X, 0.1, 0.1, seed=4), corrupt(X, 0.1, 0.1, seed=4))


@given(
    n=st.integers(1, 30), m=st.integers(1, 8), k=st.integers(1, 8), seed=st.integers(0, 999),
    activation=st.sampled_from(["identity", "logistic", "tanh", "relu"]), epochs=st.integers(0, 30),
)  # fmt: skip
def test_no_net_with_one_hidden_layer_beats_pca(
    n: int, m: int, k: int, seed: int, activation: str, epochs: int
) -> None:
    X = np.random.default_rng(seed).normal(size=(n, m))
    autoencoder = Autoencoder([m, k, m], activation=activation, dtype="float64", seed=seed)
    if epochs:
        autoencoder.fit(X, dr.Adam(0.03), epochs=epochs, seed=seed)
    rounding = gamma(20 * n * m) * np.sum(X**2)
    assert squared_error(X, autoencoder.reconstruct(X)) >= pca_error(X, k) - rounding


def test_pca_is_one_of_them(shown: ModuleType) -> None:
    X, _, _ = shown.data()
    mean = X.mean(axis=0, dtype=np.float64)
    V = np.linalg.svd(X - mean, full_matrices=False)[2][:8]
    autoencoder = Autoencoder([64, 8, 64], activation="identity", dtype="float64")
    autoencoder.mlp.W = [np.column_stack([V, -V @ mean]), np.column_stack([V.T, mean])]
    least = pca_error(X, 8)
    assert_within(squared_error(X, autoencoder.reconstruct(X)), least, gamma(10_000) * least)


def test_the_example(result: dict[str, float]) -> None:
    for activation in ("identity", "tanh"):  # the theorem: not below, and training gets there
        assert 0 <= result[f"64-8-64, {activation} code: MSE above PCA's, share"] <= 0.01
    deep = result["held out: MSE of 64-32-8-32-64"]
    assert deep < 0.75 * result["held out: MSE of PCA-8"]
    after = result["held out, noise 0.3: MSE after denoising"]
    assert after < 0.3 * result["held out, noise 0.3: MSE of the noisy digits"]
    assert after < 0.5 * result["held out, noise 0.3: MSE, trained without noise"]


def test_a_penalty_makes_the_code_sparse(result: dict[str, float]) -> None:
    plain, kl, l1 = (f"code of 100, {name}: " for name in ("no penalty", "KL", "L1"))
    assert result[plain + "share of outputs above 0.1"] > 0.99
    assert result[kl + "share of outputs above 0.1"] < 0.15
    assert result[l1 + "share of outputs above 0.1"] < 0.08
    assert result[kl + "units that never pass 0.01"] == 0
    assert result[l1 + "units that never pass 0.01"] > 50  # given up altogether
    assert abs(result[kl + "mean output"] - 0.05) < 0.01  # rho
    assert result[kl + "largest mean of a unit"] < 0.08  # each unit by itself
    for name in (kl, l1):  # and still better than eight principal components
        assert result[name + "held-out MSE"] < 0.6 * result["held out: MSE of PCA-8"]


@pytest.mark.parametrize(("kind", "activation"), [("kl", "logistic"), ("l1", "relu")])
def test_the_penalty_is_the_trainers(kind: str, activation: str) -> None:
    X = table()
    autoencoder = Autoencoder(
        [6, 4, 3, 4, 6], activation=activation, seed=1, sparsity=kind, beta=0.5, rho=0.1
    )
    history = autoencoder.fit(X, dr.SGD(0.1), 7, epochs=2, seed=5, noise=0.1)
    mlp, rng = dr.MLP([6, 4, 3, 4, 6], activation=activation, seed=1), np.random.default_rng(5)
    penalty = Sparsity(layer=2, kind=kind, weight=0.5, target=0.1)
    trainer = dr.Trainer(mlp, dr.SGD(0.1), 7, sparsity=penalty)
    for loss in history.loss:
        order = rng.permutation(len(X))
        assert trainer.epoch(corrupt(X, 0.1, seed=rng), X, order) == loss
    assert autoencoder.mlp.w.tobytes() == mlp.w.tobytes()


def test_save_and_load(tmp_path: Path) -> None:
    X, autoencoder = table(), Autoencoder([6, 4, 2, 6], code=2, seed=3)
    autoencoder.save(tmp_path / "net")
    twin = Autoencoder.load(tmp_path / "net", code=2)
    assert twin.encode(X).tobytes() == autoencoder.encode(X).tobytes()
    assert repr(twin) == repr(autoencoder)
    assert dr.load(tmp_path / "net").predict(X).tobytes() == autoencoder.reconstruct(X).tobytes()
    penalty: dict[str, Any] = {"sparsity": "l1", "beta": 0.3, "rho": 0.1}
    sparse = Autoencoder([6, 3, 6], seed=3, **penalty)
    sparse.save(tmp_path / "net")
    assert repr(Autoencoder.load(tmp_path / "net", **penalty)) == repr(sparse)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"layers": [6, 3, 5]}, ValueError, "layers: 6 inputs, 5 outputs; expected as many"),
        ({"layers": [6, 6]}, ValueError, r"layers: \[6, 6\]; expected a hidden layer"),
        ({"layers": [6, 3, 4, 6]}, ValueError, "code: None, but 4 layers have no middle one"),
        ({"code": 0}, ValueError, "code: 0; expected an integer >= 1"),
        ({"code": 2}, ValueError, r"code: 2; expected a hidden layer, 1 \.\.\. 1"),
        ({"code": "1"}, TypeError, "code: '1' of type str"),
        ({"sparsity": "kl"}, ValueError, "sparsity: 'kl' with a code of activation 'relu'; exp"),
        (
            {"sparsity": "kl", "activation": "tanh"},
            ValueError,
            "sparsity: 'kl' with a code of activation 'tanh'; expected 'logistic'",
        ),
        ({"sparsity": "l2"}, ValueError, "sparsity: 'l2'; expected 'kl' or 'l1'"),
        ({"beta": -1}, ValueError, "beta: -1; expected a finite number >= 0"),
        ({"rho": 1}, ValueError, r"rho: 1; expected a number in \(0, 1\)"),
    ],
)
def test_bad_networks(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}"):
        Autoencoder(**{"layers": [6, 3, 6], **options})


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"X": table()[:, :5]}, ValueError, r"X: shape \(40, 5\); expected \(n, 6\)"),
        ({"noise": -0.1}, ValueError, "noise: -0.1; expected a finite number >= 0"),
        ({"masking": 1.0}, ValueError, "masking: 1.0; expected a number >= 0 and < 1"),
        ({"masking": "some"}, TypeError, "masking: 'some' of type str"),
        ({"seed": -1}, ValueError, "seed: -1; expected None"),
        ({"validation": table()[:, :2]}, ValueError, r"validation X: shape \(40, 2\)"),
        ({"X": np.full((3, 6), np.nan), "noise": 0.1}, ValueError, "X: row . holds nan"),
    ],
)
def test_bad_fits(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}"):
        Autoencoder([6, 3, 6]).fit(**{"X": table(), **options})


def test_not_an_mlp() -> None:
    with pytest.raises(TypeError, match=r"^mlp: an object of type int; expected an MLP"):
        Autoencoder.from_mlp(3)  # type: ignore[arg-type]


def test_stopping_callbacks_and_a_fraction_held_out() -> None:
    X = np.random.default_rng(0).normal(size=(40, 5))

    class Counting:
        def __init__(self) -> None:
            self.epochs = self.batches = 0

        def on_epoch_end(self, run: Any) -> None:
            self.epochs += 1

    class CountingBatches(Counting):
        def on_batch_end(self, run: Any) -> None:
            self.batches += 1

    autoencoder, counting = dr.Autoencoder([5, 3, 5], seed=0), Counting()
    history = autoencoder.fit(
        X, dr.SGD(1e-9), 8, 50, seed=0, noise=0.1, validation=0.25, metrics="r2",
        stopping=dr.EarlyStopping("r2", 3, 0.5), callbacks=counting,
    )  # fmt: skip
    assert history.stopped_by == "early_stopping"
    assert counting.epochs == len(history) == len(history.metrics["r2"]) == 4
    with pytest.raises(ValueError, match="has on_batch_end; expected none"):
        autoencoder.fit(X, noise=0.1, callbacks=CountingBatches())
    by_batch = CountingBatches()
    autoencoder.fit(X, batch_size=8, epochs=2, validation=0.2, callbacks=by_batch)
    assert (by_batch.epochs, by_batch.batches) == (2, 8)
