"""What old releases of the libraries need beside a newer torch or bitsandbytes, each with its reason.

Applied in their order before the libraries are imported, because modules copy what they need of each other.
A patch lets a training start that would refuse to; none changes what is computed. Applied ones are named in
`environment.json`. Nothing here runs with releases outside a patch's own range.
"""

import importlib
import importlib.metadata
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_NUMBERS = re.compile(r"\d{1,9}")


@dataclass(frozen=True, slots=True)
class Patch:
    """Mends one library from release `first` to release `last`, both inclusive."""

    name: str
    library: str
    first: str
    last: str
    why: str
    mend: Callable[[], None]

    def fits(self, release: str | None) -> bool:
        """Whether an installed release is one that needs the patch."""
        return release is not None and numbers(self.first) <= numbers(release)[:3] <= numbers(self.last)


def numbers(release: str) -> tuple[int, ...]:
    """The leading numbers of a release: (4, 51, 3) of 4.51.3.dev0."""
    return tuple(int(found) for part in release.split(".")[:3] if (found := _leading(part)))


def _leading(part: str) -> str:
    match = _NUMBERS.match(part)
    return match[0] if match else ""


def installed(library: str) -> str | None:
    """The installed release of a library; None where it is absent."""
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return None


def apply(patches: Iterable[Patch]) -> tuple[str, ...]:
    """Mends what the installed releases need; returns the names of the patches applied."""
    used = []
    for patch in patches:
        if patch.fits(installed(patch.library)):
            patch.mend()
            used.append(patch.name)
    return tuple(used)


def key_mapping(saved: Iterable[str], wanted: Iterable[str], own: Mapping[str, str]) -> dict[str, str]:
    """Patterns by which a base's tensors get the names that this release's model has; empty where they have them.

    A base saved by transformers from 5.6 on calls the vision tower's modules `vision_tower.encoder...`; before, the
    tower holds them in one more module, `vision_tower.vision_model.encoder...` (models/siglip/modeling_siglip.py).
    `own` are the model class's own patterns, which `from_pretrained` forgets when it is given others.
    """
    if not is_flat(saved) or not any(_TOWER in name for name in wanted):
        return {}
    # Patterns are tried in order until one matches, so this one does what the class's own would have done as well.
    tower = own.get("^vision_tower", r"\1vision_tower")
    return {_FLAT_TOWER: f"{tower}.vision_model.", **own}


def is_flat(names: Iterable[str]) -> bool:
    """Whether tensors are named as from transformers 5.6 on: a vision tower without its inner module."""
    tower = [name for name in names if "vision_tower." in name]
    return bool(tower) and not any(_TOWER in name for name in tower)


_TOWER = "vision_tower.vision_model."
_FLAT_TOWER = r"^((?:model\.)?)vision_tower\.(?!vision_model\.)"


def inputs_of_zeros(model_type: str) -> tuple[str, ...]:
    """Inputs of text alone that a model asks for while it trains, all zeros: Gemma 3 of transformers 5.0 to 5.5.

    Zero says "no image here" and leaves the mask causal (models/gemma3/modeling_gemma3.py,
    create_causal_mask_mapping); other releases take that for granted.
    """
    release = numbers(installed("transformers") or "")
    asked = model_type == "gemma3" and (5, 0) <= release < (5, 6)
    return ("token_type_ids",) if asked else ()


def place(model: object) -> None:
    """Takes a quantised model's map of devices off where it names the CPU alone, for accelerate before 1.0.

    It refuses every such map as one of offloaded weights (accelerator.py, prepare_model), of which there are none.
    """
    devices = set(vars(model).get("hf_device_map", {}).values())
    if numbers(installed("accelerate") or "1") < (1, 0) and {str(device) for device in devices} == {"cpu"}:
        del vars(model)["hf_device_map"]


def _find_bitsandbytes() -> None:
    """Lets transformers import bitsandbytes where there is no GPU; before, it would leave its own names undefined."""
    for name in ("transformers.utils.import_utils", "transformers.utils"):
        vars(importlib.import_module(name))["is_bitsandbytes_available"] = _true


def _true() -> bool:
    return True


def _quantise_on_cpu() -> None:
    """Drops the check of the machine where there is no GPU; what it guards is left to bitsandbytes itself."""
    torch = importlib.import_module("torch")
    if torch.cuda.is_available():
        return
    for name in ("quantizer_bnb_4bit.Bnb4BitHfQuantizer", "quantizer_bnb_8bit.Bnb8BitHfQuantizer"):
        module, _, kind = name.partition(".")
        quantizer: Any = getattr(importlib.import_module(f"transformers.quantizers.{module}"), kind)
        quantizer.validate_environment = _no_check


def _no_check(self: object, *arguments: object, **options: object) -> None:
    """Stands for `validate_environment`, which only raises or returns nothing."""


PATCHES: tuple[Patch, ...] = (
    Patch(
        "find-bitsandbytes",
        "transformers",
        "4.38.0",
        "4.44.99",
        "transformers up to 4.44 calls bitsandbytes absent where torch finds no GPU (utils/import_utils.py)",
        _find_bitsandbytes,
    ),
    Patch(
        "quantise-on-cpu",
        "transformers",
        "4.38.0",
        "4.99.99",
        "transformers 4 asks for an Intel CPU with intel_extension_for_pytorch or a GPU before it quantises "
        "(integrations/bitsandbytes.py, quantizers/quantizer_bnb_4bit.py); bitsandbytes from 0.46 on needs neither",
        _quantise_on_cpu,
    ),
)
