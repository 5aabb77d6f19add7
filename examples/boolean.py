# SPDX-License-Identifier: BSD-3-Clause
"""Threshold units as gates, a formula as a network, and parity in three ways.

Claims of the notes: single units are Boolean gates, networks of them compute any Boolean function;
XOR takes a hidden layer; one hidden layer is enough, but may be exponentially large.

    python examples/boolean.py [--save FOLDER]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import deltarule as dr
from deltarule import construct

FORMULA = "((A & ~X & Z) | (A & ~Y)) & ((X & Y) | ~(X & Z))"
FORMS = ("dnf", "one_layer", "tree")
CHECKED = range(2, 13)  # numbers of inputs for which every row of the table is checked


def lunch() -> dict[int, list[int]]:
    """Return, per threshold b, the output for each number of reasons (0 ... 3) to go."""
    meals = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 1]])
    units = {b: construct.gate([1, 1, 1], b) for b in (0, 1, 4)}
    return {b: unit.predict(meals)[:, 0].astype(int).tolist() for b, unit in units.items()}


def formula() -> dict[str, dr.MLP]:
    """Return the notes' composite formula in each form."""
    return {form: construct.boolean(FORMULA, form=form) for form in ("layers", "dnf", "cnf")}


def parities() -> dict[str, list[int]]:
    """Build parity of 2 ... 12 bits, check every row, return the units, output included."""
    units: dict[str, list[int]] = {form: [] for form in FORMS}
    for n in CHECKED:
        X = construct.all_inputs(n)
        for form in FORMS:
            mlp = construct.parity(n, form)
            if not np.array_equal(mlp.predict(X)[:, 0], X.sum(axis=1) % 2):
                raise AssertionError(f"parity of {n} bits as {form} is wrong")
            units[form].append(sum(mlp.layers[1:]))
    return units


def draw_formula(mlp: dr.MLP) -> Any:
    """Return a figure of the layered network with its weights; thresholds are minus the biases."""
    import matplotlib.pyplot as plt

    from deltarule.plot import _common as colours

    names = [
        ["A", "X", "Y", "Z"],
        ["A ∧ ¬X ∧ Z", "A ∧ ¬Y", "X ∧ Y", "X ∧ Z"],
        ["OR", "OR NOT"],
        ["AND"],
    ]
    figure, ax = plt.subplots(figsize=(7.6, 3.8), layout="constrained")
    places = [
        [(2.2 * k, 3 - i * 3 / max(len(layer) - 1, 1) if len(layer) > 1 else 1.5)
         for i in range(len(layer))] for k, layer in enumerate(names)
    ]  # fmt: skip
    places[2] = [(4.4, 2.5), (4.4, 0.5)]
    for k, W in enumerate(mlp.W):
        for j, row in enumerate(W):
            for i, weight in enumerate(row[:-1]):
                if weight:
                    ax.annotate(
                        "", places[k + 1][j], places[k][i],
                        arrowprops={"arrowstyle": "-", "lw": 1.6,
                                    "color": colours.BLUE if weight > 0 else colours.VERMILION,
                                    "ls": "-" if weight > 0 else "--"},
                    )  # fmt: skip
    for k, layer in enumerate(names):
        for i, ((x, y), name) in enumerate(zip(places[k], layer, strict=True)):
            text = name if k == 0 else f"{0.0 - mlp.W[k - 1][i, -1]:g}"
            ax.text(x, y, text, ha="center", va="center", zorder=3,
                    bbox={"boxstyle": "circle,pad=0.45", "fc": "white", "ec": "black"})  # fmt: skip
            if k:
                above = 0.42 if k == 1 and i == 0 else -0.42  # clear of the lines that arrive
                ax.text(x, y + above, name, ha="center", va="center", fontsize=8.5, zorder=3,
                        bbox={"fc": "white", "ec": "none", "pad": 0.5})  # fmt: skip
    ax.plot([], [], color=colours.BLUE, lw=1.6, label="weight +1")
    ax.plot([], [], color=colours.VERMILION, lw=1.6, ls="--", label="weight −1")
    ax.legend(loc="lower right")
    ax.set(xlim=(-0.4, 7.2), ylim=(-0.8, 3.7), title="in the circles: the threshold of each unit")
    ax.axis("off")
    return figure


def draw_parities(units: dict[str, list[int]]) -> Any:
    """Return a figure of the units against the number of inputs."""
    import matplotlib.pyplot as plt

    from deltarule.plot import _common as colours

    figure, ax = plt.subplots(figsize=(5.4, 3.4), layout="constrained")
    labels = {"dnf": "ANDs, one hidden layer: $2^{n-1}+1$", "tree": "XOR tree: $3(n-1)$ + relays",
              "one_layer": "counting units, one hidden layer: $n+1$"}  # fmt: skip
    styles = {"dnf": (colours.VERMILION, "^-"), "tree": (colours.BLUE, "o-"),
              "one_layer": (colours.GREEN, "s-")}  # fmt: skip
    for form in ("dnf", "tree", "one_layer"):
        colour, style = styles[form]
        ax.semilogy(CHECKED, units[form], style, color=colour, label=labels[form])
    ax.set(xlabel="inputs n", ylabel="units, output included", title="parity of n bits")
    ax.legend(fontsize="small")
    return figure


def main(save: Path | None = None) -> dict[str, Any]:
    """Build the networks and check them; return outputs and counts of units."""
    meals = lunch()
    print("lunch, w = 1, 1, 1: fires for 0, 1, 2, 3 reasons?")
    for b, outputs in meals.items():
        print(f"  b = {b}: {outputs}")
    networks = formula()
    X = construct.all_inputs(4)
    true_rows = [int(mlp.predict(X).sum()) for mlp in networks.values()]
    for form, mlp in networks.items():
        print(f"formula as {form:<7}{mlp.layers}: {sum(mlp.layers[1:])} units")
    units = parities()
    print(f"{'parity of':<12}" + "".join(f"{form:>12}" for form in FORMS))
    for k, n in enumerate(CHECKED):
        print(f"{n:>5} bits  " + "".join(f"{units[form][k]:>12}" for form in FORMS))
    if save is not None:
        draw_formula(networks["layers"]).savefig(Path(save) / "boolean_formula.png", dpi=110)
        draw_parities(units).savefig(Path(save) / "boolean_parity.png", dpi=110)
    layers = {form: mlp.layers for form, mlp in networks.items()}
    return {"lunch": meals, "layers": layers, "true_rows": true_rows, "units": units}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="write the pictures there")
    main(parser.parse_args().save)
