# SPDX-License-Identifier: BSD-3-Clause
"""MLPClassifier beside scikit-learn's: seconds of `fit`, test accuracy, one row's prediction.

All get the same arrays and parameters and take the same number of epochs, in turns, in one process.
Images and table are made, in the shapes of Fashion-MNIST and Covertype. A figure is the median over
the seeds, which are random_state; accuracies are mean ± standard deviation.

    python benchmarks/estimators.py [WORKLOAD ...] [--quick] [--peers scikit-learn,skorch]
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache, partial
from itertools import pairwise
from typing import Any

import numpy as np
from report import OURS, markdown
from report import digits as three
from sklearn import datasets, neural_network
from sklearn.exceptions import ConvergenceWarning

import deltarule as dr

PAUSE = 0.3  # seconds: threads of the library that ran before stop spinning
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
    """One row: data, epochs, and what is not the default."""

    data: Callable[[], Data]
    epochs: int
    settings: dict[str, Any] = field(default_factory=dict)
    ours: dict[str, Any] = field(default_factory=dict)  # which scikit-learn's does not have


F32 = {"dtype": "float32"}
WIDE = {"hidden_layer_sizes": (512, 512)}
WORKLOADS = {
    "digits": Workload(digits, 40),
    "digits, (32,), batches of 32": Workload(
        digits, 40, {"hidden_layer_sizes": (32,), "batch_size": 32}
    ),
    "images": Workload(lambda: images("float32"), 3),
    "images, (512, 512)": Workload(lambda: images("float32"), 1, WIDE),
    "images in float64": Workload(lambda: images("float64"), 3),
    "images in float64, (512, 512)": Workload(lambda: images("float64"), 1, WIDE),
    "images in float64, dtype='float32'": Workload(lambda: images("float64"), 3, ours=F32),
    "images in float64, (512, 512), dtype='float32'": Workload(
        lambda: images("float64"), 1, WIDE, F32
    ),
    "table": Workload(table, 3),
    "table, (256, 256)": Workload(table, 2, {"hidden_layer_sizes": (256, 256)}),
}


@dataclass
class Fit:
    """What one training came to."""

    model: Any
    seconds: float
    accuracy: float


def fitted(peer: str, work: Workload, seed: int) -> Fit:
    """Fit the peer's model and judge it on the test rows."""
    X, y, X_test, y_test = work.data()
    make = {"deltarule": of_sklearn, "scikit-learn": of_sklearn, "skorch": of_skorch}[peer]
    model = make(peer, work, seed)
    time.sleep(PAUSE)
    begin = time.perf_counter()
    model.fit(X, y)
    seconds = time.perf_counter() - begin
    return Fit(model, seconds, model.score(X_test, y_test))


def of_sklearn(peer: str, work: Workload, seed: int) -> Any:
    """scikit-learn's estimator, or ours in its place."""
    kind, more = (dr, work.ours) if peer == OURS else (neural_network, {})
    return kind.MLPClassifier(
        max_iter=work.epochs, n_iter_no_change=work.epochs + 1, random_state=seed,
        **work.settings, **more,
    )  # fmt: skip


def of_skorch(peer: str, work: Workload, seed: int) -> Any:
    """The same network, Adam and batches in PyTorch, as a skorch user writes it."""
    import torch
    from skorch import NeuralNetClassifier

    X, y, *_ = work.data()
    torch.manual_seed(seed)
    sizes = [X.shape[1], *work.settings.get("hidden_layer_sizes", (100,)), int(y.max()) + 1]
    layers: list[Any] = []
    for fan_in, fan_out in pairwise(sizes):
        layers += [torch.nn.Linear(fan_in, fan_out, dtype=getattr(torch, X.dtype.name))]
        layers += [torch.nn.ReLU()]
    size = work.settings.get("batch_size", 200)
    return NeuralNetClassifier(
        torch.nn.Sequential(*layers[:-1]), criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam, lr=0.001, optimizer__weight_decay=1e-4 / size,
        batch_size=size, max_epochs=work.epochs, iterator_train__shuffle=True, train_split=None,
        verbose=0,
    )  # fmt: skip


def beside(peers: list[str], name: str, work: Workload, seeds: int) -> Iterator[str]:
    """The cells of one row."""
    runs: dict[str, list[Fit]] = {peer: [] for peer in peers}
    for seed in range(seeds):
        for peer in peers:
            runs[peer].append(fitted(peer, work, seed))
    yield name
    yield str(work.epochs)
    for peer in peers:
        yield three(statistics.median(fit.seconds for fit in runs[peer]))
    for peer in peers[1:]:
        pairs = zip(runs[OURS], runs[peer], strict=True)
        yield f"{statistics.median(other.seconds / ours.seconds for ours, other in pairs):.1f}"
    for peer in peers:
        scores = [100 * fit.accuracy for fit in runs[peer]]
        yield f"{statistics.mean(scores):.2f} ± {statistics.pstdev(scores):.2f}"


def of_fits(peers: list[str], names: list[str], seeds: int) -> None:
    """Print the table of fits."""
    lines = [
        ["fit", "epochs", *(f"{peer}, s" for peer in peers), *(f"÷ {p}" for p in peers[1:]),
         *(f"{peer}, %" for peer in peers)]
    ]  # fmt: skip
    for name in names:
        lines.append(list(beside(peers, name, WORKLOADS[name], seeds)))
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
    lines = [["one row", "deltarule, µs", "scikit-learn, µs", "÷ scikit-learn"]]
    for name in ("digits", "table, (256, 256)"):
        short = replace(WORKLOADS[name], epochs=1)
        row = short.data()[2][:1]
        models = [fitted(peer, short, 0).model for peer in (OURS, "scikit-learn")]
        for method in ("predict", "predict_proba"):
            ours, theirs = (microseconds(partial(getattr(m, method), row), calls) for m in models)
            lines.append(
                [f"{name}: {method}", f"{ours:.1f}", f"{theirs:.1f}", f"{theirs / ours:.1f}"]
            )
    print(markdown(lines))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help="names of rows; all")
    parser.add_argument("--quick", action="store_true", help="one seed, no float64 images")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=3000, help="of one row; 0: none")
    parser.add_argument("--peers", default="scikit-learn", help="scikit-learn,skorch")
    options = parser.parse_args()
    strange = set(options.workloads) - set(WORKLOADS)
    if strange:
        parser.error(f"{strange.pop()!r}: expected some of {', '.join(map(repr, WORKLOADS))}")
    names = options.workloads or [
        name for name in WORKLOADS if not (options.quick and "float64" in name)
    ]
    warnings.simplefilter("ignore", ConvergenceWarning)
    peers = [OURS, *options.peers.split(",")]
    of_fits(peers, names, 1 if options.quick else options.seeds)
    if options.calls:
        of_one_row(options.calls)


if __name__ == "__main__":
    main()
