# SPDX-License-Identifier: BSD-3-Clause
"""Changes signs, bounds, indices in csrc/kernels and csrc/trainer, one at a time, and runs tests.

Each mutant's unit is compiled anew, with one instruction set at -O1. One that does not compile, or
compiles to the same instructions, is none. Of the others, whatever the tests do not notice is
printed: it lacks a test, or changes nothing that can be seen.

usage: python scripts/mutate_native.py [COUNT [SEED [PATTERN]]]   (of paths; 200, 0, all)
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mutation import ROOT, Mutant, copy_of_tree, passes, report, sample

AIM = 0.95
# What stands for what: a pattern, and its replacements.
CHANGES = [
    (r" \+ ", [" - "]), (r" - ", [" + "]), (r" \* ", [" / "]), (r" / ", [" * "]),
    (r" \+= ", [" -= "]), (r" -= ", [" += "]), (r"(?<=[(,=?:] )-(?=[\w(])", [""]),
    (r" < ", [" <= "]), (r" <= ", [" < "]), (r" > ", [" >= "]), (r" >= ", [" > "]),
    (r" == ", [" != "]), (r" != ", [" == "]), (r" && ", [" || "]), (r" \|\| ", [" && "]),
    (r"\bstd::min\b", ["std::max"]), (r"\bstd::max\b", ["std::min"]),
    (r"\btrue\b", ["false"]), (r"\bfalse\b", ["true"]),
    (r"(?<=\[)[a-z]\w*(?=\])", [r"\g<0> + 1"]),
    (r"(?<![\w.])0(?![\w.])", ["1"]), (r"(?<![\w.])1(?![\w.])", ["0", "2"]),
    (r"(?<![\w.])[2-9]\d*(?![\w.])", [r"(\g<0> - 1)"]),
]  # fmt: skip
FLAGS = [
    "-std=c++20", "-fPIC", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math",
    "-fvisibility=hidden", "-fopenmp", "-O1", "-w", "-I.",
]  # fmt: skip
# Every test of what the core computes; those that notice most things soonest come first.
FIRST = ["kernels", "contract", "trainer", "elementary", "predict", "optimizers", "limits"]
THEN = [
    "losses", "activations", "dropout", "sparsity", "weights", "random", "api", "inputs",
    "oracle_training", "given_loss", "epoch_in_parts", "penalty_over", "targets", "step_losses",
    "phases", "float_environment",
]  # fmt: skip
TIMED = ["interrupt", "resilience", "many_epochs", "containers"]  # a busy machine may fail one once


def mutants(pattern: str) -> list[Mutant]:
    """Return all there are, comments, preprocessor and assertions left alone."""
    found = []
    for folder in ("kernels", "trainer"):
        for path in sorted((ROOT / "csrc" / folder).rglob("*.?pp")):
            relative = path.relative_to(ROOT)
            if not re.search(pattern, str(relative)):
                continue
            for number, line in enumerate(path.read_text().split("\n"), 1):
                code = re.sub(r'"[^"]*"', lambda text: "_" * len(text[0]), line.split("//")[0])
                if re.match(r"\s*(#|static_assert|template|using|namespace)", code):
                    continue
                for what, others in CHANGES:
                    for match in re.finditer(what, code):
                        for other in others:
                            text = match.expand(other)
                            found.append(Mutant(relative, number, *match.span(), text))
    return found


class Build:
    """The extension module of a copy of the tree, unit by unit."""

    def __init__(self, tree: Path) -> None:
        import pybind11

        self.csrc, self.objects = tree / "csrc", tree / "objects"
        self.objects.mkdir()
        self.includes = ["-isystem", pybind11.get_include(), *self.python_includes()]
        [self.module] = (tree / "python" / "deltarule").glob("_core*.so")
        units = ["kernels/kernels.cpp", "kernels/dispatch.cpp"]
        for folder in ("trainer", "binding"):
            units += [f"{folder}/{path.name}" for path in (self.csrc / folder).glob("*.cpp")]
        self.units = sorted(units)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            built = list(pool.map(self.compile, self.units))
        assert all(built)
        self.depends = {unit: self.object(unit).with_suffix(".d").read_text() for unit in units}
        self.own = {unit: self.object(unit).read_bytes() for unit in units}

    @staticmethod
    def python_includes() -> list[str]:
        """Return where Python.h lies."""
        import sysconfig

        return ["-isystem", sysconfig.get_paths()["include"]]

    def object(self, unit: str) -> Path:
        """Return its place."""
        return self.objects / (unit.replace("/", "_").removesuffix(".cpp") + ".o")

    def compile(self, unit: str) -> bool:
        """Compile it; return whether that could be done."""
        flags = [*FLAGS, "-MMD", "-ffile-prefix-map=" + str(self.csrc) + "=."]
        if unit == "kernels/kernels.cpp":
            simd = ["-mavx2", "-mfma"] if os.uname().machine == "x86_64" else []
            flags += ["-fno-exceptions", "-DKERNEL_ISA=generic", *simd]
        told = [os.environ.get("CXX", "g++"), *flags, *self.includes, "-c", unit]
        told += ["-o", str(self.object(unit))]
        return subprocess.run(told, cwd=self.csrc, capture_output=True, check=False).returncode == 0

    def changed(self, units: list[str]) -> bool:
        """Whether some object is another than without a mutant."""
        return any(self.object(unit).read_bytes() != self.own[unit] for unit in units)

    def restore(self, units: list[str]) -> None:
        """Put the objects without any mutant back."""
        for unit in units:
            self.object(unit).write_bytes(self.own[unit])

    def affected(self, path: Path) -> list[str]:
        """Return the units that a file is part of."""
        name = str(path.relative_to("csrc"))
        return [
            unit
            for unit in self.units
            if re.search(rf"[\s/]{re.escape(name)}\b", self.depends[unit])
        ]

    def link(self) -> None:
        """Put the module in its place."""
        told = ["g++", "-shared", "-fopenmp", *(str(self.object(unit)) for unit in self.units)]
        self.module.unlink(missing_ok=True)
        subprocess.run([*told, "-o", str(self.module)], check=True)


def main() -> int:
    """Build once, then mutant by mutant."""
    count, seed = (int(text) for text in (*sys.argv[1:3], "200", "0")[:2])
    if len(sys.argv) == 2:
        seed = 0
    chosen = sample(mutants(sys.argv[3] if len(sys.argv) > 3 else ""), count, seed)
    with tempfile.TemporaryDirectory() as folder:
        tree = copy_of_tree(Path(folder))
        build = Build(tree)
        build.link()
        tests, timed = (
            [f"tests/test_{name}.py" for name in names] for names in (FIRST + THEN, TIMED)
        )

        def unnoticed(told: bool = False) -> bool:
            return passes(tree, tests, told) and (passes(tree, timed) or passes(tree, timed, told))

        if not unnoticed(told=True):
            print("mutate_native: the tests fail without any change")
            return 1

        def judge(mutant: Mutant) -> str:
            units = build.affected(mutant.path)
            try:
                if not all(build.compile(unit) for unit in units):
                    return "does not compile"
                if not build.changed(units):
                    return "same instructions"
                build.link()
                return "survived" if unnoticed() else "killed"
            finally:
                build.restore(units)

        return report(chosen, tree, judge, AIM)


if __name__ == "__main__":
    sys.exit(main())
