"""Tensors of a torch file that share a storage, or lie turned round in it, are read once, and are what they hold."""

from collections.abc import Mapping
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.artifacts._shared_storages import shared
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare import _lockstep, _one_pass
from auditor.engine.inspect import inspect, side_by_side
from auditor.model.inspection import InspectionComparison
from tests.builders import adapter_folders as made
from tests.builders.blobs import blob
from tests.builders.counting import Counted
from tests.builders.near import differences
from tests.builders.pickles import Tensor, make_torch
from tests.builders.safetensors import make_arrays

P = "base_model.model."
WEIGHTS = ("adapter_model.bin",)
ROWS, COLUMNS = 300, 40
SMALL = made.factors(1, made.modules(1), shape=(60, 50))
View = tuple[tuple[int, ...], tuple[int, ...], int]
"""Shape, strides and offset, in elements."""
FLAT: View = ((ROWS, COLUMNS), (COLUMNS, 1), 0)
WAYS: dict[str, tuple[dict[str, View], float, float]] = {
    "tied": ({"head": FLAT, "embedding": FLAT}, 1.0, 1.0),
    "halves": ({"a": ((150, 40), (40, 1), 0), "b": ((150, 40), (40, 1), 6000)}, 1.0, 1.0),
    "rows in turn": ({"a": ((150, 40), (80, 1), 0), "b": ((150, 40), (80, 1), 40)}, 1.0, 1.0),
    "columns in turn": ({"a": ((300, 20), (40, 2), 0), "b": ((300, 20), (40, 2), 1)}, 1.0, 2.0),
    "overlapping": ({"a": ((200, 40), (40, 1), 0), "b": ((200, 40), (40, 1), 4000)}, 1.0, 4 / 3),
    "turned round": ({"a": ((COLUMNS, ROWS), (1, COLUMNS), 0)}, 1.0, 1.0),
    "turned round, few rows": ({"a": ((4, 3000), (1, 4), 0)}, 1.0, 1.0),
    "turned round and tied": (dict.fromkeys("ab", ((4, 3000), (1, 4), 0)), 1.0, 1.0),
}
"""Views of one storage, and how often it is read when tensors are held, and when they pass by in slices."""


