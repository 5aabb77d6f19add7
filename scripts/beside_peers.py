# SPDX-License-Identifier: BSD-3-Clause
"""Imports deltarule before and after each of PyTorch, scikit-learn and LightGBM, and uses both.

They bring OpenMP runtimes of their own. In a new process for each order, all that were imported
train, predict, and train again, in the order of import and the other way round; deltarule's weights
must have the bits that they have alone, and the peers' results must not change. What is not
installed is left out.

usage: python scripts/beside_peers.py [ORDERS]     (the first so many; else all)
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import subprocess
import sys

LIMIT = 120  # seconds, after which a process hangs

DELTARULE = """
import deltarule as dr
def use_deltarule():
    mlp = dr.MLP([64, 256, 8], seed=0)
    mlp.fit(X, X[:, :8], dr.Adam(), 256, 3, seed=0, n_threads=2)
    return mlp.w.tobytes() + mlp.predict(X, n_threads=2).tobytes()
"""
TORCH = """
import torch
def use_torch():
    torch.manual_seed(0)
    torch.set_num_threads(2)
    layer = torch.nn.Linear(64, 8)
    rate = torch.optim.SGD(layer.parameters(), 0.1)
    for _ in range(3):
        rate.zero_grad()
        x = torch.from_numpy(X)
        ((layer(x) - x[:, :8]) ** 2).mean().backward()
        rate.step()
    return layer.weight.detach().numpy().round(4).tobytes()
"""
SKLEARN = """
import sklearn.cluster, sklearn.ensemble
def use_sklearn():
    means = sklearn.cluster.KMeans(4, n_init=1, random_state=0).fit(X)
    trees = sklearn.ensemble.HistGradientBoostingRegressor(max_iter=3).fit(X, X[:, 0])
    return means.labels_.tobytes() + trees.predict(X).round(4).tobytes()
"""
LIGHTGBM = """
import lightgbm
def use_lightgbm():
    told = {"num_threads": 2, "verbose": -1, "deterministic": True, "seed": 0}
    rows = lightgbm.Dataset(X, X[:, 0])
    return lightgbm.train(told, rows, 5).predict(X, num_threads=2).round(4).tobytes()
"""
PEERS = {"torch": TORCH, "sklearn": SKLEARN, "lightgbm": LIGHTGBM}
BEGIN = """
import hashlib, json, warnings
import numpy as np
warnings.simplefilter("ignore")
X = np.random.default_rng(0).normal(size=(4096, 64)).astype("f4")
"""
END = """
def said(name):
    return hashlib.sha256(globals()["use_" + name]()).hexdigest()
rounds = [{name: said(name) for name in order} for order in (NAMES, NAMES[::-1])]
assert rounds[0] == rounds[1], rounds
try:
    from threadpoolctl import threadpool_info
    pools = [pool["filepath"] for pool in threadpool_info() if pool["user_api"] == "openmp"]
except ImportError:
    pools = []
print(json.dumps([rounds[0], sorted(path.split("/")[-1] for path in pools)]))
"""


def results(names: tuple[str, ...]) -> tuple[dict[str, str], list[str]]:
    """Import these in this order, use them, and return digests of what came out; the runtimes."""
    parts = [DELTARULE if name == "deltarule" else PEERS[name] for name in names]
    code = "".join([BEGIN, *parts, f"NAMES = {names!r}\n", END])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=LIMIT
    )
    if done.returncode:
        raise RuntimeError(f"exit status {done.returncode}: {done.stderr[-500:]}")
    found, pools = json.loads(done.stdout)
    return found, pools


def main(most: int | None = None) -> int:
    """Print a line for each order; the status is whether one fails or differs."""
    there = [name for name in PEERS if importlib.util.find_spec(name)]
    print(f"absent: {', '.join(sorted(set(PEERS) - set(there))) or 'none'}")
    orders: list[tuple[str, ...]] = [
        pair for name in there for pair in (("deltarule", name), (name, "deltarule"))
    ]
    if len(there) > 1:
        orders += [("deltarule", *there), (*there, "deltarule")]
        orders += list(itertools.permutations(("deltarule", *there)))[7:-6:5]
    orders = orders[:most]
    alone = {name: results((name,))[0][name] for name in set().union(*orders)}
    failed = 0
    for order in orders:
        try:
            found, pools = results(order)
            wrong = [name for name in order if found[name] != alone[name]]
            said = f"{', '.join(wrong)} differ" if wrong else f"equal; {', '.join(pools)}"
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            wrong, said = ["all"], str(error)
        failed += bool(wrong)
        print(f"{' > '.join(order):42} {said}", flush=True)
    print(f"{failed} of {len(orders)} orders of import fail or differ")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
