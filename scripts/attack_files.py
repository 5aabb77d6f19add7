# SPDX-License-Identifier: BSD-3-Clause
"""Reads damaged files of every kind: each must be refused, quickly and in little memory.

Networks, trainers, checkpoints of fits and of estimators' fits, ensembles and models of tables are
flipped, cut, spliced with each other, lengthened and shortened, or taken for one another: loading
any of them must raise FileFormatError. Others
are crafted: the JSON or the tensors of a good file are changed at a random place and the digest is
made to fit, as only somebody who means harm would. Such a file may be a good one, and must then
give an object that works; else it is refused. One file in fifty is a crafted one with a
megabyte of something repeated at one place, where time that grows with the square of it would be
minutes. Nothing may take long, or need memory out of proportion to the file.

Each worker is a process of its own, which ends at a crash; what it read last is kept.

usage: python scripts/attack_files.py [FILES [SEED [FOLDER]]]
"""

from __future__ import annotations

import json
import os
import pickle
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import deltarule as dr
from deltarule.files import canonical, container

LIMIT = 1.0  # seconds for one file, on a busy machine
LIMIT_PER_BYTE = 5 / 2**20  # more
GROWTH = 16 * 2**20  # bytes of memory beyond what the good files took
GROWTH_PER_BYTE = 100  # more: what JSON of many empty lists takes
EVERY_LONG = 50  # files, of which one is long
SPACE = 300 * 2**20  # address space beyond what the imports and the good files took
A_WORKER = 5000  # files
SANITIZED = "LD_PRELOAD" in os.environ  # by what keeps freed memory: then memory is not judged

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 4)), RNG.integers(0, 3, 40)


def network(seed: int = 0) -> dr.MLP:
    """A network with parameters of every kind."""
    return dr.MLP(
        [4, 5, 6, 3], ["prelu", "elu(alpha=0.5)"], loss="focal(gamma=1.5)", seed=seed, l2=1e-3,
        input_shift=[1, 2, 3, 4], input_scale=2.0,
    )  # fmt: skip


def optimizer() -> Any:
    """One with a state and two schedules."""
    eta = dr.schedules.WarmUp(
        dr.schedules.Plateau(1e-2, patience=2, watch="validation_loss"), over=2
    )
    return dr.AdamW(eta, weight_decay=dr.schedules.Cosine(0.1, over=30))


def fit(path: Path, epochs: int) -> dr.MLP:
    """Train with most of what a checkpoint can hold, from it if it is there."""
    mlp = network()
    mlp.fit(
        X, Y, optimizer(), 8, epochs, seed=2, validation=0.2, dropout=0.2, noise=0.1,
        average=dr.EMA(0.9), metrics="accuracy", record="gradient_norm",
        stopping=dr.EarlyStopping("accuracy", patience=50, restore=None), checkpoint=path,
        resume=True,
    )  # fmt: skip
    return mlp


def save_model(path: Path) -> None:
    """A network and its history."""
    mlp = network()
    mlp.save(path, mlp.fit(X, Y, epochs=3, seed=0))


def save_trainer(path: Path) -> None:
    """A trainer after some epochs."""
    trainer = dr.Trainer(
        network(), dr.Adam(dr.schedules.Cosine(0.01, over=9)), 8, average=dr.SWA(start=1),
        dropout=0.1, seed=1,
    )  # fmt: skip
    for _ in range(3):
        trainer.epoch(X, Y)
    trainer.save(path)


def load_trainer(path: Path) -> Any:
    """And go on."""
    trainer = dr.Trainer.load(path)
    return lambda: trainer.epoch(np.zeros((9, trainer.mlp.layers[0])), _targets(trainer.mlp))


def load_model(path: Path) -> Any:
    """And predict."""
    mlp = dr.load(path)
    return lambda: mlp.predict(np.zeros((2, mlp.layers[0])))


def load_ensemble(path: Path) -> Any:
    """And predict."""
    ensemble = dr.Ensemble.load(path)
    return lambda: ensemble.predict(np.zeros((2, ensemble.architecture.n_inputs)))


