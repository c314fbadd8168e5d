"""Whole files against each other: on disk and in memory, in shards, in threads, changed while they are read."""

import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.model_weights import ModelWeights
from auditor.artifacts.weight_index import WeightIndex
from auditor.compare.tensors import WeightsDifference, WeightSet, compare_weights
from auditor.model import Digest
from auditor.sources.directory import snapshot
from tests.builders.blobs import blob, json_blob
from tests.builders.pickles import Tensor, make_torch
from tests.builders.safetensors import entry, make_arrays, make_safetensors, with_header

NAN, INF = float("nan"), float("inf")


def read(data: bytes, path: str = "model.safetensors") -> ModelWeights:
    return ModelWeights.parse(blob(data, path))


def on_disk(folder: Path, data: bytes, name: str = "model.safetensors") -> ModelWeights:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(data)
    return ModelWeights.parse(snapshot(folder).files[name])


def normal(size: int, seed: int = 0) -> NDArray[Any]:
    return numpy.random.default_rng(seed).standard_normal(size).astype("<f4")


# The traps that other tools fell into


def test_entirely_different_weights_of_equal_shape_are_different() -> None:
    found = compare_weights(read(make_arrays({"t": normal(500)})), read(make_arrays({"t": normal(500, 1)})))
    assert not found.equal
    assert found.tensors[0].differing == 500
    assert found.tensors[0].relative_l2 > 1


def test_one_nan_is_a_difference() -> None:
    two = normal(500)
    two[321] = NAN
    found = compare_weights(read(make_arrays({"t": normal(500)})), read(make_arrays({"t": two}))).tensors[0]
    assert (found.equal, found.differing, found.first, found.head_nan, found.base_nan) == (
        False,
        1,
        321,
        1,
        0,
    )


def test_a_reversed_tensor_is_different() -> None:
    one = normal(500)
    found = compare_weights(read(make_arrays({"t": one})), read(make_arrays({"t": one[::-1]}))).tensors[0]
    gap = one.astype("f8") - one[::-1].astype("f8")
    assert found.relative_l2 == pytest.approx(numpy.linalg.norm(gap) / numpy.linalg.norm(one.astype("f8")))
    assert found.max_abs == pytest.approx(abs(gap).max())


# Where the bytes come from


@pytest.mark.parametrize("dtype", ["F32", "BF16"])
def test_a_file_on_disk_is_compared_as_one_in_memory(tmp_path: Path, dtype: str) -> None:
    one, two = (make_safetensors({"t": entry(normal(300_000, seed), dtype)}) for seed in (0, 1))
    disk = compare_weights(on_disk(tmp_path / "a", one), on_disk(tmp_path / "b", two))
    assert disk == compare_weights(read(one), read(two))


def test_equal_files_without_digests_are_equal_by_their_bytes(tmp_path: Path) -> None:
    data = make_arrays({"t": normal(300_000)})
    found = compare_weights(on_disk(tmp_path / "a", data), on_disk(tmp_path / "b", data))
    assert (found.proof, found.equal, found.tensors) == ("equal bytes", True, ())
    last = bytearray(data)
    last[-1] ^= 1
    other = compare_weights(on_disk(tmp_path / "a", data), on_disk(tmp_path / "b", bytes(last)))
    assert (other.proof, other.equal, other.tensors[0].first) == ("numbers", False, 299_999)


def test_another_order_and_other_metadata_are_equal() -> None:
    arrays = {"a": normal(10), "b": normal(7, 1)}
    turned = {"b": arrays["b"], "a": arrays["a"]}
    found = compare_weights(read(make_arrays(arrays)), read(make_arrays(turned, {"format": "pt"})))
    assert (found.proof, found.equal, [t.name for t in found.tensors]) == ("numbers", True, ["a", "b"])


@pytest.mark.parametrize("size", [0, 100, -1])
def test_a_file_that_changes_after_its_header_was_read_is_said(tmp_path: Path, size: int) -> None:
    data = make_arrays({"t": normal(1000), "u": normal(3)})
    one, two = (
        on_disk(tmp_path / "a", data),
        on_disk(tmp_path / "b", make_arrays({"t": normal(1000, 1), "u": normal(3)})),
    )
    place = tmp_path / "b/model.safetensors"
    if size < 0:
        status = place.stat()
        os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    else:
        os.truncate(place, size)
    found = compare_weights(one, two)
    assert not found.equal
    assert [t.unread for t in found.tensors] == ["was changed after its header was read"] * 2


