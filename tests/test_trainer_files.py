# SPDX-License-Identifier: BSD-3-Clause
"""Trainers in files: one that was saved and loaded goes on with the same bits."""

import copy
import functools
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damaged_files import crafted_like

import deltarule as dr
from deltarule import schedules
from deltarule.files import declarations
from deltarule.optimizers import OPTIMIZERS

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 4)), RNG.normal(size=(40, 2))

TRAINERS: dict[str, dict[str, Any]] = {
    **{name: {"optimizer": rule(), "batch_size": None if rule.full_batch else 16}
       for name, rule in OPTIMIZERS.items()},
    "plain": {},
    "momentum": {"optimizer": dr.SGD(0.1, momentum=0.9, nesterov=True, clip_norm=1.0)},
    "factors": {"optimizer": dr.SGD(0.1, eta_factors=(1.0, 0.0), max_norm=2.0)},
    "amsgrad": {"optimizer": dr.AdamW(amsgrad=True), "batch_size": 7, "n_threads": 2},
    "cosine": {"optimizer": dr.SGD(schedules.Cosine(0.1, over=4))},
    "steps": {"optimizer": dr.SGD(schedules.Step(0.1, at=(1, 2.5)))},
    "warm plateau": {
        "optimizer": dr.SGD(schedules.WarmUp(schedules.Plateau(0.1, patience=0), over=2))
    },
    "momentum moves": {
        "optimizer": dr.SGD(0.1, schedules.OneCycle(0.85, over=4, start=0.95, end=0.95)),
    },
    "sparse": {"sparsity": dr.Sparsity(1, "l1", 0.1)},
    "ema": {"average": dr.EMA(0.9)},
    "swa": {"average": dr.SWA(2)},
    "swa, none yet": {"average": dr.SWA(9)},
    "dropout": {"dropout": dr.Dropout((0.3,), input=0.1), "seed": 5},
    "noise": {"noise": schedules.Linear(0.3, over=5), "seed": None},
}  # fmt: skip


def trainer(options: dict[str, Any], dtype: str = "float32") -> dr.Trainer:
    return dr.Trainer(dr.MLP([4, 5, 2], "prelu", seed=1, dtype=dtype), **options)


@pytest.mark.parametrize("options", TRAINERS.values(), ids=[*TRAINERS])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_loaded_trainer_goes_on(options: dict[str, Any], dtype: str, tmp_path: Path) -> None:
    first = trainer(options, dtype)
    for _ in range(3):
        first.epoch(X, Y)
    first.save(tmp_path / "trainer")
    second = dr.Trainer.load(tmp_path / "trainer")
    assert repr(second) == repr(first)
    for _ in range(3):
        assert second.epoch(X, Y) == first.epoch(X, Y)
        assert second.mlp.w.tobytes() == first.mlp.w.tobytes()
    assert second.eta == first.eta
    if first.averaged_w is None:
        assert second.averaged_w is None
    else:
        assert second.averaged_w is not None
        assert second.averaged_w.tobytes() == first.averaged_w.tobytes()
    again = tmp_path / "again"
    first.save(again)
    before = again.read_bytes()
    second.save(again)
    assert again.read_bytes() == before


def test_its_network_is_read_too(tmp_path: Path) -> None:
    first = trainer({})
    first.epoch(X, Y)
    first.save(tmp_path / "trainer")
    assert dr.load(tmp_path / "trainer").w.tobytes() == first.mlp.w.tobytes()
    first.mlp.save(tmp_path / "model")
    with pytest.raises(dr.FileFormatError, match=r"it holds a network, .*; expected a tra"):
        dr.Trainer.load(tmp_path / "model")


def test_what_schedules_remember(tmp_path: Path) -> None:
    """The learning rate falls where the loss did not, across the file."""
    first = trainer({"optimizer": dr.SGD(schedules.Plateau(1e-30, patience=1, lowest=1e-32))})
    for _ in range(2):
        first.epoch(X, Y)
    first.save(tmp_path / "trainer")
    second = dr.Trainer.load(tmp_path / "trainer")
    etas = []
    for _ in range(3):
        second.epoch(X, Y)
        etas.append(second.eta)
    assert etas == [1e-30, pytest.approx(1e-31), pytest.approx(1e-31)]


def test_before_the_first_epoch(tmp_path: Path) -> None:
    """Plateau's best loss is infinite then."""
    first = trainer({"optimizer": dr.SGD(schedules.Plateau(0.1, patience=0))})
    first.save(tmp_path / "trainer")
    second = dr.Trainer.load(tmp_path / "trainer")
    assert second.n_epochs == 0
    assert second.epoch(X, Y) == first.epoch(X, Y)
    assert second.eta == first.eta


