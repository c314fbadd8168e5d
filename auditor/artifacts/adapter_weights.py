"""adapter_model.safetensors and adapter_model.bin: the adapter's tensors by name; values only on demand."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from auditor.artifacts import _tensor_bytes
from auditor.artifacts._base import Artifact
from auditor.artifacts._extremes import Extremes, extremes
from auditor.artifacts._lora_names import BASE_LAYER, PREFIX, LoraPair, SortedOut, sorted_out, split_name
from auditor.artifacts._opened import Opened, State, state_of
from auditor.artifacts._safetensors import BITS, TensorInfo, safetensors_header, shown, stream_size
from auditor.artifacts._shared_storages import Shared
from auditor.artifacts._tensor_bytes import CHUNK, Region
from auditor.errors import CannotRead
from auditor.model import Blob, Digest, Fact, name_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from auditor.artifacts._pickle_values import OtherTensor, TensorRef
    from auditor.artifacts.pickle_archive import PickleArchive

__all__ = ["PREFIX", "AdapterWeights", "LoraPair", "split_name"]

IS_ZERO = "is zero"
"""With a tensor's name the key of `AdapterWeights.proofs` for whether it is zero throughout."""
EXTREMES = "extremes"
"""The same for `Extremes`."""
_GLANCE = 1024
"""Elements that mostly show that a tensor is not zero."""
_TORCH_DTYPES: Mapping[str, str] = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "bfloat16": "BF16",
    "int64": "I64",
    "int32": "I32",
    "int16": "I16",
    "int8": "I8",
    "uint8": "U8",
    "bool": "BOOL",
    "uint16": "U16",
    "uint32": "U32",
    "uint64": "U64",
    "complex64": "C64",
    "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2",
    "float8_e4m3fnuz": "F8_E4M3FNUZ",
    "float8_e5m2fnuz": "F8_E5M2FNUZ",
    "float8_e8m0fnu": "F8_E8M0",
}
_QUANTIZED = {"qint8": "I8", "quint8": "U8", "qint32": "I32"}


