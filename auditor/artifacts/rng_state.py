"""rng_state.pth: the random generators when a checkpoint was written, and the seed they began from.

torch's CPU generator state is a ByteTensor of 5,056 bytes: the legacy layout's first eight bytes are the initial seed
(ATen, CPUGeneratorImpl.cpp, CPUGeneratorImplStateLegacy: the_initial_seed, left, seeded, next, state[624], ...). A
CUDA state is 16 bytes: seed and offset (ATen/cuda/CUDAGeneratorImpl.cpp, get_state), both little endian.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from auditor.artifacts._pickle_values import NumpyArrayRef, TensorRef, is_atom
from auditor.artifacts._pickled import Pickled
from auditor.artifacts.pickle_archive import PickleArchive
from auditor.errors import CannotRead
from auditor.model import Fact, name_of

CPU_STATE_BYTES = 5056
_CUDA_STATE_BYTES = 16
_STATE_LIMIT = 64 * 1024
"""Largest generator state read, in bytes; torch's CPU state has 5,056, NumPy's 2,496."""
_DEVICES = 1024
_RANK = re.compile(r"^rng_state_(\d{1,6})\.pth$")
PythonState = tuple[int, tuple[int, ...], float | None]
_WORDS = 625


@dataclass(frozen=True, slots=True)
class RngState(Pickled):
    """One rng_state*.pth. ``rank`` is N of rng_state_N.pth; generator states are raw bytes.

    ``python`` is ``random.getstate()``: (version, 624 words and a position, next gaussian); ``numpy`` the MT19937 key
    bytes with position and cached gaussian appended as text. A state of another form is None.
    """

    patterns: ClassVar[tuple[str, ...]] = ("rng_state.pth", "rng_state_*.pth")
    path: str
    rank: int | None
    python: PythonState | None
    numpy: bytes | None
    cpu: bytes | None
    cuda: tuple[bytes, ...] = ()

    @classmethod
    def taken(cls, archive: PickleArchive) -> Self:
        """Read all generator states. Raises CannotRead when the file holds something else."""
        value = archive.value
        if not isinstance(value, dict) or not {"cpu", "python", "numpy"} & set(value):
            raise CannotRead("does not hold the states of random generators")
        found = _RANK.match(name_of(archive.path))
        cuda = value.get("cuda")
        states = cuda[:_DEVICES] if isinstance(cuda, list | tuple) else [cuda]
        return cls(
            archive.path,
            int(found.group(1)) if found else None,
            _python(value.get("python")),
            _numpy(value.get("numpy")),
            _bytes(archive, value.get("cpu")),
            tuple(state for item in states if (state := _bytes(archive, item)) is not None),
        )

    @property
    def cpu_seed(self) -> int | None:
        """The seed torch's CPU generator was started with, when its state has the known layout."""
        if self.cpu is None or len(self.cpu) != CPU_STATE_BYTES:
            return None
        return int.from_bytes(self.cpu[:8], "little")

    @property
    def cuda_seeds(self) -> tuple[int, ...]:
        """The seed of every CUDA generator."""
        return tuple(
            int.from_bytes(state[:8], "little") for state in self.cuda if len(state) == _CUDA_STATE_BYTES
        )

    def facts(self) -> Mapping[str, Fact]:
        """Each generator's state by digest, and the seeds."""
        return {
            "cpu": Fact(_digest(self.cpu)),
            "cpu seed": Fact(self.cpu_seed),
            "numpy": Fact(_digest(self.numpy)),
            "python": Fact(_digest(repr(self.python).encode()) if self.python else None),
            **{f"cuda[{i}]": Fact(_digest(state)) for i, state in enumerate(self.cuda)},
        }


def _digest(data: bytes | None) -> str | None:
    return hashlib.sha256(data).hexdigest()[:16] if data is not None else None


def _bytes(archive: PickleArchive, ref: object) -> bytes | None:
    if not isinstance(ref, TensorRef) or ref.dtype != "uint8" or not 0 < ref.numel <= _STATE_LIMIT:
        return None
    if ref.reach != ref.storage_offset + ref.numel:
        return None
    start, size = ref.storage_offset, ref.numel
    return archive.read_slices({ref.storage_key: (start, size)})[ref.storage_key]


def _python(value: object) -> PythonState | None:
    """``random.getstate()`` of version 3 (CPython, Lib/random.py)."""
    if not isinstance(value, tuple | list) or len(value) != 3:
        return None
    version, words, gauss = value
    if version != 3 or not isinstance(words, tuple | list) or len(words) != _WORDS:
        return None
    numbers = tuple(word for word in words if isinstance(word, int) and 0 <= word < 2**32)
    if len(numbers) != _WORDS or not (gauss is None or isinstance(gauss, float)):
        return None
    return 3, numbers, gauss


def _numpy(value: object) -> bytes | None:
    """``numpy.random.get_state()``: ("MT19937", keys, position, has_gauss, cached), or its dict form."""
    if isinstance(value, dict):
        inner = value.get("state")
        gauss = (value.get("has_gauss", 0), value.get("gauss", 0.0))
        value = ("MT19937", inner.get("key"), inner.get("pos"), *gauss) if isinstance(inner, dict) else None
    if not isinstance(value, tuple) or len(value) != 5 or not isinstance(value[1], NumpyArrayRef):
        return None
    numbers = tuple(item for item in value[2:] if isinstance(item, int | float) and is_atom(item))
    if len(numbers) != 3 or len(value[1].data) > _STATE_LIMIT:
        return None
    return value[1].data + str(numbers).encode()
