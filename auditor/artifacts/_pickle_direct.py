"""Short ways for the operations that nearly all of a pickle consists of: the argument taken and used in one step.

Each does what `_pickle_opcodes.carry_out` does with the same operation, a third as long; tests hold them against each
other. They are not called in the last bytes of a pickle, so that an argument of a fixed length is never cut off.
"""

from __future__ import annotations

import struct

from auditor.artifacts._pickle_decode import text_of
from auditor.artifacts._pickle_machine import Machine
from auditor.artifacts._pickle_storages import storage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Direct = Callable[[Machine, bytes, int], int]
    """Carries out the operation at an offset of a pickle's bytes; returns the offset behind it."""

_UNSIGNED, _SIGNED, _DOUBLE = struct.Struct("<I"), struct.Struct("<i"), struct.Struct(">d")


def _constant(value: object) -> Direct:
    def push(m: Machine, _: bytes, at: int) -> int:
        m.stack.append(value)
        return at + 1

    return push


def _byte(m: Machine, data: bytes, at: int) -> int:
    m.stack.append(data[at + 1])
    return at + 2


def _two_bytes(m: Machine, data: bytes, at: int) -> int:
    m.stack.append(data[at + 1] | data[at + 2] << 8)
    return at + 3


def _integer(m: Machine, data: bytes, at: int) -> int:
    m.stack.append(_SIGNED.unpack_from(data, at + 1)[0])
    return at + 5


def _float(m: Machine, data: bytes, at: int) -> int:
    m.stack.append(_DOUBLE.unpack_from(data, at + 1)[0])
    return at + 9


def _text(m: Machine, data: bytes, at: int) -> int:
    begin = at + 5
    end: int = begin + _UNSIGNED.unpack_from(data, at + 1)[0]
    if end > len(data):
        raise EOFError
    m.stack.append(text_of(data[begin:end]))
    return end


def _short_text(m: Machine, data: bytes, at: int) -> int:
    begin = at + 2
    end = begin + data[at + 1]
    if end > len(data):
        raise EOFError
    m.stack.append(text_of(data[begin:end]))
    return end


def _put(m: Machine, data: bytes, at: int) -> int:
    _remember(m, data[at + 1])
    return at + 2


def _long_put(m: Machine, data: bytes, at: int) -> int:
    (index,) = _UNSIGNED.unpack_from(data, at + 1)
    if index == len(m.memo) and not m.sparse:
        m.memo.append(m.stack[-1])
    else:
        m.remember(index, m.stack[-1])
    return at + 5


def _memoize(m: Machine, _: bytes, at: int) -> int:
    _remember(m, len(m.memo) + len(m.sparse))
    return at + 1


def _remember(m: Machine, index: int) -> None:
    if index == len(m.memo) and not m.sparse:
        m.memo.append(m.stack[-1])
    else:
        m.remember(index, m.stack[-1])


def _get(m: Machine, data: bytes, at: int) -> int:
    index = data[at + 1]
    m.stack.append(m.recall(index) if m.sparse or index >= len(m.memo) else m.memo[index])
    return at + 2


def _long_get(m: Machine, data: bytes, at: int) -> int:
    m.stack.append(m.recall(_UNSIGNED.unpack_from(data, at + 1)[0]))
    return at + 5


def _mark(m: Machine, _: bytes, at: int) -> int:
    m.marks.append(m.stack)
    m.stack = []
    return at + 1


def _tuple(m: Machine, _: bytes, at: int) -> int:
    items = tuple(m.stack)
    m.stack = m.marks.pop()
    m.stack.append(items)
    return at + 1


def _pair(m: Machine, _: bytes, at: int) -> int:
    second, first = m.stack.pop(), m.stack.pop()
    m.stack.append((first, second))
    return at + 1


def _reduce(m: Machine, _: bytes, at: int) -> int:
    m.offset = at
    arguments, what = m.stack.pop(), m.stack.pop()
    m.stack.append(m.call(what, arguments))
    return at + 1


def _persistent(m: Machine, _: bytes, at: int) -> int:
    m.offset = at
    m.stack.append(storage(m, m.stack.pop()))
    return at + 1


DIRECT: Mapping[int, Direct] = {
    ord(code): way
    for code, way in {
        "N": _constant(None),
        "\x88": _constant(True),
        "\x89": _constant(False),
        ")": _constant(()),
        "K": _byte,
        "M": _two_bytes,
        "J": _integer,
        "G": _float,
        "X": _text,
        "\x8c": _short_text,
        "q": _put,
        "r": _long_put,
        "\x94": _memoize,
        "h": _get,
        "j": _long_get,
        "(": _mark,
        "t": _tuple,
        "\x86": _pair,
        "R": _reduce,
        "Q": _persistent,
    }.items()
}
"""By opcode (CPython, Lib/pickletools.py)."""
