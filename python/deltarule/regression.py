# SPDX-License-Identifier: BSD-3-Clause
"""One unit, two classics: linear regression in closed form, logistic regression by gradient ascent.

Both are what an `MLP` without hidden layers learns by gradient descent; each result holds that
network, so that the closed form, the textbook loop and the native trainer can be compared.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from deltarule import _validate
from deltarule._arguments import number
from deltarule._modes import in_default_modes
from deltarule._typing import ArrayLike
from deltarule.mlp import MLP
from deltarule.results import Array

ROWS = 4096  # that are factorised at once: the solver needs no more memory for a longer table


@dataclass(frozen=True, eq=False)
class LinearRegression:
    """What `linear_regression` found.

    Attributes
    ----------
    W : array, (K, m + 1)
        The weights, bias in the last column.
    rank : int
        Of [X, 1]. Below m + 1 many W are equally good: this is the one of least norm.
    mlp : MLP
        The same as a network: MLP([m, K], output="identity") in float64, with weights W.
    """

    W: Array
    rank: int
    mlp: MLP = field(repr=False)

    @property
    def unique(self) -> bool:
        """Whether no other W is as good."""
        return self.rank == self.W.shape[1] or self.mlp.architecture.l2 > 0

    def predict(self, X: ArrayLike, n_threads: int | None = None) -> Array:
        """y_hat = W [x; 1], (n, K), by the network."""
        return self.mlp.predict(X, n_threads)


@in_default_modes
def linear_regression(X: ArrayLike, Y: ArrayLike, l2: float = 0.0) -> LinearRegression:
    """W = (X^T X)^-1 X^T Y with X augmented by a column of ones, by a stable solver.

    The W at which (1/n) sum_i 1/2 |y_i - W [x_i; 1]|^2 + l2/2 |W without its bias|^2 is least:
    where full-batch gradient descent on a linear unit arrives.

    Parameters
    ----------
    X : array-like, (n, m)
        Samples.
    Y : array-like, (n,) or (n, K)
        Targets.
    l2 : float
        >= 0; as `MLP` takes it (ridge regression).

    Returns
    -------
    LinearRegression

    Raises
    ------
    TypeError
        If X or Y holds no real numbers.
    ValueError
        If a shape is wrong, the rows differ in number, or a value is not finite, or a weight is
        beyond float64.

    Notes
    -----
    X^T X is never formed: that would square the condition number. [X, 1, Y] is reduced to a
    triangle by orthogonal transformations, in blocks of rows, and the triangle is solved by its
    singular values after its columns were scaled to the same size, so that the units of the
    features don't matter. The notes derive the formula in their part on gradient descent.
    """
    x, y = _table(X), _validate.array(Y, "Y")
    if y.ndim == 1:
        y = y[:, None]
    if y.ndim != 2 or y.shape[1] == 0 or len(y) != len(x):
        expected = f"({len(x)},) or ({len(x)}, K), as many rows as X has"
        raise ValueError(f"Y: shape {np.shape(Y)}; expected {expected}")
    y = _validate.finite(y, "Y", np.float64)
    l2 = number("l2", l2, lambda v: v >= 0, "a finite number >= 0")
    blocks = (
        (x[start : start + ROWS], y[start : start + ROWS]) for start in range(0, len(x), ROWS)
    )
    return least_squares(blocks, l2)


def least_squares(blocks: Iterable[tuple[Array, Array]], l2: float) -> LinearRegression:
    """`linear_regression` of a table that comes in blocks of rows, judged and in float64.

    Parameters
    ----------
    blocks : iterable of (X, Y)
        (rows, m) and (rows, K): at least one row in all.
    l2 : float
        The penalty.

    Returns
    -------
    LinearRegression
    """
    n, R = 0, np.empty((0, 0))  # R is triangular
    for x, y in blocks:
        block = np.hstack([x, np.ones((len(x), 1)), y])
        # |R v| = |[X, 1, Y] v| for every v and the rows so far: nothing else of them is needed.
        R = np.asarray(np.linalg.qr(np.vstack([R, block]) if n else block, mode="r"))
        n, m, K = n + len(x), x.shape[1], y.shape[1]
    A, B = R[:, : m + 1], R[:, m + 1 :]
    if l2:  # m more rows, sqrt(n l2) w = 0
        A = np.vstack([A, np.sqrt(n * l2) * np.eye(m, m + 1)])
        B = np.vstack([B, np.zeros((m, K))])
    with np.errstate(all="ignore"):  # what leaves float64 is refused below
        w, rank = _solve(A, B, n)
    if not np.isfinite(w).all():
        raise ValueError(
            "X, Y: their weights leave float64; expected columns of X that are not as small, "
            "beside Y, nor as large"
        )
    mlp = MLP([m, K], output="identity", dtype="float64", l2=l2)
    mlp.W = [w.T]
    return LinearRegression(mlp.W[0].copy(), rank, mlp)


def _solve(A: Array, B: Array, n: int) -> tuple[Array, int]:
    """The w of least norm at which |A w - B| is least, and the rank of A, which stands for n rows.

    Where the numbers are too large or too small for float64, w is not finite.
    """
    columns = A.shape[1]
    length = np.abs(A).max(axis=0)
    length[length == 0] = 1
    scaled = A / length
    if not (np.isfinite(scaled).all() and np.isfinite(B).all()):
        return np.full((columns, B.shape[1]), np.nan), 0
    U, s, Vt = np.linalg.svd(scaled)
    rank = int(np.sum(s > s[0] * np.finfo(np.float64).eps * max(n, columns)))
    w = Vt[:rank].T @ (U[:, :rank].T @ B / s[:rank, None]) / length[:, None]
    if rank == columns:
        return w, rank
    # What A maps to 0 may be taken away: what is left is the solution of least norm.
    free = Vt[rank:].T / length[:, None]
    if not np.isfinite(free).all():
        return np.full_like(w, np.nan), rank
    nothing, _ = np.linalg.qr(free)
    return w - nothing @ (nothing.T @ w), rank


@dataclass(frozen=True, eq=False)
class LogisticRegression:
    """What `logistic_regression` found.

    Attributes
    ----------
    theta : array, (m + 1,)
        The parameters; theta_0 of the notes, the bias, comes last.
    log_likelihood : array, (epochs + 1,)
        LL before each step and after the last.
    eta : float
        The step that was taken.
    mlp : MLP
        The same as a network: MLP([m, 1], loss="binary_cross_entropy", reduction="sum") in
        float64, with theta as its weights; its loss is -LL.
    thetas : array, (epochs + 1, m + 1), or None
        theta before each step and after the last, where it was asked for.
    """

    theta: Array
    log_likelihood: Array
    eta: float
    mlp: MLP = field(repr=False)
    thetas: Array | None = field(default=None, repr=False)

    def predict(self, X: ArrayLike, n_threads: int | None = None) -> Array:
        """P(Y = 1 | x) = logistic(theta^T x), (n, 1), by the network."""
        return self.mlp.predict(X, n_threads)

    def predict_labels(self, X: ArrayLike, n_threads: int | None = None) -> Array:
        """Whether that is at least 1/2: 0 or 1, (n,)."""
        return self.mlp.predict_labels(X, n_threads)


@in_default_modes
def logistic_regression(
    X: ArrayLike,
    y: ArrayLike,
    eta: float | None = None,
    epochs: int = 1000,
    trajectory: bool = False,
) -> LogisticRegression:
    """theta_j += eta sum_i x_ij (y_i - 1 / (1 + e^(-theta^T x_i))), from theta = 0.

    Gradient ascent on the log-likelihood LL = sum_i y_i log p_i + (1 - y_i) log(1 - p_i), as the
    notes write it down: a sum over the samples, x_0 = 1, all parameters at once.

    Parameters
    ----------
    X : array-like, (n, m)
        Samples.
    y : array-like, (n,) or (n, 1)
        0 or 1.
    eta : float, optional
        The step, > 0. None: 4 / (largest eigenvalue of X^T X, X with its ones), below which no
        step can lower LL.
    epochs : int
        Steps.
    trajectory : bool
        Whether to keep theta of every epoch.

    Returns
    -------
    LogisticRegression

    Raises
    ------
    TypeError
        If X or y holds no real numbers, or another argument is of the wrong kind.
    ValueError
        If a shape is wrong, a value not finite, y other than 0 or 1, or eta or epochs too small,
        or X too large for the default eta.
    FloatingPointError
        If LL is not finite any more.

    Notes
    -----
    A loop in NumPy for the reader, whose sums add in the order of the notes' loops; an
    `MLP([m, 1])` trained with `SGD(eta)` on full batches from w = 0 does the same natively.
    Classes that a plane separates have no largest LL: theta grows for ever, LL tends to 0.
    """
    x, target = _table(X), _labels(y)
    if len(x) != len(target):
        raise ValueError(f"X, y: {len(x)} and {len(target)} rows; expected as many in both")
    epochs, trajectory = _validate.epochs(epochs), _validate.flag("trajectory", trajectory)
    rows = np.hstack([x, np.ones((len(x), 1))])  # x_0 = 1, here the last
    columns = np.ascontiguousarray(rows.T)  # sums along the first axis add term by term
    if eta is None:
        largest = float(np.linalg.norm(rows, 2)) if np.abs(rows).max() < 1e150 else math.inf
        eta = 4 / largest / largest
        if eta == 0:
            raise ValueError("X: numbers too large for a default step; expected eta, or smaller X")
    eta = number("eta", eta, lambda v: v > 0, "a finite number > 0")
    theta, LL, thetas = np.zeros(rows.shape[1]), np.empty(epochs + 1), []
    for t in range(epochs + 1):
        with np.errstate(over="ignore", invalid="ignore"):
            z = np.add.reduce(columns * theta[:, None], axis=0)
            LL[t] = -np.sum(np.maximum(z, 0) - z * target + np.log1p(np.exp(-np.abs(z))))
        if not math.isfinite(LL[t]):
            raise FloatingPointError(
                f"LL is {LL[t]} after {t} steps of eta = {eta:g}; expected a smaller eta"
            )
        if trajectory:
            thetas.append(theta)
        if t < epochs:
            # 1 / (1 + inf) is the 0 that it stands for; a theta that is infinite shows in LL.
            with np.errstate(over="ignore", invalid="ignore"):
                error = target - 1 / (1 + np.exp(-z))
                gradient = np.add.reduce(rows * error[:, None], axis=0)
                theta = theta + eta * gradient
    mlp = MLP([x.shape[1], 1], loss="binary_cross_entropy", reduction="sum", dtype="float64")
    mlp.w = theta
    return LogisticRegression(theta, LL, eta, mlp, np.array(thetas) if trajectory else None)


def _table(X: ArrayLike) -> Array:
    x = _validate.array(X, "X")
    if x.ndim != 2 or x.size == 0:
        raise ValueError(f"X: shape {x.shape}; expected (n, m), at least one row and one column")
    return _validate.finite(x, "X", np.float64)


def _labels(y: ArrayLike) -> Array:
    a = _validate.array(y, "y")
    if a.ndim != 1 and not (a.ndim == 2 and a.shape[1] == 1):
        raise ValueError(f"y: shape {a.shape}; expected (n,) or (n, 1)")
    a = a.ravel()
    bad = np.flatnonzero((a != 0) & (a != 1))
    if bad.size:
        raise ValueError(f"y: row {bad[0]} holds {a[bad[0]]}; expected 0 or 1")
    return a.astype(np.float64)
