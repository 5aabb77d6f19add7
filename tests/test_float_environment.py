# SPDX-License-Identifier: BSD-3-Clause
"""The processor's modes: nobody's are changed by us, and no bit of ours by anybody's.

tests/test_contract.py does the same for the core alone; here whatever Python and NumPy compute on
the way is meant: weights that are drawn, schedules, conversions, numbers in files.
"""

from __future__ import annotations

import ctypes
import platform
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule import _core
from deltarule.kmeans import kmeans
from deltarule.metrics import METRICS
from deltarule.perceptron import mistake_bound
from deltarule.schedules import Cosine, Exponential, WarmUp

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="sets x86's registers")

# Bits of MXCSR, subnormal results are flushed, subnormal operands are zero, and how it rounds; and
# how the x87 rounds, which NumPy's longdouble and BLAS's norms use. fesetround sets both.
MODES = {"flush": 0x8040, "up": 0x4800, "down": 0x2400, "towards 0": 0x6C00, "all": 0xEC40}

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(120, 6)), RNG.normal(size=(120, 3))
CLASSES, WEIGHTS = RNG.integers(0, 3, 120), np.linspace(0, 1, 120)
SMALL = 1e-30 * X[:, 1]
CORNERS = np.array([[0.1, 0.2], [1.3, 0.1], [1.1, 0.9], [0.4, 1 / 3]])
MOVED = CORNERS + 0.1
TIMES = np.linspace(0, 2, 30)
LONG = np.array([[np.longdouble(1) / 3, 1e-310]])


def modes(to: int | None = None) -> int:
    """The calling thread's, once they are set if any are given."""
    libm, found = ctypes.CDLL("libm.so.6"), (ctypes.c_uint32 * 8)()
    libm.fegetenv(found)
    if to is not None:
        found[7] = found[7] & ~0xE040 | to & 0xE040
        found[0] = found[0] & ~0xC00 | to & 0xC00
        libm.fesetenv(found)
    return found[7] & 0xE040 | found[0] & 0xC00


@contextmanager
def foreign(name: str) -> Iterator[None]:
    before = modes()
    modes(MODES[name])
    try:
        yield
        assert modes() == MODES[name], "the caller's modes are gone"
    finally:
        modes(before)


def fitted(path: Path) -> Any:
    """A training with everything that Python computes beside it."""
    mlp = dr.MLP([6, 8, 3], loss="cross_entropy", seed=1, l2=1e-3, input_scale=X.std(0))
    history = mlp.fit(
        X, CLASSES, dr.AdamW(WarmUp(Cosine(1e-2), over=0.3)), 16, 4, seed=1, validation=0.2,
        metrics=("accuracy", "loss"), average=dr.EMA(0.9), dropout=0.2, noise=0.1,
        class_weight="balanced", record=("gradient_norm", "saturation"),
    )  # fmt: skip
    times = ("seconds", "samples_per_second")
    return mlp.w, {k: v for k, v in vars(history).items() if k not in times}


def kept(path: Path) -> Any:
    """A checkpoint, and what is read of it."""
    file = path / "checkpoint"
    mlp = dr.MLP([6, 4, 3], seed=1, l2=1e-5)
    mlp.fit(X, Y, dr.SGD(Exponential(0.1, 0.93)), epochs=2, seed=0, checkpoint=file)
    mlp.fit(X, Y, dr.SGD(Exponential(0.1, 0.93)), epochs=4, seed=0, resume=file)
    mlp.save(path / "model")
    again = dr.load(path / "model")
    return (path / "model").read_bytes(), again.w, again.architecture


def streamed(path: Path) -> Any:
    mlp = dr.MLP([6, 8, 3], seed=1, dtype="float64")
    mlp.fit([(X[:50], Y[:50]), (X[50:], Y[50:])], epochs=2, seed=0)
    return mlp.w


def by_epochs(path: Path) -> Any:
    trainer = dr.Trainer(dr.MLP([6, 8, 3], seed=1), dr.Adam(Cosine(0.1, over=3)), 16)
    losses = [trainer.epoch(X, Y) for _ in range(3)]
    with trainer.in_parts(120) as epoch:
        epoch.part(X[:64], Y[:64])
        epoch.part(X[64:], Y[64:])
    return losses, epoch.loss, trainer.eta, trainer.mlp.w


