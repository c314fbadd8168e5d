"""adapter_model.safetensors: headers checked to the byte, names sorted out, values decoded."""

import io
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import pytest
import safetensors
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import save

from auditor.artifacts import pickle_archive
from auditor.artifacts._safetensors import BITS, safetensors_header
from auditor.artifacts.adapter_weights import AdapterWeights, split_name
from auditor.errors import CannotRead
from auditor.model import Digest
from tests.builders.blobs import blob
from tests.builders.pickles import Tensor, make_torch
from tests.builders.safetensors import entry, make_adapter, make_arrays, make_safetensors, with_header

NAME = "adapter_model.safetensors"


def read(data: bytes, path: str = NAME) -> AdapterWeights:
    return AdapterWeights.parse(blob(data, path))


def reason(data: bytes) -> str:
    with pytest.raises(CannotRead) as caught:
        read(data)
    assert caught.value.state == "unreadable"
    return caught.value.reason


def one(text: str, data: bytes = b"", **header: Any) -> bytes:
    """A file with one tensor ``t`` whose header entry is ``text``."""
    return with_header(f'{{"t":{text}}}', data, **header)


def test_tensors_stand_at_their_bytes() -> None:
    array = numpy.arange(6, dtype="<f4").reshape(2, 3)
    data = make_arrays({"a": array, "b": array[:1]}, {"format": "pt"})
    weights = read(data)
    header = int.from_bytes(data[:8], "little")
    assert (weights.format, weights.size, dict(weights.metadata)) == (
        "safetensors",
        len(data),
        {"format": "pt"},
    )
    assert [(t.name, t.dtype, t.shape) for t in weights.tensors.values()] == [
        ("a", "F32", (2, 3)),
        ("b", "F32", (1, 3)),
    ]
    assert [(t.begin, t.end, t.nbytes, t.elements) for t in weights.tensors.values()] == [
        (8 + header, 8 + header + 24, 24, 6),
        (8 + header + 24, 8 + header + 36, 12, 3),
    ]


def test_only_the_header_is_read() -> None:
    data = make_arrays({"a": numpy.zeros(1000, dtype="<f4")})
    header = 8 + int.from_bytes(data[:8], "little")

    class Counting(io.BytesIO):
        count = 0

        def read(self, size: int | None = -1, /) -> bytes:
            found = super().read(size)
            Counting.count += len(found)
            return found

    safetensors_header(Counting(data), len(data))
    assert Counting.count == header


