"""Two runs that say they differ have one and the same adapter.

Training with another base, rank, seed or data never gives the same bytes: lora_A starts
at random (peft 0.21.2, tuners/lora/layer.py, `reset_lora_parameters`). The same file under two runs whose
configurations differ was copied, and one of the runs was not committed.

Wrong when: the second folder is a copy of the first under another name; then only the fields that differ are wrong.

Fix: commit each run's own weights, or remove the copy.

Bad:
    other/adapter_config.json: = copy of adapter_config.json
    other/adapter_config.json: /lora_alpha = 64
    other/adapter_model.safetensors: = copy of adapter_model.safetensors

Good:
    other/adapter_config.json: = copy of adapter_config.json
    other/adapter_model.safetensors: = copy of adapter_model.safetensors
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.checks._base_names import model_name
from auditor.checks._wording import joined
from auditor.errors import CannotRead
from auditor.model import Blob, Problem, Severity, Skip, folder_of, name_of
from auditor.runs import CHECKPOINT, Contents

SEVERITY = Severity.WARNING

_WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")
_COMPARED = ("peft_type", "r", "lora_alpha", "target_modules", "task_type", "use_rslora", "use_dora")
_MOST = 2_000
_GLANCE = 4096
"""Bytes of the end of a file that tell most from each other."""


def check(contents: Contents) -> Iterator[Problem | Skip]:
    """By digest, fetched or not; checkpoints of one run are another rule's matter."""
    first: dict[str, Blob] = {}
    blobs = [
        blob
        for path, blob in contents.snapshot.files.items()
        if name_of(path) in _WEIGHTS and not CHECKPOINT.match(name_of(folder_of(path)))
    ][:_MOST]
    if len(blobs) < 2:
        yield Skip("there are no two adapters")
        return
    for blob in blobs if any(blob.identity for blob in blobs) else _alike(blobs):
        digest = blob.digest()
        if digest is None or not blob.size:
            continue
        other = first.setdefault(str(digest), blob)
        yield from _compare(contents, other, blob) if other is not blob else ()


def _alike(blobs: Sequence[Blob]) -> list[Blob]:
    """Those of a size and an end that another one has too: nobody named them, and hashing reads all of a file."""
    ends = [_end(blob) for blob in blobs]
    count = Counter(ends)
    return [blob for blob, end in zip(blobs, ends, strict=True) if end and count[end] > 1]


def _end(blob: Blob) -> tuple[int, bytes] | None:
    """The size and the last bytes, which in safetensors are numbers; None for a file that cannot be read."""
    if not blob.size or blob.absent:
        return None
    try:
        with blob.open() as stream:
            stream.seek(max(0, blob.size - _GLANCE))
            return blob.size, stream.read(_GLANCE)
    except (CannotRead, OSError):
        return None


def _compare(contents: Contents, one: Blob, other: Blob) -> Iterator[Problem]:
    mine, theirs = _config(contents, one), _config(contents, other)
    if mine is None or theirs is None:
        return
    differing = [key for key in _COMPARED if _plain(mine, key) != _plain(theirs, key)]
    if _base(mine) and _base(theirs) and _base(mine) != _base(theirs):
        differing.insert(0, "base_model_name_or_path")
    if differing:
        yield Problem(
            f"{other.path} has the bytes of {one.path}, and their configurations differ in {joined(differing)}",
            theirs.at(f"/{differing[0]}"),
            expected="weights of its own",
            observed=f"the same {one.size:,} bytes" if one.size else "the same bytes",
        )


def _config(contents: Contents, blob: Blob) -> AdapterConfig | None:
    folder = contents.folders.get(folder_of(blob.path))
    return folder.one(AdapterConfig) if folder else None


def _plain(config: AdapterConfig, key: str) -> object:
    value = config.raw.get(key)
    return sorted(map(str, value)) if isinstance(value, list) else value


def _base(config: AdapterConfig) -> str:
    return model_name(config.base_model_name_or_path or "")
