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
    named, members, left = text_of(path), contents.sections.get("members"), dict(contents.tensors)
    if not isinstance(members, list) or not members:
        raise damaged(named, "it has no members; expected at least one network")
    mlps = []
    for i, section in enumerate(members):
        if not isinstance(section, dict) or set(section) != {"architecture"}:
            raise damaged(named, f"its member {i} is none; expected an architecture")
        own = {name: a for name, a in left.items() if name.startswith(f"{i}.")}
        mlps.append(network_of(named, section, own, f"{i}."))
        left = {name: a for name, a in left.items() if name not in own}
    if left:
        raise damaged(named, f"its tensors have {sorted(left)[:20]}; expected those of members")
    try:
        return kind(mlps)
    except ValueError as error:
        raise damaged(named, f"its networks make no ensemble: {error}") from None
