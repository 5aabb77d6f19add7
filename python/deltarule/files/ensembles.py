# SPDX-License-Identifier: BSD-3-Clause
"""Ensembles in files: a section of architectures, and tensors `<number>.W.<k>`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from deltarule.ensemble import Ensemble
from deltarule.files import container
from deltarule.files.errors import Path, damaged, text_of
from deltarule.files.model import network_of, network_parts
from deltarule.mlp import MLP
from deltarule.results import Array

Kind = TypeVar("Kind", bound=Ensemble)


def save(mlps: Sequence[MLP], path: Path) -> None:
    """Write the networks of an ensemble: see `Ensemble.save`."""
    text_of(path)  # judged first
    members: list[dict[str, Any]] = []
    tensors: dict[str, Array] = {}
    for i, mlp in enumerate(mlps):
        section, arrays = network_parts("save", mlp.architecture, mlp._snapshot(), f"{i}.")
        members.append(section)
        tensors |= arrays
    container.write(path, "ensemble", {"members": members}, tensors)


def load(path: Path, kind: type[Kind]) -> Kind:
    """Read an ensemble: see `Ensemble.load`."""
    contents = container.read(path, ("ensemble",))
    named, members = text_of(path), contents.sections.get("members")
    if not isinstance(members, list) or not members:
        raise damaged(named, "it has no members; expected at least one network")
    of: dict[str, dict[str, Array]] = {}  # by member
    for name, a in contents.tensors.items():
        of.setdefault(name.partition(".")[0], {})[name] = a
    mlps = []
    for i, section in enumerate(members):
        if not isinstance(section, dict) or set(section) != {"architecture"}:
            raise damaged(named, f"its member {i} is none; expected an architecture")
        mlps.append(network_of(named, section, of.pop(f"{i}", {}), f"{i}."))
    if of:
        left = sorted(name for group in of.values() for name in group)[:20]
        raise damaged(named, f"its tensors have {left}; expected those of members")
    try:
        return kind(mlps)
    except ValueError as error:
        raise damaged(named, f"its networks make no ensemble: {error}") from None
