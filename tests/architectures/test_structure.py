import pytest

from auditor.architectures._names import layer_of, module_key
from auditor.architectures._parts import Module
from auditor.architectures._structure import MODULE_LIMIT, Structure, role_of, structures
from auditor.artifacts.base_config import BaseConfig
from auditor.artifacts.known_bases import lookup

TEXT: dict[str, object] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 64,
}


def of(raw: dict[str, object]) -> tuple[Structure, ...]:
    found = structures(BaseConfig.of("config.json", raw))
    assert not isinstance(found, str), found
    return found


def why_not(raw: dict[str, object]) -> str:
    found = structures(BaseConfig.of("config.json", raw))
    assert isinstance(found, str)
    return found


def gemma_4b() -> tuple[Structure, ...]:
    config = lookup("gemma-3-4b-it", None)
    assert config is not None
    found = structures(config)
    assert not isinstance(found, str)
    return found


def test_gemma_3_4b_counts() -> None:
    # Measured on the real class on the meta device with transformers 4.51.3 (num_parameters by part).
    for structure in gemma_4b():
        parts = [structure.elements(tower) for tower in ("text", "vision", "projector", "head")]
        assert parts == [3_209_010_688, 412_147_440, 2_950_272, 0]
        assert structure.non_embedding == 3_209_010_688 + 412_147_440 + 2_950_272
        # The publisher's safetensors state 4,300,079,472 parameters.
        assert structure.total == 4_300_079_472


@pytest.mark.parametrize(
    ("tower", "modules", "parameters"),
    [("text", 238, 29_802_496), ("vision", 162, 8_695_296), ("head", 1, 4_236_288)],
)
def test_gemma_3_4b_lora_of_rank_16(tower: str, modules: int, parameters: int) -> None:
    # Measured on a real adapter: r=16 on the 11 names that peft 0.13.2 resolves all-linear to.
    for structure in gemma_4b():
        found = [module for module in structure.linears if module.tower == tower]
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


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("transformer.h.3.attn.c_attn", ("text", "h.3.attn.c_attn")),
        ("h.3.attn.c_attn", ("text", "h.3.attn.c_attn")),
        ("bert.encoder.layer.1.output.dense", ("text", "encoder.layer.1.output.dense")),
        ("decoder.block.0.layer.1.EncDecAttention.q", ("text", "decoder.block.0.layer.1.EncDecAttention.q")),
        ("model.decoder.layers.0.fc1", ("text", "decoder.layers.0.fc1")),
        ("gpt_neox.embed_in", ("text", "embed_in")),
        ("embed_out", ("head", "lm_head")),
        ("classifier.out_proj", ("text", "classifier.out_proj")),
    ],
)
def test_keys_of_other_families(name: str, key: tuple[str, str]) -> None:
    assert module_key(name) == key


def test_a_layer_is_its_number_in_its_tower() -> None:
    assert layer_of("model.layers.12.mlp.experts.3.up_proj") == ("text", 12)
    assert layer_of("model.decoder.layers.1.fc1") == ("text", 1)
    assert layer_of("lm_head") is None


def test_modules_can_be_found_by_key() -> None:
    for structure in gemma_4b():
        found = structure.by_key()
        assert sum(module.is_linear for module in found.values()) == 238 + 162 + 1
        module = found[module_key("language_model.model.layers.33.self_attn.k_proj")]
        assert (module.in_features, module.out_features) == (2560, 4 * 256)


def test_three_generations_name_gemma_3_differently() -> None:
    names = [{m.name for m in structure.linears} for structure in gemma_4b()]
    assert [s.generation for s in gemma_4b()] == ["4.50 to 4.51", "4.52 to 4.57", "5"]
    assert "language_model.lm_head" in names[0]
    assert {"lm_head", "model.vision_tower.vision_model.encoder.layers.0.mlp.fc1"} <= names[1]
    assert "model.vision_tower.encoder.layers.0.mlp.fc1" in names[2]


