# SPDX-License-Identifier: BSD-3-Clause
"""What lies on disk is whole, whatever fails while it is written; and the training is kept."""

import errno
import importlib.util
import io
import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.files import container, replacing

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(60, 4)), RNG.normal(size=(60, 2))
SCRIPTS = Path(__file__).parents[1] / "scripts"


def no_space(*given: Any) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def disk_of(n_bytes: int) -> Callable[[int, bytes], int]:
    """os.write of a disk with so much room, which takes no more than 1000 bytes at a time."""
    left = n_bytes

    def write(file: int, data: bytes) -> int:
        nonlocal left
        if not left:
            no_space()
        written = os.write(file, bytes(data[: min(1000, left)]))
        left -= written
        return written

    return write


def interrupted(*given: Any) -> int:
    raise KeyboardInterrupt


class Os:
    """The module os, but for one function."""

    def __init__(self, **functions: Any) -> None:
        self.functions = functions

    def __getattr__(self, name: str) -> Any:
        return self.functions.get(name) or getattr(os, name)


FAULTS = [
    ("no byte", {"write": disk_of(0)}, "No space left"),
    ("half the header", {"write": disk_of(700)}, "No space left"),
    ("half of it", {"write": disk_of(2500)}, "No space left"),
    ("fsync", {"fsync": no_space}, "No space left"),
    ("replace", {"replace": no_space}, "No space left"),
    ("Ctrl-C", {"write": interrupted}, ""),
    ("Ctrl-C in fsync", {"fsync": interrupted}, ""),
]


