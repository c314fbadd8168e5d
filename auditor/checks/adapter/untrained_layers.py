"""Every lora_B of a part of the model is exactly zero: that part of the adapter was never trained.

lora_B starts at zero (peft 0.21.2, tuners/lora/layer.py, `reset_lora_parameters`), and one optimizer step moves it,
unless no gradient arrives. (A lora_A of zeros, which
starts at random, makes its module as dead.) Measured causes:
reentrant gradient checkpointing switched on after `get_peft_model` without `enable_input_require_grads`
trains lm_head only and reports a falling loss all the same (transformers 4.51.3, peft 0.13.2); a vision
tower gets no gradient from text.

An adapter in a folder of another one's, without a training state of its own, is one of several that a model had
(peft 0.21.2, peft_model.py, `save_pretrained` writes each into a folder of its name): there it is a warning.

Wrong when: the initialisation does not start at zero, which is recognised by `init_lora_weights`, or
the part is meant to be frozen.

Fix: call `model.enable_input_require_grads()` or use non-reentrant checkpointing and train again; for a
vision tower leave its modules out of `target_modules`.

Bad:
    adapter_model.safetensors: tensor *.lora_B.weight = 0

Good:
    # one module that rested among others that moved
    adapter_model.safetensors: tensor *.layers.0.mlp.up_proj.lora_B.weight = 0
"""

from collections.abc import Iterator, Mapping

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.trainer_state import TrainerState
from auditor.artifacts.training_args import TrainingArgs
from auditor.checks.adapter._towers import part_of
from auditor.compare.reach import ZERO_STARTS
from auditor.errors import CannotRead
from auditor.model import Problem, Severity, Skip, folder_of, name_of
from auditor.runs import CHECKPOINT, Contents

SEVERITY = Severity.ERROR

_WORDS = {
    "text": "the language model",
    "vision": "the vision tower",
    "head": "lm_head",
    "projector": "the projector",
    "encoder": "the encoder",
}


def check(config: AdapterConfig, weights: AdapterWeights, contents: Contents) -> Iterator[Problem | Skip]:
    """Count exact zeros by part; one finding says which parts are dead and which are alive."""
    if config.peft_type != "LORA" or "unet" in {name.partition(".")[0] for name in weights.pairs()}:
        return
    if config.init_lora_weights not in ZERO_STARTS:
        yield Skip(f"`init_lora_weights` {config.init_lora_weights!r} does not start lora_B at zero")
        return
    try:
        counts = _counts(weights)
        still = still_ones(weights)
        spare = _is_spare(weights, contents)
    except CannotRead as error:
        yield Skip(f"{weights.path} {error.reason}")
        return
    dead = {part: total for part, (zero, total) in counts.items() if zero == total}
    if dead:
        yield _problem(weights, counts, dead, spare=spare)
    if still:
        yield Problem(
            f"lora_A of {len(still)} of {len(weights.pairs())} modules is exactly zero: "
            "their update is zero whatever lora_B holds",
            weights.at(still[0]),
            expected="the random numbers that lora_A starts with",
            observed="zeros",
        )


def still_ones(weights: AdapterWeights) -> list[str]:
    """The lora_A of linear modules, which start at random, that are exactly zero. Raises CannotRead."""
    starts = [pair.a for pair in weights.pairs().values() if not pair.is_embedding]
    return [info.name for info in starts if info is not None and info.elements and weights.is_zero(info.name)]


def _counts(weights: AdapterWeights) -> Mapping[str, tuple[int, int]]:
    """By part: how many lora_B are exactly zero, and how many there are. Raises CannotRead."""
    counts: dict[str, tuple[int, int]] = {}
    for module, pair in weights.pairs().items():
        # An embedding's factors start the other way round: A at zero, B at random.
        trained = pair.a if pair.is_embedding else pair.b
        if trained is None or trained.elements == 0:
            continue
        part = part_of(module)
        zero, total = counts.get(part, (0, 0))
        counts[part] = (zero + weights.is_zero(trained.name), total + 1)
    return counts


def _is_spare(weights: AdapterWeights, contents: Contents) -> bool:
    """Whether another adapter of the model, a trained one, lies in the folder above. Raises CannotRead."""
    folder = folder_of(weights.path)
    own, above = contents.folders.get(folder), contents.folders.get(folder_of(folder))
    if not folder or own is None or above is None or CHECKPOINT.match(name_of(folder)):
        return False
    trained = above.one(AdapterWeights)
    if trained is None or own.one(TrainerState) is not None or own.one(TrainingArgs) is not None:
        return False
    return any(zero < total for zero, total in _counts(trained).values())


def _problem(
    weights: AdapterWeights,
    counts: Mapping[str, tuple[int, int]],
    dead: Mapping[str, int],
    *,
    spare: bool,
) -> Problem:
    alive = [part for part in counts if part not in dead]
    named = " and ".join(f"{_WORDS[part]} ({total})" for part, total in dead.items())
    if not alive:
        message = (
            f"every lora_B of the adapter is exactly zero ({sum(dead.values())}): loading it changes nothing"
        )
        if spare:
            message += "; the adapter in the folder above was trained"
    else:
        message = f"every lora_B of {named} is exactly zero: that part of the adapter was never trained"
    if alive == ["head"]:
        message += "; only lm_head was"
    grave = "text" in dead and not spare
    return Problem(
        message,
        weights.at(),
        expected="lora_B that differ from their initial zero",
        observed="; ".join(
            f"{_WORDS[part]}: {zero} of {total} zero" for part, (zero, total) in counts.items()
        ),
        severity=None if grave or not (alive or spare) else Severity.WARNING,
    )
