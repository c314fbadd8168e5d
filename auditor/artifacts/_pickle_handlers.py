"""The long way of every opcode: what is done with its argument on a machine's stack, by the opcode's name.

Opcodes and their meaning: CPython, Lib/pickletools.py and Lib/pickle.py (protocols 0 to 5).
"""

from __future__ import annotations

from auditor.artifacts._pickle_machine import Machine, append
from auditor.artifacts._pickle_storages import storage
from auditor.artifacts._pickle_values import GlobalRef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Handler = Callable[[Machine, object], None]

LITERALS = frozenset(
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
CONSTANTS: Mapping[str, object] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}


def _proto(m: Machine, argument: object) -> None:
    m.reading.protocol = argument if isinstance(argument, int) else 0


def _nothing(_: Machine, __: object) -> None:
    pass


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
    made: dict[object, object] = {}
    m.set_items(made, items)
    m.stack.append(made)


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
    m.set_items(m.stack[-1], [key, value])


def _set_items(m: Machine, _: object) -> None:
    items = m.pop_mark()
    m.set_items(m.stack[-1], items)


def _put(m: Machine, argument: object) -> None:
    m.remember(_number(argument), m.stack[-1])


def _memoize(m: Machine, _: object) -> None:
    m.memoize(m.stack[-1])


def _get(m: Machine, argument: object) -> None:
    m.stack.append(m.recall(_number(argument)))


def _number(argument: object) -> int:
    if not isinstance(argument, int):
        raise TypeError("a memo without a number")
    return argument


def _named(m: Machine, argument: object) -> GlobalRef:
    if not isinstance(argument, tuple) or len(argument) != 2:
        raise TypeError("a global that has no name")
    return m.name(*argument)


def _global(m: Machine, argument: object) -> None:
    m.stack.append(_named(m, argument))


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
    keywords, arguments, cls = m.stack.pop(), m.stack.pop(), m.stack.pop()
    plain = arguments if isinstance(arguments, tuple) else (arguments,)
    m.budget.charge(plain)
    m.stack.append(m.instance(cls, (*plain, keywords) if keywords else plain))


def _inst(m: Machine, argument: object) -> None:
    items = m.pop_mark()
    m.stack.append(m.refuse(_named(m, argument), tuple(items)))


def _obj(m: Machine, _: object) -> None:
    items = m.pop_mark()
    m.stack.append(m.refuse(items[0], tuple(items[1:])))


def _persistent(m: Machine, _: object) -> None:
    m.stack.append(storage(m, m.stack.pop()))


def _persistent_text(m: Machine, argument: object) -> None:
    m.stack.append(m.refuse_object("a persistent object named by text", argument))


def _extension(m: Machine, argument: object) -> None:
    m.stack.append(m.refuse_object("an object of the copyreg extension registry", argument))


def _buffer(m: Machine, _: object) -> None:
    m.stack.append(m.refuse_object("an out-of-band buffer", ()))


HANDLERS: Mapping[str, Handler] = {
    "PROTO": _proto,
    "FRAME": _nothing,
    "READONLY_BUFFER": _nothing,
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
