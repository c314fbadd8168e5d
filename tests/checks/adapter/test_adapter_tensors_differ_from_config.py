"""Sizes are those peft 0.21.2 saves for a Llama of 32 hidden units (tests/rerun/test_peft_types.py)."""

import pytest

from tests.builders.repositories import healthy, seed
from tests.checks.adapter.made import Shapes, lora, made, module
from tests.checks.expecting import ERROR, finding, found, reasons

RULE = "adapter-tensors-differ-from-config"
ADAPTER = "adapter_model.safetensors"
Q = "self_attn.q_proj"
AT = "base_model.model.model.layers.0.self_attn.q_proj"

HONEST: dict[str, tuple[str, dict[str, object], Shapes]] = {
    "adalora": ("ADALORA", {"r": 8, "init_r": 6}, module(Q, lora_A=(6, 32), lora_B=(32, 6), lora_E=(6, 1))),
    "adalora pruned": (
        "ADALORA",
        {"init_r": 6, "rank_pattern": {"model.layers.0.self_attn.q_proj.lora_E": [True, False, True] * 2}},
        module(Q, lora_A=(4, 32), lora_B=(32, 4), lora_E=(4, 1)),
    ),
    "ia3": (
        "IA3",
        {"feedforward_modules": ["down_proj"]},
        {**module("mlp.down_proj", ia3_l=(1, 48)), **module(Q, ia3_l=(32, 1))},
    ),
    "loha": (
        "LOHA",
        {"r": 4, "rank_pattern": {"v_proj": 2}},
        {
            **module(Q, hada_w1_a=(32, 4), hada_w1_b=(4, 32), hada_w2_a=(32, 4), hada_w2_b=(4, 32)),
            **module("v_proj", hada_w1_a=(16, 2), hada_w1_b=(2, 32), hada_w2_a=(16, 2), hada_w2_b=(2, 32)),
        },
    ),
    "lokr": ("LOKR", {"r": 4}, module(Q, lokr_w1=(4, 4), lokr_w2=(8, 8))),
    "lokr factors": ("LOKR", {"r": 1}, module(Q, lokr_w1=(4, 4), lokr_w2_a=(8, 1), lokr_w2_b=(1, 8))),
    "oft": ("OFT", {"r": 0, "oft_block_size": 8}, module(Q, oft_R__weight=(4, 28))),
    "oft of 5 on 32 inputs": ("OFT", {"r": 0, "oft_block_size": 5}, module(Q, oft_R__weight=(8, 6))),
    "oft shared": ("OFT", {"oft_block_size": 8, "block_share": True}, module(Q, oft_R__weight=(1, 28))),
    "oft before 0.16": ("OFT", {"r": 4}, module(Q, oft_r=(4, 8, 8))),
    "oft before 0.16, as saved": (
        "OFT",
        {"r": 0, "oft_block_size": 8},
        module(Q, oft_r=(4, 8, 8), oft_s=(32, 1)),
    ),
    "boft": (
        "BOFT",
        {"boft_block_size": 4, "boft_block_num": 0, "boft_n_butterfly_factor": 1},
        module(Q, boft_R=(1, 8, 4, 4), boft_s=(32, 1)),
    ),
    # boft_n_butterfly_factor 2, saved by peft 0.21.2 on a machine without a CUDA compiler
    "boft without its extension": (
        "BOFT",
        {"boft_block_size": 4, "boft_block_num": 0, "boft_n_butterfly_factor": 2},
        module(Q, boft_R=(1, 8, 4, 4), boft_s=(32, 1)),
    ),
    "vera": (
        "VERA",
        {"r": 8},
        {
            **module(Q, vera_lambda_b=(32,), vera_lambda_d=(8,)),
            "base_model.vera_A": (8, 32),
            "base_model.vera_B": (32, 8),
        },
    ),
    "vera without projections": ("VERA", {"r": 8}, module(Q, vera_lambda_b=(32,), vera_lambda_d=(8,))),
    "prompt": ("PROMPT_TUNING", {"num_virtual_tokens": 5, "token_dim": 32}, {"prompt_embeddings": (5, 32)}),
    "prompt of an encoder-decoder": (
        "PROMPT_TUNING",
        {"num_virtual_tokens": 5, "num_transformer_submodules": 2, "token_dim": 32},
        {"prompt_embeddings": (10, 32)},
    ),
    "prefix": (
        "PREFIX_TUNING",
        {"num_virtual_tokens": 5, "num_layers": 2, "token_dim": 16},
        {"prompt_embeddings": (5, 64)},
    ),
    "p-tuning": (
        "P_TUNING",
        {"num_virtual_tokens": 5, "num_transformer_submodules": 1, "token_dim": 32},
        {"prompt_embeddings": (5, 32)},
    ),
    "trainable tokens": (
        "TRAINABLE_TOKENS",
        {"token_indices": [1, 2, 3]},
        {"base_model.model.model.embed_tokens.trainable_tokens_delta": (3, 32)},
    ),
    "ln tuning": ("LN_TUNING", {}, module("input_layernorm", ln_tuning_layers__weight=(32,))),
    "adaption prompt": (
        "ADAPTION_PROMPT",
        {"adapter_len": 4, "adapter_layers": 1, "target_modules": "self_attn"},
        module("self_attn", adaption_prompt=(1, 4, 32), adaption_gate=(1,)),
    ),
    "x-lora": (
        "XLORA",
        {"hidden_size": 32},
        {"base_model.internal_xlora_classifier.layers.0.weight": (4, 32)},
    ),
    "dora": (
        "LORA",
        {"r": 4, "use_dora": True},
        {**lora("model.layers.0.self_attn.q_proj"), **module(Q, lora_magnitude_vector=(6,))},
    ),
    "hra": ("HRA", {"r": 4}, module(Q, hra_u=(32, 4))),
    "fourierft": ("FOURIERFT", {"n_frequency": 10}, module(Q, fourierft_spectrum=(10,))),
    "bone before 0.16": ("BONE", {"r": 4}, module(Q, bone_block=(4, 32))),
}


