# SPDX-License-Identifier: BSD-3-Clause
"""What each activation, loss, optimizer, schedule and regulariser costs, beside the usual training.

The usual one is tab_m: 54-256-256-256-7, relu, cross-entropy, Adam, batches of 256. Everything else
differs from it in one thing. Names come from the package's own tables, so that a new one has its
row here by itself. Rounds take turns: each case runs beside the usual one, and its figure is the
median of the rounds' ratios of time.

    python benchmarks/practice.py [GROUP ...] [--rounds 7] [--threads N] [--rows 12800]
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np

import deltarule as dr
from deltarule import activations, losses, schedules
from deltarule.bench.workloads import WORKLOADS
from deltarule.optimizers import OPTIMIZERS

TAB_M = WORKLOADS["tab_m"]
ETA = 1e-4  # small enough that no loss diverges in some hundred epochs
OUTPUTS = TAB_M.layers[-1]
PLAIN = "usual"


@dataclass
class Case:
    """One training; what it does not name is as usual.

    Parameters
    ----------
    name : str
        Of its row.
    network : dict
        Arguments of `MLP`.
    training : dict
        Arguments of `Trainer`.
    Y : str
        Which targets it takes.
    beside : str
        What it is compared with: "usual", or what it needs, without itself.
    """

    name: str
    network: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    Y: str = "labels"
    beside: str = PLAIN
    weights: bool = False

    def start(self, X: np.ndarray, threads: int | None) -> Callable[[], float]:
        """Return a function that trains an epoch and tells its seconds."""
        network = {"activation": "relu", "loss": "cross_entropy", "seed": 0, **self.network}
        loss = network["loss"]
        columns = 1 if callable(loss) else losses.read(loss).row.columns
        mlp = dr.MLP([*TAB_M.layers[:-1], OUTPUTS * columns], **network)
        usual = {"optimizer": dr.Adam(ETA), "batch_size": TAB_M.batch_size, "seed": 0}
        trainer = dr.Trainer(mlp, n_threads=threads, **{**usual, **self.training})
        Y = targets(self.Y, len(X))
        given = {"sample_weight": np.linspace(0.5, 1.5, len(X))} if self.weights else {}
        return partial(seconds, trainer, X, Y, given)


def seconds(trainer: dr.Trainer, X: np.ndarray, Y: np.ndarray, given: dict[str, Any]) -> float:
    """Train an epoch; return how long it took."""
    begin = perf_counter()
    trainer.epoch(X, Y, **given)
    return perf_counter() - begin


def targets(kind: str, n: int) -> np.ndarray:
    """Return targets that a loss takes."""
    rng = np.random.default_rng(1)
    made: dict[str, Callable[[], Any]] = {
        "labels": lambda: rng.integers(0, OUTPUTS, n),
        "finite": lambda: rng.normal(size=(n, OUTPUTS)),
        "probability": lambda: rng.dirichlet(np.ones(OUTPUTS), n),
        "non_negative": lambda: rng.poisson(2.0, (n, OUTPUTS)),
        "positive": lambda: rng.gamma(2.0, size=(n, OUTPUTS)),
        "sign": lambda: rng.choice([-1, 1], (n, OUTPUTS)),
    }
    Y = made[kind]()
    return Y if kind == "labels" else Y.astype(np.float32)


def of_activations() -> Iterator[Case]:
    """Every activation that trains in a hidden layer, and what a learned blend is made of."""
    for name, row in activations.TABLE.items():
        if name in ("softmax", "threshold"):
            continue
        for text in (name, *(f"blend({of})" for of in row.of[1:])):
            # three layers of exp overflow, except from weights near 0
            start = {"init": "zeros"} if "exponential" in text else {}
            yield Case(text, {"activation": text, **start})


def of_losses() -> Iterator[Case]:
    """Every loss with its first output."""
    for name in losses.TABLE:
        chosen = losses.read(name)
        labels = chosen.row.labels
        network = {"loss": name, "output": chosen.row.outputs[0]}
        yield Case(name, network, Y="labels" if labels else chosen.targets)
        if chosen.row.smooths:
            smoothed = {**network, "loss": f"{name}(label_smoothing=0.1)"}
            kind = "labels" if labels else chosen.targets
            yield Case(smoothed["loss"], smoothed, Y=kind)
    yield Case("a function: squared_error in NumPy", {"loss": squared_error}, Y="finite")


def squared_error(y_hat: np.ndarray, Y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What a user's own loss might be."""
    e = y_hat - Y
    return (e * e).sum(axis=1), 2 * e


