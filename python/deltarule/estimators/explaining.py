# SPDX-License-Identifier: BSD-3-Clause
"""How an estimator's outputs move with its inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from deltarule._arguments import integer
from deltarule.estimators.rows import validate_data
from deltarule.jacobian import jacobian
from deltarule.results import Array

ROWS = 4096  # whose points on the way are held at once


class Explaining:
    """Gradients of what `predict_proba`, or `predict` of a regressor, takes from the network."""

    def input_gradient(self, X: Any, output: int | None = None) -> Array:
        """dy_hat_j / dX_i of every row.

        Parameters
        ----------
        X : array-like, (n, n_features_in_)
            Samples.
        output : int, optional
            j; None: all of them. One output speaks of the second of two classes.

        Returns
        -------
        array of float64, (n, n_features_in_); (n, n_outputs_, n_features_in_) of all outputs

        Raises
        ------
        TypeError, ValueError
            If X or output does not fit.
        """
        x, j = self._explained(X, output)
        J = jacobian(self._network().mlp, x)  # type: ignore[attr-defined]
        return J if j is None else J[:, j]

    def integrated_gradients(
        self, X: Any, output: int = 0, baseline: Any = 0.0, n_steps: int = 50
    ) -> Array:
        """(x_i - b_i) times the mean of dy_hat_j / dx_i on the line from b to x.

        By the midpoint rule; each row's sum is y_hat_j(x) - y_hat_j(b), but for the rule's error.

        Parameters
        ----------
        X : array-like, (n, n_features_in_)
            Samples.
        output : int
            j.
        baseline : float or array-like, (n_features_in_,) or (n, n_features_in_)
            b.
        n_steps : int
            Points on the line, >= 1.

        Returns
        -------
        array of float64, (n, n_features_in_)

        Raises
        ------
        TypeError, ValueError
            If an argument does not fit.
        """
        x, j = self._explained(X, output)
        n_steps = integer("n_steps", n_steps, 1)
        try:
            b = np.broadcast_to(np.asarray(baseline, np.float64), x.shape)
        except ValueError:
            raise ValueError(
                f"baseline: shape {np.shape(baseline)}; expected a number or {x.shape[1:]}"
            ) from None
        mlp = self._network().mlp  # type: ignore[attr-defined]
        mean = np.zeros(x.shape)
        for at in range(0, len(x), ROWS):
            rows = slice(at, at + ROWS)
            for k in range(n_steps):
                share = (k + 0.5) / n_steps
                mean[rows] += jacobian(mlp, b[rows] + share * (x[rows] - b[rows]))[:, j]
        return np.asarray((x - b) * mean / n_steps)

    def _explained(self, X: Any, output: Any) -> tuple[Array, int | None]:
        check_is_fitted(self)
        x = validate_data(self, X, reset=False, dtype=np.float64)
        if output is None:
            return x, None
        j, K = integer("output", output, 0), self._network().mlp.layers[-1]  # type: ignore[attr-defined]
        if j >= K:
            raise ValueError(f"output: {j}; expected 0 ... {K - 1}")
        return x, j
