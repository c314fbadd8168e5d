from tests.builders.repositories import healthy, seed
from tests.checks.adapter.made import lora, made
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "tensors-not-configured"
ADAPTER = "adapter_model.safetensors"
Q = lora("model.layers.0.self_attn.q_proj")
AT = "base_model.model.model.layers.0"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_what_peft_saves_besides_the_method() -> None:
    """Heads of SEQ_CLS, biases with bias "all", declared modules, copies and resized embeddings, token rows."""
    heads = {"base_model.model.score.weight": (2, 8)}
    assert found(RULE, made("LORA", {"task_type": "SEQ_CLS"}, {**Q, **heads})) == []
    biases = {f"{AT}.input_layernorm.bias": (8,), f"{AT}.mlp.fc1.bias": (8,)}
    assert found(RULE, made("LORA", {"bias": "all"}, {**Q, **biases})) == []
    own = {f"{AT}.self_attn.q_proj.base_layer.bias": (6,), f"{AT}.self_attn.q_proj.bias": (6,)}
    assert found(RULE, made("LORA", {"bias": "lora_only"}, {**Q, **own})) == []
    saved = {"base_model.model.projector.0.weight": (4, 4), "base_model.model.lm_head.weight": (64, 8)}
    assert found(RULE, made("LORA", {"modules_to_save": ["projector"]}, {**Q, **saved})) == []
    rows = {"base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta": (3, 8)}
    assert found(RULE, made("LORA", {"trainable_token_indices": [1, 2, 3]}, {**Q, **rows})) == []


def test_passes_twice_wrapped_heads() -> None:
    wrapped = {"base_model.model.base_model.model.classifier.weight": (2, 8)}
    assert found(RULE, made("LORA", {"task_type": "SEQ_CLS"}, {**Q, **wrapped})) == []


def test_fails_for_a_module_nobody_declared() -> None:
    shapes = {**Q, "base_model.model.merger.weight": (4, 4)}
    assert found(RULE, made("LORA", {"bias": "none"}, shapes)) == [
        finding(
            RULE,
            WARNING,
            "1 tensor of 3 are none that adapter_config.json asks for, first base_model.model.merger.weight",
            ADAPTER,
            "base_model.model.merger.weight",
            expected='tensors of LORA; `modules_to_save` is null, `bias` "none"',
            observed="base_model.model.merger.weight",
        )
    ]


def test_fails_for_biases_that_were_not_asked_for() -> None:
    (only,) = found(RULE, made("LORA", {"bias": "none"}, {**Q, f"{AT}.mlp.fc1.bias": (8,)}))
    assert only.observed == f"{AT}.mlp.fc1.bias"
    (only,) = found(RULE, made("LORA", {"bias": "lora_only"}, {**Q, f"{AT}.mlp.fc1.bias": (8,)}))
    assert only.observed == f"{AT}.mlp.fc1.bias"
    (only,) = found(RULE, made("LORA", {}, {**Q, f"{AT}.self_attn.q_proj.lora_B.bias": (6,)}))
    assert only.observed == f"{AT}.self_attn.q_proj.lora_B.bias"


def test_cannot_look_at_methods_it_does_not_know_or_without_the_file() -> None:
    assert reasons(RULE, made("CARTRIDGE", {}, {"y": (1,)})) == [
        "the tensor names of CARTRIDGE are not known"
    ]
    assert reasons(RULE, seed()) == ["adapter_model.safetensors was not read: unfetched (and 1 more)"]