@pytest.mark.parametrize("fault", FAULTS, ids=[fault[0] for fault in FAULTS])
def test_the_disk_fails_in_a_training(
    fault: tuple[str, dict[str, Any], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the file; the old one is as it was, and the training goes on from it."""
    _, functions, message = fault
    path = tmp_path / "checkpoint"
    told: dict[str, Any] = {"seed": 3, "checkpoint": path, "epochs": 6}
    after = []

    def fail_after_4(run: Any) -> None:
        after.append((run.mlp.w.tobytes(), path.exists() and path.read_bytes()))
        if run.epoch == 4:
            monkeypatch.setattr(replacing, "os", Os(**functions))

    class Fails:
        on_epoch_end = staticmethod(fail_after_4)

    mlp = dr.MLP([4, 5, 2], seed=1)
    kind = OSError if message else KeyboardInterrupt
    with pytest.raises(kind, match=message or None) as caught:
        mlp.fit(X, Y, callbacks=Fails(), **told)
    monkeypatch.undo()
    if message:
        assert str(caught.value).startswith(f"path: '{path}' cannot be written (")
        assert caught.value.errno == errno.ENOSPC  # type: ignore[union-attr]
    assert len(caught.value.history) == 4  # type: ignore[union-attr]
    assert os.listdir(tmp_path) == ["checkpoint"]
    assert path.read_bytes() == after[3][1]
    assert container.read(path).sections["fit"]["epoch"] == 3
    assert mlp.w.tobytes() == after[3][0]
    whole, resumed = dr.MLP([4, 5, 2], seed=1), dr.MLP([4, 5, 2], seed=2)
    whole.fit(X, Y, seed=3, epochs=6)
    resumed.fit(X, Y, resume=True, **told)
    assert resumed.w.tobytes() == whole.w.tobytes()


class Failing:
    """The module os, where one call of so many fails; what is closed is closed all the same."""

    def __init__(self, number: int, error: int) -> None:
        self.left, self.error = number, error

    def __getattr__(self, name: str) -> Any:
        found = getattr(os, name)
        if name not in ("open", "write", "fchmod", "fsync", "fstat", "replace", "unlink", "close"):
            return found

        def call(*given: Any) -> Any:
            if name == "close":
                os.close(*given)
                return self.count()
            self.count()
            return found(*given)

        return call

    def count(self) -> None:
        self.left -= 1
        if self.left == -1:
            raise OSError(self.error, os.strerror(self.error))

    def open_file(self, path: str, mode: str, buffering: int) -> io.FileIO:
        """As the built-in `open`, without a buffer."""
        assert buffering == 0
        self.count()
        counts = self.count

        class File(io.FileIO):
            def close(self) -> None:
                was_open = not self.closed
                super().close()
                if was_open:
                    counts()

        return File(path, mode.replace("b", ""))


def trained() -> dr.Trainer:
    trainer = dr.Trainer(dr.MLP([4, 5, 2], seed=1), batch_size=8)
    trainer.epoch(X, Y)
    return trainer


def fit_from(path: Path) -> None:
    dr.MLP([4, 5, 2], seed=1).fit(X, Y, seed=3, epochs=1, checkpoint=path)


SAVES: dict[str, Callable[[Path], Any]] = {
    "network": lambda path: dr.MLP([4, 9, 2], seed=2).save(path),
    "trainer": lambda path: trained().save(path),
    "ensemble": lambda path: dr.Ensemble([dr.MLP([4, 2], seed=k) for k in (1, 2)]).save(path),
    "checkpoint": fit_from,
}


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("kind", SAVES)
def test_every_call_may_fail(
    kind: str, error: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then there is the old file or the new one, nothing beside it, and no descriptor is left."""
    path = tmp_path / "it"
    dr.MLP([4, 5, 2], seed=1).save(path)
    before, number = path.read_bytes(), 0
    descriptors = len(os.listdir("/proc/self/fd"))
    while True:
        path.write_bytes(before)
        failing = Failing(number, error)
        with monkeypatch.context() as patch:
            patch.setattr(replacing, "os", failing)
            patch.setattr(replacing, "open", failing.open_file, raising=False)
            try:
                SAVES[kind](path)
            except OSError as error_that_came:
                raised = error_that_came
            else:
                assert failing.left >= 0, "an error was swallowed"
                break
        assert raised.errno == error
        assert str(raised).startswith(f"path: '{path}' cannot be written (")
        assert path.read_bytes() == before or container.read(path)  # whole: its digest fits
        assert os.listdir(tmp_path) == ["it"], number
        assert len(os.listdir("/proc/self/fd")) == descriptors, number
        number += 1
    assert number >= 9


class Interrupting:
    """A signal's handler that raises: after so many steps of writing files.

    Python runs one when a function begins and after a call into C, as it does a profile function.
    """

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, frame: FrameType, event: str, given: Any) -> None:
        if event in ("call", "c_return") and self.of_writing(frame):
            self.left -= 1
            if self.left == -1:
                raise SystemExit(3)

    def of_writing(self, frame: FrameType | None) -> bool:
        while frame and frame.f_code.co_filename != replacing.__file__:
            frame = frame.f_back
        return frame is not None


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # it closes as it goes
@pytest.mark.parametrize("kind", SAVES)
def test_a_handler_may_raise_at_every_step(kind: str, tmp_path: Path) -> None:
    """As SIGTERM's may, which ends in sys.exit: old file or new, no descriptor more."""
    path = tmp_path / "it"
    dr.MLP([4, 5, 2], seed=1).save(path)
    before, number, ended = path.read_bytes(), 0, False
    profiler, descriptors = sys.getprofile(), len(os.listdir("/proc/self/fd"))
    while not ended:
        path.write_bytes(before)
        sys.setprofile(Interrupting(number))
        try:
            SAVES[kind](path)
            ended = True
        except SystemExit:
            number += 1
        finally:
            sys.setprofile(profiler)
        assert path.read_bytes() == before or container.read(path)  # whole: its digest fits
        assert os.listdir(tmp_path) == ["it"], number
        assert len(os.listdir("/proc/self/fd")) == descriptors, number
    assert number >= 50


def test_small_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write may take less than it was given."""
    mlp = dr.MLP([4, 50, 2], seed=1)
    mlp.save(tmp_path / "one")
    monkeypatch.setattr(replacing, "os", Os(write=lambda file, data: os.write(file, data[:7])))
    mlp.save(tmp_path / "other")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_the_order_of_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it is on the disk before it takes its place; then the folder is, too."""
    events: list[str] = []

    def noting(name: str) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            folder = name == "fsync" and stat.S_ISDIR(os.fstat(given[0]).st_mode)
            events.append("fsync of the folder" if folder else name)
            return getattr(os, name)(*given)

        return call

    monkeypatch.setattr(
        replacing, "os", Os(**{name: noting(name) for name in ("write", "fsync", "replace")})
    )
    dr.MLP([4, 2], seed=1).save(tmp_path / "model")
    assert events == [*["write"] * 2, "fsync", "replace", "fsync of the folder"]


def test_a_limit_on_files(tmp_path: Path) -> None:
    """The kernel itself refuses a file that is too large: the old one stays."""
    path = tmp_path / "model"
    dr.MLP([4, 5, 2], seed=1).save(path)
    before = path.read_bytes()
    large = dr.MLP([100, 100, 2])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, hard))
    try:
        with pytest.raises(OSError, match=r"cannot be written .*File too large"):
            large.save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["model"]


