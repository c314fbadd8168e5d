import pytest

from auditor.architectures._structure import structures
from auditor.artifacts.known_bases import lookup, normalise


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
    ],
)
def test_known_models_have_the_published_number_of_parameters(name: str, total: int) -> None:
    config = lookup(name, None)
    assert config is not None
    found = structures(config)
    assert not isinstance(found, str)
    assert {structure.total for structure in found} == {total}


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("/cheetah/input/model/groupuser/gemma-3-4b-it", "gemma-3-4b"),
        ("C:\\models\\Gemma-3-4B-PT\\", "gemma-3-4b"),
        ("git@git.example.com:team/gemma-3-4b-it.git", "gemma-3-4b"),
        ("unsloth/gemma-3-4b-it-unsloth-bnb-4bit", "gemma-3-4b"),
        ("meta-llama/Meta-Llama-3.1-8B", "llama-3.1-8b"),
        ("mistralai/Mistral-7B-Instruct-v0.1", "mistral-7b-v0.1"),
        ("mistralai/Mistral-7B-Instruct-v0.3", "mistral-7b-instruct-v0.3"),
    ],
)
def test_names_are_reduced_to_the_table(name: str, key: str) -> None:
    assert normalise(name) == key


@pytest.mark.parametrize(
    "name", ["", "/", "gpt2", "mistralai/Mistral-7B-v0.3", "gemma-3-4b-finetuned", "gemma-3-1b-it-finetuning"]
)
def test_other_names_are_unknown(name: str) -> None:
    assert lookup(name, None) is None


def test_the_class_must_fit() -> None:
    assert lookup("gemma-3-4b-it", "LlamaForCausalLM") is None
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