def converted(path: Path) -> Any:
    """Numbers that NumPy rounds before the core sees them."""
    mlp, single = dr.MLP([2, 3], seed=0, dtype="float64"), dr.MLP([2, 3], seed=0)
    single.w = WEIGHTS[:9]
    eta = dr.SGD(LONG[0, 0]).eta, Cosine(LONG[0, 0], over=3).value
    return single.w, mlp.predict([[Fraction(1, 3), 10**17 + 1]]), mlp.predict(LONG), eta


def several(path: Path) -> Any:
    mlps = [dr.MLP([6, 4, 3], seed=k) for k in range(3)]
    dr.fit_many(
        mlps, X, Y, optimizer=dr.each([dr.Adam(eta) for eta in (0.1, 0.03, 0.01)]), epochs=2, seed=0
    )
    ensemble = dr.Ensemble(mlps)
    return [mlp.w for mlp in mlps], ensemble.predict(X), ensemble.loss(X, Y)


def minimised(path: Path) -> Any:
    pytest.importorskip("scipy")
    mlp = dr.MLP([6, 4, 3], seed=1, dtype="float64")
    dr.minimize(mlp, X, Y, options={"maxfun": 9})
    return mlp.w


def other_models(path: Path) -> Any:
    line = dr.linear_regression(X, Y)
    radial = dr.RBFNetwork(4, seed=0)
    radial.fit(X, Y)
    rates = dr.find_learning_rate(dr.MLP([6, 4, 3], seed=1), X, Y, seed=0)
    logistic = dr.logistic_regression(X, CLASSES > 0, epochs=9)
    centres = kmeans(X, 4, np.random.default_rng(0))
    found = [
        centres,
        line.predict(X),
        radial.predict(X),
        radial.evaluate(X, Y, "r2"),
        logistic.predict(X),
    ]
    return found, vars(line), radial.features(X), rates.etas, rates.losses


def judged(path: Path) -> Any:
    mlp = dr.MLP([6, 8, 3], seed=1)
    names = ("loss", "mean_squared_error", "mean_absolute_error", "r2")
    gradient = mlp.gradient(X, Y, sample_weight=WEIGHTS)
    alone = [metric(Y, X[:, :3], WEIGHTS) for metric in METRICS.values()]
    return [mlp.evaluate(X, Y, name) for name in names], gradient, mlp.forward(X).net[1], alone


def thresholds(path: Path) -> Any:
    """Rosenblatt's rule, from weights that nothing rounds exactly, and its bound."""
    X = np.array([[0.1, 0.7], [0.3, -0.9], [-0.2, 0.6], [0.4, -1 / 3]])
    unit = dr.Perceptron(2, W=[1e-310, 0.1, 1 / 3])
    fit = unit.fit(X, [1, 0, 1, 0], eta=0.1)
    return unit.w, vars(fit), unit.predict(X), mistake_bound(X, [1, 0, 1, 0], [-0.1, 1, 0.07])


def of_tables(path: Path) -> Any:
    pa = pytest.importorskip("pyarrow")
    columns = {"a": X[:, 0], "b": ["x", "y", "z"] * 40, "d": SMALL, "y": Y[:, 0]}
    table = pa.table(columns)
    (path / "table.csv").write_text("a,b,d,y\n" + "0.1,x,3e-30,2.7\n0.3,y,1e-31,7.1\n" * 9)
    found: list[Any] = []
    for given in (table, path / "table.csv"):
        model = dr.table.TableModel.fit(given, "y", hidden=(4,), epochs=3, seed=0)
        model.save(path / "model")
        again = dr.table.load(path / "model")
        found += [model.mlp.w, again.mlp.w, again.features(given), again.encoder.state()]
        found += [again.predict(given).to_pydict(), again.evaluate(given).scores, model.scores]
    return found