def test_a_file_that_shrinks_while_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = on_disk(tmp_path / "a", make_arrays({"t": normal(1000)}))
    two = on_disk(tmp_path / "b", make_arrays({"t": normal(1000, 1)}))
    place, genuine = tmp_path / "b/model.safetensors", os.preadv
    asked: list[int] = []

    def preadv(descriptor: int, buffers: list[memoryview], offset: int) -> int:
        asked.append(offset)
        if len(asked) == 3:
            os.truncate(place, 500)
        return genuine(descriptor, buffers, offset)

    monkeypatch.setattr(os, "preadv", preadv)
    found = compare_weights(one, two, threads=1)
    assert not found.equal
    assert found.tensors[0].unread in ("ends in the middle of tensor 't'", "was changed while it was read")


def test_a_file_that_is_rewritten_while_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = on_disk(tmp_path / "a", make_arrays({"t": normal(1000)}))
    two = on_disk(tmp_path / "b", make_arrays({"t": normal(1000, 1)}))
    place, genuine = tmp_path / "b/model.safetensors", os.preadv

    asked: list[int] = []

    def preadv(descriptor: int, buffers: list[memoryview], offset: int) -> int:
        asked.append(offset)
        if len(asked) == 4:
            os.utime(place, ns=(1, 1))
        return genuine(descriptor, buffers, offset)

    monkeypatch.setattr(os, "preadv", preadv)
    assert compare_weights(one, two).tensors[0].unread == "was changed while it was read"


def test_a_file_that_is_gone_is_said(tmp_path: Path) -> None:
    one = on_disk(tmp_path / "a", make_arrays({"t": normal(5)}))
    two = on_disk(tmp_path / "b", make_arrays({"t": normal(5, 1)}))
    (tmp_path / "b/model.safetensors").unlink()
    assert compare_weights(one, two).tensors[0].unread == "cannot be opened: No such file or directory"


# Invariance


def described(found: WeightsDifference) -> list[tuple[object, ...]]:
    """What must not depend on chunks at all; sums of float32 squares may differ in their last digits."""
    return [
        (t.name, t.differing, t.first, t.max_abs, t.max_ulp, t.sign_flips, t.base_nan, t.head_inf)
        for t in found.tensors
    ]


@settings(max_examples=40)
@given(st.sampled_from([7, 64, 1000, 2048]), st.integers(0, 3), st.sampled_from(["F32", "BF16", "F16"]))
def test_neither_chunks_nor_threads_change_a_result(chunk: int, threads: int, dtype: str) -> None:
    one, two = normal(3000), normal(3000) + numpy.float32(0.01) * normal(3000, 1)
    two[[5, 17, 2999]] = NAN, INF, 0
    one[17] = INF
    if dtype == "F16":
        one, two = one.astype("<f2"), two.astype("<f2")
    base, head = (
        read(make_safetensors({"t": entry(side, "BF16" if dtype == "BF16" else None), "u": entry(side[:9])}))
        for side in (one, two)
    )
    found = compare_weights(base, head, threads=threads, chunk=chunk)
    whole = compare_weights(base, head, threads=1)
    assert described(found) == described(whole)
    assert [t.relative_l2 for t in found.tensors] == pytest.approx(
        [t.relative_l2 for t in whole.tensors], rel=1e-6
    )
    assert [t.cosine for t in found.tensors] == pytest.approx([t.cosine for t in whole.tensors], abs=1e-7)
    assert found == compare_weights(base, head, threads=1, chunk=chunk)


def test_a_large_tensor_is_cut_into_stretches_that_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditor.compare._engine.STRETCH", 2)
    one, two = normal(1000), normal(1000)
    two[777] += 1
    found = compare_weights(
        read(make_arrays({"t": one})), read(make_arrays({"t": two})), threads=3, chunk=16
    ).tensors[0]
    assert (found.elements, found.differing, found.first) == (1000, 1, 777)


