# SPDX-License-Identifier: BSD-3-Clause
"""How many threads an estimator may use beside others that run at the same time."""

from __future__ import annotations

import threading

from joblib.parallel import get_active_backend

from deltarule import _core


def allowed(n_jobs: int | None) -> int | None:
    """Return the threads of `n_jobs`; None: as many as pay.

    One of joblib's threads has its core for itself, and no other. A process of joblib's has the
    share of the cores that joblib gives it (OMP_NUM_THREADS), which bounds every number here, as
    threadpoolctl's limits do.

    Parameters
    ----------
    n_jobs : int or None
        -1: all that are allowed, -2: all but one, ...; None: as many as pay.

    Returns
    -------
    int or None
    """
    if threading.current_thread() is not threading.main_thread():
        backend, _ = get_active_backend()
        if backend.nesting_level:
            return 1
    if n_jobs is None:
        return None
    most: int = _core.default_threads()
    return max(1, most + 1 + n_jobs) if n_jobs < 0 else min(int(n_jobs), most)
