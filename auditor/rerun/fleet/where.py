"""Where the trainings of an experiment run: ``local``, ``ray`` or ``slurm``, as a word with options behind it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from auditor.errors import UsageError

LOCAL, RAY, SLURM = "local", "ray", "slurm"
KINDS = (LOCAL, RAY, SLURM)
Value = str | int | float


@dataclass(frozen=True, slots=True)
class Where:
    """``kind`` is local, ray or slurm; ``options`` are passed on to it; ``text`` is what the user wrote."""

    kind: str = LOCAL
    options: Mapping[str, Value] = field(default_factory=dict)
    text: str = LOCAL

    @property
    def is_remote(self) -> bool:
        """Whether trainings may run on other machines than this one."""
        return self.kind != LOCAL


HERE = Where()


def parse(text: str) -> Where:
    """``slurm:partition=gpu,timeout_min=60`` in parts. Raises UsageError for another word or an option without value.

    Whole and decimal numbers become numbers, as submitit and Ray ask for them.
    """
    kind, mark, rest = text.strip().partition(":")
    if kind not in KINDS:
        raise UsageError(
            f"there is no place {kind!r} to train", "say local, ray or slurm, such as slurm:partition=gpu"
        )
    options: dict[str, Value] = {}
    for item in rest.split(",") if mark else ():
        name, equals, value = item.partition("=")
        if not name.strip() or not equals or not value.strip():
            raise UsageError(f"{item!r} behind {kind} is no option", f"write {kind}:NAME=VALUE,NAME=VALUE")
        options[name.strip()] = _number(value.strip())
    if kind == LOCAL and options:
        raise UsageError("local takes no options", "say --jobs N to train side by side on this machine")
    return Where(kind, options, text.strip())


def _number(value: str) -> Value:
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value
