"""Weights that bitsandbytes stores in 4 bits, as the numbers they stand for.

Beside ``weight``, bytes of two codes each with the first one in the upper half, lie ``weight.absmax``, the largest
|value| of each block, ``weight.quant_map``, the numbers of the 16 codes, and ``weight.quant_state.bitsandbytes__nf4``,
JSON as bytes. With double quantization absmax is codes as well, of blocks with a ``nested_absmax`` and a common
``nested_offset`` (bitsandbytes 0.50.2, functional.py, `QuantState.as_dict` and `dequantize_4bit`;
backends/default/ops.py, `_dequantize_4bit_compute`). The products here are float32, before bitsandbytes rounds them
to the dtype of the model.
"""

import json
import math
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auditor.artifacts import _tensor_bytes
from auditor.artifacts._opened import Opened
from auditor.artifacts._safetensors import shown
from auditor.artifacts._tensor_bytes import Region
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare._sources import Room
from auditor.errors import CannotRead

if TYPE_CHECKING:
    from numpy.typing import NDArray

MARK = ".quant_state.bitsandbytes__"
"""Between the name of a weight stored in 4 bits and the word for its codes, in the name of its state."""
_STATE_LIMIT = 65_536
_BLOCK_LIMIT = 1 << 20
_KINDS = ("nf4", "fp4")
_PARTS = ("absmax", "quant_map", "nested_absmax", "nested_quant_map")


def parts_of(weight: str, names: Container[str]) -> tuple[str, ...]:
    """The tensors among ``names`` that a weight in 4 bits is read with."""
    ends = (*(f".{end}" for end in _PARTS), *(f"{MARK}{kind}" for kind in _KINDS))
    return tuple(name for end in ends if (name := weight + end) in names)


