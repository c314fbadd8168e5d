"""A pickle read as opcodes by a stack machine of our own: nothing is imported, nothing is called.

Opcodes and their meaning: CPython, Lib/pickletools.py and Lib/pickle.py (protocols 0 to 5).
"""

import pickletools
import warnings
from collections.abc import Callable, Mapping
from typing import BinaryIO

from auditor.artifacts._pickle_machine import Machine, Reading, append, pairs, set_items, storage
from auditor.artifacts._pickle_values import GlobalRef
from auditor.errors import CannotRead

OPCODE_LIMIT = 4_000_000
"""A 239 MB optimizer of 478 tensors has 44,318 opcodes; each opcode costs at most some hundred bytes here."""

_LITERALS = frozenset(
    {
        *(
            "INT",
            "BININT",
            "BININT1",
            "BININT2",
            "LONG",
            "LONG1",
            "LONG4",
            "FLOAT",
            "BINFLOAT",
            "STRING",
            "BINSTRING",
        ),
        *("SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "UNICODE", "SHORT_BINUNICODE"),
        *("BINUNICODE", "BINUNICODE8", "BYTEARRAY8"),
    }
)
_CONSTANTS: Mapping[str, object] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_IGNORED = frozenset({"FRAME", "READONLY_BUFFER"})

Handler = Callable[[Machine, object], None]


def read(stream: BinaryIO) -> Reading:
    """Read one pickle from a stream positioned at its start. Raises CannotRead naming the byte offset."""
    machine = Machine()
    position = 0
    try:
        # genops decodes protocol 0 strings with escapes that newer Pythons warn about.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for count, (opcode, argument, at) in enumerate(pickletools.genops(stream)):
                position = at or 0
                if count > OPCODE_LIMIT:
                    raise CannotRead(f"holds a pickle of more than {OPCODE_LIMIT:,} opcodes")
                _step(machine, opcode.name, argument, position)
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, EOFError) as error:
        raise CannotRead(f"is a damaged or truncated pickle (near byte {position})") from error
    except (MemoryError, RecursionError) as error:
        raise CannotRead("holds a pickle that claims more memory or depth than there is") from error
    machine.reading.end = position + 1
    return machine.reading


def _step(machine: Machine, name: str, argument: object, offset: int) -> None:
    machine.offset = offset
    if name in _LITERALS:
        machine.stack.append(bytes(argument) if isinstance(argument, bytearray) else argument)
    elif name in _CONSTANTS:
        machine.stack.append(_CONSTANTS[name])
    elif name not in _IGNORED:
        handler = HANDLERS.get(name)
        if handler is None:
            raise ValueError(f"opcode {name}")
        handler(machine, argument)


def _proto(m: Machine, argument: object) -> None:
    m.reading.protocol = argument if isinstance(argument, int) else 0


def _stop(m: Machine, _: object) -> None:
    m.reading.value = m.stack.pop()


def _mark(m: Machine, _: object) -> None:
    m.marks.append(m.stack)
    m.stack = []


def _pop(m: Machine, _: object) -> None:
    if m.stack:
        m.stack.pop()
    else:
        m.pop_mark()


def _pop_mark(m: Machine, _: object) -> None:
    m.pop_mark()


def _dup(m: Machine, _: object) -> None:
    m.stack.append(m.stack[-1])


def _tuple(m: Machine, _: object) -> None:
    items = m.pop_mark()
    m.stack.append(tuple(items))


def _tuple_of(count: int) -> Handler:
    def build(m: Machine, _: object) -> None:
        if len(m.stack) < count:
            raise ValueError("a tuple of what is not there")
        items = tuple(m.stack[-count:])
        del m.stack[-count:]
        m.stack.append(items)

    return build


def _list(m: Machine, _: object) -> None:
    items = m.pop_mark()
    m.stack.append(items)


def _dict(m: Machine, _: object) -> None:
    items = m.pop_mark()
    m.stack.append(pairs(items))


def _empty_list(m: Machine, _: object) -> None:
    m.stack.append([])


def _empty_dict(m: Machine, _: object) -> None:
    m.stack.append({})


def _append(m: Machine, _: object) -> None:
    item = m.stack.pop()
    append(m.stack[-1], [item])