CASES: list[tuple[str, bytes, str]] = [
    ("empty", b"", "is empty"),
    ("seven bytes", b"\0" * 7, "is 7 bytes long, too short for a safetensors header"),
    (
        "absurd length",
        struct.pack("<Q", 100_000_001),
        "declares a header of 100000001 bytes, more than the format's 100000000",
    ),
    (
        "length beyond the file",
        with_header("{}", length=3),
        "declares a header of 3 bytes but the file has 10",
    ),
    ("leading blank", with_header(" {}"), "is no safetensors file: its header does not begin with '{'"),
    ("empty header", with_header(""), "is no safetensors file: its header does not begin with '{'"),
    ("array", with_header("[]"), "is no safetensors file: its header does not begin with '{'"),
    ("not UTF-8", with_header(b'{"\xff":1}'), "has a header that is not UTF-8 text (byte 2)"),
    (
        "not JSON",
        with_header("{"),
        "has a header that is not valid JSON: Expecting property name enclosed in double quotes at byte 1",
    ),
    ("NaN", one("NaN"), "has a header that is not valid JSON: it holds NaN"),
    (
        "deep",
        with_header('{"t":' + "[" * 100_000 + "]" * 100_000 + "}"),
        "has a header that is nested too deeply or holds an absurd number",
    ),
    (
        "absurd number",
        with_header('{"t":' + "9" * 5000 + "}"),
        "has a header that is nested too deeply or holds an absurd number",
    ),
    (
        "duplicate name",
        with_header(
            '{"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
            b"x",
        ),
        "has a header that names 't' twice",
    ),
    (
        "duplicate key",
        one('{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}', b"x"),
        "has a header that names 'dtype' twice",
    ),
    (
        "metadata is no object",
        with_header('{"__metadata__":[]}'),
        "has a header whose __metadata__ is a JSON array, not an object",
    ),
    (
        "metadata number",
        with_header('{"__metadata__":{"step":1}}'),
        "has a header whose __metadata__ entry 'step' is no string",
    ),
    ("no object", one("7"), "describes tensor 't' by a JSON number, not an object"),
    (
        "unknown dtype",
        one('{"dtype":"F128","shape":[1],"data_offsets":[0,16]}', b"x" * 16),
        "gives tensor 't' the unknown dtype 'F128'",
    ),
    (
        "no dtype",
        one('{"shape":[1],"data_offsets":[0,1]}', b"x"),
        "gives tensor 't' the unknown dtype 'None'",
    ),
    (
        "shape of booleans",
        one('{"dtype":"U8","shape":[true],"data_offsets":[0,1]}', b"x"),
        "gives tensor 't' a shape that is no list of sizes",
    ),
    (
        "negative size",
        one('{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}', b"x"),
        "gives tensor 't' a shape that is no list of sizes",
    ),
    (
        "three offsets",
        one('{"dtype":"U8","shape":[1],"data_offsets":[0,1,1]}', b"x"),
        "gives tensor 't' data_offsets that are no pair of numbers",
    ),
    (
        "fractional offset",
        one('{"dtype":"U8","shape":[1],"data_offsets":[0,1.0]}', b"x"),
        "gives tensor 't' data_offsets that are no pair of numbers",
    ),
    (
        "backwards",
        one('{"dtype":"U8","shape":[1],"data_offsets":[1,0]}', b"x"),
        "gives tensor 't' data that end before they begin (1 to 0)",
    ),
    (
        "truncated",
        one('{"dtype":"F32","shape":[2],"data_offsets":[0,8]}', b"x" * 7),
        "ends before the data of tensor 't', at byte 8 of 7 of the data",
    ),
    (
        "too few bytes",
        one('{"dtype":"F32","shape":[2],"data_offsets":[0,4]}', b"x" * 4),
        "gives tensor 't' 4 bytes where F32 [2] needs another number",
    ),
    (
        "product overflows 64 bits to 0",
        one('{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}'),
        "gives tensor 't' 0 bytes where U8 [4294967296, 4294967296] needs another number",
    ),
    (
        "half a byte",
        one('{"dtype":"F4","shape":[1],"data_offsets":[0,1]}', b"x"),
        "gives tensor 't' 1 bytes where F4 [1] needs another number",
    ),
    (
        "a thousand dimensions",
        one(f'{{"dtype":"U8","shape":{[2] * 1000},"data_offsets":[0,1]}}', b"x"),
        "gives tensor 't' 1 bytes where U8 with 1000 dimensions needs another number",
    ),
    (
        "overlap",
        with_header(
            '{"t":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"u":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}',
            b"xyz",
        ),
        "lets the data of tensor 'u' overlap those of another tensor",
    ),
    (
        "gap",
        with_header(
            '{"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"u":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}',
            b"xyz",
        ),
        "leaves 1 bytes unused before tensor 'u'",
    ),
    (
        "hidden tail",
        one('{"dtype":"U8","shape":[1],"data_offsets":[0,1]}', b"xPK"),
        "holds 2 bytes behind its last tensor",
    ),
    (
        "long name",
        with_header(json.dumps({"n" * 500: 1})),
        f"describes tensor '{'n' * 120}…' by a JSON number, not an object",
    ),
]


@pytest.mark.parametrize(("data", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_hostile_headers(data: bytes, expected: str) -> None:
    assert reason(data) == expected


def test_every_dtype_of_the_library_has_its_size() -> None:
    """Names and bits as in safetensors' `Dtype` (tensor.rs): what the library accepts is accepted here."""
    for word, bits in BITS.items():
        elements = 8 // min(bits, 8) if bits != 6 else 4
        nbytes = elements * bits // 8
        data = one(f'{{"dtype":"{word}","shape":[{elements}],"data_offsets":[0,{nbytes}]}}', b"\0" * nbytes)
        assert accepted(data)
        assert read(data).tensors["t"].elements == elements


def library(data: bytes) -> list[tuple[str, dict[str, Any]]] | None:
    """What safetensors itself reads, None when it refuses."""
    try:
        return list(safetensors.deserialize(data))  # type: ignore[no-untyped-call]
    except safetensors.SafetensorError:
        return None


def accepted(data: bytes) -> bool:
    return library(data) is not None


GOOD = make_arrays(
    {"a": numpy.arange(3, dtype="<f4"), "b": numpy.ones((2, 1), dtype="<f2")}, {"format": "pt"}
)


@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=3))
def test_accepts_what_the_library_accepts(edits: list[tuple[int, int]]) -> None:
    """The one wilful difference, duplicate names, needs more than three changed bytes here."""
    data = bytearray(GOOD)
    for position, value in edits:
        data[position] = value
    try:
        ours = read(bytes(data))
    except CannotRead:
        assert not accepted(bytes(data))
        return
    found = library(bytes(data))
    assert found is not None
    theirs = {name: (info["dtype"], tuple(info["shape"])) for name, info in found}
    assert {t.name: (t.dtype, t.shape) for t in ours.tensors.values()} == theirs


