# SPDX-License-Identifier: BSD-3-Clause
"""Changes operators, comparisons, conditions and numbers in python/deltarule, one at a time.

The tests of a mutant are those that run its line; of a line that runs on import, also those files
that are named as its folder or module, then those whose text has most of the names it defines.
Whatever they do not notice is printed: it lacks a test, or changes nothing that can be seen.
Needs the extra `dev`: coverage.py tells which tests run a line.

usage: python scripts/mutate_python.py [COUNT [SEED [PATTERN]]]   (of paths; 200, 0, all)
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mutation import ROOT, Mutant, copy_of_tree, passes, report, sample

AIM = 0.9
MOST_SECONDS = 40  # of tests, for one mutant
MOST_FILES, FEW_FILES = 12, 5
SHOWN = r"/(plot|bench)/|cli\.py|demo\.py|oracle/literal"  # not the front: pictures, timings
OTHERS: dict[type[ast.AST], str] = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
    ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in",  # codespell:ignore
    ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.FloorDiv: "/", ast.Mod: "*",
    ast.And: "or", ast.Or: "and",
}  # fmt: skip
SIGNS = r"<=|>=|==|!=|//|<|>|\+|-|\*|/|%|\bis\s+not\b|\bnot\s+in\b|\bis\b|\bin\b|\band\b|\bor\b"


def between(
    lines: list[str], left: ast.expr, right: ast.expr, text: str
) -> Iterator[tuple[int, int, int, str]]:
    """Yield the operator that stands between two operands on one line."""
    if left.end_lineno != right.lineno or left.end_col_offset is None:
        return
    line = lines[right.lineno - 1]
    begin = len(line.encode()[: left.end_col_offset].decode())
    end = len(line.encode()[: right.col_offset].decode())
    if found := re.search(SIGNS, line[begin:end]):
        yield right.lineno, begin + found.start(), begin + found.end(), text


def changes(tree: ast.Module, lines: list[str]) -> Iterator[tuple[int, int, int, str]]:
    """Yield line, columns and what may stand there instead."""
    texts = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
    notes = {
        id(part)
        for node in ast.walk(tree)
        for note in (getattr(node, "annotation", None), getattr(node, "returns", None))
        if note
        for part in ast.walk(note)
    }
    for node in ast.walk(tree):
        if id(node) in texts or id(node) in notes:
            continue
        if isinstance(node, ast.Compare):
            lefts = [node.left, *node.comparators]
            for left, how, right in zip(lefts, node.ops, node.comparators, strict=False):
                yield from between(lines, left, right, OTHERS[type(how)])
        elif isinstance(node, ast.BoolOp):
            for left, right in zip(node.values, node.values[1:], strict=False):
                yield from between(lines, left, right, OTHERS[type(node.op)])
        elif isinstance(node, ast.BinOp) and type(node.op) in OTHERS:
            yield from between(lines, node.left, node.right, OTHERS[type(node.op)])
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
            length = 4 if isinstance(node.op, ast.Not) else 1
            column = len(lines[node.lineno - 1].encode()[: node.col_offset].decode())
            yield node.lineno, column, column + length, ""
        elif isinstance(node, ast.Constant) and node.end_lineno == node.lineno:
            line = lines[node.lineno - 1].encode()
            begin = len(line[: node.col_offset].decode())
            end = len(line[: node.end_col_offset].decode())
            if isinstance(node.value, bool):
                yield node.lineno, begin, end, str(not node.value)
            elif isinstance(node.value, int):
                yield node.lineno, begin, end, str(node.value + 1)
            elif isinstance(node.value, float):
                yield node.lineno, begin, end, repr(node.value * 2 + 1)


def mutants(pattern: str) -> list[Mutant]:
    """Return all there are."""
    found = []
    for path in sorted((ROOT / "python" / "deltarule").rglob("*.py")):
        relative = path.relative_to(ROOT)
        if re.search(SHOWN, str(relative)) or not re.search(pattern, str(relative)):
            continue
        source = path.read_text()
        for line, begin, end, text in changes(ast.parse(source), source.split("\n")):
            found.append(Mutant(relative, line, begin, end, text))
    return found


def lines_of(path: Path, number: int) -> range:
    """Return the lines of the statement that has this one, up to its body."""
    found = range(number, number + 1)
    for node in ast.walk(ast.parse((ROOT / path).read_text())):  # inner ones come later
        if isinstance(node, ast.stmt) and node.lineno <= number <= (node.end_lineno or 0):
            body = getattr(node, "body", None)
            last = max(body[0].lineno - 1, node.lineno) if body else node.end_lineno
            found = range(node.lineno, (last or number) + 1) if number <= (last or 0) else found
    return found


def by_name(path: Path, sources: dict[str, str]) -> list[str]:
    """Return the files of tests that name the folder, the module or what it defines, most first."""
    names = {path.stem} - {"__init__"}
    for node in ast.parse((ROOT / path).read_text()).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            names.add(node.name)
    pattern = re.compile(rf"\b({'|'.join(map(re.escape, sorted(names)))})\b")

    def weight(test: str) -> float:
        own = Path(test).stem.removeprefix("test_") in names
        folder = path.parent.name.removesuffix("s") in test  # tests/test_estimator_inputs.py
        return 10_000 * folder + 1000 * own + len(set(pattern.findall(sources[test])))

    ranked = sorted(sources, key=weight, reverse=True)
    return [test for test in ranked if weight(test)][:MOST_FILES]


def on_import(path: Path, number: int) -> bool:
    """Whether the line is of no function's body: it runs once, in whichever test is first."""
    return not any(
        node.body[0].lineno <= number <= (node.end_lineno or 0)
        for node in ast.walk(ast.parse((ROOT / path).read_text()))
        if isinstance(node, ast.FunctionDef)
    )