FLOATS = st.floats(width=32) | st.sampled_from([0.0, -0.0, NAN, INF, -INF, 1e-45, -1e-45, 3e38])


@given(st.lists(st.tuples(FLOATS, FLOATS), min_size=1, max_size=40), st.sampled_from(["<f4", "<f2", "<f8"]))
def test_agrees_with_the_definitions_and_is_symmetric(values: list[tuple[float, float]], word: str) -> None:
    """In float64, element by element; ULP by walking the numbers of the dtype as ordered integers."""
    with numpy.errstate(over="ignore"):
        one, two = (numpy.array(side).astype(word) for side in zip(*values, strict=True))
    base, head = read(make_arrays({"t": one, "u": one[:1]})), read(make_arrays({"t": two, "u": one[:1]}))
    found, back = compare_weights(base, head).tensors, compare_weights(head, base).tensors
    if not found:
        assert one.tobytes() == two.tobytes()
        return
    a, b = one.astype("f8"), two.astype("f8")
    apart = (a != b) & ~(numpy.isnan(a) & numpy.isnan(b))
    if found[0].unread is not None:
        assert word == "<f8"
        return
    assert found[0].differing == apart.sum() == back[0].differing
    assert found[0].first == (int(apart.argmax()) if apart.any() else None)
    both = numpy.isfinite(a) & numpy.isfinite(b)
    assert (
        found[0].sign_flips
        == int((numpy.sign(a[both]) * numpy.sign(b[both]) < 0).sum())
        == back[0].sign_flips
    )
    assert (found[0].base_nan, found[0].head_inf) == (numpy.isnan(a).sum(), numpy.isinf(b).sum())
    assert found[0].max_ulp == max(
        (ulps(x, y, word) for x, y in zip(one[both], two[both], strict=True)), default=0
    )
    assert found[0].max_ulp == back[0].max_ulp
    gap = abs(a[both] - b[both])
    assert found[0].max_abs == pytest.approx(gap.max(initial=0.0), rel=1e-6)
    assert (found[0].relative_l2, found[0].cosine) == pytest.approx((back[0].relative_l2, back[0].cosine))


def ulps(one: Any, two: Any, word: str) -> int:
    size = int(word[2])
    form = {2: "<h", 4: "<i", 8: "<q"}[size]

    def place(value: Any) -> int:
        code = int(struct.unpack(form, value.tobytes())[0])
        return code if code >= 0 else -(code + 2 ** (8 * size - 1))

    return abs(place(one) - place(two))


@given(st.lists(st.tuples(*[st.integers(0, 255)] * 2), min_size=1, max_size=30))
def test_ulps_of_eight_bit_floats_are_steps_between_their_numbers(codes: list[tuple[int, int]]) -> None:
    """The distinct finite values sorted; -0 and 0 are one, so signed steps are compared through their ranks."""
    one, two = (bytes(side) for side in zip(*codes, strict=True))
    base, head = (read(make_safetensors({"t": ("F8_E4M3", (len(codes),), side)})) for side in (one, two))
    found = compare_weights(base, head)
    values = [side.array("t") for side in (base, head)]
    ranks = {v: i for i, v in enumerate(sorted({v for side in range(256) for v in [e4m3(side)] if v == v}))}
    steps = [abs(ranks[x] - ranks[y]) for x, y in zip(*map(list, values), strict=True) if x == x and y == y]
    assert found.proof == "equal bytes" or found.tensors[0].max_ulp == max(steps, default=0)


def e4m3(code: int) -> float:
    return float(read(make_safetensors({"t": ("F8_E4M3", (1,), bytes([code]))})).array("t")[0])


def test_dtypes_that_differ_have_no_ulp() -> None:
    base = read(make_safetensors({"t": entry(normal(9), "BF16")}))
    found = compare_weights(base, read(make_arrays({"t": base.array("t") * 2})))
    assert (found.tensors[0].max_ulp, found.tensors[0].relative_l2) == (None, 0.5)
    assert found.reshaped == (("t", "BF16 [9]", "F32 [9]"),)


