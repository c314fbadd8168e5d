"""Base of values that do not change, without `dataclasses`, whose import takes longer than reading a usual file."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import ClassVar, NoReturn, Self

put = object.__setattr__
"""Sets a field in an ``__init__``; nothing else may."""


class Frozen:
    """A value of one class, told apart by its fields: those of ``__slots__``, those of its bases first.

    Like a frozen dataclass with slots, but that a subclass writes its ``__init__`` out, which takes every field by its
    name. Fields that are ``hidden`` are not compared and not shown.
    """

    __slots__ = ()
    _fields: ClassVar[tuple[str, ...]] = ()
    _shown: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, hidden: tuple[str, ...] = ()) -> None:
        super().__init_subclass__()
        cls._fields += tuple(cls.__dict__.get("__slots__", ()))
        cls._shown = tuple(name for name in cls._fields if name not in hidden)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{name} of a {type(self).__name__} does not change")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{name} of a {type(self).__name__} does not change")

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        shown = (f"{name}={getattr(self, name)!r}" for name in self._shown)
        return f"{type(self).__name__}({', '.join(shown)})"

    def __setstate__(self, state: tuple[None, Mapping[str, object]]) -> None:
        for name, value in state[1].items():
            put(self, name, value)

    def _key(self) -> tuple[object, ...]:
        return tuple([getattr(self, name) for name in self._shown])

    def as_dict(self) -> dict[str, object]:
        """The fields by name, none of them copied."""
        return {name: getattr(self, name) for name in self._fields}

    def replaced(self, **changes: object) -> Self:
        """A value with other fields, as `dataclasses.replace` makes it. TypeError for a field it does not have."""
        return type(self)(**{**self.as_dict(), **changes})
