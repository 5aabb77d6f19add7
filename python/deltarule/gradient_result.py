# SPDX-License-Identifier: BSD-3-Clause
"""What `check_gradient` found: a verdict, the worst place of each layer, a table."""

from __future__ import annotations

from dataclasses import dataclass

from deltarule.info import align


@dataclass(frozen=True)
class LayerCheck:
    """The gradient of one W[k] against differences of the loss.

    Attributes
    ----------
    k : int
        Of W[k].
    shape : (int, int)
        Of W[k]; with a column more where units learn a parameter.
    n_checked : int
        Weights whose difference was taken.
    n_skipped : int
        Weights drawn but skipped, as every difference straddles a kink.
    relative_error : float
        The worst: |g - D| / max(|g|, |D|, bound of D / tolerance).
    where : (int, int, int), optional
        (k, j, i) of the worst: W[k][j, i]. None where all were skipped.
    gradient, difference : float
        g and D there.
    resolution : float
        The largest error bound of a difference, relative to the layer's largest |D|: an error of
        this share of the largest gradient might go unseen.
    deviation : float, optional
        Of a float32 network's own gradient: largest distance from the float64 one over all
        weights of the layer, relative to the largest. None for a float64 network.
    """

    k: int
    shape: tuple[int, int]
    n_checked: int
    n_skipped: int
    relative_error: float
    where: tuple[int, int, int] | None
    gradient: float
    difference: float
    resolution: float
    deviation: float | None


@dataclass(frozen=True, repr=False)
class GradientCheck:
    """What `check_gradient` found: true if the gradient is right, and printed as a table.

    Attributes
    ----------
    layers : tuple of LayerCheck
        For k = 0 .. m.
    tolerance : float
        The largest relative error that is still right.
    step : float
        The largest h by which a weight was moved.
    n_samples : int
        Rows of X.
    dtype : str
        The network's.
    """

    layers: tuple[LayerCheck, ...]
    tolerance: float
    step: float
    n_samples: int
    dtype: str

    @property
    def ok(self) -> bool:
        """Whether each layer was checked and no relative error exceeds the tolerance."""
        return all(layer.n_checked and self._right(layer) for layer in self.layers)

    @property
    def relative_error(self) -> float:
        """The worst of all layers."""
        return max(layer.relative_error for layer in self.layers)

    @property
    def where(self) -> tuple[int, int, int] | None:
        """(k, j, i) of the worst of all layers: W[k][j, i]."""
        return max(self.layers, key=lambda layer: layer.relative_error).where

    def _right(self, layer: LayerCheck) -> bool:
        return layer.relative_error <= self.tolerance

    def __bool__(self) -> bool:
        return self.ok

    def __repr__(self) -> str:
        single = self.dtype == "float32"
        head = ("", "shape", "checked", "skipped", "worst error", "at [j, i]", "gradient",
                "difference", "resolution")  # fmt: skip
        rows = [(*head, *(["float32 off"] if single else []), "")]
        for layer in self.layers:
            j_i = "" if layer.where is None else f"[{layer.where[1]}, {layer.where[2]}]"
            verdict = "" if self._right(layer) else "WRONG"
            rows.append((
                f"dW[{layer.k}]", f"{layer.shape[0]} x {layer.shape[1]}", f"{layer.n_checked:,}",
                f"{layer.n_skipped:,}", f"{layer.relative_error:.1e}", j_i,
                f"{layer.gradient:.6g}", f"{layer.difference:.6g}", f"{layer.resolution:.0e}",
                *([f"{layer.deviation or 0:.1e}"] if single else []),
                verdict if layer.n_checked else "NOT CHECKED",
            ))  # fmt: skip
        return "\n".join([*align(rows, "<<>>><>>>" + ">" * single + "<"), self._last()])

    def _last(self) -> str:
        if self.ok:
            verdict = f"right: no relative error above {self.tolerance:.0e}"
        elif all(self._right(layer) for layer in self.layers):
            verdict = (
                "no error found, but a layer could not be checked: all differences straddle kinks"
            )
        else:
            verdict = f"WRONG: a relative error above {self.tolerance:.0e}"
        skipped = sum(layer.n_skipped for layer in self.layers)
        across = f", {skipped:,} skipped across kinks" if skipped else ""
        return f"{verdict}; {self.n_samples:,} samples, h <= {self.step:.2g}{across}"
