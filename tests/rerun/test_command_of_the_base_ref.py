"""A command from the base ref's policy trains; one that the branch under review brings is never run."""

import json
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from tests.builders.command import audit
from tests.builders.repos import commit, init
from tests.builders.repositories import TINY_BASE
from tests.rerun import variants as v

COPY = "import shutil, sys\nshutil.copytree(sys.argv[1], sys.argv[2])\n"
"""A training that takes no time: it leaves the files of one that was made before."""


def policy(*words: str) -> bytes:
    return f"[rerun]\ncommand = {json.dumps(list(words))}\n".encode()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    made, script = tmp_path / "made", tmp_path / "copy.py"
    for path, data in v.committed().items():
        (made / path).parent.mkdir(parents=True, exist_ok=True)
        (made / path).write_bytes(data)
    script.write_text(COPY)
    repo = init(tmp_path / "repo")
    commit(repo, "main", {".audit.toml": policy(sys.executable, str(script), str(made), "{output}")})
    theirs = policy(sys.executable, "-c", f"open({str(tmp_path / 'pwned')!r}, 'w')", "{output}")
    commit(repo, "head", {**v.committed(), ".audit.toml": theirs})
    return repo


GIVEN = ("--base", str(TINY_BASE), "--data", str(v.DATA), "--format", "json")


def test_the_base_refs_command_is_run_and_the_branchs_is_not(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = audit(capsys, "compare", "main", "head", "--repo", str(repository), "--rerun", *GIVEN)
    result = json.loads(done.out)["rerun"]
    assert result["verdict"] == "identical"
    settings = result["plan"]["settings"]
    assert settings["trainer"]["value"] == "command"
    assert settings["trainer"]["source"] == "main:.audit.toml:2"
    assert not (repository.parent / "pwned").exists()
    # Every training left the same bits, so other machines' noise was not measured, which the report says.
    assert (
        "The variation moved no bit, so the noise of another machine is not known."
        in result["does_not_prove"]
    )


def test_a_single_side_brings_its_own_policy_which_is_refused(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = audit(capsys, "rerun", "head", "--repo", str(repository), *GIVEN)
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines() == [
        "audit: the command in head:.audit.toml:2 is that of what is audited, and it is not run",
        "hint: give it with --command, or set --trainer to another",
    ]
    assert not (repository.parent / "pwned").exists()


def test_a_script_of_the_work_tree_is_refused(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = shutil.copy(repository.parent / "copy.py", repository / "train.py")
    command = f"{shlex.quote(sys.executable)} {shlex.quote(str(script))} {{output}}"
    done = audit(capsys, "rerun", "head", "--repo", str(repository), "--command", command, *GIVEN)
    assert done.code == 2
    assert "which lies in what is audited; nothing of that is executed" in done.err


def test_a_failing_command_ends_with_3_and_its_last_lines(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = f"{shlex.quote(sys.executable)} -c \"raise SystemExit('no such column')\" {{output}}"
    done = audit(capsys, "rerun", "head", "--repo", str(repository), "--command", command, *GIVEN)
    assert done.code == 3
    assert done.err.count("no such column") == 1
    assert "audit: the command ended with code 1" in done.err


def test_the_place_to_train_is_the_base_refs_or_the_users(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repo = init(tmp_path / "repo")
    commit(repo, "main", {".audit.toml": b'[rerun]\non = "nowhere"\njobs = 2\n'})
    theirs = b'[rerun]\non = "slurm:setup=touch pwned"\n'
    commit(repo, "head", {**v.committed(), ".audit.toml": theirs})
    done = audit(capsys, "compare", "main", "head", "--repo", str(repo), "--rerun", *GIVEN)
    assert done.code == 2
    assert "there is no place 'nowhere' to train" in done.err
    done = audit(capsys, "rerun", "head", "--repo", str(repo), "--plan", *GIVEN)
    assert done.code == 2
    assert (
        "the place to train in head:.audit.toml:2 is that of what is audited, and it is not used" in done.err
    )
    done = audit(capsys, "rerun", "head", "--repo", str(repo), "--plan", "--on", "local", *GIVEN)
    assert done.code == 0


@pytest.mark.parametrize("line", ["jobs = 0", "jobs = 1.5", "jobs = true", "on = 3"])
def test_a_place_of_another_type_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    repo = init(tmp_path / "repo")
    commit(repo, "main", {".audit.toml": f"[rerun]\n{line}\n".encode()})
    done = audit(capsys, "compare", "main", "main", "--repo", str(repo))
    assert done.code == 2
    assert line.partition(" ")[0] in done.err
