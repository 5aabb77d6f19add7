# SPDX-License-Identifier: BSD-3-Clause
from collections.abc import Iterable, Mapping

from numpy.typing import ArrayLike, DTypeLike

from deltarule.architecture import Architecture
from deltarule.optimizers import Optimizer
from deltarule.oracle.steps import State
from deltarule.results import Array, Backward, Trace
from deltarule.sparsity import Sparsity

def elementary(name: str, x: Array) -> Array: ...
def gather(X: Array, shift: Array | None = None, scale: Array | None = None) -> Array: ...
def affine(o: Array, W: Array) -> Array: ...
def activate(name: str, net: Array) -> Array: ...
def output_delta(
    loss: str, output: str, y: Array, y_hat: Array, collapsed: bool = True
) -> Array: ...
def hidden_delta(
    delta: Array, W: Array, name: str, o: Array, pull: Array | None = None
) -> Array: ...
def input_gradient(delta: Array, W: Array, scale: Array | None = None) -> Array: ...
def weight_gradient(
    delta: Array, o: Array, W: Array, S: float, l2: float, l1: float = 0.0
) -> Array: ...
def row_loss(loss: str, output: str, y: Array, net: Array, y_hat: Array) -> Array: ...
def batch_loss(rows: Array, S: float, gamma: float = 0.0) -> float: ...
def sum_of_squares(W: Array) -> Array: ...
def sum_of_magnitudes(W: Array) -> Array: ...
def penalty(W: Iterable[Array], l2: float, l1: float = 0.0) -> float: ...
def l1_losses(o: Array, rows: Array, weight: float) -> Array: ...
def mean_outputs(o: Array) -> Array: ...
def kl_penalty(rho_hat: Array, weight: float, target: float, n: int, S: float) -> float: ...
def kl_pull(rho_hat: Array, weight: float, target: float) -> Array: ...
def l1_pull(o: Array, weight: float) -> Array: ...
def clipped(g: Array, most: float) -> Array: ...
def decayed(W: Array, share: float) -> Array: ...
def sgd(w: Array, g: Array, eta: float) -> Array: ...
def momentum(w: Array, g: Array, v: Array, eta: float, mu: float) -> tuple[Array, Array]: ...
def nesterov(
    w: Array, g: Array, v: Array, eta: float, mu: float, eta_in_velocity: bool = False
) -> tuple[Array, Array]: ...
def velocity(w: Array, g: Array, v: Array, eta: float, mu: float) -> tuple[Array, Array]: ...
def adam(
    w: Array,
    g: Array,
    m: Array,
    v: Array,
    eta: float,
    beta_1: float,
    beta_2: float,
    eps: float,
    beta_1_power: float,
    beta_2_power: float,
    eps_inside: bool = False,
) -> tuple[Array, Array, Array]: ...
def amsgrad(
    w: Array,
    g: Array,
    m: Array,
    v: Array,
    h: Array,
    eta: float,
    beta_1: float,
    beta_2: float,
    eps: float,
    beta_1_power: float,
    beta_2_power: float,
    eps_inside: bool = False,
) -> tuple[Array, Array, Array, Array]: ...
def nadam(
    w: Array,
    g: Array,
    m: Array,
    v: Array,
    eta: float,
    beta_1: float,
    beta_2: float,
    eps: float,
    beta_2_power: float,
    mu: float,
    mu_next: float,
    mu_product: float,
) -> tuple[Array, Array, Array]: ...
def adagrad(w: Array, g: Array, q: Array, eta: float, eps: float) -> tuple[Array, Array]: ...
def rmsprop(
    w: Array, g: Array, v: Array, eta: float, beta: float, eps: float
) -> tuple[Array, Array]: ...
def rmsprop_momentum(
    w: Array, g: Array, v: Array, b: Array, eta: float, beta: float, eps: float, mu: float
) -> tuple[Array, Array, Array]: ...
def rmsprop_centered(
    w: Array, g: Array, v: Array, b: Array, a: Array, eta: float, beta: float, eps: float, mu: float
) -> tuple[Array, Array, Array, Array]: ...
def adadelta(
    w: Array, g: Array, v: Array, a: Array, eta: float, beta: float, eps: float
) -> tuple[Array, Array, Array]: ...
def lion(
    w: Array, g: Array, m: Array, eta: float, beta_1: float, beta_2: float
) -> tuple[Array, Array]: ...
def rprop(
    w: Array, g: Array, p: Array, s: Array, shrink: float, grow: float, least: float, most: float
) -> tuple[Array, Array, Array]: ...

class MLP:
    architecture: Architecture
    collapsed: bool
    w: Array
    def __init__(
        self,
        architecture: Architecture,
        w: ArrayLike,
        dtype: DTypeLike | None = None,
        collapsed: bool = True,
    ) -> None: ...
    @property
    def W(self) -> tuple[Array, ...]: ...
    def forward(self, X: ArrayLike) -> Trace: ...
    def backward(
        self, trace: Trace, Y: ArrayLike, sparsity: Sparsity | None = None
    ) -> Backward: ...
    def predict(self, X: ArrayLike) -> Array: ...
    def loss(self, X: ArrayLike, Y: ArrayLike) -> float: ...
    def gradient(self, X: ArrayLike, Y: ArrayLike) -> Array: ...

class Trainer:
    mlp: MLP
    optimizer: Optimizer
    batch_size: int | None
    sparsity: Sparsity | None
    state: State
    @property
    def steps(self) -> int: ...
    def __init__(
        self,
        mlp: MLP,
        optimizer: Optimizer,
        batch_size: int | None = None,
        sparsity: Sparsity | None = None,
    ) -> None: ...
    def epoch(
        self,
        X: ArrayLike,
        Y: ArrayLike,
        order: ArrayLike | None = None,
        sample_weight: None = None,
        numbers: Mapping[str, Array] | None = None,
    ) -> float: ...
