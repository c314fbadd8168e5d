"""The allow-list: which names a pickle may call, and our own pure functions that stand in for them.

Names come from files of torch 1.13 to 2.13, transformers 4.30 to 5.23, numpy 1 and 2, and from the training
arguments of TRL, Unsloth, ms-swift and axolotl. Nothing named here is ever imported.
"""

import re
from collections.abc import Callable, Mapping

from auditor.artifacts._pickle_values import (
    DtypeRef,
    EnumValue,
    GlobalRef,
    Instance,
    NumpyArrayRef,
    StorageRef,
    TensorRef,
)

Constructor = Callable[..., object]

STORAGES: Mapping[str, str] = {
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "UntypedStorage": "uint8",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
}
ITEMSIZE: Mapping[str, int] = {
    "float64": 8,
    "int64": 8,
    "complex64": 8,
    "complex128": 16,
    "float32": 4,
    "int32": 4,
    "float16": 2,
    "bfloat16": 2,
    "int16": 2,
    "int8": 1,
    "uint8": 1,
    "bool": 1,
}

_TORCH_WORDS = frozenset(
    {*ITEMSIZE, "float", "double", "half", "long", "int", "short", "strided", "float8_e4m3fn"}
)
_LIBRARIES = re.compile(
    r"^(transformers|trl|peft|accelerate|unsloth|unsloth_compiled_cache|swift|axolotl|llamafactory|llmtuner|"
    r"sentence_transformers|vllm|setfit|Unsloth\w*)(\.|$)"
)
_CLASS = re.compile(r"^[A-Z]\w*(\.[A-Z]\w*)*$")
_ENUMS = frozenset(
    {
        *(
            "HubStrategy",
            "IntervalStrategy",
            "SaveStrategy",
            "EvaluationStrategy",
            "SchedulerType",
            "OptimizerNames",
        ),
        *(
            "DebugOption",
            "FSDPOption",
            "ShardedDDPOption",
            "ParallelMode",
            "DistributedType",
            "PrecisionType",
        ),
        *(
            "DynamoBackend",
            "FDivergenceType",
            "RequestOutputKind",
            "SaveStrategy",
            "SageMakerDistributedType",
        ),
        *("MultiDatasetBatchSamplers", "BatchSamplers", "ComputeEnvironment", "RNGType", "ExplicitEnum"),
    }
)
_PLAIN_CLASSES = frozenset({"argparse.Namespace", "types.SimpleNamespace"})
DANGEROUS_MODULES = frozenset(
    {
        *(
            "builtins",
            "__builtin__",
            "os",
            "posix",
            "nt",
            "sys",
            "subprocess",
            "importlib",
            "runpy",
            "socket",
            "pty",
        ),
        *(
            "shutil",
            "ctypes",
            "pickle",
            "_pickle",
            "marshal",
            "code",
            "codeop",
            "webbrowser",
            "http",
            "urllib",
        ),
        *(
            "requests",
            "pip",
            "operator",
            "functools",
            "asyncio",
            "multiprocessing",
            "threading",
            "timeit",
            "pdb",
        ),
        *(
            "bdb",
            "cProfile",
            "profile",
            "tempfile",
            "pathlib._local",
            "types",
            "inspect",
            "gc",
            "atexit",
            "signal",
        ),
    }
)


def is_known(name: GlobalRef) -> bool:
    """Whether a name belongs to what training libraries write; says nothing of what is done with it."""
    dotted = name.dotted
    return (
        dotted in CONSTRUCTORS
        or dotted in _PLAIN_CLASSES
        or is_dtype(name)
        or is_storage(name)
        or dotted in ("builtins.getattr", "__builtin__.getattr", "numpy.ndarray", "builtins.object")
        or dotted in ("__builtin__.object", "torch.Tensor", "torch.nn.parameter.Parameter")
        or is_library_class(name)
    )


def is_library_class(name: GlobalRef) -> bool:
    """Whether a name is spelled like a class of a known training library (no function, no dotted detour)."""
    return bool(_LIBRARIES.match(name.module) and _CLASS.match(name.name))


def is_enum(name: GlobalRef) -> bool:
    """Whether a name is an enum that training arguments hold."""
    return is_library_class(name) and name.name.rpartition(".")[2] in _ENUMS


def is_plain_class(name: GlobalRef) -> bool:
    """Whether instances of a class are attribute holders and nothing else."""
    return is_library_class(name) or name.dotted in _PLAIN_CLASSES


def is_dtype(name: GlobalRef) -> bool:
    """``torch.float32`` and its kin."""
    return name.module == "torch" and name.name in _TORCH_WORDS


def is_storage(name: GlobalRef) -> bool:
    """``torch.FloatStorage``, also spelled ``torch.storage.UntypedStorage``."""
    return name.module in ("torch", "torch.storage", "torch.cuda") and name.name in STORAGES


def _tensor(
    storage: object,
    offset: object,
    shape: object,
    stride: object,
    requires_grad: object = False,
    *_: object,
) -> object:
    if not isinstance(storage, StorageRef):
        raise ValueError("a tensor without a storage")
    return TensorRef(
        storage.dtype,
        _sizes(shape),
        _sizes(stride),
        _size(offset),
        storage.key,
        storage.numel,
        requires_grad is True,
    )


