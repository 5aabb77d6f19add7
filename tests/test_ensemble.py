# SPDX-License-Identifier: BSD-3-Clause
"""Ensemble: the mean of what networks say, by hand; one file; what makes no ensemble."""

import copy
import dataclasses
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tolerances import assert_within, gamma

import deltarule as dr
from deltarule.files import container

N = 60
rng = np.random.default_rng(0)
X = rng.normal(size=(N, 5))
LABELS = rng.integers(0, 3, N)


def networks(n: int = 3, outputs: int = 3, **options: Any) -> list[dr.MLP]:
    settings = {"loss": "cross_entropy", "activation": "tanh", **options}
    return [dr.MLP([5, 4 + i, outputs], seed=i, **settings) for i in range(n)]


def test_mean_of_outputs(dtype: str) -> None:
    mlps = networks(dtype=dtype)
    ensemble = dr.Ensemble(iter(mlps))
    outputs = [mlp.predict(X).astype(np.float64) for mlp in mlps]
    mean = ((outputs[0] + outputs[1]) + outputs[2]) / 3
    assert ensemble.predict(X).tobytes() == mean.astype(dtype).tobytes()
    np.testing.assert_array_equal(ensemble.predict_labels(X), mean.argmax(axis=1))
    assert ensemble.evaluate(X, LABELS, "accuracy") == np.mean(mean.argmax(axis=1) == LABELS)
    assert ensemble.mlps == tuple(mlps)
    assert (len(ensemble), ensemble.dtype) == (3, dtype)
    assert repr(ensemble) == f"Ensemble([{', '.join(map(repr, mlps))}])"


@pytest.mark.filterwarnings("ignore:overflow")
def test_a_sum_beyond_float64_is_infinite() -> None:
    """As NumPy's mean is; (E1) adds first."""
    mlp = dr.MLP([1, 1], "identity", dtype="float64", seed=0)
    mlp.w = [1.1e308, 0.0]
    assert dr.Ensemble([mlp]).predict([[1.0]]) == mlp.predict([[1.0]]) == 1.1e308
    assert dr.Ensemble([mlp, copy.copy(mlp)]).predict([[1.0]]) == np.mean([1.1e308] * 2) == np.inf


def test_one_network_predicts_as_itself(dtype: str) -> None:
    mlp = dr.MLP([5, 6, 2], activation="relu", dtype=dtype, seed=0)
    mlp.w = np.where(mlp.w > 0, mlp.w, -0.0)  # with outputs of -0
    assert dr.Ensemble([mlp]).predict(X).tobytes() == mlp.predict(X).tobytes()


def test_widest_dtype() -> None:
    mlps = [*networks(1, dtype="float32"), *networks(1, dtype="float64")]
    y_hat = dr.Ensemble(mlps).predict(X)
    assert y_hat.dtype == np.float64
    mean = (mlps[0].predict(X).astype(np.float64) + mlps[1].predict(X)) / 2
    assert y_hat.tobytes() == mean.tobytes()


def test_members_are_the_networks_themselves() -> None:
    mlps = networks()
    ensemble = dr.Ensemble(mlps)
    before = ensemble.predict(X)
    dr.fit_many(mlps, X, LABELS, seed=[0, 1, 2], epochs=2)
    assert ensemble.predict(X).tobytes() != before.tobytes()


