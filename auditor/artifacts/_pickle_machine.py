"""What a pickle machine of ours keeps and how it answers calls: by stand-ins, or by a note of what was refused."""

from __future__ import annotations

import codecs

from auditor.artifacts import _pickle_names as names
from auditor.artifacts._pickle_budget import Budget
from auditor.artifacts._pickle_data import is_data_call
from auditor.artifacts._pickle_globals import CONSTRUCTORS, MAPPINGS, is_known, sizes_of
from auditor.artifacts._pickle_reading import Reading
from auditor.artifacts._pickle_values import (
    DtypeRef,
    EnumValue,
    GlobalRef,
    Instance,
    NotRead,
    NumpyArrayRef,
    Opaque,
    TensorRef,
    TooMuch,
    UnsafeCall,
    bounded,
    is_atom,
)

_CALL_LIMIT = 100
_NAME_LIMIT = 10_000
_NAME_LENGTH = 500
_HOOKS = ("__setstate__", "__class__", "__reduce__", "__reduce_ex__", "append", "extend", "add")
"""Attributes the unpickler itself looks up on an object and calls (Modules/_pickle.c: load_build, do_append,
load_additems): a BUILD that sets one arms the next opcode."""
_VALUES = frozenset({"data", "real", "imag"})
"""Attributes of a tensor whose setting changes its numbers."""
_ORDERS = ("<", ">", "|", "=")
_PLAIN_CALLS = (CONSTRUCTORS.keys() | MAPPINGS) - names.WITH_STATE - {names.FROM_TYPE}
"""Allowed names whose arguments hold no state that would be set."""