def of_optimizers() -> Iterator[Case]:
    """Every rule, and options that change what is computed."""
    for name, rule in OPTIMIZERS.items():
        if rule.full_batch:
            full = {"optimizer": rule(ETA), "batch_size": None}
            yield Case(f"{name}, full batch", training=full, beside="full batch")
        else:
            yield Case(name, training={"optimizer": rule(ETA)})
    for options in (
        {"momentum": 0.9},
        {"momentum": 0.9, "nesterov": True},
        {"momentum": 0.9, "eta_in_velocity": True},
    ):
        yield Case(named("SGD", options), training={"optimizer": dr.SGD(ETA, **options)})
    for options in ({"amsgrad": True}, {"eps_inside": True}, {"eta_factors": [1, 0.5, 0.5, 0.1]}):
        yield Case(named("Adam", options), training={"optimizer": dr.Adam(ETA, **options)})


def of_schedules() -> Iterator[Case]:
    """Every schedule of eta."""
    made: dict[str, Callable[[], Any]] = {
        "OfEpoch": lambda: schedules.OfEpoch(lambda epoch: ETA / (1 + epoch)),
        "OfStep": lambda: schedules.OfStep(lambda step: ETA / (1 + step)),
        "WarmUp": lambda: schedules.WarmUp(schedules.Cosine(ETA, over=1000), 10),
        "Plateau": lambda: schedules.Plateau(ETA, lowest=ETA / 10),
    }
    for name in schedules.__all__:
        if name != "Schedule":
            default = partial(getattr(schedules, name), ETA)
            eta = made.get(name, default)().lasting(1000)
            yield Case(name, training={"optimizer": dr.Adam(eta)})


def of_regularisers() -> Iterator[Case]:
    """Penalties, decay, clipping, norms, dropout, noise, averages, weights of rows."""
    yield from (Case(name, {name: 1e-4}) for name in ("l2", "l1"))
    decay = schedules.Cosine(0.01, over=1000)
    for options in (
        {"weight_decay": 0.01},
        {"weight_decay": decay},
        {"clip_value": 1.0},
        {"clip_norm": 1.0},
        {"max_norm": 3.0},
    ):
        yield Case(named("", options), training={"optimizer": dr.Adam(ETA, **options)})
    kl = {"sparsity": dr.Sparsity(2)}
    yield Case(named("", kl), {"activation": "logistic"}, kl, beside="logistic hidden layers")
    for options in (
        {"sparsity": dr.Sparsity(2, "l1")},
        {"dropout": dr.Dropout(0.2)},
        {"dropout": dr.Dropout(0.2, input=0.1)},
        {"noise": 0.1},
        {"average": dr.EMA(0.999)},
        {"average": dr.SWA(start=1)},
    ):
        yield Case(named("", options), training=options)
    yield Case("sample_weight", weights=True)


def named(name: str, options: dict[str, Any]) -> str:
    """Name a case by its options."""
    values = {
        key: type(value).__name__ if isinstance(value, schedules.Schedule) else repr(value)
        for key, value in options.items()
    }
    said = ", ".join(f"{key}={value}" for key, value in values.items())
    return f"{name}({said})" if name else said


GROUPS: dict[str, Callable[[], Iterator[Case]]] = {
    "activations": of_activations,
    "losses": of_losses,
    "optimizers": of_optimizers,
    "schedules": of_schedules,
    "regularisers": of_regularisers,
}


def measure(cases: list[Case], X: np.ndarray, rounds: int, threads: int | None) -> list[str]:
    """Return the rows of a group's table, in the order of the cases."""
    beside = {
        PLAIN: Case(PLAIN),
        "full batch": Case("Adam, full batch", training={"batch_size": None}),
        "logistic hidden layers": Case("logistic", {"activation": "logistic"}),
    }
    usual = {
        name: case.start(X, threads)
        for name, case in beside.items()
        if any(other.beside == name for other in cases)
    }
    running = [case.start(X, threads) for case in cases]
    for run in (*usual.values(), *running):
        run()  # packs, plans, touches the memory
    ratios: list[list[float]] = [[] for _ in cases]
    for _ in range(rounds):
        for case, run, seen in zip(cases, running, ratios, strict=True):
            before, took, after = usual[case.beside](), run(), usual[case.beside]()
            seen.append(2 * took / (before + after))
    return [
        f"| {case.name} | {statistics.median(seen):.2f} | {min(seen):.2f} to {max(seen):.2f} |"
        for case, seen in zip(cases, ratios, strict=True)
    ]


def main() -> None:
    """Print a Markdown table for each group."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(GROUPS)}")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, help="default: as many as pay")
    parser.add_argument("--rows", type=int, default=TAB_M.pass_rows, help="of an epoch")
    given = parser.parse_args()
    unknown = set(given.groups) - set(GROUPS)
    if unknown:
        parser.error(f"no group {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    X = np.random.default_rng(0).normal(size=(given.rows, TAB_M.layers[0])).astype(np.float32)
    for group in given.groups or GROUPS:
        print(f"\n| {group} | time, usual = 1 | rounds |\n|---|---|---|")
        for row in measure(list(GROUPS[group]()), X, given.rounds, given.threads):
            print(row, flush=True)


if __name__ == "__main__":
    main()
