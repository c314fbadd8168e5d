from pathlib import Path

import pytest

from auditor.artifacts.optimizer_state import OptimizerState
from auditor.errors import CannotRead
from tests.builders import pickles
from tests.builders.blobs import blob
from tests.builders.evil_pickles import EVIL
from tests.builders.pickles import Call, Opcodes, Tensor, make_optimizer, make_torch, named
from tests.builders.repositories import contents


def parsed(data: bytes) -> OptimizerState:
    return OptimizerState.parse(blob(data, "checkpoint-450/optimizer.pt"))


def state(entries: object, groups: object = ()) -> bytes:
    return make_torch({"state": entries, "param_groups": groups})


def test_structure_and_steps_are_read() -> None:
    optimizer = parsed(make_optimizer([(2, 3), (4,), ()], step=450.0))
    assert optimizer.kind == "adamw"
    assert optimizer.steps == {450.0}
    assert [entry.shape for entry in optimizer.entries] == [(2, 3), (4,), ()]
    assert optimizer.parameter_count == 3
    assert optimizer.numel == 6 + 4 + 1
    assert optimizer.param_groups[0]["betas"] == [0.9, 0.999]
    assert optimizer.param_groups[1]["params"] == []


def test_moments_are_read_on_demand() -> None:
    optimizer = parsed(make_optimizer([(2,), (3,)], moments=lambda index, name: index + len(name) / 16))
    # len("exp_avg") = 7 and len("exp_avg_sq") = 10; sixteenths are exact in float32
    assert optimizer.array(1, "exp_avg").tolist() == [1.4375] * 3
    assert optimizer.array(0, "exp_avg_sq").tolist() == [0.625] * 2
    for index, name in ((2, "exp_avg"), (0, "momentum_buffer")):
        with pytest.raises(CannotRead, match=f"has no {name} for parameter {index}"):
            optimizer.array(index, name)


@pytest.mark.parametrize("steps_as_tensors", [True, False])
def test_steps_are_tensors_or_numbers(steps_as_tensors: bool) -> None:
    assert parsed(make_optimizer([(1,), (1,)], 24.0, steps_as_tensors=steps_as_tensors)).steps == {24.0}


def test_steps_in_big_endian_files_and_inside_storages_are_read() -> None:
    entries = {0: {"step": Tensor([1.0, 7.0], (), offset=1)}, 1: {"step": Tensor([9], (1,), "int64")}}
    for order in ("little", "big"):
        optimizer = parsed(make_torch({"state": entries, "param_groups": []}, byteorder=order))
        assert [entry.step for entry in optimizer.entries] == [7.0, 9.0]


def test_steps_that_are_no_counts_are_unknown() -> None:
    entries: dict[object, object] = {
        0: {"step": float("nan")},
        1: {"step": 2**5000},
        2: {"step": True},
        3: {"step": Tensor([float("inf")], ())},
        4: {"step": Tensor([1.0, 2.0], (2,))},
        5: {},
    }
    assert [entry.step for entry in parsed(state(entries)).entries] == [None] * 6


def test_steps_of_many_parameters_in_one_storage_are_not_misread() -> None:
    writer = pickles.Writer()
    one = writer.encode(Tensor([3.0, 4.0], ()))
    other = one.replace(b"J\x00\x00\x00\x00(t(t", b"J\x01\x00\x00\x00(t(t")
    assert one != other
    data = writer.dumps(
        {"state": {0: {"step": Opcodes(one)}, 1: {"step": Opcodes(other)}}, "param_groups": []}
    )
    with pytest.raises(CannotRead, match="in one tensor storage"):
        parsed(pickles.torch_zip(data, writer.storages))


KINDS = {
    "adamw": ("exp_avg", "exp_avg_sq"),
    "adam8bit": ("state1", "state2", "absmax1", "absmax2", "qmap1", "qmap2"),
    "adafactor": ("exp_avg_sq_row", "exp_avg_sq_col"),
    "lion": ("exp_avg",),
    "lion8bit": ("state1", "qmap1"),
    "sgd": ("momentum_buffer",),
}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_kind_is_told_by_the_names_of_the_tensors(kind: str) -> None:
    tensors = {name: Tensor([0.0, 1.0], (2,)) for name in KINDS[kind]}
    assert parsed(state({0: tensors})).kind == kind


