from tests.builders.repositories import healthy
from tests.checks.expecting import ERROR, WARNING, finding, found, reasons
from tests.checks.weights.made import INDEX, ONE, TWO, sharded

RULE = "shard-lacks-its-tensors"


def test_passes() -> None:
    assert found(RULE, sharded()) == []


def test_passes_the_shard_that_is_here_when_the_other_is_not() -> None:
    assert found(RULE, sharded(shards={ONE: ["a"]})) == []


def test_fails_for_shards_that_were_exchanged() -> None:
    assert found(RULE, sharded(shards={ONE: ["b"], TWO: ["a"]})) == [
        finding(
            RULE,
            ERROR,
            "2 of 2 tensors are not in the shard that the index names, first a",
            INDEX,
            "/weight_map",
            expected=f"a in {ONE}",
            observed=f"in {TWO}",
        )
    ]


def test_fails_for_a_tensor_nowhere_and_for_one_not_listed() -> None:
    (only,) = found(RULE, sharded({"a": ONE, "b": TWO, "c": TWO}))
    assert (only.expected, only.observed) == (f"c in {TWO}", "in no shard that was read")
    (only,) = found(RULE, sharded(shards={ONE: ["a"], TWO: ["b", "c"]}))
    assert (only.severity, only.message) == (WARNING, "1 tensor of the shards are not in the index, first c")


def test_cannot_look_without_shards_or_index() -> None:
    assert reasons(RULE, sharded(shards={})) == [f"no shard of {INDEX} could be read"]
    assert reasons(RULE, healthy()) == ["no *.safetensors.index.json is in the repository"]
