"""The plain values a pickle is read into; nothing of them is a live object of the library that wrote it."""

import struct
from dataclasses import dataclass, field


class TooMuch(Exception):  # noqa: N818 - a limit of ours that somebody's file reaches
    """A pickle that asks for more work than its size can justify; the text completes "the file ..."."""


@dataclass(frozen=True, slots=True)
class GlobalRef:
    """A name a pickle refers to (``torch.bfloat16``, ``posix.system``); never imported."""

    module: str
    name: str
    dotted: str = field(default="", compare=False)
    """``module.name``, made once: a hostile file refers to a long name a million times."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "dotted", f"{self.module}.{self.name}")

    def __str__(self) -> str:
        return self.dotted


@dataclass(frozen=True, slots=True)
class EnumValue:
    """A member of an enum: by value as pickled, or by the value its name stands for."""

    type_name: str
    value: str | int | float | None

    def __str__(self) -> str:
        return str(self.value)


@dataclass(slots=True, eq=False, repr=False)
class Instance:
    """An object of a class that was never imported: qualified name, attributes, arguments, items of a list."""

    qualified_name: str
    state: dict[object, object] = field(default_factory=dict)
    arguments: tuple[object, ...] = ()
    items: list[object] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class StorageRef:
    """Where a tensor's bytes lie: dtype word (``float32``), key of the zip entry, elements."""

    dtype: str
    key: str
    numel: int
    location: str = "cpu"


@dataclass(frozen=True, slots=True)
class TensorRef:
    """A tensor as shape, dtype and place of its bytes; ``stride`` and ``storage_offset`` are in elements."""

    dtype: str
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    storage_offset: int
    storage_key: str
    storage_numel: int
    requires_grad: bool = False

    @property
    def numel(self) -> int:
        """Elements of the tensor."""
        count = 1
        for size in self.shape:
            count *= size
        return count

    @property
    def reach(self) -> int:
        """Elements its storage must have, from the first to the last one the tensor uses; 0 when it is empty."""
        if self.numel == 0:
            return 0
        return (
            self.storage_offset + sum((n - 1) * s for n, s in zip(self.shape, self.stride, strict=True)) + 1
        )

    @property
    def is_contiguous(self) -> bool:
        """Whether its elements lie in the storage one behind the other, in row-major order."""
        step = 1
        for size, stride in zip(reversed(self.shape), reversed(self.stride), strict=True):
            if size != 1 and stride != step:
                return self.numel == 0
            step *= size
        return True


_NUMBERS = {"f8": "d", "f4": "f", "f2": "e", "i8": "q", "i4": "i", "i2": "h", "i1": "b"}
_NUMBERS.update({"u8": "Q", "u4": "I", "u2": "H", "u1": "B", "b1": "?"})


@dataclass(slots=True, eq=False, repr=False)
class NumpyArrayRef:
    """A NumPy array or scalar as dtype word (``<u4``), shape and raw bytes."""

    dtype: str = ""
    shape: tuple[int, ...] = ()
    data: bytes = b""

    @property
    def number(self) -> int | float | bool | None:
        """The value of a scalar; None for arrays and for dtypes that are no number."""
        form = _NUMBERS.get(self.dtype.lstrip("<>|="))
        if form is None or self.shape or len(self.data) != struct.calcsize("<" + form):
            return None
        value: int | float | bool = struct.unpack((">" if self.dtype[:1] == ">" else "<") + form, self.data)[
            0
        ]
        return value


@dataclass(slots=True)
class DtypeRef:
    """A NumPy dtype while a pickle is being read: ``f8`` and its byte order."""

    code: str
    order: str = "<"

    @property
    def word(self) -> str:
        """``<f8``; single bytes have no order."""
        return self.code if self.order == "|" else self.order + self.code


@dataclass(frozen=True, slots=True)
class Opaque:
    """The result of a call that was not made."""

    callable: str


@dataclass(frozen=True, slots=True)
class UnsafeCall:
    """What loading the file would execute: the callable, its argument as bounded text, the byte offset."""

    callable: str
    argument: str
    offset: int


TEXT_LIMIT = 200
_SHOWN_ITEMS = 6
_INTEGER_BITS = 128
"""Longer integers are told by their length: turning them into decimal text is quadratic and refused by Python."""


def bounded(value: object, limit: int = TEXT_LIMIT, depth: int = 3) -> str:
    """A text of at most ``limit`` characters for any read value; looks at six items on three levels, no more."""
    if isinstance(value, str | bytes):
        text = repr(value[: limit + 1])
    elif isinstance(value, tuple | list):
        inner = [bounded(item, limit // 2, depth - 1) for item in value[:_SHOWN_ITEMS]] if depth else ["..."]
        text = f"({', '.join(inner)}{', ...' if len(value) > _SHOWN_ITEMS else ''})"
    elif isinstance(value, int) and value.bit_length() > _INTEGER_BITS:
        text = f"<integer of {value.bit_length()} bits>"
    elif value is None or isinstance(value, bool | int | float | GlobalRef | EnumValue):
        text = str(value)
    else:
        text = f"<{type(value).__name__}>"
    return text if len(text) <= limit else text[: limit - 3] + "..."


def is_atom(value: object) -> bool:
    """Whether a value is one piece of data: text, a number of ordinary length, a truth value, nothing."""
    if isinstance(value, int):
        return value.bit_length() <= _INTEGER_BITS
    return value is None or isinstance(value, str | float)


NODES = 100_000
"""Most values `plain` makes: a pickle of 1 KB can share its parts so often that spelling them out never ends."""
_CHARACTERS = 100_000


def plain(value: object, depth: int = 4, nodes: int = NODES) -> object:
    """A read value as JSON-like data: enums and names as text, instances as dicts of their attributes.

    Below ``depth`` levels and beyond ``nodes`` values "..." stands for the rest; texts are cut at 100,000
    characters and integers above 128 bits are described.
    """
    return _Plain(nodes).of(value, depth)


@dataclass(slots=True)
class _Plain:
    left: int

    def of(self, value: object, depth: int) -> object:
        self.left -= 1
        if isinstance(value, Instance):
            value = value.state or value.items
        if isinstance(value, dict):
            return self._mapping(value, depth) if depth and self.left > 0 else "..."
        if isinstance(value, list | tuple):
            return self._sequence(value, depth) if depth and self.left > 0 else "..."
        return _leaf(value)

    def _mapping(self, value: dict[object, object], depth: int) -> dict[str, object]:
        made: dict[str, object] = {}
        for key, item in value.items():
            if self.left <= 0:
                break
            made[str(key)[:1000]] = self.of(item, depth - 1)
        return made

    def _sequence(self, value: list[object] | tuple[object, ...], depth: int) -> list[object]:
        made: list[object] = []
        for item in value:
            if self.left <= 0:
                break
            made.append(self.of(item, depth - 1))
        return made


def _leaf(value: object) -> object:
    if isinstance(value, str):
        return value[:_CHARACTERS]
    if isinstance(value, int):
        return value if value.bit_length() <= _INTEGER_BITS else f"<integer of {value.bit_length()} bits>"
    if value is None or isinstance(value, float):
        return value
    if isinstance(value, NumpyArrayRef):
        number = value.number
        return number if number is not None else f"<array {value.dtype} {list(value.shape)}>"
    return _described(value)


def _described(value: object) -> str:
    if isinstance(value, EnumValue | GlobalRef):
        return str(value)[:_CHARACTERS]
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, TensorRef):
        return f"<tensor {value.dtype} {list(value.shape)}>"
    if isinstance(value, Opaque):
        return f"<result of {value.callable}>"
    return f"<{type(value).__name__}>"
