# SPDX-License-Identifier: BSD-3-Clause
"""How many threads an estimator may use where it runs: workers times threads <= cores."""

from __future__ import annotations

import threading

from joblib.parallel import get_active_backend

from deltarule import _core
from deltarule._arguments import integer


def allowed(n_jobs: int | None) -> int | None:
    """Return the core's `n_threads` for an estimator's `n_jobs`.

    Parameters
    ----------
    n_jobs : int or None
        So many threads, or with -1, -2, .. all cores, all but one, ..; None: as many as pay.

    Returns
    -------
    int or None
        Never more than this process, or this thread by threadpoolctl, is given; 1 in a thread
        that is one of several workers. Processes of workers are told their share by loky and dask,
        by OMP_NUM_THREADS.

    Raises
    ------
    TypeError, ValueError
        If it is no integer, or 0.
    """
    if n_jobs is not None:
        n_jobs = integer("n_jobs", n_jobs, -(2**31))
        if n_jobs == 0:
            raise ValueError("n_jobs: 0; expected a number of threads, -1 for all, or None")
    if _is_worker():
        return 1
    if n_jobs is None:
        return None
    most: int = _core.default_threads()
    return min(n_jobs, most) if n_jobs > 0 else max(1, most + 1 + n_jobs)


def _is_worker() -> bool:
    """Whether this thread takes tasks of joblib's beside others."""
    if threading.current_thread() is threading.main_thread():
        return False
    backend, _ = get_active_backend()
    return bool(backend.nesting_level) or "Dask" in type(backend).__name__
