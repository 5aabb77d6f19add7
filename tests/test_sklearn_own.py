# SPDX-License-Identifier: BSD-3-Clause
"""scikit-learn's own tests of its multi-layer perceptron, read where they are installed, of ours.

Nothing of them is copied: the module's source is compiled with its import of the estimators
replaced, and its tests run here. Those that reach into private attributes are named below.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sklearn")
import sklearn.neural_network

# What each reaches for that is not ours to have.
PRIVATE = {
    "test_gradient": "calls _loss_grad_lbfgs, a private method",
}
IMPORT = "from sklearn.neural_network import MLPClassifier, MLPRegressor"
OURS = "from deltarule import MLPClassifier, MLPRegressor"


def _tests() -> dict[str, Any]:
    path = Path(sklearn.neural_network.__file__).parent / "tests" / "test_mlp.py"
    if not path.exists():
        pytest.skip("scikit-learn is installed without its tests", allow_module_level=True)
    source = path.read_text(encoding="utf-8")
    assert source.count(IMPORT) == 1
    found: dict[str, Any] = {"__name__": "sklearn_own"}
    exec(compile(source.replace(IMPORT, OURS), str(path), "exec"), found)
    return {name: test for name, test in found.items() if name.startswith("test_")}


@pytest.fixture
def global_random_seed() -> int:
    return 0


THEIRS = _tests()
globals().update({name: test for name, test in THEIRS.items() if name not in PRIVATE})


def test_exceptions_are_there() -> None:
    assert set(PRIVATE) <= set(THEIRS)
