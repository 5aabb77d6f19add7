# SPDX-License-Identifier: BSD-3-Clause
"""The scripts of examples/ as modules, so that a test can look at what they show."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

EXAMPLES = Path(__file__).parents[1] / "examples"


def example(name: str) -> ModuleType:
    """Import examples/NAME.py, once, under a name that hides no other module."""
    qualified = f"examples.{name}"
    if qualified not in sys.modules:
        spec = spec_from_file_location(qualified, EXAMPLES / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules[qualified] = module
    return sys.modules[qualified]
