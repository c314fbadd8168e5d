import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.artifacts._module_patterns import first_matching_key, layer_index, listed, within

NAMES = st.lists(st.sampled_from(["a", "b", "layers", "0", "12", "q_proj"]), min_size=1, max_size=6).map(
    ".".join
)


@given(st.frozensets(NAMES, max_size=4), NAMES)
def test_listed_is_pefts_sentence(names: frozenset[str], module: str) -> None:
    # peft, check_target_module_exists: key in target_modules or any(key.endswith(f".{target_key}") ...).
    assert listed(names, module) is (module in names or any(module.endswith(f".{name}") for name in names))


@given(st.lists(NAMES, max_size=4), NAMES)
def test_first_matching_key_is_pefts_sentence(keys: list[str], module: str) -> None:
    # peft, get_pattern_key: the first key for which re.match(rf"(.*\.)?({key})$", module).
    expected = next((key for key in keys if re.match(rf"(.*\.)?({key})$", module)), None)
    assert first_matching_key(keys, module) == expected


def test_keys_may_be_expressions() -> None:
    assert first_matching_key(["layers.[01].q", "x"], "model.layers.1.q") == "layers.[01].q"
    assert first_matching_key(["(?=x)", "q"], "model.q") == "q"


@given(NAMES)
def test_layer_index_is_pefts_sentence(module: str) -> None:
    # peft 0.21.2, check_target_module_exists, with and without layers_pattern.
    free = re.match(r".*?\.[^.]*\.(?P<idx>\d+)\.", module)
    assert layer_index((), module) == (int(free["idx"]) if free else None)
    named = re.match(r"(?:^|.*?\.)layers\.(?P<idx>\d+)\.", module)
    assert layer_index(("layers",), module) == (int(named["idx"]) if named else None)


@pytest.mark.parametrize(
    ("module", "expected"), [("a.score", True), ("a.score.b", True), ("a.scores", False), ("score", True)]
)
def test_within_is_whole_parts(module: str, expected: bool) -> None:
    assert within(["score"], module) is expected
