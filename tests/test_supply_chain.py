# SPDX-License-Identifier: BSD-3-Clause
"""Where everything comes from: exact build requirements, hashes for CI, actions by commit."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKED = re.findall(
    r"^([\w.-]+)==([\w.+!]+)(?: ; [^\\]+)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)",
    (ROOT / "requirements" / "ci.txt").read_text(encoding="utf-8"),
    re.MULTILINE,
)

pytestmark = pytest.mark.skipif(not WORKFLOWS, reason="tests without the tree around them")


def requirements_of(extra):
    """What an extra asks for, other extras of ours followed."""
    for line in PROJECT["project"]["optional-dependencies"][extra]:
        requirement = Requirement(line)
        if requirement.name == "deltarule":
            for other in requirement.extras:
                yield from requirements_of(other)
        else:
            yield requirement


def test_build_requirements_are_exact():
    exact = PROJECT["build-system"]["requires"]
    assert all(re.fullmatch(r"[\w-]+==[\d.]+", line) for line in exact), exact
    assert set(exact) <= set(PROJECT["project"]["optional-dependencies"]["dev"])


def test_every_line_of_the_lock_is_exact_and_hashed():
    lines = (ROOT / "requirements" / "ci.txt").read_text(encoding="utf-8").splitlines()
    named = [line for line in lines if line and not line.startswith(("#", " "))]
    assert len(named) == len(LOCKED) > 50
    assert all(len(hashes.split("--hash")) > 1 for _, _, hashes in LOCKED)
    assert not [line for line in lines if "://" in line or line.startswith("-")]


def test_the_lock_satisfies_what_the_project_asks_for():
    locked = {}
    for name, version, _ in LOCKED:
        locked.setdefault(canonicalize_name(name), []).append(version)
    wanted = [*requirements_of("dev"), *map(Requirement, PROJECT["build-system"]["requires"])]
    wanted += map(Requirement, PROJECT["project"]["dependencies"])
    assert len(wanted) > 30
    unmet = [
        str(wish) for wish in wanted
        if not all(map(wish.specifier.contains, locked.get(canonicalize_name(wish.name), [""])))
    ]  # fmt: skip
    assert not unmet, "run scripts/lock.sh"


def jobs_of(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
class TestWorkflow:
    def test_actions_are_pinned_to_commits(self, path):
        used = re.findall(r"uses: (.*)", path.read_text(encoding="utf-8"))
        assert used
        for action in used:
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action

    def test_an_action_has_one_commit_everywhere(self, path):
        everywhere = {
            use for file in WORKFLOWS for use in re.findall(r"uses: (.*)", file.read_text("utf-8"))
        }
        names = [use.split("@")[0] for use in everywhere]
        assert len(names) == len(set(names)), sorted(everywhere)

    def test_rights_are_given_job_by_job(self, path):
        assert yaml.safe_load(path.read_text(encoding="utf-8"))["permissions"] == {}
        for name, job in jobs_of(path).items():
            writes = {right for right, level in job["permissions"].items() if level == "write"}
            assert writes == ({"id-token", "attestations"} if name == "publish" else set()), name
            assert job["timeout-minutes"] <= 120

    def test_nothing_of_a_stranger_becomes_shell_code(self, path):
        for job in jobs_of(path).values():
            for step in job["steps"]:
                assert "${{" not in step.get("run", "")
                if "checkout" in step.get("uses", ""):
                    assert step["with"]["persist-credentials"] is False

    def test_there_are_no_secrets(self, path):
        text = path.read_text(encoding="utf-8")
        assert "secrets." not in text
        assert "password" not in text
        assert "pull_request_target" not in text

    def test_scripts_that_it_runs_are_there(self, path):
        for script in re.findall(r"(?:scripts|\.ci)/[\w.]+", path.read_text(encoding="utf-8")):
            assert (ROOT / script).stat().st_mode & 0o100 or script == ".ci/run", script


def test_wheels_for_every_platform():
    (path,) = (path for path in WORKFLOWS if path.name == "wheels.yml")
    jobs = jobs_of(path)
    builds = {
        row["build"]: row["runner"] for row in jobs["wheels"]["strategy"]["matrix"]["include"]
    }
    assert set(builds) == {
        "*-manylinux_x86_64", "*-manylinux_aarch64", "*-musllinux_x86_64", "*-musllinux_aarch64",
        "*-macosx_arm64", "*-macosx_x86_64", "*-win_amd64",
    }  # fmt: skip
    for build, runner in builds.items():  # emulation would take hours
        assert ("aarch64" in build) == runner.endswith("-arm")
    settings = PROJECT["tool"]["cibuildwheel"]
    assert settings["windows"]["environment"]["CXX"] == "clang-cl"
    for system in ("linux", "macos", "windows"):
        assert settings[system]["environment"]["UV_CONSTRAINT"].endswith("requirements/ci.txt")


def test_only_a_release_is_published_and_from_these_jobs():
    (path,) = (path for path in WORKFLOWS if path.name == "wheels.yml")
    publish = jobs_of(path)["publish"]
    assert publish["if"] == "github.event_name == 'release'"
    assert sorted(publish["needs"]) == ["sdist", "wheels"]
    assert publish["environment"]["name"] == "pypi"
    assert not [step for step in publish["steps"] if "run" in step]
