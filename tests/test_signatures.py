# SPDX-License-Identifier: BSD-3-Clause
"""What is public keeps the order and the defaults of its arguments: fixtures/signatures.txt.

python tests/test_signatures.py records them anew, after a change that was meant.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import deltarule as dr

RECORDED = Path(__file__).with_name("fixtures") / "signatures.txt"


def arguments(value: Any) -> str:
    """(a, b=3, *, c=None)."""
    signature = inspect.signature(value)
    bare = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    return str(signature.replace(parameters=bare, return_annotation=signature.empty))


def lines(space: ModuleType, name: str) -> Iterator[str]:
    """What is public in a module and in the modules that are; of a class, the inherited too."""
    for key in sorted(space.__all__):
        value, path = getattr(space, key), f"{name}.{key}"
        if isinstance(value, ModuleType):
            if hasattr(value, "__all__") and key != "literal":  # not the oracle's equations
                yield from lines(value, path)
        elif callable(value) and not (inspect.isclass(value) and issubclass(value, BaseException)):
            yield f"{path}{arguments(value)}"
            for method in sorted(set(dir(value)) if inspect.isclass(value) else ()):
                given = getattr(value, method)
                ours = str(getattr(given, "__module__", "")).startswith("deltarule")
                if ours and inspect.isroutine(given) and not method.startswith("_"):
                    yield f"{path}.{method}{arguments(given)}"


def test_no_argument_changed() -> None:
    recorded = RECORDED.read_text(encoding="utf-8").splitlines()
    found = list(lines(dr, "deltarule"))
    assert len(found) > 100
    assert sorted(set(found) ^ set(recorded)) == []
    assert found == recorded


if __name__ == "__main__":
    RECORDED.write_text("\n".join(lines(dr, "deltarule")) + "\n", encoding="utf-8")
