import pytest

from auditor.artifacts.generation_config import GenerationConfig
from auditor.errors import CannotRead
from tests.builders.blobs import blob


def test_one_id_and_several() -> None:
    text = b'{"eos_token_id": [1, 106], "pad_token_id": 0, "bos_token_id": null, "transformers_version": "4.51.3"}'
    read = GenerationConfig.parse(blob(text, "generation_config.json"))
    assert read.ids == {"eos_token_id": (1, 106), "pad_token_id": (0,)}
    assert read.transformers_version == "4.51.3"
    assert read.facts()["transformers_version"].ignorable
    assert read.facts()["eos_token_id"].value == [1, 106]


def test_values_of_other_types_are_no_ids() -> None:
    text = b'{"eos_token_id": "2", "pad_token_id": true, "bos_token_id": [1.5, {}]}'
    assert GenerationConfig.parse(blob(text, "generation_config.json")).ids == {}


@pytest.mark.parametrize("text", [b"", b"[]", b'{"eos_token_id": 2'])
def test_what_is_no_object_cannot_be_read(text: bytes) -> None:
    with pytest.raises(CannotRead):
        GenerationConfig.parse(blob(text, "generation_config.json"))
