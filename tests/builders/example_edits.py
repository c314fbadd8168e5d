"""What the lines of an example do to one file: JSON, text, pickled states, tensors."""

import fnmatch
import hashlib
import json
import re
from typing import Any

from auditor.errors import CannotRead
from auditor.model import Blob, Digest
from tests.builders import torch_files

GONE = object()


def unfetched(path: str, data: bytes, size: int | None = None) -> Blob:
    """The file as a Git LFS pointer whose content is on no disk here; of another size when one is given."""
    size = len(data) if size is None else size
    why = f"its content ({size:,} bytes) is in Git LFS and was not fetched to this machine"

    def refuse() -> Any:
        raise CannotRead(why, "unfetched")

    oid = Digest("sha256", hashlib.sha256(data).hexdigest())
    return Blob(path, size, refuse, object_id=oid, lfs=oid, absent=why)


def json_set(data: bytes, pointer: str, value: object) -> bytes:
    """A JSON document with one value set, added or (GONE) removed; without a file it begins with ``{}``.

    A ``*`` in the pointer stands for every item of a list; its last key is then changed only where it is there.
    """
    document = json.loads(data or b"{}")
    *parents, last = (part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/"))
    targets: list[Any] = [document]
    for part in parents:
        targets = [item for target in targets for item in _children(target, part)]
    if "*" in parents:
        targets = [target for target in targets if last in target]
    for target in targets:
        _set(target, last, value)
    return json.dumps(document, indent=2).encode()


def _children(target: Any, part: str) -> list[Any]:
    if part == "*":
        return list(target)
    return [target[int(part)] if isinstance(target, list) else target[part]]


def _set(target: Any, last: str, value: object) -> None:
    key: Any = int(last) if isinstance(target, list) and last != "-" else last
    if value is GONE:
        del target[key]
    elif isinstance(target, list) and key == "-":
        target.append(value)
    else:
        target[key] = value


def replaced(data: bytes, old: str, new: str) -> bytes:
    """A text with every occurrence of another text, which must be there."""
    if old.encode() not in data:
        raise ValueError(f"{old!r} does not occur")
    return data.replace(old.encode(), new.encode())


def flipped(data: bytes, at: int) -> bytes:
    """A file with one bit of one byte changed."""
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def pickled(data: bytes, name: str, value: object) -> bytes:
    """A file that torch saved with another value at one place: ``learning_rate``, ``param_groups/0/eps``."""
    file = torch_files.TorchFile(data)
    at = tuple(int(part) if part.isdigit() else part for part in re.split("[/.]", name))
    return file.with_value(torch_files.replaced(file.value, at, value))


def tensors(data: bytes, glob: str, change: str) -> bytes:
    """A safetensors file with the tensors that a glob names changed, one at least.

    ``of shape`` adds a tensor that is not there, in a new file if need be.
    """
    import numpy
    from safetensors.numpy import load, save

    arrays: dict[str, Any] = load(data) if data else {}
    names = fnmatch.filter(arrays, glob)
    if not names and not change.startswith("of shape "):
        raise ValueError(f"no tensor is called {glob}")
    for name in names or [glob]:
        match change.split():
            case ["removed"]:
                del arrays[name]
            case ["renamed", old, "->", new]:
                arrays[name.replace(json.loads(old), json.loads(new))] = arrays.pop(name)
            case ["of", "shape", shape]:
                arrays[name] = numpy.ones([int(size) for size in shape.split("x")], numpy.float32)
            case words:
                arrays[name] = _numbers(arrays[name], words)
    made: bytes = save(arrays)
    return made


def _numbers(array: Any, words: list[str]) -> Any:
    """Other numbers in one tensor."""
    import numpy

    match words:
        case ["=", value]:
            return numpy.full_like(array, float(value))
        case ["*", factor]:
            return array * numpy.float32(factor)
        case ["rows", count]:
            return numpy.resize(array, (int(count), *array.shape[1:]))
        case ["as", dtype]:
            return array.astype(dtype)
    raise ValueError(f"no change of tensors: {' '.join(words)}")
