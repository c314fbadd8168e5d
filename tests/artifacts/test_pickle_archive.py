import contextlib
import io
import pickle
import struct
import subprocess
import sys
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.artifacts._pickle_decode import _OPCODES
from auditor.artifacts._pickle_values import (
    EnumValue,
    Instance,
    NumpyArrayRef,
    Opaque,
    TensorRef,
    bounded,
    plain,
)
from auditor.artifacts.pickle_archive import PickleArchive, tensors
from auditor.errors import CannotRead
from tests.builders import pickles
from tests.builders.blobs import blob
from tests.builders.pickles import (
    EVIL,
    Call,
    Global,
    New,
    Opcodes,
    Tensor,
    dumps,
    make_torch,
    named,
    torch_zip,
)
from tests.builders.repositories import contents

NAMESPACE = "transformers.training_args.TrainingArguments"


def parsed(data: bytes, path: str = "folder/file.bin") -> PickleArchive:
    return PickleArchive.parse(blob(data, path))


def reason(data: bytes) -> str:
    with pytest.raises(CannotRead) as caught:
        parsed(data)
    return caught.value.reason


def calls(value: object) -> list[str]:
    return [call.callable for call in parsed(make_torch(value)).unsafe]


# --- values -----------------------------------------------------------------------------------------------------


VALUES: list[object] = [
    *(
        None,
        True,
        False,
        0,
        -1,
        255,
        65536,
        -(2**40),
        2**70,
        0.5,
        float("inf"),
        "",
        "text",
        "é\n",
        b"",
        b"\x00\xff",
    ),
    *(
        [],
        [1, [2, [3]]],
        (),
        (1,),
        (1, 2),
        (1, 2, 3),
        (1, 2, 3, 4),
        {},
        {"a": {"b": (1.5, None)}},
        {7: "x", 0: "y"},
    ),
    *({"k": ["v"] * 300}, "x" * 70_000),
]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:20])
def test_plain_values_read_as_python_reads_them(value: object, protocol: int) -> None:
    assert parsed(pickle.dumps(value, protocol)).value == value


plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text(), inner)
        | st.tuples(inner, inner)
        | st.lists(inner).map(tuple)
    ),
    max_leaves=30,
)


@given(plain_values, st.sampled_from(range(pickle.HIGHEST_PROTOCOL + 1)))
@settings(max_examples=150, deadline=None)
def test_any_plain_value_survives_pickling_and_our_reading(value: object, protocol: int) -> None:
    assert parsed(pickle.dumps(value, protocol)).value == value


def test_a_value_that_holds_itself_is_read() -> None:
    value: list[object] = []
    value.append(value)
    found = parsed(pickle.dumps(value, 2)).value
    assert isinstance(found, list)
    assert found[0] is found
    assert plain(found, 3) == [[["..."]]]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_numpy_arrays_and_scalars_are_read_as_bytes_and_numbers(protocol: int) -> None:
    array = np.arange(6, dtype=np.uint32).reshape(2, 3)
    value = {"array": array, "scalar": np.float64(1.25), "big": array.astype(">i2"), "flag": np.bool_(True)}
    archive = parsed(pickle.dumps(value, protocol))
    found = archive.value
    assert isinstance(found, dict)
    assert archive.unsafe == ()
    assert archive.unknown_globals == ()
    ours = found["array"]
    assert isinstance(ours, NumpyArrayRef)
    assert (ours.dtype, ours.shape, ours.data) == ("<u4", (2, 3), array.tobytes())
    assert (found["big"].dtype, found["big"].data) == (">i2", array.astype(">i2").tobytes())
    assert found["scalar"].number == 1.25
    assert found["flag"].number is True


def test_enum_members_are_read_by_value_and_by_name() -> None:
    by_value = Call(named("transformers.trainer_utils.SchedulerType"), ("cosine",))
    hub = Call(
        Global("__builtin__", "getattr"), (named("transformers.trainer_utils.HubStrategy"), "EVERY_SAVE")
    )
    kind = (named("accelerate.utils.dataclasses.DistributedType"), "MULTI_GPU")
    archive = parsed(make_torch([by_value, hub, Call(Global("__builtin__", "getattr"), kind)]))
    # transformers 4.51.3 trainer_utils.py: EVERY_SAVE = "every_save"; accelerate: MULTI_GPU = "MULTI_GPU".
    assert [str(item) for item in plain_list(archive.value)] == ["cosine", "every_save", "MULTI_GPU"]
    assert archive.unsafe == ()
    assert archive.unknown_globals == ()


def plain_list(value: object) -> list[object]:
    assert isinstance(value, list)
    return value


