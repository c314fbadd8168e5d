import pytest

from auditor.artifacts.architecture import (
    Counts,
    LinearModule,
    linear_modules,
    module_key,
    modules_by_key,
    parameter_counts,
)
from auditor.artifacts.base_config import BaseConfig
from auditor.artifacts.known_bases import lookup

TINY_TEXT: dict[str, object] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "vocab_size": 64,
}
TINY_VISION: dict[str, object] = {
    "model_type": "siglip_vision_model",
    "hidden_size": 24,
    "intermediate_size": 40,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 14,
}
TINY: dict[str, dict[str, object]] = {
    "gemma3_text": {"model_type": "gemma3_text", **TINY_TEXT},
    "llama": {"model_type": "llama", **TINY_TEXT},
    "llama with biases": {"model_type": "llama", **TINY_TEXT, "attention_bias": True, "mlp_bias": True},
    "llama tied": {"model_type": "llama", **TINY_TEXT, "tie_word_embeddings": True},
    "mistral": {"model_type": "mistral", **TINY_TEXT},
    "qwen2": {"model_type": "qwen2", **TINY_TEXT, "head_dim": 8},
    "gemma3": {
        "model_type": "gemma3",
        "text_config": {"model_type": "gemma3_text", **TINY_TEXT},
        "vision_config": {**TINY_VISION, "vision_use_head": False},
    },
    "gemma3 with pooling head": {
        "model_type": "gemma3",
        "text_config": {"model_type": "gemma3_text", **TINY_TEXT},
        "vision_config": TINY_VISION,
    },
}
CLASSES = {
    "gemma3_text": "Gemma3ForCausalLM",
    "gemma3": "Gemma3ForConditionalGeneration",
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
}


def gemma_4b() -> BaseConfig:
    config = lookup("gemma-3-4b-it", None)
    assert config is not None
    return config


def test_gemma_3_4b_counts() -> None:
    # Measured on the real class on the meta device with transformers 4.51.3 (num_parameters by part).
    counts = parameter_counts(gemma_4b())
    assert counts is not None
    assert (counts.text, counts.vision, counts.projector) == (3_209_010_688, 412_147_440, 2_950_272)
    assert (counts.head, counts.text_embedding) == (0, 262_208 * 2560)
    assert counts.non_embedding == 3_209_010_688 + 412_147_440 + 2_950_272


@pytest.mark.parametrize(
    ("tower", "modules", "parameters"),
    [("text", 238, 29_802_496), ("vision", 162, 8_695_296), ("head", 1, 4_236_288)],
)
def test_gemma_3_4b_lora_of_rank_16(tower: str, modules: int, parameters: int) -> None:
    # Measured on a real adapter: r=16 on the 11 names that peft 0.13.2 resolves all-linear to.
    found = [module for module in linear_modules(gemma_4b()) or () if module.tower == tower]
    assert (len(found), sum(module.lora_parameters(16) for module in found)) == (modules, parameters)


@pytest.mark.parametrize(
    "name",
    [
        "language_model.model.layers.3.mlp.up_proj",
        "model.language_model.layers.3.mlp.up_proj",
        "base_model.model.model.layers.3.mlp.up_proj",
        "layers.3.mlp.up_proj",
    ],
)
def test_every_spelling_of_a_module_has_one_key(name: str) -> None:
    assert module_key(name) == ("text", "layers.3.mlp.up_proj")


def test_keys_of_the_other_parts() -> None:
    assert module_key("language_model.lm_head") == module_key("lm_head") == ("head", "lm_head")
    vision = "vision_tower.vision_model.encoder.layers.0.self_attn.q_proj"
    assert module_key(vision) == module_key(f"model.{vision}") == ("vision", "layers.0.self_attn.q_proj")
    assert module_key("multi_modal_projector.mm_soft_emb_norm")[0] == "projector"


def test_modules_can_be_found_by_key() -> None:
    found = modules_by_key(gemma_4b())
    assert found is not None
    assert len(found) == 238 + 162 + 1
    module = found[module_key("language_model.model.layers.33.self_attn.k_proj")]
    assert (module.in_features, module.out_features) == (2560, 4 * 256)


@pytest.mark.parametrize(
    "raw",
    [
        {"model_type": "mixtral", **TINY_TEXT},
        {"model_type": "llama", **TINY_TEXT, "num_hidden_layers": 10**7},
        {"model_type": "gemma3", "text_config": {**TINY_TEXT}, "vision_config": {"model_type": "clip"}},
        {
            "model_type": "llava",
            "text_config": {"model_type": "llama", **TINY_TEXT},
            "vision_config": TINY_VISION,
        },
        {},
    ],
    ids=["unknown type", "absurd depth", "unknown vision tower", "unknown composition", "nothing"],
)
def test_unknown_architectures_are_not_guessed(raw: dict[str, object]) -> None:
    config = BaseConfig.of("config.json", raw)
    assert linear_modules(config) is None
    assert modules_by_key(config) is None
    assert parameter_counts(config) is None


def test_untied_head_counts_and_tied_does_not() -> None:
    untied = parameter_counts(BaseConfig.of("c", TINY["llama"]))
    tied = parameter_counts(BaseConfig.of("c", TINY["llama tied"]))
    assert isinstance(untied, Counts)
    assert isinstance(tied, Counts)
    assert (untied.head, tied.head) == (64 * 32, 0)
    assert untied.total - tied.total == 64 * 32


@pytest.mark.rerun
@pytest.mark.parametrize("name", sorted(TINY))
def test_shapes_are_those_of_the_real_class(name: str) -> None:
    import torch
    import transformers

    raw = TINY[name]
    kind = str(raw["model_type"])
    with torch.device("meta"):
        settings = transformers.AutoConfig.for_model(**raw)
        model = getattr(transformers, CLASSES[kind])(settings)
    config = BaseConfig.of("config.json", raw)
    expected = {
        module_key(path): (module.in_features, module.out_features, module.bias is not None)
        for path, module in model.named_modules()
        if isinstance(module, torch.nn.Linear)
    }
    found = {
        key: (m.in_features, m.out_features, m.bias) for key, m in (modules_by_key(config) or {}).items()
    }
    assert found == expected
    counts = parameter_counts(config)
    assert counts is not None
    assert counts.total == sum(parameter.numel() for parameter in model.parameters())
    assert counts.non_embedding == model.num_parameters(exclude_embeddings=True)


@pytest.mark.rerun
def test_names_are_those_of_the_real_class() -> None:
    import torch
    import transformers

    raw = TINY["gemma3"]
    with torch.device("meta"):
        model = transformers.Gemma3ForConditionalGeneration(transformers.AutoConfig.for_model(**raw))
    names = {path for path, module in model.named_modules() if isinstance(module, torch.nn.Linear)}
    modules = linear_modules(BaseConfig.of("config.json", raw))
    # Transformers 5 drops the part `vision_model` of the 4.52 names.
    assert {
        module.name.replace("vision_tower.vision_model", "vision_tower") for module in modules or ()
    } == names


def test_a_module_counts_its_lora_factors() -> None:
    # lora_A is r x in, lora_B is out x r.
    assert LinearModule("x", 10, 3, "text").lora_parameters(4) == 4 * 10 + 3 * 4
