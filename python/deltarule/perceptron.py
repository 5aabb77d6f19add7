# SPDX-License-Identifier: BSD-3-Clause
"""Rosenblatt's perceptron: threshold units and the rule that he taught them by.

The rule is the delta rule (29) for one row at a time with delta = d - y, without the derivative
that a threshold does not have: for it, the core's trainer has the collapsed path of (25).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from deltarule import _core, _validate
from deltarule._arguments import integer
from deltarule._modes import in_default_modes
from deltarule._typing import ArrayLike
from deltarule.mlp import MLP
from deltarule.optimizers import SGD, check_optimizer
from deltarule.results import Array
from deltarule.training_loop import alone


@dataclass(frozen=True)
class PerceptronFit:
    """What `Perceptron.fit` did.

    Attributes
    ----------
    converged : bool
        The last epoch had no mistake: every row is right.
    n_epochs : int
        Passes over the rows, the last one included.
    n_updates : int
        Corrections w <- w + eta (d - y) x in all passes.
    mistakes : tuple of int
        Corrections in each epoch.
    period : int or None
        Not None: the weights at the end are those that stood `period` epochs earlier, so the same
        mistakes will come again for ever. This proves that the rule never converges here: that no
        plane separates the rows, if no correction was rounded, as with integers.
    """

    converged: bool
    n_epochs: int
    n_updates: int
    mistakes: tuple[int, ...]
    period: int | None = None

    def __str__(self) -> str:
        counts = f"{_plural(self.n_epochs, 'epoch')}, {_plural(self.n_updates, 'update')}"
        if self.converged:
            return f"converged: {counts}"
        if self.period is None:
            return f"not converged yet: {counts}, {self.mistakes[-1]} of them in the last epoch"
        return (
            f"never converges: {counts}; the weights repeat every {_plural(self.period, 'epoch')}"
        )


class Perceptron:
    """y = 1 where W [x; 1] >= 0, else 0: one threshold unit per output.

    Parameters
    ----------
    n_inputs : int
        Columns of X.
    n_outputs : int
        K units on the same inputs, each taught by its own column of d.
    W : array-like, (K, n_inputs + 1) or (n_inputs + 1,) for K = 1, optional
        The weights to start from, bias in the last column. None: 0.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or shape.

    Notes
    -----
    F. Rosenblatt, "The Perceptron", Psychological Review 65 (1958). All numbers are float64.
    """

    def __init__(self, n_inputs: int, n_outputs: int = 1, W: ArrayLike | None = None) -> None:
        columns, rows = integer("n_inputs", n_inputs, 1), integer("n_outputs", n_outputs, 1)
        self._mlp = MLP([columns, rows], output="threshold", dtype="float64", seed=0)
        self.W = np.zeros((rows, columns + 1)) if W is None else W

    @property
    def W(self) -> Array:
        """(K, n_inputs + 1), bias last: a read-only live view. Assign a whole matrix."""
        return self._mlp.W[0]

    @W.setter
    def W(self, W: ArrayLike) -> None:
        given = _validate.array(W, "W")
        shape = self._mlp.W[0].shape
        if given.shape != shape and not (shape[0] == 1 and given.shape == shape[1:]):
            raise ValueError(f"W: shape {given.shape}; expected {shape}")
        self._mlp.w = given.ravel()

    @property
    def w(self) -> Array:
        """W row by row, (K * (n_inputs + 1),): a read-only live view."""
        return self._mlp.w

    def predict(self, X: ArrayLike) -> Array:
        """y = [W [x; 1] >= 0].

        Parameters
        ----------
        X : array-like, (n, n_inputs)
            Samples.

        Returns
        -------
        array, (n, K)
            0.0 and 1.0.

        Raises
        ------
        TypeError, ValueError
            As `MLP.predict` does.
        """
        return self._mlp.predict(X)

    @in_default_modes
    def fit(
        self, X: ArrayLike, d: ArrayLike, epochs: int = 1000, eta: float = 1.0
    ) -> PerceptronFit:
        """w <- w + eta (d - y) [x; 1], row after row, where y is wrong.

        Stops after an epoch without a mistake; after an epoch whose weights stood there before,
        which proves that the rule would go in circles; or after `epochs`. A second call goes on
        from the weights of the first.

        Parameters
        ----------
        X : array-like, (n, n_inputs)
            Samples, taken in this order in every epoch.
        d : array-like, (n,) or (n, K)
            Desired outputs, 0 or 1; (n,) only for K = 1.
        epochs : int
            At most so many passes.
        eta : float
            > 0, the learning rate. From weights 0 it only scales W: exactly if it is a power of
            two, else but for roundings, which decide where net would be 0.

        Returns
        -------
        PerceptronFit
            Whether it converged, and how.

        Raises
        ------
        TypeError, ValueError
            If X or d do not fit, are not finite, or d holds anything but 0 and 1.
        FloatingPointError
            If a weight overflows.
        RuntimeError
            If another call fits it.
        """
        x = np.asarray(_validate.features(X, self._mlp.architecture))
        desired = _desired(d, len(x), self._mlp.layers[1])
        limit = _validate.epochs(epochs)
        rule = check_optimizer(SGD(eta=eta), "float64")
        trainer = _core.Trainer(self._mlp._network, rule.kernel, rule.parameters, 1, 1)
        with alone(self):
            return self._learn(trainer, x, desired, limit)

    def _learn(self, trainer: Any, x: Array, desired: Array, limit: int) -> PerceptronFit:
        mistakes: list[int] = []
        period = None
        saved, since, power = self.w.copy(), 0, 1
        while len(mistakes) < limit:
            loss = trainer.epoch(x, desired, None)  # the mean over rows of mistakes / 2
            mistakes.append(round(2 * len(x) * loss))
            if mistakes[-1] == 0:
                break
            # Brent's search for a cycle keeps one state, and a newer one at every power of two.
            since += 1
            if np.array_equal(self.w, saved):
                period = since
                break
            if since == power:
                saved, since, power = self.w.copy(), 0, 2 * power
        return PerceptronFit(
            mistakes[-1] == 0, len(mistakes), sum(mistakes), tuple(mistakes), period
        )

    def to_mlp(self) -> MLP:
        """Return an MLP [n_inputs, K] with threshold output and these weights, of its own."""
        return MLP.from_architecture(self._mlp.architecture, self.w)

    def __repr__(self) -> str:
        n_inputs, n_outputs = self._mlp.layers
        return f"Perceptron({n_inputs}, {n_outputs})"


@in_default_modes
def mistake_bound(X: ArrayLike, d: ArrayLike, w: ArrayLike) -> float:
    """(R / gamma)^2: no more corrections than that are ever needed, from weights 0.

    R is the largest norm of [x; 1] and gamma the smallest distance of a row from the plane w, the
    bias counted as one more coordinate.

    Parameters
    ----------
    X : array-like, (n, n_inputs)
        Samples.
    d : array-like, (n,)
        Desired outputs, 0 or 1.
    w : array-like, (n_inputs + 1,)
        Any weights, bias last, that put every row strictly on its side.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit, or w does not separate the rows strictly.

    Notes
    -----
    A. B. J. Novikoff, "On convergence proofs on perceptrons", 1962.
    """
    x, plane = _validate.array(X, "X"), _validate.array(w, "w").ravel()
    if x.ndim != 2 or len(x) == 0 or x.shape[1] + 1 != plane.size:
        raise ValueError(f"X, w: shapes {x.shape} and {plane.shape}; expected (n, m) and (m + 1,)")
    x = _validate.finite(x, "X", "float64")
    plane = _validate.finite(plane, "w", "float64")
    plane = np.ldexp(plane, -np.frexp(np.abs(plane).max())[1])  # a multiple of w, the same plane
    sides = 2 * _desired(d, len(x), 1) - 1
    augmented = np.hstack([x, np.ones((len(x), 1))])
    margins = sides[:, 0] * (augmented @ plane)
    if margins.min() <= 0:
        row = int(margins.argmin())
        raise ValueError(f"w: row {row} is not strictly on its side; expected a separating plane")
    # Squares and one division: exact for integers, where roots may round the bound below the count.
    widest = (augmented * augmented).sum(axis=1).max()
    return float(widest * (plane @ plane) / margins.min() ** 2)


def _desired(d: ArrayLike, n: int, n_outputs: int) -> Array:
    """Return d as float64 (n, K), if it holds only 0 and 1."""
    given: Any = _validate.array(d, "d")
    if given.ndim == 1 and n_outputs == 1:
        given = given[:, None]
    if given.shape != (n, n_outputs):
        expected = f"({n}, {n_outputs})" + (f" or ({n},)" if n_outputs == 1 else "")
        raise ValueError(f"d: shape {np.shape(d)}; expected {expected}")
    bad = np.flatnonzero(~np.isin(given, (0, 1)).all(axis=1))
    if bad.size:
        raise ValueError(f"d: row {bad[0]} holds {given[bad[0]].tolist()}; expected 0 or 1")
    desired: Array = given.astype(np.float64)
    return desired


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
