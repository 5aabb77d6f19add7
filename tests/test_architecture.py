# SPDX-License-Identifier: BSD-3-Clause
"""Architectures and optimizers: what they take, what they refuse, how weights start and lie."""

import dataclasses
import json
import pickle
import re
from math import inf, nan, sqrt

import numpy as np
import pytest

from deltarule import losses
from deltarule.activations import activation
from deltarule.architecture import ACTIVATIONS, OUTPUTS, Architecture
from deltarule.initialisers import initial_weights
from deltarule.optimizers import SGD, Adam, check_optimizer

make = Architecture.from_arguments


def test_defaults():
    net = make([4, 3, 2])
    assert net.layers == (4, 3, 2)
    assert net.activations == ("relu", "identity")
    assert (net.loss, net.dtype, net.l2, net.l1, net.reduction) == (
        "half_squared_error", "float32", 0.0, 0.0, "mean",
    )  # fmt: skip
    assert (net.input_shift, net.input_scale) == (None, None)
    assert (net.n_hidden_layers, net.n_inputs, net.n_outputs) == (1, 4, 2)
    assert net.shapes == ((3, 5), (2, 4))
    assert net.n_weights == 3 * 5 + 2 * 4


@pytest.mark.parametrize(
    ("loss", "output"),
    [
        ("half_squared_error", "identity"),
        ("squared_error", "identity"),
        ("binary_cross_entropy", "logistic"),
        ("cross_entropy", "softmax"),
    ],
)
def test_default_output_of_each_loss(loss, output):
    assert make([4, 2], loss=loss).activations == (output,)


@pytest.mark.parametrize("loss", list(OUTPUTS))
@pytest.mark.parametrize("output", ACTIVATIONS)
def test_pairs_of_output_and_loss(loss, output):
    if output in OUTPUTS[loss]:
        assert make([4, 2], output=output, loss=loss).activations[-1] == activation("", output)
    else:
        text = re.escape(losses.read(loss).text)
        with pytest.raises(ValueError, match=f"output: '{output}.*'; expected .* loss='{text}'"):
            make([4, 2], output=output, loss=loss)


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
def test_hinges_take_no_other_output(loss):
    """The list of pairs is the tables' own; this one is docs/reference/losses.md's."""
    with pytest.raises(ValueError, match="output: 'logistic'; expected 'identity' for loss="):
        make([4, 2], output="logistic", loss=loss)


@pytest.mark.parametrize("layers", [(4, 3, 2), [4, np.int32(3), 2], np.array([4, 3, 2], np.uint8)])
def test_layers_may_be_any_sequence_of_integers(layers):
    net = make(layers)
    assert net.layers == (4, 3, 2)
    assert all(type(size) is int for size in net.layers)


def test_one_activation_per_hidden_layer():
    net = make([4, 3, 3, 2], activation=("softmax", "tanh"), output="relu")
    assert net.activations == ("softmax", "tanh", "relu")
    assert make([4, 2], activation=[]).activations == ("identity",)
    assert make([4, 2], activation="tanh").activations == ("identity",)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("float32", "float32"),
        ("float64", "float64"),
        (np.float32, "float32"),
        (np.float64, "float64"),
        (np.dtype("float32"), "float32"),
        (np.dtype("=f8"), "float64"),
        (float, "float64"),
        ("f4", "float32"),
        ("f8", "float64"),
    ],
)
def test_dtype(given, name):
    assert make([4, 2], dtype=given).dtype == name


def test_input_scaling_is_kept_per_feature_in_the_dtype():
    net = make([3, 2], input_shift=0.1, input_scale=np.array([1, 2, 4]))
    assert net.input_shift == (float(np.float32(0.1)),) * 3
    assert net.input_scale == (1.0, 2.0, 4.0)
    assert make([3, 2], dtype="float64", input_shift=[0.1, 0.2, 0]).input_shift == (0.1, 0.2, 0.0)


