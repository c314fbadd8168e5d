"""A pickle whose tensors torch loads as other numbers than those that lie in its storages is not read as these."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor.artifacts.pickle_archive import PickleArchive, tensors
from auditor.errors import CannotRead
from tests.builders.blobs import blob
from tests.builders.pickles import Call, Global, Opcodes, Tensor, Writer, torch_zip

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
