# SPDX-License-Identifier: BSD-3-Clause
"""Gates and Boolean networks against the functions they stand for, on every row of their tables."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import deltarule as dr
from deltarule import construct
from deltarule.construct.expression import MAX_DEPTH

NOTES = "((A & ~X & Z) | (A & ~Y)) & ((X & Y) | ~(X & Z))"
NAMES = "abcd"


def fires(mlp: dr.MLP) -> list[int]:
    return mlp.predict(construct.all_inputs(mlp.layers[0]))[:, 0].astype(int).tolist()


def table(n: int, function: Any) -> list[int]:
    return [int(bool(function(*row))) for row in product([0, 1], repeat=n)]


def evaluated(text: str, names: str = NAMES) -> list[int]:
    """Python's own reading of the expression, which binds ~ & ^ | as ours does."""
    code = compile(text.replace("!", "~").replace("1", "True_").replace("0", "False_"), "", "eval")
    known = {"True_": -1, "False_": 0}
    rows = product([0, -1], repeat=len(names))  # -1 is all ones: ~ turns it into 0
    return [-eval(code, known | dict(zip(names, row, strict=True))) for row in rows]


def test_lunch() -> None:
    """Weather, food and dining dollars, w = 1, 1, 1: fires where their sum reaches b."""
    always, one, never = (construct.gate([1, 1, 1], b) for b in (0, 1, 4))
    assert fires(always) == [1] * 8
    assert fires(one) == [0] + [1] * 7
    assert fires(never) == [0] * 8
    np.testing.assert_array_equal(one.W[0], [[1, 1, 1, -1]])
    assert one.architecture.activations == ("threshold",)


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_gates(n: int, dtype: str) -> None:
    assert fires(construct.all_of(n, dtype=dtype)) == table(n, lambda *x: all(x))
    assert fires(construct.any_of(n, dtype=dtype)) == table(n, lambda *x: any(x))
    assert fires(construct.majority(n, dtype=dtype)) == table(n, lambda *x: sum(x) > n / 2)
    for k in range(n + 2):
        assert fires(construct.at_least(k, n, dtype)) == table(n, lambda *x, k=k: sum(x) >= k)


@given(st.integers(1, 6), st.sets(st.integers(0, 5)))
def test_generalised_gates(n: int, chosen: set[int]) -> None:
    negated = {i for i in chosen if i < n}

    def literals(x: tuple[int, ...]) -> list[int]:
        return [1 - bit if i in negated else bit for i, bit in enumerate(x)]

    assert fires(construct.all_of(n, negated)) == table(n, lambda *x: all(literals(x)))
    assert fires(construct.any_of(n, negated)) == table(n, lambda *x: any(literals(x)))


def test_not() -> None:
    assert fires(construct.all_of(1, [0])) == [1, 0]


def test_xor_has_two_hidden_units() -> None:
    for form in ("dnf", "cnf", "layers"):
        mlp = construct.boolean("x ^ y", form=form)
        assert mlp.layers == (2, 2, 1)
        assert fires(mlp) == [0, 1, 1, 0]


@pytest.mark.parametrize(
    ("form", "layers"), [("layers", (4, 4, 2, 1)), ("dnf", (4, 4, 1)), ("cnf", (4, 12, 1))]
)
def test_the_formula_of_the_notes(form: str, layers: tuple[int, ...], isa: str) -> None:
    mlp = construct.boolean(NOTES, form=form)
    assert mlp.layers == layers
    assert mlp.architecture.activations == ("threshold",) * (len(layers) - 1)
    expected = table(
        4,
        lambda a, x, y, z: ((a and not x and z) or (a and not y)) and ((x and y) or not (x and z)),
    )
    assert fires(mlp) == expected


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("form", ["dnf", "cnf"])
def test_every_table_of_up_to_three_inputs(n: int, form: str) -> None:
    for values in product([0, 1], repeat=2**n):
        mlp = construct.boolean(values, form=form)
        assert fires(mlp) == list(values)
        hidden = sum(values) if form == "dnf" else 2**n - sum(values)
        assert mlp.layers == (n, max(hidden, 1), 1)


@pytest.mark.parametrize("form", ["dnf", "cnf"])
@pytest.mark.parametrize("n", range(4, 13))
def test_random_tables_up_to_twelve_inputs(n: int, form: str, dtype: str) -> None:
    values = np.random.default_rng(n).integers(0, 2, 2**n)
    assert fires(construct.boolean(values, form=form, dtype=dtype)) == values.tolist()


# Not always in parentheses, so that what binds tighter is tested too.
EXPRESSIONS = st.recursive(
    st.sampled_from([*NAMES, "0", "1"]),
    lambda inner: (
        st.builds("{}{}{}".format, inner, st.sampled_from(["&", " | ", "^"]), inner)
        | st.builds("({} {} {})".format, inner, st.sampled_from("&|^"), inner)
        | st.builds("~{}".format, inner)
        | st.builds("!({})".format, inner)
    ),
    max_leaves=12,
)


@given(EXPRESSIONS, st.sampled_from(["dnf", "cnf", "layers"]))
def test_random_expressions_mean_what_python_means(text: str, form: str) -> None:
    assert fires(construct.boolean(text, tuple(NAMES), form)) == evaluated(text)


def test_spellings_and_names() -> None:
    assert fires(construct.boolean("¬x ∧ y ∨ x ⊕ 1")) == fires(construct.boolean("~x & y | x ^ 1"))
    swapped = construct.boolean("low & !high", ["high", "low"])
    assert fires(swapped) == [0, 1, 0, 0]
    assert construct.boolean("x_1 | _y2").layers[0] == 2