def _typed_tensor(storage: object, offset: object, shape: object, stride: object, *rest: object) -> object:
    """``_rebuild_tensor_v3``: the dtype travels apart from an untyped storage."""
    tensor = _tensor(storage, offset, shape, stride)
    dtype = next((item.name for item in rest if isinstance(item, GlobalRef) and is_dtype(item)), None)
    if not isinstance(tensor, TensorRef) or dtype is None:
        raise ValueError("a tensor without a dtype")
    return TensorRef(
        dtype, tensor.shape, tensor.stride, tensor.storage_offset, tensor.storage_key, tensor.storage_numel
    )


def _size(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**62:
        raise ValueError("a size that is no size")
    return value


def _sizes(value: object) -> tuple[int, ...]:
    if not isinstance(value, tuple | list) or len(value) > 64:
        raise ValueError("a shape that is no shape")
    return tuple(_size(item) for item in value)


def _parameter(data: object, *_: object) -> object:
    return data


def _ordered(pairs: object = ()) -> object:
    if not isinstance(pairs, list | tuple | dict):
        raise ValueError("a mapping of something else")
    if isinstance(pairs, dict):
        return dict(pairs)
    found: dict[object, object] = {}
    for pair in pairs:
        if not isinstance(pair, list | tuple) or len(pair) != 2 or not isinstance(pair[0], str | int):
            raise ValueError("a mapping of something else than pairs")
        found[pair[0]] = pair[1]
    return found


def _default(_: object = None, pairs: object = ()) -> object:
    return _ordered(pairs)


def _collection(items: object = ()) -> object:
    if not isinstance(items, list | tuple):
        raise ValueError("a collection of something else")
    return list(items)


def _encode(text: object, encoding: object = "latin1") -> object:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1", "utf-8", "ascii"):
        raise ValueError("an encoding that arrays do not use")
    return text.encode(str(encoding))


def _bytes(*arguments: object) -> object:
    if not arguments:
        return b""
    if len(arguments) == 2:
        return _encode(*arguments)
    if isinstance(arguments[0], bytes | bytearray):
        return bytes(arguments[0])
    raise ValueError("bytes of something else")


def _device(kind: object, index: object = None) -> object:
    return str(kind) if index is None else f"{kind}:{index}"


def _shape(sizes: object = ()) -> object:
    return _sizes(sizes)


def _dtype(code: object, *_: object) -> object:
    return DtypeRef(str(code), "|" if str(code)[-1:] == "1" else "<")


def _array(*_: object) -> object:
    return NumpyArrayRef()


def _scalar(dtype: object, data: object = b"") -> object:
    if not isinstance(dtype, DtypeRef) or not isinstance(data, bytes):
        raise ValueError("a NumPy scalar of something else")
    return NumpyArrayRef(dtype.word, (), data)


def _from_buffer(data: object, dtype: object, shape: object, *_: object) -> object:
    if not isinstance(dtype, DtypeRef) or not isinstance(data, bytes | bytearray):
        raise ValueError("a NumPy array of something else")
    return NumpyArrayRef(dtype.word, _sizes(shape), bytes(data))


def _path(*parts: object) -> object:
    return "/".join(str(part) for part in parts).replace("//", "/")


def _named(name: str) -> Constructor:
    def build(*arguments: object) -> object:
        return Instance(name, {}, arguments)

    return build


def _both(modules: tuple[str, ...], entries: Mapping[str, Constructor]) -> dict[str, Constructor]:
    return {f"{module}.{name}": function for module in modules for name, function in entries.items()}


CONSTRUCTORS: Mapping[str, Constructor] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _typed_tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    "torch.device": _device,
    "torch.Size": _shape,
    "torch.serialization._get_layout": str,
    "collections.OrderedDict": _ordered,
    "collections.defaultdict": _default,
    "collections.Counter": _ordered,
    "collections.deque": _collection,
    "_codecs.encode": _encode,
    **_both(
        ("builtins", "__builtin__"),
        {
            "set": _collection,
            "frozenset": _collection,
            "list": _collection,
            "bytes": _bytes,
            "bytearray": _bytes,
        },
    ),
    **_both(
        ("builtins", "__builtin__"),
        {"dict": _ordered, "complex": _named("complex"), "range": _named("range")},
    ),
    **_both(
        ("numpy.core.multiarray", "numpy._core.multiarray"),
        {"_reconstruct": _array, "scalar": _scalar},
    ),
    **_both(("numpy.core.numeric", "numpy._core.numeric"), {"_frombuffer": _from_buffer}),
    "numpy.dtype": _dtype,
    **_both(("pathlib", "pathlib._local"), {"PosixPath": _path, "WindowsPath": _path, "Path": _path}),
    **_both(
        ("datetime",),
        {"datetime": _named("datetime"), "timedelta": _named("timedelta"), "date": _named("date")},
    ),
}


def member_by_name(arguments: tuple[object, ...]) -> EnumValue | None:
    """``getattr(SomeEnum, "NAME")`` as older Python pickles enums: the member, or None when it is another getattr."""
    if len(arguments) != 2:
        return None
    owner, name = arguments
    if isinstance(owner, GlobalRef) and is_enum(owner) and isinstance(name, str) and name.isidentifier():
        return EnumValue(owner.dotted, name.lower())
    return None
