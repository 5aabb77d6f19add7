# SPDX-License-Identifier: BSD-3-Clause
"""The error bounds themselves: none becomes looser or tighter unnoticed.

What the comparisons allow is what the bounds say, so a bound that grew would hide an error. They
are recorded at a unit roundoff of 2^-11, where every term of theirs is large enough to be seen:
python tests/test_bounds.py records them anew, after a change that was meant.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from deltarule.bounds import ORACLE_ULPS, ULPS, Bounds
from deltarule.bounds_of_functions import OFF, bounds
from deltarule.loss_bounds import errors
from deltarule.losses import read

RECORDED = Path(__file__).with_name("fixtures") / "bounds.npz"
SAME = 1e-9  # libm's last bits, many times over: each term of a bound is a larger share of it

NET = np.array([
    [0.3, -1.2, 2.1], [-7.4, 0.02, 4.4], [0.0, 0.0, 0.0], [11.3, -8.7, 1.1], [30.3, -40.6, 3.3],
    [-1.9, 0.7, 0.4],
])  # fmt: skip
SHARES = np.array([
    [0.2, 0.5, 0.3], [0.0, 0.0, 1.0], [0.6, 0.4, 0.0], [0.1, 0.3, 0.6], [0.0, 1.0, 0.0],
    [0.05, 0.05, 0.9],
])  # fmt: skip
COUNTS = 7 * SHARES
SIGNS = np.where(SHARES < 0.4, -1.0, 1.0)
Y = COUNTS - 2.3
W = np.array([[0.4, -1.3, 0.7, 0.2], [2.1, 0.3, -0.6, -0.9]])
DELTA = np.array([[0.3, -0.7], [1.4, 0.2], [-0.6, 0.9], [0.0, 2.0], [0.1, -0.1], [-3.0, 0.5]])
LOGISTIC = 1 / (1 + np.exp(-NET))
SOFTMAX = np.exp(NET) / np.sum(np.exp(NET), axis=1, keepdims=True)

LOSSES = {  # by text, output: y
    ("absolute", "identity"): Y,
    ("huber(delta=0.7)", "identity"): Y,
    ("quantile(q=0.3)", "identity"): Y,
    ("log_cosh", "identity"): Y,
    ("hinge", "identity"): SIGNS,
    ("squared_hinge", "identity"): SIGNS,
    ("poisson", "exponential"): COUNTS,
    ("gamma", "exponential"): COUNTS + 0.5,
    ("tweedie(power=1.3)", "exponential"): COUNTS,
    ("tweedie(power=2.7)", "exponential"): COUNTS + 0.5,
    ("focal(gamma=2)", "logistic"): SHARES,
    ("focal(gamma=0.5)", "softmax"): SHARES,
    ("focal(gamma=3)", "softmax"): np.eye(3)[[0, 2, 1, 0, 1, 2]],
    ("kl_divergence", "softmax"): SHARES,
}


def coarse() -> Bounds:
    """Bounds of a dtype with few digits, beside an oracle that rounds visibly, too."""
    b = Bounds("float16")
    b.u_oracle = 2.0**-14
    return b


def of_losses(b: Bounds) -> dict[str, np.ndarray]:
    """Error and magnitude of the terms, error of the slopes."""
    found = {}
    for (text, output), y in LOSSES.items():
        for what, value in zip("emu", errors(b, read(text), output, y, NET), strict=True):
            found[f"{text} {output} {what}"] = value
    net = np.concatenate([NET, np.array([[3.1, -0.4, -49.7], [2.2, 0.0, 1.9]]).repeat(3, 0)])
    net = np.concatenate([net, net[:, ::-1]], axis=1)
    y = np.tile(Y, (2, 1))
    for what, value in zip("emu", errors(b, read("gaussian_nll"), "gaussian", y, net), strict=True):
        found[f"gaussian_nll {what}"] = value
    for text, y, net, y_hat in (
        ("half_squared_error", Y, NET, NET),
        ("squared_error", Y, NET, NET),
        ("binary_cross_entropy", SHARES, NET, LOGISTIC),
        ("cross_entropy", SHARES, NET, SOFTMAX),
        ("huber", Y, NET, NET),
    ):
        outputs = {"binary_cross_entropy": ("logistic", "softmax"), "cross_entropy": ("softmax",)}
        for output in outputs.get(text, ("identity", "tanh")):
            found[f"{text} {output} L"] = b.loss(text, output, y, net, y_hat, 1e-3)
            found[f"{text} {output} delta"] = b.output_delta(text, output, y, y_hat, 1e-3, net)
    rows = found["cross_entropy softmax L"]
    found["batch_loss"] = b.batch_loss(np.arange(6.0), rows, 5.5)
    return found


def at_their_caps(b: Bounds) -> dict[str, np.ndarray]:
    """Errors of powers that rounding could change by more than it may."""
    b.u = 2.0**-8
    texts = {"focal(gamma=90)": ("logistic", "softmax"), "tweedie(power=9)": ("exponential",)}
    return {
        f"{text} {output} {what}": value
        for text, outputs in texts.items()
        for output in outputs
        for what, value in zip("emu", errors(b, read(text), output, SHARES, NET), strict=True)
    }


def of_layers(b: Bounds) -> dict[str, np.ndarray]:
    """What passes through a layer, forward and backward."""
    alpha = np.array([0.25, -0.6, 1.7])
    found = {
        "gather": b.gather(NET, 2),
        "net": b.net(NET, W),
        "arriving": b.arriving(DELTA, W),
        "dX": b.input_gradient(DELTA, W, None),
        "scaled dX": b.input_gradient(DELTA, W, np.array([0.3, -2.0, 5.0])),
        "penalty": np.array([b.penalty([W, 2 * W], 0.3), b.penalty([W], 0.0, 0.2)]),
    }
    for k in (1, 15, 16, 17, 255, 256, 257, 600):
        found[f"sums of {k}"] = np.array([b.contraction(k, 0.7, 2), b.tree(k, 0.7, 1)])
    for l2, l1, weighted in ((0.0, 0.0, False), (0.3, 0.0, True), (0.3, 0.2, False)):
        found[f"dW {l2} {l1}"] = b.weight_gradient(DELTA, NET, W, 5.5, l2, l1, weighted)
    for name, o in (
        ("identity", NET), ("relu", np.maximum(NET, 0)), ("logistic", LOGISTIC),
        ("tanh", np.tanh(NET)), ("softmax", SOFTMAX),
    ):  # fmt: skip
        found[f"{name} o"] = b.activation(name, NET, o)
        found[f"{name} delta"] = b.hidden_delta(DELTA, W, name, o)
    for name in (*OFF, "blend(tanh)", "blend(gelu_tanh)", "blend(relu)", "blend(silu, alpha=0.6)"):
        learned = alpha if name in ("prelu", "blend(tanh)", "blend(gelu_tanh)") else None
        for what, value in zip(("o", "slope", "alpha"), bounds(b, name, NET, learned), strict=True):
            found[f"{name} {what}"] = value
        found[f"{name} delta"] = b.hidden_delta(DELTA, W, name, NET, NET, learned)
        if learned is not None:
            error = np.full(NET.shape, 0.01)
            found[f"{name} dalpha"] = b.alpha_gradient(name, NET, alpha, SHARES, error, 5.5)
    found["gaussian o"] = b.activation("gaussian", NET[:, 1:], LOGISTIC[:, 1:])
    return found


def all_of_them() -> dict[str, np.ndarray]:
    """All, by name."""
    with np.errstate(all="ignore"):
        return {**of_losses(coarse()), **of_layers(coarse()), **at_their_caps(coarse())}


def test_no_bound_changed() -> None:
    found = all_of_them()
    with np.load(RECORDED) as recorded:
        assert set(recorded.files) == set(found)
        for name, value in found.items():
            np.testing.assert_allclose(value, recorded[name], rtol=SAME, atol=0, err_msg=name)


def test_units_in_the_last_place(dtype: str) -> None:
    b, double = Bounds(dtype), 2.0**-52
    unit = float(np.finfo(dtype).eps)
    for name, ulps in ULPS.items():
        assert b.ulps(name, np.array(-1.5)) == ulps * unit + ORACLE_ULPS * double + b.tiny
        assert b.ulps(name, np.array(0.75)) == (ulps * unit + ORACLE_ULPS * double) / 2 + b.tiny
    assert b.exp_error() == ULPS["exp"] * unit + ORACLE_ULPS * double
    assert ULPS == {"exp": 2, "log": 2, "log1p": 2, "tanh": 2, "logistic": 2.5, "sin_2pi": 2,
                    "cos_2pi": 2}  # fmt: skip  # test_elementary.py measures less


def test_where_a_sum_may_overflow_there_is_no_bound(dtype: str) -> None:
    b = Bounds(dtype)
    assert np.isfinite(b.contraction(3, 0.9 * b.huge))
    for magnitude in (b.huge, np.inf, np.nan):
        assert b.contraction(3, magnitude) == np.inf


if __name__ == "__main__":
    np.savez_compressed(RECORDED, **all_of_them())  # type: ignore[arg-type]
