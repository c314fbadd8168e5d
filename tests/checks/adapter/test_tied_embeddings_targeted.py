import json

from auditor.model import Snapshot
from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import TINY_BASE, healthy, seed
from tests.checks.expecting import NOTE, WARNING, finding, found, reasons

RULE = "tied-embeddings-targeted"
CONFIG = "adapter_config.json"
PLACE = "/target_modules"
INSTEAD = "linear layers inside the blocks only"


def test_passes() -> None:
    assert found(RULE, healthy(), base=TINY_BASE) == []


def test_fails_on_the_real_case() -> None:
    assert found(RULE, seed(without=["checkpoint-450/"])) == [
        finding(
            RULE,
            WARNING,
            "`target_modules` includes `lm_head`, and the base model ties lm_head to its embeddings",
            CONFIG,
            PLACE,
            expected=INSTEAD,
            observed="lm_head",
            evidence=("`tie_word_embeddings` is true for the base (known model gemma-3-4b)",),
        )
    ]


def test_fails_mildly_when_tying_is_unknown() -> None:
    names = ["q_proj", "lm_head", "embed_tokens"]
    says = (
        "`target_modules` includes `embed_tokens` and `lm_head`; whether the base model ties them is not "
        "known"
    )
    assert found(RULE, healthy(json_edits={CONFIG: {PLACE: names}})) == [
        finding(RULE, NOTE, says, CONFIG, PLACE, expected=INSTEAD, observed="embed_tokens, lm_head")
    ]


def test_fails_for_a_pattern_that_reaches_the_head() -> None:
    edits = {CONFIG: {PLACE: ".*(q_proj|lm_head)"}}
    (only,) = found(RULE, healthy(json_edits=edits), base=TINY_BASE)
    assert (only.severity, only.observed) == (WARNING, "lm_head")


def test_passes_a_base_with_two_matrices() -> None:
    edits = {CONFIG: {PLACE: ["lm_head"], "/base_model_name_or_path": "meta-llama/Llama-3.1-8B"}}
    assert found(RULE, healthy(json_edits=edits, without=["checkpoint-9/", "checkpoint-18/"])) == []


def test_fails_for_the_ends_of_other_families() -> None:
    def of(targets: list[str], name: str, **more: object) -> Snapshot:
        config = {"peft_type": "LORA", "target_modules": targets, "base_model_name_or_path": name, **more}
        return memory_snapshot("test", {CONFIG: json.dumps(config).encode()})

    cases = {"gpt2": "wte", "openai/whisper-small": "proj_out", "bigscience/bloom-560m": "word_embeddings"}
    for name, end in cases.items():
        (only,) = found(RULE, of([end], name))
        assert (only.severity, only.observed) == (WARNING, end)
    # A classifier has no output head, so nothing is tied to its embedding.
    assert found(RULE, of(["wte"], "gpt2", task_type="SEQ_CLS")) == []


def test_passes_when_the_head_is_excluded_or_kept_tied() -> None:
    excluded = {CONFIG: {PLACE: ["q_proj", "lm_head"], "/exclude_modules": ["lm_head"]}}
    kept = {CONFIG: {PLACE: ["q_proj", "lm_head"], "/ensure_weight_tying": True}}
    assert found(RULE, healthy(json_edits=excluded), base=TINY_BASE) == []
    assert found(RULE, healthy(json_edits=kept), base=TINY_BASE) == []


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, memory_snapshot("none", {})) == ["no adapter_config.json is in the repository"]
