"""Files that torch saved, taken apart without importing what they name, and put together again with one edit."""

import io
import pickle
import zipfile
from collections.abc import Iterator
from dataclasses import replace

from tests.builders.pickles import Call, Global, New, Opcodes, Writer


class Made:
    """What a name of the pickle makes: its arguments and its state, kept instead of used."""

    name: Global
    arguments: tuple[object, ...]
    state: object = None
    called = False

    def __new__(cls, *arguments: object) -> "Made":
        made = object.__new__(cls)
        made.arguments = arguments
        return made

    def __init__(self, *_arguments: object) -> None:
        self.called = True

    def __setstate__(self, state: object) -> None:
        self.state = state


class Reader(pickle.Unpickler):
    """Unpickles into `Made`; no name of the file is imported."""

    def find_class(self, module: str, name: str) -> type[Made]:
        return type(name, (Made,), {"name": Global(module, name)})

    def persistent_load(self, identity: object) -> object:
        return Opcodes(Writer().encode(kept(identity)) + b"Q")


def kept(value: object) -> object:
    """The value in the words of `tests.builders.pickles`."""
    if isinstance(value, type) and issubclass(value, Made):
        return value.name
    if isinstance(value, Made):
        arguments, state = tuple(map(kept, value.arguments)), kept(value.state)
        return Call(value.name, arguments, state) if value.called else New(value.name, state, arguments)
    if isinstance(value, dict):
        return {kept(key): kept(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(kept, value))
    return value


class TorchFile:
    """One file of torch.save: its value, and its storages as bytes."""

    def __init__(self, data: bytes) -> None:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            self.entries = {name: archive.read(name) for name in archive.namelist()}
        self.pickle = next(name for name in self.entries if name.endswith("/data.pkl"))
        self.value = kept(Reader(io.BytesIO(self.entries[self.pickle])).load())

    def with_value(self, value: object) -> bytes:
        """The file with another value."""
        return self._zipped({**self.entries, self.pickle: Writer().dumps(value)})

    def storage(self, key: str) -> str:
        """The name of a storage's entry."""
        return self.pickle.removesuffix("data.pkl") + f"data/{key}"

    def with_storage(self, key: str, data: bytes) -> bytes:
        """The file with other bytes in one storage."""
        return self._zipped({**self.entries, self.storage(key): data})

    def _zipped(self, entries: dict[str, bytes]) -> bytes:
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
            for name, data in entries.items():
                archive.writestr(name, data)
        return target.getvalue()


Place = tuple[str | int, ...]


def leaves(value: object, at: Place = ()) -> Iterator[tuple[Place, object]]:
    """Every plain value inside, by place; an enum's member is its one argument, a small list is one leaf."""
    match value:
        case New(state=dict(inside)) | dict(inside) if inside:
            for key, item in inside.items():
                yield from leaves(item, (*at, key))
        case Call(arguments=(str(word),)):
            yield at, word
        case list() | tuple() if at[-1:] in SEQUENCES:
            for index, item in enumerate(value):
                yield from leaves(item, (*at, index))
        case None | bool() | int() | float() | str() | list() | dict():
            yield at, value


SEQUENCES = (("betas",), ("_last_lr",), ("base_lrs",), ("param_groups",))
"""Lists whose items are fields of their own."""


def replaced(value: object, at: Place, other: object) -> object:
    """The value with another leaf at a place; None as ``other`` of an enum is None itself."""
    if not at:
        return replace(value, arguments=(other,)) if isinstance(value, Call) and other is not None else other
    match value:
        case New(state=dict(state)):
            return replace(value, state={**state, at[0]: replaced(state.get(at[0]), at[1:], other)})
        case dict():
            return {**value, at[0]: replaced(value.get(at[0]), at[1:], other)}
        case list() | tuple():
            return type(value)(
                replaced(item, at[1:], other) if index == at[0] else item for index, item in enumerate(value)
            )
    raise TypeError(type(value))


def without(value: object, at: Place) -> object:
    """The value without the key at a place."""
    if len(at) > 1:
        inner = value.state if isinstance(value, New) else value
        return replaced(value, at[:1], without(inner[at[0]], at[1:]))  # type: ignore[index]
    if isinstance(value, New) and isinstance(value.state, dict):
        return replace(value, state={key: item for key, item in value.state.items() if key != at[0]})
    assert isinstance(value, dict)
    return {key: item for key, item in value.items() if key != at[0]}
