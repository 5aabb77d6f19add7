# SPDX-License-Identifier: BSD-3-Clause
"""fit(stop_tol=epsilon): while |f(w_t) - f(w_{t-1})| > epsilon, f being the epoch's loss."""

from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.optimizers import Optimizer

MODULES = pytest.mark.parametrize("module", [dr, dr.oracle], ids=["native", "oracle"])


def halving(module: Any, dtype: str) -> Any:
    """net = w x + b with x = 1, y = 0: the error e = w + b, and dL/dw = dL/db = e.

    A step of eta takes e to (1 - 2 eta) e, and L = e^2 / 2. From w = 1, b = 0 with eta = 1/4:
    e = 1, 1/2, 1/4, 1/8 ..  L = 1/2, 1/8, 1/32, 1/128 ..  changes 3/8, 3/32, 3/128 ..
    """
    mlp = module.MLP([1, 1], dtype=dtype)
    mlp.w = [1.0, 0.0]
    return mlp


def fit(mlp: Any, eta: float = 0.25, **options: Any) -> dr.History:
    history: dr.History = mlp.fit(
        [[1.0]], [0.0], dr.SGD(eta), batch_size=None, **{"epochs": 50, **options}
    )
    return history


@MODULES
@pytest.mark.parametrize(
    ("stop_tol", "losses"),
    [
        (1.0, [1 / 2, 1 / 8]),  # one loss alone has no change
        (3 / 8, [1 / 2, 1 / 8]),
        (np.nextafter(3 / 8, 0), [1 / 2, 1 / 8, 1 / 32]),
        (3 / 32, [1 / 2, 1 / 8, 1 / 32]),
        (np.float32(3 / 128), [1 / 2, 1 / 8, 1 / 32, 1 / 128]),
    ],
)
def test_trajectory_by_hand(module: Any, dtype: str, stop_tol: float, losses: list[float]) -> None:
    mlp = halving(module, dtype)
    history = fit(mlp, stop_tol=stop_tol)
    assert history.loss == losses
    assert history.stopped_by == "stop_tol"
    # The epoch that shows the small change has made its step, from L = e^2 / 2 to e / 2.
    assert sum(mlp.w) == np.sqrt(2 * losses[-1]) / 2


@MODULES
def test_zero_stops_when_nothing_changes(module: Any, dtype: str) -> None:
    mlp = halving(module, dtype)
    assert fit(mlp, eta=0.5, stop_tol=0).loss == [1 / 2, 0, 0]  # e = 0 after one step
    mlp = halving(module, dtype)
    history = fit(mlp, stop_tol=0, epochs=10**6)  # until eta e is lost in the rounding of w and b
    assert history.stopped_by == "stop_tol"
    assert history.loss[-1] == history.loss[-2] > 0
    assert len(history) < 60
    before = mlp.w.copy()
    assert fit(mlp, epochs=1).loss == history.loss[-1:]
    np.testing.assert_array_equal(mlp.w, before)


@MODULES
def test_all_epochs(module: Any) -> None:
    mlp = halving(module, "float64")
    history = fit(mlp, epochs=3)
    assert (len(history), history.stopped_by) == (3, "epochs")
    history = fit(halving(module, "float64"), epochs=3, stop_tol=3 / 128)  # one epoch too few
    assert (len(history), history.stopped_by) == (3, "epochs")
    history = fit(halving(module, "float64"), epochs=3, stop_tol=3 / 32)  # in the very last
    assert (len(history), history.stopped_by) == (3, "stop_tol")


def problem(dtype: str, module: Any = dr) -> tuple[Any, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(90, 5)).astype(dtype), rng.integers(0, 3, 90)
    return module.MLP([5, 7, 3], "tanh", loss="cross_entropy", dtype=dtype, seed=1), X, Y


@pytest.mark.parametrize("optimizer", [dr.SGD(0.3), dr.Adam(0.01)])
@pytest.mark.parametrize("batch_size", [None, 16])
def test_it_is_the_same_training_cut_short(
    dtype: str, batch_size: int | None, optimizer: Optimizer
) -> None:
    mlp, X, Y = problem(dtype)
    options: dict[str, Any] = {"optimizer": optimizer, "batch_size": batch_size, "seed": 3}
    long = mlp.fit(X, Y, epochs=60, **options).loss
    changes = np.abs(np.diff(long))
    stop_tol = float(np.quantile(changes, 0.3))
    cut = int(np.argmax(changes <= stop_tol)) + 2
    assert 2 < cut < 60
    stopped, again = problem(dtype)[0], problem(dtype)[0]
    history = stopped.fit(X, Y, epochs=60, stop_tol=stop_tol, **options)
    assert history.loss == again.fit(X, Y, epochs=cut, **options).loss == long[:cut]
    assert stopped.w.tobytes() == again.w.tobytes()


def test_the_oracle_stops_in_the_same_epoch() -> None:
    lengths = []
    for module in (dr, dr.oracle):
        mlp, X, Y = problem("float64", module)
        history = mlp.fit(X, Y, dr.SGD(0.5), 16, epochs=500, seed=0, stop_tol=3e-4)
        assert history.stopped_by == "stop_tol"
        lengths.append(len(history))
    assert lengths[0] == lengths[1] < 500


def test_validation_is_noted_and_does_not_decide(dtype: str) -> None:
    mlp, X, Y = problem(dtype)
    alone = problem(dtype)[0]
    held_out = (np.zeros((4, 5)), np.zeros(4, int))
    options: dict[str, Any] = {"epochs": 300, "seed": 0, "stop_tol": 1e-4}
    history = mlp.fit(X, Y, validation=held_out, **options)
    assert history.loss == alone.fit(X, Y, **options).loss
    assert len(history.validation_loss) == len(history.loss) == len(history.seconds) < 300
    assert history.validation_loss[-1] == mlp.loss(*held_out)


@MODULES
def test_an_exception_is_no_stop(module: Any) -> None:
    mlp = halving(module, "float64")
    with pytest.raises(FloatingPointError) as caught:
        fit(mlp, eta=1e200, stop_tol=1e-6)
    assert caught.value.history.stopped_by is None  # type: ignore[attr-defined]
    assert len(caught.value.history) == 1  # type: ignore[attr-defined]
