"""Weights in a format that this program does not read: nothing is said about what is inside.

Checks of tensors, of their shapes and of code that runs on loading cover safetensors and torch's files only
(this program, auditor/artifacts). A file in another format is part of what a user downloads and loads, so
that a report without findings must not be read as a statement about it: an .h5 or .keras file may hold a
Lambda layer, which is Python bytecode (keras 3.0 and newer, src/layers/core/lambda_layer.py), an ONNX file
may name external data by a path.

Wrong when: never; it is a statement about this audit and not about the file.

Fix: check the file with a tool of its format, or publish safetensors.

Bad:
    export/model.gguf: = "GGUF"

Good:
    # as the trainer wrote it: safetensors and torch's files only
"""

from collections.abc import Iterator

from auditor.checks._wording import counted
from auditor.model import FileKind, Location, Problem, Severity, Skip, Snapshot, name_of

SEVERITY = Severity.NOTE

_FORMATS = {
    ".gguf": "GGUF",
    ".ggml": "GGML",
    ".onnx": "ONNX",
    ".onnx_data": "ONNX",
    ".ort": "ONNX Runtime",
    ".h5": "HDF5 (Keras)",
    ".hdf5": "HDF5 (Keras)",
    ".keras": "Keras",
    ".msgpack": "msgpack (Flax)",
    ".tflite": "TensorFlow Lite",
    ".pb": "TensorFlow's graph",
    ".mlmodel": "Core ML",
    ".engine": "TensorRT",
    ".nemo": "NeMo",
    ".distcp": "torch's distributed checkpoint",
    ".pdparams": "Paddle",
    ".pdopt": "Paddle",
    ".npz": "NumPy",
    ".npy": "NumPy",
    ".ot": "rust-bert",
    ".t7": "Lua Torch",
}
_CODE = {
    "HDF5 (Keras)": "a Lambda layer inside is Python bytecode",
    "Keras": "a Lambda layer inside is Python bytecode",
    "torch's distributed checkpoint": "its .metadata is a pickle",
    "Paddle": "it is a pickle",
    "NumPy": "numbers are not looked at; arrays of Python objects are the matter of numpy-file-holds-objects",
}


def check(snapshot: Snapshot) -> Iterator[Problem | Skip]:
    """By the ending of the name; one note for each format."""
    if not snapshot.files:
        yield Skip("the repository holds no file")
    groups: dict[str, list[str]] = {}
    for path, blob in snapshot.files.items():
        kind = _format(path)
        if kind is not None and blob.kind is FileKind.FILE:
            groups.setdefault(kind, []).append(path)
    for kind, paths in groups.items():
        yield Problem(
            f"{counted(len(paths), 'file')} in the format of {kind} {'is' if len(paths) == 1 else 'are'} not read",
            Location(paths[0]),
            observed=", ".join(paths[:5]),
            evidence=(_CODE[kind],) if kind in _CODE else (),
        )


def _format(path: str) -> str | None:
    name = name_of(path).lower()
    if ".data-0" in name or name.endswith(".ckpt.index"):
        return "TensorFlow's checkpoint"
    return _FORMATS.get("." + name.rpartition(".")[2]) if "." in name else None
