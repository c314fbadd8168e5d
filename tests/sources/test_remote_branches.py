"""A branch that only a remote has is meant by its own name, as ``git switch`` means it."""

from pathlib import Path

import pytest

from auditor.errors import UsageError
from auditor.sources import targets
from tests.builders import repos


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository with the branch main, and the remote branches origin/main and origin/side."""
    path = repos.init(tmp_path / "r")
    first = repos.commit(path, "main", {"README.md": b"first"})
    second = repos.commit(path, "other", {"README.md": b"second"}, (first,))
    repos.git(path, "update-ref", "refs/remotes/origin/main", second)
    repos.git(path, "update-ref", "refs/remotes/origin/team/side", second)
    repos.git(path, "branch", "-D", "other")
    return path


def test_the_one_remote_branch_is_taken_and_named_in_full(clone: Path) -> None:
    with targets.refs(["main", "team/side"], clone, ()) as opened:
        before, after = opened.snapshots
    assert (before.name, after.name) == ("main", "origin/team/side")
    assert before.commit == repos.git(clone, "rev-parse", "refs/heads/main").strip()
    assert after.commit == repos.git(clone, "rev-parse", "refs/remotes/origin/team/side").strip()
    assert opened.related is True


def test_two_remotes_with_that_branch_are_no_answer(clone: Path) -> None:
    commit = repos.git(clone, "rev-parse", "refs/heads/main").strip()
    repos.git(clone, "update-ref", "refs/remotes/second/team/side", commit)
    with pytest.raises(UsageError) as caught, targets.refs(["team/side"], clone, ()):
        pass
    assert caught.value.message == "'team/side' is not a branch, tag or commit of the repository r"


@pytest.mark.parametrize("ref", ["-x", "", "team", "origin", "side", "main..x"])
def test_what_no_remote_has_stays_unknown(clone: Path, ref: str) -> None:
    with pytest.raises(UsageError), targets.refs(["main", ref], clone, ()):
        pass
