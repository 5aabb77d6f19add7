# SPDX-License-Identifier: BSD-3-Clause
"""The package as installed: version, contents, stub, instruction-set override, imports, digits."""

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

import deltarule as dr
from deltarule import _core
from deltarule.digits import load_digits


def run_python(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_version_is_the_installed_one() -> None:
    assert dr.__version__ == metadata.version("deltarule")


def test_public_names_exist() -> None:
    assert [name for name in dr.__all__ if not hasattr(dr, name)] == []


def test_stub_matches_the_module() -> None:
    pytest.importorskip("pybind11_stubgen")
    make_stub = pytest.importorskip("make_stub")
    fresh = make_stub.generate()
    assert fresh
    assert make_stub.stubs(make_stub.PACKAGE) == fresh, "run python scripts/make_stub.py"


def test_wheel_holds_the_package_only() -> None:
    files = [str(file) for file in metadata.files("deltarule") or []]
    if "deltarule/__init__.py" not in files:
        pytest.skip("an editable installation: the package is not a wheel's")
    package = {file for file in files if file.startswith("deltarule/")}
    assert {"deltarule/py.typed", "deltarule/data/README.md"} <= package
    assert {Path(file).suffix for file in package} <= {
        ".md", ".py", ".pyc", ".pyi", ".so", ".typed", ".zlib",
    }  # fmt: skip
    assert any(file.endswith("licenses/LICENSE") for file in files)


def test_licence_and_dependencies() -> None:
    about = metadata.metadata("deltarule")
    assert about["License-Expression"] == "BSD-3-Clause"
    runtime = [line for line in metadata.requires("deltarule") or [] if "extra ==" not in line]
    assert sorted(line.split(">")[0] for line in runtime) == ["numpy", "safetensors"]


@pytest.mark.parametrize("name", _core.available_isas())
def test_isa_override_takes_effect(name: str) -> None:
    run = run_python("from deltarule import _core; print(_core.isa())", DELTARULE_ISA=name)
    assert (run.stdout.strip(), run.stderr) == (name, "")


@pytest.mark.parametrize("call", ["info()", "MLP([2, 1]).predict([[0.0, 0.0]])"])
def test_unknown_isa_is_an_error(call: str) -> None:
    run = run_python(f"import deltarule; deltarule.{call}", DELTARULE_ISA="pentium")
    message = run.stderr.strip().splitlines()[-1]
    for part in ("ValueError: DELTARULE_ISA", "pentium", *_core.available_isas()):
        assert part in message


def test_import_brings_no_optional_dependency() -> None:
    program = "import sys, deltarule; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = set(run_python(program).stdout.split())
    assert "deltarule" in loaded
    optional = {"matplotlib", "mpmath", "onnx", "pyarrow", "pytest", "rich", "scipy", "sklearn"}
    optional |= {"pandas", "torch"}
    assert loaded & optional == set()


def test_import_leaves_subnormal_numbers_alone() -> None:
    program = "import deltarule, numpy as np; print(np.float32(1e-45) * np.float32(1) > 0)"
    assert run_python(program).stdout.strip() == "True"


def test_command_line_is_installed() -> None:
    (entry,) = metadata.entry_points(group="console_scripts", name="deltarule")
    assert callable(entry.load())


def test_digits() -> None:
    X, labels = load_digits()
    assert (X.shape, X.dtype) == ((1797, 64), np.float32)
    assert (labels.shape, labels.dtype) == ((1797,), np.int64)
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    counts = X * 16
    np.testing.assert_array_equal(counts, np.round(counts))
    # The sum and the first image, as scikit-learn's load_digits has them.
    assert (counts.min(), counts.max(), counts.sum()) == (0, 16, 561718)
    assert counts[0, :8].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]