BAD = [
    # argument, value, error, message
    ({"layers": "4, 2"}, TypeError, "layers: '4, 2' of type str; expected a sequence"),
    ({"layers": 4}, TypeError, "layers: 4 of type int; expected a sequence"),
    ({"layers": {4, 2}}, TypeError, "layers: .* of type set"),
    ({"layers": np.array(4)}, TypeError, r"layers: array\(4\) of type ndarray; "),
    ({"layers": None}, TypeError, "layers: None"),
    ({"layers": []}, ValueError, "layers: .*; expected at least"),
    ({"layers": [4]}, ValueError, r"layers: \[4\]; expected at least"),
    ({"layers": [4, 0]}, ValueError, r"layers\[1\]: 0; expected an integer >= 1"),
    ({"layers": [-4, 2]}, ValueError, r"layers\[0\]: -4; expected an integer >= 1"),
    ({"layers": [4, 2.0]}, TypeError, r"layers\[1\]: 2.0 of type float; expected an integer"),
    ({"layers": [4, True]}, TypeError, r"layers\[1\]: True; expected an integer"),
    ({"layers": [4, np.True_]}, TypeError, r"layers\[1\]: np.True_ of type bool; expected an int"),
    ({"layers": [4, "2"]}, TypeError, r"layers\[1\]: '2' of type str; expected an integer"),
    ({"layers": [4, None]}, TypeError, r"layers\[1\]: None"),
    ({"layers": [2**30, 2**30]}, ValueError, r"layers: .* 2\*\*62 bytes"),
    ({"layers": [2, 2**31 - 512]}, ValueError, r"layers: .*; expected sizes <= 2147483135"),
    ({"layers": [10**30, 1]}, ValueError, r"layers: .*; expected sizes <= 2147483135"),
    ({"activation": "sigmoid"}, ValueError, "activation: 'sigmoid'; expected one of identity, "),
    ({"activation": 3}, TypeError, "activation: 3 of type int; expected a name, or one per"),
    ({"activation": None}, TypeError, "activation: None"),
    ({"activation": ["relu", "tanh"]}, ValueError, "activation: 2 names for the 1 hidden layers"),
    ({"activation": []}, ValueError, "activation: 0 names"),
    ({"activation": ["Relu"]}, ValueError, r"activation\[0\]: 'Relu'"),
    ({"activation": [None]}, TypeError, r"activation\[0\]: None"),
    ({"layers": [4, 1, 2], "activation": "softmax"}, ValueError, r"layers\[1\]: 1; .* softmax"),
    ({"output": "sigmoid"}, ValueError, "output: 'sigmoid'; expected"),
    ({"output": 1}, TypeError, "output: 1 of type int"),
    ({"layers": [4, 3, 1], "output": "softmax"}, ValueError, r"layers\[2\]: 1; .* 2 units"),
    ({"layers": [4, 3, 1], "loss": "cross_entropy"}, ValueError, r"layers\[2\]: 1; .* 2 units"),
    ({"loss": "mse"}, ValueError, "loss: 'mse'; expected one of half_squared_error, "),
    ({"loss": None}, TypeError, "loss: None"),
    ({"dtype": "float16"}, ValueError, "dtype: 'float16'; expected 'float32' or 'float64'"),
    ({"dtype": "f2"}, ValueError, "dtype: 'f2'"),
    ({"dtype": ["f4"]}, TypeError, "dtype: "),
    ({"dtype": np.dtype("int32")}, ValueError, "dtype: 'int32'"),
    ({"dtype": np.dtype("float32").newbyteorder()}, ValueError, "dtype: '[<>]f4'"),
    ({"dtype": np.int32}, TypeError, "dtype: .*int32"),
    ({"dtype": None}, TypeError, "dtype: None"),
    ({"l2": -0.1}, ValueError, "l2: -0.1; expected a number >= 0"),
    ({"l2": nan}, ValueError, "l2: nan"),
    ({"l2": inf}, ValueError, "l2: inf"),
    ({"l2": 1e39}, ValueError, "l2: 1e.39; expected .* finite as float32"),
    ({"l2": "0.1"}, TypeError, "l2: '0.1' of type str"),
    ({"l2": True}, TypeError, "l2: True"),
    ({"l2": None}, TypeError, "l2: None"),
    ({"l2": 10**400}, ValueError, "l2: 1000"),
    ({"l1": -0.1}, ValueError, "l1: -0.1; expected a number >= 0"),
    ({"l1": nan}, ValueError, "l1: nan"),
    ({"l1": 1e39}, ValueError, "l1: 1e.39; expected .* finite as float32"),
    ({"l1": "0.1"}, TypeError, "l1: '0.1' of type str"),
    ({"l1": None}, TypeError, "l1: None"),
    ({"reduction": "none"}, ValueError, "reduction: 'none'; expected 'mean' or 'sum'"),
    ({"reduction": None}, TypeError, "reduction: None"),
    ({"penalty_over": "rows"}, ValueError, "penalty_over: 'rows'; expected 'loss' or 'batch'"),
    ({"penalty_over": True}, TypeError, "penalty_over: True"),
    ({"input_shift": [1.0, 2.0]}, ValueError, r"input_shift: shape \(2,\); .* shape \(4,\)"),
    ({"input_shift": [[1.0] * 4]}, ValueError, r"input_shift: shape \(1, 4\)"),
    ({"input_shift": [1, 2, 3, nan]}, ValueError, "input_shift: nan at feature 3"),
    ({"input_shift": 1e39}, ValueError, r"input_shift: 1e.39 at feature 0; .* float32"),
    ({"input_shift": "0"}, TypeError, "input_shift: dtype"),
    ({"input_shift": 1j}, TypeError, "input_shift: dtype complex128"),
    ({"input_shift": [[1], [1, 2]]}, ValueError, "input_shift: a ragged sequence"),
    ({"input_scale": 0}, ValueError, "input_scale: 0 at feature 0; expected .* other than 0"),
    ({"input_scale": [1, 2, 0, 1]}, ValueError, "input_scale: 0 at feature 2"),
    ({"input_scale": 1e-60}, ValueError, "input_scale: 0 at feature 0"),  # 0 as float32
    ({"input_scale": inf}, ValueError, "input_scale: inf at feature 0"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "error", "message"), BAD)
