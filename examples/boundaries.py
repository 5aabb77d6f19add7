# SPDX-License-Identifier: BSD-3-Clause
"""Regions of the plane as networks: one hidden layer, two, and what one costs in place of two.

Claims of the notes: units compose arbitrary decision boundaries; a union of polygons takes a third
layer; a network of one hidden layer can model any boundary but naively needs infinitely many units;
with two hidden layers 16 + 40 = 56 do for the pattern shown.

    python examples/boundaries.py [--save FOLDER]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import deltarule as dr
from deltarule import construct

PENTAGON = [(0, 3), (4, 0), (8, 3), (6, 7), (2, 7)]
HEXAGON = [(10, 2), (14, 1), (15, 6), (11, 8), (9, 5), (9, 3)]
STAR = [(0, 10), (2, 3), (9, 3), (4, -1), (6, -8), (0, -4), (-6, -8), (-4, -1), (-9, 3), (-2, 3)]
LINES = np.arange(1, 9)  # 8 upright and 8 level ones: 81 cells
BOX = ((0.0, 9.0), (0.0, 9.0))
SIZES = (16, 32, 64, 128)  # directions, and steps of each
SIDES = (4, 8, 16, 32, 64)


def board(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return 1 in every other cell of the checkerboard."""
    return (np.floor(x) + np.floor(y)) % 2


def raster(box: Any, n: int) -> np.ndarray:
    """Return n x n points of a box, (n * n, 2), that avoid round numbers."""
    sides = [a + (b - a) * (np.arange(n) + 0.37) / n for a, b in box]
    return np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, 2)


def wrong(mlp: dr.MLP, inside: Any, box: Any, n: int) -> float:
    """Return the share of a box where the network is wrong."""
    points = raster(box, n)
    return float(np.mean((mlp.predict(points)[:, 0] == 1) != inside(*points.T)))


def one_hidden_layer() -> list[tuple[int, float, dr.MLP]]:
    """Approximate the checkerboard by one hidden layer of more and more units."""
    found = []
    for size in SIZES:
        mlp = construct.one_hidden_layer(board, BOX, size, size)
        found.append((mlp.layers[1], wrong(mlp, board, BOX, 120), mlp))
    return found


def discs() -> list[tuple[int, float]]:
    """Enclose the unit disc by half-planes; return the area too much, as a share of the disc."""
    found = []
    for n in SIDES:
        angles = 2 * np.pi * np.arange(n) / n
        normals = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        mlp = construct.half_planes(-normals, np.ones(n))
        box = ((-1.5, 1.5), (-1.5, 1.5))
        missed = wrong(mlp, lambda x, y: x**2 + y**2 <= 1, box, 1501)
        found.append((n, missed * 9 / np.pi))
    return found


def draw_region(ax: Any, mlp: dr.MLP, box: Any, title: str, lines: bool = True) -> None:
    """Draw where a network fires, and its half-planes' edges."""
    from matplotlib.colors import ListedColormap

    from deltarule.plot import _common as colours

    n = 400
    image = mlp.predict(raster(box, n)).reshape(n, n)
    (x0, x1), (y0, y1) = box
    ax.imshow(image, extent=(x0, x1, y0, y1), origin="lower", interpolation="nearest",
              cmap=ListedColormap(["white", colours.SKY]), vmin=0, vmax=1)  # fmt: skip
    for a, b, c in mlp.W[0] if lines else ():
        foot = -c * np.array([a, b]) / (a * a + b * b)
        ax.axline(foot, foot + np.array([-b, a]), color=colours.GREY, lw=0.6)
    ax.set(xlim=(x0, x1), ylim=(y0, y1), xticks=[], yticks=[])
    ax.set_title(title, fontsize=10)


def draw_regions(regions: dict[str, dr.MLP]) -> Any:
    """Return a figure of the four regions and the lines that they are made of."""
    import matplotlib.pyplot as plt

    boxes = [((-2, 10), (-2, 10)), ((-1, 16), (-4, 13)), ((-11, 11), (-10, 12)), BOX]
    figure, panels = plt.subplots(1, 4, figsize=(11, 3.2), layout="constrained")
    for ax, (name, mlp), box in zip(panels, regions.items(), boxes, strict=True):
        draw_region(ax, mlp, box, f"{name}\n{'-'.join(map(str, mlp.layers))}")
    return figure


def draw_cost(found: list[tuple[int, float, dr.MLP]]) -> Any:
    """Return a figure: the checkerboard by one hidden layer, and its error against its units."""
    import matplotlib.pyplot as plt

    from deltarule.plot import _common as colours

    figure, panels = plt.subplots(1, 4, figsize=(11, 3.6), layout="constrained")
    for ax, (units, error, mlp) in zip(panels, found[:3], strict=False):
        draw_region(
            ax, mlp, BOX, f"one hidden layer, {units} units:\n{100 * error:.1f} % wrong", False
        )
    units, errors = [u for u, _, _ in found], [e for _, e, _ in found]
    panels[3].loglog(units, errors, "o-", color=colours.BLUE, label="one hidden layer")
    panels[3].axvline(56, color=colours.VERMILION, ls="--", label="two: 56, exact")
    panels[3].set(xlabel="hidden units", title="share of the area wrong", xlim=(30, 4e4))
    panels[3].set_yticks([0.03, 0.1, 0.3], ["3 %", "10 %", "30 %"])
    panels[3].minorticks_off()
    panels[3].legend(fontsize="small", loc="upper right")
    panels[3].set_ylim(0.02, 1)
    return figure


def main(save: Path | None = None) -> dict[str, Any]:
    """Build the regions; return their layers, and errors of one hidden layer against units."""
    regions = {
        "pentagon": construct.polygon(PENTAGON),
        "two polygons, OR": construct.polygons([PENTAGON, HEXAGON]),
        "star": construct.polygon(STAR),
        "checkerboard": construct.checkerboard(LINES, LINES),
    }
    for name, mlp in regions.items():
        print(f"{name:<18}{mlp.layers}: {sum(mlp.layers[1:-1])} hidden units")
    exact = wrong(regions["checkerboard"], board, BOX, 400)
    print(f"checkerboard, two hidden layers, 56 units: {exact:.1%} of the area wrong")
    found = one_hidden_layer()
    for units, error, _ in found:
        print(f"checkerboard, one hidden layer, {units:>6} units: {error:.1%} wrong")
    units, errors = [u for u, _, _ in found], [e for _, e, _ in found]
    slope = float(np.polyfit(np.log(units), np.log(errors), 1)[0])
    disc = discs()
    for n, area in disc:
        print(f"disc, {n:>3} half-planes: {area:.2%} too large")
    fall = float(np.polyfit(*np.log(np.array(disc)[1:]).T, 1)[0])
    print(f"slopes: checkerboard {slope:.2f}, disc {fall:.2f}")
    if save is not None:
        draw_regions(regions).savefig(Path(save) / "boundaries_regions.png", dpi=110)
        draw_cost(found).savefig(Path(save) / "boundaries_cost.png", dpi=110)
    return {"layers": {name: mlp.layers for name, mlp in regions.items()}, "exact": exact,
            "units": units, "errors": errors, "slope": slope, "disc": disc,
            "disc_slope": fall}  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="write the pictures there")
    main(parser.parse_args().save)
