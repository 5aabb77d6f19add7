# SPDX-License-Identifier: BSD-3-Clause
"""Multi-layer perceptrons on the CPU: native training that matches its derivation bit for bit."""

import os
from importlib import import_module
from typing import TYPE_CHECKING

from deltarule import _core
from deltarule.compare import compare
from deltarule.dropout import Dropout
from deltarule.history import History
from deltarule.info import info
from deltarule.jacobian import jacobian
from deltarule.mlp import MLP
from deltarule.results import Backward, Trace
from deltarule.trainer import Trainer

if TYPE_CHECKING:
    from deltarule import callbacks, construct, oracle, plot, schedules, streams, table
    from deltarule.autoencoder import Autoencoder
    from deltarule.averaging import EMA, SWA
    from deltarule.ensemble import Ensemble
    from deltarule.estimators import (
        LogisticRegressionGD,
        MLPAutoencoder,
        MLPClassifier,
        MLPRegressor,
        PerceptronClassifier,
    )
    from deltarule.files import FileFormatError, load
    from deltarule.full_batch import minimize
    from deltarule.gradient_check import check_gradient
    from deltarule.learning_rate import find_learning_rate
    from deltarule.many import fit_many
    from deltarule.optimizers import (
        SGD,
        Adadelta,
        AdaGrad,
        Adam,
        AdamW,
        Lion,
        NAdam,
        RMSProp,
        Rprop,
    )
    from deltarule.per_model import each
    from deltarule.perceptron import Perceptron
    from deltarule.radial import RBFNetwork
    from deltarule.regression import linear_regression, logistic_regression
    from deltarule.sparsity import Sparsity
    from deltarule.start import ntk_factors, unit_variance
    from deltarule.stopping import EarlyStopping

__version__ = "0.1.0"

__all__ = [
    "EMA",
    "MLP",
    "SGD",
    "SWA",
    "AdaGrad",
    "Adadelta",
    "Adam",
    "AdamW",
    "Autoencoder",
    "Backward",
    "Dropout",
    "EarlyStopping",
    "Ensemble",
    "FileFormatError",
    "History",
    "Lion",
    "LogisticRegressionGD",
    "MLPAutoencoder",
    "MLPClassifier",
    "MLPRegressor",
    "NAdam",
    "Perceptron",
    "PerceptronClassifier",
    "RBFNetwork",
    "RMSProp",
    "Rprop",
    "Sparsity",
    "Trace",
    "Trainer",
    "callbacks",
    "check_gradient",
    "compare",
    "construct",
    "each",
    "find_learning_rate",
    "fit_many",
    "info",
    "jacobian",
    "linear_regression",
    "load",
    "logistic_regression",
    "minimize",
    "ntk_factors",
    "oracle",
    "plot",
    "schedules",
    "streams",
    "table",
    "unit_variance",
]

# Imported when first used: training does without them.
_MODULES = ("callbacks", "construct", "oracle", "plot", "schedules", "streams", "table")
_HOMES = {
    "Autoencoder": "autoencoder",
    "EMA": "averaging",
    "EarlyStopping": "stopping",
    "Ensemble": "ensemble",
    "FileFormatError": "files",
    "SWA": "averaging",
    "SGD": "optimizers",
    "AdaGrad": "optimizers",
    "Adadelta": "optimizers",
    "Adam": "optimizers",
    "AdamW": "optimizers",
    "Lion": "optimizers",
    "LogisticRegressionGD": "estimators",
    "MLPAutoencoder": "estimators",
    "NAdam": "optimizers",
    "RMSProp": "optimizers",
    "Rprop": "optimizers",
    "MLPClassifier": "estimators",
    "MLPRegressor": "estimators",
    "Perceptron": "perceptron",
    "PerceptronClassifier": "estimators",
    "RBFNetwork": "radial",
    "Sparsity": "sparsity",
    "check_gradient": "gradient_check",
    "each": "per_model",
    "find_learning_rate": "learning_rate",
    "fit_many": "many",
    "linear_regression": "regression",
    "load": "files",
    "logistic_regression": "regression",
    "minimize": "full_batch",
    "ntk_factors": "start",
    "unit_variance": "start",
}

_core.isa()  # an unknown name in DELTARULE_ISA is an error now, not in the middle of something

# A child of fork() inherits OpenMP's bookkeeping without its threads and would wait for them for
# ever; with the pool given up beforehand, parent and child each start one when they next need it.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_core.pause_threads, after_in_child=_core.note_main_thread)


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return import_module(f"deltarule.{name}")
    if name in _HOMES:
        value = getattr(import_module(f"deltarule.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