class Machine:
    """Stack, marks and memo of one pickle of ``size`` bytes."""

    __slots__ = ("_names", "budget", "marks", "memo", "offset", "reading", "sparse", "stack", "storages")

    def __init__(self, size: int) -> None:
        self.stack: list[object] = []
        self.marks: list[list[object]] = []
        self.memo: list[object] = []
        self.sparse: dict[int, object] = {}
        self.reading = Reading()
        self.offset = 0
        self._names: dict[tuple[str, str], GlobalRef] = {}
        self.storages = self.reading.storages
        """Dtype and length of each storage by its key (`auditor.artifacts._pickle_storages`)."""
        self.budget = Budget(size)

    def pop_mark(self) -> list[object]:
        """What was pushed since the last mark; the stack below it becomes current again."""
        items, self.stack = self.stack, self.marks.pop()
        return items

    def remember(self, index: int, value: object) -> None:
        """PUT: picklers number from 0 without gaps; a few gaps are taken, negative numbers are not."""
        if index in self.sparse:
            self.sparse[index] = value
        elif index == len(self.memo):
            self.memo.append(value)
        elif 0 <= index < len(self.memo):
            self.memo[index] = value
        elif 0 <= index < 2**32:
            self.budget.count_key()
            self.sparse[index] = value
        else:
            raise ValueError("a memo that is out of range")

    def recall(self, index: int) -> object:
        """GET. KeyError when nothing was remembered under the number."""
        if index in self.sparse:
            return self.sparse[index]
        if not 0 <= index < len(self.memo):
            raise KeyError(index)
        return self.memo[index]

    def memoize(self, value: object) -> None:
        """MEMOIZE: the next number is the count of what is remembered (load_memoize)."""
        self.remember(len(self.memo) + len(self.sparse), value)

    def name(self, module: object, attribute: object) -> GlobalRef:
        """A global, noted. ValueError when its parts are no text."""
        if not isinstance(module, str) or not isinstance(attribute, str):
            raise ValueError("a global that has no name")
        found = self._names.get((module, attribute))
        if found is None:
            if len(self._names) >= _NAME_LIMIT:
                raise TooMuch(f"holds a pickle that names more than {_NAME_LIMIT:,} globals")
            found = self._names[(module, attribute)] = GlobalRef(_shown(module), _shown(attribute))
            self.reading.globals[found.dotted] = None
            if not is_known(found):
                self.reading.unknown[found.dotted] = None
        return found

    def refuse(self, what: object, arguments: object) -> Opaque:
        """Note a call that loading would make and that we do not."""
        name = _callable(what)
        if len(self.reading.unsafe) < _CALL_LIMIT:
            self.reading.unsafe.append(UnsafeCall(name, bounded(arguments), self.offset))
        return Opaque(name)

    def refuse_object(self, what: str, arguments: object) -> Opaque:
        """Note an object that is made by no call of the pickle's own: pickle.load stops at it."""
        if len(self.reading.refused) < _CALL_LIMIT:
            self.reading.refused.append(UnsafeCall(what, bounded(arguments), self.offset))
        return Opaque(what)

    def call(self, what: object, arguments: object) -> object:
        """REDUCE: the stand-in's result for an allowed name, else an Opaque and a note."""
        if not isinstance(arguments, tuple):
            raise ValueError("arguments that are no tuple")
        if not isinstance(what, GlobalRef):
            return self.refuse(what, arguments)
        if what.dotted in _PLAIN_CALLS:
            return self._stand_in(what.dotted, arguments)
        if what.dotted in names.WITH_STATE and len(arguments) > 3:
            self._tensor_state(what, arguments[0], arguments[3])
        if what.dotted == names.FROM_TYPE and len(arguments) >= 3:
            what, arguments = arguments[0], arguments[2]
            if not isinstance(what, GlobalRef) or not isinstance(arguments, tuple):
                return self.refuse(what, arguments)
        if what.dotted in CONSTRUCTORS or what.dotted in MAPPINGS:
            return self._stand_in(what.dotted, arguments)
        return self._special(what, arguments)

    def _stand_in(self, dotted: str, arguments: tuple[object, ...]) -> object:
        """Our function's result; an Opaque, without a note, when the arguments are not those it stands in for."""
        self.budget.charge_call(arguments)
        if not arguments and dotted in MAPPINGS:
            return {}
        try:
            return self._mapping(arguments) if dotted in MAPPINGS else CONSTRUCTORS[dotted](*arguments)
        except (ValueError, TypeError, IndexError, OverflowError):
            return Opaque(dotted)

    def _special(self, what: GlobalRef, arguments: tuple[object, ...]) -> object:
        """Calls that are harmless only with certain arguments."""
        if what.dotted in names.GETATTR:
            return names.member_by_name(arguments) or self.refuse(what, arguments)
        if what.dotted in names.RECONSTRUCTORS:
            base = arguments[1] if len(arguments) == 3 else None
            plain = isinstance(base, GlobalRef) and base.dotted in names.PLAIN_BASES
            return self.instance(arguments[0], ()) if plain else self.refuse(what, arguments)
        if what.dotted in names.NEW_OBJECT and arguments:
            return self.instance(arguments[0], arguments[1:])
        return self._library_call(what, arguments)

    def _library_call(self, what: GlobalRef, arguments: tuple[object, ...]) -> object:
        """An enum by value, a record of plain values, or a refused call."""
        value = arguments[0] if len(arguments) == 1 else None
        if isinstance(value, str | int) and is_atom(value) and names.is_enum_like(what):
            if not names.is_enum(what):
                self.reading.unknown[what.dotted] = None
            return EnumValue(what.dotted, value)
        if names.is_enum(what) and isinstance(value, str | int) and is_atom(value):
            return EnumValue(what.dotted, value)
        if names.is_record(what) and not any(isinstance(a, GlobalRef | Opaque) for a in arguments[:100]):
            return Instance(what.dotted, {}, arguments)
        if what.dotted == "types.SimpleNamespace" and not arguments:
            return Instance(what.dotted)
        if is_data_call(what, arguments):
            return Instance(what.dotted, {}, arguments)
        return self.refuse(what, arguments)

    def instance(self, cls: object, arguments: tuple[object, ...]) -> object:
        """NEWOBJ and its kin: an attribute holder for any class, a note where ``__new__`` could do something."""
        if not isinstance(cls, GlobalRef):
            return self.refuse(cls, arguments)
        if cls.dotted in CONSTRUCTORS or cls.dotted in MAPPINGS:
            return self._stand_in(cls.dotted, arguments)
        if names.is_enum(cls):
            return self._library_call(cls, arguments)
        if not names.is_plain_class(cls) and names.is_dangerous(cls):
            return self.refuse(cls, arguments)
        return Instance(cls.dotted, {}, arguments)

    def build(self, target: object, state: object) -> None:
        """BUILD: attributes onto an instance; onto a name it would change a class or module for everyone."""
        self._hooks(target, state)
        if isinstance(target, Instance):
            self._set_state(target, state)
        elif isinstance(target, NumpyArrayRef) and isinstance(state, tuple):
            _fill_array(target, state)
        elif isinstance(target, DtypeRef) and isinstance(state, tuple) and len(state) > 1:
            target.order = state[1] if isinstance(state[1], str) and state[1] in _ORDERS else target.order
        elif isinstance(target, TensorRef):
            raise NotRead("sets a tensor anew after it was made, which no release of torch writes")
        elif isinstance(target, GlobalRef | EnumValue):
            name = target if isinstance(target, GlobalRef) else target.type_name
            self.refuse(name, ("attributes set by BUILD", state))

    def _tensor_state(self, what: GlobalRef, made: object, state: object) -> None:
        """Attributes that are set on a new tensor (torch 2.13.0, _utils.py, `_set_obj_state`).

        bitsandbytes' weights name their own data there (0.50.2, nn/modules.py, ``Params4bit.__getstate__``).
        """
        self._hooks(what, state)
        given = [part[key] for part in _dicts(state) for key in _VALUES if key in part]
        if any(not isinstance(value, TensorRef) or value != made for value in given):
            raise NotRead("gives a tensor other values after it was made, which no release of torch writes")

    def _hooks(self, target: object, state: object) -> None:
        for part in _dicts(state):
            for key in _HOOKS:
                value = part.get(key)
                if key in part and (key.startswith("__") or isinstance(value, GlobalRef | Opaque | Instance)):
                    self.refuse(f"{_owner(target)}.{key}", ("set by BUILD", value))

    def _set_state(self, target: Instance, state: object) -> None:
        for part in _dicts(state):
            self.budget.charge(part)
            target.state.update({key: value for key, value in part.items() if isinstance(key, str)})

    def _mapping(self, arguments: tuple[object, ...]) -> dict[object, object]:
        source = arguments[-1] if arguments else ()
        if isinstance(source, dict):
            return source
        made: dict[object, object] = {}
        for pair in source if isinstance(source, list | tuple) else ():
            if not isinstance(pair, list | tuple) or len(pair) != 2:
                raise ValueError("a mapping of something else than pairs")
            self.set_items(made, [*pair])
        return made

    def set_items(self, target: object, items: list[object]) -> None:
        """SETITEMS: keys and values by turns. ValueError when the target holds no items."""
        mapping = target.state if isinstance(target, Instance) else target
        if isinstance(mapping, dict):
            for at in range(0, len(items) - 1, 2):
                mapping[self.budget.key(items[at], len(mapping))] = items[at + 1]
        elif not isinstance(target, Opaque):
            raise ValueError("items set on something that holds none")