def test_mixture_of_normal_distributions() -> None:
    """Mean and variance of all members' draws together, (E2)."""
    mlps = networks(outputs=4, loss="gaussian_nll", dtype="float64")
    outputs = np.array([mlp.predict(X) for mlp in mlps])
    mu, v = outputs[:, :, :2], outputs[:, :, 2:]
    second = np.mean(v + mu**2, axis=0) - np.mean(mu, axis=0) ** 2
    y_hat = dr.Ensemble(mlps).predict(X)
    np.testing.assert_allclose(y_hat[:, :2], mu.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(y_hat[:, 2:], second, rtol=1e-12)
    assert np.all(y_hat[:, 2:] > v.mean(axis=0))


TARGETS: dict[str, Any] = {
    "half_squared_error": rng.normal(size=(N, 3)),
    "huber": rng.normal(size=(N, 3)),
    "quantile(0.1, 0.5, 0.9)": rng.normal(size=N),
    "cross_entropy": LABELS,
    "cross_entropy(label_smoothing=0.1)": LABELS,
    "binary_cross_entropy": rng.uniform(size=(N, 3)),
    "focal": LABELS,
    "kl_divergence": np.full((N, 3), 1 / 3),
    "poisson": rng.poisson(2.0, (N, 3)),
    "gamma": rng.gamma(2.0, size=(N, 3)),
    "tweedie": rng.poisson(2.0, (N, 3)),
    "hinge": LABELS,
    "gaussian_nll": rng.normal(size=(N, 2)),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", TARGETS)
def test_loss_of_one_is_its_own(loss: str, weighted: bool) -> None:
    """Of one network the mean is what it says: L as the oracle has it, from net."""
    outputs = 4 if loss == "gaussian_nll" else 3
    mlp = dr.MLP([5, 6, outputs], loss=loss, dtype="float64", seed=0)
    s = np.arange(N) % 3 if weighted else None
    Y = TARGETS[loss]
    expected = mlp.loss(X, Y, sample_weight=s)
    for found in (
        dr.Ensemble([mlp]).loss(X, Y, sample_weight=s),
        dr.Ensemble([mlp]).evaluate(X, Y, sample_weight=s),
    ):
        assert_within(np.array(found), np.array(expected), 2e-13 * max(1, abs(expected)))


def test_loss_of_several() -> None:
    """-log of the mean probability, weighted; by convexity below the mean of the members."""
    mlps = networks(dtype="float64", l2=0.1)
    s = rng.uniform(size=N)
    p = np.mean([mlp.predict(X) for mlp in mlps], axis=0)[np.arange(N), LABELS]
    found = dr.Ensemble(mlps).loss(X, LABELS, sample_weight=s)
    assert_within(np.array(found), np.array(-np.sum(s * np.log(p)) / s.sum()), gamma(2 * N))
    plain = networks(dtype="float64")
    assert found < np.mean([mlp.loss(X, LABELS, sample_weight=s) for mlp in plain])


def test_reduction_and_metrics() -> None:
    mlps = networks(loss="huber", reduction="sum", dtype="float64")
    Y = rng.normal(size=(N, 3))
    ensemble = dr.Ensemble(mlps)
    y_hat = ensemble.predict(X)
    d = np.abs(Y - y_hat)
    expected = np.where(d <= 1, d * d / 2, d - 0.5).sum()
    assert_within(np.array(ensemble.loss(X, Y)), np.array(expected), 1e-12 * expected)
    assert ensemble.evaluate(X, Y, "mean_squared_error") == np.mean((Y - y_hat) ** 2)
    assert ensemble.evaluate(X, Y, lambda y, o: float(o[0, 0])) == y_hat[0, 0]


def test_binary_labels_cut_at_a_half() -> None:
    mlps = networks(outputs=1, loss="binary_cross_entropy")
    ensemble = dr.Ensemble(mlps)
    y_hat = ensemble.predict(X)[:, 0]
    np.testing.assert_array_equal(ensemble.predict_labels(X), (y_hat >= 0.5).astype(int))


@pytest.mark.parametrize("n", [1, 3, 12])
def test_one_file(n: int, tmp_path: Path, dtype: str) -> None:
    mlps = networks(n, dtype=dtype, activation="prelu")
    ensemble = dr.Ensemble(mlps)
    ensemble.save(tmp_path / "many")
    again = dr.Ensemble.load(tmp_path / "many")
    assert isinstance(again, dr.Ensemble)
    for mlp, twin in zip(mlps, again.mlps, strict=True):
        assert twin.architecture == mlp.architecture
        assert twin.w.tobytes() == mlp.w.tobytes()
    assert again.predict(X).tobytes() == ensemble.predict(X).tobytes()
    again.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "many").read_bytes()


def test_copies() -> None:
    ensemble = dr.Ensemble(networks())
    for twin in (pickle.loads(pickle.dumps(ensemble)), copy.deepcopy(ensemble)):
        assert twin.predict(X).tobytes() == ensemble.predict(X).tobytes()


def test_a_subclass_loads_as_itself(tmp_path: Path) -> None:
    class Mine(dr.Ensemble):
        pass

    Mine(networks()).save(tmp_path / "many")
    assert type(Mine.load(tmp_path / "many")) is Mine


def test_files_of_other_kinds(tmp_path: Path) -> None:
    networks()[0].save(tmp_path / "one")
    with pytest.raises(dr.FileFormatError, match=r"holds a network, for dr\.load; expected an ens"):
        dr.Ensemble.load(tmp_path / "one")
    dr.Ensemble(networks()).save(tmp_path / "many")
    with pytest.raises(dr.FileFormatError, match=r"an ensemble, for dr\.Ensemble\.load"):
        dr.load(tmp_path / "many")
    with pytest.raises(TypeError, match="path: 3"):
        dr.Ensemble(networks()).save(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="save: the loss is the function"):
        dr.Ensemble(networks(loss=lambda y_hat, y: (y, y))).save(tmp_path / "many")


def contents(mlps: list[dr.MLP], path: Path) -> Any:
    dr.Ensemble(mlps).save(path)
    return container.read(path)


DAMAGES: dict[str, tuple[str, Any]] = {
    "no members": ("no members", lambda c: c.sections.clear()),
    "none": ("no members", lambda c: c.sections.update(members=[])),
    "not a list": ("no members", lambda c: c.sections.update(members={"0": {}})),
    "a number": ("member 1 is none", lambda c: c.sections["members"].__setitem__(1, 3)),
    "one less": ("its tensors have", lambda c: c.sections["members"].pop()),
    "one more": (
        "its tensors are", lambda c: c.sections["members"].append(c.sections["members"][0]),
    ),
    "a tensor less": ("its tensors are", lambda c: c.tensors.pop("1.W.0")),
    "a tensor more": ("its tensors are", lambda c: c.tensors.update({"1.W.7": np.zeros(3)})),
    "another's tensor": ("its tensors have", lambda c: c.tensors.update({"W.0": np.zeros(3)})),
    "shape": ("its 1.W.0 has shape", lambda c: c.tensors.update({"1.W.0": np.zeros(3)})),
    "nan": (
        "1.W.0 holds nan", lambda c: c.tensors.update({"1.W.0": c.tensors["1.W.0"] * np.nan}),
    ),
    "inputs": (
        "make no ensemble: mlps: 1 has inputs 4; expected 5",
        lambda c: (
            c.sections["members"][1]["architecture"].update(layers=[4, 4, 3]),
            c.tensors.update({"1.W.0": np.zeros((4, 5), np.float32)}),
            c.tensors.update({"1.W.1": np.zeros((3, 5), np.float32)}),
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_files_are_refused(name: str, tmp_path: Path) -> None:
    message, damage = DAMAGES[name]
    held = contents(networks(2), tmp_path / "many")
    damage(held)
    container.write(tmp_path / "many", "ensemble", held.sections, held.tensors)
    with pytest.raises(dr.FileFormatError, match=message):
        dr.Ensemble.load(tmp_path / "many")


MLP = dr.MLP([5, 4, 3], loss="cross_entropy", seed=0)


@pytest.mark.parametrize(
    ("mlps", "error", "message"),
    [
        ([], ValueError, "mlps: none"),
        (MLP, TypeError, "mlps: .*expected several"),
        ([MLP, 3], TypeError, "mlps: 1 is of type int"),
        ([MLP, MLP], ValueError, "mlps: 0 and 1 are one network"),
        ([MLP, dr.MLP([4, 3], loss="cross_entropy")], ValueError, "1 has inputs 4; expected 5"),
        ([MLP, dr.MLP([5, 4], loss="cross_entropy")], ValueError, "1 has outputs 4; expected 3"),
        ([MLP, dr.MLP([5, 3])], ValueError, "1 has output activation 'identity'; expected 'soft"),
        ([dr.MLP([5, 3]), dr.MLP([5, 3], loss="hinge")], ValueError, "1 has outputs read with"),
        (
            [dr.MLP([5, 1], loss="quantile(0.1)"), dr.MLP([5, 1], loss="quantile(0.9)")],
            ValueError, r"1 has quantiles \(0.9,\); expected \(0.1,\), as 0 has",
        ),
    ],
)  # fmt: skip
def test_what_makes_no_ensemble(mlps: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        dr.Ensemble(mlps)


def test_different_losses_have_no_common_one() -> None:
    mlps = [dr.MLP([5, 3], loss=loss, seed=0) for loss in ("huber", "half_squared_error")]
    Y = rng.normal(size=(N, 3))
    ensemble = dr.Ensemble(mlps)
    assert ensemble.evaluate(X, Y, "r2") < 1
    with pytest.raises(ValueError, match="loss: network 1 has 'half_squared_error'"):
        ensemble.evaluate(X, Y)


def test_bad_data_is_named_by_row() -> None:
    ensemble, bad = dr.Ensemble(networks()), X.copy()
    bad[7, 2] = np.nan
    with pytest.raises(ValueError, match="X: row 7 holds nan"):
        ensemble.predict(bad)
    with pytest.raises(ValueError, match=r"X: shape \(60, 4\)"):
        ensemble.predict(X[:, :4])
    with pytest.raises(ValueError, match="Y: row 3 holds label 9"):
        ensemble.loss(X, np.where(np.arange(N) == 3, 9, LABELS))
    with pytest.raises(ValueError, match="as many rows"):
        ensemble.evaluate(X, LABELS[:5], "accuracy")
    with pytest.raises(ValueError, match="accuracy"):
        dr.Ensemble([dr.MLP([5, 1], seed=0)]).evaluate(X, X[:, 0], "accuracy")


def test_the_tensors_of_many_members_are_looked_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not once for each member: a file of many would take the square of its size."""
    looks = 0

    class Name(str):
        __slots__ = ()

        def startswith(self, *of: Any) -> bool:
            nonlocal looks
            looks += 1
            return super().startswith(*of)

    held = contents(networks(30), tmp_path / "many")
    tensors = {Name(name): a for name, a in held.tensors.items()}
    named = dataclasses.replace(held, tensors=tensors)
    monkeypatch.setattr(container, "read", lambda path, kinds: named)
    assert len(dr.Ensemble.load(tmp_path / "many")) == 30
    assert looks <= 2 * len(tensors)
