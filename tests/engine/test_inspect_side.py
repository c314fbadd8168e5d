"""Two adapters side by side: the relation in one sentence, and which folders are meant."""

import json
from dataclasses import replace
from typing import BinaryIO

import numpy
import pytest

from auditor.engine.inspect import InspectOptions, inspect, side_by_side
from auditor.errors import IncompleteError, UsageError
from auditor.model import Blob, Digest, Snapshot
from auditor.model.inspection import InspectionComparison
from tests.builders import adapter_folders as made
from tests.builders.counting import Counted
from tests.builders.safetensors import make_adapter, make_arrays, with_header

FACTORS = made.factors(3)


def beside(base: dict[str, bytes], head: dict[str, bytes], tensors: bool = False) -> InspectionComparison:
    return side_by_side(made.snapshot(base, "one"), made.snapshot(head, "two"), tensors=tensors)


def turned(factors: made.Factors) -> dict[str, tuple[made.Array, made.Array]]:
    """(B M, M^-1 A) is the same update for every invertible M."""
    generator = numpy.random.default_rng(5)
    found = {}
    for name, (a, b) in factors.items():
        m = generator.normal(size=(made.RANK, made.RANK)) + 3 * numpy.eye(made.RANK)
        found[name] = (
            (numpy.linalg.inv(m) @ a.astype(numpy.float64)).astype(numpy.float32),
            (b.astype(numpy.float64) @ m).astype(numpy.float32),
        )
    return found


def test_the_same_numbers() -> None:
    found = beside(made.folder(FACTORS), made.folder(FACTORS))
    assert (found.comparison.relation, found.says) == ("identical", "identical")
    assert found.facts == {}


def test_another_basis_is_the_same_update() -> None:
    found = beside(made.folder(FACTORS), made.folder(turned(FACTORS)))
    assert found.says.startswith("equivalent: the same update from other factors")


def test_half_the_alpha_is_half_the_update() -> None:
    found = beside(made.folder(FACTORS), made.folder(FACTORS, lora_alpha=made.ALPHA / 2))
    assert found.says == "scaled by 0.5: the head's update is the base's times that"
    (changes,) = found.facts.values()
    assert [(c.key, c.base, c.head) for c in changes] == [("lora_alpha", 8.0, 4.0)]


def test_what_differs_most_is_named() -> None:
    """One module changed: the distance of all is |dW1 - dW2| / max(|dW1|, |dW2|), in dense float64."""
    name = "model.layers.1.self_attn.v_proj"
    a, b = FACTORS[name]
    other = {**FACTORS, name: (a, b * numpy.float32(3))}
    found = beside(made.folder(FACTORS), made.folder(other))
    before, after = made.dense(FACTORS), made.dense(other)
    gap = numpy.sqrt(sum(((before[n] - after[n]) ** 2).sum() for n in FACTORS))
    longest = numpy.sqrt(sum((after[n] ** 2).sum() for n in FACTORS))
    assert found.comparison.relative_distance == pytest.approx(gap / longest, rel=1e-6)
    assert found.says.startswith(f"different: relative distance {gap / longest:.3g}, ")
    assert f"most in {name} (" in found.says


def test_modules_of_one_side_only_make_a_subset() -> None:
    name = "model.layers.2.mlp.down_proj"
    less = {key: value for key, value in FACTORS.items() if key != name}
    found = beside(made.folder(FACTORS), made.folder(less))
    assert found.says.startswith("subset: 8 of the 9 modules")


def test_nan_is_not_compared_and_says_where() -> None:
    name = "model.layers.0.self_attn.q_proj"
    a, b = FACTORS[name]
    bad = b.copy()
    bad[0, 0] = numpy.nan
    found = beside(made.folder(FACTORS), made.folder({**FACTORS, name: (a, bad)}), tensors=True)
    assert found.comparison.relation == "different"
    assert [item.module for item in found.comparison.uncompared] == [name]
    assert "NaN" in found.says
    (row,) = [row for row in found.tensors if row.head_nan]
    assert (row.name, row.differing, row.first) == (f"base_model.model.{name}.lora_B.weight", 1, 0)


def test_tensors_are_facts_of_the_arrays() -> None:
    name = "model.layers.0.self_attn.q_proj"
    a, b = FACTORS[name]
    changed = b.copy()
    changed[1, 2] = -changed[1, 2]
    found = beside(made.folder(FACTORS), made.folder({**FACTORS, name: (a, changed)}), tensors=True)
    (row,) = [row for row in found.tensors if row.differing]
    assert (row.differing, row.first, row.sign_flips) == (1, 1 * made.RANK + 2, 1)
    assert row.max_abs == pytest.approx(2 * abs(float(b[1, 2])), rel=1e-6)
    assert row.ulp == 2 * int(abs(b[1, 2]).view("u4"))  # down to zero and up again
    assert len(found.tensors) == 2 * len(FACTORS)


