# SPDX-License-Identifier: BSD-3-Clause
"""scikit-learn's callbacks (`sklearn.callback`, from 1.9) on the core's loop over epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deltarule.training_loop import Run

__all__ = ["Bridge", "CallbackSupportMixin", "with_callbacks"]

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # before 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """There are none."""

    def with_callbacks(method: Any) -> Any:
        """Return the method as it is."""
        return method


class Bridge:
    """Tells an estimator's callbacks of its fit and of each epoch or iteration.

    Parameters
    ----------
    estimator : BaseMLP
        That is fitted.
    data : dict
        X, y and metadata as the user gave them.
    """

    def __init__(self, estimator: Any, **data: Any) -> None:
        self.est, self.data = estimator, data
        self.fit = estimator._init_callback_context(max_subtasks=estimator.max_iter)
        self.fit.call_on_fit_task_begin(estimator=estimator, **data)
        self.now: Any = None

    @classmethod
    def of(cls, estimator: Any, **data: Any) -> Bridge | None:
        """Return one where somebody listens."""
        if hasattr(estimator, "_skl_callbacks") or hasattr(estimator, "_parent_callback_ctx"):
            return cls(estimator, **data)
        return None

    def steps(self, rows: Any, data: Any) -> Bridge:
        """Return it as a callback of the core's loop."""
        rows.before = self.begin
        return self

    def begin(self) -> None:
        """As an epoch or iteration begins."""
        self.now = self.fit.subcontext(task_name="epoch")
        self.now.call_on_fit_task_begin(estimator=self.est, **self.data)

    def end(self, attributes: Any) -> bool:
        """As it ends, with what would be fitted now; whether to go no further."""
        return bool(
            self.now.call_on_fit_task_end(
                estimator=self.est, reconstruction_attributes=attributes, **self.data
            )
        )

    def on_epoch_end(self, run: Run) -> None:
        """Ask the callbacks after an epoch of steps."""
        if self.end(lambda: self.est._attributes_of(run.mlp)):
            run.stop("callback")

    def close(self) -> None:
        """When the fit is over."""
        self.fit.call_on_fit_task_end(
            estimator=self.est, reconstruction_attributes=dict, **self.data
        )
