"""README.md beside a model: front matter, the versions and hyperparameters its text states, placeholders."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Self

from auditor.artifacts._base import Artifact
from auditor.artifacts._front_matter import split_front_matter
from auditor.errors import CannotRead
from auditor.model import Blob, Fact

SIZE_LIMIT = 16 * 1024 * 1024
"""Largest README read, in bytes."""
UTF_16 = "the file is UTF-16; hubs and forges expect UTF-8"
PLACEHOLDER = "[More Information Needed]"
LINE_LIMIT = 1_000
"""Longer lines of the text are prose and are not matched."""
# "- PEFT 0.13.2" (PEFT, Trainer) and "- Transformers: 4.46.3" (TRL).
_VERSION = re.compile(r"[-*] +([A-Za-z][A-Za-z ]*?):? +v?([0-9][0-9A-Za-z.+@-]*)")
_SETTING = re.compile(r"[-*] +([A-Za-z_]+): +(.+)")
_SETTINGS_HEAD = "The following hyperparameters were used during training"
_OPTIMIZER = re.compile(r"^Use (OptimizerNames\.)?(\w+)\b")
_MEMBERS = {
    "adamw_bnb": "adamw_bnb_8bit",
    "lion": "lion_32bit",
    "paged_adamw": "paged_adamw_32bit",
    "paged_ademamix": "paged_ademamix_32bit",
    "paged_lion": "paged_lion_32bit",
    "rmsprop_8bit": "rmsprop_bnb_8bit",
    "rmsprop_32bit": "rmsprop_bnb_32bit",
}
"""Members of OptimizerNames whose value is not their own name (transformers 5.23.0, training_args.py)."""
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(?:[0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})(?:[eE][-+]?[0-9]{1,4})?")
# The Trainer's card spells some arguments its own way (transformers, modelcard.py,
# extract_hyperparameters_from_trainer).
CANONICAL = {
    "num_epochs": "num_train_epochs",
    "training_steps": "max_steps",
    "lr_scheduler_warmup_steps": "warmup_steps",
    "lr_scheduler_warmup_ratio": "warmup_ratio",
}


@dataclass(frozen=True, slots=True)
class ModelCard(Artifact):
    """One README.md.

    ``hyperparameters`` are the bullets of a Trainer card by TrainingArguments name, numbers as numbers;
    ``optim`` is taken out of the sentence about the optimizer where it names one. ``framework_versions`` by
    lower-case name. ``problems`` are sentences about the front matter.
    """

    patterns: ClassVar[tuple[str, ...]] = ("README.md",)
    path: str
    body: str
    front_matter: Mapping[str, object] = field(default_factory=dict)
    has_front_matter: bool = False
    problems: tuple[str, ...] = ()
    title: str | None = None
    base_model: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    library_name: str | None = None
    license: str | None = None
    pipeline_tag: str | None = None
    framework_versions: Mapping[str, str] = field(default_factory=dict)
    hyperparameters: Mapping[str, int | float | str] = field(default_factory=dict)
    placeholders: int = 0

    @classmethod
    def parse(cls, blob: Blob) -> Self:
        """Read the file. Raises CannotRead when it is no text."""
        text, problems = _decoded(blob.read(SIZE_LIMIT))
        front = split_front_matter(text)
        lines = [line.rstrip() for line in front.body.splitlines() if len(line) <= LINE_LIMIT]
        return cls(
            path=blob.path,
            body=front.body,
            front_matter=front.values,
            has_front_matter=front.present,
            problems=(*problems, *front.problems),
            title=next((line.strip("# ") for line in lines if line.startswith("# ")), None),
            base_model=_words(front.values.get("base_model")),
            datasets=_words(front.values.get("datasets")),
            tags=_words(front.values.get("tags")),
            library_name=_word(front.values.get("library_name")),
            license=_word(front.values.get("license")),
            pipeline_tag=_word(front.values.get("pipeline_tag")),
            # PEFT writes a newer release above an older one (peft 0.21.2, peft_model.py, create_or_update_model_card).
            framework_versions=dict(reversed(list(_versions(lines)))),
            hyperparameters=dict(_hyperparameters(lines)),
            placeholders=front.body.count(PLACEHOLDER),
        )

    @property
    def peft_version(self) -> str | None:
        """The release in "- PEFT x.y.z"."""
        return self.framework_versions.get("peft")

    @property
    def transformers_version(self) -> str | None:
        """The release in "- Transformers x.y.z"."""
        return self.framework_versions.get("transformers")

    def facts(self) -> Mapping[str, Fact]:
        """Front matter by key, stated versions and hyperparameters, and the whole body."""
        found = {f"front_matter.{key}": Fact(value) for key, value in self.front_matter.items()}
        found |= {f"version.{key}": Fact(value) for key, value in self.framework_versions.items()}
        found |= {
            f"hyperparameter.{key}": Fact(value, rtol=1e-12) for key, value in self.hyperparameters.items()
        }
        return {**found, "body": Fact(self.body.replace("\r\n", "\n").strip())}


def _decoded(data: bytes) -> tuple[str, tuple[str, ...]]:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            text = data.decode("utf-16")
        except UnicodeDecodeError as error:
            raise CannotRead(f"is neither UTF-8 nor UTF-16 text (byte {error.start})") from error
        return text, (UTF_16,)
    try:
        return data.decode("utf-8-sig"), ()
    except UnicodeDecodeError as error:
        raise CannotRead(f"is not UTF-8 text (byte {error.start})") from error


def _words(value: object) -> tuple[str, ...]:
    """A string or a list of strings; an empty string says nothing."""
    items = value if isinstance(value, list) else [value]
    return tuple(item for item in items if isinstance(item, str) and item)


def _word(value: object) -> str | None:
    return next(iter(_words(value)), None)


def _versions(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Bullets below the last "Framework versions"."""
    heads = [number for number, line in enumerate(lines) if "Framework versions" in line]
    for line in lines[heads[-1] :] if heads else ():
        match = _VERSION.fullmatch(line)
        if match:
            yield match.group(1).lower(), match.group(2)


def _hyperparameters(lines: list[str]) -> Iterator[tuple[str, int | float | str]]:
    """Bullets between the Trainer's sentence and the next heading."""
    start = next((number for number, line in enumerate(lines) if _SETTINGS_HEAD in line), len(lines))
    for line in lines[start + 1 :]:
        if line.startswith("#"):
            return
        match = _SETTING.fullmatch(line)
        if match is None:
            continue
        name, text = match.group(1), match.group(2)
        yield CANONICAL.get(name, name), _number_or_text(text)
        optimizer = _OPTIMIZER.match(text) if name == "optimizer" else None
        if optimizer:
            word = optimizer.group(2).lower()
            yield "optim", _MEMBERS.get(word, word) if optimizer.group(1) else word


def _number_or_text(text: str) -> int | float | str:
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