def test_an_enum_of_a_known_library_that_is_not_listed_is_unknown_and_not_unsafe() -> None:
    archive = parsed(make_torch(Call(named("trl.trainer.new_config.NewStrategy"), ("often",))))
    assert archive.value == EnumValue("trl.trainer.new_config.NewStrategy", "often")
    assert archive.unknown_globals == ("trl.trainer.new_config.NewStrategy",)
    assert archive.unsafe == ()


def test_vllm_sampling_parameters_are_a_record() -> None:
    record = Call(named("vllm.sampling_params.SamplingParams"), (1, None, 0.5))
    found = parsed(make_torch(record))
    assert isinstance(found.value, Instance)
    assert found.value.arguments == (1, None, 0.5)
    assert found.unsafe == ()


def test_a_class_of_ones_own_is_unknown_and_its_attributes_are_read() -> None:
    archive = parsed(make_torch(New(Global("hparams.arguments", "MyArguments"), {"lr": 0.1})))
    assert isinstance(archive.value, Instance)
    assert archive.value.state == {"lr": 0.1}
    assert archive.unknown_globals == ("hparams.arguments.MyArguments",)
    assert archive.unsafe == ()


# --- tensors ----------------------------------------------------------------------------------------------------


def test_tensors_are_read_lazily_in_their_shape() -> None:
    archive = parsed(make_torch({"w": Tensor(range(6), (2, 3)), "e": Tensor([], (0, 4))}))
    refs = tensors(archive)
    assert refs["w"] == TensorRef("float32", (2, 3), (3, 1), 0, "0", 6)
    assert archive.tensor(refs["w"]).tolist() == [[0, 1, 2], [3, 4, 5]]
    assert archive.tensor(refs["e"]).shape == (0, 4)


def test_strides_and_offsets_are_respected() -> None:
    values = range(10)
    turned = Tensor(values, (2, 2), stride=(1, 3), offset=4)
    repeated = Tensor(values, (3, 2), stride=(0, 1), offset=8)
    archive = parsed(make_torch({"turned": turned, "repeated": repeated}))
    refs = tensors(archive)
    # element [i, j] is storage[offset + i * stride[0] + j * stride[1]]
    assert archive.tensor(refs["turned"]).tolist() == [[4, 7], [5, 8]]
    assert archive.tensor(refs["repeated"]).tolist() == [[8, 9]] * 3


def test_bfloat16_is_the_upper_half_of_float32_and_big_endian_is_turned() -> None:
    # 0x3FC0 is 1.5 and 0xC000 is -2: sign, eight exponent bits and the first seven of the fraction.
    value = {"w": Tensor([0x3FC0, 0xC000], (2,), "bfloat16"), "f": Tensor([1.5, -2.0], (2,))}
    for order in ("little", "big"):
        archive = parsed(make_torch(value, byteorder=order))
        found = {name: archive.tensor(ref).tolist() for name, ref in tensors(archive).items()}
        assert found == {"w": [1.5, -2.0], "f": [1.5, -2.0]}


@pytest.mark.parametrize(
    ("tensor", "says"),
    [
        (Tensor(range(4), (5,)), "reaches beyond its storage"),
        (Tensor(range(4), (2,), stride=(4,)), "reaches beyond its storage"),
        (Tensor(range(4), (4,), offset=1), "reaches beyond its storage"),
        (Tensor(range(4), (1,), offset=2**61), "reaches beyond its storage"),
        (Tensor([1.0], (2**30, 2**30), stride=(0, 0)), "on a storage of 1"),
        (Tensor([], (2**61, 2**61, 0)), "impossible shape"),
    ],
)
def test_tensors_that_lie_about_their_place_are_not_read(tensor: Tensor, says: str) -> None:
    archive = parsed(make_torch({"w": tensor}))
    with pytest.raises(CannotRead, match=says):
        archive.tensor(tensors(archive)["w"])


def test_a_storage_that_is_missing_short_or_compressed_is_not_read() -> None:
    writer = pickles.Writer()
    data = writer.dumps({"w": Tensor(range(4), (4,))})
    for storages, compression, says in (
        ({}, zipfile.ZIP_STORED, "has no 16 bytes"),
        ({"0": bytes(15)}, zipfile.ZIP_STORED, "has no 16 bytes"),
        (writer.storages, zipfile.ZIP_DEFLATED, "compressed"),
    ):
        archive = parsed(torch_zip(data, storages, compression=compression))
        with pytest.raises(CannotRead, match=says):
            archive.tensor(tensors(archive)["w"])