def test_every_truncation_is_refused() -> None:
    for length in range(len(GOOD)):
        assert reason(GOOD[:length])


@given(st.binary(max_size=40), st.binary(max_size=20))
def test_any_header_is_judged_as_the_library_does(header: bytes, data: bytes) -> None:
    whole = with_header(b"{" + header, data)
    try:
        read(whole)
    except CannotRead:
        assert not accepted(whole)
    else:
        assert accepted(whole)


@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8"), max_size=12).filter(lambda name: name != "__metadata__"),
        st.tuples(
            st.sampled_from(["<f8", "<f4", "<f2", "<i8", "u1", "?"]), st.lists(st.integers(0, 4), max_size=3)
        ),
        max_size=5,
    )
)
def test_reads_what_the_library_writes(described: dict[str, tuple[str, list[int]]]) -> None:
    generator = numpy.random.default_rng(0)
    arrays = {
        name: numpy.asarray(generator.random(shape) * 9).astype(word).reshape(shape)
        for name, (word, shape) in described.items()
    }
    weights = read(save(arrays))
    assert set(weights.tensors) == set(arrays)
    for name, array in arrays.items():
        found = weights.array(name)
        assert found.dtype == array.dtype
        assert found.shape == array.shape
        assert found.tobytes() == array.tobytes()


def test_bfloat16_is_the_upper_half_of_float32() -> None:
    """1.0, -2.5, 3.140625 (pi in bfloat16), smallest normal, infinity, NaN: bits from the IEEE 754 layout."""
    bits = [0x3F80, 0xC020, 0x4049, 0x0080, 0x7F80, 0x7FC0]
    weights = read(make_safetensors({"t": ("BF16", (2, 3), struct.pack("<6H", *bits))}))
    found = weights.array("t")
    assert found.dtype == numpy.float32
    assert found.reshape(-1)[:5].tolist() == [1.0, -2.5, 3.140625, 2.0**-126, float("inf")]
    assert numpy.isnan(found[1, 2])


def test_chunks_cover_the_tensor_in_order() -> None:
    array = numpy.arange(10, dtype="<f4")
    weights = read(make_arrays({"before": array, "t": array + 100}))
    chunks = list(weights.chunks("t", 4))
    assert [chunk.size for chunk in chunks] == [4, 4, 2]
    assert numpy.concatenate(chunks).tolist() == (array + 100).tolist()
    assert list(read(make_arrays({"t": array[:0]})).chunks("t")) == []


def test_heads_are_the_first_elements_of_each_tensor() -> None:
    array = numpy.arange(10, dtype="<f4")
    weights = read(make_arrays({"a": array, "b": array[:2] + 100, "c": array[:0]}))
    assert [(name, head.tolist()) for name, head in weights.heads(("b", "a", "c"), 3)] == [
        ("b", [100, 101]),
        ("a", [0, 1, 2]),
        ("c", []),
    ]


def test_heads_of_a_torch_file_follow_its_strides() -> None:
    """[i, j] of the turned tensor is storage[3 + i + 2 j]."""
    values = [float(value) for value in range(10)]
    stored = {"turned": Tensor(values, (2, 3), stride=(1, 2), offset=3), "plain": Tensor(values, (5, 2))}
    weights = read(make_torch(stored), "adapter_model.bin")
    found = {name: head.tolist() for name, head in weights.heads(("turned", "plain"), 4)}
    assert found == {"turned": [3, 5, 7, 4], "plain": [0, 1, 2, 3]}


def test_small_floats_are_decoded_and_unknown_names_are_said() -> None:
    """0x61 is 0 1100 001: 1.125 * 2**(12 - 7); 0x62 is 0 1100 010: 1.25 * 32."""
    weights = read(make_safetensors({"t": ("F8_E4M3", (2,), b"ab")}))
    assert weights.array("t").tolist() == [36.0, 40.0]
    with pytest.raises(CannotRead, match="holds no tensor 'u'"):
        weights.array("u")


