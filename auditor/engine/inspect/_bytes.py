"""Weight files held in memory while they are looked at, so that each is read once."""

import io
from dataclasses import replace
from typing import BinaryIO

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.errors import CannotRead
from auditor.runs import Folder

LIMIT = 32 * 1024 * 1024
"""Largest weight file held in memory, in bytes; two of them are held at a time. Larger ones are read from the disk."""


def held(weights: AdapterWeights) -> AdapterWeights:
    """The same weights over bytes in memory; as they are when the file is large or no safetensors."""
    blob = weights.blob
    if blob is None or weights.format != "safetensors" or weights.size > LIMIT:
        return weights
    try:
        data = blob.read()
    except CannotRead:
        return weights

    def content() -> BinaryIO:
        return io.BytesIO(data)

    return replace(weights, blob=blob.replaced(content=content))


def held_folder(folder: Folder) -> Folder:
    """The folder with its adapter's weights held."""
    weights = folder.one(AdapterWeights)
    if weights is None:
        return folder
    return replace(folder, artifacts={**folder.artifacts, AdapterWeights: (held(weights),)})
