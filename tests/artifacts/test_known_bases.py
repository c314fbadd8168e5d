import json
from pathlib import Path

import pytest

from auditor.architectures._structure import structures
from auditor.artifacts.base_config import BaseConfig
from auditor.artifacts.known_bases import lookup, normalise

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("name", "total"),
    # Totals of parameters as the publishers' safetensors state them on their model pages.
    [
        ("google/gemma-3-1b-it", 999_885_952),
        ("google/gemma-3-4b-it", 4_300_079_472),
        ("google/gemma-3-12b-pt", 12_187_325_040),
        ("google/gemma-3-27b-it", 27_432_406_640),
        ("meta-llama/Llama-3.2-1B", 1_235_814_400),
        ("meta-llama/Llama-3.1-8B-Instruct", 8_030_261_248),
        ("Qwen/Qwen2.5-0.5B", 494_032_768),
        ("Qwen/Qwen2.5-1.5B-Instruct", 1_543_714_304),
        ("Qwen/Qwen2.5-7B", 7_615_616_512),
        ("mistralai/Mistral-7B-v0.1", 7_241_732_096),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", 46_702_792_704),
        ("unsloth/gemma-2-9b-it-bnb-4bit", 9_241_705_984),
        ("openai-community/gpt2-xl", 1_557_611_200),
        ("google/flan-t5-xl", 2_849_757_184),
        ("openai/whisper-large-v2", 1_543_304_960),
        ("Qwen/Qwen3-30B-A3B-Instruct-2507", 30_532_122_624),
    ],
)
def test_known_models_have_the_published_number_of_parameters(name: str, total: int) -> None:
    config = lookup(name, None)
    assert config is not None
    found = structures(config)
    assert not isinstance(found, str)
    assert {structure.total for structure in found} == {total}


def test_every_entry_has_the_number_of_parameters_its_publisher_states() -> None:
    table = json.loads((ROOT / "auditor" / "artifacts" / "_known_bases.json").read_text())
    for key, entry in table.items():
        config = BaseConfig.of("config.json", entry["config"])
        trunk = config.model_type in ("bert", "roberta", "xlm-roberta", "distilbert")
        found = structures(config, "trunk" if trunk else None)
        assert not isinstance(found, str), key
        assert {structure.total for structure in found} == {entry["parameters"]}, key
        named = lookup(entry["source"], None)
        assert named is not None, key
        assert named.known == key


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("/cheetah/input/model/groupuser/gemma-3-4b-it", "gemma-3-4b"),
        ("C:\\models\\Gemma-3-4B-PT\\", "gemma-3-4b"),
        ("git@git.example.com:team/gemma-3-4b-it.git", "gemma-3-4b"),
        ("unsloth/gemma-3-4b-it-unsloth-bnb-4bit", "gemma-3-4b"),
        ("meta-llama/Meta-Llama-3.1-8B", "llama-3.1-8b"),
        ("mistralai/Mistral-7B-Instruct-v0.1", "mistral-7b-v0.1"),
        ("mistralai/Mistral-7B-Instruct-v0.3", "mistral-7b-v0.3"),
        ("meta-llama/Llama-2-7b-chat-hf", "llama-2-7b"),
        ("Qwen/Qwen3-4B-Base", "qwen3-4b"),
        ("google-t5/t5-base", "t5-base"),
        ("FacebookAI/roberta-base", "roberta-base"),
        ("TinyLlama/TinyLlama-1.1B-intermediate-step-1431k-3T", "tinyllama-1.1b"),
        ("someone/Some-Model-Instruct", "some-model"),
    ],
)
def test_names_are_reduced_to_the_table(name: str, key: str) -> None:
    assert normalise(name) == key


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            "/",
            "gpt3",
            "gemma-3-4b-finetuned",
            "gemma-3-1b-it-finetuning",
            "TheBloke/Mistral-7B-v0.1-GPTQ",
        ),
        # Mirrors converted to another architecture (their config.json says mistral and llama).
        *("unsloth/Phi-3-mini-4k-instruct-bnb-4bit", "unsloth/phi-4"),
        # Its vocabulary has 32,001 rows, that of v1.0 has 32,000.
        "TinyLlama/TinyLlama-1.1B-Chat-v0.1",
    ],
)
def test_other_names_are_unknown(name: str) -> None:
    assert lookup(name, None) is None


def test_the_class_must_fit() -> None:
    assert lookup("gemma-3-4b-it", "LlamaForCausalLM") is None
    assert lookup("gpt2", "GPT2ForSequenceClassification") is not None
    whole = lookup("gemma-3-4b-it", "Gemma3ForConditionalGeneration")
    trunk = lookup("gemma-3-4b-it", "Gemma3Model")
    assert whole is not None
    assert trunk is not None
    assert (whole.known, whole.is_multimodal, trunk.is_multimodal) == ("gemma-3-4b", True, True)


def test_the_text_class_of_a_multimodal_size_is_its_text_part() -> None:
    text, whole = lookup("gemma-3-4b-it", "Gemma3ForCausalLM"), lookup("gemma-3-4b-it", None)
    assert text is not None
    assert whole is not None
    assert (text.model_type, text.is_multimodal) == ("gemma3_text", False)
    assert text.raw["hidden_size"] == 2560