def fit_estimator(kind: str, epochs: int, path: Path) -> Any:
    """Train as far, from a checkpoint if it is there; go on with the object after that."""
    parameters: dict[str, Any] = {"solver": "sgd", "learning_rate": "adaptive"}
    y = Y if kind == "MLPClassifier" else X[:, :2]
    if kind == "MLPClassifier":
        rate = dr.schedules.Plateau(1e-2, patience=1, watch="validation_loss")
        parameters = {"learning_rate": rate, "early_stopping": True, "dropout": 0.2}
    estimator = getattr(dr, kind)(
        hidden_layer_sizes=(5,), random_state=0, max_iter=epochs, n_iter_no_change=20, batch_size=8,
        checkpoint=path, resume=True, **parameters,
    )  # fmt: skip
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # it has not converged
        estimator.fit(X, y)

    def go_on() -> Any:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            again = pickle.loads(pickle.dumps(estimator))
            again.set_params(checkpoint=None, resume=None, warm_start=True).fit(X, y)
        found = estimator.predict(X), again.predict(X)
        for fitted in (estimator, again):
            curves = fitted.loss_curve_, fitted.validation_scores_ or []
            if not all(type(one) is float for curve in curves for one in curve):
                raise TypeError(f"no curves: {curves}")
            if type(fitted.n_iter_) is not int or not isinstance(fitted.loss_, float):
                raise TypeError(f"no counts: {fitted.n_iter_!r}, {fitted.loss_!r}")
        return found

    return go_on


def _targets(mlp: dr.MLP) -> Any:
    return np.zeros((9, mlp.architecture.n_targets)) + 1 / mlp.architecture.n_outputs


def save_table(path: Path) -> None:
    """A model of a table, where pyarrow is."""
    import pyarrow as pa

    from deltarule.table import TableModel

    columns = {"a": X[:, 0], "b": ["x", "y"] * 20, "c": X[:, 1] > 0, "y": X[:, 2]}
    TableModel.fit(pa.table(columns), "y", hidden=(4,), epochs=2).save(path)


def load_table(path: Path) -> Any:
    """And predict."""
    import pyarrow as pa

    from deltarule.table import load

    model = load(path)
    return lambda: model.predict(pa.table({"a": [0.5], "b": ["z"], "c": [True]}))


Kind = tuple[Callable[[Path], Any], Callable[[Path], Any]]
KINDS: dict[str, Kind] = {
    "network": (save_model, load_model),
    "trainer": (save_trainer, load_trainer),
    "checkpoint": (lambda path: fit(path, 3), lambda path: fit(path, 5)),
    "classifier's": (
        partial(fit_estimator, "MLPClassifier", 3), partial(fit_estimator, "MLPClassifier", 5),
    ),
    "regressor's": (
        partial(fit_estimator, "MLPRegressor", 3), partial(fit_estimator, "MLPRegressor", 5),
    ),
    "ensemble": (
        lambda path: dr.Ensemble([network(k) for k in range(3)]).save(path), load_ensemble,
    ),
    "table's model": (save_table, load_table),
}  # fmt: skip
RESUMED = [KINDS[name][1] for name in ("checkpoint", "classifier's", "regressor's")]
# Of whom which other kinds are read, too: the network that is in them.
ALSO = {
    "network": {"trainer", "checkpoint", "table's model"}, "trainer": {"checkpoint"},
}  # fmt: skip


def mutated(good: bytes, others: list[bytes], draw: random.Random) -> tuple[str, bytes]:
    """Return how, and bytes that are others."""
    found, how = bytearray(good), draw.choice(
        ("bits", "bytes", "cut", "lengthened", "spliced", "deleted", "repeated", "length", "zeros")
    )  # fmt: skip
    at, size = draw.randrange(len(found)), draw.choice((1, 8, 64, 1000))
    if draw.random() < 0.5:  # most of what is judged stands in front
        at = draw.randrange(min(len(found), 3000))
    if how == "bits":
        for _ in range(draw.choice((1, 1, 2, 9))):
            found[draw.randrange(len(found))] ^= 1 << draw.randrange(8)
    elif how == "bytes":
        found[at : at + size] = draw.randbytes(len(found[at : at + size]))
    elif how == "cut":
        del found[draw.choice((at, len(found) - 1, 8, 7)) :]
    elif how == "lengthened":
        found += draw.randbytes(size)
    elif how == "spliced":
        other = draw.choice(others)
        begin = at if draw.random() < 0.5 else draw.randrange(len(other))
        found[at : at + size] = other[begin : begin + draw.choice((size, len(other)))]
    elif how == "deleted":
        del found[at : at + size]
    elif how == "repeated":
        found[at:at] = found[at : at + size]
    elif how == "length":
        found[:8] = draw.choice((0, 1, 2**63, 2**64 - 1, 10**8, len(found))).to_bytes(8, "little")
    else:
        found[at : at + size] = bytes(len(found[at : at + size]))
    return how, bytes(found)


STRANGE: list[Any] = [
    None, True, False, 0, 1, -1, 2**31, 2**62, 2**64, -(2**63), 10**30, 0.5, -0.0, 1e-320, 1e300,
    "", "x", "relu", "\0", "é" * 50, "9" * 400, [], {}, [[]], [None], {"": None}, [1] * 1000,
    json.loads("[" * 300 + "]" * 300), json.loads('{"list":' * 400 + "0" + "}" * 400),
]  # fmt: skip


