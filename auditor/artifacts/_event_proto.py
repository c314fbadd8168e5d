"""The handful of protobuf messages an event file is made of, decoded without a protobuf library.

Field numbers: tensorboard 2.21.0, compat/proto/{event,summary,tensor,tensor_shape,types}.proto and
plugins/hparams/plugin_data.proto.
"""

from __future__ import annotations

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_KINDS = {2: "simple_value", 3: "old_histogram", 4: "image", 5: "histo", 6: "audio", 8: "tensor"}
_STRING, _BFLOAT16 = 7, 14
_INTEGERS = 7
"""Field int_val, which holds DT_INT32, UINT8, INT16, INT8 and UINT16; other types have a field of their own."""
_NUMBERS: Mapping[int, tuple[int, str]] = {
    1: (5, "f"),
    2: (6, "d"),
    3: (_INTEGERS, "i"),
    4: (_INTEGERS, "B"),
    5: (_INTEGERS, "h"),
    6: (_INTEGERS, "b"),
    9: (10, "q"),
    10: (11, "?"),
    _BFLOAT16: (13, "H"),
    17: (_INTEGERS, "H"),
    19: (13, "e"),
    22: (16, "I"),
    23: (17, "Q"),
}
"""dtype -> field number of its values and `struct` letter; bfloat16 has none and is first taken as an integer."""
VALUE_LIMIT = 1_000_000
"""Most values of one event, and strings of one tensor; 2 bytes of a hostile record would become 100 each."""


class MalformedError(ValueError):
    """These bytes are not the message they should be."""


class Value:
    """One value of a summary; ``number`` is set for single numbers, ``texts`` for string tensors."""

    __slots__ = ("content", "kind", "number", "plugin", "tag", "texts")

    def __init__(self) -> None:
        self.tag = ""
        self.kind = ""
        self.plugin = ""
        self.content = b""
        self.number: float | None = None
        self.texts: tuple[str, ...] = ()


class Event:
    """One event; ``wall_time`` in seconds since 1970, ``writer`` from its source metadata."""

    __slots__ = ("file_version", "step", "values", "wall_time", "writer")

    def __init__(self) -> None:
        self.wall_time = 0.0
        self.step = 0
        self.file_version = ""
        self.writer = ""
        self.values: list[Value] = []


def plain_scalar(tag: str) -> bytes:
    """A summary of one value that has a tag and a simple_value, as protobuf writes it, without the number's 4 bytes."""
    name = tag.encode()
    value = b"\x0a" + _length(len(name)) + name + b"\x15"
    summary = b"\x0a" + _length(len(value) + 4) + value
    return b"\x2a" + _length(len(summary) + 4) + summary


