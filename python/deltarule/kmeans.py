# SPDX-License-Identifier: BSD-3-Clause
"""k-means: centres that stand for a table of samples, for `RBFNetwork`.

Lloyd's iteration from a k-means++ start, in float64. Distances come from the native core in
blocks of rows, so that memory does not grow with rows times centres.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from deltarule._modes import in_default_modes
from deltarule.mlp import MLP
from deltarule.results import Array

ENTRIES = 2**21  # of a block of distances: 16 MiB


class Distances:
    """|x - c|^2 = |x|^2 + (-2 c x + |c|^2) for all centres c: the bracket is an affine map.

    Parameters
    ----------
    centres : array, (k, m)
        In float64.
    """

    def __init__(self, centres: Array) -> None:
        k, m = centres.shape
        # Moved to the centres' mean, where the three terms cancel least.
        self._mean = centres.mean(axis=0)
        c = centres - self._mean
        self._affine = MLP([m, k], output="identity", dtype="float64")
        self._affine.W = [np.column_stack([-2 * c, np.einsum("ij,ij->i", c, c)])]
        self.rows = max(1, ENTRIES // k)

    def __call__(self, X: Array, n_threads: int | None = None) -> Array:
        """All squared distances of some rows, (n, k).

        Parameters
        ----------
        X : array, (n, m)
            In float64.
        n_threads : int, optional
            As `MLP.predict` takes it.

        Returns
        -------
        array, (n, k)
            At least 0.
        """
        x = X - self._mean
        d = self._affine.predict(x, n_threads)
        d += np.einsum("ij,ij->i", x, x)[:, None]
        return np.maximum(d, 0, out=d)

    def blocks(self, X: Array) -> Iterator[tuple[slice, Array]]:
        """The same a few rows at a time: which rows, and their distances."""
        for start in range(0, len(X), self.rows):
            rows = slice(start, start + self.rows)
            yield rows, self(X[rows])


@in_default_modes
def kmeans(
    X: Array, k: int, rng: np.random.Generator, passes: int = 100, tolerance: float = 1e-4
) -> Array:
    """Centres such that the sum of squared distances to the nearest one is small.

    Parameters
    ----------
    X : array, (n, m)
        Samples in float64, n >= k.
    k : int
        How many centres.
    rng : Generator
        Draws the start.
    passes : int
        Over X, at most.
    tolerance : float
        It ends when a pass lowers the sum by no more than this share; 0: when nothing changes.

    Returns
    -------
    array, (k, m)
        Each is the mean of the samples that were nearest to it in the last pass but one.
    """
    centres, before = spread(X, k, rng), np.inf
    label, nearest = np.empty(len(X), np.int64), np.empty(len(X))
    for _ in range(passes):
        for rows, d in Distances(centres).blocks(X):
            label[rows] = d.argmin(axis=1)
            nearest[rows] = np.take_along_axis(d, label[rows, None], axis=1)[:, 0]
        total = float(nearest.sum())
        if total >= before * (1 - tolerance):
            break
        before = total
        for j in np.flatnonzero(np.bincount(label, minlength=k) == 0):
            far = int(nearest.argmax())  # a centre that lost all its samples takes this one
            label[far], nearest[far] = j, -1
        size = np.bincount(label, minlength=k)
        sums = [np.bincount(label, column, minlength=k) for column in X.T]
        centres = np.column_stack(sums) / np.maximum(size, 1)[:, None]
    return centres


def spread(X: Array, k: int, rng: np.random.Generator) -> Array:
    """k-means++: samples, each drawn with a chance that grows as its squared distance to the rest.

    Parameters
    ----------
    X : array, (n, m)
        Samples.
    k : int
        How many.
    rng : Generator
        Draws them.

    Returns
    -------
    array, (k, m)
    """
    chosen = [int(rng.integers(len(X)))]
    nearest = np.full(len(X), np.inf)
    for _ in range(k - 1):
        away = X - X[chosen[-1]]
        np.minimum(nearest, np.einsum("ij,ij->i", away, away), out=nearest)
        total = np.cumsum(nearest)
        # All samples coincide with a centre: any of them will do.
        at = np.searchsorted(total, rng.random() * total[-1], "right") if total[-1] > 0 else 0
        chosen.append(min(int(at), len(X) - 1))
    return X[chosen]
