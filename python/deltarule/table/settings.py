# SPDX-License-Identifier: BSD-3-Clause
"""Everything that may be chosen of a training over a table, stated once.

`TableModel.fit` takes these as keyword arguments, the command line as options, a configuration file
as keys. To add one: a field here, and its use in `training.py`.
"""

from __future__ import annotations

import csv
import json
from argparse import ArgumentTypeError
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from deltarule import losses
from deltarule._arguments import choice, integer, number
from deltarule._validate import MAX_THREADS
from deltarule.activations import activation
from deltarule.optimizers import OPTIMIZERS, Optimizer
from deltarule.specification import name_and_rest

TASKS = ("auto", "classification", "regression")
METRICS = ("loss", "accuracy", "mean_absolute_error", "mean_squared_error", "r2")
LOSSES = {
    "classification": ("cross_entropy", "focal"),
    "regression": (
        "half_squared_error", "squared_error", "absolute", "huber", "quantile", "log_cosh",
        "poisson", "gamma", "tweedie",
    ),
}  # fmt: skip
TUPLES = ("drop", "categories", "hidden")
RULES = {name.lower(): rule for name, rule in OPTIMIZERS.items()}


def names(text: str) -> tuple[str, ...]:
    """Read names separated by commas; one that holds a comma stands in double quotes."""
    (row,) = csv.reader([text], skipinitialspace=True)
    return tuple(row)


def character(text: str) -> str:
    """Read one ASCII character; a tab may be written as it is in source texts."""
    text = "\t" if text == "\\t" else text
    if len(text.encode()) != 1:
        raise ArgumentTypeError(f"{text!r}; expected one ASCII character")
    return text


def sizes(text: str) -> tuple[int, ...]:
    """Read whole numbers separated by commas, or "none"."""
    try:
        return () if text == "none" else tuple(int(part) for part in text.split(","))
    except ValueError:
        expected = "whole numbers separated by commas, or none"
        raise ArgumentTypeError(f"{text!r}; expected {expected}") from None


def option(default: Any, read: Callable[[str], Any], metavar: str, help: str) -> Any:
    """Declare a setting: how the command line reads it, and what it says of it."""
    return field(default=default, metadata={"read": read, "metavar": metavar, "help": help})


