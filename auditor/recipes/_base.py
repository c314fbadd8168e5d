"""What a training platform's declared configuration says, in the trainer's own names."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from auditor.artifacts._fields import is_number
from auditor.recipes._types import expected, is_spelt


@dataclass(frozen=True, slots=True)
class Stated:
    """One declared value as the file states it; ``member`` is a JSON pointer, ``key`` the file's spelling.

    ``inverse`` marks a key that says the opposite of its canonical name (``disable_gc`` for
    gradient_checkpointing). ``translated`` holds the one value that stands for it in the trainer's language where the
    platform's differs (``lora_target: q_proj,v_proj`` is a list of two), and nothing where the value stands as it is.
    """

    value: object
    member: str
    key: str
    inverse: bool = False
    translated: tuple[object, ...] = ()

    @property
    def meant(self) -> object:
        """The value in the sense of the canonical name."""
        if self.translated:
            return self.translated[0]
        return not self.value if self.inverse and isinstance(self.value, bool) else self.value


@dataclass(frozen=True, slots=True)
class Recipe:
    """A declared configuration.

    ``settings`` by canonical name (TrainingArguments, LoraConfig, and ours: quantization, mixed_precision,
    max_length, block_size, base_model, dataset, ...). Where two keys mean one thing, ``settings`` holds the
    one nearest to the trainer's name and ``duplicates`` both, as (canonical, kept, other). ``unknown``: keys
    outside the platform's vocabulary, with dotted ``key``. ``suspicious``: strings where null or a boolean
    is meant. ``inert``: keys without effect under the declared trainer.

    ``record`` is True for a file that the platform writes beside its results, and False for one that people write and
    hand to it: such a file may have been edited since, or be one of several of which another made the run.
    ``documented``: how the platform translates its keys can be read in its public source. ``decides``: canonical
    names that the platform fills in by rules of its own when nobody declares them. ``misspelt``: unknown keys with the
    known key that each resembles. ``mistyped``: values of a type that the platform does not take, with the types that
    it does ("integer|null"); ``converts`` says that it turns strings into them. ``unjudged``: sentences on what of the
    file was not checked for slips and types.

    ``unread``: declared keys that the platform does not read in the mode that is declared, by that mode
    ("without adapter"); for files that people write, since a dump holds every key there is.

    A platform that names no base model may say where it lay: ``base_folder`` is that folder of the machine that
    trained, mostly called after the base, and ``base_size`` the size by which the platform builds it ("8b").
    """

    path: str
    platform: str
    settings: Mapping[str, Stated]
    unknown: tuple[Stated, ...] = ()
    raw: Mapping[str, object] = field(default_factory=dict)
    trainer: str | None = None
    duplicates: tuple[tuple[str, Stated, Stated], ...] = ()
    suspicious: tuple[Stated, ...] = ()
    inert: tuple[Stated, ...] = ()
    record: bool = True
    documented: bool = False
    decides: frozenset[str] = frozenset()
    misspelt: tuple[tuple[Stated, str], ...] = ()
    mistyped: tuple[tuple[Stated, str], ...] = ()
    converts: bool = False
    unjudged: tuple[str, ...] = ()
    unread: tuple[tuple[str, tuple[Stated, ...]], ...] = ()
    base_folder: str | None = None
    base_size: str | None = None

    def value(self, key: str) -> object:
        """The declared value of a canonical name, or None."""
        stated = self.settings.get(key)
        return None if stated is None else stated.meant

    def no_value(self, key: str) -> str | None:
        """What the declared value of a canonical name fails to be ("an integer"); None when it is, or spells, one.

        8.5 is no integer, and still a number that can be compared.
        """
        stated = self.settings.get(key)
        types = next(
            (types for item, types in self.mistyped if stated and item.member == stated.member), None
        )
        if stated is None or types is None or is_spelt(stated.value, types):
            return None
        return None if is_number(stated.value) and "integer" in types.split("|") else expected(types)

    def conflicts(self) -> Iterator[tuple[str, Stated, Stated]]:
        """The duplicates whose meanings differ."""
        for canonical, kept, other in self.duplicates:
            if kept.meant != other.meant:
                yield canonical, kept, other
