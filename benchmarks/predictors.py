# SPDX-License-Identifier: BSD-3-Clause
"""Who predicts: a function per library that makes one from NumPy rows to NumPy rows.

The network is relu inside and softmax, or logistic for one output, at its end.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from problem import Floats

Predict = Callable[[Floats], Any]
LARGEST_ERROR = 1e-5
BLOCK_SECONDS = 20e-6  # calls are timed in blocks of at least so long


def deltarule(W: Sequence[Floats], setting: str, threads: int) -> Predict:
    import deltarule as dr

    loss = "cross_entropy" if len(W[-1]) > 1 else "binary_cross_entropy"
    mlp = dr.MLP([w.shape[1] - 1 for w in W] + [len(W[-1])], activation="relu", loss=loss)
    mlp.W = W
    return lambda X: mlp.predict(X, threads)


def numpy(W: Sequence[Floats], setting: str, threads: int) -> Predict:
    parts = [(np.ascontiguousarray(w[:, :-1].T), w[:, -1].copy()) for w in W]

    def predict(X: Floats) -> Floats:
        o = X
        for k, (A, b) in enumerate(parts):
            o = o @ A
            o += b
            if k < len(parts) - 1:
                np.maximum(o, 0, out=o)
        if o.shape[1] == 1:
            np.negative(o, out=o)
            np.exp(o, out=o)
            o += 1
            return np.reciprocal(o, out=o)
        o -= o.max(axis=1, keepdims=True)
        np.exp(o, out=o)
        o /= o.sum(axis=1, keepdims=True)
        return o

    return predict


def jax(W: Sequence[Floats], setting: str, threads: int) -> Predict:
    import jax

    parts = [(jax.numpy.asarray(w[:, :-1].T), jax.numpy.asarray(w[:, -1])) for w in W]

    @jax.jit
    def forward(parts: Any, o: Any) -> Any:
        for A, b in parts[:-1]:
            o = jax.nn.relu(o @ A + b)
        net = o @ parts[-1][0] + parts[-1][1]
        return jax.nn.softmax(net) if net.shape[1] > 1 else jax.nn.sigmoid(net)

    return lambda X: np.asarray(forward(parts, X))


def torch(W: Sequence[Floats], setting: str, threads: int) -> Predict:
    import torch

    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision(setting)
    modules: list[Any] = []
    for w in W:
        linear = torch.nn.Linear(w.shape[1] - 1, len(w))
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(w[:, :-1].copy()))
            linear.bias.copy_(torch.from_numpy(w[:, -1].copy()))
        modules += [linear, torch.nn.ReLU()]
    modules[-1] = torch.nn.Softmax(1) if len(W[-1]) > 1 else torch.nn.Sigmoid()
    net = torch.nn.Sequential(*modules).eval()

    @torch.inference_mode()
    def predict(X: Floats) -> Any:
        return net(torch.from_numpy(X)).numpy()

    return predict


def sklearn(W: Sequence[Floats], setting: str, threads: int) -> Predict:
    import sklearn
    from sklearn.neural_network import MLPClassifier

    sklearn.set_config(assume_finite=True)
    model = MLPClassifier([len(w) for w in W[:-1]], activation="relu")
    classes = np.arange(max(2, len(W[-1])))
    rows = np.zeros((len(classes), W[0].shape[1] - 1), np.float32)
    model.partial_fit(rows, classes, classes=classes)
    for w, coefs, bias in zip(W, model.coefs_, model.intercepts_, strict=True):
        coefs[...], bias[...] = w[:, :-1].T, w[:, -1]
    return model.predict_proba


def onnxruntime(W: Sequence[Floats], setting: str, threads: int) -> Predict:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        onnx_model(W), options, providers=["CPUExecutionProvider"]
    )
    return lambda X: session.run(None, {"X": X})[0]


def onnx_model(W: Sequence[Floats]) -> bytes:
    """The network as an ONNX file: Gemm with the bias, Relu, ..., Softmax or Sigmoid."""
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants, o = [], [], "X"
    for k, w in enumerate(W):
        A, b = np.ascontiguousarray(w[:, :-1].T), w[:, -1].copy()
        constants += [numpy_helper.from_array(A, f"A{k}"), numpy_helper.from_array(b, f"b{k}")]
        last = k == len(W) - 1
        f = ("Softmax" if len(w) > 1 else "Sigmoid") if last else "Relu"
        nodes += [
            helper.make_node("Gemm", [o, f"A{k}", f"b{k}"], [f"net{k}"]),
            helper.make_node(f, [f"net{k}"], [f"o{k}"]),
        ]
        o = f"o{k}"
    shapes = {"X": W[0].shape[1] - 1, o: len(W[-1])}
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, columns])
        for name, columns in shapes.items()
    ]
    graph = helper.make_graph(nodes, "mlp", ends[:1], ends[1:], constants)
    opset = helper.make_opsetid("", 17)
    model: bytes = helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString()
    return model


# Name: maker, the modules it needs, settings.
PREDICTORS: dict[str, tuple[Callable[..., Predict], tuple[str, ...], tuple[str, ...]]] = {
    "deltarule": (deltarule, ("deltarule",), ("",)),
    "onnxruntime": (onnxruntime, ("onnx", "onnxruntime"), ("",)),
    "NumPy": (numpy, ("numpy",), ("",)),
    "JAX": (jax, ("jax",), ("",)),
    "PyTorch": (torch, ("torch",), ("highest", "medium")),
    "scikit-learn": (sklearn, ("sklearn",), ("",)),
}


def make(peer: str, setting: str, path: Path, threads: int) -> tuple[Predict, Floats, float]:
    """Return the peer's prediction of the file's network, the file's rows, the largest error."""
    with np.load(path) as parts:
        X = parts["X"]
        W = [parts[f"W{k}"] for k in range(len(parts.files) - 1)]
    predict = PREDICTORS[peer][0](W, setting, threads)
    o = X[:64].astype(np.float64)
    for k, w in enumerate(W):
        o = o @ w[:, :-1].T.astype(np.float64) + w[:, -1]
        o = np.maximum(o, 0) if k < len(W) - 1 else o
    p = np.exp(o) / np.exp(o).sum(axis=1, keepdims=True) if o.shape[1] > 1 else 1 / (1 + np.exp(-o))
    found = np.asarray(predict(X[:64]))[:, -p.shape[1] :]  # scikit-learn has two columns for one
    error = float(np.max(np.abs(found - p)))
    if not error <= LARGEST_ERROR:
        raise ValueError(f"predictions differ by {error} from the float64 ones")
    return predict, X, error


def median_call(predict: Predict, X: Floats, seconds: float) -> float:
    """Return the median seconds of a call, over so many seconds of calls."""
    predict(X)
    begin = time.perf_counter()
    predict(X)
    block = max(1, int(BLOCK_SECONDS / (time.perf_counter() - begin)))
    times = []
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        begin = time.perf_counter()
        for _ in range(block):
            predict(X)
        times.append((time.perf_counter() - begin) / block)
    return statistics.median(times)