def test_a_state_dict_with_a_tensor_built_in_another_way_is_refused() -> None:
    odd = Call(named("torch._utils._rebuild_sparse_tensor"), (1, 2))
    archive = parsed(make_torch({"w": Tensor([1.0], (1,)), "odd": odd}))
    assert archive.unsafe == ()
    with pytest.raises(CannotRead, match=r"makes 'odd' by torch\._utils\._rebuild_sparse_tensor"):
        tensors(archive)


@pytest.mark.parametrize("key", ["state_dict", "model"])
def test_one_level_of_nesting_is_looked_through(key: str) -> None:
    assert set(tensors(parsed(make_torch({key: {"w": Tensor([1.0], (1,))}, "epoch": 3})))) == {"w"}


# --- code in pickles --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(EVIL))
def test_the_evil_files_run_when_pickle_reads_them(kind: str, tmp_path: Path) -> None:
    data = dumps(EVIL[kind](f"touch {tmp_path}/canary"))
    program = "import pickle, sys; pickle.loads(sys.stdin.buffer.read())"
    subprocess.run([sys.executable, "-S", "-c", program], input=data, capture_output=True, check=False)
    assert (tmp_path / "canary").exists(), "the test file below would prove nothing"


def _zip(value: object) -> bytes:
    return make_torch(value)


def _legacy_keys(value: object) -> bytes:
    return pickles.make_legacy({}, value)


def _appended(value: object) -> bytes:
    return dumps({}) + dumps(value)


def _second_in_zip(value: object) -> bytes:
    return torch_zip(dumps({}), more=[("archive/data/other.pkl", dumps(value))])


def _same_name(value: object) -> bytes:
    with pytest.warns(UserWarning, match="Duplicate name"):
        return torch_zip(dumps({}), more=[("archive/data.pkl", dumps(value))])


def _other_case(value: object) -> bytes:
    return torch_zip(dumps({}), more=[("archive/DATA.PKL", dumps(value))])


def _compressed(value: object) -> bytes:
    return torch_zip(dumps(value), compression=zipfile.ZIP_DEFLATED)


CONTAINERS: list[Callable[[object], bytes]] = [
    *(
        _zip,
        dumps,
        pickles.make_legacy,
        _legacy_keys,
        _appended,
        _second_in_zip,
        _same_name,
        _other_case,
        _compressed,
    )
]


@pytest.mark.parametrize("container", CONTAINERS, ids=lambda function: function.__name__)
@pytest.mark.parametrize("kind", sorted(EVIL))
def test_evil_calls_are_named_and_never_made(
    kind: str, container: Callable[[object], bytes], tmp_path: Path
) -> None:
    modules = set(sys.modules)
    archive = parsed(container(EVIL[kind](f"touch {tmp_path}/canary")))
    archive.facts()
    assert archive.unsafe
    shown = " ".join(f"{call.callable} {call.argument}" for call in archive.unsafe)
    assert "system" in shown
    assert not (tmp_path / "canary").exists()
    assert set(sys.modules) == modules


def test_a_call_is_told_with_its_argument_and_its_place() -> None:
    data = dumps([1, Call(Global("posix", "system"), ("echo PWNED",))])
    (call,) = parsed(data).unsafe
    assert (call.callable, call.argument) == ("posix.system", "('echo PWNED')")
    assert data[call.offset : call.offset + 1] == b"R"


def test_what_follows_a_refused_call_is_still_read() -> None:
    archive = parsed(make_torch({"a": Call(Global("os", "getcwd")), "b": [1, 2]}))
    assert archive.value == {"a": Opaque("os.getcwd"), "b": [1, 2]}


ENUM = named("transformers.trainer_utils.HubStrategy")
GETATTR = Global("builtins", "getattr")
ARGUMENTS = named(NAMESPACE)


