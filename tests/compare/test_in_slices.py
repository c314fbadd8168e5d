"""Tensors too large to be held: slices of all files in step give the numbers that whole tensors give, read once."""

import errno
import io
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from unittest import mock

import numpy
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare import _lockstep, _one_pass
from auditor.compare._slices import Member, Slice, Strand, Unit
from auditor.compare._windows import Window
from auditor.engine.inspect import inspect, side_by_side
from auditor.model.inspection import Inspection
from tests.builders import adapter_folders as made
from tests.builders.counting import Counted
from tests.builders.near import differences
from tests.builders.pickles import Tensor, make_torch
from tests.builders.safetensors import make_arrays

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

P = "base_model.model."
WEIGHTS = ("adapter_model.safetensors",)
EMBEDDING, HEAD = f"{P}model.embed_tokens.lora_embedding", f"{P}lm_head.weight"


@contextmanager
def in_slices(room: int = 4096, state: int = 1 << 24, open_files: int = 64) -> Iterator[None]:
    """No tensor is held; slices of so many bytes, sums of so many."""
    with (
        mock.patch.object(_one_pass, "LARGEST", 0),
        mock.patch.object(_lockstep, "ROOM", room),
        mock.patch.object(_lockstep, "STATE", state),
        mock.patch.object(_lockstep, "OPEN", open_files),
    ):
        yield


def run_of(steps: list[dict[str, Any]], **config: object) -> dict[str, bytes]:
    """Checkpoints with these tensors, the last of them also in the run's own folder."""
    files: dict[str, bytes] = {}
    for place, arrays in [*enumerate(steps, 1), (0, steps[-1])]:
        start = f"checkpoint-{place}/" if place else ""
        files[f"{start}adapter_config.json"] = made.config(**config)
        files[f"{start}adapter_model.safetensors"] = make_arrays(arrays)
    return files


def looked(files: Mapping[str, bytes]) -> tuple[Counted, Inspection]:
    source = Counted(made.snapshot(files), named=False)
    return source, inspect(source.snapshot)


def embedding(seed: int, rank: int = 4, vocabulary: int = 700, width: int = 90) -> dict[str, Any]:
    generator = numpy.random.default_rng(seed)
    return {
        f"{EMBEDDING}_A": generator.normal(0, 0.1, (rank, vocabulary)).astype("f4"),
        f"{EMBEDDING}_B": generator.normal(0, 0.1, (width, rank)).astype("f4"),
        HEAD: generator.normal(0, 1, (300, 20)).astype("f4"),
    }


def test_updates_are_those_of_dense_float64() -> None:
    """Three checkpoints 1e-6 apart: norms, singular values and distances against products formed in float64."""
    first = embedding(0)
    steps = [first]
    for seed in (1, 2):
        other = embedding(seed)
        steps.append({name: steps[-1][name] + numpy.float32(1e-5) * other[name] for name in first})
    with in_slices():
        source, found = looked(run_of(steps))
    assert source.factor(*WEIGHTS) == 1.0
    dense = [
        2.0 * step[f"{EMBEDDING}_B"].astype("f8") @ step[f"{EMBEDDING}_A"].astype("f8") for step in steps
    ]
    (run,) = found.runs
    for adapter, update in zip(run.adapters[1:], dense, strict=True):
        (module,) = adapter.modules
        assert module.norm == pytest.approx(float(numpy.linalg.norm(update)), rel=1e-12)
        singular = numpy.linalg.svd(update, compute_uv=False)[:4]
        assert module.spectrum == pytest.approx(list(map(float, singular)), rel=1e-12)
    for relation, one, two in zip(run.relations, dense, dense[1:], strict=False):
        (change,) = relation.comparison.modules
        far = float(numpy.linalg.norm(one - two)) / max(map(float, map(numpy.linalg.norm, (one, two))))
        assert 1e-6 < far < 1e-3
        assert change.relative_distance == pytest.approx(far, rel=1e-9)
    assert run.relations[2].comparison.relation == "identical"


