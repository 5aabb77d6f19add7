# SPDX-License-Identifier: BSD-3-Clause
"""Every plot: the numbers in its artists, the Axes it draws into, and what it refuses."""

import builtins
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from example import pictures, run

import deltarule as dr
from deltarule.activations import activation, kinks
from deltarule.architecture import ACTIVATIONS
from deltarule.digits import load_digits
from deltarule.oracle.activations import activate

matplotlib = pytest.importorskip("matplotlib", minversion="3.9")
matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402  # after the backend is chosen
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.colors import to_rgba  # noqa: E402

from deltarule import plot  # noqa: E402
from deltarule.plot._common import BLUE, VERMILION  # noqa: E402

CASES: dict[str, Callable[..., Any]] = {
    "loss_curve": lambda **ax: plot.loss_curve(history(3), **ax),
    "gradient_dilution": lambda **ax: plot.gradient_dilution([[1.0, 0.1], [0.5, 0.2]], **ax),
    "gradient_dilution over depth": lambda **ax: plot.gradient_dilution([0.1, 1.0], **ax),
    "decision_boundary": lambda **ax: plot.decision_boundary(xor(), *XOR, **ax),
    "network": lambda **ax: plot.network(xor(), **ax),
    "hidden_units": lambda **ax: plot.hidden_units(digits_net(), (8, 8), **ax),
    "activations": lambda **ax: plot.activations("tanh", **ax),
}

XOR = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])


def history(epochs: int, validation: bool = False) -> dr.History:
    made = dr.History()
    for k in range(epochs):
        made.append(1 / (k + 1), 0.1, 10, 2 / (k + 1) if validation else None)
    return made


def xor() -> dr.MLP:
    mlp = dr.MLP([2, 2, 1], "logistic", "logistic", loss="binary_cross_entropy", seed=0)
    mlp.W = [np.array([[10, 10, -5], [-10, -10, 15]]), np.array([[10, 10, -15]])]
    return mlp


def digits_net() -> dr.MLP:
    return dr.MLP([64, 12, 10], "logistic", loss="cross_entropy", seed=0)


def of_kind(ax: Axes, kind: str) -> list[Any]:
    return [artist for artist in ax.collections if type(artist).__name__ == kind]


@pytest.fixture(autouse=True)
def _settings_stay() -> Iterator[None]:
    before = dict(matplotlib.rcParams)
    yield
    assert dict(matplotlib.rcParams) == before


def test_figures_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plt, "show", lambda: pytest.fail("plt.show was called"))
    for draw in CASES.values():
        draw()


@pytest.mark.parametrize("name", CASES)
def test_draws_into_the_axes_given(name: str) -> None:
    figure, ax = plt.subplots()
    assert CASES[name](ax=ax) is ax
    assert plt.get_fignums() == [figure.number], "no other figure is made"
    assert ax.has_data()


@pytest.mark.parametrize("name", CASES)
def test_makes_axes_where_none_are_given(name: str) -> None:
    ax = CASES[name]()
    assert isinstance(ax, Axes)
    assert ax.has_data()
    ax.figure.draw_without_rendering()


@pytest.mark.parametrize("name", CASES)
def test_axes_are_judged(name: str) -> None:
    with pytest.raises(TypeError, match=r"ax: .*expected None or Axes of matplotlib"):
        CASES[name](ax=3)


def test_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.split(".")[0] == "matplotlib":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ImportError, match=r'pip install "deltarule\[plot\]"'):
        plot.loss_curve(history(2))


# --- curves


def test_loss_curve_is_the_history() -> None:
    ax = plot.loss_curve(history(5, validation=True))
    training, validation = ax.lines
    np.testing.assert_array_equal(training.get_xdata(), [1, 2, 3, 4, 5])
    np.testing.assert_array_equal(training.get_ydata(), history(5).loss)
    np.testing.assert_array_equal(validation.get_ydata(), history(5, True).validation_loss)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["training", "validation"]


def test_loss_curves_side_by_side() -> None:
    ax = plot.loss_curve(history(5, validation=True), label="a")
    plot.loss_curve(history(4), ax=ax, label="b", scale="log")
    a, _, b = ax.lines
    assert a.get_color() != b.get_color()
    assert ax.get_yscale() == "log"
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["a", "a, validation", "b"]