@pytest.mark.parametrize(
    ("value", "called"),
    [
        (Call(GETATTR, (ENUM, "__class__")), "builtins.getattr"),
        (Call(GETATTR, (ENUM, "mro")), "builtins.getattr"),
        (Call(GETATTR, (ENUM, "A" + chr(10))), "builtins.getattr"),
        (Call(GETATTR, (ENUM,)), "builtins.getattr"),
        (Call(GETATTR, (Global("os", "system"), "NAME")), "builtins.getattr"),
        (Call(Global("transformers.utils", "os.system", stack=True), ("x",)), "transformers.utils.os.system"),
        (
            Call(Global("transformers", "Trainer.__init__", stack=True), ("x",)),
            "transformers.Trainer.__init__",
        ),
        (Call(named("vllm.LLM"), ("somebody/model",)), "vllm.LLM"),
        (Call(named("transformers.pipeline"), ("x",)), "transformers.pipeline"),
        (Call(Global("transformersx.utils", "SomeType"), ("x",)), "transformersx.utils.SomeType"),
        (Call(Global("torch.storage", "_load_from_bytes"), (b"",)), "torch.storage._load_from_bytes"),
        (Call(Global("torch.hub", "load"), ("x",)), "torch.hub.load"),
        (Call(Call(ARGUMENTS, ()), ("x",)), f"the result of {NAMESPACE}"),
        (Call(New(ARGUMENTS), ("x",)), f"an object ({NAMESPACE})"),
        (New(Global("subprocess", "Popen"), {"args": "x"}), "subprocess.Popen"),
        (New(Call(Global("os", "x"))), "the result of os.x"),
        (
            Call(Global("copyreg", "_reconstructor"), (ARGUMENTS, named("code.X"), "x")),
            "copyreg._reconstructor",
        ),
        (Call(Global("copyreg", "_reconstructor"), (ARGUMENTS,)), "copyreg._reconstructor"),
        (Call(Global("copyreg", "__newobj__"), (named("os.X"),)), "os.X"),
        (Opcodes(b"cos\nX\n)}(X\x01\x00\x00\x00aK\x01u\x92"), "os.X"),
        (New(ARGUMENTS, {"__setstate__": 1}), f"{NAMESPACE}.__setstate__"),
        (New(ARGUMENTS, ({}, {"__class__": ENUM})), f"{NAMESPACE}.__class__"),
        (Opcodes(b"cos\nsystem\n}b"), "os.system"),
        (
            Opcodes(pickles.Writer().encode(ENUM) + b"(X\x01\x00\x00\x00at}(X\x01\x00\x00\x00aK\x01ub"),
            ENUM.module,
        ),
        (Opcodes(b"\x82\x01"), "an object of the copyreg extension registry"),
        (Opcodes(b"Psome id\n"), "a persistent object named by text"),
        (Opcodes(b"K\x01Q"), "a persistent object that is no tensor storage"),
        (Opcodes(b"\x97"), "an out-of-band buffer"),
    ],
)
def test_abuse_of_harmless_names_is_refused(value: object, called: str) -> None:
    assert called in " ".join(calls(value))


def test_state_beside_a_rebuilt_tensor_arms_nothing_unseen() -> None:
    state = {"__setstate__": Global("os", "system")}
    odd = Call(named("torch._utils._rebuild_parameter_with_state"), (None, True, {}, state))
    rebuild = named("torch._tensor._rebuild_from_type_v2")
    typed = Call(rebuild, (named("torch._utils._rebuild_tensor_v2"), named("torch.Tensor"), (), state))
    assert calls(odd) == ["torch._utils._rebuild_parameter_with_state.__setstate__"]
    assert calls(typed) == ["torch._tensor._rebuild_from_type_v2.__setstate__"]
    assert calls(Call(rebuild, (Global("os", "system"), named("torch.Tensor"), ("x",), {}))) == ["os.system"]


def test_harmless_reconstruction_is_read() -> None:
    value = Call(
        Global("copy_reg", "_reconstructor"), (ARGUMENTS, Global("__builtin__", "object"), None), {"lr": 0.5}
    )
    archive = parsed(make_torch(value))
    assert isinstance(archive.value, Instance)
    assert archive.value.state == {"lr": 0.5}
    assert (archive.unsafe, archive.unknown_globals) == ((), ())


def test_names_that_are_only_mentioned_are_unknown() -> None:
    archive = parsed(make_torch([Global("posix", "system"), Global("torch", "float32"), ENUM]))
    assert archive.unsafe == ()
    assert archive.unknown_globals == ("posix.system",)
    assert set(archive.globals) == {"posix.system", "torch.float32", "transformers.trainer_utils.HubStrategy"}


def test_names_are_fit_for_print_and_bounded() -> None:
    archive = parsed(dumps([Global("a\x1b[2J", "b", stack=True), Global("m" * 10_000, "f")]))
    assert archive.unknown_globals[0] == "a\\x1b[2J.b"
    assert len(archive.unknown_globals[1]) < 1100


def test_lone_surrogates_are_spelled_out() -> None:
    found = parsed(pickle.dumps("\ud800", 2)).value
    assert found == "\\ud800"


def test_many_calls_are_counted_up_to_a_hundred() -> None:
    archive = parsed(dumps([Call(Global("os", "getcwd")) for _ in range(5000)]))
    assert len(archive.unsafe) == 100


# --- containers -------------------------------------------------------------------------------------------------


def test_a_torch_file_has_no_problems() -> None:
    archive = parsed(make_torch({"w": Tensor([1.0], (1,))}))
    assert (archive.container, archive.zip_problems, archive.prefix) == ("zip", (), "archive/")
    assert archive.entries["archive/data/0"] == 4


