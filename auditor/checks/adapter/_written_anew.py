"""Whether a published adapter that differs from the last checkpoint's is the same, written anew by a tool."""

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.checks._once import once
from auditor.compare.rewritten import does_the_same, holds_the_trained, is_for_the_plain_base
from auditor.errors import CannotRead
from auditor.runs import Run

_SCALE = {"lora_alpha", "use_rslora"}
_CONVERTED = {*_SCALE, "r", "init_lora_weights"}


@once
def written_anew(run: Run) -> tuple[str, frozenset[str]]:
    """In words how it was, and the keys of adapter_config.json that this explains; "" and none where it was not.

    A scale is explained by factors that make up for it; PEFT's conversion for the plain base by factors whose first
    half is the checkpoint's, bit by bit.
    """
    one, other = run.root, run.last
    config, saved = one.one(AdapterConfig), other.one(AdapterConfig) if other is not None else None
    mine, theirs = one.one(AdapterWeights), other.one(AdapterWeights) if other is not None else None
    if config is None or saved is None or mine is None or theirs is None or other is None:
        return "", frozenset()
    try:
        if is_for_the_plain_base(config, saved) and holds_the_trained(mine, theirs):
            says = f"{mine.path} is that of {other.path}, converted for the plain base"
            return says, frozenset(_CONVERTED)
        scaled = config.lora_alpha != saved.lora_alpha or config.use_rslora != saved.use_rslora
        if scaled and config.r == saved.r and does_the_same(mine, config, theirs, saved):
            return f"{mine.path} makes the update of {other.path} at another scale", frozenset(_SCALE)
    except CannotRead:
        pass
    return "", frozenset()
