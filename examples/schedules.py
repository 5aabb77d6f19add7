# SPDX-License-Identifier: BSD-3-Clause
"""Every schedule over a training of ten epochs, what they do for the digits, and a search for eta.

The pictures and figures of docs/reference/schedules.md.

    python examples/schedules.py [--save FOLDER]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import deltarule as dr
from deltarule import plot
from deltarule import schedules as s
from deltarule.digits import load_digits

EPOCHS, TRAINED = 10, 1400
PEAK = 0.01

SCHEDULES: dict[str, s.Schedule] = {
    "Step": s.Step(PEAK, 0.5, every=3),
    "Exponential": s.Exponential(PEAK, 0.7),
    "InverseScaling": s.InverseScaling(PEAK),
    "Linear": s.Linear(PEAK),
    "Cosine": s.Cosine(PEAK),
    "Cosine, 3 cycles": s.Cosine(PEAK, cycles=3, growth=2),
    "FlatCosine": s.FlatCosine(PEAK),
    "WarmUp, Cosine": s.WarmUp(s.Cosine(PEAK), 2),
    "OneCycle": s.OneCycle(PEAK),
    "CosLog4": s.CosLog4(PEAK),
    "Plateau": s.Plateau(PEAK, 0.5, patience=0, tolerance=0.25, watch="validation_loss"),
    "constant": s.OfEpoch(lambda epoch: PEAK),
}


def network() -> dr.MLP:
    """Return a 64-64-10 network for the digits."""
    return dr.MLP([64, 64, 10], loss="cross_entropy", seed=0)


def main(save: Path | None = None) -> dict[str, Any]:
    """Train with each schedule, search, and draw."""
    X, labels = load_digits()
    held_out = X[TRAINED:], labels[TRAINED:]
    found = dr.find_learning_rate(network(), X[:TRAINED], labels[:TRAINED], seed=0)
    print(f"suggestion {found.suggestion:.4f}, lowest loss at {found.lowest:.4f}\n")
    histories = {}
    for name, eta in SCHEDULES.items():
        history = network().fit(X[:TRAINED], labels[:TRAINED], dr.Adam(eta), epochs=EPOCHS, seed=0,
                                validation=held_out)  # fmt: skip
        histories[name] = history
        print(f"{name:<17} eta at the end {history.eta[-1]:.5f}, loss {history.loss[-1]:.4f}, "
              f"of held-out digits {history.validation_loss[-1]:.4f}")  # fmt: skip
    if save is not None:
        draw(Path(save), histories, found)
    return {
        "validation": {name: history.validation_loss[-1] for name, history in histories.items()},
        "suggestion": found.suggestion,
        "lowest": found.lowest,
    }


def draw(save: Path, histories: dict[str, dr.History], found: Any) -> None:
    """Write the pictures."""
    import matplotlib.pyplot as plt

    t = np.linspace(0, EPOCHS, 2001)
    figure, axes = plt.subplots(3, 4, figsize=(9.6, 5.4), sharex=True, sharey=True,
                                layout="constrained")  # fmt: skip
    for ax, (name, schedule) in zip(axes.flat, SCHEDULES.items(), strict=True):
        if isinstance(schedule, s.Plateau):
            eta = np.array(histories[name].eta)[np.minimum(t, EPOCHS - 1).astype(int)]
        else:
            eta = schedule.lasting(EPOCHS)(t)
        ax.plot(t, eta, color="#0072B2")
        ax.set_title(name, fontsize="medium")
        ax.set_xticks([0, EPOCHS / 2, EPOCHS])
    figure.supxlabel("t, in epochs", fontsize="medium")
    figure.supylabel("eta", fontsize="medium")
    figure.savefig(save / "schedules_all.png", dpi=110)

    figure, ax = plt.subplots(figsize=(6.0, 3.4), layout="constrained")
    plot.learning_rates(found, ax=ax)
    figure.savefig(save / "schedules_search.png", dpi=110)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="write the pictures there")
    main(parser.parse_args().save)