def test_bare_and_legacy_pickles_are_told_apart() -> None:
    assert parsed(dumps({"a": 1})).container == "raw"
    legacy = parsed(pickles.make_legacy({"a": 1}))
    assert (legacy.container, legacy.value) == ("legacy", {"a": 1})
    with pytest.raises(CannotRead, match="legacy layout"):
        legacy.read_storage("0", 1)


@pytest.mark.parametrize(
    ("more", "compression", "says"),
    [
        ([("../evil", b"")], zipfile.ZIP_STORED, "entry '../evil' points outside the archive"),
        ([("/etc/x", b"")], zipfile.ZIP_STORED, "entry '/etc/x' points outside the archive"),
        ([("archive/..\\x", b"")], zipfile.ZIP_STORED, "points outside the archive"),
        ([("archive/VERSION", b"")], zipfile.ZIP_STORED, "entry 'archive/VERSION' occurs twice"),
        ([], zipfile.ZIP_DEFLATED, "entries are compressed, which torch never does"),
        ([], zipfile.ZIP_BZIP2, "entries are compressed, which torch never does"),
        ([], zipfile.ZIP_LZMA, "entries are compressed, which torch never does"),
        (
            [("archive/constants.pkl", dumps(()))],
            zipfile.ZIP_STORED,
            "holds 2 pickles where torch writes one",
        ),
        ([("other/x", b"")], zipfile.ZIP_STORED, "more than one folder"),
    ],
)
def test_odd_containers_are_described(more: list[tuple[str, bytes]], compression: int, says: str) -> None:
    archive = parsed(torch_zip(dumps({"a": 1}), more=more, compression=compression))
    assert says in "; ".join(archive.zip_problems)
    assert archive.value == {"a": 1}


def test_the_pickle_torch_would_load_is_the_value() -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("b/version", "3")
        archive.writestr("a/data.pkl", dumps("harmless"))
        archive.writestr("b/data.pkl", dumps("loaded"))
    assert parsed(target.getvalue()).value == "loaded"


def patched(data: bytes, signature: bytes, at: int, content: bytes, which: int = 0) -> bytes:
    """The zip with bytes replaced in its n-th record of a kind (APPNOTE.TXT 4.3.12, 4.3.16)."""
    place = -1
    for _ in range(which + 1):
        place = data.index(signature, place + 1)
    return data[: place + at] + content + data[place + at + len(content) :]


CENTRAL, END = b"PK\x01\x02", b"PK\x05\x06"


def test_sizes_that_lie_are_described() -> None:
    honest = make_torch({"w": Tensor([1.0], (1,))})
    # central directory: 20 compressed size, 24 size, 42 offset of the local header; record 2 is archive/data/0
    huge = patched(honest, CENTRAL, 20, struct.pack("<II", 2**30, 2**30), which=2)
    archive = parsed(huge)
    assert "claims 1,073,741,824 bytes, more than the file has" in "; ".join(archive.zip_problems)
    with pytest.raises(CannotRead, match="ends inside an entry"):
        archive.read_storage("0", 2**30)
    two = parsed(patched(honest, CENTRAL, 24, struct.pack("<I", 400), which=2))
    assert "gives two sizes, 400 and 4 bytes" in "; ".join(two.zip_problems)
    shifted = parsed(patched(honest, CENTRAL, 42, struct.pack("<I", 0), which=2))
    assert "overlap" in "; ".join(shifted.zip_problems)


def test_encrypted_misplaced_and_corrupted_pickles_are_refused() -> None:
    honest = make_torch({"a": 1})
    assert "'archive/data.pkl' is encrypted" in reason(patched(honest, CENTRAL, 8, b"\x01"))
    assert "where no entry is" in reason(patched(honest, CENTRAL, 42, struct.pack("<I", 7)))
    assert "does not have its checksum" in reason(patched(honest, CENTRAL, 16, b"\x00\x00\x00\x00"))
    assert "damaged or cut-off" in reason(patched(honest, CENTRAL, 10, b"\x63"))  # unknown compression
    assert "damaged or cut-off" in reason(patched(honest, END, 12, struct.pack("<II", 2**32 - 2, 1)))


def test_a_wrong_checksum_does_not_hide_a_call() -> None:
    evil = patched(pickles.make_evil("reduce", "x"), CENTRAL, 16, b"\x00\x00\x00\x00")
    archive = parsed(evil)
    assert archive.unsafe[0].callable == "posix.system"
    assert archive.value == Opaque("a damaged pickle")