def test_tensors_side_by_side_are_those_of_numpy() -> None:
    """The first difference is looked for in reading order, although lora_A passes by in columns."""
    one = embedding(3)
    two = {name: array.copy() for name, array in one.items()}
    two[f"{EMBEDDING}_A"][0, 600] += 1
    two[f"{EMBEDDING}_A"][3, 5] -= 2
    two[HEAD][7, 3] = -two[HEAD][7, 3]
    sides = [
        Counted(made.snapshot(made.folder({}) | {"adapter_model.safetensors": make_arrays(some)}))
        for some in (one, two)
    ]
    with in_slices(1000):
        found = side_by_side(sides[0].snapshot, sides[1].snapshot, tensors=True)
    assert [side.factor(*WEIGHTS) for side in sides] == [1.0, 1.0]
    rows = {row.name: row for row in found.tensors}
    assert rows[f"{EMBEDDING}_B"].differing == 0
    for name, first, count in ((f"{EMBEDDING}_A", 600, 2), (HEAD, 143, 1)):
        x, y = one[name].astype("f8").ravel(), two[name].astype("f8").ravel()
        row = rows[name]
        assert (row.first, row.differing) == (first, count)
        assert row.max_abs == pytest.approx(float(numpy.abs(x - y).max()), rel=1e-6)
        assert row.relative_l2 == pytest.approx(
            float(numpy.linalg.norm(x - y) / max(numpy.linalg.norm(x), numpy.linalg.norm(y))), rel=1e-6
        )
        assert row.cosine == pytest.approx(
            float(x @ y / numpy.linalg.norm(x) / numpy.linalg.norm(y)), abs=1e-7
        )
    assert rows[HEAD].sign_flips == 1


RANKS = st.integers(1, 5)
DAMAGE = st.sampled_from(
    ["", "", "", "nan a", "nan b", "inf b", "zero b", "huge", "head", "same", "turned", "longer"]
)


def damaged(arrays: dict[str, Any], before: dict[str, Any] | None, how: str) -> dict[str, Any]:
    a, b = f"{EMBEDDING}_A", f"{EMBEDDING}_B"
    if how.startswith(("nan", "inf")):
        arrays[a if how.endswith("a") else b][1:, -1] = numpy.float32(how[:3])
    elif how == "zero b":
        arrays[b][:] = 0
    elif how == "huge":
        arrays[b] = arrays[b].astype("f8") * 1e200
    elif how == "head":
        arrays[HEAD] = arrays[HEAD][:-1]
    elif before is not None and how == "same":
        return before
    elif before is not None and how == "turned" and float(numpy.abs(before[b]).max()) < 1e30:
        rank = len(before[a])
        turn = numpy.linalg.qr(numpy.random.default_rng(rank).normal(size=(rank, rank)))[0]
        return {**before, a: (turn.T @ before[a]).astype("f4"), b: (before[b] @ turn).astype("f4")}
    elif before is not None and how == "longer":
        return {**before, b: before[b] * numpy.float32(8)}
    return arrays


@settings(max_examples=25)
@example([(3, "huge", "f4"), (3, "nan a", "f4")], 300, {"r": 3}, {})
@given(
    st.lists(st.tuples(RANKS, DAMAGE, st.sampled_from(["f4", "f4", "f2", "f8"])), min_size=2, max_size=4),
    st.sampled_from([300, 5_000, 1 << 20]),
    st.sampled_from([{}, {"use_dora": True}, {"use_rslora": True}, {"r": 3}, {"peft_type": "IA3"}]),
    st.sampled_from([{}, {"state": 3000}, {"open_files": 2}]),
)
def test_slices_change_nothing(
    steps: list[tuple[int, str, str]], room: int, config: dict[str, object], bounds: dict[str, int]
) -> None:
    """Ranks, types, damage, another basis, multiples: as with whole tensors, and nothing is read twice."""
    arrays: list[dict[str, Any]] = []
    for seed, (rank, how, dtype) in enumerate(steps):
        fresh = embedding(seed, rank, 60, 40)
        if config.get("use_dora"):
            fresh[f"{P}model.embed_tokens.lora_magnitude_vector"] = numpy.linspace(1, 2 + seed % 2, 40)
        fresh = {name: array.astype(dtype) for name, array in fresh.items()}
        arrays.append(damaged(fresh, arrays[-1] if arrays else None, how))
    files = run_of(arrays, **{"r": 4, **config})
    _, whole = looked(files)
    with in_slices(room, **bounds):
        source, found = looked(files)
    # Other methods' tensors are summed up in float32, 1,024 at a time.
    exact = (1e-6, 1e-6) if "peft_type" in config else (1e-9, 1e-12)
    unlike = [item for item in differences(whole, found, *exact) if not item[0].endswith("/says")]
    assert not unlike
    assert source.factor(*WEIGHTS) <= 1.0


