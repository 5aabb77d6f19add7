# SPDX-License-Identifier: BSD-3-Clause
"""Functions as sums of square pulses, and how their error falls with the number of units.

Claims of the notes: three units make a pulse; enough narrow pulses approximate any function of one
input to any precision; this generalises to any number of inputs.

    python examples/approximation.py [--save FOLDER]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from deltarule import construct

INTERVAL = (0.0, 4.0)
COUNTS = (8, 16, 32, 64, 128, 256)
SQUARE = [(-2.0, 2.0), (-2.0, 2.0)]
GRIDS = (4, 8, 16, 32)
TOLERANCES = (0.3, 0.1, 0.03, 0.01)


def curve(x: np.ndarray) -> np.ndarray:
    """Return a smooth function of one number."""
    return np.sin(2 * x) + 0.5 * np.cos(5 * x)


def surface(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return a smooth function of two numbers."""
    return np.exp(-(x**2) - y**2) * (1 + x + 2 * y)


def step(x: np.ndarray) -> np.ndarray:
    """Return a function with a jump."""
    return np.where(x < np.pi / 2, x / 2, 1.0 - x / 8)


def slope(found: list[construct.Approximation]) -> float:
    """Return the exponent s of error ~ units^s."""
    units, errors = [a.n_units for a in found], [a.error for a in found]
    return float(np.polyfit(np.log(units), np.log(errors), 1)[0])


def draw_curves(found: list[construct.Approximation]) -> Any:
    """Return a figure: a pulse and its two units, and a function by 8 and by 32 pulses."""
    import matplotlib.pyplot as plt

    from deltarule.plot import _common as colours

    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(10, 3.2), layout="constrained")
    x = np.linspace(-0.5, 2.5, 1501)
    trace = construct.pulse(0.5, 1.5).forward(x[:, None])
    left.plot(x, trace.o[1][:, 0] + 0.02, color=colours.GREEN, label="$x \\geq T_1$")
    left.plot(x, trace.o[1][:, 1], "--", color=colours.ORANGE, label="$x \\geq T_2$")
    left.plot(x, trace.y_hat[:, 0] - 0.02, color=colours.BLUE, lw=2, label="their difference")
    left.set_xticks([0.5, 1.5], ["$T_1$", "$T_2$"])
    left.set(title="a pulse: three units", ylim=(-0.1, 1.5))
    left.legend(fontsize="small", loc="upper left")
    x = np.linspace(*INTERVAL, 2001)
    for ax, a in ((middle, found[0]), (right, found[2])):
        ax.plot(x, curve(x), color=colours.VERMILION, lw=1, label="f")
        ax.plot(x, a.mlp.predict(x[:, None])[:, 0], color=colours.BLUE, lw=1.2, label="network")
        ax.set(title=f"{a.n_pulses} pulses: error {a.error:.2f}", xlabel="x", ylim=(-1.7, 2.7))
        ax.legend(fontsize="small", loc="upper right")
    return figure


def draw_errors(lines: dict[str, list[construct.Approximation]]) -> Any:
    """Return a figure: a surface, its pulses, and the error against the units."""
    import matplotlib.pyplot as plt

    from deltarule.plot import _common as colours

    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(10, 3.2), layout="constrained")
    side = np.linspace(-2, 2, 200)
    x, y = np.meshgrid(side, side)
    boxes = lines["two inputs"][2]
    z = boxes.mlp.predict(np.stack([x.ravel(), y.ravel()], axis=1)).reshape(x.shape)
    for ax, image, title in (
        (left, surface(x, y), "f"), (middle, z, f"{boxes.n_pulses} pulses: error {boxes.error:.2f}")
    ):  # fmt: skip
        shown = ax.imshow(image, extent=(-2, 2, -2, 2), origin="lower", cmap="viridis",
                          vmin=-0.5, vmax=1.6)  # fmt: skip
        ax.set(title=title, xticks=[-2, 0, 2], yticks=[-2, 0, 2])
    figure.colorbar(shown, ax=middle, shrink=0.85)
    styles = {"one input": (colours.BLUE, "o-"), "one, to a tolerance": (colours.GREEN, "s-"),
              "two inputs": (colours.VERMILION, "^-")}  # fmt: skip
    for name, found in lines.items():
        colour, style = styles[name]
        right.loglog([a.n_units for a in found], [a.error for a in found], style, color=colour,
                     ms=4, label=f"{name}: slope {slope(found):.2f}")  # fmt: skip
    right.set(xlabel="units", ylabel="largest error", ylim=(2e-4, 3))
    right.legend(fontsize="small", loc="lower left")
    return figure


def main(save: Path | None = None) -> dict[str, Any]:
    """Approximate; return units and errors."""
    lines = {
        "one input": [construct.approximate(curve, INTERVAL, n) for n in COUNTS],
        "one, to a tolerance": [
            construct.approximate(curve, INTERVAL, tolerance=t) for t in TOLERANCES
        ],
        "two inputs": [construct.approximate(surface, SQUARE, n) for n in GRIDS],
    }
    for name, found in lines.items():
        print(f"{name}: error ~ units^{slope(found):.2f}")
        for a in found:
            print(f"  {a.n_pulses:>5} pulses {a.n_units:>6} units: error {a.error:.4f}")
    jump = construct.approximate(step, INTERVAL, tolerance=0.05)
    print(f"a function that jumps: {jump.n_pulses} pulses, error {jump.error:.4f}")
    if save is not None:
        draw_curves(lines["one input"]).savefig(Path(save) / "approximation_pulses.png", dpi=110)
        draw_errors(lines).savefig(Path(save) / "approximation_error.png", dpi=110)
    figures = {name: [(a.n_pulses, a.n_units, a.error) for a in found]
               for name, found in lines.items()}  # fmt: skip
    slopes = {name: slope(found) for name, found in lines.items()}
    return {"found": figures, "slopes": slopes, "jump": (jump.n_pulses, jump.error)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="write the pictures there")
    main(parser.parse_args().save)
