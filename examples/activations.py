# SPDX-License-Identifier: BSD-3-Clause
"""Activations and their properties: the table of docs/activations.md, its picture, and collapse.

Claims of the notes: activations differ in non-linearity, differentiability, monotonicity,
saturation, range, behaviour near 0 and centring; their purpose is to bring non-linearities into
the network, without which several layers are one linear map.

    python examples/activations.py [--save FOLDER] [--page docs/activations.md]
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

import deltarule as dr
from deltarule.construct import collapse
from deltarule.plot.functions import curves

BEGIN, END = "<!-- made by examples/activations.py -->\n", "<!-- end -->\n"
N_SOFTMAX = 3


@dataclass(frozen=True)
class Activation:
    """What the table claims of one activation.

    tests/test_activations_properties.py holds it to that.
    `value` and `derivative` are NumPy expressions of net and o. `ends` are the brackets of the
    range from `low` to `high`: "[" attained, "(" not, "{" nothing between. `flat` tells where
    f' is 0 or goes to 0.
    """

    name: str
    value: str
    derivative: str
    low: float
    high: float
    ends: str
    flat: str
    identity_near_0: bool
    monotone: bool
    differentiable: bool

    @property
    def range(self) -> str:
        """The range as mathematicians write it."""
        text = f"{self.ends[0]}{self.low:.0f}, {self.high:.0f}{self.ends[1]}"
        return text.replace("inf", "∞").replace("-", "−")


INF = math.inf
TABLE = (
    Activation("threshold", "where(net >= 0, 1, 0)", "0 * o", 0, 1, "{}", "everywhere",
               False, True, False),
    Activation("identity", "net", "1 + 0 * o", -INF, INF, "()", "nowhere", True, True, True),
    Activation("logistic", "1 / (1 + exp(-net))", "o * (1 - o)", 0, 1, "()", "at both ends",
               False, True, True),
    Activation("tanh", "tanh(net)", "1 - o**2", -1, 1, "()", "at both ends", True, True, True),
    Activation("relu", "maximum(net, 0)", "where(o > 0, 1, 0)", 0, INF, "[)", "below 0",
               False, True, False),
    Activation("softmax", "exp(net) / sum(exp(net))", "diag(o) - outer(o, o)", 0, 1, "()",
               "at both ends", False, True, True),
)  # fmt: skip


def layer(name: str, net: np.ndarray) -> np.ndarray:
    """o = f(net), each row a layer, by the native core."""
    n_units = net.shape[1]
    mlp = dr.MLP([n_units, n_units], output=name, dtype="float64")
    mlp.W = [np.hstack([np.eye(n_units), np.zeros((n_units, 1))])]
    return mlp.predict(net)


def mean_output(name: str) -> float:
    """Mean of o where every net is drawn from N(0, 1): 10001 quantiles stand for the draw."""
    n = 10_001
    draw = np.array([NormalDist().inv_cdf((i + 0.5) / n) for i in range(n)])
    rng = np.random.default_rng(0)
    units = N_SOFTMAX if name == "softmax" else 1
    return float(layer(name, np.stack([rng.permutation(draw) for _ in range(units)], 1)).mean())


def largest_slope(name: str) -> float:
    """Largest f' (of softmax: do_1/dnet_1) on [-10, 10]."""
    return float(curves(name, np.linspace(-10, 10, 20_001))[1][:, 0].max())


def as_markdown(rows: tuple[Activation, ...] = TABLE) -> str:
    """Return the table of the page."""
    head = ("activation", "o = f(net)", "f′, from o", "range", "f′ is or nears 0", "largest f′",
            "mean of o", "o ≈ net near 0", "monotone", "differentiable")  # fmt: skip
    lines = [head, ("---",) * len(head)]
    for a in rows:
        derivative = a.derivative.replace("1 + 0 * o", "1").replace("0 * o", "0")
        lines.append((
            a.name, f"`{a.value}`", f"`{derivative}`", a.range, a.flat,
            f"{largest_slope(a.name):.2f}", f"{abs(mean_output(a.name)):.2f}",
            *("yes" if p else "no" for p in (a.identity_near_0, a.monotone, a.differentiable)),
        ))  # fmt: skip
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def with_table(page: str) -> str:
    """Return the page with its table made anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + as_markdown() + END + after


def additivity_defect(mlp: dr.MLP) -> float:
    """Largest |g(a) + g(b) - g(a + b) - g(0)| over random a, b: 0 for a linear map and a bias."""
    a, b = np.random.default_rng(1).normal(size=(2, 200, mlp.layers[0]))
    g = mlp.predict
    return float(np.abs(g(a) + g(b) - g(a + b) - g(np.zeros_like(a))).max())


def deep(activation: str) -> dr.MLP:
    """Four weight matrices, none of them special."""
    mlp = dr.MLP([3, 8, 8, 8, 2], activation, "identity", dtype="float64", seed=0)
    mlp.w = mlp.w + np.random.default_rng(2).normal(scale=0.1, size=mlp.n_weights)  # biases too
    return mlp


def main(save: Path | None = None) -> dict[str, Any]:
    """Print the table and what collapsing gives; return the numbers."""
    print(as_markdown())
    linear = deep("identity")
    X = np.random.default_rng(0).normal(size=(100, 3))
    one = collapse(linear)
    numbers: dict[str, Any] = {
        "mean": {a.name: mean_output(a.name) for a in TABLE},
        "slope": {a.name: largest_slope(a.name) for a in TABLE},
        "collapsed": float(np.abs(one.predict(X) - linear.predict(X)).max()),
        "defect": {a.name: additivity_defect(deep(a.name)) for a in TABLE},
    }
    print(f"four linear layers against the one they collapse to: {numbers['collapsed']:.1e}")
    for name, defect in numbers["defect"].items():
        print(f"{name:<10} |g(a) + g(b) - g(a + b) - g(0)| <= {defect:.1e}")
    if save is not None:
        drawn = dr.plot.activations([a.name for a in TABLE])
        drawn[0].figure.savefig(Path(save) / "activations_all.png", dpi=110)
    return numbers


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="write the picture there")
    parser.add_argument("--page", type=Path, help="renew the table of this page")
    given = parser.parse_args()
    main(given.save)
    if given.page:
        given.page.write_text(with_table(given.page.read_text(encoding="utf-8")), encoding="utf-8")