@pytest.mark.parametrize("shape", [(700, 90), (700, 3), (3, 90)])
def test_rounding_in_another_basis_is_excused_as_of_whole_tensors(shape: tuple[int, int]) -> None:
    """A basis of condition 300 moves float32 factors by more than 1e-6 of the update, in slices as whole.

    The rank, four, is above a dimension of the weight too.
    """
    first = embedding(0, 4, *shape)
    generator = numpy.random.default_rng(5)
    left, _, right = numpy.linalg.svd(generator.standard_normal((4, 4)))
    basis = left * numpy.geomspace(1, 1 / 300, 4) @ right
    a, b = (first[f"{EMBEDDING}_{word}"].astype("f8") for word in "AB")
    turned = {
        f"{EMBEDDING}_A": numpy.linalg.solve(basis, a),
        f"{EMBEDDING}_B": 3 * b @ basis,
        HEAD: first[HEAD],
    }
    one, two = (
        made.snapshot(
            {"adapter_config.json": made.config(), "adapter_model.safetensors": make_arrays(arrays)}
        )
        for arrays in (first, {name: array.astype("f4") for name, array in turned.items()})
    )
    whole = side_by_side(one, two).comparison
    with in_slices():
        found = side_by_side(one, two).comparison
    assert whole.scale == pytest.approx(3, rel=1e-4)
    assert found.scale == pytest.approx(3, rel=1e-4)
    assert [whole.relation, found.relation] == ["scaled"] * 2


@pytest.mark.parametrize("room", [1_000_000, None])
def test_high_ranks(room: int | None) -> None:
    """Rank 260 against dense float64: a change of 1e-5, another rank, basis and multiple; in slices and whole."""
    base = embedding(6, 260, 300, 280)
    a, b = f"{EMBEDDING}_A", f"{EMBEDDING}_B"
    other = embedding(7, 260, 300, 280)
    near = {**base, a: base[a] + numpy.float32(1e-5) * other[a], b: base[b] + numpy.float32(1e-5) * other[b]}
    turn = numpy.linalg.qr(numpy.random.default_rng(8).normal(size=(260, 260)))[0]
    turned = {**near, a: (turn.T @ near[a]).astype("f4"), b: (near[b] @ turn).astype("f4")}
    longer = {**turned, b: turned[b] * numpy.float32(4)}
    steps = [base, near, turned, longer, embedding(9, 257, 300, 280)]
    with in_slices(room) if room else nullcontext():
        (run,) = looked(run_of(steps, r=260, rank_pattern={}))[1].runs
    assert [item.comparison.relation for item in run.relations[:3]] == ["different", "equivalent", "scaled"]
    dense = [step[b].astype("f8") @ step[a].astype("f8") for step in steps]
    for relation, one, two in zip(run.relations[:3], dense, dense[1:], strict=False):
        (change,) = relation.comparison.modules
        far = float(numpy.linalg.norm(one - two)) / max(map(float, map(numpy.linalg.norm, (one, two))))
        assert change.relative_distance == pytest.approx(far, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("rank", "sliced"), [(1024, True), (512, False)])
def test_factors_of_a_high_rank_are_not_held_beside_what_is_computed_of_them(rank: int, sliced: bool) -> None:
    """Rank 1,024: 9 MB, and the products of the columns of each factor take 8 MB more in float64."""
    shapes = {"a": (rank, 2200), "b": (2200, rank)}
    files = {"a.safetensors": make_arrays({name: numpy.zeros(shape, "f2") for name, shape in shapes.items()})}
    weights = AdapterWeights.parse(made.snapshot(files).files["a.safetensors"])
    asked: list[object] = []
    one_pass = _one_pass.OnePass((weights,))
    needs = ((0, tuple(shapes)),)
    one_pass.ask(_one_pass.Request(lambda _: needs, lambda _: None, asked.append), ["q"])
    one_pass.run()
    assert asked == (["q"] if sliced else [])


def test_factors_of_zeros_are_told_exactly() -> None:
    """An embedding starts with lora_A of zeros, and a forger may end so: terms that cancel leave no length."""
    first = embedding(5)
    a = f"{EMBEDDING}_A"
    steps = [{**first, a: numpy.zeros_like(first[a])}, first, {**first, a: numpy.zeros_like(first[a])}]
    with in_slices():
        (run,) = looked(run_of(steps))[1].runs
    lengths = [
        (item.comparison.modules[0].base_norm, item.comparison.modules[0].head_norm) for item in run.relations
    ]
    norm = 2 * float(numpy.linalg.norm(first[f"{EMBEDDING}_B"].astype("f8") @ first[a]))
    assert lengths[:2] == [(0.0, pytest.approx(norm)), (pytest.approx(norm), 0.0)]


