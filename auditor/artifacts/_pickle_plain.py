"""A value read from a pickle as JSON-like data."""

from __future__ import annotations

from auditor.artifacts._pickle_values import (
    INTEGER_BITS,
    EnumValue,
    GlobalRef,
    Instance,
    NumpyArrayRef,
    Opaque,
    TensorRef,
)

NODES = 100_000
"""Most values `plain` makes: a pickle of 1 KB can share its parts so often that spelling them out never ends."""
_CHARACTERS = 100_000


def plain(value: object, depth: int = 4, nodes: int = NODES) -> object:
    """A read value as JSON-like data: enums and names as text, instances as dicts of their attributes.

    Below ``depth`` levels and beyond ``nodes`` values "..." stands for the rest; texts are cut at 100,000
    characters and integers above 128 bits are described.
    """
    return _Plain(nodes).of(value, depth)


class _Plain:
    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left

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
        return value if value.bit_length() <= INTEGER_BITS else f"<integer of {value.bit_length()} bits>"
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
