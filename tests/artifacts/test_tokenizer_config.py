import pytest

from auditor.artifacts.tokenizer_config import TokenizerConfig
from auditor.errors import CannotRead
from tests.builders.blobs import blob, json_blob

RAW: dict[str, object] = {
    "add_bos_token": True,
    "add_eos_token": False,
    "added_tokens_decoder": {"0": {"content": "<pad>", "special": True}, "1": {"content": "<eos>"}},
    "bos_token": {"content": "<bos>", "lstrip": False},
    "chat_template": "{{ messages }}",
    "eos_token": "<eos>",
    "extra_special_tokens": {"image_token": "<image>"},
    "model_max_length": int(1e30),
    "padding_side": "right",
    "processor_class": "Gemma3Processor",
    "tokenizer_class": "GemmaTokenizer",
}


def config(**changes: object) -> TokenizerConfig:
    return TokenizerConfig.parse(json_blob({**RAW, **changes}))


def test_reads_what_is_needed() -> None:
    read = config()
    assert (read.tokenizer_class, read.processor_class, read.padding_side) == (
        "GemmaTokenizer",
        "Gemma3Processor",
        "right",
    )
    assert (read.add_bos_token, read.add_eos_token, read.chat_template) == (True, False, "{{ messages }}")
    assert read.tokens == {"bos_token": "<bos>", "eos_token": "<eos>"}
    assert read.added_tokens == {"0": "<pad>", "1": "<eos>"}
    assert (read.auto_map, read.type_errors) == ({}, ())


@pytest.mark.parametrize(
    ("length", "limit"),
    [(2048, 2048), (2048.0, 2048), (int(1e30), None), (float("inf"), None), (0, None), (None, None)],
)
def test_a_very_large_length_means_no_limit(length: object, limit: int | None) -> None:
    # transformers, VERY_LARGE_INTEGER = int(1e30).
    assert config(model_max_length=length).length_limit == limit


def test_named_chat_templates() -> None:
    read = config(
        chat_template=[{"name": "default", "template": "a"}, {"name": "tool_use", "template": "b"}, 3]
    )
    assert (read.chat_template, read.chat_templates) == (None, {"default": "a", "tool_use": "b"})


def test_facts_show_tokens_and_added_tokens() -> None:
    facts = config().facts()
    assert (facts["bos_token"].value, facts["added_tokens.0"].value) == ("<bos>", "<pad>")
    assert facts["chat_template"].value == "{{ messages }}"
    assert config(is_local=True).facts()["is_local"].ignorable


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"model_max_length": "2048"}, "/model_max_length"),
        ({"add_eos_token": "yes"}, "/add_eos_token"),
        ({"added_tokens_decoder": {"7": {"special": True}}}, "/added_tokens_decoder/7"),
        ({"added_tokens_decoder": []}, "/added_tokens_decoder"),
        ({"auto_map": ["x"]}, "/auto_map"),
    ],
)
def test_wrong_types_are_sentences(changes: dict[str, object], pointer: str) -> None:
    assert [where for where, _ in config(**changes).type_errors] == [pointer]


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff\xfe{\x00", b"{"])
def test_broken_files_cannot_be_read(data: bytes) -> None:
    with pytest.raises(CannotRead):
        TokenizerConfig.parse(blob(data))