def test_a_multiple_is_told_whatever_its_size() -> None:
    base = embedding(5)
    b = f"{EMBEDDING}_B"
    steps = [{**base, b: base[b] * numpy.float32(by)} for by in (1, 1e-3, 7.0, 1e5)]
    with in_slices():
        _, found = looked(run_of(steps))
    assert [item.comparison.relation for item in found.runs[0].relations] == ["scaled"] * 3 + ["identical"]


BOUNDS = [{"state": 3000}, {"open_files": 3}]
ROOM = shutil.disk_usage(".")


@pytest.mark.parametrize("bounds", BOUNDS)
def test_files_beyond_the_bounds_are_read_in_runs(bounds: dict[str, int]) -> None:
    """Seven files, of which sums or descriptors are for some: what a later run wants is noted down on the way."""
    files = run_of([embedding(seed) for seed in range(6)])
    _, whole = looked(files)
    with in_slices(**bounds):
        source, found = looked(files)
    assert not list(differences(whole, found))
    assert source.factor(*WEIGHTS) == 1.0
    assert source.open_at_once <= 7


@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize(
    "how",
    [
        mock.patch("shutil.disk_usage", return_value=ROOM._replace(free=100)),
        mock.patch("shutil.disk_usage", return_value=ROOM._replace(free=40_000)),
        mock.patch("tempfile.TemporaryFile", side_effect=FileNotFoundError("no place for temporary files")),
        mock.patch("tempfile.TemporaryFile", side_effect=lambda **_: Full()),
    ],
    ids=["little room", "room for one of the tensors", "no place", "full on the way"],
)
def test_without_room_for_notes_a_file_of_each_run_is_read_again(how: Any, bounds: dict[str, int]) -> None:
    files = run_of([embedding(seed) for seed in range(6)])
    _, whole = looked(files)
    with in_slices(**bounds), how:
        source, found = looked(files)
    assert not list(differences(whole, found))
    assert 1.0 < source.factor(*WEIGHTS) < 1.6


class Full(io.BytesIO):
    """A disk that is full after 5,000 bytes."""

    def write(self, data: "ReadableBuffer", /) -> int:
        if self.tell() > 5000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


def test_notes_are_closed_when_nobody_wants_them_any_more() -> None:
    """At most the two tensors of one file at a time, and none at the end."""
    made_of: list[BinaryIO] = []
    most = 0
    real = tempfile.TemporaryFile

    def counted(**how: Any) -> Any:
        nonlocal most
        made_of.append(real(**how))
        most = max(most, sum(not item.closed for item in made_of))
        return made_of[-1]

    with in_slices(open_files=2), mock.patch("tempfile.TemporaryFile", counted):
        looked(run_of([embedding(seed) for seed in range(5)]))
    assert len(made_of) > 6
    assert most <= 4
    assert all(item.closed for item in made_of)


def test_tensors_that_lie_turned_round_in_their_storage_are_read_once() -> None:
    """torch.save keeps strides: a transposed head and lora_A beside ordinary ones of another checkpoint."""
    steps = [embedding(seed, vocabulary=400) for seed in (1, 2)]
    plain = [
        {name: Tensor(array.ravel().tolist(), array.shape) for name, array in step.items()} for step in steps
    ]
    turned = {
        name: Tensor(array.T.ravel().tolist(), array.shape, stride=(1, len(array)))
        for name, array in steps[1].items()
    }
    results = []
    for last in (plain[1], turned):
        files = {}
        for folder, arrays in (("checkpoint-1/", plain[0]), ("", last)):
            files[f"{folder}adapter_config.json"] = made.config()
            files[f"{folder}adapter_model.bin"] = make_torch(arrays)
        with in_slices(8_000):
            source, found = looked(files)
        assert 0.99 < source.factor("adapter_model.bin") < 1.01
        results.append(found)
    assert not list(differences(results[0].runs[0].relations, results[1].runs[0].relations))


def test_a_file_that_cannot_be_read_leaves_the_others_measured() -> None:
    """The second file ends before its last tensor when it is opened again: its relations say so, the third's stand."""
    files = run_of([embedding(seed) for seed in range(3)])
    whole = made.snapshot(files)
    path = "checkpoint-2/adapter_model.safetensors"
    opened = 0

    def cut() -> BinaryIO:
        nonlocal opened
        opened += 1
        return io.BytesIO(files[path] if opened < 3 else files[path][:-100])

    broken = replace(whole, files={**whole.files, path: whole.files[path].replaced(content=cut)})
    with in_slices():
        (run,) = inspect(broken).runs
    says = [item.says for item in run.relations]
    assert "ends in the middle" in says[0]
    assert "ends in the middle" in says[1]
    assert run.relations[2].comparison.relation == "identical"
    assert [item.modules[0].norm is not None for item in run.adapters] == [True, True, True, True]


