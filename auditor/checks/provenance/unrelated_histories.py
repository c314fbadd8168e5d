"""The two branches share no commit, so git refuses to merge them.

`git merge` stops with "refusing to merge unrelated histories" (git 2.9 and newer, builtin/merge.c), and a
three-dot diff (what a merge request shows) is not defined; only the two trees can be compared. Platforms
that upload a trained model as a new root commit leave branches like this.

Wrong when: the branch is meant to stand alone, as orphan branches of models are.

Fix: check out the target branch, copy the files of the model branch onto it and commit; or merge with
`--allow-unrelated-histories` after the trees were reviewed.

Bad:
    compared with: tiny main, unrelated

Good:
    compared with: tiny main
"""

from collections.abc import Iterator

from auditor.model import Diff, Location, Problem, Severity, Skip

SEVERITY = Severity.WARNING


def check(diff: Diff) -> Iterator[Problem | Skip]:
    """Said of two commits only, and never of a shallow clone that cannot tell."""
    if diff.base.commit is None or diff.head.commit is None:
        yield Skip("one of the two sides is not a commit")
    elif diff.related_histories is None:
        yield Skip("a shallow clone does not hold enough history to tell")
    elif not diff.related_histories:
        yield Problem(
            f"{diff.base.name} and {diff.head.name} have entirely different histories: git merge "
            "refuses them",
            Location("."),
            expected="a common ancestor",
            observed=f"no common ancestor of {diff.base.commit[:12]} and {diff.head.commit[:12]}",
        )
