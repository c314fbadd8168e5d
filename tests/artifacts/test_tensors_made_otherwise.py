"""A pickle whose tensors torch loads as other numbers than those that lie in its storages is not read as these."""

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor.artifacts.pickle_archive import PickleArchive, tensors
from auditor.errors import CannotRead
from tests.builders.blobs import blob
from tests.builders.pickles import Call, Global, Opcodes, Tensor, Writer, dumps, torch_zip

PLAIN = Tensor([1.0, -2.0], (2,))
OTHER = Tensor([5.0, 6.0], (2,))


class Made(Writer):
    """Writes the parts of tensors by hand."""

    def storage(self, tensor: Tensor, key: str, kind: str = "FloatStorage", numel: int = 2) -> Opcodes:
        self.storages.setdefault(key, tensor.bytes())
        name = Global("torch", kind)
        return Opcodes(self.encode(("storage", name, key, "cpu", numel)) + b"Q")

    def rebuilt(self, storage: Opcodes, *more: object) -> Call:
        hooks = Call(Global("collections", "OrderedDict"))
        return Call(
            Global("torch._utils", "_rebuild_tensor_v2"), (storage, 0, (2,), (1,), False, hooks, *more)
        )

    def file(self, value: object) -> bytes:
        return torch_zip(self.dumps(value), self.storages)


def negative() -> bytes:
    made = Made()
    return made.file({"w": made.rebuilt(made.storage(PLAIN, "0"), {"neg": True})})


def set_anew() -> bytes:
    made = Made()
    tensor = made.encode(made.rebuilt(made.storage(PLAIN, "0")))
    state = made.encode((made.storage(OTHER, "1"), 0, (2,), (1,)))
    return made.file({"w": Opcodes(tensor + state + b"b")})


def first_named_as_integers() -> bytes:
    made = Made()
    names = [made.rebuilt(made.storage(PLAIN, "0", kind)) for kind in ("IntStorage", "FloatStorage")]
    return made.file(dict(zip(("first", "w"), names, strict=True)))


def parameter_with_data() -> bytes:
    made = Made()
    tensor, other = (made.rebuilt(made.storage(item, key)) for item, key in ((PLAIN, "0"), (OTHER, "1")))
    hooks = Call(Global("collections", "OrderedDict"))
    call = Call(
        Global("torch._utils", "_rebuild_parameter_with_state"), (tensor, False, hooks, {"data": other})
    )
    return made.file({"w": call})


FORGED: dict[str, tuple[Callable[[], bytes], str]] = {
    "negative": (
        negative,
        "makes 'w' by torch._utils._rebuild_tensor_v2 with a negative or conjugate bit, which is not read",
    ),
    "set anew": (set_anew, "sets a tensor anew after it was made, which no release of torch writes"),
    "two dtypes": (
        first_named_as_integers,
        "names tensor storage 0 with two dtypes or lengths, which no release of torch writes",
    ),
    "data": (
        parameter_with_data,
        "gives a tensor other values after it was made, which no release of torch writes",
    ),
}


@pytest.mark.parametrize("name", FORGED)
def test_it_is_not_read(name: str) -> None:
    make, reason = FORGED[name]
    with pytest.raises(CannotRead) as caught:
        tensors(PickleArchive.parse(blob(make(), "adapter_model.bin")))
    assert caught.value.reason == reason


@pytest.mark.rerun
@pytest.mark.parametrize("name", FORGED)
def test_torch_loads_other_numbers(name: str, tmp_path: Path) -> None:
    """Even with weights_only: a reader that overlooks these things shows numbers that nobody gets."""
    import torch

    (tmp_path / "x.bin").write_bytes(FORGED[name][0]())
    loaded = torch.load(tmp_path / "x.bin", weights_only=True)
    assert loaded["w"].tolist() != list(PLAIN.values)


def test_nothing_is_said_of_metadata_that_is_empty() -> None:
    made = Made()
    archive = PickleArchive.parse(blob(made.file({"w": made.rebuilt(made.storage(PLAIN, "0"), {})}), "x.bin"))
    assert archive.tensor(tensors(archive)["w"]).tolist() == list(PLAIN.values)


def test_a_parameter_may_name_its_own_data_again() -> None:
    made = Made()
    tensor = made.rebuilt(made.storage(PLAIN, "0"))
    hooks = Call(Global("collections", "OrderedDict"))
    call = Call(
        Global("torch._utils", "_rebuild_parameter_with_state"),
        (tensor, False, hooks, {"data": tensor, "blocksize": 64}),
    )
    archive = PickleArchive.parse(blob(made.file({"w": call}), "x.bin"))
    assert archive.tensor(tensors(archive)["w"]).tolist() == list(PLAIN.values)


