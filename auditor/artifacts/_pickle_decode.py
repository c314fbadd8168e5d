"""A pickle's bytes as operations, decoded as CPython's own unpickler does it.

``pickletools.genops`` is not used because it refuses what ``pickle.load`` accepts (a STRING that is not ASCII, an INT
in hexadecimal, names that are not ASCII) and accepts what it does not (escapes in names): a file could execute in one
and be "damaged" in the other. Opcodes and their arguments: CPython 3.11, Modules/_pickle.c, load_*.
"""

from __future__ import annotations

import codecs
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Argument = Callable[[bytes, int], tuple[object, int]]
    """Reads an argument of a pickle's bytes at a place; returns it and the place after it. EOFError when cut off."""

OPCODE_LIMIT = 4_000_000
"""A 239 MB optimizer of 478 tensors has 44,318 opcodes; each opcode costs at most some hundred bytes here."""
_NEWEST_PROTOCOL = 5
_OCTAL = rb"\s*[+-]?0[0-7]+\s*"


def operation(data: bytes, at: int) -> tuple[str, object, int]:
    """Name and argument of the operation at an offset, and the offset behind it.

    Raises EOFError when the bytes end early, ValueError (UnicodeDecodeError, struct.error) when they are no pickle.
    """
    if at >= len(data):
        raise EOFError
    found = _OPCODES.get(data[at])
    if found is None:
        raise ValueError(f"byte {data[at]:#04x} is no opcode")
    name, reader = found
    argument, after = reader(data, at + 1) if reader else (None, at + 1)
    return name, argument, after


def is_opcode(byte: int) -> bool:
    """Whether a pickle can begin with a byte."""
    return byte in _OPCODES


def _take(data: bytes, at: int, size: int) -> tuple[bytes, int]:
    if size > len(data) - at:
        raise EOFError
    return data[at : at + size], at + size


def _line(data: bytes, at: int) -> tuple[bytes, int]:
    end = data.find(b"\n", at)
    if end < 0:
        raise EOFError
    return data[at:end], end + 1


def _fixed(form: str) -> Argument:
    size = struct.calcsize(form)

    def read(data: bytes, at: int) -> tuple[object, int]:
        raw, after = _take(data, at, size)
        return struct.unpack(form, raw)[0], after

    return read


def _counted(form: str, decode: Callable[[bytes], object]) -> Argument:
    width = struct.calcsize(form)

    def read(data: bytes, at: int) -> tuple[object, int]:
        raw, after = _take(data, at, width)
        size: int = struct.unpack(form, raw)[0]
        if size < 0:
            raise ValueError("a negative length")
        content, after = _take(data, after, size)
        return decode(content), after

    return read


def _on_line(decode: Callable[[bytes], object]) -> Argument:
    def read(data: bytes, at: int) -> tuple[object, int]:
        raw, after = _line(data, at)
        return decode(raw), after

    return read


def text_of(raw: bytes) -> str:
    """UTF-8; lone surrogates, which pickles may hold and no output can, become ``\\udcxx`` spelled out."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return _spelled(raw.decode("utf-8", "surrogatepass"))


def _spelled(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _old_text(raw: bytes) -> str:
    """A byte string of Python 2: torch reads it as UTF-8; what is not becomes Latin-1, so that nothing is lost."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _quoted(raw: bytes) -> str:
    raw = raw.rstrip(b"\r \t")
    if len(raw) < 2 or raw[:1] not in (b"'", b'"') or raw[-1:] != raw[:1]:
        raise ValueError("a string without quotes")
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # escapes that newer Pythons warn about
        return _old_text(codecs.escape_decode(raw[1:-1])[0] if b"\\" in raw else raw[1:-1])


def _raw_unicode(raw: bytes) -> str:
    return _spelled(codecs.raw_unicode_escape_decode(raw)[0])


def _integer(raw: bytes) -> int:
    """C's ``strtol`` with base 0: decimal, 0x.., and octal with a leading zero."""
    import re

    return int(raw, 8) if re.fullmatch(_OCTAL, raw) else int(raw, 0)


def _int(raw: bytes) -> int | bool:
    return raw == b"01" if raw in (b"00", b"01") else _integer(raw)


def _long(raw: bytes) -> int:
    return _integer(raw.removesuffix(b"L"))


