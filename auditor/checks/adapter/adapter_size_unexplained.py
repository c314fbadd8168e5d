"""The size of adapter_model.safetensors fits no number format of the adapter that adapter_config.json
describes.

A safetensors file is its header and its tensors, byte for byte, so the size of an LFS pointer alone
tells how many parameters are inside: r times inputs plus outputs for each targeted module, at 2 or 4
bytes, and a copy of the vocabulary matrix when lm_head is targeted (peft 0.13.2,
utils/save_and_load.py).

Wrong when: the base model is not the one its name suggests, or the adapter holds tensors that the
configuration does not mention.

Fix: fetch the file and look at its header with `audit inspect`.

Bad:
    repository: seed
    # 42,734,080 parameters of LoRA in float32 take 170,936,320 bytes, and a header comes on top
    adapter_model.safetensors: unfetched, 170936319 bytes

Good:
    repository: seed
    # in 16 bits they take 85,468,160 bytes; the rest is a header
    adapter_model.safetensors: unfetched, 85558160 bytes
"""

from collections.abc import Iterator

from auditor.architectures._parts import Module
from auditor.architectures._wrapping import candidates, undecidable, wrapped
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.base_config import BaseConfig
from auditor.model import Location, Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.NOTE

HEADER_BYTES = 400
"""Most header bytes a tensor needs: a name of PEFT is below 200 characters, offsets and shape below 120."""


def check(run: Run) -> Iterator[Problem | Skip]:
    """Only where the tensors themselves cannot be looked at: a header that was read says more."""
    if run.root.one(AdapterWeights) is not None:
        yield Skip("the file was read, so its header says what is inside")
        return
    config, blob = run.root.one(AdapterConfig), run.blob("adapter_model.safetensors")
    ways = _targeted(config, run.base) if config and run.base else ()
    if config is None or blob is None or blob.size is None or not ways or not _is_plain(config):
        yield Skip("the parameters of the adapter cannot be counted from its configuration and a known base")
        return
    fits = {size: room for modules in ways for size, room in _sizes(modules, config)}
    if not any(size <= blob.size <= size + room for size, room in fits.items()):
        lora = sum(module.lora_parameters(config.rank_of(module.name) or 0) for module in ways[0])
        yield Problem(
            f"the file has {blob.size:,} bytes; {lora:,} LoRA parameters in {len(ways[0])} modules "
            "make another size",
            Location(blob.path),
            expected=" or ".join(f"{size:,}" for size in sorted(fits))
            + f" bytes and a header below {max(fits.values()):,}",
            observed=f"{blob.size:,} bytes",
        )


def _sizes(modules: tuple[Module, ...], config: AdapterConfig) -> Iterator[tuple[int, int]]:
    """Bytes of the numbers and most bytes of the header, in 16 or 32 bits, with or without copies of the base."""
    lora = sum(module.lora_parameters(config.rank_of(module.name) or 0) for module in modules)
    copied = (m for m in modules if m.tower == "head" or m.kind == "embedding")
    heads = sum(module.in_features * module.out_features for module in copied)
    for width in (2, 4):
        for copy in (0, 2, 4):
            yield width * lora + copy * heads, HEADER_BYTES * (2 * len(modules) + 2)


def _targeted(config: AdapterConfig, base: BaseConfig) -> tuple[tuple[Module, ...], ...]:
    """The modules in scope in each release's model; none when it cannot be told."""
    found = candidates(base, config)
    if isinstance(found, str):
        return ()
    known = (
        structure for structure in found if structure.is_complete and undecidable(structure, config) is None
    )
    ways = (wrapped(structure, config) for structure in known)
    return tuple(way for way in ways if way and all(module.kind != "convolution" for module in way))


def _is_plain(config: AdapterConfig) -> bool:
    """LoRA and nothing that adds tensors of its own."""
    added = (
        "target_parameters",
        "trainable_token_indices",
        "lora_bias",
        "layer_replication",
        "use_qalora",
        "use_bdlora",
    )
    return (
        config.peft_type == "LORA"
        and config.bias in (None, "none")
        and not config.modules_to_save
        and not config.use_dora
        and not any(config.raw.get(key) for key in added)
    )