@pytest.mark.parametrize("visible", [False, True])
def test_nothing_is_kept_of_half_an_epoch(visible: bool, tmp_path: Path) -> None:
    first = trainer({})
    first.epoch(X, Y)
    with first.in_parts(len(X), visible) as epoch:
        epoch.part(X[:32], Y[:32])
        for keep in (first.save, lambda _: pickle.dumps(first), lambda _: copy.deepcopy(first)):
            with pytest.raises(RuntimeError, match=r"in the middle of an epoch|being trained"):
                keep(tmp_path / "trainer")
        assert not list(tmp_path.iterdir())
        epoch.part(X[32:], Y[32:])
    first.save(tmp_path / "trainer")
    assert dr.Trainer.load(tmp_path / "trainer").n_epochs == 2
    with pytest.raises(ValueError, match="the parts hold 32"), first.in_parts(len(X)) as epoch:
        epoch.part(X[:32], Y[:32])
    first.save(tmp_path / "trainer")

    class Saves:
        def on_batch_end(self, run: Any) -> None:
            run.trainer.save(tmp_path / "half")

    with pytest.raises(RuntimeError, match="in the middle of an epoch in parts"):
        first.mlp.fit(X, Y, callbacks=Saves())
    assert not (tmp_path / "half").exists()


@pytest.mark.parametrize("rule", [rule for rule in OPTIMIZERS.values() if rule.never_negative])
def test_squares_and_step_sizes_are_not_negative(rule: Any, tmp_path: Path) -> None:
    path = tmp_path / "trainer"
    first = trainer({"optimizer": rule(), "batch_size": None})
    first.epoch(X, Y)
    first.save(path)
    for s in rule.never_negative:
        if s < len(first.optimizer.slots):
            assert (first.state["slots"][s] >= 0).all()
            kept = path.read_bytes()
            crafted_like(path, tensor(f"slot.{s}", -first.state["slots"][s] - 1))
            with pytest.raises(dr.FileFormatError, match=f"its slot.{s} holds numbers < 0"):
                dr.Trainer.load(path)
            path.write_bytes(kept)