def test_bfloat16_is_counted_in_its_own_ulps() -> None:
    """1.0 is 0x3F80 and 1.0078125 the next: one step of bfloat16, 65,536 of float32."""
    one, two = (make_safetensors({"t": entry(numpy.array([v], "<f4"), "BF16")}) for v in (1.0, 1.0078125))
    assert compare_weights(read(one), read(two)).tensors[0].max_ulp == 1


def test_complex_numbers() -> None:
    """|3 + 4i| = 5 and |6 + 8i| = 10; one element has a NaN part on one side."""
    one = struct.pack("<4f", 3, 4, 1, 0)
    two = struct.pack("<4f", 6, 8, 1, NAN)
    base, head = (read(make_safetensors({"t": ("C64", (2,), data)})) for data in (one, two))
    found = compare_weights(base, head).tensors[0]
    assert (found.differing, found.first, found.max_abs, found.head_nan, found.max_ulp) == (
        2,
        0,
        5.0,
        1,
        None,
    )
    assert (found.relative_l2, found.cosine) == pytest.approx((0.5, 1.0))


# Odd tensors


def test_zero_size_zero_dimensional_and_no_tensors() -> None:
    odd = {"empty": normal(0).reshape(0, 5), "one": numpy.array(1.0, "<f4")}
    two = {"empty": normal(0).reshape(0, 5), "one": numpy.array(2.0, "<f4")}
    found = compare_weights(read(make_arrays(odd)), read(make_arrays(two)))
    assert [(t.name, t.elements, t.differing, t.relative_l2) for t in found.tensors] == [
        ("empty", 0, 0, 0.0),
        ("one", 1, 1, 0.5),
    ]
    nothing = compare_weights(read(make_arrays({})), read(make_arrays({"a": normal(1)})))
    assert (nothing.equal, nothing.only_head, nothing.tensors) == (False, ("a",), ())


def test_nan_everywhere_and_denormals() -> None:
    one, two = {"n": numpy.full(9, NAN, "<f4"), "d": numpy.full(9, 1e-45, "<f4")}, {}
    two = {"n": numpy.full(9, NAN, "<f4"), "d": numpy.full(9, 3e-45, "<f4")}
    found = {t.name: t for t in compare_weights(read(make_arrays(one)), read(make_arrays(two))).tensors}
    assert (found["n"].equal, found["n"].base_nan, found["n"].cosine) == (True, 9, 1.0)
    assert (found["d"].differing, found["d"].max_ulp, found["d"].sign_flips) == (9, 1, 0)
    assert found["d"].relative_l2 == pytest.approx(0.5)


def test_constant_tensors_keep_six_digits() -> None:
    """A million times 0.1 against 0.1001: sums of equal float32 numbers round in one direction."""
    one, two = numpy.full(1_000_000, 0.1, "<f4"), numpy.full(1_000_000, 0.1001, "<f4")
    found = compare_weights(read(make_arrays({"t": one})), read(make_arrays({"t": two}))).tensors[0]
    exact = (float(two[0]) - float(one[0])) / float(two[0])
    assert found.relative_l2 == pytest.approx(exact, rel=2e-6)
    assert found.cosine == pytest.approx(1.0, abs=1e-9)


# Torch files


def torch_file(value: object, byteorder: str = "little") -> ModelWeights:
    return ModelWeights.parse(blob(make_torch(value, byteorder), "pytorch_model.bin"))


@pytest.mark.parametrize("byteorder", ["little", "big"])
def test_torch_files_are_compared_with_safetensors(byteorder: str) -> None:
    """A transposed view and a slice are gathered by their strides: [i, j] is storage[offset + i * s0 + j * s1]."""
    values = [float(v) for v in range(10)]
    stored = {
        "plain": Tensor(values, (5, 2)),
        "turned": Tensor(values, (2, 3), stride=(1, 2), offset=3),
        "cut": Tensor(values, (3, 2), stride=(3, 1)),
    }
    expected = {
        "plain": numpy.arange(10, dtype="<f4").reshape(5, 2),
        "turned": numpy.array([[3, 5, 7], [4, 6, 8]], "<f4"),
        "cut": numpy.array([[0, 1], [3, 4], [6, 7]], "<f4"),
    }
    found = compare_weights(torch_file(stored, byteorder), read(make_arrays(expected)), chunk=4)
    assert found.equal
    expected["turned"][1, 2] = -1
    other = compare_weights(torch_file(stored, byteorder), read(make_arrays(expected)), chunk=4)
    assert [(t.name, t.first, t.max_abs) for t in other.tensors if not t.equal] == [("turned", 5, 9.0)]


