# SPDX-License-Identifier: BSD-3-Clause
"""scikit-learn's checks of estimators, of every one here: none fails, none is expected to."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("sklearn")
from sklearn.utils.estimator_checks import parametrize_with_checks

import deltarule as dr


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(
    [
        dr.MLPClassifier(max_iter=100),
        dr.MLPRegressor(max_iter=100),
        dr.MLPAutoencoder(max_iter=30),
        dr.PerceptronClassifier(),
        dr.LogisticRegressionGD(),
    ]
)
def test_checks(estimator: Any, check: Any) -> None:
    check(estimator)
