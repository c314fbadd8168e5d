"""Whatever the bytes are, a reader of text gives an artifact or CannotRead, and facts that can be shown."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.artifacts._base import Artifact
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.base_config import BaseConfig
from auditor.artifacts.git_attributes import GitAttributes
from auditor.artifacts.model_card import ModelCard
from auditor.artifacts.special_tokens_map import SpecialTokensMap
from auditor.artifacts.tokenizer_config import TokenizerConfig
from auditor.artifacts.trainer_state import TrainerState
from auditor.errors import CannotRead
from auditor.recipes import cheetah
from tests.builders.blobs import blob

READERS: tuple[type[Artifact], ...] = (
    AdapterConfig,
    BaseConfig,
    GitAttributes,
    ModelCard,
    SpecialTokensMap,
    TokenizerConfig,
    TrainerState,
)
KEYS = st.sampled_from(
    """r lora_alpha peft_type target_modules modules_to_save exclude_modules rank_pattern alpha_pattern
    auto_mapping layers_to_transform layers_pattern init_lora_weights loftq_config global_step
    log_history stateful_callbacks step TrainerControl args total_flos epoch text_config
    vision_config model_type hidden_size num_attention_heads architectures added_tokens_decoder
    chat_template bos_token content model_max_length train_model_parameters peft batch_size
    per_device_train_batch_size column_mappings text_column trainer loss x""".split()  # noqa: SIM905
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**63, -(2**70), 10**400, float("nan"), float("inf"), -0.0, 1e308]),
    st.floats(),
    st.text(max_size=6),
    st.sampled_from(["LORA", "all-linear", "(a+)+b", "gemma3", "llama", "None", "\ud800", "a/b~c"]),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=8)


def questions(read: Artifact) -> None:
    """Everything a rule may ask after a file was read."""
    for fact in read.facts().values():
        assert repr(fact)
    if isinstance(read, AdapterConfig):
        assert read.targets("model.layers.0.q_proj") in (True, False, None)
        assert isinstance(read.scaling_of("model.layers.0.q_proj"), float)
    if isinstance(read, TrainerState):
        assert isinstance(read.logged("loss"), tuple)
    if isinstance(read, TokenizerConfig):
        assert read.length_limit is None or read.length_limit > 0


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.__name__)
@settings(max_examples=150, deadline=None)
@given(raw=OBJECTS)
def test_any_object_is_read(reader: type[Artifact], raw: dict[str, object]) -> None:
    read = reader.parse(blob(json.dumps(raw)))
    questions(read)
    assert read.path == "folder/file"


@settings(max_examples=150, deadline=None)
@given(raw=OBJECTS)
def test_any_object_is_a_recipe(raw: dict[str, object]) -> None:
    read = cheetah.read(blob(json.dumps(raw)))
    assert repr((read.settings, read.unknown, read.suspicious, read.inert, list(read.conflicts())))


def mangled(original: bytes) -> st.SearchStrategy[bytes]:
    cut = st.integers(0, len(original)).map(lambda end: original[:end])
    place = st.integers(0, len(original) - 1)
    swapped = st.builds(
        lambda at, byte: original[:at] + bytes([byte]) + original[at + 1 :], place, st.integers(0, 255)
    )
    return st.one_of(st.binary(max_size=40), cut, swapped)


SAMPLE = json.dumps(
    {"r": 16, "log_history": [{"step": 1, "loss": 0.5}], "text_config": {"hidden_size": 4}}
).encode()


@pytest.mark.parametrize("reader", [*(item.parse for item in READERS), cheetah.read])
@settings(max_examples=100, deadline=None)
@given(data=mangled(SAMPLE) | mangled(b"---\na: [1, {b: c}]\n---\n# t\n- PEFT 0.1\n"))
def test_any_bytes_are_read_or_refused(reader: Callable[..., object], data: bytes) -> None:
    try:
        read = reader(blob(data))
    except CannotRead as error:
        reason = error.reason
    else:
        reason = "read"
        if isinstance(read, Artifact):
            questions(read)
    assert reason.split()[0] in ("read", "is", "holds")


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.__name__)
def test_each_reader_matches_its_file_names_in_any_folder(reader: type[Artifact]) -> None:
    for name in reader.patterns:
        assert reader.matches(name)
        assert reader.matches(f"a/checkpoint-4/{name}")
        assert not reader.matches(f"{name}/x")
        assert not reader.matches(f"x{name}")


@pytest.mark.parametrize(
    "text", ['{"r": 64, "r": 8}', '{"a": {"r": 8, "b": 1, "r": 8}}', '{"r": 1, "\\u0072": 2}']
)
def test_a_repeated_key_is_refused_and_named(text: str) -> None:
    """json.loads keeps the last, other parsers the first, and a reviewer sees either (RFC 8259, section 4)."""
    with pytest.raises(CannotRead, match="holds the key 'r' twice in one object"):
        AdapterConfig.parse(blob(text.encode(), "adapter_config.json"))
