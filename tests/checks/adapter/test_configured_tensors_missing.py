from tests.builders.repositories import healthy, seed
from tests.checks.adapter.made import lora, made
from tests.checks.expecting import ERROR, WARNING, finding, found, reasons

RULE = "configured-tensors-missing"
CONFIG = "adapter_config.json"
Q = lora("model.layers.0.self_attn.q_proj")
AT = "base_model.model.model.layers.0.self_attn.q_proj"
HEAD = {"base_model.model.classifier.weight": (2, 8)}


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_one_of_two_heads_listed_twice() -> None:
    """PEFT adds classifier and score with every wrap; a model has one of them."""
    settings = {"task_type": "SEQ_CLS", "modules_to_save": ["classifier", "score", "classifier", "score"]}
    assert found(RULE, made("LORA", settings, {**Q, **HEAD})) == []
    wrapped = {"base_model.model.base_model.model.classifier.weight": (2, 8)}
    assert found(RULE, made("LORA", settings, {**Q, **wrapped})) == []


def test_passes_names_of_other_architectures_beside_one_that_was_found() -> None:
    settings = {"modules_to_save": ["projector", "merger"]}
    assert found(RULE, made("LORA", settings, {**Q, "base_model.model.merger.weight": (4, 4)})) == []


def test_passes_tokens_and_biases_that_are_there() -> None:
    delta = {"base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta": (3, 8)}
    bias = {f"{AT}.lora_B.bias": (6,)}
    for indices in ([1, 2, 3], {"embed_tokens": [1, 2, 3]}):
        settings = {"trainable_token_indices": indices, "lora_bias": True}
        assert found(RULE, made("LORA", settings, {**Q, **delta, **bias})) == []


def test_fails_for_a_lost_head() -> None:
    settings = {"task_type": "SEQ_CLS", "modules_to_save": ["classifier", "score"]}
    assert found(RULE, made("LORA", settings, Q)) == [
        finding(
            RULE,
            ERROR,
            "`modules_to_save` names classifier and score, and the file holds no tensor of them: the trained head is "
            "lost",
            CONFIG,
            "/modules_to_save",
            expected="tensors of classifier or score in adapter_model.safetensors",
            observed="0 tensors outside LORA",
        )
    ]


def test_fails_for_a_lost_lm_head_beside_saved_embeddings() -> None:
    shapes = {**Q, "base_model.model.model.embed_tokens.weight": (64, 8)}
    (only,) = found(RULE, made("LORA", {"modules_to_save": ["embed_tokens", "lm_head"]}, shapes))
    assert (only.severity, only.observed) == (ERROR, "1 tensors outside LORA")
    assert only.message == "`modules_to_save` names lm_head, and the file holds no tensor of it"


def test_fails_mildly_for_a_module_that_the_model_may_not_have() -> None:
    (only,) = found(RULE, made("LORA", {"modules_to_save": ["projector"]}, Q))
    assert only.severity is WARNING


def test_fails_for_another_number_of_tokens_and_for_none() -> None:
    delta = {"base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta": (3, 8)}
    (only,) = found(RULE, made("LORA", {"trainable_token_indices": [1, 2]}, {**Q, **delta}))
    assert (only.expected, only.observed) == ("2 rows of trainable_tokens_delta", "3")
    (only,) = found(RULE, made("LORA", {"trainable_token_indices": {"embed_tokens": [7]}}, Q))
    assert only.message == (
        "`trainable_token_indices` names 1 tokens of embed_tokens, and the file holds no rows for them"
    )


def test_fails_for_missing_biases_of_lora() -> None:
    (only,) = found(RULE, made("LORA", {"lora_bias": True}, Q))
    assert only.message == (
        "`lora_bias` is true, and 1 of 1 lora_B have no bias, first model.layers.0.self_attn.q_proj"
    )


def test_fails_for_biases_of_a_family_that_has_them() -> None:
    base = {"bias": "all", "base_model_name_or_path": "FacebookAI/roberta-base"}
    (only,) = found(RULE, made("LORA", base, Q))
    assert (only.at.member, only.observed) == ("/bias", "none")
    assert found(RULE, made("LORA", base, {**Q, "base_model.model.roberta.pooler.dense.bias": (8,)})) == []


def test_passes_a_family_without_biases() -> None:
    base = {"bias": "all", "base_model_name_or_path": "meta-llama/Llama-3.2-1B"}
    assert found(RULE, made("LORA", base, Q)) == []


def test_cannot_look_at_methods_it_does_not_know_or_without_the_file() -> None:
    unknown = made("CARTRIDGE", {"modules_to_save": ["x"]}, {"y": (1,)})
    assert reasons(RULE, unknown) == ["the tensor names of CARTRIDGE are not known"]
    assert reasons(RULE, seed()) == ["adapter_model.safetensors was not read: unfetched (and 1 more)"]
