# SPDX-License-Identifier: BSD-3-Clause
"""Radial basis function networks: Gaussian units around centres, and a trained layer on top.

The hidden layer is chosen (k-means or sampled centres, one width), not trained; what remains is a
linear or a softmax layer, whose loss is convex: solved exactly, or trained natively.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np

from deltarule import _validate
from deltarule._arguments import choice, generator, integer, number
from deltarule._modes import in_default_modes
from deltarule._typing import ArrayLike, NDArray
from deltarule.architecture import Architecture
from deltarule.history import History
from deltarule.kmeans import Distances, kmeans
from deltarule.metrics import METRICS, labels
from deltarule.mlp import MLP
from deltarule.optimizers import Adam, Optimizer, check_batch_size, check_optimizer
from deltarule.regression import LinearRegression, least_squares
from deltarule.results import Array
from deltarule.schedules.base import lasting
from deltarule.trainer import Trainer
from deltarule.training_loop import alone

# Where softmax starts: at least squares on one-hot targets, with a penalty that overlapping
# Gaussians need, times a factor that makes log-odds of 10 of an output of 1 beside one of 0.
START_L2, START_SCALE = 1e-8, 10.0
FARTHEST = 1e150  # from 0 that a sample may lie


class RBFNetwork:
    """y_hat = f(W [o; 1]) with o_j = exp(-|x - c_j|^2 / (2 s^2)).

    Parameters
    ----------
    n_centres : int
        Hidden units.
    centres : str
        "kmeans", or "sample": samples drawn without repetition.
    width : float, optional
        s, > 0, and neither so small nor so large that s^2 leaves float64. None: by `spacing`, twice
        the mean distance of a centre to its nearest neighbour; of a single centre, the root of the
        samples' mean squared distance to it.
    output : str
        "identity": least squares, solved exactly; "softmax": cross-entropy, trained natively.
    l2 : float
        >= 0; the penalty on W, as `MLP` takes it.
    seed : None, int or anything else that `numpy.random.default_rng` takes
        Of the centres and the shuffles, in this order.

    Attributes
    ----------
    C : array, (n_centres, m)
        The centres, after `fit`.
    s : float
        The width, after `fit`.
    mlp : MLP
        The layer on top, MLP([n_centres, K]) in float64, after `fit`.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If an argument is out of range or unknown.

    Notes
    -----
    Arithmetic is float64. The hidden outputs of at most some 16 MiB stand in memory at a time,
    whatever the number of rows, unless a batch is longer; `features` returns them all.

    Gaussians overlap, so that gradient descent from small random weights needs long. Softmax starts
    from the least-squares solution instead, and its network standardises the hidden outputs.
    """

    C: Array
    s: float
    mlp: MLP
    _distances: Distances

    def __init__(
        self,
        n_centres: int,
        centres: str = "kmeans",
        width: float | None = None,
        output: str = "identity",
        l2: float = 0.0,
        seed: Any = None,
    ) -> None:
        self.n_centres = integer("n_centres", n_centres, 1)
        self.centres = choice("centres", centres, ("kmeans", "sample"))
        if width is not None:
            width = number("width", width, _squares, "a number > 0 with a square in float64")
        self.width = width
        self.output = choice("output", output, ("identity", "softmax"))
        self.l2 = number("l2", l2, lambda v: v >= 0, "a finite number >= 0")
        self._rng = generator(seed)

    @in_default_modes
    def fit(
        self,
        X: ArrayLike,
        Y: ArrayLike,
        optimizer: Optimizer | None = None,
        batch_size: int | None = 32,
        epochs: int = 30,
        n_threads: int | None = None,
    ) -> History:
        """Choose the centres, then the layer on top.

        Parameters
        ----------
        X : array-like, (n, m)
            Samples, n >= n_centres.
        Y : array-like, (n, K) or (n,)
            Targets; of shape (n,) the targets of one output, or class labels for softmax.
        optimizer, batch_size, epochs
            As `MLP.fit` takes them, for softmax; least squares needs none of them.
        n_threads : int, optional
            None: as many as pay.

        Returns
        -------
        History
            Of the softmax layer; empty for least squares.

        Raises
        ------
        TypeError
            If X or Y holds no real numbers, or labels are no integers.
        ValueError
            If a shape is wrong, there are fewer samples than centres, or a value is out of range.
        FloatingPointError
            If the loss of the softmax layer is not finite any more.
        RuntimeError
            If another call fits it.

        Notes
        -----
        An exception before the first epoch has ended leaves the network as it was, but for what
        its generator has drawn.
        """
        x = _validate.array(X, "X")
        if x.ndim != 2 or x.size == 0:
            raise ValueError(f"X: shape {x.shape}; expected (n, m), at least one row and column")
        x = _validate.finite(x, "X", np.float64)
        far = np.flatnonzero(np.abs(x).max(axis=1) > FARTHEST)
        if far.size:
            raise ValueError(
                f"X: row {far[0]} holds a number beyond {FARTHEST:g}; expected smaller ones, whose "
                "squared distances stay finite"
            )
        if len(x) < self.n_centres:
            raise ValueError(f"X: {len(x)} rows; expected n_centres = {self.n_centres} at least")
        y = _validate.array(Y, "Y")
        n_outputs = self._outputs(y)
        loss = "cross_entropy" if self.output == "softmax" else "half_squared_error"
        net = Architecture(
            (self.n_centres, n_outputs), (self.output,), loss, dtype="float64", l2=self.l2
        )
        y = _validate.judged(_validate.targets(y, net), net, "float64")
        if len(x) != len(y):
            raise ValueError(f"X, Y: {len(x)} and {len(y)} rows; expected as many in both")
        optimizer = check_optimizer(Adam() if optimizer is None else optimizer, "float64", 1)
        batch_size, epochs = _validate.batch_size(batch_size) or None, _validate.epochs(epochs)
        check_batch_size(optimizer, batch_size)
        optimizer = lasting(optimizer, epochs)
        with alone(self):
            return self._learn(x, y, net, optimizer, batch_size, epochs, n_threads)

    def _learn(
        self, x: Array, y: Array, net: Architecture, optimizer: Optimizer,
        batch_size: int | None, epochs: int, n_threads: int | None,
    ) -> History:  # fmt: skip
        new = copy(self)  # shows when centres and layer belong together, or not at all
        new.C = self._choose(x)
        new._distances = Distances(new.C)
        new.s = new._spread(x) if self.width is None else self.width
        linear = new._least_squares(x, y, net.n_outputs, n_threads)
        if self.output == "identity":
            new.mlp = linear.mlp
            self._show(new)
            return History()
        mean, std = new._moments(x, n_threads)
        net = replace(net, input_shift=tuple(mean), input_scale=tuple(1 / std))
        W = START_SCALE * linear.W
        start = np.column_stack([W[:, :-1] * std, W[:, -1] + W[:, :-1] @ mean])
        new.mlp = MLP.from_architecture(net, start.ravel())
        trainer = Trainer(new.mlp, optimizer, batch_size, n_threads)
        return new._train(trainer, x, y, epochs, n_threads, self._show)

    def _show(self, new: RBFNetwork) -> None:
        vars(self).update(C=new.C, s=new.s, mlp=new.mlp, _distances=new._distances)

    def _outputs(self, y: Array) -> int:
        if y.ndim == 2:
            return max(1, int(y.shape[1]))
        if self.output == "identity":
            return 1
        return max(2, int(y.max()) + 1) if y.size and y.dtype.kind in "biu" else 2

    def _choose(self, x: Array) -> Array:
        if self.centres == "kmeans":
            return kmeans(x, self.n_centres, self._rng)
        return x[self._rng.choice(len(x), self.n_centres, replace=False)]

    def _spread(self, x: Array) -> float:
        """The default width."""
        if np.any(self.C[0] != self.C):
            return spacing(self.C)
        squares = np.mean(np.sum((x - self.C[0]) ** 2, axis=1))
        return float(np.sqrt(squares)) or 1.0

    def _least_squares(
        self, x: Array, y: Array, n_outputs: int, n_threads: int | None
    ) -> LinearRegression:
        labelled = self.output == "softmax" and y.ndim == 1
        blocks = (
            (
                self._hidden(x[rows], n_threads),
                _one_hot(y[rows], n_outputs)
                if labelled
                else y[rows].reshape(-1, n_outputs).astype(np.float64),
            )
            for rows in self._blocks(len(x))
        )
        return least_squares(blocks, self.l2 if self.output == "identity" else START_L2 + self.l2)

    def _moments(self, x: Array, n_threads: int | None) -> tuple[Array, Array]:
        """Mean and standard deviation of the hidden outputs, merged block by block."""
        n, mean, squares = 0, np.zeros(self.n_centres), np.zeros(self.n_centres)
        for rows in self._blocks(len(x)):
            o = self._hidden(x[rows], n_threads)
            away, share = o.mean(axis=0) - mean, len(o) / (n + len(o))
            squares += len(o) * o.var(axis=0) + away**2 * n * share
            mean += away * share
            n += len(o)
        std = np.sqrt(squares / n)
        return mean, np.where(std > 0, std, 1.0)

    def _train(
        self, trainer: Trainer, x: Array, y: Array, epochs: int, n_threads: int | None,
        show: Callable[[RBFNetwork], None],
    ) -> History:  # fmt: skip
        """`Trainer.epoch` over the hidden outputs, a block of whole batches at a time."""
        history = History()
        blocks = self._blocks(len(x), trainer.batch_size or len(x))
        whole = self._hidden(x, n_threads) if len(blocks) == 1 else None
        if whole is None and trainer.optimizer.schedules:
            raise ValueError(
                f"optimizer: {trainer.optimizer!r}; expected numbers that stand still: the hidden "
                f"outputs of {len(x)} rows are made in {len(blocks)} blocks, each an epoch to it"
            )
        for _ in range(epochs):
            order, start, total = self._rng.permutation(len(x)), perf_counter(), 0.0
            for block in blocks:
                rows = order[block]
                if whole is not None:
                    total += len(rows) * trainer.epoch(whole, y, rows)
                else:
                    total += len(rows) * trainer.epoch(self._hidden(x[rows], n_threads), y[rows])
            show(self)
            history.append(total / len(x), perf_counter() - start, len(x), eta=trainer.eta)
        history.stopped_by = "epochs"
        return history

    def _blocks(self, n: int, batch: int = 1) -> list[slice]:
        rows = max(1, self._distances.rows // batch) * batch
        return [slice(start, start + rows) for start in range(0, n, rows)]

    def _hidden(self, x: Array, n_threads: int | None) -> Array:
        o = self._distances(x, n_threads)
        o *= -0.5 / self.s**2
        return np.exp(o, out=o)

    @in_default_modes
    def features(self, X: ArrayLike, n_threads: int | None = None) -> Array:
        """o_j = exp(-|x - c_j|^2 / (2 s^2)), (n, n_centres): the hidden layer's outputs.

        Parameters
        ----------
        X : array-like, (n, m)
            Samples.
        n_threads : int, optional
            None: as many as pay.

        Returns
        -------
        array, (n, n_centres)

        Raises
        ------
        TypeError, ValueError
            If X does not fit.
        RuntimeError
            Before `fit`.
        """
        now = self._fitted()
        x = now._samples(X)
        return np.concatenate([now._hidden(x[r], n_threads) for r in now._blocks(len(x))])

    @in_default_modes
    def predict(self, X: ArrayLike, n_threads: int | None = None) -> Array:
        """y_hat, (n, K): outputs, or probabilities of the classes.

        Parameters
        ----------
        X, n_threads
            As `features` takes them.

        Returns
        -------
        array, (n, K)

        Raises
        ------
        TypeError, ValueError, RuntimeError
            As `features` does.
        """
        now = self._fitted()
        x = now._samples(X)
        y_hat = np.empty((len(x), now.mlp.layers[-1]))
        for rows in now._blocks(len(x)):
            now.mlp.predict(now._hidden(x[rows], n_threads), n_threads, out=y_hat[rows])
        return y_hat

    def predict_labels(self, X: ArrayLike, n_threads: int | None = None) -> NDArray[np.int64]:
        """argmax_j y_hat_j, (n,).

        Parameters
        ----------
        X, n_threads
            As `features` takes them.

        Returns
        -------
        array of int64, (n,)

        Raises
        ------
        TypeError, ValueError, RuntimeError
            As `features` does; ValueError too if there is a single output.
        """
        y_hat = self.predict(X, n_threads)
        if y_hat.shape[1] == 1:
            raise ValueError("predict_labels: one identity output; expected several")
        return labels(y_hat)

    @in_default_modes
    def evaluate(
        self,
        X: ArrayLike,
        Y: ArrayLike,
        metric: str | Callable[[Array, Array], float] = "accuracy",
        n_threads: int | None = None,
    ) -> float:
        """metric(Y, y_hat), with y_hat = predict(X).

        Parameters
        ----------
        X, n_threads
            As `features` takes them.
        Y : array-like, (n, K) or (n,)
            Targets or labels.
        metric : str or callable
            "accuracy", "mean_absolute_error", "mean_squared_error", "r2", or a function of Y and
            y_hat, (n, K).

        Returns
        -------
        float

        Raises
        ------
        TypeError, ValueError, RuntimeError
            As `features` does; ValueError too if the metric is unknown, X and Y differ in rows, or
            a target is not finite or, for softmax, a label unknown.
        """
        function = metric if callable(metric) else METRICS[choice("metric", metric, tuple(METRICS))]
        now = self._fitted()
        y, y_hat = _validate.array(Y, "Y"), now.predict(X, n_threads)
        if y.ndim not in (1, 2) or len(y) != len(y_hat):
            raise ValueError(f"Y: shape {y.shape}; expected {len(y_hat)} rows, as X has")
        if metric == "accuracy" and y_hat.shape[1] == 1:
            raise ValueError("accuracy: one identity output; expected several")
        if self.output == "identity":
            y = _validate.finite(y, "Y", np.float64)
        else:
            y = _validate.judged(y, now.mlp.architecture, "float64")
        return float(function(y, y_hat))

    def _fitted(self) -> RBFNetwork:
        """As it is now: of a fit at the same time nothing shows in it."""
        now = copy(self)
        if not hasattr(now, "mlp"):
            raise RuntimeError("RBFNetwork: it has no centres yet; expected fit(X, Y) before")
        return now

    def _samples(self, X: ArrayLike) -> Array:
        x, m = _validate.array(X, "X"), self.C.shape[1]
        if x.ndim != 2 or x.shape[1] != m or len(x) == 0:
            raise ValueError(f"X: shape {x.shape}; expected (n, {m}), at least one row")
        return _validate.finite(x, "X", np.float64)

    def __repr__(self) -> str:
        return (
            f"RBFNetwork({self.n_centres}, centres={self.centres!r}, width={self.width}, "
            f"output={self.output!r}, l2={self.l2})"
        )


def _squares(s: float) -> bool:
    """Whether s > 0, and s^2 and its reciprocal are finite and not 0."""
    return s > 0 and 0 < s * s < np.inf and 1 / (s * s) < np.inf


def _one_hot(label: Array, n_classes: int) -> Array:
    rows = np.zeros((len(label), n_classes))
    rows[np.arange(len(label)), label.astype(np.int64)] = 1
    return rows


def spacing(C: Array) -> float:
    """Twice the mean distance of a centre to the nearest one that lies elsewhere.

    Parameters
    ----------
    C : array, (k, m)
        Centres; those that coincide count as one.

    Returns
    -------
    float
        1 where all centres coincide, or there is only one.
    """
    C = np.unique(C, axis=0)
    if len(C) == 1:
        return 1.0
    total, distances = 0.0, Distances(C)
    for rows, d in distances.blocks(C):
        d[np.arange(len(d)), np.arange(len(C))[rows]] = np.inf
        total += float(np.sqrt(d.min(axis=1)).sum())
    return 2 * total / len(C) if total > 0 else 1.0
