"""Declared adapter settings against adapter_config.json, which PEFT wrote from the LoraConfig it received.

``PeftModel.save_pretrained`` writes the configuration of the adapter that was trained (peft 0.13.2 and
0.21.2, peft_model.py), so a declared value that differs there was not used. Lists of modules are sets.
``all-linear`` is resolved by PEFT before it is saved and is not compared literally, nor is a list of twenty
names or more, which PEFT may shorten (tuners_utils.py). ``init_lora_weights`` is reset to true when an
adapter is saved converted. A task_type that is null beside auto_mapping was not passed to LoraConfig:
``get_peft_model`` then made a plain PeftModel (peft 0.13.2, mapping.py).
"""

import re
from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.claims import Ledger
from auditor.evidence._against import declared, plain, same, show
from auditor.evidence._say import contradicted, unverifiable, verified
from auditor.model import Evidence
from auditor.recipes._base import Stated
from auditor.runs import Run

_PLAIN = (
    "r",
    "lora_alpha",
    "lora_dropout",
    "bias",
    "use_rslora",
    "use_dora",
    "task_type",
    "init_lora_weights",
)
_NUMBERS = {"r": "rank", "lora_alpha": "number", "lora_dropout": "number"}
_SHORTENED = 20
"""peft 0.21.2, tuners/tuners_utils.py: MIN_TARGET_MODULES_FOR_OPTIMIZATION."""
_SEARCHED = ("all-linear", "all")
"""Words for "every linear layer": PEFT's, and that of platforms which search by themselves."""
_MODEL_NAME = re.compile(r"[a-z].*\d|\d.*[a-z]")
"""A letter and a digit, as in ``gemma-3-4b-it``; ``base`` or ``model`` may be a copy of anything."""
_LOCAL = ("base", "checkpoints", "data", "llm", "model", "models", "output", "outputs", "save", "weights")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_QUANTIZED = re.compile(r"(?:-unsloth)?-(?:bnb-4bit|bnb-8bit|4bit|8bit|awq|gptq)$|\.git$")


def weigh(run: Run, ledger: Ledger) -> Iterator[Evidence]:
    """Test r, lora_alpha, lora_dropout, bias, use_*, task_type, target_modules, modules_to_save,
    base_model.
    """
    config = run.one(AdapterConfig)
    if config is None or not config.is_peft or run.recipe is None:
        return
    paths = (config.path, run.recipe.path)
    for key, stated in declared(run, _PLAIN):
        if key in config.raw:
            yield _plain(key, stated, config, paths)
    for _, stated in declared(run, ("target_modules",)):
        yield from _targets(stated, config, paths)
    for _, stated in declared(run, ("modules_to_save",)):
        yield from _saved(stated, config, paths)
    for _, stated in declared(run, ("base_model",)):
        yield from _base(stated, config, paths)
    for _, stated in declared(run, ("base_revision",)):
        yield from _revision(stated, config, paths)


def _plain(key: str, stated: Stated, config: AdapterConfig, paths: tuple[str, ...]) -> Evidence:
    found = config.raw[key]
    if found is not None and same(key, stated.meant, found):
        return verified(key, f"adapter_config.json says the same: {show(found)}", "", found, *paths)
    if key == "task_type" and found is None:
        says = f"{show(stated.value)} is declared, and null is what PEFT received: task_type did not arrive"
        return contradicted(key, says, "", None, *paths)
    says = f"{stated.key} is declared as {show(stated.value)}, and adapter_config.json says {show(found)}"
    if key in _NUMBERS and _is_no_number(key, found):
        return unverifiable(key, f"{says}, which is no {_NUMBERS[key]}", *paths)
    if key == "init_lora_weights" and found is True:
        return unverifiable(key, f"{says}, which saving a converted adapter sets", *paths)
    return contradicted(key, says, "", found, *paths)


def _is_no_number(key: str, found: object) -> bool:
    """Whether the file itself is the defect (adapter-config-unusable, -value-of-wrong-type), whatever was declared."""
    number = None if isinstance(found, bool) else plain(found)
    return not isinstance(number, float) or (key == "r" and number < 1)


def _targets(stated: Stated, config: AdapterConfig, paths: tuple[str, ...]) -> Iterator[Evidence]:
    wanted, found = stated.meant, config.target_modules
    if isinstance(wanted, str):
        if wanted.lower() not in _SEARCHED and isinstance(found, str):
            yield _agree("target_modules", stated, wanted == found, found, paths)
        return
    if not isinstance(wanted, list | tuple) or not isinstance(found, frozenset):
        return
    if len(wanted) < _SHORTENED:
        yield _agree("target_modules", stated, {str(item) for item in wanted} == found, found, paths)


def _saved(stated: Stated, config: AdapterConfig, paths: tuple[str, ...]) -> Iterator[Evidence]:
    """PEFT adds the heads of a task to the list, so the declared names must only be among the saved ones."""
    if isinstance(stated.meant, list | tuple):
        inside = {str(item) for item in stated.meant} <= set(config.modules_to_save)
        yield _agree("modules_to_save", stated, inside, config.modules_to_save, paths)


def _agree(key: str, stated: Stated, same: bool, found: object, paths: tuple[str, ...]) -> Evidence:
    if same:
        return verified(key, f"adapter_config.json says the same: {show(found)}", "", found, *paths)
    says = f"{stated.key} is declared as {show(stated.value)}, and adapter_config.json says {show(found)}"
    return contradicted(key, says, "", found, *paths)


def _base(stated: Stated, config: AdapterConfig, paths: tuple[str, ...]) -> Iterator[Evidence]:
    """Names contradict each other only when both are of one kind and look like names of models."""
    wanted, found = stated.meant, config.base_model_name_or_path
    if not isinstance(wanted, str) or not found:
        return
    if _last(wanted) == _last(found):
        yield verified(
            "base_model", f"adapter_config.json names the same model: {show(found)}", "", found, *paths
        )
        return
    says = f"{stated.key} is declared as {show(wanted)}, and adapter_config.json names {show(found)}"
    if _kind(wanted) == _kind(found) and all(_MODEL_NAME.search(_last(name)) for name in (wanted, found)):
        yield contradicted("base_model", says, "", found, *paths)
    else:
        yield unverifiable("base_model", f"{says}; these may be two names of one model", *paths)


def _revision(stated: Stated, config: AdapterConfig, paths: tuple[str, ...]) -> Iterator[Evidence]:
    """Only two whole commits contradict each other; a branch or a tag may point at any commit."""
    wanted, found = stated.meant, config.raw.get("revision")
    if not isinstance(wanted, str) or not isinstance(found, str):
        return
    if wanted == found:
        yield verified("base_revision", f"adapter_config.json names {show(found)} too", "", found, *paths)
    elif _COMMIT.fullmatch(wanted) and _COMMIT.fullmatch(found):
        says = f"{stated.key} is declared as {show(wanted)}, and adapter_config.json names {show(found)}"
        yield contradicted("base_revision", says, "", found, *paths)


def _last(name: str) -> str:
    last = re.split(r"[/\\]", name.strip().rstrip("/\\"))[-1].lower()
    # ModelScope's cache writes a dot as three underscores.
    return _QUANTIZED.sub("", last.replace("___", "."))


def _kind(name: str) -> str:
    """An address, an id on a hub (``owner/name`` or ``name``), or a folder of some machine."""
    if "@" in name or "://" in name:
        return "address"
    first, _, rest = name.partition("/")
    if not first or first in _LOCAL or "/" in rest or "\\" in name or first.startswith((".", "~")):
        return "folder"
    return "id"