TRACER = """
import json
import coverage

took = {}

def pytest_runtest_setup(item):
    coverage.Coverage.current().switch_context(item.nodeid.partition("[")[0])

def pytest_runtest_logreport(report):
    name = report.nodeid.partition("[")[0]
    seconds, failed = took.get(name, (0.0, False))
    took[name] = seconds + report.duration, failed or report.failed

def pytest_sessionfinish():
    with open("took.json", "w") as file:
        json.dump(took, file)
"""


class Traced:
    """One run of all tests: which of them ran each line, and how long they took."""

    def __init__(self, tree: Path) -> None:
        from coverage import CoverageData

        (tree / "tracer.py").write_text(TRACER)
        (tree / "coverage.ini").write_text(
            "[run]\nsource = python/deltarule\nomit = */oracle/literal*\ndata_file = covered\n"
        )
        told = [sys.executable, "-m", "coverage", "run", "--rcfile=coverage.ini", "-m", "pytest"]
        told += ["-q", "-p", "no:cacheprovider", "-p", "tracer"]
        told += ["--continue-on-collection-errors", "tests"]
        environment = {**os.environ, "PYTHONPATH": f"{tree / 'python'}{os.pathsep}{tree}"}
        subprocess.run(told, cwd=tree, env=environment, capture_output=True, check=False)
        self.data, self.tree = CoverageData(str(tree / "covered")), tree
        self.data.read()
        took = json.loads((tree / "took.json").read_text())
        self.seconds = {name: seconds for name, (seconds, _) in took.items()}
        self.failed = {name for name, (_, failed) in took.items() if failed}  # say nothing
        self.files = {
            f"tests/{path.name}": path.read_text() for path in (tree / "tests").glob("test_*.py")
        }

    def stages(self, mutant: Mutant) -> Iterator[list[str]]:
        """Yield the tests that ran its line, the shortest first: of a few files, then of all."""
        named = by_name(mutant.path, self.files)
        contexts = self.data.contexts_by_lineno(str(self.tree / mutant.path))
        names = {
            name for line in lines_of(mutant.path, mutant.line) for name in contexts.get(line, ())
        }
        names &= self.seconds.keys() - self.failed
        found, total = [], 0.0
        for name in sorted(names, key=lambda name: self.seconds[name]):
            total += self.seconds[name]
            if total > MOST_SECONDS:
                break
            found.append(name)
        if not found or on_import(mutant.path, mutant.line):
            yield [*named, *(f"--deselect={name}" for name in sorted(self.failed))]
            near = set(named)
        else:
            near = set(named[:FEW_FILES])
            yield [name for name in found if name.partition("::")[0] in near]
        yield [name for name in found if name.partition("::")[0] not in near]


def main() -> int:
    """Mutant by mutant."""
    count, seed, pattern = (*sys.argv[1:], *("200", "0", "")[len(sys.argv) - 1 :])
    chosen = sample(mutants(pattern), int(count), int(seed))
    with tempfile.TemporaryDirectory() as folder:
        tree = copy_of_tree(Path(folder).resolve())
        traced = Traced(tree)
        print(f"{len(traced.seconds)} tests, {len(traced.failed)} fail anyway", flush=True)

        def judge(mutant: Mutant) -> str:
            held = all(passes(tree, tests) for tests in traced.stages(mutant) if tests)
            return "survived" if held else "killed"

        return report(chosen, tree, judge, AIM)


if __name__ == "__main__":
    sys.exit(main())