def _appends(m: Machine, _: object) -> None:
    items = m.pop_mark()
    append(m.stack[-1], items)


def _set_item(m: Machine, _: object) -> None:
    value, key = m.stack.pop(), m.stack.pop()
    set_items(m.stack[-1], [key, value])


def _set_items(m: Machine, _: object) -> None:
    items = m.pop_mark()
    set_items(m.stack[-1], items)


def _put(m: Machine, argument: object) -> None:
    m.memo[int(str(argument))] = m.stack[-1]


def _memoize(m: Machine, _: object) -> None:
    m.memo[len(m.memo)] = m.stack[-1]


def _get(m: Machine, argument: object) -> None:
    m.stack.append(m.memo[int(str(argument))])


def _global(m: Machine, argument: object) -> None:
    module, _, name = str(argument).partition(" ")
    m.stack.append(m.name(module, name))


def _stack_global(m: Machine, _: object) -> None:
    name, module = m.stack.pop(), m.stack.pop()
    m.stack.append(m.name(module, name))


def _reduce(m: Machine, _: object) -> None:
    arguments, what = m.stack.pop(), m.stack.pop()
    m.stack.append(m.call(what, arguments))


def _build(m: Machine, _: object) -> None:
    state = m.stack.pop()
    m.build(m.stack[-1], state)


def _new(m: Machine, _: object) -> None:
    arguments, cls = m.stack.pop(), m.stack.pop()
    m.stack.append(m.instance(cls, arguments if isinstance(arguments, tuple) else (arguments,)))


def _new_ex(m: Machine, _: object) -> None:
    keywords = m.stack.pop()
    arguments, cls = m.stack.pop(), m.stack.pop()
    plain = arguments if isinstance(arguments, tuple) else (arguments,)
    m.stack.append(m.instance(cls, (*plain, keywords) if keywords else plain))


def _inst(m: Machine, argument: object) -> None:
    module, _, name = str(argument).partition(" ")
    items = m.pop_mark()
    m.stack.append(m.refuse(m.name(module, name), tuple(items)))


def _obj(m: Machine, _: object) -> None:
    items = m.pop_mark()
    what = items[0] if isinstance(items[0], GlobalRef) else None
    m.stack.append(m.refuse(what, tuple(items[1:])))


def _persistent(m: Machine, _: object) -> None:
    m.stack.append(storage(m, m.stack.pop()))


def _persistent_text(m: Machine, argument: object) -> None:
    m.stack.append(m.refuse("a persistent object named by text", argument))


def _extension(m: Machine, argument: object) -> None:
    m.stack.append(m.refuse("an object of the copyreg extension registry", argument))


def _buffer(m: Machine, _: object) -> None:
    m.stack.append(m.refuse("an out-of-band buffer", ()))


HANDLERS: Mapping[str, Handler] = {
    "PROTO": _proto,
    "STOP": _stop,
    "MARK": _mark,
    "POP": _pop,
    "POP_MARK": _pop_mark,
    "DUP": _dup,
    "TUPLE": _tuple,
    "TUPLE1": _tuple_of(1),
    "TUPLE2": _tuple_of(2),
    "TUPLE3": _tuple_of(3),
    "LIST": _list,
    "DICT": _dict,
    "EMPTY_LIST": _empty_list,
    "EMPTY_DICT": _empty_dict,
    "EMPTY_SET": _empty_list,
    "FROZENSET": _tuple,
    "APPEND": _append,
    "APPENDS": _appends,
    "ADDITEMS": _appends,
    "SETITEM": _set_item,
    "SETITEMS": _set_items,
    "PUT": _put,
    "BINPUT": _put,
    "LONG_BINPUT": _put,
    "MEMOIZE": _memoize,
    "GET": _get,
    "BINGET": _get,
    "LONG_BINGET": _get,
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "REDUCE": _reduce,
    "BUILD": _build,
    "NEWOBJ": _new,
    "NEWOBJ_EX": _new_ex,
    "INST": _inst,
    "OBJ": _obj,
    "BINPERSID": _persistent,
    "PERSID": _persistent_text,
    "EXT1": _extension,
    "EXT2": _extension,
    "EXT4": _extension,
    "NEXT_BUFFER": _buffer,
}
