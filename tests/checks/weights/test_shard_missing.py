from tests.builders.repositories import healthy
from tests.checks.expecting import ERROR, NOTE, finding, found, reasons
from tests.checks.weights.made import INDEX, ONE, SHARDS, TWO, shard, sharded

RULE = "shard-missing"


def test_passes() -> None:
    assert found(RULE, sharded()) == []


def test_passes_files_that_are_named_like_shards_and_complete_without_an_index() -> None:
    whole = {"model.safetensors": shard(["a"])}
    assert found(RULE, sharded({}, {ONE: ["a"]}, more=whole)) == []
    assert found(RULE, sharded({}, {"model-00001-of-00001.safetensors": ["a"]})) == []


def test_passes_a_variant_whose_name_stands_in_both() -> None:
    names = ["model.fp16-00001-of-00002.safetensors", "model.fp16-00002-of-00002.safetensors"]
    index = b'{"weight_map": {"a": "%b", "b": "%b"}}' % (names[0].encode(), names[1].encode())
    more = {"model.safetensors.index.fp16.json": index}
    assert found(RULE, sharded({}, {names[0]: ["a"], names[1]: ["b"]}, more=more)) == []


def test_fails_for_one_of_two() -> None:
    assert found(RULE, sharded(shards={ONE: ["a"]})) == [
        finding(
            RULE,
            ERROR,
            f"the index names 2 shards, and 1 of them is not in the repository, first {TWO}",
            INDEX,
            "/weight_map",
            expected=TWO,
            observed="no such file",
        )
    ]


def test_fails_as_a_note_when_all_weights_were_left_out() -> None:
    (only,) = found(RULE, sharded(shards={}))
    assert only.severity is NOTE
    assert only.message == "the index names 2 shards, and none is in the repository"


def test_fails_without_an_index() -> None:
    assert found(RULE, sharded({})) == [
        finding(
            RULE,
            ERROR,
            "2 shards have no index beside them, so transformers does not find them",
            ONE,
            expected=INDEX,
            observed="2 of 2 shards, no index",
        )
    ]
    (only,) = found(RULE, sharded({}, {TWO: ["b"]}))
    assert only.message == "1 of 2 shards is not in the repository, first number 1"


def test_fails_in_the_folder_concerned() -> None:
    more = {f"full/{name}": shard(names) for name, names in SHARDS.items()}
    (only,) = found(RULE, sharded({}, {}, more=more))
    assert (only.at.path, only.expected) == (f"full/{ONE}", f"full/{INDEX}")


def test_cannot_look_where_nothing_is_sharded() -> None:
    assert reasons(RULE, healthy()) == ["no sharded weights are in the repository"]
