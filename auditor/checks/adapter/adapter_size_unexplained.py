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

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.architecture import LinearModule, linear_modules
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
    modules = _targeted(config, run.base) if config and run.base else None
    if config is None or blob is None or blob.size is None or not modules or not _is_plain(config):
        yield Skip("the parameters of the adapter cannot be counted from its configuration and a known base")
        return
    lora = sum(module.lora_parameters(config.rank_of(module.name) or 0) for module in modules)
    heads = sum(module.in_features * module.out_features for module in modules if module.tower == "head")
    sizes = sorted({width * lora + copy * heads for width in (2, 4) for copy in (0, 2, 4)})
    room = HEADER_BYTES * (2 * len(modules) + 2)
    if not any(size <= blob.size <= size + room for size in sizes):
        yield Problem(
            f"the file has {blob.size:,} bytes; {lora:,} LoRA parameters in {len(modules)} modules "
            "make another size",
            Location(blob.path),
            expected=" or ".join(f"{size:,}" for size in sizes) + f" bytes and a header below {room:,}",
            observed=f"{blob.size:,} bytes",
        )


def _targeted(config: AdapterConfig, base: BaseConfig) -> tuple[LinearModule, ...]:
    """The modules in scope in this or the older spelling of transformers; none when it cannot be told."""
    if config.pattern_problem is not None:
        return ()
    return tuple(
        module
        for module in linear_modules(base) or ()
        if any(config.targets(name) for name in (module.name, module.name.removeprefix("model.")))
    )


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
