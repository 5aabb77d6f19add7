# SPDX-License-Identifier: BSD-3-Clause
"""What `minimize` returns, and what it notes on the way."""

from __future__ import annotations

from dataclasses import dataclass, field

from deltarule.results import Array


@dataclass
class Iterations:
    """Loss and gradient at the start and after each iteration of `minimize`: n_iterations + 1 each.

    Attributes
    ----------
    loss : list of float
        L of all rows, the penalty included.
    gradient_norm : list of float
        max_i |dL/dw_i|, which `tol` is compared with.
    evaluations : list of int
        How often loss and gradient had been computed.
    seconds : list of float
        Wall time since the start.
    """

    loss: list[float] = field(default_factory=list)
    gradient_norm: list[float] = field(default_factory=list)
    evaluations: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def append(self, loss: float, gradient_norm: float, evaluations: int, seconds: float) -> None:
        """Add one iteration.

        Parameters
        ----------
        loss, gradient_norm, evaluations, seconds
            Of the point that was reached.
        """
        self.loss.append(loss)
        self.gradient_norm.append(gradient_norm)
        self.evaluations.append(evaluations)
        self.seconds.append(seconds)

    def __len__(self) -> int:
        """Return the number of entries, the start's included."""
        return len(self.loss)


@dataclass(frozen=True, eq=False)
class Minimum:
    """What `minimize` found; in brackets the names of SciPy's `OptimizeResult`.

    Attributes
    ----------
    w : array of float64, (n_weights,)
        The point (x). A float32 network's `w` is this, rounded.
    loss : float
        L there (fun).
    gradient : array of float64, (n_weights,)
        dL/dw there (jac).
    success : bool
        Whether the method stopped because it arrived, rather than at `max_iter`, at the callback's
        wish or where no step went down any more.
    message : str
        Why it stopped, in SciPy's words.
    n_iterations, n_evaluations : int
        Steps taken (nit), and losses with gradients computed (nfev).
    seconds_in_kernels, seconds : float
        Wall time in the native loss and gradient, and of everything.
    history : Iterations
        Loss and norm of the gradient by iteration.
    """

    w: Array
    loss: float
    gradient: Array
    success: bool
    message: str
    n_iterations: int
    n_evaluations: int
    seconds_in_kernels: float
    seconds: float
    history: Iterations

    def __repr__(self) -> str:
        how = "success" if self.success else "no success"
        return (
            f"Minimum(loss={self.loss:.6g}, {how}: {self.message!r}, "
            f"n_iterations={self.n_iterations}, n_evaluations={self.n_evaluations})"
        )
