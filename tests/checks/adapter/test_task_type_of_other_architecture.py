from tests.builders.repositories import healthy
from tests.checks.adapter.made import lora, made
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "task-type-of-other-architecture"
CONFIG = "adapter_config.json"
GATED = {"target_modules": ["q_proj", "up_proj"]}
STACKS = lora("model.encoder.layers.0.self_attn.q_proj", "model.decoder.layers.0.self_attn.q_proj")


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_encoder_decoders_and_towers_before_a_decoder() -> None:
    assert found(RULE, made("LORA", {"task_type": "SEQ_2_SEQ_LM"}, STACKS)) == []
    gemma = {**GATED, "task_type": "SEQ_2_SEQ_LM", "base_model_name_or_path": "google/t5gemma-2b-2b-ul2"}
    assert found(RULE, made("LORA", gemma, lora("decoder.layers.0.mlp.up_proj"))) == []
    blip = lora("vision_model.encoder.layers.0.qkv", "language_model.model.decoder.layers.0.q_proj")
    assert found(RULE, made("LORA", {}, blip)) == []


def test_fails_for_a_decoder() -> None:
    settings = {**GATED, "task_type": "SEQ_2_SEQ_LM"}
    assert found(RULE, made("LORA", settings, lora("model.layers.0.self_attn.q_proj"))) == [
        finding(
            RULE,
            WARNING,
            "`task_type` is SEQ_2_SEQ_LM, and the base model is a decoder alone",
            CONFIG,
            "/task_type",
            expected="CAUSAL_LM",
            observed="SEQ_2_SEQ_LM",
            evidence=("the adapter is on up_proj, which only decoders of Llama's kind have",),
        )
    ]


def test_fails_for_an_encoder_decoder() -> None:
    (only,) = found(RULE, made("LORA", {}, STACKS))
    assert (only.expected, only.observed) == ("SEQ_2_SEQ_LM", "CAUSAL_LM")


def test_fails_by_the_bases_own_configuration() -> None:
    more = {"config.json": b'{"model_type": "t5", "is_encoder_decoder": true}'}
    (only,) = found(RULE, made("LORA", {"target_modules": ["q", "v"]}, lora("q"), more))
    assert only.evidence == ("`is_encoder_decoder` of config.json",)


def test_cannot_look_when_nothing_tells() -> None:
    assert reasons(RULE, made("LORA", {"target_modules": ["q", "v"]}, lora("q"))) == [
        "whether the base model is an encoder-decoder is not known"
    ]
