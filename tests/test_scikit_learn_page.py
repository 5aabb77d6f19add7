# SPDX-License-Identifier: BSD-3-Clause
"""docs/scikit_learn.md lists every parameter, method and attribute, with its default."""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn import neural_network

import deltarule as dr

PAGE = (Path(__file__).parents[1] / "docs" / "scikit_learn.md").read_text(encoding="utf-8")
NAMES = ("MLPClassifier", "MLPRegressor")
KINDS = {"classifier": "MLPClassifier", "regressor": "MLPRegressor"}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def tables(head):
    """The cells of all tables whose first column is so called."""
    found = []
    for table in re.findall(rf"^\| {head} \|.*\n\|[-|]+\|\n((?:\|.*\|\n)+)", PAGE, re.MULTILINE):
        found.append([[cell.strip() for cell in row.split(" | ")] for row in table.splitlines()])
    return found


def listed(rows, name):
    """From parameter to default, of the rows that speak of this estimator."""
    found = {}
    for cells in rows:
        parameter, kind = re.fullmatch(r"\| `(\w+)`(?: \((\w+)\))?", cells[0]).groups()
        if kind is None or KINDS[kind] == name:
            found[parameter] = eval(cells[1].strip("`"))
    return found


def defaults(cls):
    parameters = inspect.signature(cls).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters}


@pytest.mark.parametrize("name", NAMES)
def test_parameters(name):
    ours, theirs = defaults(getattr(dr, name)), defaults(getattr(neural_network, name))
    inherited, further = (listed(rows, name) for rows in tables("parameter"))
    assert inherited == theirs
    assert inherited | further == ours
    assert list(inherited) == list(theirs) == list(ours)[: len(theirs)]
    for parameter in inspect.signature(getattr(dr, name)).parameters.values():
        assert parameter.name not in further or parameter.kind is parameter.KEYWORD_ONLY


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_attributes_and_methods(name, solver):
    X, y = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 3
    ours, theirs = (
        getattr(module, name)(
            solver=solver, max_iter=3, early_stopping=solver == "sgd", random_state=0
        ).fit(X, y)
        for module in (dr, neural_network)
    )
    public = {word for word in dir(theirs) if not word.startswith("_")}
    if solver == "lbfgs":
        public -= {"partial_fit"}  # scikit-learn's regressor shows it
    assert public - set(dir(ours)) == set()
    for word in public:
        if word.endswith("_"):
            assert isinstance(getattr(theirs, word), type(getattr(ours, word))), word
    names = re.findall(r"^\| `(\w+)", PAGE[PAGE.index("## Methods") :], re.MULTILINE)
    further = {word for word in dir(ours) if not word.startswith("_")} - public
    assert further <= set(names) | set(defaults(type(ours)))


def test_names_of_the_page():
    solvers = re.findall(r'"(\w+)"', re.search(r"^\| `solver` .*$", PAGE, re.MULTILINE)[0])
    for solver in solvers:
        dr.MLPRegressor(hidden_layer_sizes=(2,), solver=solver, max_iter=1).fit(
            [[0.0], [1.0]] * 4, [0.0, 1.0] * 4
        )
    assert len(solvers) == 10
