"""What most recipes leave alone (sampling by length, NEFTune, smoothed labels, ranks by module): found where it is set.

Such a setting stands in a plan only where some file names it.
"""

import json
from collections.abc import Iterator, Mapping

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.claims import received
from auditor.model import Alternative, Setting
from auditor.rerun.child.extras import ARGUMENT_EXTRAS, BY_LENGTH, LORA_EXTRAS
from auditor.rerun.planning.given import given
from auditor.runs import Run

SAMPLING, NOISE, KWARGS = "train_sampling_strategy", "neftune_noise_alpha", "lr_scheduler_kwargs"
_NEUTRAL: Mapping[str, object] = {
    SAMPLING: "random",
    "label_smoothing_factor": 0.0,
    NOISE: None,
    "dataloader_drop_last": False,
    KWARGS: {},
    "alpha_pattern": {},
}
"""Values without effect. A noise of 0 has one: numbers are drawn for it (integrations/neftune.py, ``uniform_``)."""
_UNSEEN = (SAMPLING, "label_smoothing_factor", NOISE, "dataloader_drop_last", "alpha_pattern")
"""Those that neither a shape nor a learning rate shows: whether they were applied only training can tell."""
_KERNELS = {"use_liger_kernel": "Liger's kernels", "torch_compile": "compiled kernels"}
"""Arguments of the Trainer (transformers 5.23.0, training_args.py) that change how something is computed, not what."""
_Said = tuple[str, object]


def of_run(run: Run) -> tuple[dict[str, Setting], tuple[Alternative, ...]]:
    """The settings that a run's files name beyond the usual ones, and what other files say of them.

    Of arguments the word of the Trainer counts before what was declared: training_args.bin, then the event file.
    """
    chosen = dict(_of_adapter(run))
    others: list[Alternative] = []
    for key in ARGUMENT_EXTRAS:
        said = list(_sayings(run, key))
        if all(value == _NEUTRAL[key] for _, value in said):
            continue
        (source, taken), *rest = said
        chosen[key] = Setting(taken, source)
        others.extend(_other(key, value, where, chosen[key]) for where, value in rest if value != taken)
    return chosen, tuple({item.says: item for item in others}.values())


def readings(known: Mapping[str, Setting]) -> Iterator[Alternative]:
    """That a setting which only training shows was not applied."""
    for key in _UNSEEN:
        setting = known.get(key)
        if setting is not None and setting.value != _NEUTRAL[key]:
            yield Alternative(
                {key: _NEUTRAL[key]}, f"{key} = {_NEUTRAL[key]}: {setting.value} was not applied"
            )


def draws_by_width(known: Mapping[str, Setting]) -> bool:
    """Whether training draws numbers for every position of a batch, pads included: dropout masks, NEFTune's noise."""
    dropout, noise = known.get("lora_dropout"), known.get(NOISE)
    return bool(dropout and dropout.value) or (noise is not None and noise.value is not None)


def by_length(run: Run) -> bool:
    """Whether rows were drawn in groups of like length, in an order that torch's global generator gave."""
    found = of_run(run)[0].get(SAMPLING)
    return found is not None and found.value == BY_LENGTH


def other_kernels(run: Run) -> str | None:
    """That the run was trained with fused kernels, which this rerun does without: they round otherwise.

    Compiled code draws dropout masks of its own, too (torch 2.13.0, _inductor/config.py, ``fallback_random``).
    """
    by, arguments = given(run)
    for key, says in _KERNELS.items():
        if arguments.get(key) not in (None, False):
            return f"the run was trained with {says} ({by}{key}), and this rerun with PyTorch's own"
    return None


def _of_adapter(run: Run) -> Iterator[tuple[str, Setting]]:
    config = run.one(AdapterConfig)
    for key in LORA_EXTRAS if config is not None else ():
        value = config.raw.get(key) if config is not None else None
        if config is not None and value is not None and value is not False and value not in ([], {}, ""):
            yield key, Setting(value, f"{config.path}#/{key}")


def _sayings(run: Run, key: str) -> Iterator[_Said]:
    """(where, value) of every file that speaks of an argument, the Trainer's own word first."""
    arguments, recipe = received(run), run.recipe
    told: list[tuple[str, Mapping[str, object]]] = []
    if arguments is not None:
        told.append((f"{arguments.path}#", arguments.values))
    told.extend((f"{log.path}#args/", args) for log in run.events[:1] if (args := log.args()))
    for where, values in told:
        yield from _named(key, where, values)
    if recipe is not None:
        declared = {name: stated.meant for name, stated in recipe.settings.items()}
        members = {name: f"{recipe.path}#{stated.member}" for name, stated in recipe.settings.items()}
        for where, value in _named(key, "", declared):
            yield members[where], value


def _named(key: str, where: str, values: Mapping[str, object]) -> Iterator[_Said]:
    """An argument by its name, and sampling by length by the name that it had before transformers 5."""
    if key in values:
        yield f"{where}{key}", _plain(key, values[key])
    if key == SAMPLING and BY_LENGTH in values:
        yield f"{where}{BY_LENGTH}", BY_LENGTH if values[BY_LENGTH] is True else "random"


def _plain(key: str, value: object) -> object:
    """A value as the Trainer takes it: it parses the text of an object (transformers 5.23.0, training_args.py)."""
    if value is None:
        return _NEUTRAL[key]
    if key == KWARGS and isinstance(value, str):
        try:
            return json.loads(value) if value.strip() else {}
        except (ValueError, RecursionError):
            return value
    return value.rpartition(".")[2].lower() if key == SAMPLING and isinstance(value, str) else value


def _other(key: str, value: object, where: str, chosen: Setting) -> Alternative:
    says = f"{key} = {value} ({where}), where the plan takes {chosen.value} ({chosen.source})"
    return Alternative({key: value}, says)
