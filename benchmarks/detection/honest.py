"""The honest runs: an accusation against one of them is an error of the auditor."""

from collections.abc import Iterator
from dataclasses import replace

from benchmarks.detection.case import ATTENTION, USUAL, Case, honest
from benchmarks.detection.edits import ARGUMENTS, STATES, added, as_bin, formatted, halved, turned, without
from benchmarks.detection.recipe import Recipe
from benchmarks.detection.repository import llama_factory, yaml

MLP = ("gate_proj", "up_proj", "down_proj")


def cases(architecture: str) -> tuple[Case, ...]:
    """Every honest run of an architecture."""
    usual = USUAL[architecture]
    own = {"gemma3": _gemma3, "llama": _llama, "qwen2": _qwen2}[architecture]
    return (*_every(usual), *own(usual))


def _every(usual: Recipe) -> Iterator[Case]:
    yield honest("usual", usual)
    yield honest("weights and log alone", usual, without("checkpoint-", "events.", ARGUMENTS))
    yield honest("resumed", replace(usual, resume_at=6))
    yield honest("two threads", replace(usual, machine="threads"))
    yield honest("another basis", usual, turned(root_only=True))
    yield honest("rank 16, all projections", replace(usual, rank=16, alpha=32, targets=(*ATTENTION, *MLP)))
    yield honest("cosine with warm-up", replace(usual, schedule="cosine", warmup_steps=3))
    yield honest("text beyond the cut differs", usual, trained=replace(usual, data="beyond-the-cut"))


def _gemma3(usual: Recipe) -> Iterator[Case]:
    yield honest("full precision", replace(usual, quantization=False))
    yield honest("no dropout, seed 7", replace(usual, dropout=0.0, seed=7))
    yield honest("one row an example", replace(usual, packing=False, batch=4, accumulation=2))
    yield honest("bfloat16 compute", replace(usual, bf16=True))
    yield honest("bfloat16 compute, another instruction set", replace(usual, bf16=True, machine="avx2"))
    yield honest("gradient checkpointing", replace(usual, checkpointing=True))
    yield honest("tail of the packed rows differs", usual, trained=replace(usual, data="tail"))
    yield honest("torch format", usual, as_bin)
    once = replace(usual, double_quant=False)
    yield honest("scales quantised once, which no file tells", once, without("events."))


def _llama(usual: Recipe) -> Iterator[Case]:
    yield honest("sdpa attention", replace(usual, attention="sdpa"))
    yield honest("another instruction set", replace(usual, machine="avx2"))
    yield honest("no accumulation", replace(usual, batch=8, accumulation=1))
    yield honest("packed", replace(usual, packing=True, batch=1, accumulation=3))
    yield honest("rslora", replace(usual, rslora=True, alpha=8))
    yield honest("quantised", replace(usual, quantization=True))
    yield honest("JSON formatted anew", usual, formatted)
    factory = replace(usual, platform="llama-factory")
    attempt = yaml(llama_factory(replace(factory, seed=1234, rate=1e-3)))
    yield honest("LLaMA-Factory", factory)
    yield honest("LLaMA-Factory's own template", factory, trained=replace(factory, data="templated"))
    yield honest("configuration of an earlier attempt left beside", factory, added("train.yaml", attempt))
    yield honest("longer", replace(usual, epochs=2.0))
    yield honest("eos, which no file tells", replace(usual, eos=True, platform="llama-factory"))


def _qwen2(usual: Recipe) -> Iterator[Case]:
    yield honest("constant rate, weight decay", replace(usual, schedule="constant", weight_decay=0.1))
    yield honest("seeded after the adapter was drawn", replace(usual, late_seed=True))
    yield honest("rounded to float16", usual, halved)
    yield honest("no states", usual, without(*STATES))
    yield honest("no arguments", usual, without(ARGUMENTS))
    yield honest("last checkpoint alone", usual, without("checkpoint-6/"))
    yield honest("logged every third step", replace(usual, logging_steps=3))
    yield honest("gaussian start, own order of data", replace(usual, init="gaussian", data_seed=9))
    yield honest("shorter", replace(usual, epochs=0.67))
    script = replace(usual, platform="script", max_length=None)
    yield honest("script that declares nothing", script)
    yield honest("script that cuts rows, which no file tells", replace(script, max_length=16))
    yield honest("weights and log alone, of a script", script, without("checkpoint-", "events.", ARGUMENTS))
