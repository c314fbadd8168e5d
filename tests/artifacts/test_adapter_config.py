import math
import re

import pytest

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.errors import CannotRead
from tests.builders.blobs import blob, json_blob

# The 24 keys and values of a real adapter_config.json that peft 0.13.2 wrote.
REAL: dict[str, object] = {
    "alpha_pattern": {},
    "auto_mapping": {
        "base_model_class": "Gemma3ForConditionalGeneration",
        "parent_library": "transformers.models.gemma3.modeling_gemma3",
    },
    "base_model_name_or_path": "/input/model/gemma-3-4b-it",
    "bias": "none",
    "fan_in_fan_out": False,
    "inference_mode": True,
    "init_lora_weights": True,
    "layer_replication": None,
    "layers_pattern": None,
    "layers_to_transform": None,
    "loftq_config": {"loftq_bits": 4, "loftq_iter": 1},
    "lora_alpha": 32,
    "lora_dropout": 0.05,
    "megatron_config": None,
    "megatron_core": "megatron.core",
    "modules_to_save": None,
    "peft_type": "LORA",
    "r": 16,
    "rank_pattern": {},
    "revision": None,
    "target_modules": ["lm_head", "down_proj", "q_proj", "fc1"],
    "task_type": None,
    "use_dora": False,
    "use_rslora": False,
}


def config(**changes: object) -> AdapterConfig:
    return AdapterConfig.parse(json_blob({**REAL, **changes}, "a/adapter_config.json"))


def test_reads_a_real_file() -> None:
    read = config()
    assert (read.path, read.folder, len(read.keys)) == ("a/adapter_config.json", "a", 24)
    assert (read.peft_type, read.r, read.lora_alpha, read.lora_dropout, read.bias) == (
        "LORA",
        16,
        32.0,
        0.05,
        "none",
    )
    assert read.target_order == ("lm_head", "down_proj", "q_proj", "fc1")
    assert read.target_modules == frozenset(read.target_order)
    assert read.base_model_class == "Gemma3ForConditionalGeneration"
    assert read.parent_library == "transformers.models.gemma3.modeling_gemma3"
    assert read.loftq_config == {"loftq_bits": 4, "loftq_iter": 1}
    assert (read.task_type, read.revision, read.init_lora_weights, read.modules_to_save) == (
        None,
        None,
        True,
        (),
    )
    assert read.is_peft
    assert read.type_errors == ()


@pytest.mark.parametrize(
    "other",
    [
        {"fine_tune_type": "lora", "lora_parameters": {"rank": 8}, "num_layers": 16},
        {"model_class": "BertAdapterModel", "hidden_size": 768},
        {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "rope_theta": 10000.0},
        {},
    ],
    ids=["mlx", "adapterhub", "model config", "empty object"],
)
def test_files_of_other_programs_parse_and_are_not_peft(other: dict[str, object]) -> None:
    read = AdapterConfig.parse(json_blob(other))
    assert (read.peft_type, read.is_peft, read.type_errors) == (None, False, ())


@pytest.mark.parametrize(
    ("key", "value", "pointer", "sentence"),
    [
        ("r", "16", "/r", '`r` is the string "16", expected an integer'),
        ("r", 16.5, "/r", "`r` is the number 16.5, expected an integer"),
        ("r", True, "/r", "`r` is the boolean true, expected an integer"),
        ("lora_alpha", [32], "/lora_alpha", "`lora_alpha` is an array, expected a number"),
        ("bias", 0, "/bias", "`bias` is the number 0, expected a string"),
        ("use_dora", "no", "/use_dora", '`use_dora` is the string "no", expected a boolean'),
        ("auto_mapping", "x", "/auto_mapping", '`auto_mapping` is the string "x", expected an object'),
        (
            "target_modules",
            ["q", 1],
            "/target_modules",
            "`target_modules` is an array, expected an array of strings",
        ),
        (
            "init_lora_weights",
            1,
            "/init_lora_weights",
            "`init_lora_weights` is the number 1, expected a boolean or a string",
        ),
        (
            "rank_pattern",
            {"a/b": "8"},
            "/rank_pattern/a~1b",
            '`a/b` in `rank_pattern` is the string "8", expected a number',
        ),
    ],
)
def test_a_wrong_type_is_none_and_a_sentence(key: str, value: object, pointer: str, sentence: str) -> None:
    assert config(**{key: value}).type_errors == ((pointer, sentence),)


def test_a_wrong_type_leaves_the_field_empty() -> None:
    read = config(r="16", lora_alpha=10**400, auto_mapping=None)
    assert (read.r, read.lora_alpha, read.auto_mapping) == (None, None, None)
    assert math.isnan(read.scaling_of("q_proj"))


def test_whole_floats_count_as_integers() -> None:
    assert config(r=16.0).r == 16