def test_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        make(**{"layers": [4, 3, 2], **arguments})


def test_activations_by_layer_are_judged_too():
    with pytest.raises(ValueError, match="activations: 1 names; expected 2"):
        Architecture((4, 3, 2), ("relu",))
    with pytest.raises(TypeError, match="activations: 'relu' of type str"):
        Architecture((4, 3, 2), "relu")


def test_the_largest_sizes_that_fit():
    # 2**30 columns, the bias among them, times 2**30 rows of 4 bytes are 2**62: a row too many.
    assert make([2**30 - 1, 2**30 - 1]).n_weights == 2**30 * (2**30 - 1)
    with pytest.raises(ValueError, match=r"2\*\*62"):
        make([2**30 - 1, 2**30])
    assert make([2**31 - 513, 1]).n_inputs == 2**31 - 513  # the core's own limit


def test_is_a_value():
    net = make([4, 3, 2], input_shift=1.0)
    assert net == make((4, 3, 2), input_shift=np.ones(4))
    assert hash(net) == hash(make((4, 3, 2), input_shift=np.ones(4)))
    assert pickle.loads(pickle.dumps(net)) == net
    assert Architecture(**json.loads(json.dumps(dataclasses.asdict(net)))) == net
    with pytest.raises(dataclasses.FrozenInstanceError):
        net.l2 = 1.0


def test_views_and_flatten_are_inverse():
    net = make([4, 3, 2])
    w = np.arange(net.n_weights, dtype=np.float32)
    W = net.views(w)
    assert [matrix.shape for matrix in W] == [(3, 5), (2, 4)]
    assert W[0][0].tolist() == [0, 1, 2, 3, 4]  # row 0: four weights, then the bias
    assert all(np.shares_memory(matrix, w) for matrix in W)
    flat = net.flatten(W, alpha=None)
    assert np.array_equal(flat, w)
    assert not np.shares_memory(flat, w)
    assert net.flatten([m.tolist() for m in W], np.float64, alpha=None).dtype == np.float64


