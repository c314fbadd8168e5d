"""Pickles made for tests. Nothing here is ever loaded; what a pickle would call is data."""

import io
import pickle
import zipfile
from collections.abc import Callable, Iterable
from typing import Any


class Calls:
    """Pickles as a call of ``function`` with ``arguments``."""

    def __init__(self, function: Callable[..., Any], *arguments: object) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[object, ...]]:
        return self.function, self.arguments


def archive(
    value: object, more: Iterable[tuple[str, bytes]] = (), compression: int = zipfile.ZIP_STORED
) -> bytes:
    """A file as torch.save lays it out: one folder, data.pkl, a version."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        file.writestr("archive/data.pkl", value if isinstance(value, bytes) else pickle.dumps(value, 2))
        file.writestr("archive/version", b"3\n")
        for name, data in more:
            file.writestr(name, data)
    return buffer.getvalue()


def training_args(**values: str) -> bytes:
    """A pickled transformers.TrainingArguments with these attributes, opcode by opcode (protocol 2)."""

    def text(word: str) -> bytes:
        return b"X" + len(word.encode()).to_bytes(4, "little") + word.encode()

    items = b"".join(text(key) + text(value) for key, value in values.items())
    name = b"ctransformers.training_args\nTrainingArguments\n"
    return archive(b"\x80\x02" + name + b")\x81}(" + items + b"ub.")