def test_names_that_cross_each_other_are_compared_all_the_same() -> None:
    """One file's tensors side by side with the other's, of which each stands for both: no order suits all."""
    running = [Crossed(("a", "b")), Crossed(("b", "a"))]
    weights = made.snapshot(
        {
            "adapter_model.safetensors": make_arrays(
                {"a": numpy.ones(5000, "f4"), "b": numpy.zeros(3000, "f4")}
            )
        }
    )
    file = AdapterWeights.parse(weights.files["adapter_model.safetensors"])
    _lockstep.Lockstep((file,), (Window(file),)).walk([Unit((item,), lambda: None) for item in running])
    assert [item.sums for item in running] == [[5000.0, 0.0], [0.0, 5000.0]]


class Crossed:
    """Sums up tensors of the first file, one after the other."""

    memory = 0

    def __init__(self, names: Sequence[str]) -> None:
        self.strands = [Strand((Member(0, name),)) for name in names]
        self.sums = [0.0] * len(names)

    def take(self, strand: int, slices: Sequence[Slice]) -> None:
        self.sums[strand] += float(slices[0].numbers.sum())

    def done(self) -> None:
        self.sums = list(self.sums)


BIG = """
import sys
from pathlib import Path
from auditor.artifacts._number_formats import numpy_module
numpy_module()
from auditor.engine.inspect import InspectOptions, inspect, side_by_side
from auditor.sources.directory import snapshot
import auditor.compare.adapters, auditor.compare.spectrum, auditor.compare.tensors, numpy.linalg
def read():
    return int(open("/proc/self/io").readline().split()[1])
before = read()
sides = [snapshot(Path(path)) for path in sys.argv[1:]]
inspect(sides[0]) if len(sides) == 1 else side_by_side(*sides, tensors=True)
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(read() - before, int(status["VmHWM"].split()[0]) // 1024)
"""


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="Linux counts the bytes that a process reads")
@pytest.mark.parametrize("pair", [False, True])
def test_a_saved_embedding_of_more_than_20_mb_is_read_once(tmp_path: Path, pair: bool) -> None:
    """Three checkpoints and the root, 21.5 MB each; two of them tensor by tensor. Imports are a part of the bytes."""
    generator = numpy.random.default_rng(0)
    arrays = {
        **embedding(0),
        f"{P}model.embed_tokens.weight": generator.standard_normal((21_000, 256), "f4"),
    }
    steps = [{name: array * numpy.float32(1 + step) for name, array in arrays.items()} for step in range(3)]
    for path, data in run_of(steps).items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(data)
    places = [tmp_path / "checkpoint-1", tmp_path / "checkpoint-2"] if pair else [tmp_path]
    found = subprocess.run(
        [sys.executable, "-c", BIG, *map(str, places)],
        capture_output=True,
        text=True,
        check=True,
        env=dict(os.environ),
    )
    size = sum(path.stat().st_size for place in places for path in place.rglob("*.safetensors"))
    read, resident = map(int, found.stdout.split())
    assert arrays[f"{P}model.embed_tokens.weight"].nbytes > _one_pass.LARGEST
    assert 1.0 <= read / size < 1.03
    assert resident < 100


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("narrower", "the update of model.embed_tokens is [40, 60] on one side and [40, 59] on the other"),
        (
            "linear",
            "model.embed_tokens is an embedding on one side only, whose update is the transpose of B A",
        ),
    ],
)
def test_updates_of_other_weights_are_not_measured_against_each_other(kind: str, says: str) -> None:
    """The embedding of 60 entries and width 40 beside one of 59, and beside a linear layer of that shape."""
    one, two = embedding(0, 4, 60, 40), embedding(1, 4, 60, 40)
    if kind == "narrower":
        two[f"{EMBEDDING}_A"] = two[f"{EMBEDDING}_A"][:, :-1]
    else:
        two = {
            name.replace("embedding_A", "A.weight").replace("embedding_B", "B.weight"): x
            for name, x in two.items()
        }
    with in_slices(300):
        _, found = looked(run_of([one, two], r=4))
    compared = [
        item.comparison for item in found.runs[0].relations if item.comparison.relation != "identical"
    ]
    assert {item.relation for item in compared} == {"different"}
    assert all(says in (item.why or "") for item in compared)
