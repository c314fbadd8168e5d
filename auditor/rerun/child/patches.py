"""What old releases of the libraries need beside a newer torch or bitsandbytes, each with its reason.

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


def key_mapping(missing: Iterable[str], unexpected: Iterable[str], own: Mapping[str, str]) -> dict[str, str]:
    """Patterns that give a base's tensors the names this release knows; empty where none of them helps.

    `own` are the model class's own patterns, which `from_pretrained` forgets when it is given others. A base saved
    by transformers 5 calls the vision tower's modules `vision_tower.encoder...`; up to 4.x the tower holds them in
    one more module, `vision_tower.vision_model.encoder...` (models/siglip/modeling_siglip.py).
    """
    wanted, found = set(missing), set(unexpected)
    renamed = {name.replace(".vision_model.", ".", 1) for name in wanted}
    if not wanted or not {_tail(name) for name in found} >= {_tail(name) for name in renamed}:
        return {}
    # Patterns are tried in order until one matches, so this one does what the class's own would have done as well.
    tower = own.get("^vision_tower", r"\1vision_tower")
    return {_FLAT_TOWER: f"{tower}.vision_model.", **own}


_FLAT_TOWER = r"^((?:model\.)?)vision_tower\.(?!vision_model\.)"


def _tail(name: str) -> str:
    return name.removeprefix("model.")


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
        "quantise-on-cpu",
        "transformers",
        "4.38.0",
        "4.99.99",
        "transformers 4 asks for an Intel CPU with intel_extension_for_pytorch or a GPU before it quantises "
        "(integrations/bitsandbytes.py, quantizers/quantizer_bnb_4bit.py); bitsandbytes from 0.46 on needs neither",
        _quantise_on_cpu,
    ),
)
