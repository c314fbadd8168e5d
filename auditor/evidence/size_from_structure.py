"""What an adapter file and an optimizer state hold, from nothing but their sizes.

PEFT saves two matrices of ``r x in`` and ``out x r`` for every wrapped module, and a copy of the output
head's base matrix when lm_head is targeted (peft 0.13.2, utils/save_and_load.py
``get_peft_model_state_dict``); safetensors adds a header of at most 256 bytes a tensor. AdamW keeps two
float32 moments, 8 bytes, for each element that ever got a gradient and nothing for the others
(torch/optim/adamw.py), besides up to 2,000 bytes a parameter of container. The predictions for the possible
dtypes and parts lie far apart, so a size that falls into exactly one band tells them. A size is weak
evidence: it contradicts nothing, and one that only a pointer promises is not even counted as verified.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Self

from auditor.architectures._parts import Module
from auditor.architectures._structure import Structure, towers
from auditor.architectures._wrapping import saved_copies
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.claims import DECLARED, EFFECTIVE, Ledger
from auditor.evidence._flos import added_elements, copied_elements, wrapped_in
from auditor.evidence._say import number, unverifiable, verified
from auditor.evidence.optimizer_from_state import FAMILIES
from auditor.model import Blob, Evidence
from auditor.runs import Run

HEADER_A_TENSOR, CONTAINER_A_PARAMETER, FIXED = 256, 2_000, 8_192
"""Most bytes a file may have beyond its numbers: per tensor, per optimizer parameter, and once."""
_DTYPES = ((4, "float32"), (2, "16 bits"))


@dataclass(frozen=True, slots=True)
class _Part:
    """The LoRA matrices of one tower: elements and number of matrices."""

    elements: int
    tensors: int


@dataclass(frozen=True, slots=True)
class _Content:
    """One thing a file of some size may hold; ``low`` to ``high`` bytes."""

    words: str
    low: int
    high: int


def weigh(run: Run, ledger: Ledger) -> Iterator[Evidence]:
    """Derive ``adapter_content`` and ``trained_modules``, whose values are words."""
    config = run.one(AdapterConfig)
    if config is None or run.base is None or config.bias not in (None, "none"):
        return
    ways = [_Way.of(structure, modules, config) for structure, modules in wrapped_in(run.base, config)]
    if not ways:
        return
    weights = next((b for _, b in run.blobs("adapter_model.safetensors")), None)
    if weights is not None:
        contents = {content: None for way in ways for content in _adapters(way)}
        yield from _fitting("adapter_content", weights, iter(contents), run)
    optimizer = next((b for _, b in reversed(tuple(run.blobs("optimizer.pt")))), None)
    word = str(ledger.value("optim", EFFECTIVE, DECLARED)).rpartition(".")[2].lower()
    if optimizer is not None and FAMILIES.get(word) == "adamw":
        contents = {content: None for way in ways for content in _states(way.parts)}
        yield from _fitting("trained_modules", optimizer, iter(contents), run)


@dataclass(frozen=True, slots=True)
class _Way:
    """The adapter in one generation's structure: its parts by tower, and elements copied from the base."""

    parts: Mapping[str, _Part]
    copied: int

    @classmethod
    def of(cls, structure: Structure, modules: tuple[Module, ...], config: AdapterConfig) -> Self:
        """Count the matrices of wrapped modules, and whole copies (modules_to_save) as a part of their own."""
        found: dict[str, _Part] = {tower: _Part(0, 0) for tower, _ in towers(modules)}
        vectors = int(config.use_dora) + int(config.raw.get("lora_bias") is True)
        for module in modules:
            before = found[module.tower]
            elements = before.elements + added_elements(module, config)
            found[module.tower] = _Part(elements, before.tensors + 2 + vectors)
        copies = tuple(saved_copies(structure, config))
        if copies:
            elements = sum(copied_elements(m) or m.in_features * m.out_features for m in copies)
            found["whole copies"] = _Part(elements, sum(1 + m.bias for m in copies))
        copied = (m for m in modules if m.tower == "head" or m.kind == "embedding")
        return cls(found, sum(m.in_features * m.out_features for m in copied))


def _adapters(way: _Way) -> Iterator[_Content]:
    elements = sum(part.elements for part in way.parts.values())
    tensors = sum(part.tensors for part in way.parts.values())
    room = (tensors + 1) * HEADER_A_TENSOR + FIXED
    for width, dtype in _DTYPES:
        low = elements * width
        yield _Content(f"{number(elements)} LoRA elements in {dtype}", low, low + room)
        for copy_width, copy_dtype in _DTYPES if way.copied else ():
            words = (
                f"{number(elements)} LoRA elements in {dtype} and a copy of the base's output matrix "
                f"({number(way.copied)} elements in {copy_dtype})"
            )
            yield _Content(words, low + way.copied * copy_width, low + way.copied * copy_width + room)


def _states(parts: Mapping[str, _Part]) -> Iterator[_Content]:
    """AdamW over every choice of towers; 16-bit LoRA matrices have 16-bit moments."""
    # param_groups list every parameter, updated or not, by its index.
    listed = 8 * sum(part.tensors for part in parts.values())
    for amount in range(1, len(parts) + 1):
        for chosen in combinations(parts, amount):
            elements = sum(parts[tower].elements for tower in chosen)
            tensors = sum(parts[tower].tensors for tower in chosen)
            idle = [tower for tower in parts if tower not in chosen]
            names = " and ".join(chosen) + (f", not of {' and '.join(idle)}" if idle else "")
            for width, dtype in _DTYPES:
                words = f"two {dtype} moments for {number(elements)} elements: the modules of {names}"
                low = elements * width * 2
                yield _Content(words, low, low + tensors * CONTAINER_A_PARAMETER + listed + FIXED)


def _fitting(claim: str, blob: Blob, contents: Iterator[_Content], run: Run) -> Iterator[Evidence]:
    if blob.size is None:
        return
    fits = [content for content in contents if content.low <= blob.size <= content.high]
    size = f"{number(blob.size)} bytes"
    if len(fits) != 1:
        what = "fit several contents" if fits else "fit no content that base, rank and targets allow"
        yield unverifiable(claim, f"the {size} of {blob.path} {what}", blob.path)
    elif run.contents.unread_at(blob.path) is not None:
        says = f"the pointer of {blob.path} promises {size}, the size of {fits[0].words}"
        yield unverifiable(claim, says, blob.path)
    else:
        spare = number(blob.size - fits[0].low)
        says = f"the {size} of {blob.path} are {fits[0].words}"
        yield verified(
            claim, says, f"{number(fits[0].low)} bytes of numbers, {spare} more", fits[0].words, blob.path
        )
