"""What a pickle machine of ours keeps and how it answers calls: by stand-ins, or by a note of what was refused."""

from dataclasses import dataclass, field

from auditor.artifacts import _pickle_globals as known
from auditor.artifacts._pickle_values import (
    DtypeRef,
    EnumValue,
    GlobalRef,
    Instance,
    NumpyArrayRef,
    Opaque,
    StorageRef,
    UnsafeCall,
    bounded,
)

_CALL_LIMIT = 100


@dataclass(slots=True)
class Reading:
    """What one pickle holds."""

    value: object = None
    globals: dict[str, None] = field(default_factory=dict)
    unknown: dict[str, None] = field(default_factory=dict)
    unsafe: list[UnsafeCall] = field(default_factory=list)
    protocol: int = 0
    end: int = 0


class Machine:
    """Stack, marks and memo of one pickle."""

    def __init__(self) -> None:
        self.stack: list[object] = []
        self.marks: list[list[object]] = []
        self.memo: dict[int, object] = {}
        self.reading = Reading()
        self.offset = 0

    def pop_mark(self) -> list[object]:
        """What was pushed since the last mark; the stack below it becomes current again."""
        items, self.stack = self.stack, self.marks.pop()
        return items

    def name(self, module: object, attribute: object) -> GlobalRef:
        """A global, noted. ValueError when its parts are no text."""
        if not isinstance(module, str) or not isinstance(attribute, str):
            raise ValueError("a global that has no name")
        found = GlobalRef(module[:500], attribute[:500])
        self.reading.globals[found.dotted] = None
        if not known.is_known(found):
            self.reading.unknown[found.dotted] = None
        return found

    def refuse(self, what: object, arguments: object) -> Opaque:
        """Note a call that loading would make and that we do not."""
        name = what.dotted if isinstance(what, GlobalRef) else bounded(what)
        if len(self.reading.unsafe) < _CALL_LIMIT:
            self.reading.unsafe.append(UnsafeCall(name, bounded(arguments), self.offset))
        return Opaque(name)

    def call(self, what: object, arguments: object) -> object:
        """REDUCE: the stand-in's result for an allowed name, else an Opaque and a note."""
        if not isinstance(arguments, tuple):
            raise ValueError("arguments that are no tuple")
        if not isinstance(what, GlobalRef):
            return self.refuse(what, arguments)
        function = known.CONSTRUCTORS.get(what.dotted)
        if function is not None:
            return function(*arguments)
        if what.dotted in ("builtins.getattr", "__builtin__.getattr"):
            return known.member_by_name(arguments) or self.refuse(what, arguments)
        if what.dotted in ("copyreg._reconstructor", "copy_reg._reconstructor", "copyreg.__newobj__"):
            return self.instance(arguments[0], ())
        if what.dotted == "torch._tensor._rebuild_from_type_v2" and len(arguments) >= 3:
            return self.call(arguments[0], arguments[2])
        return self.library_call(what, arguments)

    def library_call(self, what: GlobalRef, arguments: tuple[object, ...]) -> object:
        """An enum by value, or a refused call."""
        plain = len(arguments) == 1 and isinstance(arguments[0], str | int)
        if plain and known.is_enum(what):
            return EnumValue(what.dotted, arguments[0])
        if plain and known.is_library_class(what):
            self.reading.unknown[what.dotted] = None
            return EnumValue(what.dotted, arguments[0])
        if what.dotted == "types.SimpleNamespace" and not arguments:
            return Instance(what.dotted)
        return self.refuse(what, arguments)

    def instance(self, cls: object, arguments: tuple[object, ...]) -> object:
        """NEWOBJ and its kin: an attribute holder for any class, a note where ``__new__`` could do something."""
        if not isinstance(cls, GlobalRef):
            return self.refuse(cls, arguments)
        if cls.dotted in known.CONSTRUCTORS:
            return known.CONSTRUCTORS[cls.dotted](*arguments)
        if known.is_enum(cls) and len(arguments) == 1:
            return EnumValue(cls.dotted, arguments[0])
        if not known.is_plain_class(cls) and cls.module.partition(".")[0] in known.DANGEROUS_MODULES:
            return self.refuse(cls, arguments)
        return Instance(cls.dotted, {}, arguments)

    def build(self, target: object, state: object) -> None:
        """BUILD: attributes onto an instance; onto a name it would change a class or module for everyone."""
        if isinstance(target, Instance):
            _set_state(target, state)
        elif isinstance(target, NumpyArrayRef) and isinstance(state, tuple):
            _fill_array(target, state)
        elif isinstance(target, DtypeRef) and isinstance(state, tuple) and len(state) > 1:
            target.order = str(state[1]) if state[1] in ("<", ">", "|", "=") else target.order
        elif isinstance(target, GlobalRef):
            self.refuse(target, ("attributes set by BUILD", state))


def _set_state(target: Instance, state: object) -> None:
    parts = state if isinstance(state, tuple) else (state,)
    for part in parts:
        if isinstance(part, dict):
            target.state.update(part)


def _fill_array(target: NumpyArrayRef, state: tuple[object, ...]) -> None:
    """(version, shape, dtype, is_fortran, data), numpy's ``ndarray.__setstate__``."""
    if len(state) != 5 or not isinstance(state[2], DtypeRef) or not isinstance(state[4], bytes):
        raise ValueError("an array state of another form")
    target.shape = (
        tuple(item for item in state[1] if isinstance(item, int)) if isinstance(state[1], tuple) else ()
    )
    target.dtype = state[2].word
    target.data = state[4]


def _key(value: object) -> object:
    """A dict key that is safe to hash: atoms as they are, the rest as bounded text."""
    if value is None or isinstance(value, str | bool | float | bytes):
        return value
    if isinstance(value, int):
        return value if value.bit_length() < 61 else bounded(value)
    if isinstance(value, tuple) and all(isinstance(item, str | bool) for item in value):
        return value
    if isinstance(value, EnumValue | GlobalRef):
        return str(value)
    return bounded(value)


def set_items(target: object, items: list[object]) -> None:
    mapping = target.state if isinstance(target, Instance) else target
    if not isinstance(mapping, dict):
        if isinstance(target, Opaque):
            return
        raise ValueError("items set on something that holds none")
    for at in range(0, len(items) - 1, 2):
        mapping[_key(items[at])] = items[at + 1]


def append(target: object, items: list[object]) -> None:
    if isinstance(target, list):
        target.extend(items)
    elif isinstance(target, Instance):
        target.arguments = (*target.arguments, *items)
    elif not isinstance(target, Opaque):
        raise ValueError("items appended to something that holds none")


def storage(machine: Machine, identity: object) -> object:
    """torch's persistent id: ("storage", type, key, location, numel[, view])."""
    if isinstance(identity, tuple) and len(identity) >= 5 and identity[0] == "storage":
        _, kind, key, location, numel = identity[:5]
        if isinstance(kind, GlobalRef) and known.is_storage(kind) and isinstance(numel, int) and numel >= 0:
            return StorageRef(known.STORAGES[kind.name], str(key), numel, str(location))
    return machine.refuse("a persistent object that is no tensor storage", identity)


def pairs(items: list[object]) -> dict[object, object]:
    made: dict[object, object] = {}
    set_items(made, items)
    return made
