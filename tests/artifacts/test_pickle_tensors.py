import zipfile
from pathlib import Path

import pytest

from auditor.artifacts._pickle_values import (
    TensorRef,
)
from auditor.artifacts.pickle_archive import PickleArchive, tensors
from auditor.errors import CannotRead
from tests.builders import pickles
from tests.builders.blobs import blob
from tests.builders.pickles import (
    Call,
    Tensor,
    make_torch,
    named,
    torch_zip,
)


def parsed(data: bytes, path: str = "folder/file.bin") -> PickleArchive:
    return PickleArchive.parse(blob(data, path))


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
