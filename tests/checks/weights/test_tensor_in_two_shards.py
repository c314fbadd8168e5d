from tests.builders.repositories import healthy
from tests.checks.expecting import WARNING, finding, found, reasons
from tests.checks.weights.made import INDEX, ONE, TWO, sharded

RULE = "tensor-in-two-shards"


def test_passes() -> None:
    assert found(RULE, sharded()) == []


def test_fails() -> None:
    assert found(RULE, sharded(shards={ONE: ["a"], TWO: ["a", "b"]})) == [
        finding(
            RULE,
            WARNING,
            f"1 tensor lie in more than one shard, first a in {ONE} and {TWO}",
            TWO,
            "a",
            expected=f"a in {ONE} only",
            observed=f"{ONE}, {TWO}",
        )
    ]


def test_cannot_look_at_one_shard_alone() -> None:
    assert reasons(RULE, sharded(shards={ONE: ["a"]})) == [f"fewer than two shards of {INDEX} could be read"]
    assert reasons(RULE, healthy()) == ["no *.safetensors.index.json is in the repository"]
