import io
import struct
import zipfile
from pathlib import Path

import pytest

from auditor.artifacts._pickle_values import (
    Opaque,
)
from auditor.artifacts.pickle_archive import PickleArchive, tensors
from auditor.errors import CannotRead
from tests.builders import pickles
from tests.builders.blobs import blob
from tests.builders.evil_pickles import make_evil
from tests.builders.pickles import (
    Tensor,
    dumps,
    make_torch,
    torch_zip,
)
from tests.builders.repositories import contents


def parsed(data: bytes, path: str = "folder/file.bin") -> PickleArchive:
    return PickleArchive.parse(blob(data, path))


def reason(data: bytes) -> str:
    with pytest.raises(CannotRead) as caught:
        parsed(data)
    return caught.value.reason


def test_a_torch_file_has_no_problems() -> None:
    archive = parsed(make_torch({"w": Tensor([1.0], (1,))}))
    assert (archive.container, archive.zip_problems, archive.prefix) == ("zip", (), "archive/")
    assert archive.entries["archive/data/0"] == 4


def test_bare_and_legacy_pickles_are_told_apart() -> None:
    assert parsed(dumps({"a": 1})).container == "raw"
    legacy = parsed(pickles.make_legacy({"a": 1}))
    assert (legacy.container, legacy.value) == ("legacy", {"a": 1})
    with pytest.raises(CannotRead, match="no 1 bytes for tensor storage 0"):
        legacy.read_slices({"0": (0, 1)})
    with pytest.raises(CannotRead, match="bare pickle"):
        parsed(pickles.dumps({"a": 1})).read_slices({"0": (0, 1)})


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
        archive.read_slices({"0": (0, 2**30)})
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
    evil = patched(make_evil("reduce", "x"), CENTRAL, 16, b"\x00\x00\x00\x00")
    archive = parsed(evil)
    assert archive.unsafe[0].callable == "posix.system"
    assert archive.value == Opaque("a damaged pickle")


@pytest.mark.parametrize(
    ("place", "says"),
    [
        (24, "more than 268,435,456 bytes"),
        (20, "gives two sizes, 8 and 18,446,744,073"),
        (42, "where no entry is"),
    ],
)
def test_zip64_fields_beyond_any_file_are_described_or_refused(place: int, says: str) -> None:
    """The central record says "see the zip64 extra field", which says 2**64 - 1 (APPNOTE.TXT 4.5.3)."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        info = zipfile.ZipInfo("archive/data.pkl")
        info.extra = struct.pack("<HH", 1, 8) + b"\xff" * 8
        archive.writestr(info, dumps(""))
    data = patched(target.getvalue(), CENTRAL, place, b"\xff\xff\xff\xff")
    try:
        described = "; ".join(parsed(data).zip_problems)
    except CannotRead as error:
        described = error.reason
    assert says in described


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
def test_legacy_files_of_torch_are_read_with_their_tensors(tmp_path: Path) -> None:
    import torch

    shared = torch.arange(6.0)
    value = {
        "w": torch.arange(6.0).reshape(2, 3),
        "n": 4,
        "deep": {"b": torch.tensor([1.5, -2.0], dtype=torch.bfloat16), "i": torch.tensor([7])},
        "views": [shared[2:4], shared[::2]],
    }
    torch.save(value, tmp_path / "x.pt", _use_new_zipfile_serialization=False)
    archive = parsed((tmp_path / "x.pt").read_bytes())
    assert (archive.container, archive.unsafe, archive.unknown_globals) == ("legacy", (), ())
    assert archive.tensor(tensors(archive)["w"]).tolist() == [[0, 1, 2], [3, 4, 5]]
    assert isinstance(archive.value, dict)
    assert archive.tensor(archive.value["deep"]["b"]).tolist() == [1.5, -2.0]
    assert archive.tensor(archive.value["deep"]["i"]).tolist() == [7]
    assert [archive.tensor(view).tolist() for view in archive.value["views"]] == [[2, 3], [0, 2, 4]]
    cut = parsed((tmp_path / "x.pt").read_bytes()[:-4])
    unread = 0
    for ref in (tensors(cut)["w"], cut.value["deep"]["b"], cut.value["deep"]["i"], *cut.value["views"]):  # type: ignore[index]
        try:
            cut.tensor(ref)
        except CannotRead:
            unread += 1
    assert unread


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


def _legacy_stream(keys: object, *storages: bytes) -> bytes:
    """A legacy stream by hand: one tensor of two float32 on storage "0", then whatever storages are given."""
    value = {"w": Tensor((3.0, 4.0), (2,))}
    return pickles.make_legacy(value, keys) + b"".join(storages)


def test_tensors_of_a_legacy_stream() -> None:
    """Eight bytes with the number of elements, then the elements."""
    storage = struct.pack("<q2f", 2, 3.0, 4.0)
    archive = parsed(_legacy_stream(["0"], storage))
    assert archive.tensor(tensors(archive)["w"]).tolist() == [3.0, 4.0]


@pytest.mark.parametrize(
    "data",
    [
        _legacy_stream(["0"]),
        _legacy_stream(["0"], struct.pack("<q2f", 3, 3.0, 4.0)),
        _legacy_stream(["0"], struct.pack("<q1f", 2, 3.0)),
        _legacy_stream(["1"], struct.pack("<q2f", 2, 3.0, 4.0)),
        _legacy_stream("0", struct.pack("<q2f", 2, 3.0, 4.0)),
        _legacy_stream([None, "0"], struct.pack("<q2f", 2, 3.0, 4.0)),
    ],
)
def test_lying_legacy_streams_give_no_tensor(data: bytes) -> None:
    archive = parsed(data)
    assert archive.container == "legacy"
    with pytest.raises(CannotRead):
        archive.tensor(tensors(archive)["w"])


@pytest.mark.parametrize("prefix", [1, 100, 10_000])
def test_the_storages_of_a_legacy_stream_are_not_read_with_its_pickles(
    monkeypatch: pytest.MonkeyPatch, prefix: int
) -> None:
    """A prefix that cuts the pickles is read on; one that holds them is all that is read."""
    storage = struct.pack("<q2f", 2, 3.0, 4.0)
    data = _legacy_stream(["0"], storage) + bytes(1_000_000)
    read: list[int] = []

    class Counted(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            found = super().read(size)
            read.append(len(found))
            return found

    monkeypatch.setattr("auditor.artifacts.pickle_archive._PREFIX", prefix)
    source = blob(data, "f.bin")
    archive = PickleArchive.parse(type(source)("f.bin", len(data), lambda: Counted(data)))
    assert archive.tensor(tensors(archive)["w"]).tolist() == [3.0, 4.0]
    assert sum(read) < 11_000 if prefix == 10_000 else sum(read) >= len(data)
