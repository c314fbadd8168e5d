"""Which of a repository's declared configurations belongs to a run.

A file that the platform wrote beside its results belongs to the nearest run at or below it. A file that people write
and hand to a platform may be one of several, of which at most one made the run, and may have been edited since: it
belongs to a run only where the two name each other, and never where it names another folder, base model, rank or kind
of training.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.training_args import TrainingArgs
from auditor.model import folder_of
from auditor.recipes._base import Recipe
from auditor.recipes._trainers import trainer_of

MOST_INPUTS = 64
"""More configurations than this are somebody's collection, of which none is known to have made a run."""
_COMMON = frozenset(
    {"adapter", "checkpoints", "finetuned", "lora", "lora-out", "model", "models", "out", "output", "outputs"}
    | {"qlora-out", "result", "results", "save", "saved", "saves", "trained", "weights"}
)
"""Names of folders that say nothing about what is inside."""
_QUANTIZED = ("-unsloth-bnb-4bit", "-bnb-4bit", "-bnb-8bit", "-4bit", "-8bit")
_SIZE = re.compile(r"(?:^|[-_])(\d{1,4}(?:\.\d)?b)(?:[-_]|$)")
"""The size in a base's name, which ``_base`` gives in small letters: llama-3.1-8b-instruct."""
_TORCHTUNE = frozenset({"r", "lora_alpha", "target_modules", "peft_type"})
_WRITTEN = {"torchtune": (_TORCHTUNE, _TORCHTUNE | {"base_model_name_or_path"})}
"""Keys of an adapter_config.json that only a platform writes: torchtune 0.6.1, recipes/lora_finetune_single_device.py,
``save_checkpoint``, and models/convert_weights.py, ``tune_to_peft_adapter_config``; PEFT always writes some 20."""
_KINDS = ("sft", "dpo", "kto", "rm", "ppo")


@dataclass(frozen=True, slots=True)
class Place:
    """What a run's own files say about which configuration is its own; ``folders``: its own first."""

    folders: tuple[str, ...]
    adapter: AdapterConfig | None = None
    arguments: TrainingArgs | None = None

    @property
    def path(self) -> str:
        """The run's own folder."""
        return self.folders[0]

    def below(self, folder: str) -> bool:
        """Whether the run's folder is this one or inside it."""
        return not folder or (self.path + "/").startswith(folder + "/")


class Shelf:
    """The configurations of a repository, to be chosen from run by run; ``paths`` are the folders of all runs."""

    def __init__(self, recipes: Sequence[Recipe], paths: frozenset[str]) -> None:
        self.records: dict[str, Recipe] = {}
        for recipe in sorted(recipes, key=lambda recipe: (recipe.documented, recipe.path)):
            if recipe.record:
                self.records.setdefault(folder_of(recipe.path), recipe)
        inputs = tuple(recipe for recipe in recipes if not recipe.record)
        self.inputs = inputs if len(inputs) <= MOST_INPUTS else ()
        self.alone = len(paths) == 1
        self.paths = frozenset(_path(path) for path in paths)
        self.names = frozenset(_last(path) for path in paths)

    def choose(self, place: Place) -> Recipe | None:
        """The configuration of a run, or None where none is known to be its own."""
        found = (self.records[folder] for folder in _nearest(place) if folder in self.records)
        record = next((recipe for recipe in found if self._is_record_of(recipe, place)), None)
        return record if record is not None else self._input(place)

    def _is_record_of(self, recipe: Recipe, place: Place) -> bool:
        """One above several runs is only that one's which it names, or whose adapter it describes.

        One that lies beside a run of its own is that run's, whatever else lies in folders below it.
        """
        folder = folder_of(recipe.path)
        if folder in place.folders or self.alone or not (recipe.documented or _path(folder) in self.paths):
            return True
        named = self._names(recipe, place)
        return (
            named
            if named is not None
            else _agreements(recipe, place) > 1 and not _disagreements(recipe, place)
        )

    def _input(self, place: Place) -> Recipe | None:
        fitting = [recipe for recipe in self.inputs if self._may_be_of(recipe, place)]
        if not fitting:
            return None
        best = max(fitting, key=lambda recipe: self._rank(recipe, place))
        named = [recipe for recipe in fitting if self._names(recipe, place)]
        alternatives = named if self._names(best, place) else self.inputs
        # Several alternatives, the best of which still says something else: none of them is known to be the run's.
        return None if len(alternatives) > 1 and _differing(best, place) else best

    def _may_be_of(self, recipe: Recipe, place: Place) -> bool:
        """The only configuration of the only run, for the same base, is meant for it even where a rank differs."""
        folder, named = folder_of(recipe.path), self._names(recipe, place)
        if _is_other_kind(recipe, place):
            return False
        if named is not None:
            return named
        if self.alone and len(self.inputs) == 1 and place.below(folder) and _is_for(recipe, place):
            return True
        if _disagreements(recipe, place):
            return False
        agreed = _agreements(recipe, place)
        if place.below(folder):
            return agreed > 0 or folder == place.path
        return agreed > 1 and self.alone

    def _rank(self, recipe: Recipe, place: Place) -> tuple[bool, int, int, int, str]:
        folder = folder_of(recipe.path)
        return (
            self._names(recipe, place) is True,
            -_differing(recipe, place),
            _agreements(recipe, place),
            len(folder) if place.below(folder) else 0,
            recipe.path,
        )

    def _names(self, recipe: Recipe, place: Place) -> bool | None:
        """Whether output_dir names the run's folder; False where it names another, None where that is open.

        Half of the world calls its folder ``output``: such a name counts only as the whole path.
        """
        wanted = _path(recipe.value("output_dir"))
        if wanted is None:
            return None
        received = _path(place.arguments.get("output_dir")) if place.arguments else None
        mine, last = {_path(place.path), received}, _last(wanted)
        if wanted in mine:
            return True
        if last in _COMMON:
            return False if wanted in self.paths else None
        if last in {_last(path) for path in mine}:
            return True
        return False if last in self.names or received is not None else None