@dataclass(frozen=True, slots=True)
class AdapterWeights(Artifact):
    """An adapter's tensors. ``format`` is the container, ``size`` the length of the file in bytes.

    ``identity`` proves two files equal without reading them: the LFS oid, else the git object id, else None.
    """

    patterns: ClassVar[tuple[str, ...]] = ("adapter_model.safetensors", "adapter_model.bin")
    unseen: ClassVar[str] = "the values differ; names, shapes and types are equal"
    path: str
    format: Literal["safetensors", "torch"]
    tensors: Mapping[str, TensorInfo]
    metadata: Mapping[str, str]
    size: int
    identity: Digest | None = None
    blob: Blob | None = field(default=None, repr=False, compare=False)
    archive: "PickleArchive | None" = field(default=None, repr=False, compare=False)
    seen: State | None = field(default=None, repr=False, compare=False)
    """The plain file as it was when its header was read."""
    refs: "Mapping[str, TensorRef]" = field(default_factory=dict, repr=False, compare=False)
    """The tensors of a torch file."""
    shared: Shared = field(default_factory=Shared, repr=False, compare=False)
    """Tensors of a torch file that share bytes."""
    unread: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    """Why tensors are not read, by name; empty but for `in_part`."""
    proofs: dict[object, object] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What was found out about these weights, for whoever asks again (`auditor.compare.initial`)."""

    @classmethod
    def parse(cls, blob: Blob) -> Self:
        """Read the header, or the pickle's structure without running it. Raises CannotRead."""
        return cls._torch(blob) if name_of(blob.path).endswith(".bin") else cls._safetensors(blob)

    @classmethod
    def _safetensors(cls, blob: Blob) -> Self:
        with blob.open() as stream:
            size = stream_size(stream)
            seen = state_of(stream)
            tensors, metadata = safetensors_header(stream, size)
        return cls(blob.path, "safetensors", tensors, metadata, size, blob.identity, blob, seen=seen)

    @classmethod
    def in_part(cls, blob: Blob) -> Self:
        """A torch file whose sparse and quantized tensors are in ``unread``: reading one raises CannotRead.

        For those who show a file; those who judge it take `parse`, which refuses such a file. Raises CannotRead when
        anything else is wrong with it.
        """
        return cls._torch(blob, in_part=True)

    @classmethod
    def _torch(cls, blob: Blob, in_part: bool = False) -> Self:
        from auditor.artifacts._pickle_tensors import all_tensors
        from auditor.artifacts._pickle_values import OtherTensor
        from auditor.artifacts._shared_storages import shared
        from auditor.artifacts.pickle_archive import PickleArchive, tensors

        with blob.open() as stream:
            size = stream_size(stream)
            seen = state_of(stream)
        archive = PickleArchive.parse(blob)
        refs = all_tensors(archive) if in_part else tensors(archive)
        found = {name: _described(name, ref, size) for name, ref in refs.items()}
        read = {name: ref for name, ref in refs.items() if not isinstance(ref, OtherTensor)}
        unread = {
            name: f"holds tensor {shown(name)} as a {ref.kind} tensor, which is not read"
            for name, ref in refs.items()
            if isinstance(ref, OtherTensor)
        }
        same = shared(read)
        return cls(
            blob.path, "torch", found, {}, size, blob.identity, blob, archive, seen, read, same, unread
        )

    def module_of(self, name: str) -> str:
        """The base model's name of a tensor's module; the tensor's own name when it is no LoRA part."""
        return split_name(name)[0]

    def pairs(self) -> Mapping[str, LoraPair]:
        """The LoRA tensors by module, in the order of the file."""
        return self._sorted_out()[0]

    def ranks(self) -> Iterator[tuple[str, int]]:
        """Each module with the rank its tensors have."""
        for module, pair in self.pairs().items():
            if pair.rank is not None:
                yield module, pair.rank

    def base_layers(self) -> tuple[str, ...]:
        """Names of tensors copied from the base model (``...base_layer.weight``)."""
        return tuple(
            name
            for name in self.tensors
            if f".{BASE_LAYER}." in name and split_name(name)[1] not in ("a", "b", "magnitude")
        )

    def others(self) -> tuple[str, ...]:
        """Names of tensors that are neither LoRA factors nor copies of the base: heads, biases, prompts."""
        return self._sorted_out()[1]

    def info(self, name: str) -> TensorInfo:
        """One tensor's description. Raises CannotRead when there is none of that name."""
        found = self.tensors.get(name)
        if found is None:
            raise CannotRead(f"holds no tensor {shown(name)}")
        return found

    def array(self, name: str) -> "NDArray[Any]":
        """A whole tensor in its shape: floats, integers and booleans as they are, BF16 and smaller as float32.

        Raises CannotRead.
        """
        info = self.info(name)
        with self.opened() as file:
            region = self.region(name, file)
            if region.strides is not None:
                return self._gathered(name)
            found = _tensor_bytes.read(file, region, 0, info.elements).reshape(info.shape)
            file.verify()
        return found

    def chunks(self, name: str, elements: int = CHUNK) -> Iterator["NDArray[Any]"]:
        """The elements of a tensor in order, flat, ``elements`` at a time, decoded as `array` does."""
        self.info(name)
        with self.opened() as file:
            region = self.region(name, file)
            if region.strides is None:
                yield from _tensor_bytes.chunks(file, region, elements)
                return
        flat = self._gathered(name).reshape(-1)
        for start in range(0, flat.size, elements):
            yield flat[start : start + elements]

    def heads(self, names: Iterable[str], elements: int) -> "Iterator[tuple[str, NDArray[Any]]]":
        """The first elements of several tensors, flat, decoded as `array` does; the file is opened once.

        Raises CannotRead.
        """
        with self.opened() as file:
            for name in names:
                region = self.region(name, file)
                if region.strides is None:
                    yield name, _tensor_bytes.read(file, region, 0, min(elements, region.elements))
                else:
                    yield name, self._gathered(name).reshape(-1)[:elements]
            file.verify()

    def is_zero(self, name: str) -> bool:
        """Whether a tensor is zero throughout; it is read up to its first other number, and once. Raises CannotRead."""
        if isinstance(found := self.proofs.get((EXTREMES, name)), Extremes):
            return found.largest == 0
        known = self.proofs.get((IS_ZERO, name))
        if not isinstance(known, bool):
            first = islice(self.chunks(name, _GLANCE), 1)
            known = not any(chunk.any() for chunk in chain(first, self.chunks(name)))
            self.proofs[IS_ZERO, name] = known
        return known

    def extremes(self, name: str) -> Extremes:
        """The largest magnitude of a tensor, its squares, and how many NaN it has, read once. Raises CannotRead."""
        if self.proofs.get((IS_ZERO, name)) is True:
            return Extremes(0.0, 0, 0.0)
        known = self.proofs.get((EXTREMES, name))
        if not isinstance(known, Extremes):
            known = self.proofs[EXTREMES, name] = extremes(self.chunks(name))
        return known

    def opened(self) -> Opened:
        """The file, held open for `region`; a context manager. Raises CannotRead."""
        if self.blob is None:
            raise CannotRead("has no data at hand")
        return Opened(self.blob.open, self.seen)

    def region(self, name: str, file: Opened) -> Region:
        """Where a tensor's elements lie in the open file. Raises CannotRead."""
        info = self.info(name)
        if name in self.unread:
            raise CannotRead(self.unread[name])
        if self.archive is None:
            return Region(name, info.dtype, info.elements, info.begin)
        ref = self.refs[name]
        begin = self.archive.place(ref, file)
        strides = None if ref.is_contiguous else (ref.shape, ref.stride)
        return Region(name, info.dtype, info.elements, begin, self.archive.little_endian, strides)

    def stretches(self, name: str, file: Opened) -> tuple[tuple[int, int], ...]:
        """(offset, bytes) of all that reading a tensor from the open file takes. Raises CannotRead."""
        region = self.region(name, file)
        if self.archive is None:
            info = self.tensors[name]
            return ((info.begin, info.nbytes),)
        ref = self.refs[name]
        size = (ref.reach - ref.storage_offset) * region.bits // 8 if ref.numel else 0
        return (*self.archive.directions(ref), (region.begin, size))

    def extent(self, name: str) -> tuple[str, int, int]:
        """(storage, first byte, end) of all that reading a tensor brings into memory; "" is that of safetensors."""
        info = self.tensors[name]
        ref = self.refs.get(name)
        if ref is None or not ref.numel:
            return "", info.begin, info.end
        size = BITS[info.dtype] // 8
        return ref.storage_key, ref.storage_offset * size, ref.reach * size

    def _gathered(self, name: str) -> "NDArray[Any]":
        """A tensor that is not stored in its own order, as for `array`."""
        import numpy

        if self.archive is None:
            raise CannotRead(f"has no data for tensor {shown(name)}")
        return numpy.asarray(self.archive.tensor(self.refs[name]))

    def facts(self) -> Mapping[str, Fact]:
        """Each tensor's dtype and shape, and the metadata; values are compared elsewhere, by what they do."""
        found = {name: Fact(f"{info.dtype} {list(info.shape)}") for name, info in self.tensors.items()}
        return {**found, **{f"__metadata__.{key}": Fact(text) for key, text in self.metadata.items()}}

    def _sorted_out(self) -> SortedOut:
        return sorted_out(tuple(self.tensors.items()))


def _described(name: str, ref: "TensorRef | OtherTensor", size: int) -> TensorInfo:
    """A tensor of a torch file of ``size`` bytes; ``end`` is 0 for one that is not read. Raises CannotRead."""
    from auditor.artifacts._pickle_values import OtherTensor

    word = ref.dtype.removeprefix("torch.")
    if isinstance(ref, OtherTensor) and word in _QUANTIZED:
        return TensorInfo(name, _QUANTIZED[word], ref.shape, 0, 0)
    if word not in _TORCH_DTYPES:
        raise CannotRead(f"holds tensor {shown(name)} in {shown(word)}, which is not decoded")
    info = TensorInfo(name, _TORCH_DTYPES[word], tuple(ref.shape), 0, 0)
    if isinstance(ref, OtherTensor):
        return info
    end = info.elements * BITS[info.dtype] // 8
    if end > size:
        raise CannotRead(f"gives tensor {shown(name)} {end} bytes but the file has {size}")
    return TensorInfo(name, info.dtype, info.shape, 0, end)