def test_vector_copies_into_the_dtype():
    net = make([4, 3, 2])
    given = np.arange(2 * net.n_weights)[::2]
    w = net.vector(given)
    assert w.dtype == np.float32
    assert w.flags.c_contiguous
    assert np.array_equal(w, given)
    assert not np.shares_memory(net.vector(w), w)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda net: net.vector([1.0]), ValueError, r"w: shape \(1,\); expected \(23,\)"),
        (lambda net: net.vector(["a"] * 23), TypeError, "w: dtype"),
        (lambda net: net.flatten(3, alpha=None), TypeError, "W: 3 of type int"),
        (lambda net: net.flatten([], alpha=None), ValueError, "W: 0 matrices; expected 2"),
        (
            lambda net: net.flatten([np.ones((3, 5)), np.ones((2, 3))], alpha=None),
            ValueError, r"W\[1\]: shape \(2, 3\); expected \(2, 4\)",
        ),
    ],
)  # fmt: skip
def test_refused_weights(call, error, message):
    with pytest.raises(error, match=message):
        call(make([4, 3, 2]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_initial_weights(dtype):
    net = make([50, 40, 30, 20], ["relu", "tanh"], dtype=dtype)
    w = initial_weights(net, 3)
    assert w.dtype == dtype
    assert w.shape == (net.n_weights,)
    rng = np.random.default_rng(3)
    # He for the layer whose own activation is relu, Glorot for the others.
    limits = [sqrt(6 / 50), sqrt(6 / (40 + 30)), sqrt(6 / (30 + 20))]
    for W, limit in zip(net.views(w), limits, strict=True):
        fan_out, fan_in = W.shape[0], W.shape[1] - 1
        expected = rng.uniform(-limit, limit, (fan_out, fan_in)).astype(dtype)
        assert np.array_equal(W[:, :-1], expected)
        assert not W[:, -1].any()
    assert np.array_equal(initial_weights(net, 3), w)
    assert not np.array_equal(initial_weights(net, 4), w)
    assert not np.array_equal(initial_weights(net), initial_weights(net))


@pytest.mark.parametrize(
    ("seed", "error"), [(-1, ValueError), ("a", TypeError), (1.5, TypeError), (True, TypeError)]
)
def test_refused_seeds(seed, error):
    with pytest.raises(error, match=r"seed: .*; expected None, an integer >= 0"):
        initial_weights(make([4, 2]), seed)


def test_optimizers_name_their_kernel():
    assert (SGD().kernel, SGD(momentum=0.9).kernel, Adam().kernel) == ("sgd", "momentum", "adam")
    assert SGD(1, 0).parameters == {"eta": 1.0, "momentum": 0.0}
    assert Adam().parameters == {"eta": 1e-3, "beta_1": 0.9, "beta_2": 0.999, "eps": 1e-8}
    assert SGD(np.float32(0.5)) == SGD(eta=0.5)
    with pytest.raises(dataclasses.FrozenInstanceError):
        SGD().eta = 1.0


@pytest.mark.parametrize(
    ("rule", "name", "value", "error"),
    [
        *((rule, "eta", value, ValueError) for rule in (SGD, Adam) for value in (0, -1, nan, inf)),
        *((rule, "eta", value, TypeError) for rule in (SGD, Adam) for value in ("1", None, True)),
        *((SGD, "momentum", value, ValueError) for value in (-0.1, 1, 1.5, nan)),
        *((Adam, name, value, ValueError) for name in ("beta_1", "beta_2") for value in (-0.1, 1)),
        *((Adam, "eps", value, ValueError) for value in (0, -1e-8, nan, inf)),
        (Adam, "eps", [1e-8], TypeError),
        (SGD, "momentum", False, TypeError),
    ],
)
def test_refused_optimizers(rule, name, value, error):
    with pytest.raises(error, match=f"{name}: .*; expected a"):
        rule(**{name: value})


def test_numbers_that_the_dtype_cannot_hold():
    assert check_optimizer(Adam(), "float32") == Adam()
    assert check_optimizer(Adam(eps=1e-60), "float64").eps == 1e-60
    with pytest.raises(ValueError, match=r"eps: 1e-60 is 0\.0 as float32"):
        check_optimizer(Adam(eps=1e-60), "float32")
    with pytest.raises(ValueError, match=r"eta: 1e.39 is inf as float32"):
        check_optimizer(SGD(1e39), "float32")
    with pytest.raises(TypeError, match="optimizer: 'adam' of type str; expected SGD or Adam"):
        check_optimizer("adam", "float32")