def test_a_bare_tensor_is_no_part_that_may_be_left_out() -> None:
    value = {"w": PLAIN, "v": Opcodes(b"ctorch\nTensor\n)\x81")}
    made = Made()
    archive = PickleArchive.parse(blob(made.file(value), "x.bin"))
    with pytest.raises(CannotRead, match=r"makes 'v' as a bare torch\.Tensor, which is not read"):
        tensors(archive)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_the_byte_order_is_the_entry_that_torch_reads(compression: int) -> None:
    """Another entry of that name deeper in the folder says nothing, whatever comes first."""
    made = Made(">")
    data = made.dumps({"w": PLAIN})
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("archive/deeper/byteorder", "little")
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/byteorder", "big", compression)
        archive.writestr("archive/data/0", made.storages["0"])
    found = PickleArchive.parse(blob(target.getvalue(), "x.bin"))
    assert found.tensor(tensors(found)["w"]).tolist() == list(PLAIN.values)


FLOATS = Global("torch", "FloatStorage")


def identified(*identity: object) -> PickleArchive:
    """A file whose one tensor lies in the storage of a persistent id."""
    made = Made()
    made.storages["0"] = PLAIN.bytes()
    value = {"w": made.rebuilt(Opcodes(made.encode(identity) + b"Q"))}
    return PickleArchive.parse(blob(made.file(value), "x.bin"))


@pytest.mark.parametrize(
    "identity",
    [
        (),
        ("storage", FLOATS, "0", "cpu"),
        ("module", FLOATS, "0", "cpu", 2),
        ("storage", "torch.FloatStorage", "0", "cpu", 2),
        ("storage", Global("torch", "Tensor"), "0", "cpu", 2),
        ("storage", Global("mylib", "FloatStorage"), "0", "cpu", 2),
        ("storage", FLOATS, 0, "cpu", 2),
        ("storage", FLOATS, "0" * 100, "cpu", 2),
        ("storage", FLOATS, "0", None, 2),
        ("storage", FLOATS, "0", "c" * 100, 2),
        ("storage", FLOATS, "0", "cpu", "2"),
        ("storage", FLOATS, "0", "cpu", -1),
    ],
    ids=str,
)
def test_a_persistent_id_of_another_form_is_no_storage(identity: tuple[object, ...]) -> None:
    """torch 2.13.0, serialization.py, `persistent_load`: ("storage", type, key, location, numel[, view])."""
    archive = identified(*identity)
    assert [call.callable for call in archive.unsafe] == ["a persistent object that is no tensor storage"]
    with pytest.raises(CannotRead):
        tensors(archive)


@pytest.mark.parametrize("length", [1, 99])
def test_a_key_and_a_location_of_any_ordinary_length_are_taken(length: int) -> None:
    archive = identified("storage", FLOATS, "0" * length, "c" * length, 2)
    assert archive.unsafe == ()
    assert tensors(archive)["w"].storage_key == "0" * length


def test_one_name_for_two_storages_is_refused_unless_both_are_empty() -> None:
    made = Made()
    empty = [
        made.rebuilt(made.storage(Tensor([], (0,)), "0", kind, 0)) for kind in ("IntStorage", "FloatStorage")
    ]
    assert len(tensors(PickleArchive.parse(blob(made.file({"a": empty[0], "b": empty[1]}), "x.bin")))) == 2
    longer = [made.rebuilt(made.storage(PLAIN, "1", numel=numel)) for numel in (2, 3)]
    with pytest.raises(CannotRead, match="names tensor storage 1 with two dtypes or lengths"):
        PickleArchive.parse(blob(made.file({"a": longer[0], "b": longer[1]}), "x.bin"))


def viewed(view: object) -> bytes:
    """torch's legacy stream of four numbers, of which a tensor takes the first two of a view."""
    made = Made()
    storage = Opcodes(made.encode(("storage", FLOATS, "0", "cpu", 4, view)) + b"Q")
    head = b"".join(map(dumps, (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})))
    numbers = struct.pack("<q4f", 4, *range(1, 5))
    return head + dumps({"w": made.rebuilt(storage)}) + dumps(["0"]) + numbers


def test_the_numbers_of_a_view_are_not_those_of_its_storage() -> None:
    plain = PickleArchive.parse(blob(viewed(None), "x.bin"))
    assert plain.tensor(tensors(plain)["w"]).tolist() == [1, 2]
    archive = PickleArchive.parse(blob(viewed(("v", 2, 2)), "x.bin"))
    with pytest.raises(CannotRead, match="tensor storage 0 \\(a view\\)"):
        archive.tensor(tensors(archive)["w"])


@pytest.mark.rerun
def test_torch_takes_a_view_from_its_offset(tmp_path: Path) -> None:
    import torch

    for view, expected in ((None, [1, 2]), (("v", 2, 2), [3, 4])):
        (tmp_path / "x.bin").write_bytes(viewed(view))
        assert torch.load(tmp_path / "x.bin", weights_only=False)["w"].tolist() == expected
