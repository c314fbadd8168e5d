"""Whether an adapter begins with the first numbers after a seed: its first module alone, without NumPy.

Importing NumPy takes longer than all of a rerun's plan. The module that is drawn first decides whether training can
begin as the plan assumes; whatever this does not recognise is left to `prove_seed`.
"""

import math
import random
import struct
import sys
from array import array
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from operator import mul

from auditor.architectures._structure import Structure
from auditor.artifacts._opened import Opened
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare.initial._draws import Draws, draws
from auditor.compare.initial._order import likely_order
from auditor.compare.mersenne import WORDS, seeded
from auditor.errors import CannotRead

SAMPLE = 4096
_FURTHEST = 1 << 20
"""Words before the module's kept values, at most: they are made all at once."""
_CERTAIN = 60.0
"""Standard deviations squared and halved; by chance as much is seen less often than once in e^60 (Hoeffding)."""
_SHARE = 2.0**-24
_MODULES, _FEW, _LEAST = 512, 64, 8


def begins_with(
    weights: AdapterWeights, config: AdapterConfig, seed: int, structure: Structure | None = None
) -> bool:
    """Whether the module that PEFT comes to first holds or remembers the first numbers after ``seed``.

    True is a proof (the scalar product of `auditor.compare.initial._values.match`, of at most 4,096 elements); False
    says nothing. Nothing is raised.
    """
    found = draws(weights, config)
    if isinstance(found, str):
        return False
    first = likely_order(found, weights, structure)[0]
    if first.kind != "uniform" or first.before > _FURTHEST:
        return False
    try:
        stored = _values(weights, first)
    except CannotRead:
        return False
    square: float = sum(map(mul, stored, stored))
    if not math.isfinite(square) or not square:
        return False
    product: float = sum(map(mul, stored, _drawn(seed, first, len(stored))))
    z = product / math.sqrt(square) / first.deviation
    return z > 0 and z * z / 2 > _CERTAIN


def _drawn(seed: int, first: Draws, count: int) -> list[float]:
    """The first kept values of the first module after a seed, but for the rounding to float32."""
    return [first.scale * (2 * _SHARE * (word & 0xFFFFFF) - 1) for word in words(seed, first.before, count)]


def words(seed: int, start: int, count: int) -> Sequence[int]:
    """``count`` 32-bit words from the one at ``start`` after ``torch.manual_seed(seed)``.

    CPython's generator is the same one (Modules/_randommodule.c); only its own seeding differs. ``getrandbits`` puts
    the first word lowest.
    """
    source = random.Random()
    source.setstate((3, (*seeded(seed & 0xFFFFFFFF), WORDS), None))
    if start:
        source.getrandbits(32 * start)
    made = array("I")
    made.frombytes(source.getrandbits(32 * count).to_bytes(4 * count, sys.byteorder))
    return made if sys.byteorder == "little" else made[::-1]


def held_in(weights: AdapterWeights) -> list[str]:
    """For each float32 lora_A, in the order of the file, the shortest of BF16, F16, F32 that holds its first numbers.

    Of the first 512 modules and 64 numbers each; of those that are not zero. Raises CannotRead.
    """
    found: list[str] = []
    with weights.opened() as file:
        for pair in islice(weights.pairs().values(), _MODULES):
            if pair.a is not None and pair.a.dtype == "F32":
                values = _read(weights, pair.a.name, file, _FEW)
                if len(values) >= _LEAST and any(values):
                    found.append(next(dtype for dtype, holds in _HOLDS.items() if all(map(holds, values))))
        file.verify()
    return found


def _in_bfloat16(value: float) -> bool:
    return not int.from_bytes(struct.pack("<f", value)[:2], "little")


def _in_float16(value: float) -> bool:
    try:
        return bool(struct.unpack("<e", struct.pack("<e", value))[0] == value)
    except OverflowError:
        return False


_HOLDS: Mapping[str, Callable[[float], bool]] = {
    "BF16": _in_bfloat16,
    "F16": _in_float16,
    "F32": lambda _: True,
}


def _values(weights: AdapterWeights, first: Draws) -> Sequence[float]:
    """The first elements of the kept tensor; none where it is not stored in order or in another type.

    Raises CannotRead.
    """
    with weights.opened() as file:
        found = _read(weights, first.kept.name, file, SAMPLE)
        file.verify()
    return found


def _read(weights: AdapterWeights, name: str, file: Opened, most: int) -> Sequence[float]:
    region = weights.region(name, file)
    layout = {"F32": "f", "F16": "e", "BF16": "H"}.get(region.dtype)
    if layout is None or region.strides is not None:
        return ()
    count = min(most, region.elements)
    begin, size, _ = region.span(0, count)
    data = bytearray(size)
    if not file.fill(memoryview(data), begin):
        raise region.cut()
    order = "<" if region.little_endian else ">"
    made: tuple[float, ...] = struct.unpack(f"{order}{count}{layout}", data)
    if layout != "H":
        return made
    # bfloat16 is the upper half of a float32.
    return struct.unpack(f"{count}f", struct.pack(f"{count}I", *(int(half) << 16 for half in made)))
