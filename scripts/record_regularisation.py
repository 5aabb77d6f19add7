# SPDX-License-Identifier: BSD-3-Clause
"""Record PyTorch's clipping by norm and its averages of weights: tests/fixtures/regularisation.npz.

A 5-8-3 network in float64, tanh and identity, full batches of 40 rows, 50 steps. Needs torch.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

STEPS, EVERY = 50, 10
SIZES = (5, 8, 3)


def network(w: np.ndarray) -> torch.nn.Sequential:
    """The network with these weights, in the order of deltarule's w."""
    model = torch.nn.Sequential(
        torch.nn.Linear(5, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3)
    ).double()
    layers, at = (model[0], model[2]), 0
    with torch.no_grad():
        for layer, (h, out) in zip(layers, pairwise(SIZES), strict=True):
            W = w[at : at + out * (h + 1)].reshape(out, h + 1)
            at += W.size
            layer.weight.copy_(torch.from_numpy(W[:, :-1].copy()))
            layer.bias.copy_(torch.from_numpy(W[:, -1].copy()))
    return model


def flat(model: torch.nn.Module) -> np.ndarray:
    """The weights in the order of deltarule's w: each unit's, then its bias."""
    values = [p.detach().numpy() for p in model.parameters()]
    return np.concatenate([
        np.column_stack([W, b]).ravel() for W, b in zip(values[::2], values[1::2], strict=True)
    ])  # fmt: skip


def main() -> None:
    """Train twice and write what came of it."""
    rng = np.random.default_rng(0)
    start = rng.normal(0, 0.5, 8 * 6 + 3 * 9)
    X, Y = rng.normal(size=(40, 5)), 100 * rng.normal(size=(40, 3))
    x, y = torch.from_numpy(X), torch.from_numpy(Y)

    # Long gradients: PyTorch divides by norm + 1e-6, which at a norm of some 1e4 is the norm.
    model = network(start)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    clipped, norms = [], []
    for step in range(1, STEPS + 1):
        optimizer.zero_grad()
        (0.5 * torch.sum((model(x) - y) ** 2)).backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(model.parameters(), 2.0)))
        optimizer.step()
        if step % EVERY == 0:
            clipped.append(flat(model))

    model = network(start)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    ema = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    swa = AveragedModel(model)
    averages = {"ema": [], "swa": []}
    for step in range(1, STEPS + 1):
        optimizer.zero_grad()
        (0.5 * torch.sum((model(x) - y) ** 2) / len(x)).backward()
        optimizer.step()
        ema.update_parameters(model)
        if step >= EVERY and (step - EVERY) % 5 == 0:
            swa.update_parameters(model)
        if step % EVERY == 0:
            averages["ema"].append(flat(ema.module))
            averages["swa"].append(flat(swa.module))

    folder = Path(__file__).parents[1] / "tests" / "fixtures"
    folder.mkdir(exist_ok=True)
    np.savez(
        folder / "regularisation.npz",
        torch=torch.__version__, start=start, X=X, Y=Y, clipped=clipped, norms=norms, **averages,
    )  # fmt: skip
    print(f"norms {min(norms):.3g} ... {max(norms):.3g}")


if __name__ == "__main__":
    main()
