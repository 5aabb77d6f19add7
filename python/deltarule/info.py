# SPDX-License-Identifier: BSD-3-Clause
"""What runs here, and what a network looks like: texts for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from deltarule import _core
from deltarule.architecture import Architecture
from deltarule.given import loss_name


@dataclass(frozen=True, repr=False)
class Info:
    """Everything about an installation that can matter to a result or its speed.

    Attributes
    ----------
    version : str
        Of deltarule.
    instruction_set : str
        The one in use; the environment variable DELTARULE_ISA overrides the choice.
    available : tuple of str
        Those that this CPU has.
    threads : int
        How many `n_threads=None` means at most; OMP_NUM_THREADS overrides the choice.
    openmp : str
        The OpenMP runtime.
    numpy, python, platform : str
        What it runs on.
    """

    version: str
    instruction_set: str
    available: tuple[str, ...]
    threads: int
    openmp: str
    numpy: str
    python: str
    platform: str

    def __repr__(self) -> str:
        rows = []
        for field in fields(self):
            value = getattr(self, field.name)
            text = ", ".join(value) if isinstance(value, tuple) else str(value)
            rows.append(f"{field.name.replace('_', ' '):<16}{text}")
        return "\n".join(rows)


def info() -> Info:
    """Return the version, the instruction set, the threads and the OpenMP runtime.

    Returns
    -------
    Info
        Prints as a table.
    """
    import platform

    import numpy as np

    from deltarule import __version__

    return Info(
        version=__version__,
        instruction_set=_core.isa(),
        available=tuple(_core.available_isas()),
        threads=_core.default_threads(),
        openmp=_core.openmp(),
        numpy=np.__version__,
        python=platform.python_version(),
        platform=platform.platform(),
    )


def call(net: Architecture) -> str:
    """Return the call of `MLP` that gives this architecture, defaults left out."""
    hidden = net.activations[:-1]
    parts = [f"{list(net.layers)}"]
    if hidden:
        name = hidden[0] if len(set(hidden)) == 1 else list(hidden)
        parts.append(f"activation={name!r}")
    loss = repr(net.loss) if isinstance(net.loss, str) else loss_name(net.loss)
    parts += [f"output={net.activations[-1]!r}", f"loss={loss}", f"dtype={net.dtype!r}"]
    parts += [f"{name}={getattr(net, name)!r}" for name in ("l2", "l1") if getattr(net, name)]
    if net.reduction != "mean":
        parts.append(f"reduction={net.reduction!r}")
    if net.penalty_over != "loss":
        parts.append(f"penalty_over={net.penalty_over!r}")
    for name in ("input_shift", "input_scale"):
        if getattr(net, name) is not None:
            parts.append(f"{name}=<{net.n_inputs} numbers>")
    return f"MLP({', '.join(parts)})"


class Text(str):
    """A text that the interpreter shows as `print` does, line by line."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def summary(net: Architecture) -> Text:
    """Return a table with a line for each layer: size, activation, the weights into it, memory.

    Weights are counted without and with the biases: H_{k+1} H_k and H_{k+1} (H_k + 1). What units
    learn beside them has a line of its own, and a share in the total. Memory is that of the numbers
    in the network's dtype.
    """
    itemsize = 4 if net.dtype == "float32" else 8
    rows = [
        ("layer", "units", "activation", "weights into it", "without bias", "biases", "all",
         "memory")
    ]  # fmt: skip
    inputs = "standardised" if net.input_shift or net.input_scale else ""
    rows.append(("0", str(net.layers[0]), inputs, "", "", "", "", ""))
    for k, ((units, columns), f) in enumerate(zip(net.shapes, net.activations, strict=True)):
        into = f"W[{k}]  {units} x {columns}"
        rows.append((str(k + 1), str(units), f, into, *_counts(units * columns, units, itemsize)))
        if learned := net.n_alphas[k]:
            counts = ("", "", f"{learned:,}", _bytes(learned * itemsize))
            rows.append(("", "", "", f"alpha[{k}]  {learned}", *counts))
    all_weights, biases = net.n_weights, sum(net.layers[1:])
    _, of_biases, of_all, memory = _counts(all_weights, biases, itemsize)
    own = all_weights - biases - sum(net.n_alphas)
    rows.append(("", "", "", "total", f"{own:,}", of_biases, of_all, memory))
    penalties = {"l2": net.l2, "l1": net.l1}
    penalty = "".join(f", {name} {size:g}" for name, size in penalties.items() if size)
    penalty += " over the batch" if penalty and net.penalty_over == "batch" else ""
    last = (
        f"{net.n_weights:,} weights, {net.dtype}; {loss_name(net.loss)}, {net.reduction}{penalty}"
    )
    return Text("\n".join([*align(rows, "<><<>>>>"), last]))


def _counts(weights: int, biases: int, itemsize: int) -> tuple[str, str, str, str]:
    """Without biases, the biases, all of them, and what all need."""
    return f"{weights - biases:,}", f"{biases:,}", f"{weights:,}", _bytes(weights * itemsize)


def _bytes(size: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1024
    return f"{size:.3g} GiB"


def align(rows: Sequence[tuple[str, ...]], sides: str) -> list[str]:
    """Return the rows as lines whose columns are aligned: "<" left, ">" right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(sides))]
    form = "  ".join(f"{{:{side}{width}}}" for side, width in zip(sides, widths, strict=True))
    return [form.format(*row).rstrip() for row in rows]
