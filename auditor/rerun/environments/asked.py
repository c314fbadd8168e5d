"""What ``--environment`` asks for: a word, or releases by name."""

from collections.abc import Mapping, Sequence

from auditor.errors import UsageError
from auditor.rerun.environments.recorded import is_release

CURRENT, RECORDED = "current", "recorded"
NAMED = ("transformers", "peft", "accelerate", "trl", "tokenizers", "bitsandbytes")
"""Libraries whose release may be asked for. torch stays that of this machine."""
TEXT = ("tokenizers",)
"""Installed as asked or recorded whatever trains, because they decide the ids of a text."""
_HINT = f"say {CURRENT}, {RECORDED}, or releases such as transformers==4.48.3,peft==0.14.0"


def checked(word: str, imported: Sequence[str]) -> None:
    """Raises UsageError for what names no environment, or a library that a plan does not import."""
    for name in named(word):
        if name not in (*imported, *TEXT):
            raise UsageError(f"this plan trains without {name}", f"leave {name} out of --environment")


def named(word: str) -> Mapping[str, str]:
    """Library -> the release asked for; empty for ``current`` and ``recorded``. Raises UsageError.

    Every other library is taken as recorded.
    """
    if word in (CURRENT, RECORDED):
        return {}
    if "==" not in word:
        raise UsageError(f"there is no environment {word!r}", _HINT)
    found: dict[str, str] = {}
    for item in word.split(","):
        name, _, release = (part.strip() for part in item.partition("=="))
        if name not in NAMED:
            known = ", ".join(NAMED)
            raise UsageError(
                f"--environment names {item.strip()!r}", f"the releases of {known} can be chosen"
            )
        if not is_release(release):
            raise UsageError(f"--environment names {item.strip()!r}, which is no final release", _HINT)
        if found.setdefault(name, release) != release:
            raise UsageError(f"--environment names two releases of {name}", "leave one of them out")
    return found
