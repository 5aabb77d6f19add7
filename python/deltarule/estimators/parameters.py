# SPDX-License-Identifier: BSD-3-Clause
"""What each parameter of an estimator may be, in scikit-learn's form: its messages come with it."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
)

from deltarule import activations, losses
from deltarule.dropout import Dropout
from deltarule.estimators.steps import NAMED
from deltarule.estimators.targets import CROSS_ENTROPIES, REGRESSIONS
from deltarule.optimizers import Rule
from deltarule.schedules import Schedule


class _Floats(Interval):
    """Real numbers that a float can hold: an int may be larger than any."""

    def __contains__(self, value: Any) -> bool:
        try:
            float(value)
        except (OverflowError, TypeError):
            return False
        return bool(super().__contains__(value))


POSITIVE = _Floats(Real, 0, None, closed="neither")
NOT_NEGATIVE = _Floats(Real, 0, None, closed="left")
FRACTION = Interval(Real, 0, 1, closed="left")
COUNT = Interval(Integral, 1, None, closed="left")

OWN = (*CROSS_ENTROPIES, *REGRESSIONS)  # losses by names that the core does not know

# scikit-learn's, in its order.
INHERITED: dict[str, list[Any]] = {
    "hidden_layer_sizes": ["array-like", COUNT],
    "activation": [str, "array-like"],
    "solver": [StrOptions({"lbfgs", *NAMED}), Rule],
    "alpha": [NOT_NEGATIVE],
    "batch_size": [StrOptions({"auto"}), COUNT],
    "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"}), Schedule],
    "learning_rate_init": [POSITIVE],
    "power_t": [NOT_NEGATIVE],
    "max_iter": [COUNT],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [NOT_NEGATIVE],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [FRACTION],
    "beta_1": [FRACTION],
    "beta_2": [FRACTION],
    "epsilon": [POSITIVE],
    "n_iter_no_change": [COUNT, Options(Real, {np.inf})],
    "max_fun": [COUNT],
    "loss": [str, callable],
}

# The wishes: whatever is None or False changes nothing.
FURTHER: dict[str, list[Any]] = {
    "dropout": [None, FRACTION, Dropout, Schedule],
    "noise": [None, NOT_NEGATIVE, Schedule],
    "init": [None, str, "array-like"],
    "metric": [None, str, callable],
    "keep_optimizer": ["boolean"],
    "n_jobs": [None, Interval(Integral, None, -1, closed="right"), COUNT],
    "dtype": [None, StrOptions({"float32", "float64"}), Options(type, {np.float32, np.float64})],
    "max_seconds": [None, POSITIVE],
    "callbacks": [
        None, list, tuple,
        *(HasMethods(m) for m in ("on_fit_begin", "on_epoch_end", "on_batch_end", "on_fit_end")),
    ],
    "progress": ["boolean"],
    "checkpoint": [None, str, bytes, HasMethods("__fspath__")],
    "every": [COUNT],
    "resume": [None, "boolean", str, bytes, HasMethods("__fspath__")],
}  # fmt: skip

# What trains in steps alone, and what it is where L-BFGS-B does instead.
OF_STEPS = {
    "dropout": None, "noise": None, "callbacks": None, "progress": False, "checkpoint": None,
    "resume": None, "keep_optimizer": False,
}  # fmt: skip


def check_names(estimator: Any) -> None:
    """Refuse activations and losses that nobody knows.

    Raises
    ------
    InvalidParameterError
        In scikit-learn's words.
    """
    given = estimator.activation, estimator.loss
    for name, value, known in zip(
        ("activation", "loss"), given, (activations.NAMES, [*OWN, *losses.TABLE]), strict=True
    ):
        for each in [value] if isinstance(value, str) or callable(value) else value:
            if isinstance(each, str) and each.partition("(")[0].strip() not in known:
                raise InvalidParameterError(
                    f"The {name!r} parameter of {type(estimator).__name__} must be a str among "
                    f"{set(known)}. Got {each!r} instead."
                )


def check_together(estimator: Any, X_val: Any, incremental: bool) -> None:
    """Refuse what does not go together, such as what L-BFGS-B cannot do.

    Raises
    ------
    ValueError
        If a warm start would be resumed, or something is asked for that only steps have.
    """
    if estimator.resume and estimator.warm_start and not incremental and hasattr(
        estimator, "n_layers_"
    ):  # fmt: skip
        raise ValueError(
            f"resume: {estimator.resume!r} in a warm start, which goes on from the estimator's own "
            "weights; expected None"
        )
    if estimator.solver != "lbfgs":
        return
    given = {name: getattr(estimator, name) for name in OF_STEPS} | {"X_val": X_val}
    for name, value in given.items():
        if value is not None and (name == "X_val" or value):
            raise ValueError(
                f"{name}: {value!r:.60} with solver='lbfgs'; expected {OF_STEPS.get(name)!r}, or a "
                "solver that trains in steps"
            )
