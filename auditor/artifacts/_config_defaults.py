"""Defaults of model configurations: what a config.json may leave out.

The table beside this file is written by fixtures/config_defaults.py from the configuration classes of transformers
4.46.3, 4.51.3, 4.57.6 and 5.23.0 (models/<type>/configuration_<type>.py). A key on which they differ is not in it.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_TABLE = Path(__file__).with_suffix(".json")


@cache
def _table() -> Mapping[str, Mapping[str, Mapping[str, object]]]:
    found: Mapping[str, Mapping[str, Mapping[str, object]]] = json.loads(_TABLE.read_text())
    return found


def defaults_of(model_type: str | None) -> Mapping[str, object]:
    """Values of absent keys by key; empty for a type the table does not know."""
    return _table()["types"].get(model_type or "", {})


def aliases_of(model_type: str | None) -> Mapping[str, object]:
    """Other spellings of keys (``attribute_map`` of the class): what stands in a file -> the class's own key."""
    return _table()["aliases"].get(model_type or "", {})