def test_tensors_that_have_no_partner_say_so() -> None:
    less = dict(list(FACTORS.items())[1:])
    found = beside(made.folder(FACTORS), made.folder(less), tensors=True)
    assert [row.why for row in found.tensors[:2]] == ["only the base has it"] * 2


def test_a_shard_that_was_not_fetched_is_no_difference() -> None:
    first, second = (f"model-0000{number}-of-00002.safetensors" for number in (1, 2))
    index = json.dumps({"weight_map": {"a": first, "b": second}}).encode()
    whole = {
        first: make_arrays({"a": numpy.ones(3, "f4")}),
        second: make_arrays({"b": numpy.ones(2, "f4")}),
        "model.safetensors.index.json": index,
    }
    found = beside(whole, {**whole, second: made.pointer()}, tensors=True)
    why = f"{second}: its content (1,000,000 bytes) is in Git LFS and was not fetched to this machine"
    assert (found.comparison.relation, found.comparison.why) == ("not comparable", why)
    assert [(row.name, row.differing, row.why) for row in found.tensors] == [("a", 0, None), ("b", None, why)]


def test_without_configurations_the_tensors_are_compared_as_stored() -> None:
    one = {"adapter_model.safetensors": make_adapter(FACTORS)}
    two = {"adapter_model.safetensors": make_adapter(turned(FACTORS))}
    assert beside(one, one).says.startswith("identical; without adapter_config.json")
    assert beside(one, two).comparison.relation == "different"


def test_an_adapter_beside_a_model_is_not_compared() -> None:
    model = {"model.safetensors": make_arrays({"w": numpy.zeros((2, 2), numpy.float32)})}
    found = beside(made.folder(FACTORS), model)
    assert found.comparison.relation == "not comparable"
    assert "weights that are no PEFT adapter" in found.says


def test_two_models_are_compared_by_their_tensors() -> None:
    one = {"model.safetensors": make_arrays({"w": numpy.ones((2, 2), numpy.float32)})}
    two = {"model.safetensors": make_arrays({"w": 2 * numpy.ones((2, 2), numpy.float32)})}
    assert beside(one, two).says.startswith("scaled by 2")


def test_the_last_checkpoint_stands_for_a_run_without_its_own_adapter() -> None:
    files = {path: data for path, data in made.run(3).items() if path.startswith("checkpoint-")}
    found = beside(files, files)
    assert found.head.folder == "checkpoint-3"


def test_pointers_say_why_they_are_not_compared() -> None:
    files = {"adapter_config.json": made.config(), "adapter_model.safetensors": made.pointer()}
    found = beside(files, made.folder(FACTORS))
    assert found.comparison.relation == "not comparable"
    assert "adapter_model.safetensors could not be read" in found.says
    assert [item.state for item in found.unread] == ["unfetched"]


def test_several_adapters_are_asked_about() -> None:
    two = {**made.folder(FACTORS, "a"), **made.folder(FACTORS, "b")}
    with pytest.raises(UsageError, match="adapters in 2 folders: a, b"):
        beside(two, made.folder(FACTORS))


def test_nothing_to_compare() -> None:
    with pytest.raises(UsageError, match="holds no weights"):
        beside({"README.md": b"hello"}, made.folder(FACTORS))


def test_weights_that_cannot_be_read_say_why() -> None:
    """Two tensors on the same bytes: the reason is worth more than that there is nothing to compare."""
    place = {"dtype": "F32", "shape": [2]}
    header = json.dumps({"a": {**place, "data_offsets": [0, 8]}, "b": {**place, "data_offsets": [4, 12]}})
    model = {"model.safetensors": with_header(header, bytes(12))}
    says = "the weights of two were not read: model.safetensors lets the data of tensor 'b' overlap"
    with pytest.raises(IncompleteError, match=says):
        beside({"model.safetensors": make_arrays({"a": numpy.ones(2, "f4")})}, model)


@pytest.mark.parametrize("changed", [False, True])
def test_a_tensor_in_two_shards_counts_with_both_its_copies(changed: bool) -> None:
    """The head's second copy is what a loader that takes the last one loads."""
    first, second = (f"model-0000{number}-of-00002.safetensors" for number in (1, 2))
    a, b = numpy.ones(3, "f4"), numpy.ones(2, "f4")
    one = {first: make_arrays({"a": a}), second: make_arrays({"b": b})}
    two = {first: one[first], second: make_arrays({"b": b, "a": a + changed})}
    says = f"tensor 'a' is in {first} and in {second}, and loaders differ in which they take"
    for tensors in (False, True):
        for found in (beside(one, two, tensors), beside(two, one, tensors)):
            assert found.comparison.relation == ("not comparable" if changed else "identical")
            assert str(found.comparison.why).startswith(says)
    same = beside(two, two)
    assert same.comparison.relation == "identical"


