"""All platforms, found by walking this folder, and which of them a file belongs to.

A platform module exports PLATFORM, FILES (names that only it gives to its files), MARKS (keys that are distinctive of
it; two of them must stand in a file of another name), VOCABULARIES by the names of their schemas, and
``recognise(path, raw)``, which gives a Recipe or None. CARD, where there is one, are the words after which the platform
puts the configuration into the model card that it writes.
"""

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import ModuleType

from auditor import discover
from auditor.artifacts._base import read_json_object
from auditor.artifacts._front_matter import TEXT_LIMIT, parse_yaml_mapping
from auditor.errors import CannotRead
from auditor.model import Blob, name_of
from auditor.recipes._base import Recipe
from auditor.recipes._yaml import read_yaml

CANDIDATES = (
    *("*.yaml", "*.yml", "args.json", "sft_args.json", "train_args.json", "training_args.json", "*sft*.json"),
    *("*dpo*.json", "*lora*.json", "*train*config*.json", "*llamafactory*.json", "*llama_factory*.json"),
)
"""Names under which people keep configurations; their content decides."""
SIZE_LIMIT = 64 * 1024
"""Largest such file looked at, in bytes: a dump of all arguments of ms-swift 4.6 has some 20 KB."""
NAMED_LIMIT = 64 * 1024 * 1024
"""Largest file searched that bears a platform's own name, in bytes: that of any JSON document."""
CARD_LIMIT = 1024 * 1024
"""Largest model card searched for a configuration, in bytes."""
YAML_LIMIT = 1024 * 1024
"""Bytes of YAML configurations parsed in one repository: short values take some 7 s per MiB, and one has some 3 KB."""
_ELSEWHERE = frozenset(
    {"wandb", "node_modules", "site-packages", "examples", "example", "docs", "tests", "templates"}
)
"""Folders whose configurations are not this repository's own: forks of a platform hold hundreds of examples."""
_FENCE = "```yaml\n"
_DEEPEST = 12
_LEAST_MARKS = 2


class _SpentError(CannotRead):
    """The repository holds more YAML than is parsed."""


@dataclass(slots=True)
class Allowance:
    """How many bytes of YAML may still be parsed in a repository."""

    left: int = YAML_LIMIT

    def spend(self, size: int) -> None:
        """Take ``size`` bytes. Raises CannotRead when so many are not left, and leaves the rest to smaller files."""
        if size > self.left:
            raise _SpentError(
                "may be a training configuration and is not read: those of this repository hold more than "
                f"{YAML_LIMIT:,} bytes of YAML"
            )
        self.left -= size


@cache
def platforms() -> tuple[ModuleType, ...]:
    """Every platform module."""
    return tuple(discover.modules("auditor.recipes").values())


def read_recipe(path: str, blob: Blob, allowance: Allowance | None = None) -> Recipe | None:
    """The recipe a file declares, or None when no platform knows it.

    ``allowance`` is shared by the files of a repository. Raises CannotRead for a name that a platform owns, and for
    what looks like a configuration when the allowance is spent.
    """
    allowance = allowance or Allowance()
    owner = _owner(path)
    if owner is not None:
        return _by_name(owner, path, blob, allowance)
    if name_of(path) == "README.md":
        return _in_card(path, blob)
    return _by_content(path, blob, allowance) if _is_candidate(path, blob) else None


def is_recipe(path: str) -> bool:
    """Whether some platform gives this name to its declared training."""
    return _owner(path) is not None


def _owner(path: str) -> ModuleType | None:
    name = name_of(path)
    return next(
        (p for p in platforms() if any(fnmatch.fnmatchcase(name, pattern) for pattern in p.FILES)), None
    )


def _by_name(owner: ModuleType, path: str, blob: Blob, allowance: Allowance) -> Recipe | None:
    """A file that cannot be parsed is a loss only where it may be the platform's: others use such names, too."""
    try:
        raw = _parsed(path, blob, allowance)
    except CannotRead as error:
        if error.state != "unfetched" and owner.MARKS and not _likely(owner, blob.read(NAMED_LIMIT)):
            return None
        raise
    recipe: Recipe | None = owner.recognise(path, raw)
    return recipe


def _likely(platform: ModuleType, data: bytes) -> bool:
    return sum(mark.encode() in data for mark in platform.MARKS) >= _LEAST_MARKS


def _is_candidate(path: str, blob: Blob) -> bool:
    *folders, name = path.split("/")
    if (
        blob.absent is not None
        or blob.lfs is not None
        or (blob.size or 0) > SIZE_LIMIT
        or len(folders) > _DEEPEST
    ):
        return False
    if any(folder in _ELSEWHERE or folder.startswith(".") for folder in folders) or name.startswith("."):
        return False
    return any(fnmatch.fnmatchcase(name.lower(), pattern) for pattern in CANDIDATES)


def _by_content(path: str, blob: Blob, allowance: Allowance) -> Recipe | None:
    """A file that is nobody's, or that cannot be parsed, is not a configuration known here: no loss to anybody."""
    try:
        data = blob.read(SIZE_LIMIT)
        likely = [platform for platform in platforms() if _likely(platform, data)]
        raw = _parsed(path, blob, allowance) if likely else {}
    except _SpentError:
        raise
    except CannotRead:
        return None
    found = (platform.recognise(path, raw) for platform in likely)
    return next((recipe for recipe in found if recipe is not None), None)


def _in_card(path: str, blob: Blob) -> Recipe | None:
    """The configuration that a platform put into the card, by its words and the next fence of YAML."""
    if blob.absent is not None or blob.lfs is not None or (blob.size or 0) > CARD_LIMIT:
        return None
    try:
        text = blob.read(CARD_LIMIT).decode("utf-8", errors="replace")
    except CannotRead:
        return None
    block = card_block(text)
    return None if block is None else _of_text(block[0], path, block[1])


def card_block(text: str) -> tuple[ModuleType, str, int] | None:
    """The platform that put its configuration into a card, the YAML, and where in the text it begins; None without."""
    for platform in platforms():
        start = text.find(platform.CARD) if hasattr(platform, "CARD") else -1
        fence = text.find(_FENCE, start) if start >= 0 else -1
        end = text.find("\n```", fence + len(_FENCE)) if fence >= 0 else -1
        if end >= 0:
            return platform, text[fence + len(_FENCE) : end], fence + len(_FENCE)
    return None


def _of_text(platform: ModuleType, path: str, text: str) -> Recipe | None:
    try:
        recipe: Recipe | None = platform.recognise(path, parse_yaml_mapping(text))
    except ValueError:
        return None
    return recipe


def _parsed(path: str, blob: Blob, allowance: Allowance) -> Mapping[str, object]:
    if path.lower().endswith(".json"):
        return read_json_object(blob)
    allowance.spend(len(blob.read(4 * TEXT_LIMIT)))
    return read_yaml(blob)
