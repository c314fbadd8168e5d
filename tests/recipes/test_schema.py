"""The schemas on disk are those of the vocabularies, and take what the rules take."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from auditor import schemas
from auditor.recipes._platforms import platforms
from auditor.recipes._schema import _takes, schema_of
from auditor.recipes._types import fits
from auditor.recipes._vocabulary import Vocabulary
from auditor.recipes._yaml import read_yaml
from tests.builders.blobs import blob
from tests.builders.platforms import EVERY
from tests.recipes.test_cheetah import REAL

BOOKS: Mapping[str, Vocabulary] = {
    name: book for platform in platforms() for name, book in platform.VOCABULARIES.items()
}
NAMES = {
    "autotrain": "autotrain",
    "autotrain yaml": "autotrain-yaml",
    "llama factory": "llama-factory",
    "axolotl": "axolotl",
    "trl": "trl",
    "ms-swift": "ms-swift",
    "torchtune": "torchtune",
    "unsloth": "unsloth",
}
WORDS = ("integer", "number", "boolean", "string", "array", "object")
VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.just([]), st.just({}))


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(schemas.load(f"platform-{name}"))


@pytest.mark.parametrize("name", sorted(BOOKS))
def test_the_file_is_the_vocabularys(name: str) -> None:
    # Written by fixtures/platform_words.py.
    assert schemas.load(f"platform-{name}") == schema_of(name, BOOKS[name])
    Draft202012Validator.check_schema(schemas.load(f"platform-{name}"))


def test_every_platform_has_one() -> None:
    written = {name.removeprefix("platform-") for name in schemas.names() if name.startswith("platform-")}
    assert written == set(BOOKS)


@pytest.mark.parametrize("what", sorted(NAMES))
def test_the_honest_configuration_is_valid(what: str) -> None:
    path, content = EVERY[what]
    # A reader of YAML 1.2 takes 2e-3 for the number that it is.
    raw = (
        content if isinstance(content, dict) else read_yaml(blob(str(content).replace("2e-3", "0.002"), path))
    )
    assert list(validator(NAMES[what]).iter_errors(raw)) == []


def test_the_real_case_is_valid() -> None:
    assert list(validator("cheetah").iter_errors(REAL)) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("llama-factory", {"lora_rank": "8"}),
        ("axolotl", {"lora_r": True}),
        ("torchtune", {"model": {"lora_rank": 8.5}}),
        ("cheetah", {"peft": {"r": "16"}}),
        ("autotrain-yaml", {"params": {"lr": "fast"}}),
    ],
)
def test_a_wrong_type_is_not(name: str, value: object) -> None:
    assert list(validator(name).iter_errors(value))


def test_what_nobody_knows_is_allowed() -> None:
    assert list(validator("axolotl").iter_errors({"a_plugins_key": object.__name__, "plugins": ["x"]})) == []


@given(VALUES, st.sets(st.sampled_from(WORDS), min_size=1))
def test_a_schema_takes_whatever_the_rule_takes(value: object, kinds: set[str]) -> None:
    types = "|".join(sorted(kinds))
    if fits(value, types):
        plain = json.loads(json.dumps(value, default=str).replace("Infinity", "1.5").replace("NaN", "1.5"))
        assert Draft202012Validator(_takes(types)).is_valid(plain)