@dataclass(frozen=True, slots=True)
class Place:
    """One tensor of a file that is open, or why it is not."""

    weights: AdapterWeights
    file: Opened | CannotRead
    name: str

    def opened(self) -> Opened:
        """The open file. Raises CannotRead."""
        if isinstance(self.file, CannotRead):
            raise self.file
        return self.file

    def region(self) -> Region:
        """Where it lies. Raises CannotRead."""
        found = self.weights.region(self.name, self.opened())
        if found.strides is not None or not found.little_endian:
            raise CannotRead(f"scatters tensor {shown(self.name)} over its storage")
        return found


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers of a region of an open file."""

    file: Opened
    region: Region

    def read(self, start: int, count: int) -> "NDArray[Any]":
        """``count`` of them from ``start``. Raises CannotRead."""
        return _tensor_bytes.read(self.file, self.region, start, count)


@dataclass(frozen=True, slots=True)
class Nested:
    """How scales are stored that are codes themselves, of blocks with a scale of their own."""

    book: "NDArray[Any]"
    scales: Numbers
    block: int
    offset: float


@dataclass(frozen=True, slots=True)
class Scale:
    """The largest |value| of each block."""

    stored: Numbers
    nested: Nested | None = None

    def of(self, start: int, count: int) -> "NDArray[Any]":
        """float32 of blocks ``start`` to ``start + count``. Raises CannotRead."""
        import numpy

        raw = self.stored.read(start, count)
        if self.nested is None:
            return raw
        place = numpy.arange(start, start + count) // self.nested.block
        first = int(place[0])
        outer = self.nested.scales.read(first, int(place[-1]) - first + 1)
        found: NDArray[Any] = self.nested.book[raw] * outer[place - first] + numpy.float32(self.nested.offset)
        return found


@dataclass(frozen=True, slots=True)
class Packed:
    """One weight: a `Source` of float32. ``shape`` and ``dtype`` (NF4 or FP4) as its state declares them."""

    file: Opened
    region: Region
    dtype: str
    shape: tuple[int, ...]
    book: "NDArray[Any]"
    scale: Scale
    block: int

    @property
    def elements(self) -> int:
        """As in `Source`."""
        return math.prod(self.shape)

    def load(self, start: int, count: int, room: Room) -> "NDArray[Any]":
        """As in `Source`."""
        import numpy

        first, last = start // 2, -(-(start + count) // 2)
        data = _tensor_bytes.read(self.file, self.region, first, last - first)
        codes = numpy.stack((data >> 4, data & 15), axis=1).reshape(-1)[start % 2 :][:count]
        blocks = start // self.block, (start + count - 1) // self.block
        scales = self.scale.of(blocks[0], blocks[1] - blocks[0] + 1)
        wide = numpy.repeat(scales, self.block)[start % self.block :][:count]
        found: NDArray[Any] = self.book[codes] * wide
        return found

    def numbers(self, raw: "NDArray[Any]", room: Room) -> "NDArray[Any]":
        """As in `Source`."""
        return raw

    def verify(self) -> None:
        """As in `Source`."""
        self.file.verify()
        self.scale.stored.file.verify()
        if self.scale.nested is not None:
            self.scale.nested.scales.file.verify()


def packed(places: Mapping[str, Place]) -> tuple[Mapping[str, Packed], frozenset[str], tuple[str, ...]]:
    """(weights by name, names of their parts, why others are compared as bytes)."""
    found: dict[str, Packed] = {}
    parts: set[str] = set()
    problems: list[str] = []
    for name in places:
        weight, mark, kind = name.rpartition(MARK)
        if not mark or kind not in _KINDS or weight not in places:
            continue
        try:
            found[weight] = _one(places, weight, name, kind)
        except CannotRead as error:
            problems.append(
                f"{places[name].weights.path} {error.reason}; {shown(weight)} is compared as bytes"
            )
            continue
        parts.update(
            (name, *(part for end in _PARTS if (part := f"{weight}.{end}") in places)),
        )
    return found, frozenset(parts), tuple(problems)


def _one(places: Mapping[str, Place], weight: str, name: str, kind: str) -> Packed:
    state = _state(places[name])
    shape, block = _shape(state.get("shape"), name), _block(state.get("blocksize"), name)
    elements = math.prod(shape)
    data = places[weight].region()
    size = data.elements * data.bits // 8
    if size != -(-elements // 2):
        raise CannotRead(f"gives {shown(weight)} {size:,} bytes for {elements:,} elements of 4 bits")
    stored = Region(weight, "U8", size, data.begin)
    book = _floats(places, f"{weight}.quant_map", 16).read(0, 16)
    scale = _scale(places, weight, state, -(-elements // block), name)
    return Packed(places[weight].opened(), stored, kind.upper(), shape, book, scale, block)


def _scale(
    places: Mapping[str, Place], weight: str, state: Mapping[str, object], blocks: int, name: str
) -> Scale:
    stored = _numbers(places, f"{weight}.absmax")
    if stored.region.elements != blocks:
        raise CannotRead(
            f"holds {stored.region.elements:,} scales for the {blocks:,} blocks of {shown(weight)}"
        )
    if f"{weight}.nested_absmax" not in places:
        if stored.region.dtype != "F32":
            raise CannotRead(f"holds the scales of {shown(weight)} in {stored.region.dtype}, not F32")
        return Scale(stored)
    block, offset = _block(state.get("nested_blocksize"), name), state.get("nested_offset")
    if stored.region.dtype != "U8" or not isinstance(offset, int | float) or not math.isfinite(offset):
        raise CannotRead(f"describes the scales of {shown(weight)} in a way that is not read")
    outer = _floats(places, f"{weight}.nested_absmax", -(-blocks // block))
    book = _floats(places, f"{weight}.nested_quant_map", 256).read(0, 256)
    return Scale(stored, Nested(book, outer, block, offset))


def _numbers(places: Mapping[str, Place], name: str) -> Numbers:
    if name not in places:
        raise CannotRead(f"holds no tensor {shown(name)}")
    return Numbers(places[name].opened(), places[name].region())


def _floats(places: Mapping[str, Place], name: str, elements: int) -> Numbers:
    """A float32 tensor of so many elements. Raises CannotRead for any other."""
    found = _numbers(places, name)
    if found.region.dtype != "F32" or found.region.elements != elements:
        held = f"{found.region.elements:,} elements of {found.region.dtype}"
        raise CannotRead(f"holds {held} in {shown(name)}, not {elements:,} F32")
    return found


def _state(place: Place) -> Mapping[str, object]:
    region = place.region()
    if region.dtype != "U8" or region.elements > _STATE_LIMIT:
        raise CannotRead(f"holds a quantization state {shown(place.name)} that is no short text")
    try:
        found = json.loads(_tensor_bytes.read(place.opened(), region, 0, region.elements).tobytes())
    except (ValueError, RecursionError) as error:
        raise CannotRead(f"holds a quantization state {shown(place.name)} that is not JSON") from error
    if not isinstance(found, dict):
        raise CannotRead(f"holds a quantization state {shown(place.name)} that is no JSON object")
    return found


def _shape(value: object, name: str) -> tuple[int, ...]:
    if not isinstance(value, list) or len(value) > 8:
        raise CannotRead(f"gives no shape in {shown(name)}")
    sizes = tuple(item for item in value if isinstance(item, int) and 0 < item < 2**40)
    if len(sizes) != len(value):
        raise CannotRead(f"gives no shape in {shown(name)}")
    return sizes


def _block(value: object, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= _BLOCK_LIMIT:
        raise CannotRead(f"gives no possible size of a block in {shown(name)}")
    return value
