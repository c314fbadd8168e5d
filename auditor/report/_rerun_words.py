"""Trainings of other recipes in words."""

from auditor.model import Control
from auditor.report._text import number


def control(item: Control) -> str:
    """``another seed: 1.3 from the declared recipe, 1.3 from what is committed``, as far as measured."""
    parts = [
        f"{number(distance)} from {what}"
        for distance, what in (
            (item.to_rerun, "the declared recipe"),
            (item.to_committed, "what is committed"),
        )
        if distance is not None
    ]
    if item.verdict is not None:
        parts.append(f"the committed files would be {item.verdict.word}")
    return f"{item.says}: {', '.join(parts) or 'left nothing to compare'}"