def test_scaling_follows_peft() -> None:
    # peft, tuners/lora/layer.py: lora_alpha / r, and lora_alpha / sqrt(r) with rsLoRA.
    assert config().scaling_of("x.q_proj") == 2.0
    assert config(use_rslora=True).scaling_of("x.q_proj") == 8.0
    assert math.isnan(config(r=0).scaling_of("x.q_proj"))


def test_absent_rank_and_alpha_are_pefts_defaults() -> None:
    raw = {key: value for key, value in REAL.items() if key not in ("r", "lora_alpha")}
    read = AdapterConfig.parse(json_blob(raw))
    assert (read.r, read.rank_of("q"), read.alpha_of("q"), read.scaling_of("q")) == (None, 8, 8.0, 1.0)


def test_patterns_override_rank_and_alpha() -> None:
    read = config(rank_pattern={"layers.0.q_proj": 4, "k_proj": 2}, alpha_pattern={"q_proj": 8})
    # peft, utils/other.py get_pattern_key: re.match(rf"(.*\.)?({key})$", name), the first key wins.
    assert read.rank_of("model.layers.0.q_proj") == 4
    assert read.rank_of("model.layers.10.q_proj") == 16
    assert read.rank_of("model.xk_proj") == 16
    assert read.scaling_of("model.layers.0.q_proj") == 2.0


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("lm_head", True),
        ("model.lm_head", True),
        ("model.xlm_head", False),
        ("a.q_proj", True),
        ("a.q_proj.b", False),
    ],
)
def test_list_targets_match_whole_parts_at_the_end(module: str, expected: bool) -> None:
    assert config().targets(module) is expected


def test_regex_targets_match_the_whole_name() -> None:
    pattern = (
        r"^(?:.*?(?:language|text).*?(?:self_attn|mlp).*?(?:q_proj|k_proj).*?)"
        r"|(?:\bmodel\.layers\.[\d]{1,}\.mlp)$"
    )
    read = config(target_modules=pattern)
    for module in (
        "base.language_model.layers.3.self_attn.q_proj",
        "model.layers.12.mlp",
        "vision.q_proj",
        "x",
    ):
        assert read.targets(module) is (re.fullmatch(pattern, module) is not None)


@pytest.mark.parametrize(
    "pattern", [r"(?!x).*", r"(a)\1", "a" * 2001, "all-linear", "(", "(" * 60 + ")" * 60]
)
def test_a_regex_that_cannot_be_matched_safely_is_unknown_and_says_why(pattern: str) -> None:
    read = config(target_modules=pattern)
    assert read.targets("model.q_proj") is None
    assert read.pattern_problem


def test_catastrophic_regex_is_matched_in_linear_time() -> None:
    assert config(target_modules="(a+)+(a*)*(a|aa)+b").targets("a" * 900) is False


def test_excluded_saved_and_untransformed_modules_are_no_targets() -> None:
    assert config(exclude_modules=["vision.q_proj"]).targets("vision.q_proj") is False
    assert config(modules_to_save=["lm_head"]).targets("model.lm_head") is False
    assert config(exclude_modules="(?!v)").targets("q_proj") is None
    layered = config(layers_to_transform=[1], layers_pattern="layers")
    assert layered.targets("model.layers.1.q_proj") is True
    assert layered.targets("model.layers.2.q_proj") is False
    assert layered.targets("q_proj") is False


def test_facts_compare_sets_as_sets() -> None:
    one, other = config().facts(), config(target_modules=["q_proj", "fc1", "lm_head", "down_proj"]).facts()
    assert one == other
    assert one["base_model_name_or_path"].value == "/input/model/gemma-3-4b-it"
    assert set(one) == set(REAL)


def test_adalora_rank_pattern_of_masks_is_no_error() -> None:
    read = config(peft_type="ADALORA", rank_pattern={"q_proj.lora_E": [True, False]})
    assert (dict(read.rank_pattern), read.type_errors) == ({}, ())


def test_byte_order_mark_and_crlf_are_tolerated() -> None:
    assert AdapterConfig.parse(blob(b'\xef\xbb\xbf{\r\n"r": 4\r\n}')).r == 4


@pytest.mark.parametrize(
    "data", [b"", b"\x00\xff\xfe", b"[]", b"3", b'{"r": ', b"[" * 100_000, b'{"r": ' + b"9" * 5000 + b"}"]
)
def test_what_is_no_json_object_cannot_be_read(data: bytes) -> None:
    with pytest.raises(CannotRead):
        AdapterConfig.parse(blob(data))


def test_absurdly_many_patterns_are_not_used() -> None:
    read = config(rank_pattern={f"m{n}": 1 for n in range(10_001)})
    assert dict(read.rank_pattern) == {}
    assert read.type_errors == (
        ("/rank_pattern", "`rank_pattern` has 10001 entries, expected at most 10000"),
    )