def _dicts(state: object) -> list[dict[object, object]]:
    """The attributes in a BUILD's state: one dict, or (dict, dict of slots)."""
    parts = state[:4] if isinstance(state, tuple) else (state,)
    return [part for part in parts if isinstance(part, dict)]


def _owner(target: object) -> str:
    if isinstance(target, Instance):
        return target.qualified_name
    return target.dotted if isinstance(target, GlobalRef) else type(target).__name__


def _callable(what: object) -> str:
    if isinstance(what, GlobalRef):
        return what.dotted
    if isinstance(what, Opaque):
        return f"the result of {what.callable.removeprefix('the result of ')}"
    return what if isinstance(what, str) else f"an object ({_owner(what)})"


def _shown(text: str) -> str:
    text = text if len(text) <= _NAME_LENGTH else text[:_NAME_LENGTH] + "…"
    return text if text.isprintable() else codecs.unicode_escape_encode(text)[0].decode()


def _fill_array(target: NumpyArrayRef, state: tuple[object, ...]) -> None:
    """(version, shape, dtype, is_fortran, data), numpy's ``ndarray.__setstate__``; object arrays stay empty."""
    if len(state) == 5 and isinstance(state[2], DtypeRef) and isinstance(state[4], bytes):
        target.shape = sizes_of(state[1])
        target.dtype = state[2].word
        target.data = state[4]


def append(target: object, items: list[object]) -> None:
    """APPENDS and ADDITEMS. ValueError when the target holds no items."""
    if isinstance(target, list):
        target.extend(items)
    elif isinstance(target, Instance):
        target.items.extend(items)
    elif not isinstance(target, Opaque):
        raise ValueError("items appended to something that holds none")