def test_a_tensor_scattered_too_widely_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neighbours of the column are 5 elements apart, 24 bytes from the first to the end of the second."""
    monkeypatch.setattr("auditor.compare._sources.SPREAD_LIMIT", 16)
    monkeypatch.setattr("auditor.compare._sources._HALVINGS", 1)
    turned = {"t": Tensor(range(10), (2, 2), stride=(1, 5)), "u": Tensor([1, 2], (2,))}
    other = {"t": Tensor(range(10), (2, 2)), "u": Tensor([1, 3], (2,))}
    found = compare_weights(torch_file(turned), torch_file(other)).tensors
    assert found[0].unread == "scatters tensor 't' over 24 bytes of its storage (strides), too many to gather"
    assert found[1].first == 1


def test_rows_cut_from_a_wider_tensor_are_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditor.compare._sources.SPREAD_LIMIT", 16)
    rows = {"t": Tensor(range(40), (8, 2), stride=(5, 1))}
    expected = numpy.arange(40, dtype="<f4").reshape(8, 5)[:, :2]
    found = compare_weights(torch_file(rows), read(make_arrays({"t": expected})))
    assert [(t.name, t.equal, t.elements) for t in found.tensors] == [("t", True, 16)]


# Shards


def shard(number: int, arrays: dict[str, NDArray[Any]], total: int = 2) -> ModelWeights:
    return read(make_arrays(arrays), f"m/model-{number:05d}-of-{total:05d}.safetensors")


def index(weight_map: dict[str, str]) -> WeightIndex:
    return WeightIndex.parse(json_blob({"weight_map": weight_map}, "m/model.safetensors.index.json"))


def test_shards_are_one_set_however_they_are_cut() -> None:
    a, b, c = normal(4), normal(5, 1), normal(6, 2)
    one = WeightSet.of([shard(1, {"a": a, "b": b}), shard(2, {"c": c})])
    found = compare_weights(one, read(make_arrays({"a": a, "b": b, "c": c})))
    assert (found.equal, found.notes, len(found.tensors)) == (True, (), 3)
    cut = WeightSet.of([shard(1, {"a": a}), shard(2, {"b": b, "c": 2 * c})])
    assert [t.equal for t in compare_weights(one, cut).tensors] == [True, True, False]


def test_a_tensor_in_two_shards_is_said() -> None:
    one = WeightSet.of([shard(1, {"a": normal(4)}), shard(2, {"a": normal(4, 1), "b": normal(2)})])
    found = compare_weights(one, read(make_arrays({"a": normal(4), "b": normal(2)})))
    first, second = (f"m/model-0000{n}-of-00002.safetensors" for n in (1, 2))
    assert found.notes == (
        f"tensor 'a' is in {first} and in {second}, and loaders differ in which they take",
    )
    assert all(t.equal for t in found.tensors)


def test_a_missing_shard_is_said_and_its_tensors_are_not_taken_for_removed() -> None:
    whole = read(make_arrays({"a": normal(4), "b": normal(2)}))
    missing = WeightSet.of([shard(1, {"a": normal(4)})])
    found = compare_weights(missing, whole)
    name = "model-00002-of-00002.safetensors"
    assert found.notes == (f"the shard '{name}' is missing",)
    assert (found.equal, found.complete, found.only_head) == (False, False, ())
    assert [(t.name, t.unread) for t in found.tensors] == [
        ("a", None),
        ("b", "tensor 'b' is on one side only, and shards of the other are not here"),
    ]
    known = WeightSet.of(
        [shard(1, {"a": normal(4)})],
        index({"a": "model-00001-of-00002.safetensors", "b": name}),
        {f"m/{name}": "is empty"},
    )
    assert compare_weights(known, whole).tensors[1].unread == f"m/{name} is empty"


def test_an_index_that_points_outside_is_said() -> None:
    one = WeightSet.of(
        [shard(1, {"a": normal(4)}, 1)],
        index(
            {
                "a": "model-00001-of-00001.safetensors",
                "b": "../secret.safetensors",
                "c": "model-00001-of-00001.safetensors",
            }
        ),
    )
    found = compare_weights(one, read(make_arrays({"a": normal(4), "b": normal(2)})))
    assert found.notes == (
        "the index names the shard '../secret.safetensors', which does not lie beside it",
        "the index names 'model-00001-of-00001.safetensors' for tensor 'c', which is not there",
    )
    assert [(t.name, t.equal) for t in found.tensors] == [("a", True), ("b", False)]


def test_thousands_of_shards_that_a_name_claims_are_said_in_few_words() -> None:
    found = WeightSet.of([shard(1, {"a": normal(4)}, 99_999)])
    assert len(found.problems) == 21
    assert found.problems[-1] == "and 9,979 more of the kind"
    assert not found.complete


def test_files_of_any_size_pass_through_little_memory(tmp_path: Path) -> None:
    """Two files of 300 MB, one number of which differs: VmHWM of a whole process."""
    begin = with_header('{"t":{"dtype":"F32","shape":[75000000],"data_offsets":[0,300000000]}}')
    for name, last in (("a", b"\0"), ("b", b"\x3f")):
        with (tmp_path / f"{name}.safetensors").open("wb") as file:
            file.write(begin)
            file.truncate(len(begin) + 300_000_000)
            file.seek(-1, 2)
            file.write(last)
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path)], capture_output=True, text=True, check=True
    )
    first, megabytes = map(int, done.stdout.split())
    assert first == 74_999_999
    assert megabytes < 100


CHILD = """
import sys
from pathlib import Path
from auditor.artifacts.model_weights import ModelWeights
from auditor.compare.tensors import compare_weights
from auditor.sources.directory import snapshot
one, two = map(ModelWeights.parse, snapshot(Path(sys.argv[1])).files.values())
found = compare_weights(one, two, 2)
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(found.tensors[0].first, int(status["VmHWM"].split()[0]) // 1024)
"""


def test_equal_digests_of_all_shards_are_not_read() -> None:
    def sides(second: str) -> WeightSet:
        digests = Digest("sha256", "1" * 64), Digest("sha256", second * 64)
        return WeightSet.of(
            [
                AdapterWeights.parse(
                    blob(make_arrays({str(n): normal(3, ord(second))}), f"{n}.safetensors", oid)
                )
                for n, oid in enumerate(digests)
            ]
        )

    assert compare_weights(sides("2"), sides("2")).proof == "equal sha256"
    assert compare_weights(sides("2"), sides("3")).proof == "numbers"


@pytest.mark.rerun
@pytest.mark.parametrize("is_zip", [True, False])
def test_torch_files_of_every_dtype(tmp_path: Path, is_zip: bool) -> None:
    """Written by torch, whole and as views, read back by torch as float32 or as they are."""
    import torch

    words = (
        *("float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"),
        *("uint16", "uint32", "uint64", "complex64", "float8_e4m3fn", "float8_e5m2"),
        *("float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"),
    )
    base = torch.arange(24).remainder(7).reshape(4, 6)
    saved = {word: base.to(getattr(torch, word)) for word in words}
    saved.update({f"{word} turned": tensor.T for word, tensor in saved.items()})
    path = tmp_path / "pytorch_model.bin"
    torch.save(saved, path, _use_new_zipfile_serialization=is_zip)
    found = on_disk(tmp_path, path.read_bytes(), path.name)
    for name, tensor in saved.items():
        plain = tensor.float() if tensor.is_floating_point() and tensor.dtype != torch.float64 else tensor
        assert found.array(name).tolist() == plain.tolist(), name
    arrays = {name: found.array(name) for name in saved if name.split()[0] in ("float32", "float16", "int64")}
    again = compare_weights(found, read(make_arrays(arrays)))
    assert {t.name for t in again.tensors if t.equal} == set(arrays)
    assert compare_weights(found, torch_copy(found)).equal


def torch_copy(weights: ModelWeights) -> ModelWeights:
    """The same file behind a stream in memory, with a byte after its end so that it is another file."""
    assert weights.blob is not None
    data = weights.blob.read()
    return ModelWeights.parse(blob(data + b"\0" if data[:2] != b"PK" else data, weights.path))