def test_a_folder_that_is_not_writable(tmp_path: Path) -> None:
    """Nothing is trained for a checkpoint that could not be written."""
    path = tmp_path / "checkpoint"
    mlp = dr.MLP([4, 5, 2], seed=1)
    mlp.save(path)
    w, before = mlp.w, path.read_bytes()
    tmp_path.chmod(0o500)
    user = os.geteuid()
    if user == 0:  # whom no permissions stop
        os.seteuid(65534)
    try:
        for call in (lambda: mlp.save(path), lambda: mlp.fit(X, Y, checkpoint=path)):
            with pytest.raises(OSError, match=r"^path: '.*' cannot be .*ermission denied"):
                call()
    finally:
        os.seteuid(user)
        tmp_path.chmod(0o700)
    assert path.read_bytes() == before
    assert mlp.w.tobytes() == w.tobytes()
    assert os.listdir(tmp_path) == ["checkpoint"]


def test_files_that_a_killed_process_left(tmp_path: Path) -> None:
    """They go when the next fit begins; that which another process is writing stays."""
    left, other = tmp_path / f".deltarule-{'0' * 16}", tmp_path / ".deltarule-mine"
    left.touch()
    other.touch()
    code = (
        "import sys; from deltarule.files.replacing import _beside\n"
        "file, path = _beside(sys.argv[1])\n"
        "print(path, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writing:
        assert writing.stdout is not None
        name = os.path.basename(writing.stdout.readline().decode().strip())
        dr.MLP([4, 2]).fit(X, Y, epochs=1, checkpoint=tmp_path / "checkpoint")
        assert {*os.listdir(tmp_path)} == {"checkpoint", ".deltarule-mine", name}
        writing.kill()
    dr.MLP([4, 2]).fit(X, Y, epochs=1, checkpoint=tmp_path / "checkpoint")
    assert {*os.listdir(tmp_path)} == {"checkpoint", ".deltarule-mine"}


def script(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_killed_and_resumed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Four SIGKILLs at random times; scripts/kill_and_resume.py takes 200."""
    assert script("kill_and_resume").kill_and_resume(4, 0, 20, tmp_path)
    lines = capfd.readouterr().out.splitlines()
    assert sum(line.startswith("kill") and "whole" in line for line in lines) == 4
    assert lines[-1] == "resumed to epoch 20: bits equal"


def test_the_system_s_errors_are_of_their_kind() -> None:
    for number, kind in ((errno.EACCES, PermissionError), (errno.ENOSPC, OSError)):
        named = replacing._named("there", "written", OSError(number, "why"))
        assert (type(named), named.errno) == (kind, number)
        assert str(named).startswith("path: 'there' cannot be written (")


def test_no_more_is_read_than_the_header_says(tmp_path: Path) -> None:
    """A file of 1 TiB of nothing is refused at once."""
    path = tmp_path / "model"
    dr.MLP([4, 2]).save(path)
    os.truncate(path, 2**40)
    with pytest.raises(dr.FileFormatError, match=r"its tensors end after 40 bytes, where 1099511"):
        dr.load(path)
