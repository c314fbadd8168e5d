"""Which of a repository's declared configurations belongs to a run.

A file that the platform wrote beside its results belongs to the nearest run at or below it. A file that people write
and hand to a platform may be one of several, of which at most one made the run, and may have been edited since: it
belongs to a run only where the two name each other, and never where it names another folder, base model, rank or kind
of training.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.training_args import TrainingArgs
from auditor.model import folder_of
from auditor.recipes._base import Recipe
from auditor.recipes._trainers import trainer_of

_COMMON = frozenset(
    {"adapter", "checkpoints", "finetuned", "lora", "lora-out", "model", "models", "out", "output", "outputs"}
    | {"qlora-out", "result", "results", "save", "saved", "saves", "trained", "weights"}
)
"""Names of folders that say nothing about what is inside."""
_QUANTIZED = ("-unsloth-bnb-4bit", "-bnb-4bit", "-bnb-8bit", "-4bit", "-8bit")


@dataclass(frozen=True, slots=True)
class Place:
    """What a run's own files say about which configuration is its own; ``others`` are the folders of other runs."""

    path: str
    folders: tuple[str, ...]
    adapter: AdapterConfig | None
    arguments: TrainingArgs | None
    others: tuple[str, ...]

    def above(self, folder: str) -> bool:
        """Whether a folder is the run's own or holds it."""
        return not folder or (self.path + "/").startswith(folder + "/")


def choose(recipes: Sequence[Recipe], place: Place) -> Recipe | None:
    """The configuration of a run, or None where none is known to be its own."""
    records = [recipe for recipe in recipes if recipe.record and _is_record_of(recipe, place)]
    if records:
        return max(records, key=lambda recipe: (len(folder_of(recipe.path)), not recipe.documented))
    return _input(tuple(recipe for recipe in recipes if not recipe.record), place)


def _is_record_of(recipe: Recipe, place: Place) -> bool:
    """In a folder of the run or above it; one above that describes another adapter is that adapter's."""
    folder = folder_of(recipe.path)
    if folder in place.folders:
        return True
    return place.above(folder) and not (recipe.documented and place.others and _disagreements(recipe, place))


def _input(recipes: tuple[Recipe, ...], place: Place) -> Recipe | None:
    fitting = [recipe for recipe in recipes if _may_be_of(recipe, place, alone=len(recipes) == 1)]
    if not fitting:
        return None
    ranked = sorted(fitting, key=lambda recipe: _rank(recipe, place), reverse=True)
    best = ranked[0]
    named = [recipe for recipe in recipes if _names(recipe, place)]
    alternatives = named if _names(best, place) else recipes
    # Several alternatives, the best of which still says something else: none of them is known to be the run's.
    return None if len(alternatives) > 1 and _differing(best, place) else best


def _may_be_of(recipe: Recipe, place: Place, alone: bool) -> bool:
    """``alone``: the repository has no other configuration.

    The only configuration of the only run, for the same base, is meant to be its own even where a rank differs.
    """
    folder, named = folder_of(recipe.path), _names(recipe, place)
    if named is not None:
        return named
    base = next(iter(_identity(recipe, place)), (None, None))
    if alone and not place.others and place.above(folder) and base[0] is not None and base[0] == base[1]:
        return True
    if _disagreements(recipe, place):
        return False
    agreed = _agreements(recipe, place)
    if place.above(folder):
        return agreed > 0 or folder == place.path
    return agreed > 1 and not place.others


def _rank(recipe: Recipe, place: Place) -> tuple[bool, int, int, int, str]:
    return (
        _names(recipe, place) is True,
        -_differing(recipe, place),
        _agreements(recipe, place),
        len(folder_of(recipe.path)) if place.above(folder_of(recipe.path)) else 0,
        recipe.path,
    )


def _names(recipe: Recipe, place: Place) -> bool | None:
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
        return False if wanted in {_path(other) for other in place.others} else None
    if last in {_last(path) for path in mine}:
        return True
    elsewhere = last in {_last(other) for other in place.others}
    return False if elsewhere or received is not None else None


def _disagreements(recipe: Recipe, place: Place) -> int:
    """Of base, rank and kind of training, how many are another adapter's."""
    kind = trainer_of(place.arguments.class_name) if place.arguments else None
    other_kind = (
        kind is not None and recipe.trainer in ("sft", "dpo", "kto", "rm", "ppo") and recipe.trainer != kind
    )
    return other_kind + sum(
        one is not None and two is not None and one != two for one, two in _identity(recipe, place)
    )


def _agreements(recipe: Recipe, place: Place) -> int:
    return sum(one is not None and one == two for one, two in _identity(recipe, place))


def _identity(recipe: Recipe, place: Place) -> tuple[tuple[object, object], ...]:
    config = place.adapter
    if config is None or not config.is_peft:
        return ()
    return (
        (_base(recipe.value("base_model")), _base(config.base_model_name_or_path)),
        (recipe.value("r"), config.r),
        (recipe.value("lora_alpha"), config.raw.get("lora_alpha")),
    )


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
    return next((part.removesuffix(suffix) for suffix in _QUANTIZED if part.endswith(suffix)), part)
