# SPDX-License-Identifier: BSD-3-Clause
"""History: entries, plot, table; equal after a pickle."""

import copy
import pickle
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import deltarule as dr


@pytest.fixture(scope="module")
def history() -> dr.History:
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(60, 3)), rng.integers(0, 2, 60)
    mlp = dr.MLP([3, 4, 2], loss="cross_entropy", seed=0)
    return mlp.fit(
        X, Y, epochs=3, validation=0.3, metrics="accuracy",
        record=("gradient_norm", "saturation"), seed=0,
    )  # fmt: skip


COLUMNS = [
    "epoch", "loss", "validation_loss", "eta", "seconds", "samples_per_second", "accuracy",
    "gradient_norm[0]", "gradient_norm[1]", "saturated[0]", "saturated[1]",
]  # fmt: skip


def test_lists_are_as_long_as_the_training(history: dr.History) -> None:
    lists = (history.loss, history.validation_loss, history.metrics["accuracy"], history.eta)
    assert {len(entries) for entries in lists} == {3}
    assert history.best_epoch is None
    assert pickle.loads(pickle.dumps(history)) == copy.deepcopy(history) == history
    other = copy.deepcopy(history)
    other.metrics["accuracy"][0] += 1
    assert other != history


def test_cut(history: dr.History) -> None:
    shorter = copy.deepcopy(history)
    shorter.validation_loss.append(1.0)  # an epoch that did not come to its end
    shorter.metrics["accuracy"].append(1.0)
    shorter.cut(3)
    assert shorter == history


def test_ctrl_c_between_two_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """It leaves no epoch half in the history."""

    def interrupted(history: dr.History, loss: float, *others: Any, **more: Any) -> None:
        history.loss.append(loss)
        if len(history) == 3:
            raise KeyboardInterrupt
        history.seconds.append(0.0)

    monkeypatch.setattr(dr.History, "append", interrupted)
    X = np.ones((4, 2))
    with pytest.raises(KeyboardInterrupt) as caught:
        dr.MLP([2, 1]).fit(X, X[:, 0], epochs=9, validation=(X, X[:, 0]))
    assert len(caught.value.history) == len(caught.value.history.seconds) == 2  # type: ignore[attr-defined]


def test_a_table_of_pandas(history: dr.History, monkeypatch: pytest.MonkeyPatch) -> None:
    """What pandas is asked for; and, where it is installed, what it makes of it."""

    class Frame:
        def __init__(self, rows: list[dict[str, float]], columns: Any) -> None:
            self.rows, self.columns = rows, columns

        def set_index(self, name: str) -> Any:
            assert name == "epoch"
            return self

    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "pandas", SimpleNamespace(DataFrame=Frame))  # type: ignore[misc]
        asked = history.to_frame()
        assert list(asked.rows[0]) == COLUMNS
        assert [row["epoch"] for row in asked.rows] == [1, 2, 3]
        assert [row["saturated[1]"] for row in asked.rows] == [s[1] for s in history.saturated]
        patched.setitem(sys.modules, "pandas", None)  # as if it were not there
        with pytest.raises(ImportError, match=r"to_frame needs pandas: pip install pandas"):
            history.to_frame()
    pytest.importorskip("pandas")
    frame = history.to_frame()
    assert frame.index.tolist() == [1, 2, 3]
    assert frame["loss"].tolist() == history.loss
    assert frame.columns.tolist() == COLUMNS[1:]
    assert len(dr.History().to_frame()) == 0


def test_an_epoch_that_is_not_there(history: dr.History) -> None:
    for i in (3, -4):
        with pytest.raises(IndexError, match=rf"^i: {i}; expected one of 3 epochs, -3 to 2$"):
            history.entry(i)
    with pytest.raises(IndexError, match=r"^i: -1; there are no epochs$"):
        dr.History().entry()


def test_a_metric_with_a_column_s_name() -> None:
    from deltarule.entries import entry

    history = dr.History()
    history.append(0.5, 0.1, 10, metrics={"seconds": 3.0})
    assert entry(history, -1)["metric seconds"] == 3.0
    assert entry(history, 0)["seconds"] == 0.1


def test_plot(history: dr.History) -> None:
    pytest.importorskip("matplotlib").use("Agg")
    import matplotlib.pyplot as plt

    ax = history.plot(scale="log")
    drawn = [line.get_ydata().tolist() for line in ax.lines]
    assert drawn == [history.loss, history.validation_loss]
    ax = history.plot(metric="accuracy")
    history.plot(ax, "again", metric="accuracy")
    drawn = [line.get_ydata().tolist() for line in ax.lines]
    assert drawn == [history.metrics["accuracy"]] * 2
    assert ax.get_ylabel() == "accuracy"
    assert ax.lines[0].get_color() != ax.lines[1].get_color()
    with pytest.raises(ValueError, match="metric: 'r2'; expected 'loss' or 'accuracy'"):
        history.plot(metric="r2")
    with pytest.raises(ValueError, match="history: 0 epochs"):
        dr.History().plot()
    plt.close("all")
