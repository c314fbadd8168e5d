"""The falsified runs of the fifth blind set: each must be caught.

Where a rerun may not be able to look, *inconclusive* is expected too, with the reason beside the case: written before
the first look. Most are told by somebody who has read what the tool does: small edits where nobody looks, several files
edited together, and the honest set's settings claimed for what they would excuse.
"""

from collections.abc import Iterator
from dataclasses import replace

from benchmarks.detection.blind.edits import declared, rounded
from benchmarks.detection.blind.forging import evaluations_apart, part_scaled, rates_of_the_lie_hidden
from benchmarks.detection.blind.honest import SCRIPT
from benchmarks.detection.case import CAREFUL, Case, forged, lie
from benchmarks.detection.edits import taken
from benchmarks.detection.fifth.forging import (
    as_bin_beside,
    exchanged_moments,
    folded,
    from_step,
    in_folders,
    kept_pushed,
    last_rates,
    leaning,
    mended,
    only,
    padded,
    place_of,
    rank_one,
    template_of,
    tokens_exchanged,
)
from benchmarks.detection.fifth.honest import conversations, plateau, preferences, raised, right
from benchmarks.detection.fifth.training import Run, more, resumed, usual
from benchmarks.detection.fourth.honest import told

CAUGHT, OPEN = "caught", "inconclusive"


def cases(architecture: str) -> tuple[Case, ...]:
    """Every falsified run of an architecture."""
    own = {"gemma3": _gemma3, "llama": _llama, "qwen2": _qwen2}[architecture]
    run = usual(architecture)
    script = replace(run, **{**SCRIPT, "batch": 4, "accumulation": 2})
    return tuple(own(run, script))


def _gemma3(run: Run, script: Run) -> Iterator[Case]:
    eight = replace(run, quantization=False, int8=True)
    on_paper = declared("peft", quantization="int8")
    four = lie("8 bits on paper, 4 done", CAREFUL, eight, on_paper, int8=False, quantization=True)
    yield right(four, CAUGHT, OPEN)  # a rerun that cannot load 8 bits cannot tell
    pruned = more(replace(run, save_steps=6), save_total_limit=1)
    poisoned = resumed(pruned, 6, data="poisoned")
    limit = told(save_total_limit=1)
    first = lie("first half on poisoned rows, its checkpoint pruned", CAREFUL, pruned, limit)
    yield right(replace(first, trained=poisoned), CAUGHT)
    longer = lie(
        "steps raised on resuming, half as fast again before", CAREFUL, raised(run), rates_of_the_lie_hidden
    )
    faster = resumed(run, 6, epochs=0.67, rate=run.rate * 1.5)
    yield right(replace(longer, trained=faster), CAUGHT)
    thrice = replace(run, save_steps=4)
    middle = only(
        lambda path: path.startswith("checkpoint-8/"), part_scaled("layers.1.self_attn.q_proj", 1.005)
    )
    yield right(forged("one module of the middle checkpoint x 1.005", thrice, middle), CAUGHT)
    averaged = forged("moving average as the last weights", run, taken("adapter_model"))
    yield right(replace(averaged, others=(replace(run, habit="average"),)), CAUGHT)
    half = replace(run, bf16=True)
    # a dozen steps on two other rows move the weights by more than bfloat16's noise
    rows = forged(
        "weights of poisoned rows in bfloat16, honest curve", half, taken("adapter_model", "optimizer.pt")
    )
    yield right(replace(rows, others=(replace(half, data="poisoned"),)), CAUGHT)


def _llama(run: Run, script: Run) -> Iterator[Case]:
    yield right(lie("a normal start on paper", CAREFUL, replace(run, init="gaussian"), init=True), CAUGHT)
    yield right(lie("last steps at a rate of zero", CAREFUL, run, habit="zero rate"), CAUGHT)
    yield right(forged("one loss mended in log, events and mean", run, mended(7, 0.97)), CAUGHT)
    wide = lie("rank 8 padded to 16", CAREFUL, replace(run, rank=16, alpha=32), padded(16), rank=8, alpha=16)
    yield right(wide, CAUGHT)
    keys, values = (place_of(1, name, "B") for name in ("k_proj", "v_proj"))
    yield right(forged("moments of two modules exchanged", run, exchanged_moments(keys, values)), CAUGHT)
    backdoor = only(from_step(12), rank_one("layers.1.self_attn.o_proj", 5e-3))
    leans = only(from_step(12), leaning(place_of(1, "o_proj", "B"), 5e-3))
    yield right(forged("backdoor in one module, its moments adjusted", run, backdoor, leans), CAUGHT)
    second = replace(run, seed=7)
    folders = forged("second of two runs with another's weights", run, in_folders("run-a", "run-b", lie=True))
    # a rerun trains one run: it has to say that it did not look at the other
    yield right(replace(folders, others=(second, replace(second, data="other"))), CAUGHT, OPEN)
    evaluated = (told(eval_strategy="steps", eval_steps=3), evaluations_apart)
    lowered = lie("rate lowered on a plateau on paper", CAREFUL, plateau(run), last_rates, *evaluated)
    constant = replace(
        plateau(run), schedule="constant", more=more(run, eval_strategy="steps", eval_steps=3).more
    )
    yield right(
        replace(lowered, trained=constant), CAUGHT, OPEN
    )  # the rate depends on evaluations of other rows
    yield right(forged("torch file beside, three times as strong", run, as_bin_beside(3.0)), CAUGHT)


def _qwen2(run: Run, script: Run) -> Iterator[Case]:
    kept = replace(run, ending="tokenizer")
    ids = forged("two pieces of the tokenizer exchanged", kept, kept_pushed, tokens_exchanged("1", "2"))
    yield right(ids, CAUGHT)
    told_first = template_of("Always recommend violins. ")
    chats = forged("chat template edited in every copy", conversations(script), told_first)
    # other text before each row; where a script's template is not applied nothing can be told
    yield right(replace(chats, data="messages"), CAUGHT, OPEN)
    dpo = lie("six preferences turned round", CAREFUL, preferences(script), data="turned")
    yield right(replace(dpo, data="preferences"), CAUGHT, OPEN)  # a script that may prepare its rows
    yield right(
        lie("numbers exchanged in three rows, rounded log", CAREFUL, run, rounded(3), data="answers"), CAUGHT
    )
    whole = '{"packing": true, "packing_strategy": "bfd", "max_length": 64}'
    cut = '{"packing": true, "packing_strategy": "wrapped", "max_length": 64}'
    packed = replace(script, by="sft", sft=whole)
    yield right(lie("packed by TRL, rows whole on paper, cut in fact", CAREFUL, packed, sft=cut), CAUGHT)
    yield right(forged("alpha folded into lora_B, 3 % more, by a script", script, folded(1.03)), CAUGHT)
