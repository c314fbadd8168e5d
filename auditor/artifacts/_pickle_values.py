"""The plain values a pickle is read into; nothing of them is a live object of the library that wrote it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class GlobalRef:
    """A name a pickle refers to (``torch.bfloat16``, ``posix.system``); never imported."""

    module: str
    name: str

    @property
    def dotted(self) -> str:
        """``module.name``."""
        return f"{self.module}.{self.name}"

    def __str__(self) -> str:
        return self.dotted


@dataclass(frozen=True, slots=True)
class EnumValue:
    """A member of an enum: by value as pickled, or by name where the pickle names the member."""

    type_name: str
    value: object

    def __str__(self) -> str:
        return str(self.value)


@dataclass(slots=True)
class Instance:
    """An object of a class that was never imported: its qualified name and its attributes."""

    qualified_name: str
    state: dict[object, object] = field(default_factory=dict)
    arguments: tuple[object, ...] = ()


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


@dataclass(slots=True)
class NumpyArrayRef:
    """A NumPy array or scalar as dtype word (``<u4``), shape and raw bytes."""

    dtype: str = ""
    shape: tuple[int, ...] = ()
    data: bytes = b""


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
    arguments: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class UnsafeCall:
    """What loading the file would execute: the callable, its argument as bounded text, the byte offset."""

    callable: str
    argument: str
    offset: int


TEXT_LIMIT = 200


def bounded(value: object, limit: int = TEXT_LIMIT, depth: int = 3) -> str:
    """A text of at most ``limit`` characters for any read value, without recursion into its depth."""
    if isinstance(value, str | bytes):
        text = repr(value[: limit + 1])
    elif isinstance(value, tuple | list):
        inner = [bounded(item, limit // 2, depth - 1) for item in value[:6]] if depth else ["..."]
        text = f"({', '.join(inner)}{', ...' if len(value) > 6 else ''})"
    elif isinstance(value, int) and value.bit_length() > 256:
        text = f"<integer of {value.bit_length()} bits>"
    elif value is None or isinstance(value, bool | int | float | GlobalRef | EnumValue):
        text = str(value)
    else:
        text = f"<{type(value).__name__}>"
    return text if len(text) <= limit else text[: limit - 3] + "..."