@pytest.fixture(params=["held", "slices"])
def slices(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    if request.param == "slices":
        monkeypatch.setattr(_one_pass, "LARGEST", 10)
        monkeypatch.setattr(_lockstep, "ROOM", 40_000)
    return bool(request.param == "slices")


def numbers(seed: int) -> Any:
    return numpy.random.default_rng(seed).normal(size=ROWS * COLUMNS).astype("f4")


def as_views(flat: Any, views: Mapping[str, View]) -> dict[str, Any]:
    """The tensors by NumPy."""
    strided = numpy.lib.stride_tricks.as_strided
    return {
        name: strided(flat[offset:], shape, [4 * step for step in stride])
        for name, (shape, stride, offset) in views.items()
    }


def torch_file(flat: Any, views: Mapping[str, View]) -> dict[str, bytes]:
    """An adapter whose other tensors are these views of one storage."""
    factors = {
        f"{P}{name}.lora_{part}.weight": Tensor(array.reshape(-1).tolist(), array.shape)
        for name, pair in SMALL.items()
        for part, array in zip("AB", pair, strict=True)
    }
    values = flat.tolist()
    others = {
        f"{P}{name}.weight": Tensor(values, shape, stride=stride, offset=offset, key="all")
        for name, (shape, stride, offset) in views.items()
    }
    return {"adapter_config.json": made.config(), "adapter_model.bin": make_torch({**factors, **others})}


def plain_file(flat: Any, views: Mapping[str, View]) -> dict[str, bytes]:
    """The same tensors one behind the other."""
    factors = {
        f"{P}{name}.lora_{part}.weight": array
        for name, pair in SMALL.items()
        for part, array in zip("AB", pair, strict=True)
    }
    others = {f"{P}{name}.weight": numpy.ascontiguousarray(a) for name, a in as_views(flat, views).items()}
    data = make_arrays({**factors, **others})
    return {"adapter_config.json": made.config(), "adapter_model.safetensors": data}


def beside(one: dict[str, bytes], two: dict[str, bytes]) -> tuple[list[Counted], InspectionComparison]:
    sides = [Counted(made.snapshot(files), named=False) for files in (one, two)]
    return sides, side_by_side(sides[0].snapshot, sides[1].snapshot, tensors=True)


def most(sides: Counted, times: float) -> float:
    """The factor when the shared storage is read so often, and all else once; a fiftieth of the file is its pickle."""
    size = ROWS * COLUMNS * 4
    return (sides.sizes["adapter_model.bin"] + (times - 1) * size) / sides.sizes["adapter_model.bin"] + 0.02


@pytest.mark.parametrize("way", WAYS)
def test_what_is_shared_is_read_once(slices: bool, way: str) -> None:
    views, held, in_slices = WAYS[way]
    flat, other = numbers(1), numbers(1)
    other[[3, 7000]] += 1
    sides, found = beside(torch_file(flat, views), torch_file(other, views))
    for side in sides:
        assert side.factor(*WEIGHTS) <= most(side, in_slices if slices else held)
    _, expected = beside(plain_file(flat, views), plain_file(other, views))
    rows = {row.name: row for row in found.tensors}
    assert {row.name: (row.differing, row.first) for row in expected.tensors} == {
        name: (row.differing, row.first) for name, row in rows.items()
    }
    assert not list(differences(sorted(found.tensors, key=str), sorted(expected.tensors, key=str), rel=1e-6))
    for name, array in as_views(flat, views).items():
        far = numpy.abs(array - as_views(other, views)[name])
        row = rows[f"{P}{name}.weight"]
        assert row.differing == numpy.count_nonzero(far)
        assert row.max_abs == pytest.approx(float(far.max()))
        assert row.first == (int(numpy.flatnonzero(far)[0]) if far.any() else None)


@pytest.mark.parametrize("way", WAYS)
def test_checkpoints_with_shared_storages(slices: bool, way: str) -> None:
    views, held, in_slices = WAYS[way]
    files: dict[str, bytes] = {}
    for step in (1, 2):
        files |= {
            f"checkpoint-{step}/{name}": data for name, data in torch_file(numbers(step), views).items()
        }
    source = Counted(made.snapshot(files), named=False)
    (run,) = inspect(source.snapshot).runs
    assert [item.comparison.relation for item in run.relations] == ["different"]
    assert source.factor(*WEIGHTS) <= most_of_two(source, in_slices if slices else held)


def most_of_two(source: Counted, times: float) -> float:
    size = sum(n for path, n in source.sizes.items() if path.endswith(WEIGHTS))
    return 1 + (times - 1) * 2 * ROWS * COLUMNS * 4 / size + 0.02


@pytest.mark.parametrize("way", ["tied", "turned round", "turned round, few rows"])
def test_equal_files_are_proved_by_what_was_read(slices: bool, way: str) -> None:
    """Whether turned round or not, the elements fill their storage: what lies around them is a twentieth."""
    views = WAYS[way][0]
    sides, found = beside(torch_file(numbers(1), views), torch_file(numbers(1), views))
    assert (found.comparison.relation, found.proof) == ("identical", "equal bytes")
    assert all(side.factor(*WEIGHTS) <= 1.1 for side in sides)


@pytest.mark.parametrize("way", ["rows in turn", "columns in turn"])
def test_bytes_between_elements_make_other_files(slices: bool, way: str) -> None:
    """One tensor alone of the two that share a storage: a number between its elements is no number of it."""
    views = {"a": WAYS[way][0]["a"]}
    other = numbers(1)
    other[40 if way == "rows in turn" else 1] += 1
    _, found = beside(torch_file(numbers(1), views), torch_file(other, views))
    assert (found.comparison.relation, found.proof) == ("identical", "numbers")


@pytest.mark.parametrize("tensors", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_models_in_shards(slices: bool, way: str, tensors: bool) -> None:
    """The views lie in the second shard; each side has a tensor of its own besides, and one has other digits."""
    views, held, in_slices = WAYS[way]
    flat, other = numbers(1), numbers(1)
    other[[3, 7000]] += 1
    sides = []
    for number, some in enumerate((flat, other)):
        values = some.tolist()
        first = {"norm": Tensor([1.0] * 50, (50,)), f"only{number}": Tensor([2.0] * 9, (9,))}
        second = {n: Tensor(values, v[0], stride=v[1], offset=v[2], key="all") for n, v in views.items()}
        files = {
            "pytorch_model-00001-of-00002.bin": make_torch(first),
            "pytorch_model-00002-of-00002.bin": make_torch(second),
        }
        sides.append(Counted(made.snapshot(files), named=False))
    found = side_by_side(sides[0].snapshot, sides[1].snapshot, tensors=tensors)
    for side in sides:
        shard = side.sizes["pytorch_model-00002-of-00002.bin"]
        times = in_slices if slices else held
        assert (
            side.bytes["pytorch_model-00002-of-00002.bin"] <= shard + (times - 1) * ROWS * COLUMNS * 4 + 600
        )
    assert found.comparison.relation == "different"
    measured = {item.module: item for item in found.comparison.modules}
    assert {"norm", "only0", "only1", *views} == set(measured)
    arrays = as_views(flat, views), as_views(other, views)
    for name in views:
        one, two = (some[name].astype("f8") for some in arrays)
        far = float(numpy.linalg.norm(one - two) / max(numpy.linalg.norm(one), numpy.linalg.norm(two)))
        assert measured[name].relative_distance == pytest.approx(far, rel=1e-6)
    rows = {row.name: row.differing for row in found.tensors}
    assert bool(rows) == tensors
    for name in views if tensors else ():
        assert rows[name] == numpy.count_nonzero(arrays[0][name] != arrays[1][name])


VIEWS = st.dictionaries(
    st.sampled_from("abcdef"),
    st.tuples(
        st.lists(st.integers(0, 4), min_size=0, max_size=3).map(tuple), st.integers(0, 6), st.integers(1, 3)
    ),
    min_size=1,
)


@settings(max_examples=150)
@given(VIEWS)
def test_groups_are_those_that_share_bytes(drawn: dict[str, tuple[tuple[int, ...], int, int]]) -> None:
    """By hand: the intervals of every pair of tensors, joined until nothing changes."""
    values = [float(n) for n in range(40)]
    tensors = {}
    for name, (shape, offset, step) in drawn.items():
        stride = tuple(step * int(numpy.prod(shape[n + 1 :], dtype=int)) for n in range(len(shape)))
        tensors[name] = Tensor(values * 10, shape, stride=stride, offset=offset, key="all")
    weights = AdapterWeights.parse(blob(make_torch(tensors), "adapter_model.bin"))
    spans = {name: range(ref.storage_offset, ref.reach) for name, ref in weights.refs.items() if ref.numel}
    groups = {name: {name} for name in spans}
    for _ in spans:
        for one in spans:
            for two in spans:
                if max(spans[one].start, spans[two].start) < min(spans[one].stop, spans[two].stop):
                    groups[one] |= groups[two]
                    groups[two] = groups[one]
    found = shared(weights.refs)
    assert found == weights.shared
    for name in drawn:
        mine = groups.get(name, {name})
        same = {other for other in mine if found.groups.get(other) == found.groups.get(name)}
        assert same == mine
        assert (name in found.groups) == (len(mine) > 1)
        assert found.groups.get(name, name) == next(other for other in drawn if other in mine)
        assert found.twins.get(name, name) == next(
            o for o in drawn if o == name or (tensors[o] == tensors[name] and name in spans)
        )
