# SPDX-License-Identifier: BSD-3-Clause
"""No more threads than are ours: affinity, quotas of containers, limits set from outside."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deltarule import _core

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and cgroups")

OURS = """
import os
import numpy as np
import deltarule as dr
X = np.zeros((4096, 64), "f4")
dr.MLP([64, 256, 256, 8], seed=0).fit(X, X[:, :8], batch_size=2048, epochs=2)
dr.MLP([64, 256, 256, 8], seed=0).predict(np.zeros((20000, 64), "f4"))
print(dr.info().threads, len(os.listdir("/proc/self/task")))
"""


def threads_of(
    *before: str, code: str = OURS, environment: dict[str, str] | None = None
) -> list[int]:
    """The default number of threads, and how many a process has after a fit and a prediction."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    clean["OPENBLAS_NUM_THREADS"] = "1"  # NumPy's threads are not ours
    done = subprocess.run(
        [*before, sys.executable, "-c", code], env=clean | (environment or {}),
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [int(word) for word in done.stdout.split()]


@pytest.mark.parametrize(
    ("text", "cores"),
    [
        ("150000 100000\n", 1.5), ("max 100000\n", 0), ("5000 100000", 0.05), ("max", 0), ("", 0),
        ("100000 0", 0), ("-1 100000", 0), ("many 100000", 0), ("100000 -5", 0),
        ("inf 100000", 0), ("nan 100000", 0),
    ],
)  # fmt: skip
def test_a_quota(text: str, cores: float, tmp_path: Path) -> None:
    """Of cgroup v2, where a container sees it: at the root of what is mounted."""
    (tmp_path / "cpu.max").write_text(text)
    assert _core.cpu_quota(str(tmp_path), "/nowhere") == cores


def test_the_quotas_above_count_too(tmp_path: Path) -> None:
    """A service's own is max where its slice has one: the least holds."""
    own = tmp_path / "user.slice" / "job.scope"
    own.mkdir(parents=True)
    member = tmp_path / "membership"
    member.write_text("0::/user.slice/job.scope\n")
    for folder, text, cores in (
        (own, "300000 100000", 3), (own.parent, "200000 100000", 2), (own, "max 100000", 2),
        (tmp_path, "250000 100000", 2), (own, "50000 100000", 0.5),
    ):  # fmt: skip
        (folder / "cpu.max").write_text(text)
        assert _core.cpu_quota(str(tmp_path), str(member)) == cores
    member.write_text("0::/other/../elsewhere\n")
    assert _core.cpu_quota(str(tmp_path), str(member)) == 2.5


@pytest.mark.parametrize("controllers", ["cpu", "cpu,cpuacct", "cpuacct,cpu"])
def test_a_quota_of_the_first_version(controllers: str, tmp_path: Path) -> None:
    folder = tmp_path / "cpu" / "docker" / "1f"
    folder.mkdir(parents=True)
    member = tmp_path / "membership"
    member.write_text(f"5:memory:/m\n4:{controllers}:/docker/1f\n3:cpuset:/set\n0::/\n")
    (folder / "cpu.cfs_quota_us").write_text("150000\n")
    assert _core.cpu_quota(str(tmp_path), str(member)) == 0
    (folder / "cpu.cfs_period_us").write_text("100000\n")
    assert _core.cpu_quota(str(tmp_path), str(member)) == 1.5
    (folder / "cpu.cfs_quota_us").write_text("-1\n")
    assert _core.cpu_quota(str(tmp_path), str(member)) == 0


def mount_of(folder: Path) -> list[str]:
    """The command that runs another where `folder` is the cgroups, or skips the test."""
    script = 'mount --bind "$0" /sys/fs/cgroup && exec "$@"'
    command = ["unshare", "-m", "sh", "-c", script, str(folder)]
    allowed = shutil.which("unshare") and not subprocess.run([*command, "true"]).returncode
    if not allowed:
        pytest.skip("no mounts of our own here")
    return command


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_a_container_of_one_core(tmp_path: Path) -> None:
    """The whole of it: a process that finds a quota of one core starts no second thread."""
    command = mount_of(tmp_path)
    assert threads_of(*command)[0] >= 2
    (tmp_path / "cpu.max").write_text("100000 100000\n")
    assert threads_of(*command) == [1, 1]
    assert threads_of(*command, environment={"OMP_NUM_THREADS": "2"})[0] == 2


@pytest.mark.skipif(not shutil.which("taskset"), reason="needs taskset")
def test_affinity() -> None:
    core = str(min(os.sched_getaffinity(0)))
    assert threads_of("taskset", "-c", core) == [1, 1]
    later = f"import os; import deltarule; os.sched_setaffinity(0, [{core}])\n{OURS}"
    assert threads_of(code=later) == [1, 1]  # changed once we are there


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_threadpoolctl_sees_and_limits_us() -> None:
    pytest.importorskip("threadpoolctl")
    code = f"""
import threadpoolctl, deltarule
pools = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "openmp"]
assert len(pools) == 1, pools
with threadpoolctl.threadpool_limits(1, user_api="openmp"):
    exec({OURS!r})
assert deltarule.info().threads > 1
exec({OURS!r})
"""
    limited, after_it, free, at_last = threads_of(code=code)
    assert (limited, after_it) == (1, 1)
    assert free == at_last > 1
