"""The falsified runs of the sixth blind set: each must be caught.

Small edits of one module, of one checkpoint or of two steps, and claims of what the honest runs of this set do. Where a
rerun may not be able to look, *inconclusive* is expected too, with the reason beside the case: written before the first
look.
"""

from collections.abc import Iterator
from dataclasses import replace

from benchmarks.detection.blind.forging import rates_of_the_lie_hidden
from benchmarks.detection.blind.honest import SCRIPT
from benchmarks.detection.case import CAREFUL, Case, forged, lie
from benchmarks.detection.fifth.falsified import CAUGHT, OPEN
from benchmarks.detection.fifth.honest import right
from benchmarks.detection.fourth.forging import noise_in, times
from benchmarks.detection.sixth.forging import (
    between,
    constants_told,
    moments_mixed,
    only_checkpoint,
    steps_exchanged,
    weights_of,
)
from benchmarks.detection.sixth.honest import random_start, stateless, token_rows
from benchmarks.detection.sixth.training import Run, more, usual


def cases(architecture: str) -> tuple[Case, ...]:
    """Every falsified run of an architecture."""
    own = {"gemma3": _gemma3, "llama": _llama, "qwen2": _qwen2}[architecture]
    run = usual(architecture)
    script = replace(run, **{**SCRIPT, "batch": 4, "accumulation": 2})
    return tuple(own(run, script))


def _gemma3(run: Run, script: Run) -> Iterator[Case]:
    module = "language_model.layers.0.self_attn.v_proj"
    left = weights_of("checkpoint-6", "", "checkpoint-12", part=module)
    yield right(forged("one module of the last copies as at step 6", run, left), CAUGHT)
    key = "language_model.layers.0.self_attn.k_proj"
    # a twentieth of what rounding to bfloat16 does, but nobody rounded this one module
    yield right(forged("noise of 2e-4 in one module", run, noise_in(key, 2e-4)), CAUGHT)
    turned = lie("second half in another order", CAREFUL, run)
    order = replace(run, data_seed=7, resume_at=6, before='{"data_seed": null}')
    yield right(replace(turned, trained=order), CAUGHT)
    warm = lie("second stage called a random start", CAREFUL, random_start(run), warm=True)
    yield right(warm, CAUGHT)
    swapped = forged(
        "a checkpoint pushed with the weights of a later one",
        run,
        weights_of("checkpoint-12", "checkpoint-6"),
        only_checkpoint("checkpoint-6"),
    )
    yield right(swapped, CAUGHT)


def _llama(run: Run, script: Run) -> Iterator[Case]:
    yield right(lie("the end of one row not learned", CAREFUL, run, unlearned=50), CAUGHT)
    mixed = forged("a tenth of another run's moments", run, moments_mixed(0.1), other=replace(run, seed=43))
    yield right(mixed, CAUGHT)
    thrice = replace(run, save_steps=4)
    middle = between("checkpoint-8", "checkpoint-4", "checkpoint-12")
    yield right(forged("a lost checkpoint made of its neighbours", thrice, middle), CAUGHT)
    tokens = forged("trained rows of tokens x 1.02", token_rows(run), times("trainable_tokens", 1.02))
    # where a rerun does not train such rows it cannot tell
    yield right(tokens, CAUGHT, OPEN)
    yield right(
        lie("states not kept, learning rate x 1.03", CAREFUL, stateless(run), rate=run.rate * 1.03), CAUGHT
    )


def _qwen2(run: Run, script: Run) -> Iterator[Case]:
    yield right(forged("losses of two steps exchanged, events too", run, steps_exchanged(7, 8)), CAUGHT)
    betas = constants_told(betas=(0.9, 0.999))
    first = lie("Adam's first constant", CAREFUL, run, rates_of_the_lie_hidden, betas)
    yield right(replace(first, trained=more(run, adam_beta1=0.85)), CAUGHT)
