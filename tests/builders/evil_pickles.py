"""Pickles that run a shell command when plain ``pickle.loads`` reads them, and pickles that never end."""

import struct
import sys
from collections.abc import Callable, Mapping

from tests.builders.pickles import Call, Global, New, Opcodes, Writer, make_torch, text

Command = str


def foreign_modules() -> set[str]:
    """What is imported besides our readers, NumPy and codecs, which are loaded when a file first needs them."""
    return {name for name in sys.modules if name.partition(".")[0] not in ("auditor", "numpy", "encodings")}


def _system(command: Command) -> Call:
    return Call(Global("posix", "system"), (command,))


def _imported(command: Command) -> Call:
    module = Call(Global("builtins", "__import__"), ("os",))
    return Call(Call(Global("builtins", "getattr"), (module, "system")), (command,))


def _dotted(command: Command) -> Opcodes:
    """A name with dots, which protocol 4 follows: a harmless module, and a way out of it."""
    return Opcodes(
        b"\x80\x04" + Writer().encode(Call(Global("argparse", "_os.system", stack=True), (command,)))
    )


def _inst(command: Command) -> Opcodes:
    return Opcodes(b"(" + text(command) + b"iposix\nsystem\n")


def _obj(command: Command) -> Opcodes:
    return Opcodes(b"(cposix\nsystem\n" + text(command) + b"o")


def _armed(command: Command) -> Opcodes:
    """A harmless object whose first BUILD sets ``__setstate__``, which the second BUILD calls."""
    hook = Writer().encode(New(Global("argparse", "Namespace"), {"__setstate__": Global("posix", "system")}))
    return Opcodes(hook + text(command) + b"b")


def _appending(command: Command) -> Opcodes:
    hook = Writer().encode(New(Global("argparse", "Namespace"), {"append": Global("posix", "system")}))
    return Opcodes(hook + text(command) + b"a")


def _ordered(command: Command) -> Opcodes:
    """The same trick on a value whose type is on everybody's allow-list."""
    hook = Call(Global("collections", "OrderedDict"), (), {"__setstate__": Global("posix", "system")})
    return Opcodes(Writer().encode(hook) + text(command) + b"b")


def _after_text_that_is_not_ascii(command: Command) -> Opcodes:
    return Opcodes(b"V\\u00e9\xe9\n0" + Writer().encode(_system(command)))


def _after_hexadecimal(command: Command) -> Opcodes:
    return Opcodes(b"I0x10\n0I010\n0" + Writer().encode(_system(command)))


EVIL: Mapping[str, Callable[[Command], object]] = {
    "reduce": _system,
    "stack_global": lambda c: Call(Global("os", "system", stack=True), (c,)),
    "dotted": _dotted,
    "getattr": _imported,
    "exec": lambda c: Call(Global("builtins", "exec"), (f"import os; os.system({c!r})",)),
    "subprocess": lambda c: Call(Global("subprocess", "getoutput"), (c,)),
    "nested": lambda c: [{"deep": ({"deeper": _system(c)},)}],
    "as_argument": lambda c: Call(Global("collections", "OrderedDict"), ([("a", _system(c))],)),
    "inst": _inst,
    "obj": _obj,
    "setstate_by_build": _armed,
    "append_by_build": _appending,
    "setstate_on_ordered_dict": _ordered,
    "after_text_that_is_not_ascii": _after_text_that_is_not_ascii,
    "after_hexadecimal": _after_hexadecimal,
    "before_damage": lambda c: [_system(c), Opcodes(b"\xff")],
}
"""Values that run a shell command when plain ``pickle.loads`` reads them; needs no library."""


def make_evil(kind: str, command: Command) -> bytes:
    """A torch file that runs a shell command when loaded; kinds are the keys of `EVIL`."""
    return make_torch(EVIL[kind](command))


def make_bomb(levels: int = 60, width: int = 2) -> bytes:
    """A pickle of a few hundred bytes whose value, spelled out, has width ** levels elements (shared tuples)."""
    body = text("x")
    for level in range(levels):
        put = b"r" + struct.pack("<I", level)
        body += put + b"0(" + (b"j" + struct.pack("<I", level)) * width + b"t"
    return b"\x80\x02" + body + b"."
