# SPDX-License-Identifier: BSD-3-Clause
"""How far a native value may lie from the oracle's: rigorous bounds, elementwise.

A bound takes the native values that enter an equation and adds up what rounding can do to the one
that leaves it: gamma_r = r u / (1 - r u) for r roundings in a row, a few units in the last place
for elementary functions, and the oracle's own rounding in float64. Underflow, to which no relative
bound applies, is covered by multiples of the smallest normal number; where a sum may overflow on
the way, the bound is infinite.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from deltarule import bounds_of_functions as functions
from deltarule import loss_bounds
from deltarule.activations import row
from deltarule.losses import read
from deltarule.oracle.activations import DERIVATIVES, Float64, softmax
from deltarule.oracle.functions import of_net
from deltarule.oracle.losses import clip, delta_of_net, descent

SQUARES = {"half_squared_error": 0.5, "squared_error": 1.0}
BLOCK = 256  # KB of the numerics contract: products in one chain
LANES = 16  # accumulators of a sum along a row
TREE = 4  # additions that join them

# Errors of the elementary functions in units in the last place: ours, and libm's in the oracle.
ULPS = {
    "exp": 2.0, "log": 2.0, "log1p": 2.0, "tanh": 2.0, "logistic": 2.5,
    "sin_2pi": 2.0, "cos_2pi": 2.0,
}  # fmt: skip
ORACLE_ULPS = 4.0
ORACLE_ROUNDINGS = 6  # of the oracle on top of a contraction: derivative, factors, penalty

Array = Any  # Float64, or a float64 scalar that broadcasts


def gamma(roundings: int, u: float) -> float:
    """gamma_r = r u / (1 - r u): the relative error of r roundings in a row."""
    return roundings * u / (1.0 - roundings * u)


class Bounds:
    """Error bounds for networks of one dtype.

    Parameters
    ----------
    dtype : str
        "float32" or "float64".
    """

    def __init__(self, dtype: str) -> None:
        self.dtype = np.dtype(dtype)
        self.u = float(np.finfo(dtype).eps) / 2
        self.u_oracle = float(np.finfo(np.float64).eps) / 2
        self.tiny = float(np.finfo(dtype).tiny)
        self.huge = float(np.finfo(dtype).max)
        # What softmax leaves out of a sum that is 1 or more: its terms far below the largest.
        self.left_out = float(np.exp(-70.0 if dtype == "float32" else -690.0))

    def roundings(self, count: int, magnitude: Array) -> Float64:
        """Of `count` roundings in a row, natively and in the oracle."""
        return self._bound(count, count, magnitude)

    def contraction(self, k: int, magnitude: Array, more: int = 0) -> Float64:
        """Of sum_k a_k b_k by blocks, magnitude = sum_k |a_k b_k|, then `more` roundings."""
        chain = min(k, BLOCK) + -(-k // BLOCK) - 1 + more
        return self._bound(chain, k + more, magnitude)

    def tree(self, k: int, magnitude: Array, more: int = 0) -> Float64:
        """Of a sum along a row of k, magnitude = the sum of absolute values."""
        chain = -(-k // LANES) + TREE + more
        return self._bound(chain, k + more, magnitude)

    def _bound(self, chain: int, operations: int, magnitude: Array) -> Float64:
        """`chain` native roundings in a row, in any order `operations` of the oracle's.

        There is no bound where what is added up may leave the range on the way.
        """
        native = gamma(chain, self.u) * magnitude + operations * self.tiny
        oracle = gamma(operations + ORACLE_ROUNDINGS, self.u_oracle) * magnitude
        inside = magnitude + native <= self.huge  # false for nan
        return np.where(inside, native + oracle, np.inf)

    def ulps(self, function: str, value: Array) -> Float64:
        """Of an elementary function with this value."""
        unit = np.spacing(np.abs(value).astype(self.dtype)).astype(np.float64)
        oracle = ORACLE_ULPS * np.spacing(np.abs(value))
        return np.asarray(ULPS[function] * unit + oracle + self.tiny)

    def gather(self, o: Float64, steps: int) -> Float64:
        """o[0] = (x - shift) scale: as many roundings as there are steps."""
        return self.roundings(steps, np.abs(o))

    def net(self, o: Float64, W: Float64) -> Float64:
        """net = o W^T + bias."""
        magnitude = np.abs(o) @ np.abs(W[:, :-1]).T + np.abs(W[:, -1])
        return self.contraction(o.shape[1], magnitude, more=1)

    def activation(
        self, name: str, net: Float64, o: Float64, alpha: Float64 | None = None
    ) -> Float64:
        """o = f(net)."""
        if not row(name).from_output:
            return functions.bounds(self, name, net, alpha).o
        if name in ("identity", "relu", "threshold"):
            return np.zeros_like(o)
        if name == "gaussian":
            return np.where(np.arange(o.shape[1]) < o.shape[1] // 2, 0.0, self.ulps("exp", o))
        if name != "softmax":
            return self.ulps(name, o)
        e, s = self._exponentials(net)
        u, y_hat = self.u + self.u_oracle, softmax(net)
        relative = (1 + e) * (1 + 2 * u) / (1 - s) - 1
        return np.asarray(y_hat * relative + self.left_out + 2 * self.tiny)

    def exp_error(self) -> float:
        """Relative error of exp: an ulp is at most 2 u."""
        return 2 * (ULPS["exp"] * self.u + ORACLE_ULPS * self.u_oracle)

    def _exponentials(self, net: Float64) -> tuple[Float64, Float64]:
        """Relative errors of e_j = exp(net_j - m) and of their sum, as softmax forms them.

        The rounding of net_j - m becomes a relative error of e_j that grows with the distance.
        """
        u = self.u + self.u_oracle
        distance = np.max(net, axis=1, keepdims=True) - net
        e = (1 + self.exp_error()) * np.exp(np.minimum(distance * u, 1.0)) - 1
        weighted = np.sum(softmax(net) * e, axis=1, keepdims=True)
        left_out = net.shape[1] * self.left_out
        return e, np.asarray(weighted + self.tree(net.shape[1], 1.0 + weighted) + left_out)

    def back_activation(
        self,
        name: str,
        o: Float64,
        signal: Float64,
        error: Float64,
        net: Float64 | None = None,
        alpha: Float64 | None = None,
    ) -> Float64:
        """delta = f' signal, or J^T signal, where the signal itself may be off by `error`."""
        if not row(name).from_output:
            assert net is not None  # which f' comes from
            slope = np.abs(of_net(name, net, alpha).slope)
            off = functions.bounds(self, name, net, alpha).slope
            reach = np.abs(signal) + error
            return np.asarray(slope * error + off * reach + self.roundings(1, slope * reach))
        if name == "softmax":
            weighted = np.sum(o * error, axis=1, keepdims=True)
            magnitude = np.sum(o * (np.abs(signal) + error), axis=1, keepdims=True)
            mean = weighted + self.tree(o.shape[1], magnitude)
            both = np.abs(signal) + error + magnitude + mean
            return np.asarray(o * (error + mean + self.roundings(2, both)) + self.tiny)
        if name == "identity":
            return error
        slope = np.abs(DERIVATIVES[name](o))
        if name == "relu":
            return error * slope
        return np.asarray(slope * error + self.roundings(2, slope * (np.abs(signal) + error)))

    def hidden_delta(
        self,
        delta: Float64,
        W: Float64,
        name: str,
        o: Float64,
        net: Float64 | None = None,
        alpha: Float64 | None = None,
    ) -> Float64:
        """delta[k] = f' (delta[k+1] W without bias)."""
        signal = delta @ W[:, :-1]
        return self.back_activation(name, o, signal, self.arriving(delta, W), net, alpha)

    def arriving(self, delta: Float64, W: Float64) -> Float64:
        """u = delta[k+1] W without bias."""
        return self.contraction(len(W), np.abs(delta) @ np.abs(W[:, :-1]))

    def alpha_gradient(
        self, name: str, net: Float64, alpha: Float64, u: Float64, error: Float64, S: float
    ) -> Float64:
        """dL/dalpha = -(1/S) sum over the rows of u do/dalpha, where u may be off by `error`."""
        influence = of_net(name, net, alpha).influence
        assert influence is not None  # of an activation that learns
        off = functions.bounds(self, name, net, alpha).influence
        moved = np.abs(u * influence)
        each = np.abs(influence) * error + (np.abs(u) + error) * off + self.roundings(1, moved)
        total = np.sum(moved + each, axis=0)
        return np.asarray((np.sum(each, axis=0) + self.contraction(len(u), total, more=3)) / S)

    def output_delta(
        self,
        loss: str,
        name: str,
        y: Float64,
        y_hat: Float64,
        eps: float,
        net: Float64 | None = None,
        alpha: Float64 | None = None,
    ) -> Float64:
        """delta of the output layer, by the same path that the network takes."""
        chosen = read(loss)
        if (chosen.name, name) == ("binary_cross_entropy", "logistic"):
            return self.roundings(1, np.abs(y - y_hat))
        if (chosen.name, name) == ("cross_entropy", "softmax"):
            total = self.tree(y.shape[1], np.sum(np.abs(y), axis=1, keepdims=True))
            exact = y - y_hat * np.sum(y, axis=1, keepdims=True)
            # The oracle rounds the product too, which cancellation may leave larger than the rest.
            oracle = gamma(2, self.u_oracle) * (np.abs(y) + np.abs(exact))
            one_hot = np.all((y == 0) | (y == 1), axis=1, keepdims=True)  # whose sum is exact
            total = np.where(one_hot, 0.0, total)
            return np.asarray(self.roundings(1, np.abs(exact) + y_hat * total) + y_hat * total
                              + oracle)  # fmt: skip
        if net is not None and delta_of_net(loss, name, y, net) is not None:
            return loss_bounds.errors(self, chosen, name, y, net)[2]
        signal = descent(loss, y, y_hat, eps)
        error = self.descent(loss, name, y, y_hat, signal)
        return self.back_activation(name, y_hat, signal, error, net, alpha)

    def descent(self, loss: str, name: str, y: Float64, y_hat: Float64, u: Float64) -> Float64:
        """u = -dL_i/dy_hat."""
        chosen = read(loss)
        if chosen.name in loss_bounds.BOUNDS:
            return loss_bounds.errors(self, chosen, name, y, y_hat)[2]
        return self.roundings(1 if chosen.name in SQUARES else 4, np.abs(u))

    def weight_gradient(
        self, delta: Float64, o: Float64, W: Float64, S: float, l2: float, l1: float = 0.0,
        weighted: bool = False,
    ) -> Float64:  # fmt: skip
        """dW = -(1/S) delta^T [o, 1] + l2 W + l1 sign(W).

        1/S, its product and each penalty round, and so does whatever a penalty is added to; where
        rows have weights, delta comes times them, a product more.
        """
        more = (1 if l1 else 0) + weighted
        augmented = np.concatenate([np.abs(o), np.ones((len(o), 1))], axis=1)
        bound = self.contraction(len(o), np.abs(delta).T @ augmented, more=3 + more) / S
        bound[:, :-1] += self.roundings(2 + more, l2 * np.abs(W[:, :-1]))
        if l1:
            bound[:, :-1] += self.roundings(2, l1 * np.abs(np.sign(W[:, :-1])))
        return bound

    def input_gradient(self, delta: Float64, W: Float64, scale: Float64 | None) -> Float64:
        """dX = -(delta[1] W[0] without bias) scale."""
        magnitude = np.abs(delta) @ np.abs(W[:, :-1])
        return self.contraction(
            len(W), magnitude if scale is None else magnitude * np.abs(scale), more=1
        )

    def loss(
        self, loss: str, name: str, y: Float64, net: Float64, y_hat: Float64, eps: float
    ) -> Float64:
        """L_i of every row."""
        chosen = read(loss)
        if chosen.name in SQUARES:
            squares = np.sum((y - y_hat) ** 2, axis=1)
            return SQUARES[chosen.name] * self.tree(y.shape[1], squares, more=3)
        if chosen.name not in ("cross_entropy", "binary_cross_entropy"):
            z = net if delta_of_net(loss, name, y, net) is not None else y_hat
            error, magnitude, _ = loss_bounds.errors(self, chosen, name, y, z)
        elif chosen.name == "cross_entropy":
            error, magnitude = self._softmax_terms(y, net)
        elif name == "logistic":
            error, magnitude = self._logistic_terms(y, net)
        else:
            error, magnitude = self._clipped_terms(y, y_hat, eps)
        summed = np.sum(magnitude + error, axis=1)
        return np.asarray(np.sum(error, axis=1) + self.tree(y.shape[1], summed, more=1))

    def _logistic_terms(self, y: Float64, net: Float64) -> tuple[Float64, Float64]:
        """l_j = (max(net, 0) - net y) + log1p(exp(-|net|)): (error, magnitude)."""
        softplus = np.log1p(np.exp(-np.abs(net)))
        linear = np.abs(net) + np.abs(net * y)
        # An error of exp enters log1p at most in proportion.
        error = self.ulps("log1p", softplus) + self.exp_error() * softplus
        return np.asarray(error + self.roundings(2, linear)), np.asarray(linear + softplus)

    def _softmax_terms(self, y: Float64, net: Float64) -> tuple[Float64, Float64]:
        """y_j r_j with r_j = log(s) - (net_j - m): (error, magnitude)."""
        error, r = self.log_softmax(net)
        return np.asarray(np.abs(y) * error), np.asarray(np.abs(y) * r)

    def log_softmax(self, net: Float64) -> tuple[Float64, Float64]:
        """-log y_hat = log(s) - (net_j - m): (error, value)."""
        distance = np.max(net, axis=1, keepdims=True) - net
        s = np.sum(np.exp(-distance), axis=1, keepdims=True)
        _, relative = self._exponentials(net)
        log_error = relative / (1 - relative) + self.ulps("log", np.log(s))
        error = log_error + self.roundings(2, np.log(s) + distance)
        return np.asarray(error), np.asarray(np.log(s) + distance)

    def _clipped_terms(self, y: Float64, y_hat: Float64, eps: float) -> tuple[Float64, Float64]:
        """y log(c) + (1 - y) log(1 - c), c = clip(y_hat): (error, magnitude)."""
        c = clip(y_hat, eps)
        log_c, log_rest = np.abs(np.log(c)), np.abs(np.log1p(-c))
        # 1 - c rounds, by at most u relatively, before the logarithm is taken.
        error = y * self.ulps("log", log_c) + np.abs(1 - y) * (
            self.ulps("log", log_rest) + 2 * (self.u + self.u_oracle)
        )
        magnitude = y * log_c + np.abs(1 - y) * log_rest
        return np.asarray(error + self.roundings(3, magnitude)), np.asarray(magnitude)

    def batch_loss(self, rows: Float64, errors: Float64, S: float) -> Float64:
        """L = (1/S) sum_i L_i: summed in float64 by both, in different orders."""
        summation = 2 * gamma(len(rows) + 2, self.u_oracle) * np.sum(np.abs(rows) + errors)
        return np.asarray((np.sum(errors) + summation) / S)

    def penalty(self, W: list[Float64], l2: float, l1: float = 0.0) -> float:
        """gamma(w), whose rows are summed in the network's dtype."""
        sizes = [np.abs(w[:, :-1]) for w in W]
        return 0.5 * l2 * self._sums([a**2 for a in sizes]) + l1 * self._sums(sizes)

    def _sums(self, terms: list[Float64]) -> float:
        """Sums along the rows in the network's dtype, added in float64."""
        rows = [self.contraction(a.shape[1], np.sum(a, axis=1)) for a in terms]
        total = float(sum(np.sum(a) for a in terms))
        summation = 2 * gamma(sum(a.size + len(a) for a in terms) + 4, self.u_oracle) * total
        return float(sum(np.sum(r) for r in rows)) + summation
