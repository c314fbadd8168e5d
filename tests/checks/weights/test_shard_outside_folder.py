import pytest

from tests.builders.repositories import healthy
from tests.checks.expecting import ERROR, finding, found, reasons
from tests.checks.weights.made import INDEX, ONE, sharded

RULE = "shard-outside-folder"


def test_passes() -> None:
    assert found(RULE, sharded()) == []


@pytest.mark.parametrize(
    "name", ["../other/model.safetensors", "/etc/passwd", "sub\\model.safetensors", "..", ""]
)
def test_fails_for_a_path(name: str) -> None:
    assert found(RULE, sharded({"a": ONE, "b": name}, {ONE: ["a"]})) == [
        finding(
            RULE,
            ERROR,
            f"the index names 1 file outside its folder: {name!r}",
            INDEX,
            "/weight_map",
            expected="bare names of files beside the index",
            observed=name,
        )
    ]


def test_cannot_look_without_an_index() -> None:
    assert reasons(RULE, healthy()) == ["no *.safetensors.index.json is in the repository"]