@dataclass(frozen=True)
class Settings:
    """What `TableModel.fit` takes besides the tables, with its defaults.

    Raises
    ------
    TypeError, ValueError
        If a value does not fit; the message begins with its name.
    """

    task: str = option("auto", str, "TASK", "classification, regression, or auto: by the target")
    drop: tuple[str, ...] = option((), names, "NAME,...", "columns that are no features")
    categories: tuple[str, ...] = option(
        (), names, "NAME,...", "columns whose numbers are categories"
    )
    max_categories: int = option(64, int, "N", "most categories of a column")
    holdout: float = option(
        0.2, float, "SHARE", "of the rows held out to stop early, without --valid; 0: none"
    )
    hidden: tuple[int, ...] = option((64, 64), sizes, "N,...", "units of the hidden layers; none")
    activation: str = option("relu", str, "NAME", "of the hidden layers")
    loss: str | None = option(
        None, str, "NAME", "default cross_entropy or half_squared_error, by the task"
    )
    l2: float = option(0.0, float, "NUMBER", "penalty on the weights")
    dropout: float = option(0.0, float, "RATE", "share of hidden units that are off in training")
    optimizer: str = option("adam", str, "NAME", 'with parameters: "sgd(momentum=0.9)"')
    eta: float | None = option(None, float, "NUMBER", "learning rate; default the optimizer's")
    batch_size: int = option(32, int, "ROWS", "per step")
    epochs: int = option(200, int, "N", "most passes over the data")
    patience: int = option(20, int, "N", "epochs without improvement after which to stop")
    metric: str = option("loss", str, "NAME", f"that must improve: {', '.join(METRICS)}")
    max_seconds: float | None = option(None, float, "SECONDS", "most time to train")
    class_weight: str | None = option(None, str, "balanced", "count each class alike")
    seed: int = option(0, int, "N", "of held-out rows, weights, shuffles, dropout")
    dtype: str = option("float32", str, "NAME", "float32 or float64")
    threads: int | None = option(None, int, "N", "default as many as pay; no bit depends on it")

    def __post_init__(self) -> None:
        def put(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        choice("task", self.task, TASKS)
        choice("metric", self.metric, METRICS)
        choice("dtype", self.dtype, ("float32", "float64"))
        for name in ("drop", "categories"):
            put(name, _sequence(name, getattr(self, name), str, "names of columns"))
        put("hidden", _sequence("hidden", self.hidden, int, "whole numbers >= 1"))
        for units in self.hidden:
            integer("hidden", units, 1)
        for name, least in (
            ("max_categories", 2), ("batch_size", 1), ("epochs", 1), ("patience", 1), ("seed", 0),
        ):  # fmt: skip
            put(name, integer(name, getattr(self, name), least))
        if self.threads is not None:
            put("threads", integer("threads", self.threads, 1))
            if self.threads > MAX_THREADS:
                raise ValueError(f"threads: {self.threads}; expected at most {MAX_THREADS}")
        for name, expected, holds in (
            ("holdout", "a number >= 0 and < 1", lambda v: 0 <= v < 1),
            ("dropout", "a number >= 0 and < 1", lambda v: 0 <= v < 1),
            ("l2", "a number >= 0", lambda v: v >= 0),
        ):
            put(name, number(name, getattr(self, name), holds, expected))
        for name in ("eta", "max_seconds"):
            if getattr(self, name) is not None:
                put(name, number(name, getattr(self, name), lambda v: v > 0, "a number > 0"))
        if self.class_weight is not None:
            choice("class_weight", self.class_weight, ("balanced",))
        activation("activation", self.activation)
        self._judge_loss()
        self.rule()

    def _judge_loss(self) -> None:
        if self.loss is None:
            return
        tasks = [self.task] if self.task != "auto" else list(LOSSES)
        allowed = [name for task in tasks for name in LOSSES[task]]
        if not isinstance(self.loss, str):
            raise TypeError(f"loss: {self.loss!r}; expected a string")
        chosen = losses.read(self.loss)
        if chosen.name not in allowed or len(chosen.values) > 1:
            raise ValueError(f"loss: {self.loss!r}; expected one of {', '.join(allowed)}")

    def rule(self) -> Optimizer:
        """Return the optimizer with its parameters."""
        if not isinstance(self.optimizer, str):
            raise TypeError(f"optimizer: {self.optimizer!r}; expected a string")
        found = name_and_rest(self.optimizer)
        if found is None or found[1].lower() not in RULES:
            raise ValueError(f"optimizer: {self.optimizer!r}; expected one of {', '.join(RULES)}")
        given: dict[str, Any] = {} if self.eta is None else {"eta": self.eta}
        for part in (found[2] or "").split(","):
            if not part.strip():
                continue
            key, _, text = (piece.strip() for piece in part.partition("="))
            try:
                given[key] = json.loads(text.lower())
            except ValueError:
                expected = "name=number, true or false"
                raise ValueError(f"optimizer: {part.strip()!r}; expected {expected}") from None
        try:
            return RULES[found[1].lower()](**given)
        except TypeError as error:
            said = str(error).split("__init__() ")[-1]
            raise ValueError(f"optimizer: {self.optimizer!r}: {said}") from None
        except ValueError as error:
            raise ValueError(f"optimizer: {self.optimizer!r}: {error}") from None


def _sequence(name: str, given: object, of: type, expected: str) -> tuple[Any, ...]:
    """A list or tuple of one type, as a tuple."""
    if not isinstance(given, list | tuple) or any(
        not isinstance(item, of) or isinstance(item, bool) for item in given
    ):
        raise TypeError(f"{name}: {given!r}; expected a list of {expected}")
    return tuple(given)
