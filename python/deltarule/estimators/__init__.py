# SPDX-License-Identifier: BSD-3-Clause
"""Estimators for scikit-learn: its multi-layer perceptrons and their kin, on the native core."""

try:
    import scipy  # noqa: F401
    import sklearn  # noqa: F401
except ImportError:
    raise ImportError(
        'the estimators need scikit-learn: pip install "deltarule[sklearn]"'
    ) from None

from deltarule.estimators.autoencoder import MLPAutoencoder
from deltarule.estimators.classifier import MLPClassifier
from deltarule.estimators.logistic import LogisticRegressionGD
from deltarule.estimators.perceptron import PerceptronClassifier
from deltarule.estimators.regressor import MLPRegressor

__all__ = [
    "LogisticRegressionGD",
    "MLPAutoencoder",
    "MLPClassifier",
    "MLPRegressor",
    "PerceptronClassifier",
]
