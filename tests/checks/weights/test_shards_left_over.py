from tests.builders.repositories import healthy
from tests.checks.expecting import WARNING, finding, found, reasons
from tests.checks.weights.made import shard, sharded

RULE = "shards-left-over"
OLD = "model-00003-of-00003.safetensors"


def test_passes() -> None:
    assert found(RULE, sharded()) == []


def test_passes_shards_of_another_stem_or_folder() -> None:
    more = {"consolidated-00001-of-00002.safetensors": shard(["z"]), f"old/{OLD}": shard(["z"])}
    assert found(RULE, sharded(more=more)) == []


def test_fails_for_shards_of_an_earlier_save() -> None:
    assert found(RULE, sharded(more={OLD: shard(["z"])})) == [
        finding(
            RULE,
            WARNING,
            f"1 file named like shards are not in model.safetensors.index.json, first {OLD}",
            OLD,
            expected="the 2 shards of the index",
            observed="1 more",
        )
    ]


def test_cannot_look_without_an_index() -> None:
    assert reasons(RULE, healthy()) == ["no *.safetensors.index.json is in the repository"]
