"""A config.json of any content gives a structure or a sentence, never an exception and never endless work."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.architectures._structure import structures
from auditor.artifacts.base_config import BaseConfig
from tests.architectures.cases import CASES

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 7, 10**8, 10**30, 1.5, float("nan"), float("inf")),
    *("", "64", "gated-", [], [1, 2], [None], ["x"], {}, {"a": 1}, [[]]),
)


def decided(raw: dict[str, Any]) -> None:
    began = time.perf_counter()
    found = structures(BaseConfig.of("config.json", raw))
    if isinstance(found, str):
        assert found
    else:
        assert found
        for structure in found:
            assert structure.total >= structure.non_embedding >= 0
            assert len(structure.by_key()) <= len(structure.modules)
    assert time.perf_counter() - began < 20


@pytest.mark.parametrize("case", CASES)
def test_every_key_may_hold_anything(case: str) -> None:
    cls, raw = CASES[case]
    for key in (*raw, "tie_word_embeddings", "attention_bias", "id2label", "mlp_only_layers", "n_inner"):
        for value in ODD:
            decided({"architectures": [cls], **raw, key: value})
        decided({"architectures": [cls], **{k: v for k, v in raw.items() if k != key}})


@pytest.mark.parametrize("part", ["text_config", "vision_config"])
@pytest.mark.parametrize("case", ["gemma3", "clip"])
def test_every_nested_key_may_hold_anything(case: str, part: str) -> None:
    cls, raw = CASES[case]
    for key in raw[part]:
        for value in ODD:
            decided({"architectures": [cls], **raw, part: {**raw[part], key: value}})


@given(
    st.sampled_from(sorted(CASES)),
    st.dictionaries(
        st.sampled_from(
            ["num_hidden_layers", "n_layer", "num_experts", "num_local_experts", "vocab_size", "hidden_size"]
        ),
        st.sampled_from([1, 2, 999, 1000, 1001, 4096, 10**6, 10**8]),
    ),
)
def test_large_numbers_are_refused_before_they_cost(case: str, changes: dict[str, int]) -> None:
    cls, raw = CASES[case]
    decided({"architectures": [cls], **raw, **changes})
