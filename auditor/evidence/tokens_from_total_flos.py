"""Base shape, rank and target modules, and the number of tokens, from total_flos.

Trainer adds ``6 x input_ids.numel() x N`` to ``current_flos`` for every micro-batch, where N is
``num_parameters(exclude_embeddings=True)`` of the wrapped model (transformers 4.51.3 and 5.23.0: trainer.py
``floating_point_ops``, modeling_utils.py ``num_parameters``). N follows from the base's configuration, the
rank and the modules wrapped, so total_flos = 6 N T must hold for a whole number T of tokens. A wrong N
divides it with a chance of about one in N. Padding counts as tokens; 4-bit weights count as the elements
they stand for, so this says nothing about quantization. The JSON can be edited: this is evidence, not a
signature.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.base_config import BaseConfig
from auditor.artifacts.trainer_state import TrainerState
from auditor.claims import Ledger
from auditor.evidence._files import processes
from auditor.evidence._flos import AS_THE_FILES_SAY, FlosLedger, Hypothesis, alternatives, readings, tokens_in
from auditor.evidence._say import contradicted, number, unverifiable, verified
from auditor.model import Evidence
from auditor.runs import Run

SMALLEST_TELLING = 10_000_000
"""Parameters below which another reading may divide total_flos by chance and contradicts nothing."""


SINGLE_BITS = 36
"""Significant bits of a sum of a few float32 numbers of different size (24 each)."""
_TWO_SIDED = frozenset({"t5", "mt5"})
_CLASSIFIERS = (".score.weight", ".classifier.weight", ".classifier.out_proj.weight", ".qa_outputs.weight")


@dataclass(frozen=True, slots=True)
class _Closing:
    """A reading under which total_flos is a whole number of tokens."""

    hypothesis: Hypothesis
    tokens: int
    exact: bool


def weigh(run: Run, ledger: Ledger) -> Iterator[Evidence]:
    """Test base_model, r and target_modules; derive ``tokens``, whose value is a FlosLedger."""
    state, config = run.latest(TrainerState), run.one(AdapterConfig)
    if state is None or config is None or not config.is_peft:
        return
    total, steps = state.total_flos, state.global_step
    if not isinstance(total, int) or total <= 0 or steps is None or steps < 1:
        return
    if run.base is None:
        if ledger.get("base_model") is not None:
            says = "total_flos would test the base, but its configuration is not known (give --base DIR)"
            yield unverifiable("base_model", says, state.path)
        return
    read = readings(run.base, config, _labels(run))
    if isinstance(read, str):
        yield unverifiable("base_model", f"total_flos cannot be tested: {read}", state.path, config.path)
        return
    paths = (state.path, config.path)
    closing = _closing(read, total, steps)
    if closing:
        yield from _holds(closing[0], total, steps, run, paths)
        return
    yield from _does_not_close(read, total, steps, run.base, config, run, paths)


def _labels(run: Run) -> int | None:
    """Rows of the classifier saved with the adapter; None when there is none to read."""
    weights = run.one(AdapterWeights)
    for name in weights.others() if weights else ():
        shape = weights.tensors[name].shape if weights else ()
        if name.endswith(_CLASSIFIERS) and len(shape) == 2:
            return max(shape[0], 1)
    return None


def _closing(hypotheses: Sequence[Hypothesis], total: int, steps: int) -> list[_Closing]:
    """The hypotheses that close, each parameter count once; fewer tokens than steps are no closing."""
    found: dict[int, _Closing] = {}
    for hypothesis in hypotheses:
        answer = tokens_in(total, hypothesis.parameters)
        if answer is not None and answer[0] >= steps:
            found.setdefault(hypothesis.parameters, _Closing(hypothesis, *answer))
    return list(found.values())


def _arithmetic(closing: _Closing, total: int, run: Run) -> str:
    h = closing.hypothesis
    rest = "remainder 0" if closing.exact else "within 1e-12, above what a float adds exactly"
    source = f"{run.base_source}: {run.base.known}" if run.base and run.base.known else run.base_source
    return (
        f"{number(total)} = 6 x {number(h.parameters)} x {number(closing.tokens)} ({rest}); "
        f"{number(h.parameters)} = {number(h.base_parameters)} outside the base's embeddings ({source}) "
        f"+ {number(h.lora_parameters)} of LoRA on {h.modules}"
    )


def _holds(closing: _Closing, total: int, steps: int, run: Run, paths: tuple[str, ...]) -> Iterator[Evidence]:
    h, detail = closing.hypothesis, _arithmetic(closing, total, run)
    how = "to the last digit" if closing.exact else "within rounding"
    resized = "" if h.claim or h.words == AS_THE_FILES_SAY else f", {h.words}"
    shape = f"total_flos closes {how} with this model's shape{resized} (its weights are not looked at)"
    yield verified("base_model", shape, detail, h.base_parameters, *paths)
    if h.claim != "r":
        yield verified("r", f"total_flos closes {how} with this rank", detail, None, *paths)
    if h.claim != "target_modules":
        words = f"total_flos closes {how} with LoRA on {h.modules}"
        yield verified("target_modules", words, detail, None, *paths)
    if h.main_input != "input_ids" or (run.base and run.base.model_type in _TWO_SIDED):
        return  # elements of images or sound, or the source side alone: no rows of tokens
    per_step = Fraction(closing.tokens, steps)
    value = FlosLedger(closing.tokens, h.parameters, h.lora_parameters, per_step, closing.exact)
    says = f"{number(closing.tokens)} tokens in {number(steps)} steps, {number(per_step)} a step on average"
    yield verified("tokens", says, detail, value, *paths)


def _does_not_close(
    read: Sequence[Hypothesis],
    total: int,
    steps: int,
    base: BaseConfig,
    config: AdapterConfig,
    run: Run,
    paths: tuple[str, ...],
) -> Iterator[Evidence]:
    ranks = processes(run)
    if _is_coarse(total, ranks):
        says = (
            "total_flos was summed over processes in single precision, which leaves too few digits to test the "
            "base with"
        )
        yield unverifiable("base_model", says, *paths)
        return
    others = _closing(tuple(alternatives(base, config)), total, steps)
    telling = [c for c in others if c.exact and c.hypothesis.parameters >= SMALLEST_TELLING]
    if len(telling) == 1:
        yield from _departs(telling[0], total, config, run, paths)
        yield from _holds(telling[0], total, steps, run, paths)
        return
    if total % 6 and total < 2**54 and (ranks == 1 or total % 256):
        # Each addend is a multiple of 6, and below 2**54 even sums are exact in a float; rounded ones end in zeros.
        says = (
            "total_flos is no multiple of 6, as every sum of the Trainer is: edited, or made by another tool"
        )
        detail = f"{number(total)} = 6 x {number(total // 6)} + {total % 6}"
        yield contradicted("total_flos", says, detail, None, *paths)
    tried = " or ".join(number(h.parameters) for h in read)
    says = (
        f"total_flos does not close with the {tried} parameters that base, rank and targets give: "
        "another base, adapter or a trainer that counts differently"
    )
    yield unverifiable("base_model", says, *paths)


def _is_coarse(total: int, ranks: int | None) -> bool:
    """Whether the sum passed through float32, as over several processes (trainer.py ``store_flos``: torch.tensor)."""
    if ranks is not None and ranks > 1:
        return True
    significant = total.bit_length() - (total & -total).bit_length() + 1
    return ranks is None and total >= 2**SINGLE_BITS and significant <= SINGLE_BITS


def _departs(
    closing: _Closing, total: int, config: AdapterConfig, run: Run, paths: tuple[str, ...]
) -> Iterator[Evidence]:
    """The claim that the only closing reading contradicts; an added token contradicts none."""
    h = closing.hypothesis
    says = f"total_flos closes {h.words} to the last digit, and not as recorded"
    if h.claim == "r":
        says = f"total_flos closes with {h.words} to the last digit, and not with the recorded {config.r}"
    if h.claim is not None:
        yield contradicted(h.claim, says, _arithmetic(closing, total, run), None, *paths)