def test_generations_that_do_not_differ_are_one() -> None:
    assert len(of({"model_type": "llama", **TEXT})) == 1
    # Only the head of GPT-NeoX was renamed, and a classifier has none.
    neox = {"model_type": "gpt_neox", **TEXT}
    assert len(of({**neox, "architectures": ["GPTNeoXForCausalLM"]})) == 2
    assert len(of({**neox, "architectures": ["GPTNeoXForSequenceClassification"]})) == 1


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ({"model_type": "unheard_of", **TEXT}, "the modules of model type unheard_of are not known"),
        ({"model_type": "_parts"}, "the modules of model type _parts are not known"),
        ({"model_type": "../llama"}, "the modules of model type ../llama are not known"),
        ({}, "the modules of model type null are not known"),
        (
            {"model_type": "llama", **TEXT, "num_hidden_layers": 10**7},
            "the shape of this llama model is not known: `num_hidden_layers` is no believable number of layers",
        ),
        (
            {"model_type": "gemma2", "vocab_size": 64},
            (
                "the shape of this gemma2 model is not known: `hidden_size` is not given and has no default "
                "common to all releases"
            ),
        ),
        (
            {"model_type": "gpt2", "add_cross_attention": True},
            "the shape of this gpt2 model is not known: cross attention is not counted",
        ),
        (
            {"model_type": "deberta-v2", "relative_attention": True},
            (
                "the shape of this deberta-v2 model is not known: keys of relative positions that are not shared are "
                "not counted"
            ),
        ),
        (
            {"model_type": "llama", "architectures": ["LlamaForQuestionAnswering"]},
            "the shape of this llama model is not known: the question class of this model type is not known",
        ),
        (
            {"model_type": "llama", "architectures": ["LlamaForSomething"]},
            "the modules of LlamaForSomething are not known",
        ),
        (
            {"model_type": "mt5", "d_model": 32},
            "the shape of this mt5 model is not known: whether the output head is tied is not known",
        ),
        (
            {"model_type": "mixtral", **TEXT, "num_local_experts": 10**6},
            "the shape of this mixtral model is not known: the number of experts is no believable size",
        ),
        (
            {"model_type": "qwen3_moe", **TEXT, "num_hidden_layers": 900, "num_experts": 4000},
            "the model would have more modules than any known one",
        ),
    ],
)
def test_what_is_not_known_is_said_and_never_guessed(raw: dict[str, object], reason: str) -> None:
    assert why_not(raw) == reason


def test_the_bound_on_modules_leaves_room_for_the_largest_known_mixture() -> None:
    # Qwen3-235B-A22B: 94 layers of 128 experts with three linears each.
    assert MODULE_LIMIT > 94 * 128 * 3 * 2


def test_untied_head_counts_and_tied_does_not() -> None:
    (untied,) = of({"model_type": "llama", **TEXT})
    (tied,) = of({"model_type": "llama", **TEXT, "tie_word_embeddings": True})
    assert (untied.elements("head"), tied.elements("head")) == (64 * 32, 0)
    assert untied.total - tied.total == 64 * 32


def test_experts_are_linears_in_one_generation_and_parameters_in_the_other() -> None:
    four, five = of({"model_type": "mixtral", **TEXT, "num_local_experts": 3})
    expert = "model.layers.1.block_sparse_moe.experts.2.w3"
    assert expert in {module.name for module in four.linears}
    assert not any("experts" in module.name for module in five.modules)
    assert four.non_embedding == five.non_embedding


def test_a_part_that_is_not_known_leaves_the_rest_known() -> None:
    text = {"model_type": "gemma3n_text", **TEXT, "num_hidden_layers": 10, "num_kv_shared_layers": 5}
    found = of({"model_type": "gemma3n", "text_config": text, "vision_config": {}, "audio_config": {}})
    assert not any(structure.is_complete for structure in found)
    assert ("text", "layers.9.self_attn.o_proj") in found[-1].by_key()


def test_the_number_of_labels_is_that_of_the_file_or_two() -> None:
    raw: dict[str, object] = {"model_type": "bert", "architectures": ["BertForSequenceClassification"]}
    (two,), (three,) = of(raw), of({**raw, "id2label": {"0": "a", "1": "b", "2": "c"}})
    assert three.total - two.total == 768 + 1


@pytest.mark.parametrize(
    ("cls", "role"),
    [
        ("LlamaForCausalLM", "causal"),
        ("GPT2LMHeadModel", "causal"),
        ("BertModel", "trunk"),
        ("Gemma3ForConditionalGeneration", "conditional"),
        ("CLIPVisionModelWithProjection", None),
    ],
)
def test_a_class_name_tells_its_role(cls: str, role: str | None) -> None:
    assert role_of(cls) == role


def test_a_module_counts_its_lora_factors() -> None:
    # lora_A is r x in, lora_B is out x r.
    assert Module("x", "linear", 10, 3, "text").lora_parameters(4) == 4 * 10 + 3 * 4