def _length(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def event(data: bytes) -> Event:
    """Decode one record. Raises ValueError (MalformedError, or a string that is not UTF-8)."""
    found = Event()
    for number, wire, one, two in _fields(data, 0, len(data)):
        if number == 1 and wire == _FIXED64:
            (found.wall_time,) = struct.unpack_from("<d", data, one)
        elif number == 2 and wire == _VARINT:
            found.step = _signed(one)
        elif number == 3 and wire == _BYTES:
            found.file_version = data[one:two].decode()
        elif number == 5 and wire == _BYTES:
            _summary(found.values, data, one, two)
        elif number == 10 and wire == _BYTES:
            found.writer = _text(data, one, two, 1) or found.writer
    return found


def hparams(content: bytes) -> Mapping[str, object] | None:
    """The hyperparameters of an HParamsPluginData that starts a session; None for its other kinds."""
    found: dict[str, object] | None = None
    for number, wire, one, two in _fields(content, 0, len(content)):
        if number == 3 and wire == _BYTES:
            found = {} if found is None else found
            for inner, kind, begin, end in _fields(content, one, two):
                if inner == 1 and kind == _BYTES:
                    found[_text(content, begin, end, 1)] = _hparam(content, begin, end)
    return found


def _fields(data: bytes, position: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield (field number, wire type, value, 0) for varints and (number, type, begin, end) for all others."""
    while position < end:
        # Nearly all keys are one byte, which needs no call.
        key = data[position]
        if key < 128:
            position += 1
        else:
            key, position = _varint(data, position, end)
        wire = key & 7
        if key < 8:
            raise MalformedError("field number 0")
        if wire == _VARINT:
            value, position = _varint(data, position, end)
            yield key >> 3, wire, value, 0
            continue
        if wire == _BYTES:
            length, position = _varint(data, position, end)
        elif wire in (_FIXED64, _FIXED32):
            length = 8 if wire == _FIXED64 else 4
        else:
            raise MalformedError(f"wire type {wire}")
        if length > end - position:
            raise MalformedError("a field longer than its message")
        yield key >> 3, wire, position, position + length
        position += length


def _varint(data: bytes, position: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while position < end and shift < 70:
        byte = data[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & 0xFFFFFFFFFFFFFFFF, position
        shift += 7
    raise MalformedError("a number without end")


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _text(data: bytes, begin: int, end: int, wanted: int) -> str:
    """The last string of one field number in a message; "" when there is none."""
    found = ""
    for number, wire, one, two in _fields(data, begin, end):
        if number == wanted and wire == _BYTES:
            found = data[one:two].decode()
    return found


def _summary(values: list[Value], data: bytes, begin: int, end: int) -> None:
    for number, wire, one, two in _fields(data, begin, end):
        if number == 1 and wire == _BYTES:
            values.append(_value(data, one, two))
            if len(values) > VALUE_LIMIT:
                raise MalformedError("too many values")


def _value(data: bytes, begin: int, end: int) -> Value:
    found = Value()
    node = ""
    for number, wire, one, two in _fields(data, begin, end):
        if number in _KINDS and wire == (_FIXED32 if number == 2 else _BYTES):
            # A oneof: the last member in the message counts.
            found.kind, found.number, found.texts = _KINDS[number], None, ()
            _content(found, number, data, one, two)
        elif number == 1 and wire == _BYTES:
            found.tag = data[one:two].decode()
        elif number == 7 and wire == _BYTES:
            node = data[one:two].decode()
        elif number == 9 and wire == _BYTES:
            _metadata(found, data, one, two)
    if found.kind == "tensor" and not found.tag:
        found.tag = node
    return found


def _content(found: Value, number: int, data: bytes, one: int, two: int) -> None:
    if number == 2:
        (found.number,) = struct.unpack_from("<f", data, one)
    elif number == 8:
        _tensor(found, data, one, two)


def _metadata(found: Value, data: bytes, begin: int, end: int) -> None:
    for number, wire, one, two in _fields(data, begin, end):
        if number == 1 and wire == _BYTES:
            found.plugin = _text(data, one, two, 1)
            for inner, kind, start, stop in _fields(data, one, two):
                if inner == 2 and kind == _BYTES:
                    found.content = data[start:stop]


def _tensor(found: Value, data: bytes, begin: int, end: int) -> None:
    """The strings of a string tensor, or the number of a tensor with one element."""
    dtype, content, elements = 0, b"", 1
    for number, wire, one, two in _fields(data, begin, end):
        if number == 1 and wire == _VARINT:
            dtype = one
        elif number == 2 and wire == _BYTES:
            elements = _elements(data, one, two)
        elif number == 4 and wire == _BYTES and two - one <= 8:
            content = data[one:two]
    if dtype == _STRING:
        found.texts = tuple(_strings(data, begin, end))
    elif dtype in _NUMBERS and elements == 1:
        wanted, letter = _NUMBERS[dtype]
        found.number = _only(content or _single(data, begin, end, wanted, letter), letter)
        if dtype == _BFLOAT16 and found.number is not None:
            (found.number,) = struct.unpack("<f", struct.pack("<I", int(found.number) << 16))


def _elements(data: bytes, begin: int, end: int) -> int:
    """How many elements a TensorShapeProto gives; a single value in the proto stands for all of them."""
    count = 1
    for number, wire, one, two in _fields(data, begin, end):
        if number == 2 and wire == _BYTES:
            size = 0
            for inner, kind, value, _ in _fields(data, one, two):
                size = value if inner == 1 and kind == _VARINT else size
            count = min(count * size, VALUE_LIMIT)
    return count


def _strings(data: bytes, begin: int, end: int) -> Iterator[str]:
    count = 0
    for number, wire, one, two in _fields(data, begin, end):
        if number == 8 and wire == _BYTES:
            count += 1
            if count > VALUE_LIMIT:
                raise MalformedError("too many strings")
            yield data[one:two].decode(errors="replace")


def _single(data: bytes, begin: int, end: int, wanted: int, letter: str) -> bytes:
    """The little-endian bytes of a repeated field's only element, packed or not; b"" when there are more.

    Half-precision numbers are stored as the integer of their bits.
    """
    found: list[bytes] = []
    size = struct.calcsize("<" + letter)
    for number, wire, one, two in _fields(data, begin, end):
        if number != wanted or len(found) > 1:
            continue
        if wire == _VARINT:
            found.append(_low_bytes(one, size))
        elif letter in "fd" or two - one > 10:
            found.append(data[one:two] if two - one <= size else b"")
        elif two > one:
            value, position = _varint(data, one, two)
            found.append(_low_bytes(value, size) if position == two else b"")
    return found[0] if len(found) == 1 else b""


def _low_bytes(value: int, size: int) -> bytes:
    return (value & ((1 << size * 8) - 1)).to_bytes(size, "little")


def _only(raw: bytes, letter: str) -> float | None:
    return float(struct.unpack("<" + letter, raw)[0]) if len(raw) == struct.calcsize("<" + letter) else None


def _hparam(data: bytes, begin: int, end: int) -> object:
    """The google.protobuf.Value of a map entry; None for null and for lists and structures."""
    found: object = None
    for number, wire, one, two in _fields(data, begin, end):
        if number == 2 and wire == _BYTES:
            for inner, kind, start, stop in _fields(data, one, two):
                if inner == 2 and kind == _FIXED64:
                    (found,) = struct.unpack_from("<d", data, start)
                elif inner == 3 and kind == _BYTES:
                    found = data[start:stop].decode()
                elif inner == 4 and kind == _VARINT:
                    found = bool(start)
    return found
