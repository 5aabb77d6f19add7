# SPDX-License-Identifier: BSD-3-Clause
"""Several networks, and which arguments of `fit_many` are each one's own."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from deltarule import _validate
from deltarule._quoting import quoted
from deltarule.callbacks import base
from deltarule.fitting import Fittable
from deltarule.mlp import MLP

FIT = {
    name: parameter.default
    for name, parameter in inspect.signature(Fittable.fit).parameters.items()
    if name not in ("self", "progress")
}
# Of these a list is one value, the same for all models: only `each` makes it one for each.
LISTS_ARE_VALUES = (
    "X", "Y", "validation", "sample_weight", "record", "metrics", "callbacks",
)  # fmt: skip


class Each(list[Any]):
    """One value for each model."""


def each(values: Iterable[Any]) -> Each:
    """Mark values of an argument of `fit_many` as one for each model.

    Parameters
    ----------
    values : iterable
        In the order of the models.

    Returns
    -------
    Each

    Raises
    ------
    TypeError
        If values is no iterable.

    Notes
    -----
    A plain list does where a list has no other meaning, `seed=[0, 1, 2]`: everywhere but for X, Y,
    `validation`, `sample_weight`, `record`, `metrics` and `callbacks`.
    """
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(
            f"values: {quoted(values)} of type {type(values).__name__}; expected one for each model"
        )
    return Each(values)


def networks(mlps: Iterable[MLP]) -> list[MLP]:
    """Return networks as a list.

    Parameters
    ----------
    mlps : iterable of MLP
        As the user gave them.

    Returns
    -------
    list of MLP

    Raises
    ------
    TypeError, ValueError
        If there are none, one is no MLP, or two are one.
    """
    if isinstance(mlps, MLP) or not isinstance(mlps, Iterable):
        given = f"{quoted(mlps)} of type {type(mlps).__name__}"
        raise TypeError(f"mlps: {given}; expected several MLPs")
    several = list(mlps)
    if not several:
        raise ValueError("mlps: none; expected at least one MLP")
    first: dict[int, int] = {}
    for i, mlp in enumerate(several):
        if not isinstance(mlp, MLP):
            raise TypeError(f"mlps: {i} is of type {type(mlp).__name__}; expected an MLP")
        if first.setdefault(id(mlp), i) != i:
            raise ValueError(
                f"mlps: {first[id(mlp)]} and {i} are one network; expected different ones"
            )
    return several


def of_models(n: int, X: Any, Y: Any, given: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the arguments of `fit` of each of n models, X and Y among them.

    Parameters
    ----------
    n : int
        How many models.
    X, Y : object
        As `fit` takes them, or `Each`.
    given : dict
        Other arguments, as the user gave them.

    Returns
    -------
    list of dict

    Raises
    ------
    TypeError, ValueError
        If `fit` has no such argument, there are not n values of one, or models share what each
        needs for itself.
    """
    for name in given:
        if name == "n_threads":
            raise TypeError("n_threads: each model trains on one thread; expected n_jobs, or none")
        if name not in FIT:
            known = ", ".join(name for name in FIT if name not in ("X", "Y", "n_threads"))
            raise TypeError(f"fit_many: {name!r} is no argument of fit; expected some of {known}")
    if Y is not None:  # converted once, not once a model
        X = X if isinstance(X, Each) else _validate.array(X, "X")
        Y = Y if isinstance(Y, Each) else _validate.array(Y, "Y")
    columns = {
        name: _values(name, value, n)
        for name, value in {**FIT, **given, "X": X, "Y": Y, "n_threads": 1}.items()
    }
    _check_shared(columns)
    return [{name: values[i] for name, values in columns.items()} for i in range(n)]


def _values(name: str, value: Any, n: int) -> Sequence[Any]:
    listed = isinstance(value, list | tuple | range) or (
        isinstance(value, np.ndarray) and value.ndim == 1  # seeds: one array would be one for all
    )
    several = isinstance(value, Each) or (listed and name not in LISTS_ARE_VALUES)
    if not several:
        return [value] * n
    if len(value) != n:
        raise ValueError(f"{name}: {len(value)} values; expected {n}, one for each model")
    return list(value)


def _check_shared(columns: dict[str, Sequence[Any]]) -> None:
    """Refuse files, generators and ready callbacks of which models would need one each."""
    paths = [
        os.path.realpath(os.fsdecode(path)) if isinstance(path, str | bytes | os.PathLike) else None
        for path in columns["checkpoint"]
    ]
    _check_own("checkpoint", paths, columns["checkpoint"])
    generators = (np.random.Generator, np.random.BitGenerator, np.random.RandomState)
    drawn = [id(seed) if isinstance(seed, generators) else None for seed in columns["seed"]]
    _check_own("seed", drawn, columns["seed"])
    # Ours keep one training's state; an object of the user's may be made for several threads.
    ours = [
        (id(callback), callback)
        for callbacks in columns["callbacks"]
        for callback in {id(callback): callback for callback in base.checked(callbacks)}.values()
        if type(callback).__module__.startswith("deltarule.")
    ]
    _check_own("callbacks", [key for key, _ in ours], [type(callback) for _, callback in ours])


def _check_own(name: str, keys: Sequence[Any], values: Sequence[Any]) -> None:
    seen = set()
    for key, value in zip(keys, values, strict=True):
        if key is not None and key in seen:
            given = value.__name__ if isinstance(value, type) else quoted(value)
            raise ValueError(f"{name}: {given} for several models; expected one for each")
        seen.add(key)