class Mine(dr.Adam):
    """A class that no file knows."""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": dr.SGD(schedules.OfEpoch(lambda e: 0.1))}, "optimizer.eta: OfEpoch"),
        ({"optimizer": dr.SGD(schedules.WarmUp(schedules.OfStep(len)))}, "optimizer.eta.after: Of"),
        ({"noise": schedules.OfEpoch(lambda e: 0.1)}, "noise: OfEpoch"),
        ({"optimizer": Mine()}, "optimizer: Mine.* of type Mine; expected what a file can hold"),
    ],
)
def test_what_a_file_cannot_name(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        trainer(options).save(tmp_path / "trainer")
    with pytest.raises(TypeError, match=r"^path: 3"):
        trainer({}).save(3)  # type: ignore[arg-type]
    mlp = dr.MLP([4, 2], loss=lambda y_hat, Y: ((y_hat - Y).sum(1), y_hat))
    with pytest.raises(ValueError, match=r"^save: the loss is the function .*lambda"):
        dr.Trainer(mlp).save(tmp_path / "trainer")
    assert not list(tmp_path.iterdir())


def test_every_declaration_has_its_place() -> None:
    """A schedule or rule that is added comes into the table, or among those of functions."""
    assert {*declarations.TABLE} >= {*schedules.__all__} - {"Schedule", "OfEpoch", "OfStep"}
    assert {*declarations.TABLE} >= {*OPTIMIZERS}


def section(path: str, value: object) -> Callable[[dict[str, Any], dict[str, np.ndarray]], None]:
    """Put a value at a place in the section "trainer"."""

    def change(manifest: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
        *way, last = path.split("/")
        at = manifest["sections"]["trainer"]
        for key in way:
            at = at[key]
        at[last] = json.loads(json.dumps(value))

    return change


def tensor(name: str, value: np.ndarray) -> Callable[[Any, dict[str, np.ndarray]], None]:
    return lambda manifest, tensors: tensors.__setitem__(name, value)


NESTED: Any = functools.reduce(lambda inner, _: [inner], range(600), [])
WRONG = [
    (section("optimizer", {"type": "Path"}), "optimizer is of type 'Path'; expected a known one"),
    (section("optimizer/type", ["Adam"]), r"optimizer is of type \['Adam'\]"),
    (section("optimizer/type", "OfEpoch"), "optimizer is of type 'OfEpoch'"),
    (section("optimizer/type", "Adam"), "its optimizer, Adam, has"),
    (section("optimizer/momentum", 2.0), "optimizer is not valid: momentum: 2.0"),
    (section("optimizer/eta/after", {"type": "Adam"}), "optimizer.eta.after, Adam, has"),
    (section("optimizer/eta/after/factor", "x"), "optimizer.eta.after is not valid: factor: 'x'"),
    (section("batch_size", -1), "its trainer is not valid: batch_size: -1"),
    (section("batch_size", {"number": "inf"}), "its trainer is not valid: batch_size: inf"),
    (section("sparsity", 3), "its trainer is not valid: sparsity: 3"),
    (section("dropout", [1, 2]), "its trainer is not valid: dropout"),
    (section("key", 2**64), "key is 18446744073709551616; expected 64 bits"),
    (section("key", "0"), "key is '0'"),
    (section("flavour", 1), "its trainer has .*'flavour'"),
    (section("state", None), "its state is None"),
    (section("state/epochs", -1), "one of such a trainer: state: epochs: -1"),
    (section("state/epochs", 2**62), r"state: epochs: 4611686018427387904; expected .* < 2\*\*62"),
    (section("state/steps", 2**62), r"state: steps: 4611686018427387904; expected .* < 2\*\*62"),
    (section("moving/steps", 2**62), "its schedules' state is"),
    (section("moving/memory/eta/bad", 2**62), "its schedules remember 4611686018427387904 as"),
    (section("state/beta_1_power", 1.5), "state: beta_1_power: 1.5; expected a number"),
    (section("state/mu_product", None), "state: mu_product: None"),
    (section("moving", []), r"its schedules' state is \[\]"),
    (section("moving/steps", 1.0), "its schedules' state is"),
    (section("moving/memory", {}), "its schedules' state is"),
    (section("moving/memory/eta", None), "its eta remembers None; expected the like of"),
    (section("moving/memory/eta/best", None), "its schedules remember None as eta.best; expected"),
    (section("moving/memory/eta/best", {"number": "nan"}), "its schedules remember nan"),
    *(
        (section("moving/memory/eta", value), "its eta remembers .*; expected the like of")
        for value in (True, 3, "x", [1, 2])
    ),
    (section("moving/memory/eta/value", -1.0), "its schedules remember -1.0 as eta.value"),
    (section("moving/memory/eta/value", {"number": "inf"}), "its schedules remember inf as"),
    (section("moving/memory/eta/value", 10**400), "its schedules remember 1000"),
    (section("moving/memory/eta/bad", 0.5), "its schedules remember 0.5 as eta.bad"),
    (section("moving/memory/eta/bad", NESTED), "its bad.* is in 8 others; expected fewer"),
    (section("moving/observed", None), "its schedules' state is"),
    (section("moving/observed", 9), "its schedules' state is"),
    (section("moving/last/eta", "0.1"), "its schedules remember '0.1' as eta of the last step"),
    (section("optimizer", NESTED), "its optimizer.* is in 8 others; expected fewer"),
    (section("batch_size", NESTED), "its batch_size.* is in 8 others; expected fewer"),
    (section("dropout", 1e308), "its trainer is not valid: dropout: 1e"),
    (tensor("slot.0", np.zeros(42, np.int32)), "its slot.0 is of int32; expected float32"),
    (tensor("V.0", np.zeros(3)), r"its tensors have \['V.0'\]"),
    (lambda manifest, tensors: manifest["sections"].update(flavour=1), "its sections have"),
    (section("moving/last", {"momentum": 0.1}), "its schedules' state is"),
    (tensor("slot.1", np.zeros(47, np.float32)), "such a trainer: state: 2 slots; expected 1"),
    (tensor("slot.0", np.zeros(46, np.float32)), r"state: slots\[0\]: shape \(46,\)"),
    (tensor("slot.0", np.full(42, np.nan, np.float32)), "slot.0 holds nan"),
    (tensor("slot.2", np.zeros(42, np.float32)), r"its tensors are \['slot.0', 'slot.2'\]"),
    (tensor("average", np.zeros(3)), "its average is of float64; expected float32"),
    (tensor("average", np.zeros(3, np.float32)), "state: average: shape"),
    (tensor("average", np.full(42, np.inf, np.float32)), "its average holds nan or inf"),
    (lambda manifest, tensors: tensors.pop("average"), "state: no 'average'"),
    (lambda manifest, tensors: tensors.pop("slot.0"), "state: 0 slots; expected 1"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message"), WRONG, ids=[message for _, message in WRONG])
def test_states_that_do_not_hold_together(change: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "trainer"
    eta = schedules.WarmUp(schedules.Plateau(0.1))
    first = trainer({"optimizer": dr.SGD(eta, momentum=0.5), "average": dr.EMA()})
    first.epoch(X, Y)
    first.save(path)
    crafted_like(path, change)
    with pytest.raises(dr.FileFormatError, match=f"^path: .*{message}") as caught:
        dr.Trainer.load(path)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("name", ["epochs", "steps"])
def test_counts_leave_room_to_count_on(name: str, tmp_path: Path) -> None:
    """The largest that is taken goes on; a pickle is judged as a file is."""
    first = trainer({"optimizer": dr.Adam()})
    first.epoch(X, Y)
    state = first.__getstate__()
    state["state"][name] = 2**62 - 1
    twin = dr.Trainer.__new__(dr.Trainer)
    twin.__setstate__(state)
    twin.epoch(X, Y)
    assert twin.state[name] >= 2**62
    state["state"][name] = 2**62
    with pytest.raises(ValueError, match=rf"^state: {name}: {2**62}; expected .* < 2\*\*62"):
        twin.__setstate__(state)
