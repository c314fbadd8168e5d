import numpy
import pytest

from auditor.model import Snapshot
from tests.builders.repositories import TINY_BASE, healthy
from tests.checks.adapter.tensors import Tensors, changed
from tests.checks.expecting import NOTE, WARNING, finding, found, reasons
from tests.checks.tokenizer.files import vocabulary

RULE = "token-without-embedding"
PLACE = "tokenizer_config.json"


def with_tokens(
    tokens: dict[str, str], config: dict[str, object] | None = None, data: dict[str, bytes] | None = None
) -> Snapshot:
    """The honest run with tokens added; the tiny base has 448 rows (fixtures/tiny/base/config.json)."""
    decoder = {number: {"content": text} for number, text in tokens.items()}
    edits = {PLACE: {"/added_tokens_decoder": decoder}, "adapter_config.json": config or {}}
    return healthy(json_edits=edits, data=data, without=["checkpoint-9/", "checkpoint-18/"])


def test_passes() -> None:
    assert found(RULE, healthy(), base=TINY_BASE) == []
    assert found(RULE, with_tokens({"447": "<tool_call>"}), base=TINY_BASE) == []


def test_fails() -> None:
    assert found(RULE, with_tokens({"448": "<tool_call>", "449": "</tool_call>"}), base=TINY_BASE) == [
        finding(
            RULE,
            WARNING,
            'the base model has 448 embedding rows, and the tokenizer adds 2 tokens beyond them, first "<tool_call>"',
            PLACE,
            "/added_tokens_decoder/448",
            expected="ids below 448, or embeddings saved with the adapter",
            observed="id 448",
        )
    ]


def test_fails_for_a_token_that_only_the_vocabulary_lists() -> None:
    # Transformers 5.23.0 writes no added_tokens_decoder.
    data = vocabulary(lambda document: document["added_tokens"].append({"id": 448, "content": "<tool_call>"}))
    (only,) = found(RULE, healthy(data=data), base=TINY_BASE)
    assert (only.at.path, only.at.member, only.observed) == ("tokenizer.json", "/added_tokens", "id 448")


def test_fails_mildly_for_the_padding_token_alone() -> None:
    # The honest run's pad_token is <pad>; Llama 2's own tokenizer has one beyond its 32,000 rows.
    for text in ("<pad>", "[PAD]"):
        (only,) = found(RULE, with_tokens({"448": text}), base=TINY_BASE)
        assert only.severity is NOTE


def test_passes_placeholders_that_the_base_itself_keeps_beyond_its_rows() -> None:
    # google/gemma-3-1b-it: vocab_size 262,144, and <image_soft_token> is number 262,144.
    assert found(RULE, with_tokens({"448": "<image_soft_token>"}), base=TINY_BASE) == []


@pytest.mark.parametrize(
    "config",
    [
        {"/modules_to_save": ["embed_tokens", "lm_head"]},
        {"/target_modules": ["q_proj", "embed_tokens"]},
        {"/trainable_token_indices": [448]},
    ],
)
def test_passes_embeddings_that_are_trained(config: dict[str, object]) -> None:
    assert found(RULE, with_tokens({"448": "<tool_call>"}, config=config), base=TINY_BASE) == []


def test_passes_rows_that_peft_saved_by_itself() -> None:
    def resized(tensors: Tensors) -> None:
        name = "base_model.model.model.language_model.embed_tokens.weight"
        tensors[name] = numpy.ones((449, 64), numpy.float32)

    assert found(RULE, with_tokens({"448": "<tool_call>"}, data=changed(resized)), base=TINY_BASE) == []


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, healthy()) == ["the base model's configuration is not known (give --base DIR)"]
    named: dict[str, object] = {"/base_model_name_or_path": "google/gemma-3-1b-it"}
    assert reasons(RULE, with_tokens({"448": "<tool_call>"}, config=named)) == [
        "the number of the base model's embedding rows is not at hand (give --base DIR)"
    ]
    alone = healthy(
        json_edits={PLACE: {"/added_tokens_decoder": {"448": {"content": "<tool_call>"}}}},
        without=["checkpoint-9/", "checkpoint-18/", "adapter_model.safetensors"],
    )
    assert reasons(RULE, alone, base=TINY_BASE) == [
        "whether the adapter's file holds rows for the new tokens was not looked at"
    ]
