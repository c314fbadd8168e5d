import pytest

from auditor.artifacts.special_tokens_map import SpecialTokensMap
from auditor.errors import CannotRead
from tests.builders.blobs import blob, json_blob

ADDED = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
# A real file: pad_token was assigned in Python, the others come from the tokenizer.
RAW = {
    "boi_token": "<start_of_image>",
    "bos_token": {"content": "<bos>", **ADDED},
    "eos_token": {"content": "<eos>", **ADDED},
    "pad_token": "<eos>",
    "additional_special_tokens": ["<a>", {"content": "<b>", **ADDED}],
}


def test_contents_and_forms() -> None:
    read = SpecialTokensMap.parse(json_blob(RAW))
    assert read.tokens == {
        "boi_token": "<start_of_image>",
        "bos_token": "<bos>",
        "eos_token": "<eos>",
        "pad_token": "<eos>",
    }
    assert (read.forms["pad_token"], read.forms["eos_token"]) == ("string", "object")
    assert (read.additional, read.type_errors) == (("<a>", "<b>"), ())


def test_the_form_is_shown_and_makes_no_difference() -> None:
    facts = SpecialTokensMap.parse(json_blob(RAW)).facts()
    assert facts["pad_token"].value == "<eos>"
    assert facts["pad_token.form"].ignorable
    assert facts["additional_special_tokens"].value == ("<a>", "<b>")


def test_wrong_types_are_sentences() -> None:
    read = SpecialTokensMap.parse(json_blob({"pad_token": 3, "eos_token": {"x": 1}, "unk_token": None}))
    assert read.tokens == {}
    assert [where for where, _ in read.type_errors] == ["/pad_token", "/eos_token"]
    assert read.type_errors[0][1].startswith("`pad_token` is the number 3, expected a string")


@pytest.mark.parametrize("data", [b"", b"[]", b"\x00", b"not json"])
def test_broken_files_cannot_be_read(data: bytes) -> None:
    with pytest.raises(CannotRead):
        SpecialTokensMap.parse(blob(data))
