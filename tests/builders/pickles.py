"""Pickled files made by hand, opcode by opcode and without torch: honest ones and evil ones.

`make_training_args`, `make_optimizer`, `make_scheduler`, `make_rng` and `make_scaler` give the bytes of a file as the
Trainer leaves it; `make_torch` those of ``torch.save(value)``.
Values that run code when loaded are in `tests.builders.evil_pickles`.
"""

import io
import random
import struct
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

TRAINING_ARGUMENTS = "transformers.training_args.TrainingArguments"
DTYPES = {
    "float32": ("FloatStorage", "f"),
    "uint8": ("ByteStorage", "B"),
    "bfloat16": ("BFloat16Storage", "H"),
}
DTYPES |= {"float16": ("HalfStorage", "e"), "int64": ("LongStorage", "q"), "float64": ("DoubleStorage", "d")}
"""torch's storage class and struct's letter; bfloat16 elements are given as their upper sixteen bits."""


@dataclass(frozen=True)
class Global:
    """A name: ``Global("os", "system")``; ``stack`` writes it by STACK_GLOBAL, which takes dotted names."""

    module: str
    name: str
    stack: bool = False


@dataclass(frozen=True)
class Call:
    """``callable(*arguments)`` when the file is loaded (REDUCE), then BUILD when there is a state."""

    callable: object
    arguments: tuple[object, ...] = ()
    state: object = None


@dataclass(frozen=True)
class New:
    """An object of a class without calling it (NEWOBJ), with attributes (BUILD)."""

    cls: object
    state: object = None
    arguments: tuple[object, ...] = ()


@dataclass(frozen=True)
class Opcodes:
    """Bytes put into the pickle as they are; they must leave one value on the stack."""

    data: bytes


@dataclass(frozen=True)
class Tensor:
    """A tensor: elements of its storage, shape, and where in the storage it lies (in elements).

    Tensors of one ``key`` share a storage, whose elements they all give.
    """

    values: Sequence[float]
    shape: tuple[int, ...]
    dtype: str = "float32"
    stride: tuple[int, ...] | None = None
    offset: int = 0
    key: str | None = None

    def bytes(self, order: str = "<") -> bytes:
        return struct.pack(f"{order}{len(self.values)}{DTYPES[self.dtype][1]}", *self.values)


@dataclass
class Writer:
    """Turns values into protocol 2 opcodes; collects the storages of tensors."""

    order: str = "<"
    storages: dict[str, bytes] = field(default_factory=dict)

    def dumps(self, value: object) -> bytes:
        return b"\x80\x02" + self.encode(value) + b"."

    def encode(self, value: object) -> bytes:
        match value:
            case bool() | None:
                return {None: b"N", True: b"\x88", False: b"\x89"}[value]
            case int():
                return self._int(value)
            case float() | str() | bytes():
                return atom(value)
            case tuple() | list() | dict():
                return self._items(value)
        return self._object(value)

    def _items(self, value: object) -> bytes:
        match value:
            case tuple():
                return b"(" + b"".join(self.encode(item) for item in value) + b"t"
            case list():
                return b"](" + b"".join(self.encode(item) for item in value) + b"e"
            case dict():
                return b"}(" + b"".join(self.encode(k) + self.encode(v) for k, v in value.items()) + b"u"
        raise TypeError(type(value))

    def _int(self, value: int) -> bytes:
        if -(2**31) <= value < 2**31:
            return b"J" + struct.pack("<i", value)
        data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
        return b"\x8b" + struct.pack("<i", len(data)) + data

    def _object(self, value: object) -> bytes:
        match value:
            case Opcodes(data):
                return data
            case Global(module, name, stack):
                if stack:
                    return text(module) + text(name) + b"\x93"
                return b"c" + module.encode() + b"\n" + name.encode() + b"\n"
            case Call(callable_, arguments, state):
                return self.encode(callable_) + self.encode(arguments) + b"R" + self._build(state)
            case New(cls, state, arguments):
                return self.encode(cls) + self.encode(arguments) + b"\x81" + self._build(state)
            case Tensor():
                return self._tensor(value)
        raise TypeError(type(value))

    def _build(self, state: object) -> bytes:
        return b"" if state is None else self.encode(state) + b"b"

    def _tensor(self, tensor: Tensor) -> bytes:
        key = tensor.key or str(len(self.storages))
        self.storages[key] = tensor.bytes(self.order)
        kind = Global("torch", DTYPES[tensor.dtype][0])
        identity = self.encode(("storage", kind, key, "cpu", len(tensor.values))) + b"Q"
        stride = tensor.stride or contiguous(tensor.shape)
        hooks = Call(Global("collections", "OrderedDict"))
        arguments = (Opcodes(identity), tensor.offset, tensor.shape, stride, False, hooks)
        return self.encode(Call(Global("torch._utils", "_rebuild_tensor_v2"), arguments))