def test_a_file_that_shrinks_while_read_is_said() -> None:
    whole = make_arrays({"t": numpy.zeros(8, dtype="<f4")})
    streams = [io.BytesIO(whole), io.BytesIO(whole[:-4])]
    source = blob(whole, NAME)
    weights = AdapterWeights.parse(type(source)(NAME, len(whole), lambda: streams.pop(0)))
    with pytest.raises(CannotRead, match="ends in the middle of tensor 't'"):
        weights.array("t")


P = "base_model.model."
NAMES = [
    (P + "model.layers.0.q_proj.lora_A.weight", ("model.layers.0.q_proj", "a")),
    (P + "model.layers.0.q_proj.lora_B.weight", ("model.layers.0.q_proj", "b")),
    (P + "model.layers.0.q_proj.lora_B.bias", ("model.layers.0.q_proj", "bias")),
    (P + "q_proj.lora_A.default.weight", ("q_proj", "a")),
    (P + "q_proj.lora_B.my_adapter.weight", ("q_proj", "b")),
    (P + "embed_tokens.lora_embedding_A", ("embed_tokens", "a")),
    (P + "embed_tokens.lora_embedding_B.default", ("embed_tokens", "b")),
    (P + "q_proj.lora_magnitude_vector", ("q_proj", "magnitude")),
    (P + "q_proj.lora_magnitude_vector.default.weight", ("q_proj", "magnitude")),
    (P + "lm_head.base_layer.weight", ("lm_head", "base_layer")),
    (P + "experts.base_layer.lora_A.weight", ("experts.base_layer", "a")),
    (P + "experts.base_layer.base_layer.lora_B.default.weight", ("experts.base_layer.base_layer", "b")),
    (P + "q_proj.lora_A.weight.extra.weight", (("q_proj.lora_A.weight.extra.weight"), None)),
    (P + P + "bert.query.lora_A.weight", (P + "bert.query", "a")),
    (P + "classifier.weight", ("classifier.weight", None)),
    ("prompt_embeddings", ("prompt_embeddings", None)),
    (
        "unet.down_blocks.0.attn.to_q.lora.down.weight",
        ("unet.down_blocks.0.attn.to_q.lora.down.weight", None),
    ),
    ("lora_A.weight", ("lora_A.weight", None)),
    ("", ("", None)),
]


@pytest.mark.parametrize(("name", "expected"), NAMES)
def test_names_as_peft_writes_them(name: str, expected: tuple[str, str | None]) -> None:
    assert split_name(name) == expected


def zeros(*shape: int) -> NDArray[Any]:
    return numpy.zeros(shape, dtype="<f4")


def test_pairs_ranks_and_the_rest() -> None:
    names = {
        P + "q.lora_A.weight": zeros(4, 6),
        P + "q.lora_B.weight": zeros(5, 4),
        P + "q.lora_magnitude_vector": zeros(5),
        P + "embed.lora_embedding_A": zeros(2, 9),
        P + "half.lora_B.weight": zeros(5, 3),
        P + "lm_head.base_layer.weight": zeros(3, 3),
        P + "score.weight": zeros(2, 2),
        P + "q.lora_A.other.weight": zeros(1, 1),
    }
    weights = read(make_arrays(names))
    pairs = weights.pairs()
    assert list(pairs) == ["q", "embed", "half"]
    assert [pair.rank for pair in pairs.values()] == [4, 2, 3]
    assert dict(weights.ranks()) == {"q": 4, "embed": 2, "half": 3}
    assert (pairs["q"].a, pairs["q"].b) == (
        weights.tensors[P + "q.lora_A.weight"],
        weights.tensors[P + "q.lora_B.weight"],
    )
    assert pairs["q"].magnitude == weights.tensors[P + "q.lora_magnitude_vector"]
    assert [pairs["embed"].is_embedding, pairs["q"].is_embedding] == [True, False]
    assert pairs["half"].a is None
    assert weights.base_layers() == (P + "lm_head.base_layer.weight",)
    assert weights.others() == (P + "score.weight", P + "q.lora_A.other.weight")
    assert weights.module_of(P + "q.lora_magnitude_vector") == "q"


