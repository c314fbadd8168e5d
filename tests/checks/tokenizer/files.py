"""Tokenizer files with something changed."""

import json
from collections.abc import Callable
from typing import Any

from tests.builders.repositories import TINY_BASE, contents

VOCABULARY = "tokenizer.json"
CONFIG = "tokenizer_config.json"
TEMPLATE = "chat_template.jinja"


def vocabulary(change: Callable[[Any], None]) -> dict[str, bytes]:
    """The honest tokenizer.json at the root, parsed, changed and written again."""
    document = json.loads(contents("tiny", "candidate")[0][VOCABULARY])
    change(document)
    return {VOCABULARY: json.dumps(document).encode()}


def base_file(name: str) -> Any:
    """A JSON file of the tiny base model."""
    return json.loads((TINY_BASE / name).read_text("utf-8"))
