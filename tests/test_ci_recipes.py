"""docs/ci.md keeps its word: its workflows are YAML, their audit lines run, and its hook guards a bare repository."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "ci.md").read_text()
BLOCKS = dict(re.findall(r"^## (.+?)\n.*?```(?:yaml|sh)\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE))
FORGES = ("GitHub Actions", "Forgejo and Gitea", "GitLab CI")
BUNDLES = {"seed": ("caost-test-2", 1), "tiny": ("candidate", 0)}


def git(folder: Path, *arguments: str, path: str | None = None) -> "subprocess.CompletedProcess[str]":
    names = {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = {**os.environ, **names, "PATH": path or os.environ["PATH"], "GIT_LFS_SKIP_SMUDGE": "1"}
    return subprocess.run(
        ["git", "-C", str(folder), *arguments], env=environment, capture_output=True, text=True
    )


@pytest.fixture
def commands(tmp_path: Path) -> str:
    """A PATH whose first folder has the ``audit`` of this checkout."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "audit"
    script.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m auditor "$@"\n')
    script.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def lines(title: str) -> Iterator[str]:
    """The shell lines of a workflow, whoever's dialect it is."""
    jobs = yaml.safe_load(BLOCKS[title])
    for job in jobs.get("jobs", jobs).values():
        yield from job.get("script", ())
        yield from (step["run"] for step in job.get("steps", ()) if "run" in step)


def reports(title: str) -> dict[str, str]:
    """Format and path of each report that a workflow writes."""
    (line,) = (line for line in lines(title) if line.startswith("audit "))
    return dict(found.split("=", 1) for found in re.findall(r"--output (\S+)", line))


def clone(tmp_path: Path, name: str) -> Path:
    """What a forge's checkout of the branch under review leaves."""
    folder = tmp_path / name
    bundle = str(ROOT / "fixtures" / name / "repo.bundle")
    assert git(tmp_path, "clone", "--quiet", "--branch", BUNDLES[name][0], bundle, name).returncode == 0
    if name == "tiny":
        lfs = folder / ".git" / "lfs" / "objects"  # where git-lfs is installed, its filter has made it
        shutil.copytree(ROOT / "fixtures" / name / "lfs", lfs, dirs_exist_ok=True)
    return folder


@pytest.mark.parametrize("title", FORGES)
def test_a_workflow_uploads_what_it_writes(title: str) -> None:
    assert reports(title)
    for path in reports(title).values():
        assert BLOCKS[title].count(path) >= 2, f"{path} is written and not kept"


@pytest.mark.parametrize("name", BUNDLES)
@pytest.mark.parametrize("title", FORGES)
def test_a_workflow_judges_a_branch(tmp_path: Path, commands: str, title: str, name: str) -> None:
    folder = clone(tmp_path, name)
    (line,) = (line for line in lines(title) if line.startswith("audit "))
    done = subprocess.run(
        ["bash", "-e", "-c", line], cwd=folder, env={**os.environ, "PATH": commands}, capture_output=True
    )
    assert done.returncode == BUNDLES[name][1], done.stderr.decode()
    for path in reports(title).values():
        assert (folder / path).stat().st_size > 0


@pytest.mark.parametrize("title", FORGES)
def test_the_refs_whose_weights_are_fetched_are_those_of_a_checkout_on_a_forge(
    tmp_path: Path, title: str
) -> None:
    """A detached HEAD and no branch of its own; git-lfs 3.3 refuses a ref that is not here (`Invalid ref argument`)."""
    folder = clone(tmp_path, "tiny")
    git(folder, "checkout", "--quiet", "--detach")
    assert git(folder, "branch", "--delete", "--force", "candidate").returncode == 0
    (fetched,) = (line for line in lines(title) if line.startswith("git lfs fetch "))
    remote, *refs = fetched.removeprefix("git lfs fetch ").split()
    assert (remote, len(refs)) == ("origin", 2)
    assert [ref for ref in refs if git(folder, "rev-parse", "--verify", "--quiet", ref).returncode] == []


def test_the_hook_refuses_a_push_and_says_why(tmp_path: Path, commands: str) -> None:
    bundle = str(ROOT / "fixtures" / "seed" / "repo.bundle")
    assert git(tmp_path, "clone", "--quiet", "--bare", bundle, "server").returncode == 0
    assert git(tmp_path, "clone", "--quiet", "server", "work").returncode == 0
    server, work = tmp_path / "server", tmp_path / "work"
    hook = server / "hooks" / "pre-receive"
    hook.write_text(BLOCKS["On the server, before a push is taken"])
    hook.chmod(0o755)

    def push(start: str, ref: str) -> "subprocess.CompletedProcess[str]":
        git(work, "checkout", "--quiet", "--detach", start)
        git(work, "commit", "--quiet", "--allow-empty", "--message", "one more")  # not on the server yet
        return git(work, "push", "origin", f"HEAD:refs/heads/{ref}", path=commands)

    refused = push("origin/caost-test-2", "mine")
    assert refused.returncode == 1
    assert "card-names-other-base" in refused.stderr
    assert "pre-receive hook declined" in refused.stderr
    assert git(server, "rev-parse", "--verify", "mine").returncode != 0
    assert push("origin/main", "main").returncode == 0
    assert git(work, "push", "origin", ":caost-test-2", path=commands).returncode == 0


def test_the_pre_commit_hook_is_one_the_manifest_has() -> None:
    (manifest,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    (repository,) = yaml.safe_load(BLOCKS["Before a commit"])["repos"]
    assert [hook["id"] for hook in repository["hooks"]] == [manifest["id"]]
    assert manifest["pass_filenames"] is False
    for path in ("adapter_config.json", "a/checkpoint-450/rng_state.pth", "model.safetensors", "README.md"):
        assert re.search(manifest["files"], path)
    assert not re.search(manifest["files"], "src/main.py")
