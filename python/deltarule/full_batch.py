# SPDX-License-Identifier: BSD-3-Clause
"""Full-batch training by SciPy's methods: L-BFGS-B and conjugate gradient  (M1) to (M3).

Loss and gradient are the core's, from one native call on the flat w; directions and line search
are SciPy's, in float64.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from deltarule import _validate
from deltarule._arguments import choice, integer, number
from deltarule._modes import in_default_modes
from deltarule._quoting import quoted
from deltarule._typing import ArrayLike
from deltarule.class_weights import with_class_weights
from deltarule.fitting import Fittable
from deltarule.minimum import Iterations, Minimum
from deltarule.notes import tell
from deltarule.results import Array
from deltarule.training_loop import alone

if TYPE_CHECKING:
    from deltarule.mlp import MLP
    from deltarule.oracle.mlp import MLP as Oracle

_Judge: TypeAlias = Callable[[str, object], Any]


def _real(accept: Callable[[float], bool], expected: str) -> _Judge:
    return lambda name, value: number(name, value, accept, expected)


def _whole(largest: int) -> _Judge:
    def judge(name: str, value: object) -> int:
        found = integer(name, value, 1)
        if found > largest:
            raise ValueError(f"{name}: {found}; expected an integer <= {largest}")
        return found

    return judge


LARGEST = 2**31 - 1

# What each method may be told besides tol and max_iter: SciPy's name, its default there, and the
# range that makes sense of it. c1 < c2 is judged for both.
METHODS: dict[str, dict[str, tuple[Any, _Judge]]] = {
    "L-BFGS-B": {
        "ftol": (2.220446049250313e-9, _real(lambda v: 0 <= v <= 1, "a number >= 0 and <= 1")),
        "maxcor": (10, _whole(1000)),
        "maxls": (20, _whole(LARGEST)),
        "maxfun": (LARGEST, _whole(LARGEST)),  # SciPy's 15000 may come before max_iter
    },
    "CG": {
        "c1": (1e-4, _real(lambda v: 0 < v < 1, "a number > 0 and < 1")),
        "c2": (0.4, _real(lambda v: 0 < v < 1, "a number > 0 and < 1")),
    },
}

# Evaluations that are kept until one of them is accepted: more than a line search takes.
KEPT = 32


@in_default_modes
def minimize(
    mlp: MLP | Oracle,
    X: ArrayLike,
    Y: ArrayLike,
    method: str = "L-BFGS-B",
    max_iter: int = 1000,
    tol: float = 1e-5,
    n_threads: int | None = None,
    callback: Callable[[Iterations], object] | None = None,
    options: Mapping[str, Any] | None = None,
    sample_weight: ArrayLike | None = None,
    class_weight: str | Mapping[Any, float] | None = None,
) -> Minimum:
    """Lower L(w) from the network's weights as they are; they become those of the minimum.

    Needs SciPy: the extra "scipy".

    Parameters
    ----------
    mlp : MLP or oracle.MLP
        The network to train.
    X : array-like, (n, H_0)
        Samples: all of them make one batch.
    Y : array-like, (n, K) or (n,)
        Targets.
    method : str
        "L-BFGS-B" (no bounds are set) or "CG", nonlinear conjugate gradient.
    max_iter : int
        Iterations at most, >= 1.
    tol : float
        Stop where max_i |dL/dw_i| <= tol; >= 0.
    n_threads : int, optional
        As for `MLP.gradient`: no result depends on it by a single bit.
    callback : callable, optional
        Called with the history after each iteration, when `mlp.w` is the point that was reached.
        If it returns True, NumPy's as well, the minimisation ends there.
    options : dict, optional
        More of SciPy's, under its names: "ftol" (0 to 1), "maxcor" (1 to 1000), "maxls", "maxfun"
        (>= 1) for L-BFGS-B, "c1", "c2" (0 < c1 < c2 < 1) for CG. L-BFGS-B also stops where an
        iteration lowers L by less than ftol max(L, 1), 2.2e-9 unless given.
    sample_weight, class_weight : optional
        As `MLP.fit` takes them.

    Returns
    -------
    Minimum
        Point, loss, gradient, why it stopped, and the history.

    Raises
    ------
    ImportError
        If SciPy is not installed.
    TypeError, ValueError
        If an argument does not fit, or a layer's activation is threshold.
    FloatingPointError
        If loss or gradient is not finite at the start.
    KeyboardInterrupt
        On Ctrl-C.
    RuntimeError
        If the network is being trained by another call when a point is stored.

    Notes
    -----
    After any exception, the callback's too, the weights are the last point that was reached, never
    a trial of the line search; the exception's attribute `history` holds the iterations so far.

    A float32 network computes at w rounded to float32, while SciPy's vectors are float64. Where the
    loss is flat to its last bits no step lowers it: then `success` may be False, "ABNORMAL" in
    SciPy's words, though nothing is left to gain in float32.
    """
    scipy_minimize = _scipy_minimize()
    if not isinstance(mlp, Fittable):
        raise TypeError(f"mlp: an object of type {type(mlp).__name__}; expected an MLP")
    mlp.architecture.require_derivatives()
    method = choice("method", method, tuple(METHODS))
    settings = {
        **_options(options, method),
        "maxiter": integer("max_iter", max_iter, 1),
        "gtol": number("tol", tol, lambda v: v >= 0, "a number >= 0"),
    }
    if callback is not None and not callable(callback):
        raise TypeError(f"callback: {quoted(callback)}; expected a function or None")
    _validate.n_threads(n_threads)
    x, y = _validate.data(X, Y, mlp.architecture)
    weights = _validate.sample_weight(sample_weight, len(x))
    if class_weight is not None:
        weights = with_class_weights(class_weight, y, mlp.architecture, weights)

    descent = _Descent(mlp, (x, y, n_threads, weights), callback)
    try:
        with alone(mlp), _one_blas_thread():
            found = scipy_minimize(
                descent.loss_and_gradient, descent.start, jac=True, method=method,
                options=settings, callback=descent.accept,
            )  # fmt: skip
            at = descent.at(found.x)  # found.fun is 0 where a method gave up before it asked
    except BaseException as error:
        tell(error, history=descent.history)
        raise
    finally:
        descent.store()
    return Minimum(
        at.point, at.loss, at.gradient, bool(found.success), str(found.message),
        int(found.nit), descent.n_evaluations, descent.seconds_in_kernels, descent.seconds(),
        descent.history,
    )  # fmt: skip


class _Evaluation(NamedTuple):
    point: Array
    loss: float
    gradient: Array

    @property
    def gradient_norm(self) -> float:
        return float(np.max(np.abs(self.gradient)))


class _Descent:
    """Loss and gradient for SciPy, on a copy of the network: trials never reach the original."""

    def __init__(
        self,
        mlp: MLP | Oracle,
        problem: tuple[Array, Array, int | None, Array | None],
        callback: Callable[[Iterations], object] | None,
    ) -> None:
        self.mlp, self.problem, self.callback = mlp, problem, callback
        self.trial = copy.copy(mlp)
        self.start = self.trial.w.astype(np.float64)
        self.reached: Array | None = None
        self.recent: deque[_Evaluation] = deque(maxlen=KEPT)
        self.history = Iterations()
        self.n_evaluations = 0
        self.seconds_in_kernels = 0.0
        self.begin = perf_counter()

    def seconds(self) -> float:
        return perf_counter() - self.begin

    def loss_and_gradient(self, point: Array) -> tuple[float, Array]:
        """SciPy's function; each point is an array of its own."""
        try:
            self.trial.w = point
        except ValueError:  # a step out of the dtype's range
            return np.inf, np.zeros_like(point)
        begin = perf_counter()
        loss, gradient = self.trial.loss_and_gradient(*self.problem)
        self.seconds_in_kernels += perf_counter() - begin
        self.n_evaluations += 1
        gradient = gradient.astype(np.float64, copy=False)
        self.recent.append(_Evaluation(point, loss, gradient))
        if not self.history:
            largest = self.recent[0].gradient_norm
            if not (np.isfinite(loss) and np.isfinite(largest)):
                raise FloatingPointError(
                    f"at the start the loss is {loss} and the largest |dL/dw_i| {largest}; "
                    "expected finite numbers: smaller weights or inputs"
                )
            self.history.append(loss, largest, 1, self.seconds())
        return loss, gradient

    def accept(self, intermediate_result: Any) -> None:
        """SciPy's callback: it knows the argument by its name."""
        at = self.at(intermediate_result.x)
        self.reached = at.point
        self.history.append(at.loss, at.gradient_norm, self.n_evaluations, self.seconds())
        if self.callback is not None:
            self.store()
            wish = self.callback(self.history)
            if isinstance(wish, bool | np.bool_) and wish:
                raise StopIteration

    def at(self, x: Array) -> _Evaluation:
        """Loss and gradient at x, computed again only if it is older than any that was kept."""
        found = next((e for e in reversed(self.recent) if np.array_equal(e.point, x)), None)
        if found is None:
            self.loss_and_gradient(x.copy())
            found = self.recent[-1]
        return found

    def store(self) -> None:
        """The last point that was reached into the network."""
        if self.reached is not None:
            self.mlp.w = self.reached