def test_one_file_is_loaded_before_shards() -> None:
    """transformers 5.23.0, modeling_utils.py: model.safetensors, where it is there, and no shard."""
    shard = "model-00001-of-00001.safetensors"
    one = {"model.safetensors": make_arrays({"a": numpy.ones(3, "f4")})}
    two = {**one, shard: make_arrays({"a": numpy.zeros(3, "f4")})}
    assert beside(one, two).comparison.relation == "identical"


def test_states_that_differ_are_listed_by_file() -> None:
    files = made.run(2)
    one = {p: d for p, d in files.items() if p.startswith("checkpoint-1/")}
    two = {p: d for p, d in files.items() if p.startswith("checkpoint-2/")}
    found = beside(one, two)
    assert set(found.facts) == {"trainer_state.json", "optimizer.pt", "scheduler.pt"}
    keys = {change.key for change in found.facts["trainer_state.json"]}
    assert keys == {"global_step", "epoch"}
    assert json.loads(one["checkpoint-1/trainer_state.json"])["global_step"] == 1


def test_a_large_file_in_git_is_unpacked_a_few_times_and_not_for_every_tensor() -> None:
    """Of an object that git's own cache does not keep, every opening unpacks the whole again."""
    opened: list[str] = []

    def snapshot(name: str, files: dict[str, bytes]) -> Snapshot:
        blobs = {}
        for path, blob in made.snapshot(files).files.items():
            identity = Digest("git-sha1", f"{name}{path}")

            def content(blob: Blob = blob) -> BinaryIO:
                opened.append(blob.path)
                return blob.content()

            blobs[path] = blob.replaced(content=content, object_id=identity)
        return Snapshot(name, blobs)

    other = made.moved(FACTORS, 2.0)
    side_by_side(snapshot("one", made.folder(FACTORS)), snapshot("two", made.folder(other)), tensors=True)
    assert opened.count("adapter_model.safetensors") <= 4
    opened.clear()
    inspect(snapshot("one", made.folder(FACTORS)))
    assert opened.count("adapter_model.safetensors") <= 3


def test_without_numbers_digests_speak_alone() -> None:
    options = InspectOptions(numbers=False)
    same = made.snapshot(made.folder(FACTORS))
    other = made.snapshot(made.folder(made.moved(FACTORS, 2.0)))
    assert side_by_side(same, made.snapshot(made.folder(FACTORS)), options).says == "identical"
    says = side_by_side(same, other, options).says
    assert says.startswith("not comparable: the files differ, and the values of the tensors were not read")


def test_models_whose_numbers_are_not_to_be_read_are_told_by_digests() -> None:
    """Files without digests, and others of different ones: nothing behind the header is read."""
    one, two = ({"model.safetensors": make_arrays({"w": numpy.full(5000, n, "f4")})} for n in (1.0, 2.0))
    without = [Counted(made.snapshot(files), named=False) for files in (one, two)]
    found = side_by_side(without[0].snapshot, without[1].snapshot, InspectOptions(numbers=False)).comparison
    assert found.relation == "not comparable"
    assert found.why == "the values of the tensors were not read (--no-numbers)"
    assert max(side.bytes["model.safetensors"] for side in without) < 500
    known = [
        replace(
            side.snapshot,
            files={
                path: blob.replaced(object_id=Digest("git-sha1", str(n) * 40))
                for path, blob in side.snapshot.files.items()
            },
        )
        for n, side in enumerate(without)
    ]
    found = side_by_side(known[0], known[1], InspectOptions(numbers=False)).comparison
    assert found.why == "the files differ, and the values of the tensors were not read (--no-numbers)"
    assert side_by_side(known[0], known[0], InspectOptions(numbers=False)).comparison.relation == "identical"


@pytest.mark.parametrize("tensors", [False, True])
@pytest.mark.parametrize("model", [False, True])
def test_how_far_a_comparison_has_come_is_told(tensors: bool, model: bool) -> None:
    told: list[tuple[int, int, str]] = []
    sides = [
        made.snapshot(
            {"model.safetensors": make_arrays({f"w{k}": numpy.full(5000, n + k, "f4") for k in range(3)})}
            if model
            else made.folder(made.factors(n, shape=(300, 200)))
        )
        for n in (1, 2)
    ]
    options = InspectOptions(progress=lambda done, total, what: told.append((done, total, what)))
    side_by_side(sides[0], sides[1], options, tensors)
    total = sum(blob.size or 0 for side in sides for path, blob in side.files.items() if path.endswith("rs"))
    assert {what for _, _, what in told} == {"comparing weights"}
    assert {whole for _, whole, _ in told} == {total}
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
    assert told[-1][0] >= 0.9 * total
