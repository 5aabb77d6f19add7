# SPDX-License-Identifier: BSD-3-Clause
"""The table of bad inputs: what is given, which exception, which words of its message.

The network of X and Y here has 4 inputs and 3 softmax outputs under cross-entropy, float32; there
are 12 rows. A case for X goes to every method that takes X, and so on.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

N, INPUTS, OUTPUTS = 12, 4, 3


class Case(NamedTuple):
    name: str
    make: Callable[[], Any]
    error: type[Exception]
    message: str  # a regular expression


def features() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(N, INPUTS)).astype(np.float32)


def labels() -> np.ndarray:
    return np.arange(N) % OUTPUTS


def one_hot() -> np.ndarray:
    return np.eye(OUTPUTS)[labels()]


def with_value(array: np.ndarray, index: Any, value: Any) -> np.ndarray:
    changed = array.copy()
    changed[index] = value
    return changed


class Foreign:
    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        raise RuntimeError("on another device")


class Sparse:
    def toarray(self) -> np.ndarray:
        return features()


BAD_X = [
    Case("one sample", lambda: features()[0], ValueError,
         r"X: shape \(4,\); expected \(n, 4\).*X\[None"),
    Case("vector", lambda: np.zeros(7), ValueError, r"X: shape \(7,\); expected \(n, 4\)"),
    Case("three axes", lambda: np.zeros((2, 3, 4)), ValueError, r"X: shape \(2, 3, 4\)"),
    Case("few columns", lambda: features()[:, :3], ValueError,
         r"X: shape \(12, 3\); expected \(n, 4\)"),
    Case("many columns", lambda: np.zeros((N, 5)), ValueError,
         r"X: shape \(12, 5\); expected \(n, 4\)"),
    Case("no rows", lambda: np.zeros((0, 4)), ValueError, r"X: shape \(0, 4\); .*at least one row"),
    Case("empty list", list, ValueError, r"X: shape \(0,\)"),
    Case("no columns", lambda: np.zeros((N, 0)), ValueError, r"X: shape \(12, 0\)"),
    Case("scalar", lambda: 3.0, ValueError, r"X: shape \(\)"),
    Case("ragged", lambda: [[1, 2, 3, 4], [1, 2]], ValueError, "X: rows of differing lengths"),
    Case("complex", lambda: features() + 1j, TypeError, "X: dtype complex"),
    Case("strings", lambda: features().astype(str), TypeError, "X: dtype <U.*real numbers"),
    Case("bytes", lambda: features().astype(bytes), TypeError, r"X: dtype \|S"),
    Case("dates", lambda: np.zeros((N, 4), "M8[s]"), TypeError, "X: dtype datetime64"),
    Case("durations", lambda: np.zeros((N, 4), "m8[s]"), TypeError, "X: dtype timedelta64"),
    Case("records", lambda: np.zeros((N, 4), "i4,f4"), TypeError, "X: dtype "),
    Case("None", lambda: None, TypeError, "X: None of type NoneType"),
    Case("a None inside", lambda: [[1, 2, 3, 4], [1, None, 3, 4]], TypeError,
         "X: row 1 holds None"),
    Case("text inside", lambda: with_value(features().astype(object), (7, 2), "1.5"), TypeError,
         "X: row 7 holds '1.5' of type str"),
    Case("complex inside", lambda: with_value(features().astype(object), (2, 2), 1j), TypeError,
         "X: row 2 holds 1j"),
    Case("dicts inside", lambda: np.full((N, 4), {}, object), TypeError, "X: objects"),
    Case("huge integers", lambda: [[10**400, 0, 0, 0]], TypeError, "X: objects.*too large"),
    Case("dict", lambda: {"a": 1}, TypeError, "X: .* of type dict"),
    Case("generator", lambda: (row for row in features()), TypeError, "X: .*generator"),
    Case("sparse", Sparse, TypeError, r"X: .*toarray\(\)"),
    Case("foreign", Foreign, TypeError, "X: .*another device"),
    Case("masked", lambda: np.ma.masked_greater(features(), 1.0), ValueError, r"X: \d+ masked"),
    Case("nan", lambda: with_value(features(), (5, 1), np.nan), ValueError,
         "X: row 5 holds nan or infinity .*finite"),
    Case("infinity", lambda: with_value(features(), (11, 3), -np.inf), ValueError,
         "X: row 11 holds"),
    Case("nan in a list", lambda: with_value(features(), (1, 2), np.nan).tolist(), ValueError,
         "X: row 1 holds"),
    Case("beyond float32", lambda: with_value(np.zeros((N, 4)), (3, 0), 1e39), ValueError,
         r"X: row 3 holds .*float32"),
    Case("beyond float64", lambda: with_value(np.zeros((N, 4), "g"), 2, np.longdouble("1e400")),
         ValueError, "X: row 2 holds"),
]  # fmt: skip

BAD_Y = [
    Case("float labels", lambda: labels().astype(float), TypeError,
         r"Y: shape \(12,\) of float64; expected integer labels"),
    Case("float16 labels", lambda: labels().astype(np.float16), TypeError, "Y: .*integer labels"),
    Case("label list of floats", lambda: [0.0, 1.0, 2.0] * 4, TypeError, "Y: .*integer labels"),
    Case("text labels", lambda: ["a"] * N, TypeError, "Y: dtype <U1"),
    Case("complex", lambda: one_hot() * 1j, TypeError, "Y: dtype complex"),
    Case("None", lambda: None, TypeError, "Y: None"),
    Case("label too large", lambda: with_value(labels(), 3, 3), ValueError,
         r"Y: row 3 holds label 3; expected 0 \.\.\. 2"),
    Case("label negative", lambda: with_value(labels(), 7, -1), ValueError,
         "Y: row 7 holds label -1"),
    Case("label beyond int64", lambda: with_value(labels().astype(np.uint64), 2, 2**63), ValueError,
         "Y: row 2 holds label 9223372036854775808"),
    Case("labels in a column", lambda: labels()[:, None], ValueError,
         r"Y: shape \(12, 1\); expected integer labels \(n,\) or targets \(n, 3\)"),
    Case("few columns", lambda: one_hot()[:, :2], ValueError,
         r"Y: shape \(12, 2\); expected .*\(n, 3\)"),
    Case("three axes", lambda: np.zeros((N, 3, 1)), ValueError, r"Y: shape \(12, 3, 1\)"),
    Case("scalar", lambda: 1, ValueError, r"Y: shape \(\)"),
    Case("no rows", lambda: np.zeros((0, 3)), ValueError, r"Y: shape \(0, 3\)"),
    Case("row missing", lambda: labels()[1:], ValueError,
         r"(X, Y: shapes \(12, 4\) and \(11,\)|Y: 11 rows)"),
    Case("row too many", lambda: np.zeros((N + 1, 3)), ValueError,
         r"(X, Y: shapes \(12, 4\) and \(13, 3\)|Y: 13 rows)"),
    Case("nan", lambda: with_value(one_hot(), (4, 0), np.nan), ValueError, "Y: row 4 holds"),
    Case("infinity", lambda: with_value(one_hot(), (4, 0), np.inf), ValueError, "Y: row 4 holds"),
    Case("above 1", lambda: with_value(one_hot(), (6, 1), 1.5), ValueError,
         r"Y: row 6 holds a value outside \[0, 1\]; expected probabilities"),
    Case("below 0", lambda: with_value(one_hot(), (6, 1), -0.25), ValueError,
         "Y: row 6 holds a value"),
    Case("masked", lambda: np.ma.masked_equal(labels(), 1), ValueError, "Y: 4 masked entries"),
]  # fmt: skip

BAD_ORDER = [
    Case("empty", list, ValueError, r"order: shape \(0,\)"),
    Case("empty array", lambda: np.zeros(0, np.int64), ValueError, r"order: shape \(0,\)"),
    Case("two axes", lambda: [[0, 1]], ValueError, r"order: shape \(1, 2\)"),
    Case("scalar", lambda: 3, ValueError, r"order: shape \(\)"),
    Case("floats", lambda: [0.0, 1.0], TypeError, "order: dtype float64; expected integers"),
    Case("mask", lambda: np.ones(N, bool), TypeError, "order: a mask.*flatnonzero"),
    Case("text", lambda: ["0", "1"], TypeError, "order: dtype <U1"),
    Case("None inside", lambda: [0, None], TypeError, r"order\[1\]: None"),
    Case("iterator", lambda: iter([0, 1]), TypeError, "order: .*expected a sequence"),
    Case("negative", lambda: [0, 1, -1], ValueError, r"order: .*-1 at position 2.* 0 \.\.\. 11"),
    Case("too large", lambda: np.array([0, N]), ValueError,
         r"order: .*12 at position 1.* 0 \.\.\. 11"),
    Case("too large unsigned", lambda: np.array([0, 2**64 - 1], np.uint64), ValueError,
         "order: .*18446744073709551615 at position 1"),
    Case("beyond 64 bits", lambda: [0, 10**30], ValueError, r"order: row 10+ at position 1; .*11"),
    Case("negative objects", lambda: np.array([0, -1], object), ValueError,
         r"order: row -1 at position 1; expected 0 \.\.\. 11"),
    Case("ragged", lambda: [[0, 1], [2]], ValueError, "order: .*expected a sequence of row"),
    Case("masked", lambda: np.ma.masked_equal(np.arange(N), 3), ValueError,
         "order: 1 masked entries; expected none"),
]  # fmt: skip

BAD_W = [
    Case("short", lambda: np.zeros(5), ValueError, r"w: shape \(5,\); expected \(43,\)"),
    Case("two axes", lambda: np.zeros((43, 1)), ValueError, r"w: shape \(43, 1\)"),
    Case("nan", lambda: np.full(43, np.nan), ValueError, "w: 43 of 43 are nan or infinity"),
    Case("beyond float32", lambda: np.full(43, 1e39), ValueError, "w: 43 of 43 .* as float32"),
    Case("complex", lambda: np.zeros(43, complex), TypeError, "w: dtype complex128"),
    Case("text", lambda: "weights", TypeError, "w: dtype <U7"),
    Case("None", lambda: None, TypeError, "w: dtype object"),
    Case(
        "masked",
        lambda: np.ma.masked_less(np.arange(43.0), 2),
        ValueError,
        "w: 2 masked entries; expected none",
    ),
]

BAD_MATRICES = [
    Case("one missing", lambda: [np.zeros((5, 5))], ValueError, "W: 1 matrices; expected 2"),
    Case("no bias", lambda: [np.zeros((5, 4)), np.zeros((3, 6))], ValueError,
         r"W\[0\]: shape \(5, 4\); expected \(5, 5\)"),
    Case("nan", lambda: [np.zeros((5, 5)), np.full((3, 6), np.nan)], ValueError,
         "W: 18 of 43 are nan or infinity"),
    Case("no sequence", lambda: 3, TypeError, "W: 3 of type int"),
    Case("masked", lambda: [np.zeros((5, 5)), np.ma.masked_equal(np.zeros((3, 6)), 0)], ValueError,
         r"W\[1\]: 18 masked entries"),
]  # fmt: skip

# Keyword arguments of fit; those of Trainer are among them.
BAD_SETTINGS = [
    ({"epochs": 0}, ValueError, "epochs: 0; expected an integer >= 1"),
    ({"epochs": -1}, ValueError, "epochs: -1"),
    ({"epochs": 2.0}, TypeError, "epochs: 2.0 of type float"),
    ({"epochs": True}, TypeError, "epochs: True"),
    ({"epochs": 10**30}, ValueError, "epochs: .*expected an integer <="),
    ({"batch_size": 0}, ValueError, "batch_size: 0; expected an integer >= 1"),
    ({"batch_size": -32}, ValueError, "batch_size: -32"),
    ({"batch_size": 32.0}, TypeError, "batch_size: 32.0"),
    ({"batch_size": "all"}, TypeError, "batch_size: 'all'"),
    ({"batch_size": False}, TypeError, "batch_size: False"),
    ({"batch_size": 2**63}, ValueError, "batch_size: 9223372036854775808"),
    ({"n_threads": 0}, ValueError, "n_threads: 0; expected an integer >= 1"),
    ({"n_threads": -1}, ValueError, "n_threads: -1"),
    ({"n_threads": 1.5}, TypeError, "n_threads: 1.5"),
    ({"n_threads": True}, TypeError, "n_threads: True"),
    ({"n_threads": 10**6}, ValueError, "n_threads: 1000000; expected an integer <= 1024"),
    ({"seed": -1}, ValueError, "seed: -1"),
    ({"seed": 1.5}, TypeError, "seed: 1.5"),
    ({"seed": "a"}, TypeError, "seed: 'a'"),
    ({"seed": True}, TypeError, "seed: True"),
    ({"shuffle": 1}, TypeError, "shuffle: 1 of type int; expected True or False"),
    ({"progress": "yes"}, TypeError, "progress: 'yes'"),
    ({"optimizer": "adam"}, TypeError, "optimizer: 'adam'"),
    ({"optimizer": 0.1}, TypeError, "optimizer: 0.1"),
    ({"validation": 3}, TypeError, r"validation: 3 of type int; expected a pair \(X, Y\)"),
    ({"validation": (1, 2, 3, 4)}, TypeError, "validation: "),
    ({"validation": (np.zeros((2, 3)), np.zeros(2, int))}, ValueError,
     r"validation X: shape \(2, 3\); expected \(n, 4\)"),
    ({"validation": (np.zeros((2, 4)), np.zeros(3, int))}, ValueError,
     r"validation X, validation Y: shapes \(2, 4\) and \(3,\)"),
    ({"validation": (np.zeros((2, 4)), np.zeros(2))}, TypeError, "validation Y: .*integer labels"),
    ({"validation": (np.full((2, 4), np.nan), np.zeros(2, int))}, ValueError,
     "validation X: row 0 holds nan or infinity"),
    ({"validation": (np.zeros((2, 4)), np.array([0, 3]))}, ValueError,
     "validation Y: row 1 holds label 3"),
    ({"validation": (np.zeros((2, 4)), np.full((2, 3), 1.5))}, ValueError,
     r"validation Y: row 0 holds a value outside \[0, 1\]"),
    ({"stop_tol": -1e-300}, ValueError, "stop_tol: -1e-300; expected a number >= 0 or None"),
    ({"stop_tol": float("nan")}, ValueError, "stop_tol: nan"),
    ({"stop_tol": float("inf")}, ValueError, "stop_tol: inf"),
    ({"stop_tol": "1e-3"}, TypeError, "stop_tol: '1e-3' of type str"),
    ({"stop_tol": True}, TypeError, "stop_tol: True"),
    ({"stop_tol": [1e-3]}, TypeError, "stop_tol: "),
    ({"record": "loss"}, ValueError, "record: 'loss'; expected 'gradient_norm' or 'saturation'"),
    ({"record": ("saturation", "norm")}, ValueError, "record: 'norm'"),
    ({"record": ("saturation", 3)}, TypeError, "record: 3 of type int"),
    ({"record": 3}, TypeError, "record: 3 of type int; expected None, a name or"),
    ({"record": True}, TypeError, "record: True"),
]  # fmt: skip

BAD_NETWORKS = [
    (([4],), {}, ValueError, r"layers: \[4\]"),
    (([],), {}, ValueError, r"layers: \[\]"),
    (([4, 0, 3],), {}, ValueError, r"layers\[1\]: 0; expected an integer >= 1"),
    (([4, -5, 3],), {}, ValueError, r"layers\[1\]: -5"),
    (([4, 5.0, 3],), {}, TypeError, r"layers\[1\]: 5.0"),
    (([4, True],), {}, TypeError, r"layers\[1\]: True"),
    (("4-5-3",), {}, TypeError, "layers: '4-5-3'"),
    ((4,), {}, TypeError, "layers: 4"),
    (([2**30, 2**30],), {}, ValueError, "layers: .*bytes"),
    (([2**31 - 512, 1],), {}, ValueError, r"layers: \[2147483136, 1\]; expected .*2147483135"),
    (([2**62, 2**62, 2**62],), {}, ValueError, "layers: .*2147483135"),
    (([4, 5, 3], "sigmoid"), {}, ValueError, "activation: 'sigmoid'; expected one of identity, "),
    (([4, 5, 3], ["relu", "relu"]), {}, ValueError, "activation: 2 names for the 1 hidden"),
    (([4, 5, 3], ["step"]), {}, ValueError, r"activation\[0\]: 'step'"),
    (([4, 5, 3], 3), {}, TypeError, "activation: 3"),
    (([4, 5, 3],), {"output": "argmax"}, ValueError, "output: 'argmax'"),
    (([4, 5, 3],), {"output": "logistic", "loss": "cross_entropy"}, ValueError,
     "output: 'logistic'; expected 'softmax' for .*cross_entropy"),
    (([4, 5, 3],), {"output": "identity", "loss": "binary_cross_entropy"}, ValueError,
     "output: 'identity'; expected 'logistic' or 'softmax'"),
    (([4, 1],), {"loss": "cross_entropy"}, ValueError, "at least 2 units for softmax"),
    (([4, 1, 2], "softmax"), {}, ValueError, r"layers\[1\]: 1; expected at least 2 units"),
    (([4, 5, 3],), {"loss": "mse"}, ValueError, "loss: .mse.; expected one of half_squared"),
    (([4, 5, 3],), {"dtype": "float16"}, ValueError, "dtype: 'float16'"),
    (([4, 5, 3],), {"dtype": int}, TypeError, "dtype: "),
    (([4, 5, 3],), {"dtype": ">f4"}, ValueError, "dtype: '>f4'"),
    (([4, 5, 3],), {"seed": -1}, ValueError, "seed: -1"),
    (([4, 5, 3],), {"seed": True}, TypeError, "seed: True"),
    (([4, 5, 3],), {"l2": -0.1}, ValueError, "l2: -0.1"),
    (([4, 5, 3],), {"l2": float("nan")}, ValueError, "l2: nan"),
    (([4, 5, 3],), {"l2": 1e39}, ValueError, r"l2: 1e\+39; .*float32"),
    (([4, 5, 3],), {"l2": "much"}, TypeError, "l2: 'much'"),
    (([4, 5, 3],), {"l1": -0.1}, ValueError, "l1: -0.1"),
    (([4, 5, 3],), {"l1": 1e39}, ValueError, r"l1: 1e\+39; .*float32"),
    (([4, 5, 3],), {"l1": "much"}, TypeError, "l1: 'much'"),
    (([4, 5, 3],), {"penalty_over": "rows"}, ValueError, "penalty_over: 'rows'; .*'batch'"),
    (([4, 5, 3],), {"reduction": "median"}, ValueError, "reduction: 'median'"),
    (([4, 5, 3],), {"input_shift": [1, 2]}, ValueError,
     r"input_shift: shape \(2,\); expected .*\(4,\)"),
    (([4, 5, 3],), {"input_shift": float("inf")}, ValueError, "input_shift: inf"),
    (([4, 5, 3],), {"input_scale": [1, 0, 1, 1]}, ValueError, "input_scale: 0 at feature 1"),
    (([4, 5, 3],), {"input_scale": "wide"}, TypeError, "input_scale: dtype <U4"),
]  # fmt: skip