def _options(options: object, method: str) -> dict[str, Any]:
    allowed = METHODS[method]
    expected = f"a dict with any of {', '.join(map(repr, allowed))} for {method}"
    if options is None:
        options = {}
    if not isinstance(options, Mapping):
        given = f"{quoted(options)} of type {type(options).__name__}"
        raise TypeError(f"options: {given}; expected {expected}")
    for name in options:
        if name not in allowed:
            raise ValueError(f"options: {name!r}; expected {expected}")
    judged = {
        name: judge(f"options[{name!r}]", options[name]) if name in options else default
        for name, (default, judge) in allowed.items()
    }
    if method == "CG" and judged["c1"] >= judged["c2"]:
        raise ValueError(f"options: c1 {judged['c1']} and c2 {judged['c2']}; expected c1 < c2")
    return judged


def _one_blas_thread() -> AbstractContextManager[object]:
    """SciPy's vectors are short: its BLAS threads would but spin where the core's want to run."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return nullcontext()
    limits: AbstractContextManager[object] = threadpool_limits(1, user_api="blas")
    return limits


def _scipy_minimize() -> Callable[..., Any]:
    try:
        from scipy.optimize import minimize
    except ImportError as error:
        raise ImportError('dr.minimize needs SciPy: pip install "deltarule[scipy]"') from error
    found: Callable[..., Any] = minimize
    return found
