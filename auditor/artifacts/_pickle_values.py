"""The plain values a pickle is read into; nothing of them is a live object of the library that wrote it."""

from __future__ import annotations

import struct

from auditor.model import Frozen
from auditor.model.frozen import put


class NotRead(Exception):  # noqa: N818 - somebody's file, no error of ours
    """A pickle that is read no further; the text completes "the file ..."."""


class TooMuch(NotRead):
    """A pickle that asks for more work than its size can justify."""


class GlobalRef(Frozen, hidden=("dotted",)):
    """A name a pickle refers to (``torch.bfloat16``, ``posix.system``); never imported."""

    module: str
    name: str
    dotted: str
    """``module.name``, made once: a hostile file refers to a long name a million times."""
    __slots__ = ("dotted", "module", "name")

    def __init__(self, module: str, name: str) -> None:
        put(self, "module", module)
        put(self, "name", name)
        put(self, "dotted", f"{module}.{name}")

    def __str__(self) -> str:
        return self.dotted


class EnumValue(Frozen):
    """A member of an enum: by value as pickled, or by the value its name stands for."""

    type_name: str
    value: str | int | float | None
    __slots__ = ("type_name", "value")

    def __init__(self, type_name: str, value: str | int | float | None) -> None:
        put(self, "type_name", type_name)
        put(self, "value", value)

    def __str__(self) -> str:
        return str(self.value)


class Instance:
    """An object of a class that was never imported: qualified name, attributes, arguments, items of a list."""

    __slots__ = ("arguments", "items", "qualified_name", "state")

    def __init__(
        self,
        qualified_name: str,
        state: dict[object, object] | None = None,
        arguments: tuple[object, ...] = (),
        items: list[object] | None = None,
    ) -> None:
        self.qualified_name = qualified_name
        self.state: dict[object, object] = {} if state is None else state
        self.arguments = arguments
        self.items: list[object] = [] if items is None else items


class StorageRef(Frozen):
    """Where a tensor's bytes lie: dtype word (``float32``), key of the zip entry, elements."""

    dtype: str
    key: str
    numel: int
    location: str
    __slots__ = ("dtype", "key", "location", "numel")

    def __init__(self, dtype: str, key: str, numel: int, location: str = "cpu") -> None:
        put(self, "dtype", dtype)
        put(self, "key", key)
        put(self, "numel", numel)
        put(self, "location", location)


class TensorRef(Frozen):
    """A tensor as shape, dtype and place of its bytes; ``stride`` and ``storage_offset`` are in elements."""

    dtype: str
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    storage_offset: int
    storage_key: str
    storage_numel: int
    requires_grad: bool
    __slots__ = (
        *("dtype", "requires_grad", "shape", "storage_key", "storage_numel", "storage_offset", "stride"),
    )

    def __init__(
        self,
        dtype: str,
        shape: tuple[int, ...],
        stride: tuple[int, ...],
        storage_offset: int,
        storage_key: str,
        storage_numel: int,
        requires_grad: bool = False,
    ) -> None:
        put(self, "dtype", dtype)
        put(self, "shape", shape)
        put(self, "stride", stride)
        put(self, "storage_offset", storage_offset)
        put(self, "storage_key", storage_key)
        put(self, "storage_numel", storage_numel)
        put(self, "requires_grad", requires_grad)

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


class NumpyArrayRef:
    """A NumPy array or scalar as dtype word (``<u4``), shape and raw bytes."""

    __slots__ = ("data", "dtype", "shape")

    def __init__(self, dtype: str = "", shape: tuple[int, ...] = (), data: bytes = b"") -> None:
        self.dtype = dtype
        self.shape = shape
        self.data = data

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


class DtypeRef:
    """A NumPy dtype while a pickle is being read: ``f8`` and its byte order."""

    __slots__ = ("code", "order")

    def __init__(self, code: str, order: str = "<") -> None:
        self.code = code
        self.order = order

    @property
    def word(self) -> str:
        """``<f8``; single bytes have no order."""
        return self.code if self.order == "|" else self.order + self.code


class Opaque(Frozen):
    """The result of a call that was not made."""

    callable: str
    __slots__ = ("callable",)

    def __init__(self, callable: str) -> None:  # noqa: A002 - the field's name
        put(self, "callable", callable)


class OtherTensor(Opaque):
    """A sparse or quantized tensor, whose numbers are not read: its shape, the dtype of what is stored, its kind."""

    kind: str
    dtype: str
    shape: tuple[int, ...]
    __slots__ = ("dtype", "kind", "shape")

    def __init__(self, callable: str, kind: str, dtype: str, shape: tuple[int, ...]) -> None:  # noqa: A002
        super().__init__(callable)
        put(self, "kind", kind)
        put(self, "dtype", dtype)
        put(self, "shape", shape)


class UnsafeCall(Frozen):
    """What loading the file would execute: the callable, its argument as bounded text, the byte offset."""

    callable: str
    argument: str
    offset: int
    __slots__ = ("argument", "callable", "offset")

    def __init__(self, callable: str, argument: str, offset: int) -> None:  # noqa: A002 - the field's name
        put(self, "callable", callable)
        put(self, "argument", argument)
        put(self, "offset", offset)


TEXT_LIMIT = 200
_SHOWN_ITEMS = 6
INTEGER_BITS = 128
"""Longer integers are told by their length: turning them into decimal text is quadratic and refused by Python."""


def bounded(value: object, limit: int = TEXT_LIMIT, depth: int = 3) -> str:
    """A text of at most ``limit`` characters for any read value; looks at six items on three levels, no more."""
    if isinstance(value, str | bytes):
        text = repr(value[: limit + 1])
    elif isinstance(value, tuple | list):
        inner = [bounded(item, limit // 2, depth - 1) for item in value[:_SHOWN_ITEMS]] if depth else ["..."]
        text = f"({', '.join(inner)}{', ...' if len(value) > _SHOWN_ITEMS else ''})"
    elif isinstance(value, int) and value.bit_length() > INTEGER_BITS:
        text = f"<integer of {value.bit_length()} bits>"
    elif value is None or isinstance(value, bool | int | float | GlobalRef | EnumValue):
        text = str(value)
    else:
        text = f"<{type(value).__name__}>"
    return text if len(text) <= limit else text[: limit - 3] + "..."


def is_atom(value: object) -> bool:
    """Whether a value is one piece of data: text, a number of ordinary length, a truth value, nothing."""
    if isinstance(value, int):
        return value.bit_length() <= INTEGER_BITS
    return value is None or isinstance(value, str | float)
