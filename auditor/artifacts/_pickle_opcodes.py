"""A pickle read as opcodes by a stack machine of our own: nothing is imported, nothing is called.

Opcodes and their meaning: CPython, Lib/pickletools.py and Lib/pickle.py (protocols 0 to 5).
"""

from __future__ import annotations

import struct

from auditor.artifacts import _pickle_decode
from auditor.artifacts._pickle_direct import DIRECT
from auditor.artifacts._pickle_handlers import CONSTANTS, HANDLERS, LITERALS
from auditor.artifacts._pickle_machine import Machine
from auditor.artifacts._pickle_reading import Reading
from auditor.artifacts._pickle_values import NotRead, Opaque, TooMuch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from auditor.artifacts._pickle_direct import Direct

_LONGEST = 16
"""Bytes that no operation of a fixed length has, its argument included."""


def read(data: bytes, start: int = 0) -> Reading:
    """Read the pickle that begins at ``start``; never raises.

    A pickle that ends early or is damaged has executed what stands before the damage when a program loads it: what
    was noted up to there is in the result, ``damage`` says in words and byte offset why there is no value.
    """
    machine = Machine(len(data) - start)
    reading = machine.reading
    try:
        reading.end = _run(machine, data, start)
        reading.unsafe.extend(reading.refused)
        return reading
    except EOFError:
        reading.damage = f"ends in the middle of a pickle (byte {len(data)})"
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, struct.error):
        reading.damage, reading.is_damaged = f"is a damaged pickle (near byte {machine.offset})", True
    except (MemoryError, RecursionError):
        reading.damage = "holds a pickle that claims more memory or depth than there is"
        reading.is_stopped = True
    except NotRead as error:
        reading.damage, reading.is_stopped = str(error), True
    reading.value = Opaque("a damaged pickle")
    return reading


def _run(machine: Machine, data: bytes, at: int) -> int:
    """Carry out all operations up to and including STOP; the offset behind it. TooMuch after ``OPCODE_LIMIT``."""
    direct = _BY_OPCODE
    # So far from the end no operation of a fixed length is cut off.
    near_end = len(data) - _LONGEST
    try:
        for _ in range(_pickle_decode.OPCODE_LIMIT):
            after = direct[data[at]](machine, data, at) if at < near_end else carry_out(machine, data, at)
            if after < 0:
                return at + 1
            at = after
    finally:
        machine.offset = at
    raise TooMuch(f"holds a pickle of more than {_pickle_decode.OPCODE_LIMIT:,} opcodes")


def carry_out(machine: Machine, data: bytes, at: int) -> int:
    """Carry out the operation at an offset; the offset behind it, -1 for STOP."""
    machine.offset = at
    name, argument, after = _pickle_decode.operation(data, at)
    if name in LITERALS:
        machine.stack.append(argument)
    elif name in CONSTANTS:
        machine.stack.append(CONSTANTS[name])
    else:
        HANDLERS[name](machine, argument)
    return after if name != "STOP" else -1


_BY_OPCODE: tuple[Direct, ...] = tuple([DIRECT.get(byte, carry_out) for byte in range(256)])
"""The short way of each operation that makes up nearly all of a training's pickles, else `carry_out`."""