def atom(value: float | str | bytes) -> bytes:
    if isinstance(value, float):
        return b"G" + struct.pack(">d", value)
    return text(value) if isinstance(value, str) else b"B" + struct.pack("<I", len(value)) + value


def text(value: str) -> bytes:
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(prod(shape[at + 1 :]) for at in range(len(shape)))


def dumps(value: object) -> bytes:
    """A bare pickle."""
    return Writer().dumps(value)


def torch_zip(
    data: bytes,
    storages: Mapping[str, bytes] | None = None,
    prefix: str = "archive",
    byteorder: str = "little",
    more: Iterable[tuple[str, bytes]] = (),
    compression: int = zipfile.ZIP_STORED,
) -> bytes:
    """The container torch.save writes; ``more`` entries are added under their full names."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as archive:
        archive.writestr(f"{prefix}/data.pkl", data)
        archive.writestr(f"{prefix}/byteorder", byteorder)
        for key, content in (storages or {}).items():
            archive.writestr(f"{prefix}/data/{key}", content)
        archive.writestr(f"{prefix}/version", "3\n")
        for name, content in more:
            archive.writestr(name, content)
    return target.getvalue()


def make_torch(value: object, byteorder: str = "little") -> bytes:
    """``torch.save(value)`` with `Tensor` for tensors."""
    writer = Writer("<" if byteorder == "little" else ">")
    data = writer.dumps(value)
    return torch_zip(data, writer.storages, byteorder=byteorder)


def make_legacy(value: object, storage_keys: object = ()) -> bytes:
    """What torch wrote before 1.6: magic number, protocol, system info, the object, the storage keys; no tensors."""
    parts = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, value, storage_keys)
    return b"".join(dumps(part) for part in parts)


ENUMS = {
    "lr_scheduler_type": "transformers.trainer_utils.SchedulerType",
    "optim": "transformers.training_args.OptimizerNames",
    "save_strategy": "transformers.trainer_utils.SaveStrategy",
    "eval_strategy": "transformers.trainer_utils.IntervalStrategy",
    "logging_strategy": "transformers.trainer_utils.IntervalStrategy",
    "hub_strategy": "transformers.trainer_utils.HubStrategy",
}
"""Arguments that are enum members; a plain string given for them is pickled as the member of that value."""


def named(dotted: str) -> Global:
    module, _, name = dotted.rpartition(".")
    return Global(module, name)


def make_training_args(
    values: Mapping[str, object], cls: str = TRAINING_ARGUMENTS, processes: int = 1
) -> bytes:
    """A training_args.bin with these attributes, besides device and distributed_state as transformers keeps them."""
    members = {
        key: Call(named(ENUMS[key]), (value,)) if key in ENUMS and isinstance(value, str) else value
        for key, value in values.items()
    }
    kind = Call(named("accelerate.utils.dataclasses.DistributedType"), ("NO",))
    state = {"num_processes": processes, "process_index": 0, "distributed_type": kind, "backend": None}
    more = {
        "distributed_state": New(named("accelerate.state.PartialState"), state),
        "__cached__setup_devices": Call(Global("torch", "device"), ("cuda", 0)),
    }
    return make_torch(New(named(cls), {**members, **more}))


def make_optimizer(
    shapes: Sequence[tuple[int, ...]],
    step: float = 450.0,
    moments: Callable[[int, str], float] = lambda _index, _name: 0.0,
    group: Mapping[str, object] | None = None,
    steps_as_tensors: bool = True,
) -> bytes:
    """An AdamW optimizer.pt: one entry per shape, every element of a moment being ``moments(index, name)``."""

    def entry(index: int, shape: tuple[int, ...]) -> dict[object, object]:
        made: dict[object, object] = {"step": Tensor([step], ()) if steps_as_tensors else step}
        for name in ("exp_avg", "exp_avg_sq"):
            made[name] = Tensor([moments(index, name)] * prod(shape), shape)
        return made

    state = {index: entry(index, shape) for index, shape in enumerate(shapes)}
    settings = {"lr": 0.0002, "betas": (0.9, 0.999), "eps": 1e-08, "weight_decay": 0.01, **(group or {})}
    groups = [{**settings, "params": list(range(len(shapes)))}, {**settings, "params": []}]
    return make_torch({"state": state, "param_groups": groups})


def make_scheduler(
    last_epoch: int = 450, base_lr: float = 0.0002, last_lr: float = 0.0, groups: int = 2, **more: object
) -> bytes:
    """A LambdaLR's scheduler.pt."""
    state = {"base_lrs": [base_lr] * groups, "last_epoch": last_epoch, "_step_count": last_epoch + 1}
    return make_torch({**state, "_last_lr": [last_lr] * groups, "lr_lambdas": [{}] * groups, **more})