def test_mappings_are_tables() -> None:
    mapping = {(1, 0): True, (0, 1): 1, (1, 1): 0, (0, 0): False}
    assert fires(construct.boolean(mapping)) == [0, 1, 1, 0]
    assert fires(construct.boolean({0: 1, 1: 0})) == [1, 0]


def test_equal_gates_are_one_unit() -> None:
    mlp = construct.boolean("((a & b) | c) & (~(b & a) | d)", form="layers")
    assert mlp.layers == (4, 3, 2, 1)  # a & b once, c and d handed on


@pytest.mark.parametrize("n", range(1, 13))
@pytest.mark.parametrize("form", ["dnf", "one_layer", "tree"])
def test_parity_on_every_input(n: int, form: str, dtype: str) -> None:
    mlp = construct.parity(n, form, dtype)
    assert fires(mlp) == table(n, lambda *x: sum(x) % 2)
    units = sum(mlp.layers[1:])
    if form == "dnf":
        assert mlp.layers == (n, 2 ** (n - 1), 1)
    elif form == "one_layer":
        assert mlp.layers == (n, n, 1)
    elif n > 1:
        depth = int(np.ceil(np.log2(n)))
        assert len(mlp.layers) - 1 == 2 * depth
        assert 3 * (n - 1) <= units <= 3 * (n - 1) + 2 * depth
        assert units == 3 * (n - 1) or n & (n - 1)  # powers of two need nothing else


def test_parity_of_many_bits(rng: np.random.Generator) -> None:
    for n in (64, 100):
        X = rng.integers(0, 2, (500, n))
        for form in ("one_layer", "tree"):
            np.testing.assert_array_equal(
                construct.parity(n, form).predict(X)[:, 0], X.sum(axis=1) % 2
            )


def test_all_inputs_count() -> None:
    np.testing.assert_array_equal(construct.all_inputs(2), [[0, 0], [0, 1], [1, 0], [1, 1]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has the end at position 0; expected a name, 0, 1 or ("),
        ("a &", "has the end at position 3; expected a name, 0, 1 or ("),
        ("a b", "has 'b' at position 2; expected an operator or the end"),
        ("(a | b", "has the end at position 6; expected )"),
        ("a + b", "has '+' at position 2; expected a name, 0, 1, ! & ^ | or a parenthesis"),
        ("a | )", "has ')' at position 4; expected a name, 0, 1 or ("),
        ("a & 2", "has '2' at position 4; expected a name"),
        ("0 | 1", "has no variables"),
        ("(" * (MAX_DEPTH + 1) + "a", f"expected at most {MAX_DEPTH} parentheses"),
        ("__import__('os')", 'has "\'" at position 11'),
    ],
)
def test_what_is_no_expression(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"^expression: ") as caught:
        construct.boolean(text, None if "no var" in message else ("a", "b", "__import__"))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda c: c.boolean("a & b", ["a"]), ValueError, "variables: ['a']; expected 'b' too"),
        (lambda c: c.boolean("a", "a"), TypeError, "variables: 'a'"),
        (lambda c: c.boolean("a", ["a", "a"]), ValueError, "variables: ['a', 'a']"),
        (lambda c: c.boolean("a", ["a", "1"]), ValueError, "variables: '1'"),
        (lambda c: c.boolean([0, 1, 1]), ValueError, "function: shape (3,)"),
        (lambda c: c.boolean([1]), ValueError, "function: shape (1,)"),
        (lambda c: c.boolean([[0, 1], [1, 0]]), ValueError, "function: shape (2, 2)"),
        (lambda c: c.boolean([0, 2]), ValueError, "function: 2 among the values"),
        (lambda c: c.boolean([0, 1], form="layers"), ValueError, "form: 'layers' for a table"),
        (lambda c: c.boolean([0, 1], ["a"]), ValueError, "variables: given with a table"),
        (lambda c: c.boolean({(0, 0): 1}), ValueError, "function: a mapping of 1 keys"),
        (lambda c: c.boolean({(0,): 1, (2,): 1}), ValueError, "function: no value for (1,)"),
        (lambda c: c.boolean({}), ValueError, "function: a mapping of 0 keys"),
        (lambda c: c.boolean("a", form="tree"), ValueError, "form: 'tree'"),
        (lambda c: c.parity(0), ValueError, "n: 0"),
        (lambda c: c.parity(21, "dnf"), ValueError, "n: 21"),
        (lambda c: c.parity(3, "deep"), ValueError, "form: 'deep'"),
        (lambda c: c.all_of(2, [2]), ValueError, "negated: 2"),
        (lambda c: c.all_of(2, 0), TypeError, "negated: 0; expected input indices"),
        (lambda c: c.at_least(4, 2), ValueError, "k: 4"),
        (lambda c: c.gate([], 1), ValueError, "weights: shape (0,)"),
        (lambda c: c.gate([1, np.inf], 1), ValueError, "w: 1 of 3 are nan or infinity"),
        (lambda c: c.gate([1], np.nan), ValueError, "threshold: nan"),
        (lambda c: c.all_inputs(21), ValueError, "n: 21"),
    ],
)
def test_bad_arguments(call: Any, error: type, message: str) -> None:
    with pytest.raises(error) as caught:
        call(construct)
    assert str(caught.value).startswith(message)