def of_estimators(path: Path) -> Any:
    pytest.importorskip("sklearn")
    from sklearn.exceptions import ConvergenceWarning

    found: list[Any] = []
    settings: list[tuple[Any, dict[str, Any]]] = [
        (
            dr.MLPClassifier,
            {"early_stopping": True, "dtype": "float32", "validation_fraction": 0.3},
        ),
        (dr.MLPClassifier, {"solver": "lbfgs", "tol": 1e-3, "max_iter": 5}),
        (dr.MLPRegressor, {"solver": "sgd", "learning_rate": "invscaling"}),
        (dr.MLPAutoencoder, {"hidden_layer_sizes": 2, "noise": 0.1}),
        (dr.LogisticRegressionGD, {}),
        (dr.PerceptronClassifier, {}),
    ]
    names = ("predict", "predict_proba", "predict_log_proba", "transform", "decision_function")
    for kind, given in settings:
        one = kind(**{"max_iter": 3} | given)
        if "random_state" in one.get_params():
            one.set_params(random_state=0)
        regressor = isinstance(one, dr.MLPRegressor)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            one.fit(X, Y if regressor else CLASSES)
            if hasattr(one, "partial_fit") and not given.get("early_stopping"):
                one.partial_fit(X, Y if regressor else CLASSES)
        found += [getattr(one, name)(X) for name in names if hasattr(one, name)]
        found += [one.score(X, Y if regressor else CLASSES)]
        found += [getattr(one, name, None) for name in ("coefs_", "coef_", "loss_curve_")]
    return found


def line(x: Any) -> Any:
    return x / 3


def in_disc(x: Any, y: Any) -> Any:
    return x * x + y * y < 0.7


@pytest.mark.filterwarnings("ignore")
def constructed(path: Path) -> Any:
    found = dr.construct.approximate(line, (0.1, 0.7), 7)
    layers = dr.MLP([2, 3, 4, 1], "identity", seed=0, dtype="float64")
    mlps = [
        found.mlp, dr.construct.pulse(0.1, 1 / 3, 0.7),
        dr.construct.pulses([0.1, 0.3, 2], [0.1, 3]),
        dr.construct.collapse(layers), dr.construct.polygon(CORNERS, "float32"),
        dr.construct.polygons([CORNERS, MOVED]), dr.construct.parity(5),
        dr.construct.half_planes([[0.1, 0.3], [0.7, -0.1]], [1 / 3, 0.2]),
        dr.construct.cells([[0.1, 0.3, 0.7], [0.7, -0.1, 0.3]], [[1, 1], [-1, 0]]),
        dr.construct.gate([0.1, 0.7], -1 / 3, "float32"), dr.construct.boolean("a & ~b | c"),
        dr.construct.checkerboard([0.1, 0.3], [0.2, 1 / 3]),
        dr.construct.one_hidden_layer(in_disc, [[-1, 1], [-1, 1]], 4, 5),
    ]  # fmt: skip
    return [mlp.w for mlp in mlps], found.error


def looked_at(path: Path) -> Any:
    mlp = dr.MLP([6, 5, 3], "tanh", seed=1, dtype="float64")
    checks = dr.check_gradient(mlp, X[:9], Y[:9])
    compared = dr.compare(mlp, X[:9], Y[:9])
    start = dr.MLP([6, 5, 3], "relu", seed=1)
    dr.unit_variance(start, X)
    at = [Cosine(0.1, over=3)(TIMES), WarmUp(Exponential(0.1, 0.93), over=0.7)(TIMES)]
    return [
        vars(checks), repr(compared), dr.jacobian(mlp, X), start.w, dr.ntk_factors(mlp), at,
    ]  # fmt: skip


def encoded(path: Path) -> Any:
    net = dr.Autoencoder([6, 3, 6], seed=0)
    net.fit(X, epochs=2, seed=0, noise=0.1)
    code = net.encode(X)
    return net.mlp.w, code, net.decode(code), net.reconstruct(X), net.loss(X)


CALLS = [
    fitted, kept, streamed, by_epochs, converted, several, minimised, other_models, judged,
    thresholds, of_tables, of_estimators, constructed, looked_at, encoded,
]  # fmt: skip


def digest(result: Any) -> str:
    """Every bit of arrays and numbers in it."""
    if isinstance(result, np.ndarray):
        return repr((result.dtype.str, result.tobytes()))
    if isinstance(result, list | tuple):
        return ", ".join(map(digest, result))
    if isinstance(result, dict):
        return digest([*result.items()])
    return float.hex(result) if isinstance(result, float) else repr(result)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
def test_no_bit_depends_on_the_caller_s_modes(call: Callable[[Path], Any], tmp_path: Path) -> None:
    def in_folder(name: str) -> Any:
        (tmp_path / name).mkdir()
        return call(tmp_path / name)

    expected = digest(in_folder("default"))
    for name in MODES:
        with foreign(name):
            found = in_folder(name)
        assert digest(found) == expected, name


