"""Cheetah's fine-tuning configuration, `cheetah-fine-tuning-config.json`.

The platform's source is not public: which of its keys reach the trainer, and as what, only the files of a run can show.
"""

from collections.abc import Mapping
from functools import cache

from auditor.artifacts._base import read_json_object
from auditor.model import Blob
from auditor.recipes import _cheetah_words as said
from auditor.recipes._base import Recipe
from auditor.recipes._compose import compose
from auditor.recipes._vocabulary import Vocabulary, words

PLATFORM = "cheetah"
FILES: tuple[str, ...] = ("cheetah-fine-tuning-config.json",)
MARKS: tuple[str, ...] = ()


def read(blob: Blob) -> Recipe:
    """Read the file, whatever it leaves out. Raises CannotRead when it is no JSON object."""
    return recognise(blob.path, read_json_object(blob))


def recognise(path: str, raw: Mapping[str, object]) -> Recipe:
    """The name alone tells: nobody else calls a file so."""
    return compose(_BOOK, path, raw, record=True)


def _meaning() -> dict[str, str]:
    found = {f"peft/{key}": key for key in said.LORA_NAMES}
    found.update({f"train_model_parameters/{key}": key for key in said.TRAINER_NAMES})
    return found | dict(said.MEANING)


@cache
def _types() -> Mapping[str, str]:
    """TrainingArguments' types by canonical name; what only Cheetah knows may hold anything but for a few."""
    known = words("trainer")
    return {place: said.TYPES.get(name, known.get(name, "any")) for place, name in _meaning().items()}


def _trainer(raw: Mapping[str, object]) -> str | None:
    trainer = raw.get("trainer")
    return trainer if isinstance(trainer, str) else None


def _is_inert(where: str, value: object, trainer: str | None) -> bool:
    if where in said.ALWAYS_INERT:
        return bool(value)
    return where in said.PREFERENCE_ONLY and trainer in said.SUPERVISED


_BOOK = Vocabulary(
    platform=PLATFORM,
    meaning=_meaning(),
    types=_types,
    groups=said.GROUPS,
    kept=said.OTHER,
    inverse=said.INVERSE,
    same=said.SAME,
    trainer=_trainer,
    inert=_is_inert,
    free_text=said.FREE_TEXT,
    documented=False,
)
VOCABULARIES: Mapping[str, Vocabulary] = {"cheetah": _BOOK}
