# SPDX-License-Identifier: BSD-3-Clause
"""Fitting by SciPy's L-BFGS-B over scikit-learn's objective, in float64."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning

from deltarule.estimators.losses import constants, divisor, limit_of
from deltarule.estimators.network import Net
from deltarule.estimators.rows import blocks
from deltarule.estimators.stochastic import DIVERGED, warn
from deltarule.estimators.threads import allowed
from deltarule.full_batch import _one_blas_thread
from deltarule.mlp import MLP
from deltarule.results import Array

ASKED = 99  # SciPy's status where the callback ended it


class Objective:
    """L(w) = data / S + alpha / 2 |W|^2 / S and its gradient; the sum over rows is the core's."""

    def __init__(self, estimator: Any, net: Net, data: Any, n_threads: int | None) -> None:
        of = replace(net.mlp.architecture, dtype="float64", reduction="sum", l2=0.0)
        self.mlp = MLP.from_architecture(of, net.mlp.w)
        self.mlp._network.loss_limit = limit_of(of)
        self.X, self.Y, self.s = data.X, data.Y, data.sample_weight
        self.S = float(self.X.shape[0] if self.s is None else self.s.sum())
        self.alpha, self.n_threads = float(estimator.alpha), n_threads
        self.divisor = divisor(estimator)
        c = constants(estimator, self.Y)
        self.constant = 0.0 if c is None else float(np.average(c, weights=self.s))
        self.reached = self.mlp.w.copy()
        self.losses: list[float] = []

    def __call__(self, w: Array) -> tuple[float, Array]:
        """Return both at w."""
        try:
            self.mlp.w = w
        except ValueError:  # a step to infinity
            return np.inf, np.zeros_like(w)
        loss, gradient = self._sums()
        pulled = np.array(w)
        for view in self.mlp.architecture.views(pulled):
            view[:, -1] = 0
        gradient += self.alpha * pulled
        gradient /= self.S
        penalty = 0.5 * self.alpha * float(pulled @ pulled) / self.S
        return loss / (self.S * self.divisor) + self.constant + penalty, gradient

    def _sums(self) -> tuple[float, Array]:
        total, gradient = 0.0, np.zeros(self.mlp.n_weights)
        for part, x in blocks(self.X):
            s = None if self.s is None else self.s[part]
            if s is None or s.any():
                L, g = self.mlp.loss_and_gradient(x, self.Y[part], self.n_threads, s)
                total, gradient = total + L, gradient + g
        return total, gradient

    def accept(self, intermediate_result: Any) -> None:
        """SciPy's callback: it knows the argument by its name."""
        self.reached = intermediate_result.x.copy()
        self.losses.append(float(intermediate_result.fun))


def fit(estimator: Any, net: Net, data: Any) -> None:
    """Lower the objective from the weights as they are."""
    est = estimator
    objective = Objective(est, net, data, allowed(est.n_jobs))
    bridge, began = est._callback_bridge, perf_counter()

    def after(intermediate_result: Any) -> None:
        objective.accept(intermediate_result)
        if est.verbose:
            print(f"Iteration {len(objective.losses)}, loss = {objective.losses[-1]:.8f}")
        stop = est.max_seconds is not None and perf_counter() - began >= est.max_seconds
        if bridge is not None:
            bridge.begin()  # only now is it known that there was one more
            stop |= bridge.end(lambda: est._attributes_of(objective.mlp))
        if stop:
            raise StopIteration

    options = {"maxfun": est.max_fun, "maxiter": est.max_iter, "gtol": est.tol}
    try:
        with _one_blas_thread():
            found = minimize(
                objective, objective.reached, method="L-BFGS-B", jac=True, options=options,
                callback=after,
            )  # fmt: skip
    except KeyboardInterrupt:
        warn("Training interrupted by user.")
        est.n_iter_ = len(objective.losses)
        est.loss_ = objective.losses[-1] if objective.losses else objective(objective.reached)[0]
    else:
        stopped = found.status == ASKED and found.nit < est.max_iter
        est.n_iter_ = min(int(found.nit), est.max_iter)
        if found.status and not stopped:
            warn(
                f"lbfgs failed to converge after {est.n_iter_} iteration(s) (status={found.status})"
                f":\n{found.message}\n\nMore iterations may help (max_iter={est.max_iter}), or "
                "scaled data.", ConvergenceWarning,
            )  # fmt: skip
        est.loss_, objective.reached = np.float64(found.fun), found.x
    finally:
        est._begun = bool(objective.losses)
        w = objective.reached
        if est.dtype is None and net.mlp.dtype != w.dtype:  # as scikit-learn's come out
            net = est._net = net.as_float64()
        net.take(est, w)
    if not np.isfinite(w).all():
        est._begun = True
        raise ValueError(DIVERGED)