def test_an_optimizer_without_state_has_no_kind() -> None:
    optimizer = parsed(state({}))
    assert (optimizer.kind, optimizer.steps, optimizer.numel) == (None, frozenset(), 0)


def test_groups_of_more_than_a_thousand_parameters_are_counted_whole() -> None:
    assert parsed(state({}, [{"lr": 0.1, "params": list(range(1120))}])).parameter_count == 1120


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"state": {}}, "does not hold the state of an optimizer"),
        ([1], "does not hold the state of an optimizer"),
        (EVIL["reduce"]("x"), "does not hold the state of an optimizer"),
        ({"state": {0: {f"k{i}": 0 for i in range(40)}}, "param_groups": []}, "40 values for parameter 0"),
        (
            {"state": {0: {"exp_avg": Call(named("torch._utils._rebuild_qtensor"))}}, "param_groups": []},
            "makes 'exp_avg' by torch._utils._rebuild_qtensor",
        ),
    ],
)
def test_files_that_hold_something_else_are_refused(value: object, says: str) -> None:
    with pytest.raises(CannotRead, match=says):
        parsed(make_torch(value))


def test_a_missing_step_storage_is_refused() -> None:
    data = pickles.Writer().dumps({"state": {0: {"step": Tensor([1.0], ())}}, "param_groups": []})
    with pytest.raises(CannotRead, match="has no 4 bytes for tensor storage 0"):
        parsed(pickles.torch_zip(data))


def test_groups_shared_a_million_times_are_refused() -> None:
    shared = pickles.Writer().encode({"params": list(range(5000))})
    groups = Opcodes(b"](" + shared + b"q\x00" + b"h\x00" * 900 + b"e")
    with pytest.raises(CannotRead, match="lists more than 1,000,000 parameters"):
        parsed(state({}, groups))


def test_facts_hold_structure_and_settings() -> None:
    facts = parsed(make_optimizer([(2,)], step=3.0)).facts()
    assert facts["steps"].value == {3.0}
    assert facts["shapes"].value == ((2,),)
    assert facts["param_groups[0].lr"].value == 0.0002
    assert facts["param_groups[0].lr"].rtol == 1e-12
    assert "param_groups[0].params" not in facts


def test_the_honest_fixture_was_stepped_as_often_as_its_state_says() -> None:
    import json

    read, _ = contents("tiny", "candidate")
    paths = [path for path in read if OptimizerState.matches(path)]
    assert paths
    for path in paths:
        optimizer = OptimizerState.parse(blob(read[path], path))
        trainer = json.loads(read[path.rpartition("/")[0] + "/trainer_state.json"])
        assert optimizer.steps == {float(trainer["global_step"])}
        entry = optimizer.entries[0]
        for name in entry.tensors:
            assert optimizer.array(entry.index, name).shape == entry.tensors[name].shape


@pytest.mark.rerun
def test_the_state_torch_saves_is_read(tmp_path: Path) -> None:
    import torch

    weights = [torch.nn.Parameter(torch.ones(3, 2)), torch.nn.Parameter(torch.ones(4))]
    optimizer = torch.optim.AdamW(weights, lr=0.01)
    for _ in range(3):
        sum((weight**2).sum() for weight in weights).backward()
        optimizer.step()
        optimizer.zero_grad()
    torch.save(optimizer.state_dict(), tmp_path / "optimizer.pt")
    found = parsed((tmp_path / "optimizer.pt").read_bytes())
    assert (found.kind, found.parameter_count, found.numel) == ("adamw", 2, 10)
    assert found.steps == {3.0}
    for index, weight in enumerate(weights):
        for name in ("exp_avg", "exp_avg_sq"):
            assert found.array(index, name).tobytes() == optimizer.state[weight][name].numpy().tobytes()