def _little(raw: bytes) -> int:
    return int.from_bytes(raw, "little", signed=True)


def _pair(data: bytes, at: int) -> tuple[object, int]:
    module, at = _line(data, at)
    name, at = _line(data, at)
    return (module.decode(), name.decode()), at


def _protocol(data: bytes, at: int) -> tuple[object, int]:
    raw, after = _take(data, at, 1)
    if raw[0] > _NEWEST_PROTOCOL:
        raise ValueError(f"protocol {raw[0]}")
    return raw[0], after


def _frame(data: bytes, at: int) -> tuple[object, int]:
    raw, after = _take(data, at, 8)
    if int.from_bytes(raw, "little") > len(data) - after:
        raise EOFError
    return None, after


_BARE = {
    "MARK": "(",
    "STOP": ".",
    "POP": "0",
    "POP_MARK": "1",
    "DUP": "2",
    "BINPERSID": "Q",
    "REDUCE": "R",
    "NONE": "N",
    "NEWTRUE": "\x88",
    "NEWFALSE": "\x89",
    "APPEND": "a",
    "APPENDS": "e",
    "BUILD": "b",
    "DICT": "d",
    "EMPTY_DICT": "}",
    "LIST": "l",
    "EMPTY_LIST": "]",
    "OBJ": "o",
    "SETITEM": "s",
    "SETITEMS": "u",
    "TUPLE": "t",
    "EMPTY_TUPLE": ")",
    "NEWOBJ": "\x81",
    "TUPLE1": "\x85",
    "TUPLE2": "\x86",
    "TUPLE3": "\x87",
    "EMPTY_SET": "\x8f",
    "ADDITEMS": "\x90",
    "FROZENSET": "\x91",
    "NEWOBJ_EX": "\x92",
    "STACK_GLOBAL": "\x93",
    "MEMOIZE": "\x94",
    "NEXT_BUFFER": "\x97",
    "READONLY_BUFFER": "\x98",
}
_WITH_ARGUMENT: Mapping[str, tuple[str, Argument]] = {
    "F": ("FLOAT", _on_line(float)),
    "I": ("INT", _on_line(_int)),
    "J": ("BININT", _fixed("<i")),
    "K": ("BININT1", _fixed("<B")),
    "L": ("LONG", _on_line(_long)),
    "M": ("BININT2", _fixed("<H")),
    "P": ("PERSID", _on_line(_old_text)),
    "S": ("STRING", _on_line(_quoted)),
    "T": ("BINSTRING", _counted("<i", _old_text)),
    "U": ("SHORT_BINSTRING", _counted("<B", _old_text)),
    "V": ("UNICODE", _on_line(_raw_unicode)),
    "X": ("BINUNICODE", _counted("<I", text_of)),
    "c": ("GLOBAL", _pair),
    "g": ("GET", _on_line(int)),
    "h": ("BINGET", _fixed("<B")),
    "i": ("INST", _pair),
    "j": ("LONG_BINGET", _fixed("<I")),
    "p": ("PUT", _on_line(int)),
    "q": ("BINPUT", _fixed("<B")),
    "r": ("LONG_BINPUT", _fixed("<I")),
    "G": ("BINFLOAT", _fixed(">d")),
    "B": ("BINBYTES", _counted("<I", bytes)),
    "C": ("SHORT_BINBYTES", _counted("<B", bytes)),
    "\x80": ("PROTO", _protocol),
    "\x82": ("EXT1", _fixed("<B")),
    "\x83": ("EXT2", _fixed("<H")),
    "\x84": ("EXT4", _fixed("<i")),
    "\x8a": ("LONG1", _counted("<B", _little)),
    "\x8b": ("LONG4", _counted("<i", _little)),
    "\x8c": ("SHORT_BINUNICODE", _counted("<B", text_of)),
    "\x8d": ("BINUNICODE8", _counted("<Q", text_of)),
    "\x8e": ("BINBYTES8", _counted("<Q", bytes)),
    "\x95": ("FRAME", _frame),
    "\x96": ("BYTEARRAY8", _counted("<Q", bytes)),
}
_OPCODES: Mapping[int, tuple[str, Argument | None]] = {
    **{ord(code): (name, None) for name, code in _BARE.items()},
    **{ord(code): found for code, found in _WITH_ARGUMENT.items()},
}