@pytest.mark.parametrize("name", HONEST)
def test_passes_every_method(name: str) -> None:
    assert found(RULE, made(*HONEST[name])) == []


def test_passes_the_honest_run_and_files_of_other_programs() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, made(None, {"fine_tune_type": "lora"}, {"layers.0.lora_a": (4, 8)})) == []


WRONG: dict[str, tuple[dict[str, object], Shapes, str, str]] = {
    "adalora": (
        {"init_r": 6, "rank_pattern": {"model.layers.0.self_attn.q_proj.lora_E": [True, False, False] * 2}},
        {},
        "(2, ·)",
        "(4, 32)",
    ),
    "ia3": (
        {},
        module(Q, ia3_l=(1, 32)),
        "(·, 1), as for another than a feed-forward module",
        "(1, 32)",
    ),
    "loha": ({"r": 3}, {}, "a dimension of 3 (the rank)", "(32, 4)"),
    "oft": ({"oft_block_size": 16}, {}, "(2, 120), blocks of 16", "(4, 28)"),
    "boft": ({"boft_block_size": 2}, {}, "(1, ·, 2, 2)", "(1, 8, 4, 4)"),
    "boft without its extension": (
        {},
        module(Q, boft_R=(3, 8, 4, 4)),
        "(2, ·, 4, 4)",
        "(3, 8, 4, 4)",
    ),
    "vera": ({"r": 16}, {}, "(16,)", "(8,)"),
    "prompt": ({"num_virtual_tokens": 20}, {}, "(20, 32)", "(5, 32)"),
    "prefix": ({"num_layers": 3}, {}, "(5, 96)", "(5, 64)"),
    "trainable tokens": ({"token_indices": [1, 2]}, {}, "(2, ·)", "(3, 32)"),
}


@pytest.mark.parametrize("name", WRONG)
def test_fails_for_sizes_of_another_configuration(name: str) -> None:
    """Expected sizes by PEFT's own formulas, see each method's HONEST entry and its change here."""
    base = "adalora pruned" if name == "adalora" else name
    method, settings, shapes = HONEST[base]
    change, more, expected, observed = WRONG[name]
    (only,) = found(RULE, made(method, {**settings, **change}, {**shapes, **more}))
    assert only.message.startswith("adapter_config.json gives another size for ")
    assert only.expected is not None
    assert only.expected.replace(",)", ")") == expected.replace(",)", ")")
    assert only.observed == observed


def test_fails_when_the_tensors_are_of_another_method() -> None:
    assert found(RULE, made("LOHA", {"r": 4}, lora("model.layers.0.self_attn.q_proj"))) == [
        finding(
            RULE,
            ERROR,
            "`peft_type` is LOHA, and none of the 2 tensors is of that method",
            ADAPTER,
            f"{AT}.lora_A.weight",
            expected="tensors of LOHA",
            observed="the names of LORA",
        )
    ]


def test_fails_when_a_module_has_half_a_pair() -> None:
    shapes = lora("model.layers.0.self_attn.q_proj", "model.layers.1.self_attn.q_proj")
    shapes.pop("base_model.model.model.layers.1.self_attn.q_proj.lora_B.weight")
    assert found(RULE, made("LORA", {"r": 4}, shapes)) == [
        finding(
            RULE,
            ERROR,
            "1 of 2 modules have only some of the tensors of LORA, first model.layers.1.self_attn.q_proj "
            "without lora_B",
            ADAPTER,
            "model.layers.1.self_attn.q_proj",
            expected="lora_B",
            observed="lora_A",
        )
    ]


def test_fails_for_modules_that_are_not_targeted() -> None:
    shapes = {**module(Q, ia3_l=(32, 1)), **module("self_attn.v_proj", ia3_l=(16, 1))}
    (only,) = found(RULE, made("IA3", {"target_modules": ["q_proj"], "feedforward_modules": []}, shapes))
    assert only.message == (
        "1 of 2 modules are none that `target_modules` names, first model.layers.0.self_attn.v_proj"
    )
    assert found(RULE, made("IA3", {"target_modules": ["q_proj", "v_proj"]}, shapes)) == []
    assert found(RULE, made("IA3", {"target_modules": "all-linear"}, shapes)) == []


def test_fails_for_layers_beyond_the_replicated_ones() -> None:
    """[[0, 2], [1, 2]] makes three layers, 0 to 2 (peft 0.21.2, tuners/lora/model.py)."""
    names = [f"model.layers.{number}.self_attn.q_proj" for number in range(4)]
    settings = {"r": 4, "layer_replication": [[0, 2], [1, 2]]}
    assert found(RULE, made("LORA", settings, lora(*names[:3]))) == []
    (only,) = found(RULE, made("LORA", settings, lora(*names)))
    assert only.message == "`layer_replication` makes 3 layers, and the file holds a module of layer 3"


def test_cannot_look_at_methods_and_names_it_does_not_know() -> None:
    assert reasons(RULE, made("CARTRIDGE", {}, {"x": (1,)})) == [
        "the tensor names of CARTRIDGE are not known"
    ]
    names = {"unet.down_blocks.0.to_q.lora.down.weight": (4, 8)}
    assert reasons(RULE, made("LORA", {"r": 4}, names)) == [
        "the tensor names of another trainer than PEFT are not known"
    ]
    assert reasons(RULE, seed()) == ["adapter_model.safetensors was not read: unfetched (and 1 more)"]