def test_facts_are_dtype_and_shape_by_name() -> None:
    weights = read(make_adapter({"q": (zeros(4, 6), zeros(5, 4))}))
    assert {key: fact.value for key, fact in weights.facts().items()} == {
        P + "q.lora_A.weight": "F32 [4, 6]",
        P + "q.lora_B.weight": "F32 [5, 4]",
        "__metadata__.format": "pt",
    }


def test_identity_is_the_promise_of_the_pointer() -> None:
    oid = Digest("sha256", "ab" * 32)
    assert AdapterWeights.parse(blob(make_arrays({}), NAME, lfs=oid)).identity == oid


def test_matches_the_two_names() -> None:
    assert AdapterWeights.matches("a/adapter_model.safetensors")
    assert AdapterWeights.matches("adapter_model.bin")
    assert not AdapterWeights.matches("model.safetensors")


def test_entry_writes_bfloat16() -> None:
    """The builder against the reader: 1.5 and -0.25 are exact in bfloat16."""
    weights = read(make_safetensors({"t": entry(numpy.array([1.5, -0.25], dtype="<f4"), "BF16")}))
    assert weights.array("t").tolist() == [1.5, -0.25]


# adapter_model.bin


@dataclass(frozen=True)
class Ref:
    """As much of a TensorRef as AdapterWeights looks at."""

    dtype: str
    shape: tuple[int, ...]
    stride: tuple[int, ...] = ()
    is_contiguous: bool = False
    numel: int = 0
    """None of its bytes is looked for."""


class Archive:
    """A pickle that was read: tensors by name, values on demand."""

    refs: Mapping[str, Ref]

    def __init__(self, refs: Mapping[str, Ref], values: Mapping[str, NDArray[Any]]) -> None:
        self.refs, self.values = refs, values

    little_endian = True

    def place(self, ref: Ref, file: object) -> int:
        return 0

    def tensor(self, ref: Ref) -> NDArray[Any]:
        return next(self.values[name] for name, known in self.refs.items() if known is ref)


def torch_file(monkeypatch: pytest.MonkeyPatch, archive: Archive, size: int) -> AdapterWeights:
    monkeypatch.setattr(pickle_archive.PickleArchive, "parse", lambda blob: archive)
    monkeypatch.setattr(pickle_archive, "tensors", lambda found: found.refs)
    return read(bytes(size), "a/adapter_model.bin")


def test_torch_files_are_read_as_pickles(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {P + "q.lora_A.weight": numpy.arange(6.0, dtype="<f4").reshape(2, 3), "n": numpy.array(7)}
    refs = {P + "q.lora_A.weight": Ref("bfloat16", (2, 3)), "n": Ref("torch.int64", ())}
    weights = torch_file(monkeypatch, Archive(refs, values), 100)
    assert (weights.format, weights.size) == ("torch", 100)
    assert [(t.dtype, t.shape, t.nbytes) for t in weights.tensors.values()] == [
        ("BF16", (2, 3), 12),
        ("I64", (), 8),
    ]
    assert weights.array("n") == 7
    assert [chunk.tolist() for chunk in weights.chunks(P + "q.lora_A.weight", 4)] == [[0, 1, 2, 3], [4, 5]]
    assert dict(weights.ranks()) == {"q": 2}


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        (Ref("float32", (10**6, 10**6)), f"gives tensor 't' {4 * 10**12} bytes but the file has 100"),
        (Ref("quint8", (1,)), "holds tensor 't' in 'quint8', which is not decoded"),
    ],
)
def test_torch_files_that_claim_too_much(monkeypatch: pytest.MonkeyPatch, ref: Ref, expected: str) -> None:
    """A stride of 0 makes one stored number a tensor of any size."""
    with pytest.raises(CannotRead) as caught:
        torch_file(monkeypatch, Archive({"t": ref}, {}), 100)
    assert caught.value.reason == expected


@pytest.mark.rerun
def test_torch_files_of_torch_itself(tmp_path: Path) -> None:
    import torch

    path = tmp_path / "adapter_model.bin"
    turned = torch.arange(6.0).reshape(2, 3).T
    torch.save({"half": torch.tensor([1.5, -2.0]).to(torch.bfloat16), "turned": turned}, path)
    weights = read(path.read_bytes(), path.name)
    assert weights.array("half").tolist() == [1.5, -2.0]
    assert weights.array("turned").tolist() == [[0, 3], [1, 4], [2, 5]]
    assert [chunk.tolist() for chunk in weights.chunks("turned", 4)] == [[0, 3, 1, 4], [2, 5]]