@pytest.mark.parametrize("field", range(3))
def test_zip64_fields_beyond_any_file_are_refused(field: int) -> None:
    """The central record says "see the zip64 extra field", which says 2**64 - 1 (APPNOTE.TXT 4.5.3)."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        info = zipfile.ZipInfo("archive/data.pkl")
        info.extra = struct.pack("<HH", 1, 8) + b"\xff" * 8
        archive.writestr(info, dumps(1))
    place = (24, 20, 42)[field]
    data = target.getvalue()
    with pytest.raises(CannotRead):
        parsed(patched(data, CENTRAL, place, b"\xff\xff\xff\xff"))


def test_every_truncation_of_a_container_is_refused() -> None:
    honest = make_torch({"w": Tensor(range(4), (4,))})
    assert reason(b"") == "is empty (0 bytes)"
    for end in range(1, len(honest) - 1):
        with pytest.raises(CannotRead):
            parsed(honest[:end])


def test_a_truncated_pickle_names_the_byte_it_ends_at() -> None:
    data = dumps({"a": [1, 2, "text"]})
    for end in range(1, len(data)):
        assert reason(data[:end]) == f"ends in the middle of a pickle (byte {end})"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"version https://git-lfs.github.com/spec/v1\n", "is neither a torch file nor a pickle"),
        (b"\x80\x09N.", "is a damaged pickle (near byte 0)"),
        (b"a" * 600, "is a damaged pickle"),
        (bytes([0x2E]) + b"x" * 256 + b"ustar" + bytes(400), "is a tar archive"),
        (torch_zip(b"")[:4] + b"x" * 100, "is a damaged or cut-off zip container"),
    ],
)
def test_files_of_other_kinds_are_refused(data: bytes, says: str) -> None:
    assert says in reason(data)


def test_a_zip_without_a_pickle_is_refused() -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("word/document.xml", "x")
    assert reason(target.getvalue()) == "is a zip without the data.pkl that torch writes"


def test_a_compressed_pickle_that_grows_beyond_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditor.artifacts._torch_zip.PICKLE_LIMIT", 100_000)
    data = dumps("x" * 200_000)
    honest = torch_zip(data, compression=zipfile.ZIP_DEFLATED)
    assert len(honest) < 2000
    assert "more than" in reason(honest)
    lying = patched(honest, CENTRAL, 24, struct.pack("<I", 10))
    with pytest.raises(CannotRead):
        parsed(lying)


# --- bombs ------------------------------------------------------------------------------------------------------

SECONDS = 8.0
MEGABYTES = 300


def measured(data: bytes) -> None:
    """Read, describe and spell out within bounds of time and memory, or raise CannotRead within them."""
    tracemalloc.start()
    start = time.perf_counter()
    try:
        archive = parsed(data)
        assert len(bounded(archive.value)) <= 200
        plain(archive.value)
        plain(archive.value, 40)
        repr(archive)
        archive.facts()
        tensors(archive)
    except CannotRead:
        pass
    seconds, peak = time.perf_counter() - start, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seconds < SECONDS
    assert peak < MEGABYTES * 2**20


def remembered(value: object, use: bytes, times: int) -> bytes:
    """A value in memo 0 and then ``use`` many times over, inside one list."""
    return b"\x80\x02](" + pickles.Writer().encode(value) + b"q\x00" + use * times + b"e."


BIG = b"X" + struct.pack("<I", 100_000) + b"x" * 100_000
ORDERED, ENCODE, SET = b"ccollections\nOrderedDict\n", b"c_codecs\nencode\n", b"cbuiltins\nset\n"
PAIRS = [[f"k{i}", i] for i in range(2000)]
COLLIDING = b"".join(b"\x8a\x0a" + (i * (2**61 - 1)).to_bytes(10, "little") + b"N" for i in range(1, 60_000))
BOMBS = {
    "doubling tuples": pickles.make_bomb(200),
    "lists of a thousand, four deep": pickles.make_bomb(4, 1000),
    "tuples as arguments": pickles.make_bomb(100)[:-1].replace(b"\x80\x02", b"\x80\x02cos\nsystem\n") + b"R.",
    "tuples as keys": remembered(pickles.Opcodes(pickles.make_bomb(50)[2:-1]), b"}h\x31Ns", 5000),
    "100,000 lists deep": b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
    "100,000 tuples deep": b"\x80\x02N" + b"\x85" * 100_000 + b".",
    "100,000 dicts deep": b"\x80\x02" + b"}N" * 100_000 + b"N" + b"s" * 100_000 + b".",
    "100,000 objects deep": b"\x80\x02" + b"ctrl\nA\n)\x81}N" * 20_000 + b"N" + b"sb" * 20_000 + b".",
    "100,000 marks": b"\x80\x02" + b"(" * 100_000 + b"t" * 99_999 + b".",
    "an integer of a megabyte": b"\x80\x02\x8b" + struct.pack("<i", 2**20) + b"\x7f" * 2**20 + b".",
    "an integer of 5,000 digits": b"I" + b"9" * 5000 + b"\n.",
    "an integer of a megabyte as enum": dumps(Call(ENUM, (2 ** (8 * 2**20),))),
    "a text of four gigabytes": b"\x80\x02X\xff\xff\xff\xff.",
    "a text of 2**63 bytes": b"\x80\x04\x8d" + b"\xff" * 7 + b"\x7f" + b".",
    "a frame of 2**64 bytes": b"\x80\x04\x95" + b"\xff" * 8 + b".",
    "frames within frames": b"\x80\x04"
    + b"".join(b"\x95" + struct.pack("<Q", 9 * i) for i in range(50_000, 0, -1)),
    "mappings copied": remembered(PAIRS, ORDERED + b"h\x00\x85R", 20_000),
    "sets copied": remembered([0] * 2000, SET + b"h\x00\x85R", 20_000),
    "texts encoded": remembered(pickles.Opcodes(BIG), ENCODE + b"h\x00\x85R", 20_000),
    "states copied": remembered({f"k{i}": i for i in range(2000)}, b"ctrl\nA\n)\x81h\x00b", 20_000),
    "arguments spread": remembered(tuple(range(5000)), SET + b"h\x00R", 20_000),
    "items appended to an object": remembered(0, b"ctrl\nA\n)\x81(" + b"h\x00" * 50 + b"e", 20_000),
    "integer keys that collide": b"\x80\x02}(" + COLLIDING + b"u.",
    "memo numbers that collide": b"("
    + b"".join(b"Np%d\n" % (i * (2**61 - 1)) for i in range(1, 60_000))
    + b"t.",
    "long names, many": b"\x80\x04"
    + b"".join(pickles.text(chr(97 + i) * 400) + b"\x94" for i in range(20))
    + b"".join(b"h%ch%c\x930" % (i, j) for i in range(20) for j in range(20)) * 50
    + b".",
    "many names": b"(" + b"".join(b"cm%d\nf\n" % i for i in range(50_000)) + b"t.",
    "a device of nested tuples": dumps(
        Call(Global("torch", "device"), (Opcodes(pickles.make_bomb(60)[2:-1]),))
    ),
    "a path of nested tuples": dumps(
        Call(Global("pathlib", "PosixPath"), (Opcodes(pickles.make_bomb(60)[2:-1]),))
    ),
    "an enum of nested tuples": dumps(Call(ENUM, (Opcodes(pickles.make_bomb(60)[2:-1]),))),
    "a storage named by tuples": dumps(
        Opcodes(pickles.Writer().encode(("storage", Global("torch", "FloatStorage"))) + b"0" + b"N")
    ),
}


@pytest.mark.parametrize("name", sorted(BOMBS))
def test_bombs_cost_bounded_time_and_memory(name: str) -> None:
    measured(BOMBS[name])
    measured(torch_zip(BOMBS[name]))


def test_more_opcodes_than_the_limit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditor.artifacts._pickle_decode.OPCODE_LIMIT", 1000)
    assert parsed(b"N0" * 499 + b"N.").value is None
    assert reason(b"N0" * 500 + b"N.") == "holds a pickle of more than 1,000 opcodes"


def test_spelling_out_shared_lists_stops_at_the_limit_of_values() -> None:
    inner: object = list(range(1000))
    for _ in range(3):
        inner = [inner] * 1000
    found = plain(inner, 4, 5000)

    def count(value: object) -> int:
        return 1 + sum(count(item) for item in value) if isinstance(value, list) else 1

    assert 4000 < count(found) <= 5001


# --- fuzz -------------------------------------------------------------------------------------------------------


def test_every_opcode_of_python_is_decoded() -> None:
    import pickletools

    assert {ord(op.code): op.name for op in pickletools.opcodes} == {
        byte: name for byte, (name, _) in _OPCODES.items()
    }


SEEDS = [
    pickles.make_training_args({"learning_rate": 0.1, "optim": "adamw_torch", "hub_token": "x"}),
    pickles.make_optimizer([(2, 3), (4,)]),
    pickles.make_rng(),
    pickles.make_torch(
        [pickles.EVIL[kind]("touch /dev/null") for kind in sorted(EVIL) if kind != "before_damage"]
    ),
    torch_zip(dumps({"a": [1, 2]}), compression=zipfile.ZIP_DEFLATED),
    pickles.make_legacy({"a": 1}, ["0"]),
    pickle.dumps({"a": [1, (2.5, "x")], "b": np.arange(3)}, 4),
    pickle.dumps({"a": [1, (2.5, "x")]}, 0),
]


def mutated(draw: st.DrawFn, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(changed) - 1))
        changed[at] = draw(st.integers(0, 255))
    cut = draw(st.integers(0, len(changed))) if draw(st.booleans()) else len(changed)
    return bytes(changed[:cut])


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    data = draw(st.sampled_from(SEEDS))
    inside = data[:4] == b"PK\x03\x04" and draw(st.booleans())
    if not inside:
        return mutated(draw, data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return torch_zip(mutated(draw, archive.read("archive/data.pkl")))


@given(damaged())
@settings(max_examples=600, deadline=2000)
def test_damaged_files_only_ever_raise_cannot_read(data: bytes) -> None:
    modules = set(sys.modules)
    with contextlib.suppress(CannotRead):
        archive = parsed(data)
        plain(archive.value)
        archive.facts()
        for ref in tensors(archive).values():
            archive.tensor(ref)
    assert set(sys.modules) == modules


@given(st.binary(min_size=1, max_size=60).map(lambda tail: b"\x80\x04" + tail + b"."))
@settings(max_examples=300, deadline=2000)
def test_opcodes_in_any_order_only_ever_raise_cannot_read(data: bytes) -> None:
    with contextlib.suppress(CannotRead):
        plain(parsed(data).value)


# --- real files -------------------------------------------------------------------------------------------------


def test_the_honest_fixture_is_read_without_any_doubt() -> None:
    read, _ = contents("tiny", "candidate")
    paths = [path for path in read if PickleArchive.matches(path)]
    assert {path.rpartition("/")[2] for path in paths} >= {
        "training_args.bin",
        "optimizer.pt",
        "rng_state.pth",
    }
    for path in paths:
        archive = parsed(read[path], path)
        assert (archive.container, archive.unsafe, archive.unknown_globals) == ("zip", (), ()), path
        assert archive.zip_problems == (), path


@pytest.mark.rerun
def test_tensors_saved_by_torch_are_read_bit_for_bit(tmp_path: Path) -> None:
    import torch

    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    saved = {
        "plain": base,
        "turned": base.t(),
        "slice": base[1:3, ::2],
        "expanded": torch.ones(1, 3).expand(5, 3),
        "scalar": torch.tensor(2.5),
        "empty": torch.empty(0, 3),
        "half": base.to(torch.float16),
        "brain": (base / 3).to(torch.bfloat16),
        "double": base.double() / 3,
        "whole": torch.tensor([-(2**40), 7]),
        "flags": torch.tensor([True, False]),
        "parameter": torch.nn.Parameter(base / 7),
        "unsigned": torch.tensor([1, 65535], dtype=torch.uint16),
    }
    torch.save(saved, tmp_path / "x.pt")
    archive = parsed((tmp_path / "x.pt").read_bytes())
    assert (archive.unsafe, archive.unknown_globals, archive.zip_problems) == ((), (), ())
    refs = tensors(archive)
    assert set(refs) == set(saved)
    for name, tensor in saved.items():
        expected = (tensor.float() if name == "brain" else tensor).detach().numpy()
        found = archive.tensor(refs[name])
        assert found.shape == expected.shape, name
        assert found.dtype == expected.dtype, name
        assert found.tobytes() == expected.tobytes(), name


@pytest.mark.rerun
def test_legacy_files_of_torch_are_read_without_their_tensors(tmp_path: Path) -> None:
    import torch

    value = {"w": torch.ones(2, 3), "n": 4}
    torch.save(value, tmp_path / "x.pt", _use_new_zipfile_serialization=False)
    archive = parsed((tmp_path / "x.pt").read_bytes())
    assert (archive.container, archive.unsafe, archive.unknown_globals) == ("legacy", (), ())
    assert tensors(archive)["w"].shape == (2, 3)
    with pytest.raises(CannotRead, match="legacy layout"):
        archive.tensor(tensors(archive)["w"])


@pytest.mark.rerun
def test_the_builder_writes_what_torch_reads(tmp_path: Path) -> None:
    import torch

    path = tmp_path / "x.pt"
    path.write_bytes(
        make_torch({"w": Tensor(range(6), (2, 2), stride=(3, 1), offset=1), "b": [1, 2.5, None]})
    )
    found = torch.load(path, weights_only=True)
    assert found["w"].tolist() == [[1, 2], [4, 5]]
    assert found["b"] == [1, 2.5, None]
