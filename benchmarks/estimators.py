# SPDX-License-Identifier: BSD-3-Clause
"""MLPClassifier beside scikit-learn's: seconds of `fit`, test accuracy, one row's prediction.

Both get the same arrays and parameters and take the same number of epochs, in turns, in one
process. Images and table are made, in the shapes of Fashion-MNIST and Covertype. A figure is the
median over the seeds, which are random_state; accuracies are mean ± standard deviation.

    python benchmarks/estimators.py [WORKLOAD ...] [--quick] [--seeds 5]
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from processes import PAUSE
from report import digits as three
from report import markdown
from sklearn import datasets, neural_network
from sklearn.exceptions import ConvergenceWarning

import deltarule as dr

Data = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # X, y; X, y of the test


def split(X: np.ndarray, y: np.ndarray, test: int) -> Data:
    """The last rows are the test's."""
    return X[:-test], y[:-test], X[-test:], y[-test:]


@cache
def digits() -> Data:
    """1797 x 64, UCI's, in an order of their own."""
    X, y = datasets.load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    return split(X[order] / 16, y[order], 359)


@cache
def images(dtype: str) -> Data:
    """70 000 x 784 in 256 levels, about half of them 0, of 10 classes that overlap."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, 70_000)
    of_class = 0.55 * rng.standard_normal((10, 24))
    hidden = of_class[y] + rng.standard_normal((len(y), 24))
    hidden[:, :12] *= 1 + 0.3 * np.sin(hidden[:, 12:])  # no plane separates them
    ink = (hidden @ rng.standard_normal((24, 784))).astype(np.float32)
    ink += rng.standard_normal(ink.shape, np.float32)
    pixels = np.clip(40 * ink, 0, 255).astype(np.uint8)
    return split(pixels.astype(dtype) / np.dtype(dtype).type(255), y, 10_000)


@cache
def table() -> Data:
    """110 000 x 54 in float64, 7 classes: the largest of 7 sums of random tanh units, and noise."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((110_000, 54))
    units = np.tanh(X @ rng.standard_normal((54, 20)) / 3)
    score = units @ rng.standard_normal((20, 7))
    return split(X, (score + 0.5 * rng.standard_normal(score.shape)).argmax(axis=1), 10_000)


@dataclass
class Workload:
    """One row: data, what is not the default, epochs, and the bar that its ratio has to pass."""

    data: Callable[[], Data]
    epochs: int
    settings: dict[str, Any] = field(default_factory=dict)
    bar: float | None = None
    ours: dict[str, Any] = field(default_factory=dict)  # which scikit-learn's does not have


WIDE = {"hidden_layer_sizes": (512, 512)}
WORKLOADS = {
    "digits": Workload(digits, 40, bar=10),
    "digits, (32,), batches of 32": Workload(
        digits, 40, {"hidden_layer_sizes": (32,), "batch_size": 32}, 10
    ),
    "images float32": Workload(lambda: images("float32"), 3, bar=3),
    "images float64": Workload(lambda: images("float64"), 3, bar=3),
    "images float64, ours in float32": Workload(
        lambda: images("float64"), 3, bar=3, ours={"dtype": "float32"}
    ),
    "images float32, (512, 512)": Workload(lambda: images("float32"), 1, WIDE, 4),
    "images float64, (512, 512)": Workload(lambda: images("float64"), 1, WIDE, 4),
    "images float64, (512, 512), ours in float32": Workload(
        lambda: images("float64"), 1, WIDE, 4, {"dtype": "float32"}
    ),
    "table": Workload(table, 3),
    "table, (256, 256)": Workload(table, 2, {"hidden_layer_sizes": (256, 256)}),
}


def fitted(kind: Any, work: Workload, seed: int, **more: Any) -> tuple[Any, float, float]:
    """Fit a model; return it, its seconds and its test accuracy."""
    X, y, X_test, y_test = work.data()
    model = kind.MLPClassifier(
        max_iter=work.epochs, n_iter_no_change=work.epochs + 1, random_state=seed,
        **work.settings, **more,
    )  # fmt: skip
    time.sleep(PAUSE)
    begin = time.perf_counter()
    model.fit(X, y)
    seconds = time.perf_counter() - begin
    assert model.n_iter_ == work.epochs
    return model, seconds, model.score(X_test, y_test)


def beside(name: str, work: Workload, seeds: int) -> Iterator[str]:
    """The cells of one row."""
    ours, theirs = [], []
    for seed in range(seeds):
        ours.append(fitted(dr, work, seed, **work.ours)[1:])
        theirs.append(fitted(neural_network, work, seed)[1:])
    ratio = statistics.median(t[0] / o[0] for o, t in zip(ours, theirs, strict=True))
    yield name
    yield str(work.epochs)
    for runs in (theirs, ours):
        yield three(statistics.median(seconds for seconds, _ in runs))
    yield f"{ratio:.1f}"
    yield "–" if work.bar is None else f"{work.bar:g}"
    for runs in (theirs, ours):
        scores = [100 * score for _, score in runs]
        yield f"{statistics.mean(scores):.2f} ± {statistics.pstdev(scores):.2f}"


def of_fits(names: list[str], seeds: int) -> None:
    """Print the table of fits."""
    lines = [["fit", "epochs", "scikit-learn, s", "deltarule, s", "×", "bar",
              "accuracy, scikit-learn, %", "deltarule, %"]]  # fmt: skip
    for name in names:
        lines.append(list(beside(name, WORKLOADS[name], seeds)))
        print("  ".join(lines[-1]), flush=True)
    print("\n" + markdown(lines) + "\n")


def microseconds(call: Callable[[], Any], calls: int) -> float:
    """The median of some calls."""
    taken = []
    for _ in range(calls):
        begin = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begin)
    return 1e6 * statistics.median(taken)


def of_one_row(calls: int) -> None:
    """Print what a prediction of one row takes, validation of its array included."""
    lines = [["one row", "scikit-learn, µs", "deltarule, µs", "×"]]
    shapes = {"digits": Workload(digits, 2), "table, (256, 256)": WORKLOADS["table, (256, 256)"]}
    for name, work in shapes.items():
        row = work.data()[2][:1]
        short = Workload(work.data, 1, work.settings)
        models = [fitted(kind, short, 0)[0] for kind in (neural_network, dr)]
        for method in ("predict", "predict_proba"):
            theirs, ours = (microseconds(lambda c=getattr(m, method): c(row), calls) for m in models)
            lines.append([f"{name}: {method}", f"{theirs:.1f}", f"{ours:.1f}", f"{theirs / ours:.1f}"])
    print(markdown(lines))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help="one row's beginning")
    parser.add_argument("--quick", action="store_true", help="one seed, float32 images")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=3000, help="of one row; 0: none")
    options = parser.parse_args()
    names = [
        name for name in WORKLOADS
        if name in options.workloads
        or (not options.workloads and not (options.quick and "float64" in name))
    ]  # fmt: skip
    strange = set(options.workloads) - set(WORKLOADS)
    if strange:
        parser.error(f"{strange.pop()!r}: expected some of {', '.join(map(repr, WORKLOADS))}")
    warnings.simplefilter("ignore", ConvergenceWarning)
    if names:
        of_fits(names, 1 if options.quick else options.seeds)
    if options.calls and not options.workloads:
        of_one_row(options.calls)


if __name__ == "__main__":
    main()
