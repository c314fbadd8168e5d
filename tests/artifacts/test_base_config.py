import pytest

from auditor.architectures._decoder import sizes
from auditor.artifacts.base_config import BaseConfig
from auditor.errors import CannotRead
from tests.builders.blobs import blob, json_blob

# google/gemma-3-4b-it as published: the text part leaves heads, head_dim and vocabulary to the class.
GEMMA_4B = {
    "architectures": ["Gemma3ForConditionalGeneration"],
    "model_type": "gemma3",
    "torch_dtype": "bfloat16",
    "transformers_version": "4.50.0.dev0",
    "text_config": {
        "hidden_size": 2560,
        "intermediate_size": 10240,
        "model_type": "gemma3_text",
        "num_hidden_layers": 34,
    },
    "vision_config": {
        "hidden_size": 1152,
        "image_size": 896,
        "intermediate_size": 4304,
        "model_type": "siglip_vision_model",
        "num_attention_heads": 16,
        "num_hidden_layers": 27,
        "patch_size": 14,
        "vision_use_head": False,
    },
}
LLAMA = {
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "vocab_size": 99,
}


def config(raw: object) -> BaseConfig:
    return BaseConfig.parse(json_blob(raw, "base/config.json"))


def test_multimodal_gemma_is_completed_by_class_defaults() -> None:
    read = config(GEMMA_4B)
    text, vision = read.settings.part("text_config", "?"), read.settings.part("vision_config", "?")
    # Gemma3TextConfig of transformers 4.51.3: 8 heads of 256, 4 for keys; SiglipVisionConfig: 3 channels.
    assert [text.size(k) for k in ("num_attention_heads", "head_dim", "num_key_value_heads")] == [8, 256, 4]
    assert (vision.size("num_channels"), vision.flag("vision_use_head")) == (3, False)
    assert (read.model_type, read.text_type, read.vocab_size) == ("gemma3", "gemma3_text", 262_208)
    assert (read.is_multimodal, read.tie_word_embeddings, read.torch_dtype) == (True, True, "bfloat16")
    assert (read.known, read.type_errors) == (None, ())


def test_new_dtype_key_is_understood() -> None:
    assert config({**LLAMA, "dtype": "float16"}).torch_dtype == "float16"


def test_llama_heads_and_head_dim_follow_the_class() -> None:
    # LlamaConfig.__post_init__: null or absent key-value heads are the heads; head_dim = hidden // heads.
    absent = sizes(config({**LLAMA, "num_attention_heads": 4}).settings)
    assert (absent.head_dim, absent.keys) == (16, 4 * 16)
    null = {**LLAMA, "num_attention_heads": 4, "num_key_value_heads": None, "head_dim": None}
    assert sizes(config(null).settings) == absent


def test_mistral_tells_absent_from_null_key_value_heads() -> None:
    # MistralConfig: the default is 8, null becomes num_attention_heads.
    raw = {**LLAMA, "model_type": "mistral", "num_attention_heads": 16}
    absent, null = sizes(config(raw).settings), sizes(config({**raw, "num_key_value_heads": None}).settings)
    assert (absent.keys, null.keys) == (8 * 4, 16 * 4)


@pytest.mark.parametrize(
    ("raw", "tied"),
    [
        ({"model_type": "llama"}, False),
        ({"model_type": "gemma2"}, True),
        ({"model_type": "gemma2", "tie_word_embeddings": False}, False),
        ({"model_type": "gemma3", "text_config": {"tie_word_embeddings": False}}, False),
        ({"model_type": "unheard-of"}, None),
        ({}, None),
    ],
)
def test_tying_is_the_files_word_or_the_class_default_or_unknown(
    raw: dict[str, object], tied: bool | None
) -> None:
    assert config(raw).tie_word_embeddings is tied


def test_unknown_types_without_sizes_have_no_vocabulary() -> None:
    read = config({"model_type": "unheard-of", "hidden_size": 64})
    assert (read.vocab_size, read.is_multimodal) == (None, False)


def test_quantization_and_code_are_kept() -> None:
    read = config({**LLAMA, "quantization_config": {"load_in_4bit": True}, "auto_map": {"AutoModel": "x.Y"}})
    assert (read.quantization_config, read.auto_map) == ({"load_in_4bit": True}, {"AutoModel": "x.Y"})


def test_the_writing_release_is_no_difference() -> None:
    facts = config(GEMMA_4B).facts()
    assert facts["transformers_version"].ignorable
    assert not facts["model_type"].ignorable


def test_wrong_types_are_sentences_with_their_place() -> None:
    read = config({"model_type": "gemma3", "text_config": {"hidden_size": "64"}})
    assert read.type_errors == (
        ("/text_config/hidden_size", '`hidden_size` is the string "64", expected an integer'),
    )


@pytest.mark.parametrize("data", [b"", b"[1]", b"{", b"\x80"])
def test_broken_files_cannot_be_read(data: bytes) -> None:
    with pytest.raises(CannotRead):
        BaseConfig.parse(blob(data))
