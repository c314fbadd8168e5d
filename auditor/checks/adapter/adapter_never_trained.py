"""Every tensor that the method starts at a fixed value still has it: the adapter was never trained.

Each method begins as a change of nothing: IA3's vectors are ones, the rotations of OFT and BOFT, VeRA's lambda_b, one
factor of LoHa and LoKr and MiSS's blocks are zeros (peft 0.21.2, tuners/<method>/layer.py). One step of an optimizer
moves them; where none has moved, no gradient ever arrived, and loading the adapter changes nothing. LoRA is the matter
of `untrained-layers`.

Wrong when: the file is a fresh adapter that was saved on purpose as a starting point.

Fix: check that the adapter's parameters require gradients and reach the optimizer, and train again.

Bad:
    adapter_config.json: /peft_type = "IA3"
    adapter_model.safetensors: tensor * removed
    adapter_model.safetensors: tensor base_model.model.q.ia3_l of shape 4x1

Good:
    adapter_config.json: /peft_type = "IA3"
    adapter_model.safetensors: tensor * removed
    adapter_model.safetensors: tensor base_model.model.q.ia3_l of shape 4x1
    adapter_model.safetensors: tensor base_model.model.q.ia3_l * 2
"""

from collections.abc import Iterator

from auditor.artifacts._peft_layout import MARKS, Part, parts
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.checks._wording import counted
from auditor.errors import CannotRead
from auditor.model import Problem, Severity, Skip

SEVERITY = Severity.ERROR

_STARTS: dict[str, tuple[tuple[str, ...], float]] = {
    "IA3": (("ia3_l",), 1.0),
    "OFT": (("oft_R", "oft_r"), 0.0),
    "BOFT": (("boft_R",), 0.0),
    "VERA": (("vera_lambda_b",), 0.0),
    "LOHA": (("hada_w2_b",), 0.0),
    "LOKR": (("lokr_w1", "lokr_w1_a"), 0.0),
    "MISS": (("miss_block",), 0.0),
    "BONE": (("bone_block",), 0.0),
}
"""By method: the tensors that do not start at random, and the value they start with."""


def check(config: AdapterConfig, weights: AdapterWeights) -> Iterator[Problem | Skip]:
    """Reads the tensors that have a fixed start, until one has moved."""
    if config.peft_type not in _STARTS:
        if config.is_peft and config.peft_type != "LORA":
            yield Skip(f"{config.peft_type} has no tensor that starts at a known value")
        return
    start = config.raw.get("init_ia3_weights" if config.peft_type == "IA3" else "init_weights")
    if start not in (None, True):
        yield Skip(f"the adapter did not start at the method's usual values ({start!r})")
        return
    marks, value = _STARTS[config.peft_type]
    fixed = [part for part in parts(weights, MARKS[config.peft_type]) if part.mark in marks]
    try:
        if not fixed or not all(_is_still(weights, part, value) for part in fixed):
            return
    except CannotRead as error:
        yield Skip(f"{weights.path} {error.reason}")
        return
    yield Problem(
        f"all {counted(len(fixed), 'tensor')} {'/'.join(sorted({part.mark for part in fixed}))} are still exactly "
        f"{value:g}, where {config.peft_type} starts: loading the adapter changes nothing",
        weights.at(fixed[0].info.name),
        expected=f"values that training moved from {value:g}",
        observed=f"{value:g} everywhere",
    )


def _is_still(weights: AdapterWeights, part: Part, value: float) -> bool:
    return all(bool((chunk == value).all()) for chunk in weights.chunks(part.info.name))
