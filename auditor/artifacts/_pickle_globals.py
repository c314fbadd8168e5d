"""The allow-list: which names a pickle may call, and our own pure functions that stand in for them.

A stand-in raises ValueError or TypeError for arguments it was not made for; its result is then unknown. None of them
looks into nested values: a pickle can nest and share so that looking never ends.
"""

from __future__ import annotations

from auditor.artifacts._pickle_data import is_data_name
from auditor.artifacts._pickle_names import ITEMSIZE, is_dtype, is_named
from auditor.artifacts._pickle_values import (
    DtypeRef,
    GlobalRef,
    Instance,
    NumpyArrayRef,
    Opaque,
    OtherTensor,
    StorageRef,
    TensorRef,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Constructor = Callable[..., object]

_REFS = 10_000
_refs: dict[str, tuple[tuple[object, ...], TensorRef]] = {}
"""The last tensor of each storage key: states of one optimizer in a hundred checkpoints lie in the same places.

Keyed by text, whose hashes Python salts: sizes could be chosen to collide.
"""
_KEY = 40
"""Characters of a storage key that is remembered. torch counts from 0; a longer one would be kept for nothing."""
_PARTS = 5
"""Most parts of a sparse tensor: three tensors, its shape, whether its indices are coalesced."""
_ELEMENTS = 2**40
"""Most elements of a tensor that is listed and not read; the largest embeddings have some 2**31."""
_SIZES = 64
"""Most dimensions of a tensor (torch and NumPy both stop at 64)."""


def is_known(name: GlobalRef) -> bool:
    """Whether a name belongs to what training and data libraries write; says nothing of what is done with it."""
    return name.dotted in CONSTRUCTORS or name.dotted in MAPPINGS or is_named(name) or is_data_name(name)


def _tensor(
    storage: object,
    offset: object,
    shape: object,
    stride: object,
    requires_grad: object = False,
    _hooks: object = None,
    metadata: object = None,
    *_: object,
) -> TensorRef | Opaque:
    """``_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks, metadata)``.

    ``metadata`` are bits that turn the numbers round (torch 2.13.0, _utils.py, `set_tensor_metadata`): not read.
    """
    if metadata:
        return Opaque("torch._utils._rebuild_tensor_v2 with a negative or conjugate bit")
    if not isinstance(storage, StorageRef):
        raise ValueError("a tensor without a storage")
    sizes, strides = sizes_of(shape), sizes_of(stride)
    if len(sizes) != len(strides):
        raise ValueError("a tensor whose shape and stride differ in length")
    fields = storage.dtype, sizes, strides, _size(offset), storage.key, storage.numel, requires_grad is True
    known = _refs.get(storage.key)
    if known is not None and known[0] == fields:
        return known[1]
    made = TensorRef(*fields)
    if len(storage.key) <= _KEY:
        if len(_refs) >= _REFS:
            _refs.clear()
        _refs[storage.key] = fields, made
    return made


def _typed_tensor(
    storage: object,
    offset: object,
    shape: object,
    stride: object,
    grad: object,
    _: object,
    dtype: object,
    metadata: object = None,
    *more: object,
) -> TensorRef | Opaque:
    """``_rebuild_tensor_v3(storage, offset, size, stride, requires_grad, hooks, dtype)``: the storage counts bytes."""
    ref = _tensor(storage, offset, shape, stride, grad, None, metadata)
    if isinstance(ref, Opaque):
        return ref
    if not isinstance(dtype, GlobalRef) or not is_dtype(dtype):
        raise ValueError("a tensor without a dtype")
    numel = ref.storage_numel // ITEMSIZE.get(dtype.name, 1)
    return ref.replaced(dtype=dtype.name, storage_numel=numel)


def _size(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**62:
        raise ValueError("a size that is no size")
    return value


def sizes_of(value: object) -> tuple[int, ...]:
    """A shape or a stride. Raises ValueError when it is none."""
    if not isinstance(value, tuple | list) or len(value) > _SIZES:
        raise ValueError("a shape that is no shape")
    for item in value:
        if type(item) is not int or not 0 <= item < 2**62:
            raise ValueError("a size that is no size")
    return tuple(value)


def _parameter(data: object, *_: object) -> object:
    return data


def _collection(items: object = (), *_: object) -> object:
    if not isinstance(items, list | tuple):
        raise ValueError("a collection of something else")
    return list(items)


def _encode(text: object, encoding: object = "latin1") -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1", "utf-8", "ascii"):
        raise ValueError("an encoding that arrays do not use")
    return text.encode(str(encoding))


def _bytes(*arguments: object) -> bytes:
    if not arguments:
        return b""
    if len(arguments) == 2:
        return _encode(*arguments)
    if isinstance(arguments[0], bytes):
        return arguments[0]
    raise ValueError("bytes of something else")


def _device(kind: object, index: object = None) -> str:
    if not isinstance(kind, str) or len(kind) > 40 or not (index is None or isinstance(index, int)):
        raise ValueError("a device that is none")
    return kind if index is None else f"{kind}:{_size(index)}"


def _layout(name: object) -> str:
    if not isinstance(name, str) or len(name) > 40:
        raise ValueError("a layout that is none")
    return name


def _dtype(code: object, *_: object) -> DtypeRef:
    if not isinstance(code, str) or not 0 < len(code) <= 16:
        raise ValueError("a dtype that is none")
    return DtypeRef(code, "|" if code[-1:] == "1" and code[:1] != "U" else "<")


def _array(*_: object) -> NumpyArrayRef:
    return NumpyArrayRef()


def _scalar(dtype: object, data: object = b"") -> NumpyArrayRef:
    if not isinstance(dtype, DtypeRef) or not isinstance(data, bytes):
        raise ValueError("a NumPy scalar of something else")
    return NumpyArrayRef(dtype.word, (), data)


def _from_buffer(data: object, dtype: object, shape: object, *_: object) -> NumpyArrayRef:
    if not isinstance(dtype, DtypeRef) or not isinstance(data, bytes):
        raise ValueError("a NumPy array of something else")
    return NumpyArrayRef(dtype.word, sizes_of(shape), data)


def _path(*parts: object) -> str:
    texts = [part for part in parts if isinstance(part, str)]
    if len(texts) != len(parts):
        raise ValueError("a path of something else")
    return "/".join(texts).replace("//", "/")


def _named(name: str) -> Constructor:
    def build(*arguments: object) -> object:
        return Instance(name, {}, arguments)

    return build


def _unread(name: str) -> Constructor:
    """Constructors that are harmless to call and whose results nobody here needs."""

    def build(*_: object) -> object:
        return Opaque(name)

    return build


def _possible(shape: object) -> tuple[int, ...]:
    """A shape that no storage vouches for. Raises ValueError when no tensor has so many elements."""
    sizes, count = sizes_of(shape), 1
    for size in sizes:
        count *= size or 1
    if count > _ELEMENTS:
        raise ValueError("a shape that no tensor has")
    return sizes


def _quantized(storage: object, _: object, shape: object, *more: object) -> OtherTensor:
    """``_rebuild_qtensor(storage, offset, size, stride, quantizer_params, requires_grad, hooks)``."""
    if not isinstance(storage, StorageRef) or len(more) < 2:
        raise ValueError("a quantized tensor of something else")
    return OtherTensor("torch._utils._rebuild_qtensor", "quantized", storage.dtype, _possible(shape))


def _sparse(name: str) -> Constructor:
    def build(_: object, parts: object, *more: object) -> OtherTensor:
        """``(layout, (indices, values, size))``, two tensors of indices in layouts of rows or columns.

        Source: torch 2.13.0, _utils.py, `_rebuild_sparse_tensor`.
        """
        if not isinstance(parts, tuple) or len(parts) > _PARTS:
            raise ValueError("a sparse tensor of something else")
        refs = [part for part in parts if isinstance(part, TensorRef)]
        if len(refs) < 2 or len(parts) <= len(refs):
            raise ValueError("a sparse tensor without numbers or shape")
        return OtherTensor(name, "sparse", refs[-1].dtype, _possible(parts[len(refs)]))

    return build


def _both(modules: tuple[str, ...], entries: Mapping[str, Constructor]) -> dict[str, Constructor]:
    return {f"{module}.{name}": function for module in modules for name, function in entries.items()}


_BUILTINS: Mapping[str, Constructor] = {
    **dict.fromkeys(("set", "frozenset", "list", "tuple"), _collection),
    **dict.fromkeys(("bytes", "bytearray"), _bytes),
    **{name: _named(name) for name in ("complex", "range", "slice")},
}
_OTHER_TENSORS = tuple(
    f"torch._utils._rebuild_{kind}"
    for kind in (
        *("meta_tensor_no_storage", "nested_tensor", "wrapper_subclass"),
        *("device_tensor_from_numpy", "device_tensor_from_cpu_tensor"),
    )
)
"""Allowed by torch itself (2.13, _weights_only_unpickler.py, _tensor_rebuild_functions); never in a LoRA file."""
_SPARSE = ("torch._utils._rebuild_sparse_tensor", "torch._utils._rebuild_sparse_csr_tensor")

MAPPINGS = frozenset(
    {
        *("collections.OrderedDict", "collections.defaultdict", "collections.Counter"),
        *("builtins.dict", "__builtin__.dict"),
    }
)
"""Names whose call makes a mapping of its last argument."""
CONSTRUCTORS: Mapping[str, Constructor] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _typed_tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    **{name: _unread(name) for name in _OTHER_TENSORS},
    "torch._utils._rebuild_qtensor": _quantized,
    **{name: _sparse(name) for name in _SPARSE},
    "torch.device": _device,
    "torch.Size": sizes_of,
    "torch.serialization._get_layout": _layout,
    "collections.deque": _collection,
    "_codecs.encode": _encode,
    **_both(("builtins", "__builtin__"), _BUILTINS),
    **_both(("numpy.core.multiarray", "numpy._core.multiarray"), {"_reconstruct": _array, "scalar": _scalar}),
    **_both(("numpy.core.numeric", "numpy._core.numeric"), {"_frombuffer": _from_buffer}),
    "numpy.dtype": _dtype,
    **_both(
        ("pathlib", "pathlib._local"), dict.fromkeys(("PosixPath", "WindowsPath", "Path", "PurePath"), _path)
    ),
    **{f"datetime.{name}": _named(name) for name in ("datetime", "timedelta", "date")},
}
