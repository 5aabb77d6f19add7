# SPDX-License-Identifier: BSD-3-Clause
# cython: language_level=3, boundscheck=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""The loops of the literal reference, a function for each equation and rule.

They re-implement docs/derivation.md, section 11: blocks of 256, the tree of 16 lanes, the
polynomials, the optimizers. They call nothing of the core, know no panels, threads or vectors, and
take from libc only fma and sqrt, which round once. Arrays are row-major, W with its bias last.
"""

include "literal_elementary.pxi"
include "literal_equations.pxi"
include "literal_activations.pxi"
include "literal_losses.pxi"
include "literal_row_losses.pxi"
include "literal_sparsity.pxi"
include "literal_random.pxi"
include "literal_optimizers.pxi"
include "literal_limits.pxi"

from deltarule.activations import parts as specification_of, row
from deltarule.losses import read


cdef object _ELEMENTARY = {
    "exp": 0, "log": 1, "log1p_of_unit": 2, "logistic": 3, "tanh": 4, "sin_2pi": 5, "cos_2pi": 6,
}


def elementary(str name, const real[:] x):
    """exp, log, log1p_of_unit, logistic, tanh, sin_2pi or cos_2pi of every x."""
    cdef int function = _ELEMENTARY[name]
    result = np.empty(x.shape[0], dtype_of(<real>0))
    cdef real[:] y = result
    cdef Py_ssize_t i
    for i in range(x.shape[0]):
        if function == 0:
            y[i] = exp(x[i])
        elif function == 1:
            y[i] = log(x[i])
        elif function == 2:
            y[i] = log1p_of_unit(x[i])
        elif function == 3:
            y[i] = logistic(x[i])
        elif function == 4:
            y[i] = tanh(x[i])
        elif function == 5:
            y[i] = sin_2pi(x[i])
        else:
            y[i] = cos_2pi(x[i])
    return result