def make_scaler(scale: float = 65536.0, growth_tracker: int = 450, **more: object) -> bytes:
    """A GradScaler's scaler.pt."""
    state = {"scale": scale, "growth_factor": 2.0, "backoff_factor": 0.5, "growth_interval": 2000}
    return make_torch({**state, "_growth_tracker": growth_tracker, **more})


def cpu_state(seed: int) -> bytes:
    """torch's CPU generator after ``manual_seed(seed)``: CPUGeneratorImplStateLegacy and two fields, 5,056 bytes.

    The words are MT19937's initialization (Matsumoto, Nishimura 1998; ATen/core/MT19937RNGEngine.h).
    """
    words = [seed & 0xFFFFFFFF]
    for at in range(1, 624):
        words.append((1812433253 * (words[-1] ^ (words[-1] >> 30)) + at) & 0xFFFFFFFF)
    head = struct.pack("<Qiiq", seed, 1, 1, 0)
    return head + struct.pack("<624Q", *words) + bytes(5056 - len(head) - 624 * 8)


def numpy_array(data: bytes, code: str, shape: tuple[int, ...]) -> Call:
    """A NumPy array as protocol 2 pickles it."""
    dtype = Call(Global("numpy", "dtype"), (code, False, True), (3, "<", None, None, None, -1, -1, 0))
    raw = Call(Global("_codecs", "encode"), (data.decode("latin-1"), "latin1"))
    empty = (Global("numpy", "ndarray"), (0,), Call(Global("_codecs", "encode"), ("b", "latin1")))
    return Call(Global("numpy._core.multiarray", "_reconstruct"), empty, (1, shape, dtype, False, raw))


def make_rng(seed: int = 42, devices: int = 1) -> bytes:
    """An rng_state.pth right after ``set_seed(seed)``."""
    keys = numpy_array(struct.pack("<624I", *range(624)), "u4", (624,))
    state: dict[str, object] = {
        "python": random.Random(seed).getstate(),
        "numpy": ("MT19937", keys, 624, 0, 0.0),
    }
    cpu = cpu_state(seed)
    state["cpu"] = Tensor(cpu, (len(cpu),), "uint8")
    one = [Tensor(struct.pack("<QQ", seed, 0), (16,), "uint8") for _ in range(devices)]
    return make_torch({**state, "cuda": one[0]} if devices == 1 else {**state, "cuda": one})