def test_gradient_dilution_is_the_norms() -> None:
    norms = np.array([[1.0, 0.1, 0.01], [2.0, 0.2, 0.02]])
    ax = plot.gradient_dilution(norms)
    for k, line in enumerate(ax.lines):
        np.testing.assert_array_equal(line.get_ydata(), norms[:, k])
        assert line.get_label() == f"dW[{k}]"
    assert ax.get_yscale() == "log"
    ax = plot.gradient_dilution(norms[0], label="first epoch")
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), [0, 1, 2])
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), norms[0])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: plot.loss_curve([1.0]), TypeError, "history: .*expected a History"),
        (lambda: plot.loss_curve(history(0)), ValueError, "history: 0 epochs"),
        (lambda: plot.loss_curve(history(1), scale="cubic"), ValueError, "scale: 'cubic'"),
        (lambda: plot.gradient_dilution(history(2)), ValueError, "without gradient norms"),
        (lambda: plot.gradient_dilution([[[1.0]]]), ValueError, r"norms: shape \(1, 1, 1\)"),
        (lambda: plot.gradient_dilution([1.0, -1.0]), ValueError, "norms: a negative"),
    ],
)
def test_wrong_curves(call: Callable[[], Any], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        call()


# --- decision boundary


def test_boundary_is_what_the_network_predicts() -> None:
    mlp, wide = xor(), np.array([2.0, 1.0])
    ax = plot.decision_boundary(mlp, wide * XOR[0], XOR[1], resolution=40)
    (image,) = ax.images
    left, right, bottom, top = image.get_extent()
    assert (left, right, bottom, top) == pytest.approx((-0.2, 2.2, -0.1, 1.1))
    steps = (np.arange(40) + 0.5) / 40
    a, b = np.meshgrid(left + steps * (right - left), bottom + steps * (top - bottom))
    values = mlp.predict(np.stack([a.ravel(), b.ravel()], 1)).reshape(40, 40)
    np.testing.assert_allclose(image.get_array(), values, rtol=1e-6)
    assert image.origin == "lower", "the first row is the lowest x_2"
    no, yes = of_kind(ax, "PathCollection")
    np.testing.assert_array_equal(no.get_offsets(), wide * [[0, 0], [1, 1]])
    np.testing.assert_array_equal(yes.get_offsets(), wide * [[0, 1], [1, 0]])


def test_boundary_line_is_where_the_output_crosses_the_level() -> None:
    ax = plot.decision_boundary(lambda X: X[:, 0] - 2 * X[:, 1], XOR[0], level=0.25)
    (line,) = ax.collections
    vertices = np.concatenate([path.vertices for path in line.get_paths()])
    np.testing.assert_allclose(vertices[:, 0] - 2 * vertices[:, 1], 0.25, atol=1e-9)


def test_boundary_of_several_classes() -> None:
    X = np.random.default_rng(0).normal(size=(30, 2))
    mlp = dr.MLP([2, 4, 3], loss="cross_entropy", seed=0)
    one_hot = np.eye(3)[mlp.predict_labels(X)]
    ax = plot.decision_boundary(mlp, X, one_hot, resolution=20)
    classes = np.asarray(ax.images[0].get_array())
    assert set(np.unique(classes)) <= {0, 1, 2}
    by_label = plot.decision_boundary(mlp.predict_labels, X, resolution=20)
    np.testing.assert_array_equal(classes, by_label.images[0].get_array())


@pytest.mark.parametrize(
    "labels", [[-1, 1, 1, -1], [1, 2, 2, 1], [0.0, 1.0, 1.0, 0.0], [[0], [1], [1], [0]]]
)
def test_two_classes_in_any_coding(labels: Any) -> None:
    ax = plot.decision_boundary(xor(), XOR[0], labels)
    first, second = of_kind(ax, "PathCollection")
    np.testing.assert_array_equal(first.get_offsets(), [[0, 0], [1, 1]])
    assert tuple(first.get_facecolor()[0]) == to_rgba(VERMILION)
    assert tuple(second.get_facecolor()[0]) == to_rgba(BLUE)


def test_only_the_labels_there_are_drawn() -> None:
    """And the colours come round: labels may be any numbers, large ones too."""
    labels = np.array([0, 10**9, 10**9, 7])
    ax = plot.decision_boundary(lambda X: np.where(X[:, 0] > 0.5, 10**9, 7), XOR[0], labels)
    zero, seven, large = of_kind(ax, "PathCollection")
    np.testing.assert_array_equal(zero.get_offsets(), [[0, 0]])
    assert tuple(zero.get_facecolor()[0]) == tuple(seven.get_facecolor()[0]) == to_rgba(BLUE)
    np.testing.assert_array_equal(large.get_offsets(), [[0, 1], [1, 0]])
    (image,) = ax.images
    shades = image.cmap(image.norm(np.asarray(image.get_array())))[0, [0, -1], :3]
    np.testing.assert_allclose(shades[0], to_rgba(BLUE)[:3])
    np.testing.assert_allclose(shades[1], large.get_facecolor()[0][:3])


def test_integer_scores_have_two_signs() -> None:
    ax = plot.decision_boundary(lambda X: np.where(X[:, 0] > 0.5, 3, -3), XOR[0], level=0)
    assert ax.images[0].get_clim() == (-3, 3)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((xor(), np.zeros((0, 2))), ValueError, r"X: shape \(0, 2\); expected \(n, 2\)"),
        ((xor(), XOR[0], [0, np.nan, 1, 0]), ValueError, "Y: row 1 holds nan"),
        ((xor(), np.zeros((3, 3))), ValueError, r"X: shape \(3, 3\); expected \(n, 2\)"),
        ((xor(), [[np.nan, 0]]), ValueError, "X: row 0 holds nan"),
        ((xor(), XOR[0], [0, 1]), ValueError, r"Y: shape \(2,\); expected \(4,\)"),
        ((3, XOR[0]), TypeError, "mlp: 3; expected an MLP, or a function"),
        ((lambda X: X[:3], XOR[0]), ValueError, r"mlp: output of shape \(3, 2\)"),
    ],
)
def test_wrong_boundaries(arguments: tuple[Any, ...], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        plot.decision_boundary(*arguments)


# --- the graph


def test_network_draws_every_weight() -> None:
    mlp = dr.MLP([3, 4, 2], seed=0)
    w = np.linspace(-1, 1, mlp.n_weights, dtype=np.float32)
    mlp.w = w
    ax = plot.network(mlp)
    lines = of_kind(ax, "LineCollection")
    assert [len(c.get_segments()) for c in lines] == [4 * 4, 2 * 5]
    for c, W in zip(lines, mlp.W, strict=True):
        flat = np.sort(np.abs(W).ravel())
        widths = np.asarray(c.get_linewidths())
        np.testing.assert_allclose(
            (widths - 0.3) / (widths[-1] - 0.3), flat / flat[-1], atol=1e-6
        )  # sorted: the largest last, on top
        blue = np.all(np.isclose(c.get_colors()[:, :3], to_rgba(BLUE)[:3]), axis=1)
        assert blue.sum() == np.sum(W > 0)
    units = [len(c.get_offsets()) for c in ax.collections if c not in lines]
    assert units == [3, 1, 4, 1, 2], "units, and a bias for each layer but the last"


def test_a_line_ends_at_its_units() -> None:
    mlp = dr.MLP([2, 2], seed=0)
    mlp.W = [np.array([[0, 5, 0], [0, 0, 0]])]  # from the second input to the first output
    ax = plot.network(mlp)
    (lines,) = of_kind(ax, "LineCollection")
    np.testing.assert_array_equal(lines.get_segments()[-1], [[0, -0.5], [1, 0.5]])


def test_small_networks_tell_their_weights() -> None:
    texts = {text.get_text() for text in plot.network(xor()).texts}
    assert {"10", "-5", "-10", "15", "-15"} <= texts
    texts = {text.get_text() for text in plot.network(xor(), values=False).texts}
    assert texts == {"1", "2\ninput", "2\nlogistic", "1\nlogistic"}


def test_large_layers_are_cut() -> None:
    ax = plot.network(digits_net(), max_units=6)
    dots = [text for text in ax.texts if text.get_text() == "⋮"]
    assert len(dots) == 3
    circles = [len(c.get_offsets()) for c in ax.collections]
    assert max(circles) == 6
    assert "64\ninput" in {text.get_text() for text in ax.texts}


# --- images


def test_hidden_units_are_the_weights() -> None:
    mlp = digits_net()
    ax = plot.hidden_units(mlp, (8, 8), n_columns=5)
    mosaic = np.asarray(ax.images[0].get_array().filled(np.nan))
    assert mosaic.shape == (3 * 9, 5 * 9 - 1)
    for j in range(12):
        top, left = 9 * (j // 5) + 1, 9 * (j % 5)
        image = mosaic[top : top + 8, left : left + 8]
        np.testing.assert_array_equal(image, mlp.W[0][j, :-1].reshape(8, 8))
    assert np.isnan(mosaic).sum() == mosaic.size - 12 * 64
    low, high = ax.images[0].get_clim()
    assert high == -low == np.abs(mlp.W[0][:, :-1]).max()


def test_hidden_units_with_their_outputs() -> None:
    mlp, x = digits_net(), load_digits()[0][0]
    ax = plot.hidden_units(mlp, x=x)
    shown = [float(text.get_text()) for text in ax.texts]
    np.testing.assert_allclose(shown, mlp.forward(x[None]).o[1][0], atol=0.005)


def test_layers_are_the_outputs() -> None:
    mlp = dr.MLP([64, 12, 5, 10], ["tanh", "relu"], loss="cross_entropy", seed=0)
    x = load_digits()[0][0]
    drawn = plot.layers(mlp, x)
    assert drawn.shape == (4,)
    o = mlp.forward(x[None]).o
    np.testing.assert_array_equal(drawn[0].images[0].get_array(), x.reshape(8, 8))
    for k in (1, 2):
        squares = drawn[k].images[0].get_array().filled(np.nan).ravel()
        np.testing.assert_array_equal(squares[: o[k].shape[1]], o[k][0])
        assert np.all(np.isnan(squares[o[k].shape[1] :]))
    widths = [bar.get_width() for bar in drawn[3].patches]
    np.testing.assert_allclose(widths, o[3][0])
    labels = [label.get_text() for label in drawn[3].get_yticklabels()]
    assert labels == [str(j) for j in range(10)]


def test_layers_take_their_axes() -> None:
    _, ax = plt.subplots(1, 3)
    drawn = plot.layers(digits_net(), load_digits()[0][0], ax=ax)
    assert all(a is b for a, b in zip(drawn, ax, strict=True))
    with pytest.raises(ValueError, match="ax: 1 Axes; expected a sequence of 3 Axes"):
        plot.layers(digits_net(), load_digits()[0][0], ax=ax[0])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: plot.hidden_units("net"), TypeError, "mlp: 'net'; expected an MLP"),
        (lambda: plot.hidden_units(xor()), ValueError, "2 is no square"),
        (lambda: plot.hidden_units(digits_net(), (8, 9)), ValueError, "expected 64 pixels"),
        (lambda: plot.hidden_units(digits_net(), 8), TypeError, "expected .height, width."),
        (lambda: plot.layers(digits_net(), np.zeros(63)), ValueError, r"x: shape \(63,\)"),
        (
            lambda: plot.layers(digits_net(), np.zeros(64), names=3),  # type: ignore[arg-type]
            TypeError,
            "names: 3; expected 10",
        ),
        (
            lambda: plot.layers(digits_net(), np.zeros(64), names=["a"]),
            ValueError,
            "names: 1; expected 10",
        ),
        (lambda: plot.network(3), TypeError, "mlp: 3"),
        (lambda: plot.network(xor(), max_units=1), ValueError, "max_units: 1"),
    ],
)
def test_wrong_networks(call: Callable[[], Any], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        call()


# --- activations


def test_activations_are_the_oracles() -> None:
    drawn = plot.activations(net=(-3.0, 3.0))
    assert [ax.get_title() for ax in drawn] == list(ACTIVATIONS)
    for ax in drawn:
        name = ax.get_title()
        curves = [line for line in ax.lines if len(line.get_xdata()) > 2]
        x = np.asarray(curves[0].get_xdata())
        net = np.stack([x, 0 * x, 0 * x], 1) if name == "softmax" else x[:, None]
        o = activate(name, net)
        step = 1e-6 * np.eye(1, net.shape[1])  # of net_1 only
        d = (activate(name, net + step) - o) / 1e-6
        np.testing.assert_allclose(curves[0].get_ydata(), o[:, 0], atol=1e-12)
        jumps = (*kinks(activation("", name)), 0.0)  # 0: threshold's
        away = np.all(np.abs(x[:, None] - jumps) > 1e-5, axis=1)
        n = len(curves) // 2  # values, then derivatives
        for j in range(n):
            np.testing.assert_allclose(curves[j].get_ydata(), o[:, j], atol=1e-12)
            np.testing.assert_allclose(curves[n + j].get_ydata()[away], d[away, j], atol=1e-5)


def test_wrong_activations() -> None:
    with pytest.raises(ValueError, match=r"names\[0\]: 'sine'"):
        plot.activations("sine")
    with pytest.raises(TypeError, match="names: 3"):
        plot.activations(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="names: none"):
        plot.activations([])
    with pytest.raises(ValueError, match="net: "):
        plot.activations("tanh", net=(1, -1))
    with pytest.raises(ValueError, match=r"net\[1\]: inf; expected a finite number"):
        plot.activations("tanh", net=(0, np.inf))
    for net in (3, (1, 2, 3), "ab"):
        with pytest.raises(TypeError, match=r"net.*: .*; expected"):
            plot.activations("tanh", net=net)  # type: ignore[arg-type]


def test_example() -> None:
    numbers, _ = run("plots")
    assert numbers["accuracy"] == 0.99
    first = {name: rows[0] for name, rows in numbers["norms"].items()}
    assert first["logistic"][0] / first["logistic"][-1] == pytest.approx(1.2e-3, rel=0.05)
    assert first["relu"][0] > first["relu"][-1]
    sizes = pictures("plots")
    assert sorted(sizes) == ["plots_dilution.png", "plots_network.png", "plots_training.png"]
    assert all(1000 < size < 110_000 for size in sizes.values())
