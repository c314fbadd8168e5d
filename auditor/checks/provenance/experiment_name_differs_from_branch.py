"""The declared experiment is a sister of the branch's.

Platforms name the branch they push after the experiment, and a branch keeps its name whatever is committed to it
(git-branch(1)). When the two names differ only in their number, the
declared config was left over from another try, and its values need not be those of this adapter.

Wrong when: the branch was numbered by hand; names that differ in more than a number are not compared.

Fix: commit the config of this experiment, or rename the branch.

Bad:
    cheetah-fine-tuning-config.json: /experiment_name = "candidate-2"

Good:
    cheetah-fine-tuning-config.json: /experiment_name = "candidate"
"""

import re
from collections.abc import Iterator

from auditor.model import Location, Problem, Severity, Skip, Snapshot
from auditor.recipes._base import Recipe

SEVERITY = Severity.NOTE

_NUMBER = re.compile(r"[-_.]?v?\d{1,6}$", re.IGNORECASE)
_COMMIT = re.compile(r"[0-9a-f]{7,64}|HEAD(?:[~^]\d*)*", re.IGNORECASE)


def check(recipe: Recipe, snapshot: Snapshot) -> Iterator[Problem | Skip]:
    """Only where the audited side was named by a branch."""
    stated = recipe.settings.get("experiment_name")
    name = stated.value if stated else None
    branch = snapshot.name.rpartition("/")[2]
    if stated is None or not isinstance(name, str) or not name:
        yield Skip("the declared config names no experiment")
    elif snapshot.kind not in ("git", "memory") or _COMMIT.fullmatch(branch):
        yield Skip("the audited side has no branch name")
    elif name != branch and _stem(name) == _stem(branch):
        yield Problem(
            f"the declared experiment is {name}, and the branch is {branch}",
            Location(recipe.path, stated.member),
            expected=branch,
            observed=name,
        )


def _stem(name: str) -> str:
    return _NUMBER.sub("", name).lower()
