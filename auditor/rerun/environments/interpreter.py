"""The Python that trains: this one, or one with the releases that made the run."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from auditor.errors import UsageError
from auditor.model import RerunPlan
from auditor.rerun import cache
from auditor.rerun.environments import environment, venv
from auditor.rerun.environments.asked import CURRENT, TEXT, named
from auditor.rerun.environments.isolation import isolated

CHILD = Path(__file__).parents[1] / "child"
_LIKE_HERE = ("transformers", "peft", "accelerate", "trl")
"""Installed as they are here where no file names them. torch and bitsandbytes stay those of this machine, and what
these need beside them is left to the installer."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """``versions`` are the releases of what the child imports, ``packages`` all that an environment holds.

    ``child`` is the program it runs.
    """

    python: Path
    versions: Mapping[str, str]
    packages: Mapping[str, str] = field(default_factory=dict)
    child: Path = CHILD

    @property
    def command(self) -> tuple[str, str]:
        """By path, so that it runs from a checkout and in an environment without auditor."""
        return (str(self.python), str(self.child))

    @property
    def is_current(self) -> bool:
        """Whether it is the Python that runs this."""
        return not self.packages

    def variables(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """The user's variables, without those that would change what is imported and trained.

        A command of the user's own, which imports what it likes, gets them as they are.
        """
        if self.is_current:
            return isolated(inherited, self.versions) if self.versions else dict(inherited)
        kept = isolated(inherited, ())
        return {name: value for name, value in kept.items() if name not in ("PYTHONHOME", "VIRTUAL_ENV")}


def interpreter(plan: RerunPlan, word: str, tell: Callable[[str], None]) -> Interpreter:
    """The Python for a plan. Raises UsageError when a library is missing, IncompleteError when none can be built."""
    releases, libraries = named(word), environment.libraries_of(plan)
    if word == CURRENT:
        return Interpreter(Path(sys.executable), environment.versions(libraries))
    if not libraries:
        raise UsageError("a command trains with its own Python", "leave --environment out")
    environment.versions(libraries[:1])  # torch
    here = {name: version for name in libraries if (version := environment.installed(name)) is not None}
    wanted = chosen(plan, here, releases)
    if all(environment.installed(name) == version for name, version in wanted.items()):
        tell(f"the releases that {'were asked for' if releases else 'made the run'} are those installed here")
        return Interpreter(Path(sys.executable), environment.versions(libraries))
    python = venv.build(wanted, cache.environments(), tell)
    packages = venv.packages(python.parent.parent)
    return Interpreter(python, {name: packages[name] for name in libraries if name in packages}, packages)


def chosen(
    plan: RerunPlan, here: Mapping[str, str], asked: Mapping[str, str] | None = None
) -> Mapping[str, str]:
    """Library -> the release to install: as asked, else as recorded, else the one that is installed here.

    Raises UsageError where there is none.
    """
    found: dict[str, str] = dict(asked or {})
    for name in (*environment.libraries_of(plan), *TEXT):
        if name in found:
            continue
        setting = plan.libraries.get(name)
        if setting is not None and setting.value is not None and name != "torch":
            found[name] = str(setting.value)
        elif name in _LIKE_HERE and name not in here:
            raise UsageError(
                f"no file says which {name} made the run, and none is installed here", environment.HINT
            )
        elif name in _LIKE_HERE:
            found[name] = here[name]
    return found
