from tests.builders.repositories import healthy
from tests.checks.expecting import NOTE, finding, found, reasons
from tests.checks.weights.made import BYTES, INDEX, ONE, TWO, sharded

RULE = "shard-size-differs"


def test_passes() -> None:
    assert found(RULE, sharded()) == []


def test_passes_a_tensor_in_two_shards_counted_once() -> None:
    assert found(RULE, sharded(shards={ONE: ["a"], TWO: ["a", "b"]})) == []


def test_fails() -> None:
    """Two tensors of 2 x 2 float32 have 32 bytes."""
    assert found(RULE, sharded(total_size=3 * BYTES)) == [
        finding(
            RULE,
            NOTE,
            "`total_size` is 48, and the tensors of the shards have 32 bytes",
            INDEX,
            "/metadata/total_size",
            expected="32",
            observed="48",
        )
    ]


def test_cannot_look_without_all_shards_or_a_size() -> None:
    assert reasons(RULE, sharded(shards={ONE: ["a"]})) == [f"{INDEX} has shards that could not be read"]
    assert reasons(RULE, sharded(total_size=None)) == [f"{INDEX} gives no total_size"]
    assert reasons(RULE, healthy()) == ["no *.safetensors.index.json is in the repository"]