def _nearest(place: Place) -> Iterator[str]:
    """The run's own folders, then those above it, nearest first."""
    yield from place.folders
    folder = place.path
    while folder:
        folder = folder_of(folder)
        yield folder


def _is_other_kind(recipe: Recipe, place: Place) -> bool:
    """Whether the class of the training arguments is of another kind of training than is declared."""
    kind = trainer_of(place.arguments.class_name) if place.arguments else None
    return kind is not None and recipe.trainer in _KINDS and recipe.trainer != kind


def _disagreements(recipe: Recipe, place: Place) -> int:
    """Of base, rank, alpha and kind of training, how many are another adapter's."""
    return _is_other_kind(recipe, place) + sum(
        one is not None and two is not None and one != two for one, two in _identity(recipe, place)
    )


def _agreements(recipe: Recipe, place: Place) -> int:
    return sum(one is not None and one == two for one, two in _identity(recipe, place))


def _identity(recipe: Recipe, place: Place) -> tuple[tuple[object, object], ...]:
    """Base, rank and alpha, as declared and as recorded."""
    config = place.adapter
    if config is None or not config.is_peft:
        return ()
    return (
        (_base(recipe.value("base_model")), _base(config.base_model_name_or_path)),
        (recipe.value("r"), config.r),
        (recipe.value("lora_alpha"), config.raw.get("lora_alpha")),
    )


def _is_for(recipe: Recipe, place: Place) -> bool:
    """Whether a configuration is for the run's base, be its rank another one.

    Where the platform names no base, its folder must be called after it; or the adapter must be of the form that only
    this platform writes, and built for a base of the same size.
    """
    base, recorded = next(iter(_identity(recipe, place)), (None, None))
    if base is not None:
        return base == recorded
    config = place.adapter
    if config is None or not config.is_peft:
        return False
    if recorded is not None and recorded in _folders(recipe.base_folder):
        return True
    if config.keys not in _WRITTEN.get(recipe.platform, ()):
        return False
    size = _SIZE.search(str(recorded))
    if size is not None and recipe.base_size is not None:
        return size[1] == recipe.base_size
    return _agreements(recipe, place) > 0


def _folders(path: str | None) -> Iterator[object]:
    """The parts of a path as names of a base; the hub's cache joins owner and name by two dashes."""
    return (_base(part.rpartition("--")[2]) for part in (path or "").replace("\\", "/").split("/"))


def _differing(recipe: Recipe, place: Place) -> int:
    """How many declared numbers the training arguments contradict, and alpha: what tells alternatives apart."""
    values = place.arguments.values if place.arguments else {}
    pairs = [
        (number, values.get(key))
        for key, stated in recipe.settings.items()
        if isinstance(number := stated.meant, int | float) and not isinstance(number, bool)
    ]
    apart = sum(isinstance(found, int | float) and found != number for number, found in pairs)
    return apart + sum(
        one is not None and two is not None and one != two for one, two in _identity(recipe, place)
    )


def _path(path: object) -> str | None:
    """A path without what changes nothing; None for none, and for one that names nothing (``.``)."""
    if not isinstance(path, str):
        return None
    parts = [part for part in path.replace("\\", "/").lower().split("/") if part not in ("", ".")]
    return "/".join(parts) or None


def _last(path: object) -> str | None:
    """The last part of a path."""
    whole = _path(path)
    return None if whole is None else whole.rpartition("/")[2]


def _base(name: object) -> str | None:
    part = _last(name)
    if part is None:
        return None
    # ModelScope's cache writes a dot as three underscores.
    part = part.replace("___", ".")
    return next((part.removesuffix(suffix) for suffix in _QUANTIZED if part.endswith(suffix)), part)