def test_the_modes_are_back_after_an_error(tmp_path: Path) -> None:
    mlp = dr.MLP([6, 3], seed=0)
    refused: list[tuple[type[Exception], Callable[[], object]]] = [
        (ValueError, lambda: mlp.predict(X[:, :5])),
        (ValueError, lambda: mlp.fit(np.full((5, 6), np.nan), Y[:5])),
        (FloatingPointError, lambda: mlp.fit(X, Y, dr.SGD(1e30), epochs=9)),
        (TypeError, lambda: dr.MLP("6-3")),
        (FileNotFoundError, lambda: dr.load(tmp_path / "none")),
    ]
    for error, call in refused:
        with foreign("all"), pytest.raises(error):
            call()


def test_callbacks_run_in_our_modes_and_may_not_keep_theirs() -> None:
    seen = []

    class Meddles:
        def on_epoch_end(self, run: Any) -> None:
            seen.append(modes())
            modes(MODES["all"])

    plain, other = dr.MLP([6, 3], seed=0), dr.MLP([6, 3], seed=0)
    plain.fit(X, Y, epochs=3, seed=0)
    before = modes()
    with foreign("up"):
        other.fit(X, Y, epochs=3, seed=0, callbacks=Meddles())
    assert modes() == before
    assert seen[0] == 0
    assert other.w.tobytes() == plain.w.tobytes()


def test_a_loss_runs_in_our_modes_and_may_not_keep_its_own() -> None:
    bits = []
    for meddles in (False, True):

        def loss(y_hat: Any, y: Any, meddles: bool = meddles) -> Any:
            assert modes() == 0
            d = y_hat - y
            found = (d * d).sum(1), 2 * d
            if meddles:
                modes(MODES["up"])
            return found

        mlp = dr.MLP([6, 4, 3], loss=loss, seed=0)
        mlp.fit(X, Y, dr.SGD(0.1), 8, epochs=2, seed=0, n_threads=1)
        value, gradient = mlp.loss_and_gradient(X, Y)
        bits.append((mlp.w.tobytes(), value, gradient.tobytes(), modes()))
    assert bits[0] == bits[1]


def test_the_c_library_s_rounding_is_what_these_modes_set() -> None:
    libm = ctypes.CDLL("libm.so.6")
    with foreign("up"):
        assert libm.fegetround() == 0x800
        libm.fesetround(0x400)
        assert modes() == MODES["down"]
        with _core.FloatEnvironment():
            assert libm.fegetround() == 0
            assert np.longdouble(1) / 3 * 3 == 1
        assert modes() == MODES["down"]
        libm.fesetround(0x800)


def test_a_context_may_hold_another() -> None:
    with foreign("all"), _core.FloatEnvironment():
        assert modes() == 0
        with _core.FloatEnvironment():
            modes(MODES["up"])
        assert modes() == 0


def test_import_and_fit_leave_subnormal_numbers_alone() -> None:
    """In a new process; and one that had set its modes before the import keeps them."""
    code = f"""
import ctypes, threading
import numpy as np
libm, found = ctypes.CDLL("libm.so.6"), (ctypes.c_uint32 * 8)()
def modes():
    libm.fegetenv(found)
    return found[7] & 0xe040 | found[0] & 0xc00
for told in (0, {MODES["all"]}):
    assert modes() == 0
    found[7] = found[7] & ~0xe040 | told & 0xe040
    found[0] = found[0] & ~0xc00 | told & 0xc00
    libm.fesetenv(found)
    import deltarule as dr
    assert modes() == told
    X = np.ones((999, 50), "f4")
    mlp = dr.MLP([50, 60, 2], seed=0)
    mlp.fit(X, X[:, :2], n_threads=2)
    mlp.predict(X, n_threads=2)
    assert modes() == told
    found[7] &= ~0xe040
    found[0] &= ~0xc00
    libm.fesetenv(found)
assert np.finfo("f4").smallest_subnormal > 0 and np.finfo("f8").smallest_subnormal > 0
assert np.float32(1e-38) / np.float32(8) > 0
there = []
thread = threading.Thread(target=lambda: there.append(modes()))
thread.start(); thread.join()
assert there == [0]
"""
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
