"""Comparison with a golden file; ``AUDIT_UPDATE_GOLDEN=1`` in the environment writes it again."""

import os
from pathlib import Path

FOLDER = Path(__file__).parent / "golden"


def check(name: str, text: str) -> None:
    """Assert that a text is what the golden file holds."""
    path = FOLDER / name
    if os.environ.get("AUDIT_UPDATE_GOLDEN") == "1":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
