"""Edits of the declared configuration, the file every rule of this family points at."""

import json

from auditor.model import Snapshot
from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import DELETE, contents, healthy

CONFIG = "cheetah-fine-tuning-config.json"
TRAIN = "/train_model_parameters"
NO_RECIPE = "no declared training config was found"
NO_RUN = "no adapter, checkpoint or trainer state was found"


def declared(**values: object) -> Snapshot:
    """The honest repository with other values of ``train_model_parameters``; ``DELETE`` removes a key."""
    return healthy(json_edits={CONFIG: {f"{TRAIN}/{key}": value for key, value in values.items()}})


def at(edits: dict[str, object], **more: object) -> Snapshot:
    """The honest repository with edits of the configuration by JSON pointer."""
    return healthy(json_edits={CONFIG: edits}, **more)


def without_recipe() -> Snapshot:
    """The honest repository that declares nothing."""
    return healthy(without=[CONFIG])


def recipe_only(**values: object) -> Snapshot:
    """Nothing but the declaration and the adapter's configuration: no arguments, states, logs or weights."""
    read, _ = contents("tiny", "candidate")
    document = json.loads(read[CONFIG])
    for key, value in values.items():
        if value is DELETE:
            del document["train_model_parameters"][key]
        else:
            document["train_model_parameters"][key] = value
    files = {CONFIG: json.dumps(document).encode(), "adapter_config.json": read["adapter_config.json"]}
    return memory_snapshot("recipe only", files)
