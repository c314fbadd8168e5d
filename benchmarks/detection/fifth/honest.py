"""The honest runs of the fifth blind set: none must be accused.

What teams push in 2026 and the sets before had not: other ways to start an adapter, to load a base, to resume and to
end, TRL's conversations and preferences, two processes. ``expected`` names the verdicts that would be right, and was
written before the first look: *identical* where the files tell everything that a rerun needs; *inconclusive* where a
script keeps it to itself, or where a rerun cannot make it again and should say so.
"""

from collections.abc import Iterator
from dataclasses import replace

from benchmarks.detection.blind.edits import declared
from benchmarks.detection.blind.honest import BEST, SCRIPT
from benchmarks.detection.case import Case, honest
from benchmarks.detection.edits import configured
from benchmarks.detection.fifth.forging import folded, in_folders, kept_pushed
from benchmarks.detection.fifth.inputs import TEMPLATE
from benchmarks.detection.fifth.training import Run, more, resumed, usual
from benchmarks.detection.fourth.honest import told

SAME, NEAR, OPEN = "identical", "equivalent", "inconclusive"


def cases(architecture: str) -> tuple[Case, ...]:
    """Every honest run of an architecture."""
    own = {"gemma3": _gemma3, "llama": _llama, "qwen2": _qwen2}[architecture]
    run = usual(architecture)
    script = replace(run, **{**SCRIPT, "batch": 4, "accumulation": 2})
    return tuple(own(run, script))


def raised(run: Run) -> Run:
    """Gone on with at step 6 of 8, for 12 steps in all: rates until then are those of the shorter schedule."""
    return resumed(run, 6, epochs=0.67)


def plateau(run: Run) -> Run:
    """A rate that is halved whenever an evaluation does not gain a tenth."""
    kwargs = {"factor": 0.5, "patience": 0, "threshold": 0.1, "mode": "min"}
    scheduled = replace(run, schedule="reduce_lr_on_plateau", evaluates="loss")
    return more(scheduled, eval_strategy="steps", eval_steps=3, lr_scheduler_kwargs=kwargs)


def preferences(script: Run) -> Run:
    """TRL's DPO, the reference's probabilities computed beforehand."""
    sft = '{"beta": 0.3, "precompute_ref_log_probs": true}'
    return replace(script, by="dpo", data="preferences", sft=sft, rate=5e-4)


def conversations(script: Run) -> Run:
    """TRL's SFT on conversations, of which only the assistant's turns are learned."""
    return replace(script, by="sft", data="messages", sft='{"assistant_only_loss": true}', template=TEMPLATE)


def _gemma3(run: Run, script: Run) -> Iterator[Case]:
    eight = replace(run, quantization=False, int8=True)
    yield right(honest("base in 8 bits", eight, declared("peft", quantization="int8")), SAME, NEAR, OPEN)
    yield right(honest("steps raised on resuming", raised(run)), SAME, OPEN)
    # no file tells how the base was loaded; the adapter's own type is in its tensors
    half = replace(run, quantization=False, loaded_as="bfloat16", half=True)
    yield right(honest("base and adapter in bfloat16", half), SAME, NEAR, OPEN)
    ended = replace(run, evaluates="loss", ending="evaluates")
    yield right(honest("evaluated after the end, results written", ended), SAME)
    best = more(script, **BEST, metric_for_best_model="score", greater_is_better=True, save_total_limit=1)
    yield right(honest("best checkpoint alone kept, by a script", replace(best, evaluates="score")), SAME)
    yield right(
        honest("the Trainer's own card, by a script", replace(script, ending="card"), kept_pushed), SAME
    )


def _llama(run: Run, script: Run) -> Iterator[Case]:
    # the merged weights are rounded to the base's float32, so the update has their rounding
    yield right(honest("merged and extracted again", replace(run, ending="extracts")), NEAR)
    halves = resumed(run, 6, batch=8, accumulation=1)
    yield right(honest("batch halved on resuming", halves), SAME, NEAR, OPEN)
    evaluated = told(eval_strategy="steps", eval_steps=3)
    yield right(honest("rate lowered on a plateau", plateau(run), evaluated), SAME, OPEN)
    yield right(honest("two processes, by a script", replace(script, by="two", accumulation=1)), OPEN)
    small = more(replace(script, habit="out of memory"), auto_find_batch_size=True)
    yield right(honest("batch lowered by the Trainer, by a script", small), SAME, OPEN)
    yield right(honest("alpha folded into lora_B, by a script", script, folded(1.0)), SAME, NEAR)
    tokens = replace(script, added=True, ending="tokenizer")
    named = configured(base_model_name_or_path=run.name)
    yield right(honest("two tokens added, embeddings beside, by a script", tokens, named, kept_pushed), OPEN)
    yield right(honest("EVA start, by a script", replace(script, eva=True)), SAME, OPEN)
    two = honest("two runs in folders", run, in_folders("run-a", "run-b"))
    yield right(replace(two, others=(replace(run, seed=7),)), SAME, OPEN)


def _qwen2(run: Run, script: Run) -> Iterator[Case]:
    chats = honest("assistant turns alone, a template of the script, by TRL", conversations(script))
    yield right(replace(chats, data="messages"), SAME, OPEN)
    wrapped = '{"packing": true, "packing_strategy": "wrapped", "max_length": 64}'
    yield right(honest("packed by TRL, rows cut", replace(script, by="sft", sft=wrapped)), SAME)
    yield right(
        replace(honest("preferences (DPO), by TRL", preferences(script)), data="preferences"), SAME, OPEN
    )
    yield right(honest("OLoRA", replace(run, init="olora")), SAME, OPEN)
    pissa = replace(script, init="pissa", ending="converts")
    yield right(honest("PiSSA published for the plain base, by a script", pissa), SAME, NEAR, OPEN)
    # no file says that rows were streamed, but file order is a reading
    streamed = more(
        replace(script, by="stream", max_steps=12), accelerator_config={"dispatch_batches": False}
    )
    yield right(honest("rows streamed, by a script", streamed), SAME, OPEN)
    yield right(
        honest("second stage on the first one's adapter, by a script", replace(script, warm=True)), OPEN
    )
    yield right(
        honest("adapter under a name of its own, by a script", replace(script, called="sums")), SAME, OPEN
    )
    compiled = more(run, torch_compile=True, torch_compile_backend="eager")
    yield right(honest("compiled by a backend that changes nothing", compiled), SAME, NEAR, OPEN)


def right(case: Case, *verdicts: str) -> Case:
    """A case and what would be right to say of it."""
    return replace(case, expected=verdicts)
