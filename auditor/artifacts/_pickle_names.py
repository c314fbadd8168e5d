"""Which names a pickle may refer to, and what each is: a class of a training library, an enum, a dtype, a storage.

Names come from files of torch 1.13 to 2.13, transformers 4.30 to 5.23, numpy 1 and 2, and from the training
arguments of TRL, Unsloth, ms-swift and axolotl. Nothing named here is ever imported.
"""

from __future__ import annotations

from auditor.artifacts._pickle_values import EnumValue, GlobalRef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

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
    "QInt8Storage": "qint8",
    "QUInt8Storage": "quint8",
    "QInt32Storage": "qint32",
    "QUInt4x2Storage": "quint4x2",
    "QUInt2x4Storage": "quint2x4",
}
"""Quantized ones are known, so that a file is not called unsafe for them, and never read as numbers."""
ITEMSIZE: Mapping[str, int] = {
    **dict.fromkeys(("complex128",), 16),
    **dict.fromkeys(("float64", "int64", "uint64", "complex64"), 8),
    **dict.fromkeys(("float32", "int32", "uint32"), 4),
    **dict.fromkeys(("float16", "bfloat16", "int16", "uint16"), 2),
    **dict.fromkeys(("int8", "uint8", "bool"), 1),
    **dict.fromkeys(
        ("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"), 1
    ),
}
"""Bytes of an element, of the dtypes whose tensors are read."""

_TORCH_WORDS = frozenset(
    {
        *(
            *ITEMSIZE,
            "float",
            "double",
            "half",
            "long",
            "int",
            "short",
            "strided",
            "sparse_coo",
            "sparse_csr",
        ),
        *(
            "float8_e4m3fn",
            "float8_e5m2",
            "float8_e4m3fnuz",
            "float8_e5m2fnuz",
            "float8_e8m0fnu",
            "complex32",
        ),
        *("quint8", "qint8", "qint32", "per_tensor_affine", "per_channel_affine", "contiguous_format"),
    }
)
_LIBRARIES = (
    r"(transformers|trl|peft|accelerate|unsloth|unsloth_compiled_cache|swift|axolotl|llamafactory|llmtuner|"
    r"sentence_transformers|vllm|setfit|galore_torch|apollo_torch|Unsloth\w*)(\.|\Z)"
)
_CLASS = r"[A-Z]\w*(\.[A-Z]\w*)*\Z"
_MEMBER = r"[A-Z][A-Z0-9_]*\Z"
"""Patterns as texts: `re` is imported and compiles one when it is first asked for, which few files ever need."""
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
        *("DynamoBackend", "FDivergenceType", "RequestOutputKind", "SageMakerDistributedType"),
        *("MultiDatasetBatchSamplers", "BatchSamplers", "ComputeEnvironment", "RNGType", "ExplicitEnum"),
    }
)
_ENUM_LIKE = r"\w*(Strategy|Types?|Names|Option|Mode|Kind)\Z"
_VALUE_IS_NAME = frozenset(
    {"DistributedType", "SageMakerDistributedType", "DynamoBackend", "ComputeEnvironment"}
)
"""Enums of accelerate/utils/dataclasses.py whose values are spelled like their names; elsewhere they are lower case."""
_RECORDS = frozenset({"vllm.sampling_params.SamplingParams", "vllm.sampling_params.GuidedDecodingParams"})
"""msgspec structures: their pickles call the class with its fields, in order."""
_PLAIN_CLASSES = frozenset({"argparse.Namespace", "types.SimpleNamespace"})
PLAIN_BASES = frozenset(
    {f"{m}.{n}" for m in ("builtins", "__builtin__") for n in ("object", "dict", "list", "set")}
)
"""Bases that ``copyreg._reconstructor`` may make an object with: any other base's ``__init__`` would be called."""
RECONSTRUCTORS = frozenset({"copyreg._reconstructor", "copy_reg._reconstructor"})
NEW_OBJECT = frozenset({"copyreg.__newobj__", "copy_reg.__newobj__"})
GETATTR = frozenset({"builtins.getattr", "__builtin__.getattr"})
FROM_TYPE = "torch._tensor._rebuild_from_type_v2"
WITH_STATE = frozenset({FROM_TYPE, "torch._utils._rebuild_parameter_with_state"})
"""Calls whose fourth argument is a state that is set as attributes."""
_NAMED = frozenset(
    {
        *("numpy.ndarray", "torch.Tensor", "torch.nn.parameter.Parameter", FROM_TYPE),
        *(*PLAIN_BASES, *RECONSTRUCTORS, *NEW_OBJECT, *GETATTR, *_PLAIN_CLASSES),
    }
)
_DANGEROUS_MODULES = frozenset(
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
        *("bdb", "cProfile", "profile", "tempfile", "types", "inspect", "gc", "atexit", "signal", "commands"),
    }
)


def is_named(name: GlobalRef) -> bool:
    """Whether a name belongs to what training libraries write; says nothing of what is done with it."""
    return name.dotted in _NAMED or is_dtype(name) or is_storage(name) or is_library_class(name)


def is_library_class(name: GlobalRef) -> bool:
    """Whether a name is spelled like a class of a known training library (no function, no dotted detour)."""
    import re

    return bool(re.match(_LIBRARIES, name.module) and re.match(_CLASS, name.name))


def is_enum(name: GlobalRef) -> bool:
    """Whether a name is an enum that training arguments hold."""
    return is_library_class(name) and name.name.rpartition(".")[2] in _ENUMS


def is_enum_like(name: GlobalRef) -> bool:
    """Whether a name is spelled like an enum of a training library that is not in the list (yet)."""
    import re

    return is_library_class(name) and bool(re.match(_ENUM_LIKE, name.name))


def is_record(name: GlobalRef) -> bool:
    """Whether a class only keeps the arguments it is called with."""
    return name.dotted in _RECORDS


def is_plain_class(name: GlobalRef) -> bool:
    """Whether instances of a class are attribute holders and nothing else."""
    return is_library_class(name) or name.dotted in _PLAIN_CLASSES


def is_dangerous(name: GlobalRef) -> bool:
    """Whether a name lies in a module no training file makes objects of, not even without calling them."""
    return name.module.partition(".")[0] in _DANGEROUS_MODULES


def is_dtype(name: GlobalRef) -> bool:
    """``torch.float32`` and its kin."""
    return name.module == "torch" and name.name in _TORCH_WORDS


def is_storage(name: GlobalRef) -> bool:
    """``torch.FloatStorage``, also spelled ``torch.storage.UntypedStorage``."""
    return name.module in ("torch", "torch.storage", "torch.cuda") and name.name in STORAGES


def member_by_name(arguments: tuple[object, ...]) -> EnumValue | None:
    """``getattr(SomeEnum, "NAME")``, as Python 3.11 pickles enums: the member; None when it is another getattr.

    The name must be spelled like a constant: ``__class__`` or ``mro`` of an enum are no members.
    """
    import re

    if len(arguments) != 2:
        return None
    owner, name = arguments
    if isinstance(owner, GlobalRef) and is_enum(owner) and isinstance(name, str) and re.match(_MEMBER, name):
        upper = owner.name.rpartition(".")[2] in _VALUE_IS_NAME
        return EnumValue(owner.dotted, name if upper else name.lower())
    return None
