"""What ``--environment`` asks for."""

from auditor.errors import UsageError

CURRENT, RECORDED = "current", "recorded"


def checked(word: str) -> None:
    """Raises UsageError for a word that names no environment."""
    if word not in (CURRENT, RECORDED):
        raise UsageError(f"there is no environment {word!r}", f"say {CURRENT} or {RECORDED}")