def change(value: Any, draw: random.Random, depth: int = 0) -> Any:
    """Return a JSON value that differs at one place, more often deep than not."""
    if isinstance(value, dict | list) and value and (depth < 1 or draw.random() < 0.85):
        keys: list[Any] = [*value] if isinstance(value, dict) else [*range(len(value))]
        key, how = draw.choice(keys), draw.random()
        if how < 0.1:
            del value[key]
        elif how < 0.15:
            if isinstance(value, dict):
                value[draw.choice(("", "layers", "more"))] = draw.choice(STRANGE)
            else:
                value.append(value[key])
        else:
            value[key] = change(value[key], draw, depth + 1)
        return value
    if isinstance(value, int | float) and draw.random() < 0.5:
        return draw.choice((value + 1, -value, value * 2, value * 1000, float(value)))
    return draw.choice(STRANGE)


N = 2**20
LONG: list[Any] = [
    " " * N + "(", "1" * N, "(" * N, "\\" * (N // 2), "quantile(0.5" + ",0.5" * (N // 4) + ")",
    [1] * (N // 2), [[]] * (N // 3), ["relu"] * (N // 7), [0.5] * (N // 4),
    {str(i): i for i in range(N // 14)},
]  # fmt: skip
AROUND = (("", " ", "x"), ("", "(", ""), ("(", " ", "x"), ("(", ",", ")"))  # the text of a place


def lengthen(sections: dict[str, Any], draw: random.Random) -> None:
    """Put something long at one place, most often one of a text."""
    places: list[tuple[Any, Any]] = []
    left: list[Any] = [sections]
    while left:
        inner = left.pop()
        for key in [*inner] if isinstance(inner, dict) else range(len(inner)):
            places.append((inner, key))
            if isinstance(inner[key], dict | list):
                left.append(inner[key])
    texts = [(inner, key) for inner, key in places if isinstance(inner[key], str)]
    inner, key = draw.choice(texts if texts and draw.random() < 0.6 else places)
    if isinstance(inner[key], str) and draw.random() < 0.6:
        begin, repeated, end = draw.choice(AROUND)
        inner[key] = inner[key].partition("(")[0] + begin + repeated * N + end
    else:
        inner[key] = draw.choice(LONG)


def crafted(good: Path, path: Path, draw: random.Random, long: bool = False) -> str:
    """Write a file like a good one, changed at one place, with a digest that fits."""
    contents = container.read(good)
    manifest: dict[str, Any] = {
        "format": "deltarule", "kind": contents.kind, **contents.versions,
        "sections": json.loads(json.dumps(contents.sections)),
    }  # fmt: skip
    tensors: dict[str, Any] = dict(contents.tensors)
    if long and draw.random() < 0.9:
        how = "crafted long JSON"
        lengthen(manifest["sections"], draw)
    elif long:
        how = "crafted many tensors"
        name = draw.choice([*tensors])
        empty = np.zeros(0, tensors[name].dtype)
        tensors |= {f"{draw.choice(('9.', ''))}{name}{i}": empty for i in range(9999)}
    elif draw.random() < 0.7:
        how = "crafted JSON"
        manifest = change(manifest, draw)
    else:
        how = "crafted tensors"
        name = draw.choice([*tensors])
        a = tensors[name].copy()
        if draw.random() < 0.2:
            del tensors[name]
        elif draw.random() < 0.2:
            tensors[draw.choice(("W.9", "x", name + "0"))] = a
        elif draw.random() < 0.3:
            tensors[name] = a.astype(draw.choice(("f4", "f8", "i8", "u1", "?")))
        elif draw.random() < 0.4:
            shapes = (
                (0,), (2**24, 0), (1, *a.shape), (*a.shape, 1), (2, 3), (a.size,), (),
            )  # fmt: skip
            tensors[name] = np.resize(a, draw.choice(shapes))
        else:
            flat = a.reshape(-1)
            if flat.size:
                strange = (np.nan, np.inf, -1, 0, 1e30, 5e-324)
                with np.errstate(all="ignore"):
                    values = np.array(draw.choice(strange)).astype(a.dtype)
                flat[draw.randrange(flat.size)] = values
            tensors[name] = a
    with np.errstate(all="ignore"):
        arrays = canonical.ordered(tensors)
        try:
            manifest["sha256"] = canonical.digest(manifest, arrays)
            header = canonical.header(manifest, arrays)
        except (ValueError, TypeError):  # no JSON, or no dict any more
            return ""
    path.write_bytes(header + b"".join(a.tobytes() for a in arrays.values()))
    return how


def attack(load: Callable[[Path], Any], path: Path, is_crafted: bool) -> str:
    """Return "refused", or "works" for a crafted file that is a good one; else what went wrong."""
    try:
        use = load(path)
    except dr.FileFormatError:
        return "refused"
    except (ValueError, FloatingPointError) as error:  # a checkpoint of another fit; it diverges
        return "refused" if is_crafted and load in RESUMED else f"{error!r}"
    except Exception as error:
        return f"{error!r}"
    if not is_crafted:
        return "LOADED"
    try:
        if callable(use):
            use()
    except (ValueError, FloatingPointError):
        return "works"  # other columns than ours, weights that overflow: judged as ever
    except Exception as error:
        return f"used: {error!r}"
    return "works"


def most_memory(anew: bool = False) -> int:
    """Return the most bytes that were resident; count anew, where the system can."""
    if anew:
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
    (line,) = (x for x in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in x)
    return int(line.split()[1]) * 1024


def work(count: int, seed: int, folder: Path) -> int:
    """Attack so many files; print a summary as JSON."""
    draw, goods = random.Random(seed), dict[str, Path]()
    for name, (save, _) in KINDS.items():
        try:
            save(folder / name)
        except ImportError:
            continue
        goods[name] = folder / name
    whole = {name: path.read_bytes() for name, path in goods.items()}
    for name, (_, load) in KINDS.items():
        if name in whole:
            path = folder / "attacked"
            path.write_bytes(whole[name])
            load(path)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    if not SANITIZED:
        resource.setrlimit(resource.RLIMIT_AS, (used + SPACE, resource.RLIM_INFINITY))
    peak = most_memory(anew=True)
    seen, wrong, path = Counter[str](), list[str](), folder / "attacked"
    longest, grown = {False: 0.0, True: 0.0}, {False: 0, True: 0}  # small files, long ones
    for number in range(count):
        name, long = draw.choice([*goods]), number >= count - count // EVERY_LONG
        if long or number % 4 == 3:
            how = crafted(goods[name], path, draw, long)
            if not how:
                continue
        else:
            others = [*whole.values()]
            how, found = mutated(whole[name], others, draw)
            if found in others:
                continue
            path.write_bytes(found)
        signal.alarm(60)
        begin, before = time.perf_counter(), path.read_bytes()
        said = attack(KINDS[name][1], path, how.startswith("crafted"))
        took = time.perf_counter() - begin
        signal.alarm(0)
        more = 0 if SANITIZED else most_memory() - peak
        longest[long], grown[long] = max(longest[long], took), max(grown[long], more)
        if more > GROWTH + GROWTH_PER_BYTE * len(before):
            said, peak = f"took {more / 2**20:.0f} MiB", peak + more
        ok = said in ("refused", "works") and took < LIMIT + LIMIT_PER_BYTE * len(before)
        seen[f"{how}: {said if ok else 'WRONG'}"] += 1
        if not ok:
            wrong.append(f"{name}, {how}, number {number}, {took:.2f} s: {said}")
            (folder / f"wrong-{seed}-{number}").write_bytes(before)
    sizes = [len(data) for data in whole.values()]
    figures = [[longest[long], grown[long]] for long in (False, True)]
    print(json.dumps([seen, wrong, figures, [min(sizes), max(sizes)]]))
    return 0


def run(files: int, seed: int, folder: Path) -> int:
    """Start workers one after another; print what they say."""
    seen, wrong, done = Counter[str](), list[str](), 0
    figures, sizes = [[0.0, 0], [0.0, 0]], [0, 0]
    while done < files:
        count = min(A_WORKER, files - done)
        place = folder / f"{done}"
        place.mkdir()
        command = [sys.executable, __file__, "--worker", str(count), str(seed + done), str(place)]
        worker = subprocess.run(command, capture_output=True, text=True)
        done += count
        if worker.returncode:
            wrong.append(f"CRASH {worker.returncode}, {place}: {worker.stderr[-800:]}")
            continue
        more, bad, found, sizes = json.loads(worker.stdout.splitlines()[-1])
        seen.update(more)
        wrong += bad
        figures = [
            [max(pair) for pair in zip(*two, strict=True)]
            for two in zip(figures, found, strict=True)
        ]
    for what, count in sorted(seen.items()):
        print(f"{what:28} {count}")
    for line in wrong[:20]:
        print(line)
    print(
        f"{sum(seen.values())} files made of ones of {sizes[0]} to {sizes[1]} bytes: {len(wrong)} "
        "crash, load, raise something else, take too long or too much"
    )
    for which, (longest, grown) in zip(("others", "long ones"), figures, strict=True):
        print(f"{which}: at most {1e3 * longest:.0f} ms; memory grew by {grown / 2**20:.1f} MiB")
    return int(bool(wrong))


def main(files: str = "20000", seed: str = "0", folder: str = "") -> int:
    """Run the command line."""
    if folder:
        return run(int(files), int(seed), Path(folder))
    with tempfile.TemporaryDirectory() as temporary:
        return run(int(files), int(seed), Path(temporary))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        sys.exit(work(int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])))
    sys.exit(main(*sys.argv[1:]))
